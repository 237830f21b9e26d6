/**
 * Windows by event time. Rows go to the pane they belong to, in any order, until its time is over: then windows close in the order of
 * time. Windows without a row are passed over.
 *
 * Which rows are late, and which windows close, depends on the rows one after the other, and not on how they are cut up.
 */
import { EventClock } from "./event-clock.js";
import { Pane, PaneRows, type PaneShare, sumOfPanes } from "./panes.js";
import {
  type ClosedWindow,
  noneSetAside,
  type SetAside,
  type TimeWindowSettings,
  type WindowsState,
} from "./window.js";

export interface TakenRows {
  /** Rows by their panes; those that are in none are left out. */
  readonly shares: readonly PaneShare[];
  /** The first row that was not taken. */
  readonly to: number;
}

export interface TimeWindowsOptions {
  /** Rows that are taken at once, at most. */
  readonly capacity: number;
  /** Panes that are kept open ahead of time. */
  readonly earlyPanes: number;
  /** Length of each feature's counts. */
  readonly slotCounts: readonly number[];
  readonly bySegment: boolean;
}

export class TimeWindows {
  readonly paneCount: number;
  readonly paneMs: number;
  readonly #slotCounts: readonly number[];
  readonly #bySegment: boolean;
  readonly #earlyPanes: number;
  readonly #aheadMs: number;
  readonly #clock: EventClock;
  readonly #panes = new Map<number, Pane>();
  readonly #taken: PaneRows;
  #last: Pane | null = null;
  #rowsTaken = 0;
  #windowsClosed = 0;
  /** The pane that the next window ends with; null until a pane is over. */
  #nextEnd: number | null = null;
  #setAside = { ...noneSetAside };
  #setAsideInAll = { ...noneSetAside };
  /** Panes before it are over; it moves when the newest time comes to the second. */
  #horizon = Number.NEGATIVE_INFINITY;
  #horizonEndMs = Number.NEGATIVE_INFINITY;
  /** Event time that closes a window; null: to be found. */
  #dueMs: number | null = null;

  constructor(
    settings: TimeWindowSettings,
    { capacity, earlyPanes, slotCounts, bySegment }: TimeWindowsOptions,
  ) {
    this.paneCount = settings.panes;
    this.paneMs = settings.ms / settings.panes;
    this.#slotCounts = slotCounts;
    this.#bySegment = bySegment;
    this.#earlyPanes = earlyPanes;
    this.#aheadMs = settings.aheadMs;
    this.#clock = new EventClock(settings);
    this.#taken = new PaneRows(capacity);
  }

  /** All rows, those in no window too. */
  get rowsTaken(): number {
    return this.#rowsTaken;
  }

  /** Rows that are in no window, since the beginning. */
  get setAside(): SetAside {
    return { ...this.#setAsideInAll };
  }

  /** The event time that is reached; null until the clock has started. */
  get newestMs(): number | null {
    return this.#clock.isStarted ? this.#clock.newestMs : null;
  }

  /**
   * Assigns rows [from, to) to panes, up to the row after which a pane is over. The shares must be counted, and `close` called, before the
   * next are taken.
   *
   * @param times  whole milliseconds since 1970, NaN where a row has none
   */
  take(times: Float64Array, from: number, to: number): TakenRows {
    const horizon = this.#horizon;
    const taken = this.#taken;
    taken.begin(from);
    let row = from;
    while (row < to && this.#horizon === horizon) taken.add(this.#paneFor(times[row++]!));
    this.#rowsTaken += row - from;
    return { shares: taken.shares(), to: row };
  }

  /** Whether rows [from, to) may close a window, so that they should not wait to be counted. */
  isDue(times: Float64Array, from: number, to: number): boolean {
    if (this.#dueMs === null) this.#dueMs = this.#nextDueMs();
    const believedMs = this.#clock.newestMs + this.#aheadMs;
    for (let row = from; row < to; row++)
      if (times[row]! >= this.#dueMs && !(times[row]! > believedMs)) return true;
    return this.#dueMs === Number.NEGATIVE_INFINITY;
  }

  /** Closes the windows that are over, in order. */
  close(): ClosedWindow[] {
    const closed: ClosedWindow[] = [];
    const horizon = this.#horizon;
    this.#dueMs = null;
    // A pane that is over is the first for good: rows of earlier ones are late.
    const first = Math.min(...this.#panes.keys());
    if (this.#nextEnd === null && first < horizon) this.#nextEnd = first + this.paneCount - 1;
    if (this.#nextEnd === null) return closed;
    for (;;) {
      const end = this.#endWithRows(this.#nextEnd);
      if (end >= horizon) return closed;
      closed.push(this.#closeAt(end, end - this.#nextEnd));
      this.#nextEnd = end + 1;
    }
  }

  /** Believes that no row before `ms` will come any more. */
  advanceTo(ms: number): void {
    this.#clock.advanceTo(ms);
    this.#followClock();
  }

  get state(): WindowsState {
    return {
      kind: "time",
      panes: [...this.#panes.values()].sort((left, right) => left.number - right.number),
      rowsTaken: this.#rowsTaken,
      clock: this.#clock.state,
      windowsClosed: this.#windowsClosed,
      nextEnd: this.#nextEnd,
      setAside: { ...this.#setAside },
      setAsideInAll: { ...this.#setAsideInAll },
    };
  }

  restore(state: WindowsState & { readonly kind: "time" }): void {
    for (const pane of state.panes) this.#panes.set(pane.number, pane);
    this.#rowsTaken = state.rowsTaken;
    this.#clock.restore(state.clock);
    this.#followClock();
    this.#windowsClosed = state.windowsClosed;
    this.#nextEnd = state.nextEnd;
    this.#setAside = { ...state.setAside };
    this.#setAsideInAll = { ...state.setAsideInAll };
  }

  /** Looks for the horizon anew once time has come to the end of its pane. */
  #followClock(): void {
    const { newestMs, horizonMs } = this.#clock;
    if (newestMs < this.#horizonEndMs || !this.#clock.isStarted) return;
    this.#horizon = Math.floor(horizonMs / this.paneMs);
    this.#horizonEndMs = (this.#horizon + 1) * this.paneMs + newestMs - horizonMs;
  }

  /** The pane of one row; null where it is in none. */
  #paneFor(ms: number): Pane | null {
    if (Number.isNaN(ms)) return this.#leaveOut("untimedRows");
    const clock = this.#clock;
    clock.take(ms);
    this.#followClock();
    const last = this.#last;
    if (last !== null && ms >= last.number * this.paneMs && ms < (last.number + 1) * this.paneMs) {
      if (last.number >= this.#horizon) return last;
    }
    const number = Math.floor(ms / this.paneMs);
    if (number < this.#horizon) return this.#leaveOut("lateRows");
    let pane = this.#panes.get(number);
    if (pane === undefined) {
      const isAhead = number > Math.floor(clock.newestMs / this.paneMs);
      if (isAhead && this.#panesAhead() >= this.#earlyPanes) return this.#leaveOut("earlyRows");
      pane = new Pane(number, this.#slotCounts);
      this.#panes.set(number, pane);
    }
    this.#last = pane;
    return pane;
  }

  #leaveOut(why: "lateRows" | "earlyRows" | "untimedRows"): null {
    this.#setAside[why] += 1;
    this.#setAsideInAll[why] += 1;
    return null;
  }

  #panesAhead(): number {
    const newest = Math.floor(this.#clock.newestMs / this.paneMs);
    let count = 0;
    for (const number of this.#panes.keys()) if (number > newest) count += 1;
    return count;
  }

  /** Without a started clock, or an open pane, every row counts. */
  #nextDueMs(): number {
    if (!this.#clock.isStarted || this.#panes.size === 0) return Number.NEGATIVE_INFINITY;
    const end = this.#endWithRows(this.#nextEnd ?? Math.min(...this.#panes.keys()) + this.paneCount - 1);
    return (end + 1) * this.paneMs + this.#clock.newestMs - this.#clock.horizonMs;
  }

  /** The first pane from `end` on with which a window ends that has rows; Infinity where there is none. */
  #endWithRows(end: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const number of this.#panes.keys()) {
      if (number > end - this.paneCount) first = Math.min(first, Math.max(end, number));
    }
    return first;
  }

  #closeAt(end: number, emptyBefore: number): ClosedWindow {
    const begin = end - this.paneCount + 1;
    const held = [...this.#panes.values()]
      .filter(({ number }) => number >= begin && number <= end)
      .sort((left, right) => left.number - right.number);
    for (const number of this.#panes.keys()) if (number <= begin) this.#panes.delete(number);
    if (this.#last !== null && this.#last.number <= begin) this.#last = null;
    const setAside = this.#setAside;
    this.#setAside = { ...noneSetAside };
    return {
      number: this.#windowsClosed++,
      fromRow: null,
      fromMs: begin * this.paneMs,
      toMs: (end + 1) * this.paneMs,
      ...sumOfPanes(held, this.#slotCounts, this.#bySegment),
      setAside,
      emptyBefore,
    };
  }
}
