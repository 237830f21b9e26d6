/**
 * Event time as the rows tell it, and which of them to believe. Nothing here looks at a real clock, so a clock that jumps, on this
 * machine or on one that sends rows, loses and doubles nothing.
 *
 *         panes that are closed      |  lateness  |          aheadMs           |
 *     ───────────────────────────────┼────────────┼────────────────────────────┼──────────────> event time
 *       late: in no window        horizon      newest     moves newest             early
 *
 * The newest time is the greatest that was believed. A row that lies no more than `aheadMs` beyond it is believed, and moves it. One
 * farther ahead, which a single wrong clock can send, is not: its row goes to its pane (as long as few such panes are open), but closes
 * none before it. Where all rows have moved on, after a gap, there comes nothing but such rows: after `aheadRows` of them, none farther
 * than `aheadMs` from the one before it and none on time between them, the newest of them is believed.
 *
 * The clock starts with the first `startRows` rows: at the smallest of their times, and from there in steps of at most `aheadMs`. So a
 * wrong clock in the first row does not make the others late.
 */
import type { TimeWindowSettings } from "./window.js";

export const startRows = 16;

/** Plain data: what a clock needs to go on. */
export interface ClockState {
  /** null: not started. */
  readonly newestMs: number | null;
  /** Times of the rows before the start. */
  readonly startMs: readonly number[];
  /** Early rows, one behind the other: how many, the last one's time, and the greatest. */
  readonly run: { readonly rows: number; readonly lastMs: number; readonly greatestMs: number };
}

type Settings = Pick<TimeWindowSettings, "allowedLatenessMs" | "aheadMs" | "aheadRows">;

const noRun = { rows: 0, lastMs: 0, greatestMs: Number.NEGATIVE_INFINITY };

export class EventClock {
  readonly #settings: Settings;
  #newestMs = Number.NEGATIVE_INFINITY;
  #startMs: number[] = [];
  #run = { ...noRun };

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  get isStarted(): boolean {
    return this.#newestMs !== Number.NEGATIVE_INFINITY;
  }

  /** -Infinity until the clock starts. */
  get newestMs(): number {
    return this.#newestMs;
  }

  /** No row before it is waited for; -Infinity until the clock starts. */
  get horizonMs(): number {
    return this.#newestMs - this.#settings.allowedLatenessMs;
  }

  /** Takes note of one row's time. */
  take(ms: number): void {
    if (!this.isStarted) {
      this.#startMs.push(ms);
      if (this.#startMs.length === startRows) this.#start();
      return;
    }
    const { aheadMs, aheadRows } = this.#settings;
    if (ms <= this.#newestMs + aheadMs) {
      // A late row says nothing about where the others are.
      if (ms >= this.horizonMs) this.#run = { ...noRun };
      if (ms > this.#newestMs) this.#newestMs = ms;
      return;
    }
    const run = this.#run;
    const goesOn = run.rows > 0 && Math.abs(ms - run.lastMs) <= aheadMs;
    run.rows = goesOn ? run.rows + 1 : 1;
    run.greatestMs = goesOn ? Math.max(run.greatestMs, ms) : ms;
    run.lastMs = ms;
    if (run.rows < aheadRows) return;
    this.#newestMs = run.greatestMs;
    this.#run = { ...noRun };
  }

  /** Believes that no row before `ms` will come any more. */
  advanceTo(ms: number): void {
    this.#newestMs = Math.max(this.#newestMs, ms + this.#settings.allowedLatenessMs);
    this.#startMs = [];
    this.#run = { ...noRun };
  }

  get state(): ClockState {
    return {
      newestMs: this.isStarted ? this.#newestMs : null,
      startMs: [...this.#startMs],
      run: this.#run.rows === 0 ? { rows: 0, lastMs: 0, greatestMs: 0 } : { ...this.#run },
    };
  }

  restore({ newestMs, startMs, run }: ClockState): void {
    this.#newestMs = newestMs ?? Number.NEGATIVE_INFINITY;
    this.#startMs = [...startMs];
    this.#run = run.rows === 0 ? { ...noRun } : { ...run };
  }

  #start(): void {
    const times = this.#startMs.sort((left, right) => left - right);
    let newestMs = times[0]!;
    for (const ms of times) if (ms <= newestMs + this.#settings.aheadMs) newestMs = ms;
    this.#newestMs = newestMs;
    this.#startMs = [];
  }
}
