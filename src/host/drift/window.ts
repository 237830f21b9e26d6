/**
 * Sliding windows by panes. A window of `rows` rows is cut into `panes` equal panes; each time a pane is full, the window over the
 * last `panes` panes closes. One pane makes it a tumbling window.
 *
 *     rows seen   |  pane 0  |  pane 1  |  pane 2  |  pane 3  |          panes: 3
 *     window 0    |-------------------------------|
 *     window 1               |--------------------------------|
 *
 * Which pane a row belongs to is decided by its position alone, when it is taken; counting may finish in any order. A window's
 * memory is its panes' counts, whatever the number of rows.
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
  /** Rows counted so far. */
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
    return this.paneRows - (this.#rowsTaken % this.paneRows);
  }

  /** Assigns the next `rowCount` rows to panes. Each share must be counted and then reported to `counted`. */
  take(rowCount: number): PaneShare[] {
    const shares: PaneShare[] = [];
    for (let from = 0; from < rowCount; ) {
      const share = Math.min(this.paneRoom, rowCount - from);
      shares.push({ pane: this.#openPane(), from, rowCount: share });
      this.#rowsTaken += share;
      from += share;
    }
    return shares;
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

  #openPane(): Pane {
    const number = Math.floor(this.#rowsTaken / this.paneRows);
    let pane = this.#panes.at(-1);
    if (pane === undefined || pane.number !== number) {
      pane = { number, counts: this.#slotCounts.map((slots) => new Float64Array(slots)), rowsCounted: 0 };
      this.#panes.push(pane);
    }
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
