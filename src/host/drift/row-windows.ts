/**
 * Windows by rows. Which pane a row belongs to is decided by its position alone, when it is taken; counting may finish in any order, and
 * may fail.
 */
import { Pane, type PaneShare, sumOfPanes } from "./panes.js";
import { type ClosedWindow, noneSetAside, type RowWindowSettings, type WindowsState } from "./window.js";

export class RowWindows {
  readonly paneCount: number;
  readonly paneRows: number;
  readonly #slotCounts: readonly number[];
  readonly #bySegment: boolean;
  /** Oldest first: the last `paneCount - 1` closed panes and those not yet full. */
  #panes: Pane[] = [];
  #rowsTaken = 0;
  #panesOpened = 0;
  #panesClosed = 0;

  /** @param slotCounts  length of each feature's counts */
  constructor({ rows, panes }: RowWindowSettings, slotCounts: readonly number[], bySegment = false) {
    this.paneCount = panes;
    this.paneRows = rows / panes;
    this.#slotCounts = slotCounts;
    this.#bySegment = bySegment;
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
   * Assigns rows [from, to) to the pane being filled, as many as have room there. The share must be counted and then given to `counted`,
   * or to `giveBack`.
   */
  take(from: number, to: number): PaneShare {
    const pane = this.#paneWithRoom() ?? this.#openPane();
    const rowCount = Math.min(this.paneRows - pane.rowsTaken, to - from);
    pane.rowsTaken += rowCount;
    this.#rowsTaken += rowCount;
    return { pane, from, rowCount, rows: null };
  }

  /** Takes a share back whose counting failed: later rows fill its place, so that no window waits for ever. */
  giveBack({ pane, rowCount }: PaneShare): void {
    pane.rowsTaken -= rowCount;
    this.#rowsTaken -= rowCount;
  }

  /** Told of a counted share; returns the windows that this closes, in order. */
  counted({ pane, rowCount }: PaneShare): ClosedWindow[] {
    pane.rowsCounted += rowCount;
    const closed: ClosedWindow[] = [];
    for (;;) {
      const next = this.#panes.find(({ number }) => number === this.#panesClosed);
      if (next === undefined || next.rowsCounted < this.paneRows) return closed;
      this.#panesClosed += 1;
      if (this.#panesClosed < this.paneCount) continue;
      closed.push(this.#close());
    }
  }

  /** Of panes none of whose rows wait to be counted. */
  get state(): WindowsState {
    return {
      kind: "rows",
      panes: this.#panes,
      rowsTaken: this.#rowsTaken,
      panesOpened: this.#panesOpened,
      panesClosed: this.#panesClosed,
    };
  }

  restore(state: WindowsState & { readonly kind: "rows" }): void {
    this.#panes = [...state.panes];
    this.#rowsTaken = state.rowsTaken;
    this.#panesOpened = state.panesOpened;
    this.#panesClosed = state.panesClosed;
  }

  #paneWithRoom(): Pane | undefined {
    return this.#panes.find((pane) => pane.rowsTaken < this.paneRows);
  }

  #openPane(): Pane {
    const pane = new Pane(this.#panesOpened, this.#slotCounts);
    this.#panesOpened += 1;
    this.#panes.push(pane);
    return pane;
  }

  #close(): ClosedWindow {
    const number = this.#panesClosed - this.paneCount;
    const held = this.#panes.filter((pane) => pane.number >= number && pane.number < this.#panesClosed);
    this.#panes = this.#panes.filter((pane) => pane.number > number);
    return {
      number,
      fromRow: number * this.paneRows,
      fromMs: null,
      toMs: null,
      ...sumOfPanes(held, this.#slotCounts, this.#bySegment),
      setAside: noneSetAside,
      emptyBefore: 0,
    };
  }
}
