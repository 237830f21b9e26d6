/** When drift becomes an alarm: k of the last j windows, then a cool-down in which no further alarm is raised. */
import { MendlineError } from "../../errors.js";
import { panesMax } from "../../limits.js";
import type { Verdict } from "./report.js";

export interface TriggerOptions {
  /** Drifted windows needed; 2 by default. */
  readonly windowsNeeded?: number;
  /** Among so many last windows; 3 by default. */
  readonly windowsConsidered?: number;
  /** Windows after an alarm in which no other is raised; `windowsConsidered` by default. */
  readonly coolDownWindows?: number;
}

export class DriftTrigger {
  readonly #needed: number;
  readonly #considered: number;
  readonly #coolDown: number;
  #last: boolean[] = [];
  #coolDownLeft = 0;

  constructor({
    windowsNeeded = 2,
    windowsConsidered = 3,
    coolDownWindows = windowsConsidered,
  }: TriggerOptions = {}) {
    const fine =
      [windowsNeeded, windowsConsidered, coolDownWindows].every(Number.isInteger) &&
      windowsNeeded >= 1 &&
      windowsNeeded <= windowsConsidered &&
      windowsConsidered <= panesMax &&
      coolDownWindows >= 0;
    if (!fine) {
      throw new MendlineError(
        "MENDLINE_ARGUMENT_INVALID",
        `a trigger of ${windowsNeeded} of ${windowsConsidered} windows with a cool-down of ${coolDownWindows}: whole numbers, 1 <= needed <= considered <= ${panesMax}`,
      );
    }
    this.#needed = windowsNeeded;
    this.#considered = windowsConsidered;
    this.#coolDown = coolDownWindows;
  }

  /** Takes a window's verdict in order; returns whether it raises the alarm. `insufficient-data` counts as not drifted. */
  take(verdict: Verdict): boolean {
    this.#last = [...this.#last, verdict === "drift"].slice(-this.#considered);
    if (this.#coolDownLeft > 0) {
      this.#coolDownLeft -= 1;
      return false;
    }
    if (verdict !== "drift" || this.#last.filter(Boolean).length < this.#needed) return false;
    this.#coolDownLeft = this.#coolDown;
    return true;
  }
}
