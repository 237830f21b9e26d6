/** Live rows in, closed windows out: gathers what comes, counts it by panes, and keeps nothing but counts. */
import { stagedBytesMax, stagedRowsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { Batch, Field } from "../columns/column.js";
import type { HeldBatch } from "../columns/held.js";
import type { Row } from "../columns/rows.js";
import type { Scope } from "../memory/arena.js";
import { countBatch } from "./compare.js";
import { CountScratch, type FeatureCounter } from "./counter.js";
import { StagedCategories } from "./staged-categories.js";
import type { CountedColumn } from "./staged-column.js";
import { StagedNumbers } from "./staged-numbers.js";
import { Staging } from "./staging.js";
import { type ClosedWindow, SlidingWindow, type WindowOptions } from "./window.js";

/** What is counted of a column. */
export interface CountedFeature {
  readonly field: Field;
  readonly counter: FeatureCounter;
}

const label = "observed rows";

export class WindowCounter {
  readonly #runtime: Runtime;
  readonly #counters: readonly FeatureCounter[];
  readonly #onClosed: (windows: readonly ClosedWindow[]) => void;
  readonly #window: SlidingWindow;
  readonly #scope: Scope;
  readonly #scratch: CountScratch;
  readonly #columns: readonly CountedColumn[];
  readonly #staging: Staging;

  /**
   * @param onClosed  told of windows in their order, when all rows of the moment are counted; may give more rows. Must not throw
   * @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_MEMORY_EXHAUSTED
   */
  constructor(
    runtime: Runtime,
    features: readonly CountedFeature[],
    window: WindowOptions,
    onClosed: (windows: readonly ClosedWindow[]) => void,
  ) {
    this.#runtime = runtime;
    this.#counters = features.map(({ counter }) => counter);
    this.#onClosed = onClosed;
    this.#window = new SlidingWindow(
      window,
      this.#counters.map((counter) => counter.slotCount),
    );
    this.#scratch = new CountScratch(runtime.arena);
    const capacity = stagedCapacity(features.length, this.#window.paneRows, runtime.arena.maxBytes);
    this.#scope = runtime.arena.scope();
    try {
      const memory = { arena: runtime.arena, scope: this.#scope, scratch: this.#scratch };
      this.#columns = features.map(({ field, counter }) =>
        counter.kind === "numeric"
          ? new StagedNumbers(field, counter, memory, capacity)
          : new StagedCategories(field, counter, capacity),
      );
    } catch (thrown) {
      this.#scope.close();
      throw thrown;
    }
    this.#staging = new Staging(this.#columns, capacity, label);
  }

  get rowsObserved(): number {
    return this.#window.rowsTaken + this.#staging.rowCount;
  }

  /** @throws MendlineError MENDLINE_DATA_SCHEMA  it is not taken; MENDLINE_MEMORY_EXHAUSTED  `rowsObserved` tells whether it is */
  addRow(row: Row): void {
    this.#makeReady(null);
    this.#staging.addRow(row);
    this.#countIfDue();
  }

  /** @throws MendlineError MENDLINE_DATA_SCHEMA  none is taken; MENDLINE_MEMORY_EXHAUSTED  `rowsObserved` tells how many are */
  addRows(rows: readonly Row[]): void {
    const { capacity } = this.#staging;
    if (rows.length > capacity) this.#assertRowsFit(rows);
    for (let from = 0; from < rows.length; ) {
      // All or none, where the rows are not checked already.
      this.#makeReady(null, rows.length > capacity ? 1 : rows.length);
      const to = Math.min(rows.length, from + this.#staging.room);
      this.#staging.addRows(rows, from, to);
      from = to;
      this.#countIfDue();
    }
  }

  /** As for rows. */
  addBatch(batch: HeldBatch): void {
    this.#staging.check(batch);
    for (let from = 0; from < batch.rowCount; ) {
      this.#makeReady(batch);
      const rowCount = Math.min(this.#staging.room, batch.rowCount - from);
      this.#staging.addBatch(batch, from, rowCount);
      from += rowCount;
      this.#countIfDue();
    }
  }

  /** Counts a batch by the pool, a pane at a time, so that one of many small panes takes the memory of one. */
  async addTable(batch: Batch, signal: AbortSignal | undefined): Promise<void> {
    for (let from = 0; from < batch.rowCount; ) {
      const rowCount = Math.min(this.#window.paneRoom, batch.rowCount - from);
      const share = this.#window.take(rowCount)[0]!;
      try {
        await countBatch(this.#runtime, this.#counters, batch, from, rowCount, share.pane.counts, signal);
      } catch (thrown) {
        this.#window.giveBack(share);
        throw thrown;
      }
      this.#onClosed(this.#window.counted(share));
      from += rowCount;
    }
  }

  /** All or nothing: rows that could not be counted stay staged. @throws MendlineError MENDLINE_MEMORY_EXHAUSTED */
  countStaged(): void {
    const { rowCount } = this.#staging;
    if (rowCount === 0) return;
    for (const column of this.#columns) column.prepareCount();
    const shares = this.#window.take(rowCount);
    for (const { pane, from, rowCount: shareRows } of shares) {
      for (let i = 0; i < this.#columns.length; i++)
        this.#columns[i]!.count(from, shareRows, pane.counts[i]!);
    }
    this.#staging.reset();
    this.#onClosed(shares.flatMap((share) => this.#window.counted(share)));
  }

  close(): void {
    this.#scope.close();
    this.#scratch.close();
  }

  #makeReady(batch: HeldBatch | null, roomNeeded = 1): void {
    while (this.#staging.room < roomNeeded || !this.#staging.isReadyFor(batch)) this.countStaged();
  }

  #countIfDue(): void {
    const { rowCount, room } = this.#staging;
    if (room === 0 || rowCount >= this.#window.paneRoom) this.countStaged();
  }

  /** More rows than can be staged are staged, forgotten, and staged again: what is counted cannot be taken back. */
  #assertRowsFit(rows: readonly Row[]): void {
    const { capacity } = this.#staging;
    this.#makeReady(null, capacity);
    for (let from = 0; from < rows.length; from += capacity) {
      try {
        this.#staging.addRows(rows, from, Math.min(rows.length, from + capacity));
      } finally {
        this.#staging.reset();
      }
    }
  }
}

/** Never more than a pane, so that of many small panes only two at a time take memory. */
function stagedCapacity(columnCount: number, paneRows: number, arenaBytes: number): number {
  const bytes = Math.min(stagedBytesMax, arenaBytes / 8);
  const rows = Math.floor(bytes / (8 * columnCount));
  return Math.max(1, Math.min(stagedRowsMax, rows, paneRows));
}
