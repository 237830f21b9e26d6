/**
 * When drift becomes an alarm, and when the alarm is over.
 *
 *     quiet ── k of the last j windows drift ──> raised ── r windows behind each other are stable, by a lower level ──> quiet
 *                                                  └─ once more after each cool-down, as long as k of j windows drift
 *
 * So a distribution that swings about the threshold raises one alarm, not a dozen. `insufficient-data` is neither drift nor stable:
 * such windows raise nothing and clear nothing.
 */
import { MendlineError } from "../../errors.js";
import { panesMax } from "../../limits.js";
import type { Verdict } from "./report.js";
import type { DriftOptions } from "./rules.js";

export const triggerSources = ["inputs", "predictions", "either"] as const;
export type TriggerSource = (typeof triggerSources)[number];

export interface TriggerOptions {
  /** Drifted windows needed; 2 by default. */
  readonly windowsNeeded?: number;
  /** Among so many last windows; 3 by default. */
  readonly windowsConsidered?: number;
  /** Windows after an alarm in which no other is raised; `windowsConsidered` by default. */
  readonly coolDownWindows?: number;
  /** Stable windows behind each other that clear an alarm; `windowsConsidered` by default. */
  readonly clearWindows?: number;
  /** How those windows are judged, where more is asked of them than not to drift: `{ threshold: 0.1 }`, for one. */
  readonly clearBelow?: DriftOptions;
  /** Whose drift counts: of the inputs by default. */
  readonly of?: TriggerSource;
}

/** What a window did to the alarm. */
export interface AlarmChange {
  /** It raised the alarm, or raised it once more. */
  readonly alarm: boolean;
  /** It cleared the alarm. */
  readonly cleared: boolean;
  /** The number of the window that raised the alarm which stands after it; null where none stands. */
  readonly alarmSince: number | null;
}

/** Plain data: what a trigger needs to go on. */
export interface TriggerState {
  /** Whether each of the last windows drifted, oldest first. */
  readonly last: readonly boolean[];
  readonly coolDownLeft: number;
  readonly alarmSince: number | null;
  /** Stable windows since the last one that was not. */
  readonly stable: number;
}

export class DriftTrigger {
  readonly #needed: number;
  readonly #considered: number;
  readonly #coolDown: number;
  readonly #clear: number;
  #state: TriggerState = { last: [], coolDownLeft: 0, alarmSince: null, stable: 0 };

  /** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
  constructor({
    windowsNeeded = 2,
    windowsConsidered = 3,
    coolDownWindows = windowsConsidered,
    clearWindows = windowsConsidered,
    of = "inputs",
  }: TriggerOptions = {}) {
    const counts = [windowsNeeded, windowsConsidered, coolDownWindows, clearWindows];
    const fine =
      counts.every(Number.isSafeInteger) &&
      windowsNeeded >= 1 &&
      windowsNeeded <= windowsConsidered &&
      windowsConsidered <= panesMax &&
      coolDownWindows >= 0 &&
      clearWindows >= 1;
    if (!fine) {
      throw invalid(
        `a trigger of ${windowsNeeded} of ${windowsConsidered} windows with a cool-down of ${coolDownWindows}, cleared by ${clearWindows}: whole numbers, 1 <= needed <= considered <= ${panesMax}, 1 <= cleared by`,
      );
    }
    if (!triggerSources.includes(of))
      throw invalid(`a trigger of ${String(of)}: choose one of ${triggerSources.join(", ")}`);
    this.#needed = windowsNeeded;
    this.#considered = windowsConsidered;
    this.#coolDown = coolDownWindows;
    this.#clear = clearWindows;
  }

  /**
   * Takes windows in order.
   *
   * @param isStable  asked of a window that does not drift, while an alarm stands: whether it helps to clear it
   */
  take(window: number, verdict: Verdict, isStable: () => boolean = () => verdict === "stable"): AlarmChange {
    const { coolDownLeft, alarmSince } = this.#state;
    const drifts = verdict === "drift";
    const last = [...this.#state.last, drifts].slice(-this.#considered);
    const alarm = coolDownLeft === 0 && drifts && last.filter(Boolean).length >= this.#needed;
    const stable = this.#stableAfter(verdict, isStable);
    const cleared = alarmSince !== null && stable >= this.#clear;
    this.#state = {
      last,
      coolDownLeft: alarm ? this.#coolDown : Math.max(0, coolDownLeft - 1),
      alarmSince: cleared ? null : alarm ? (alarmSince ?? window) : alarmSince,
      stable: cleared ? 0 : stable,
    };
    return { alarm, cleared, alarmSince: this.#state.alarmSince };
  }

  get state(): TriggerState {
    return this.#state;
  }

  restore(state: TriggerState): void {
    this.#state = state;
  }

  #stableAfter(verdict: Verdict, isStable: () => boolean): number {
    const { alarmSince, stable } = this.#state;
    if (alarmSince === null || verdict === "drift") return 0;
    if (verdict === "insufficient-data") return stable;
    return isStable() ? stable + 1 : 0;
  }
}

/** One verdict of two reports: drift of one is enough, and so is one that has enough data to be stable. */
export function eitherVerdict(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes("drift")) return "drift";
  return verdicts.includes("stable") ? "stable" : "insufficient-data";
}

function invalid(what: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", what);
}
