/**
 * Sliding windows by panes. A window of `rows` rows is cut into `panes` equal panes; each time a pane is full, the window over the
 * last `panes` panes closes. One pane makes it a tumbling window.
 *
 *     rows seen   |  pane 0  |  pane 1  |  pane 2  |  pane 3  |          panes: 3
 *     window 0    |-------------------------------|
 *     window 1               |--------------------------------|
 *
 * Which pane a row belongs to is decided by its position alone, when it is taken; counting may finish in any order, and may fail. A
 * window's memory is its panes' counts, whatever the number of rows.
 */
import { MendlineError } from "../../errors.js";
import { panesMax, windowRowsMax } from "../../limits.js";

export interface WindowOptions {
  /** Rows of a window; a multiple of `panes`. */
  readonly rows: number;
  /** Panes of a window; 1 by default. */
  readonly panes?: number;
}

export interface Pane {
  readonly number: number;
  /** One array a feature, whole numbers. */
  readonly counts: readonly Float64Array[];
  /** Rows assigned so far, and those of them that are counted. */
  rowsTaken: number;
  rowsCounted: number;
}

/** Rows [from, from + rowCount) of what was offered belong to this pane. */
export interface PaneShare {
  readonly pane: Pane;
  readonly from: number;
  readonly rowCount: number;
}

export interface ClosedWindow {
  /** From 0. */
  readonly number: number;
  readonly fromRow: number;
  readonly rowCount: number;
  /** One array a feature; the caller's to keep. */
  readonly counts: readonly Float64Array[];
}

export class SlidingWindow {
  readonly rows: number;
  readonly paneCount: number;
  readonly paneRows: number;
  readonly #slotCounts: readonly number[];
  /** Oldest first: the last `paneCount - 1` closed panes and those not yet full. */
  #panes: Pane[] = [];
  #rowsTaken = 0;
  #panesOpened = 0;
  #panesClosed = 0;

  /** @param slotCounts  length of each feature's counts */
  constructor({ rows, panes = 1 }: WindowOptions, slotCounts: readonly number[]) {
    const isCount = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
    if (!isCount(rows, windowRowsMax) || !isCount(panes, panesMax) || rows % panes !== 0) {
      throw new MendlineError(
        "MENDLINE_ARGUMENT_INVALID",
        `a window of ${rows} rows in ${panes} panes: rows must be 1 to ${windowRowsMax}, panes 1 to ${panesMax}, and rows a multiple of panes`,
      );
    }
    this.rows = rows;
    this.paneCount = panes;
    this.paneRows = rows / panes;
    this.#slotCounts = slotCounts;
  }

  get rowsTaken(): number {
    return this.#rowsTaken;
  }

  /** Rows that the pane being filled can still take. */
  get paneRoom(): number {
    const pane = this.#paneWithRoom();
    return pane === undefined ? this.paneRows : this.paneRows - pane.rowsTaken;
  }

  /**
   * Assigns the next `rowCount` rows to panes. Each share must be counted and then reported to `counted`, or to `giveBack`. Every
   * pane takes its counts' memory here: take no more than `paneRoom` at a time where `rowCount` has no bound.
   */
  take(rowCount: number): PaneShare[] {
    const shares: PaneShare[] = [];
    for (let from = 0; from < rowCount; ) {
      const pane = this.#paneWithRoom() ?? this.#openPane();
      const share = Math.min(this.paneRows - pane.rowsTaken, rowCount - from);
      shares.push({ pane, from, rowCount: share });
      pane.rowsTaken += share;
      this.#rowsTaken += share;
      from += share;
    }
    return shares;
  }

  /** Takes a share back whose counting failed: later rows fill its place, so that no window waits for ever. */
  giveBack(share: PaneShare): void {
    share.pane.rowsTaken -= share.rowCount;
    this.#rowsTaken -= share.rowCount;
  }

  /** Reports a counted share; returns the windows that this closes, in order. */
  counted(share: PaneShare): ClosedWindow[] {
    share.pane.rowsCounted += share.rowCount;
    const closed: ClosedWindow[] = [];
    for (;;) {
      const next = this.#panes.find((pane) => pane.number === this.#panesClosed);
      if (next === undefined || next.rowsCounted < this.paneRows) return closed;
      this.#panesClosed += 1;
      if (this.#panesClosed < this.paneCount) continue;
      closed.push(this.#close());
    }
  }

  #paneWithRoom(): Pane | undefined {
    return this.#panes.find((pane) => pane.rowsTaken < this.paneRows);
  }

  #openPane(): Pane {
    const counts = this.#slotCounts.map((slots) => new Float64Array(slots));
    const pane = { number: this.#panesOpened, counts, rowsTaken: 0, rowsCounted: 0 };
    this.#panesOpened += 1;
    this.#panes.push(pane);
    return pane;
  }

  #close(): ClosedWindow {
    const firstPane = this.#panesClosed - this.paneCount;
    const panes = this.#panes.filter((pane) => pane.number >= firstPane && pane.number < this.#panesClosed);
    const counts = this.#slotCounts.map((slots, feature) => {
      const sum = new Float64Array(slots);
      for (const { counts: held } of panes) {
        for (let slot = 0; slot < slots; slot++) sum[slot]! += held[feature]![slot]!;
      }
      return sum;
    });
    this.#panes = this.#panes.filter((pane) => pane.number > firstPane);
    return { number: firstPane, fromRow: firstPane * this.paneRows, rowCount: this.rows, counts };
  }
}
