/** Live rows in, closed windows out: gathers what comes, counts it by panes, and keeps counts, and a sample of rows where one is wanted. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { MendlineError } from "../../errors.js";
import { eventMsMax, inlineTurnMsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { Batch, Field } from "../columns/column.js";
import { type HeldBatch, heldFromArena } from "../columns/held.js";
import type { Row } from "../columns/rows.js";
import type { Scope } from "../memory/arena.js";
import { countBatch } from "./compare-counts.js";
import { CountScratch } from "./count-scratch.js";
import type { FeatureCounter } from "./feature-counter.js";
import { GatheredNumbers } from "./gathered-numbers.js";
import { earlyPanesFor, stagedCapacity } from "./monitor-memory.js";
import type { PaneShare } from "./panes.js";
import type { Reservoir, ReservoirSettings } from "./reservoir.js";
import { ReservoirIntake } from "./reservoir-intake.js";
import { RowWindows } from "./row-windows.js";
import type { Segments } from "./segments.js";
import { StagedCategories } from "./staged-categories.js";
import type { CountedColumn, StagedColumn } from "./staged-column.js";
import { StagedNumbers } from "./staged-numbers.js";
import { StagedSegments } from "./staged-segments.js";
import { StagedTimes } from "./staged-times.js";
import { Staging } from "./staging.js";
import { TimeWindows } from "./time-windows.js";
import {
  type ClosedWindow,
  type FeatureCounts,
  noneSetAside,
  type SetAside,
  type WindowSettings,
  type WindowsState,
} from "./window.js";

/** What is counted of a column. */
export interface CountedFeature {
  readonly field: Field;
  readonly counter: FeatureCounter;
}

const label = "observed rows";

export interface WindowCounterOptions {
  readonly window: WindowSettings;
  readonly segments: Segments | null;
  /**
   * Told of windows in their order, when all rows of the moment are counted; may give more rows. Must not throw.
   */
  readonly onClosed: (windows: readonly ClosedWindow[]) => void;
  readonly reservoir?: ReservoirSettings | undefined;
}

export class WindowCounter {
  /** Columns that are looked at, as batches have to list them; a name may stand twice. */
  readonly columns: readonly string[];
  readonly #runtime: Runtime;
  readonly #counters: readonly FeatureCounter[];
  readonly #onClosed: WindowCounterOptions["onClosed"];
  readonly #windows: RowWindows | TimeWindows;
  readonly #scope: Scope;
  readonly #scratch: CountScratch;
  readonly #counted: readonly CountedColumn[];
  readonly #times: StagedTimes | null;
  readonly #segments: StagedSegments | null;
  readonly #staging: Staging;
  readonly #intake: ReservoirIntake | null;
  /** Shares of tables that the pool is counting. */
  #pending = 0;

  /** @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_MEMORY_EXHAUSTED */
  constructor(
    runtime: Runtime,
    features: readonly CountedFeature[],
    { window, segments, onClosed, reservoir }: WindowCounterOptions,
  ) {
    this.#runtime = runtime;
    this.#counters = features.map(({ counter }) => counter);
    this.#onClosed = onClosed;
    const { slotCounts } = this;
    const capacity = stagedCapacity(features.length, window, runtime.arena.maxBytes);
    const earlyPanes = earlyPanesFor(window, slotCounts, segments);
    this.#windows =
      window.kind === "rows"
        ? new RowWindows(window, slotCounts, segments !== null)
        : new TimeWindows(window, { capacity, earlyPanes, slotCounts, bySegment: segments !== null });
    this.#scratch = new CountScratch(runtime.arena);
    this.#scope = runtime.arena.scope();
    try {
      this.#counted = this.#stagedFeatures(features, capacity, window.kind === "time" || segments !== null);
    } catch (thrown) {
      this.#scope.close();
      throw thrown;
    }
    this.#times =
      window.kind === "rows" ? null : new StagedTimes(window.timeColumn, window.timeUnit, capacity);
    this.#segments = segments === null ? null : new StagedSegments(segments, capacity);
    const columns: StagedColumn[] = [...this.#counted];
    if (this.#times !== null) columns.push(this.#times);
    if (this.#segments !== null) columns.push(this.#segments.column);
    this.columns = columns.map(({ field }) => field.name);
    this.#staging = new Staging(columns, capacity, label);
    this.#intake = reservoir === undefined ? null : this.#openIntake(reservoir, features);
  }

  /** null: no rows are kept. */
  get reservoir(): Reservoir | null {
    return this.#intake?.reservoir ?? null;
  }

  get rowsObserved(): number {
    return this.#windows.rowsTaken + this.#staging.rowCount;
  }

  /** Length of each feature's counts. */
  get slotCounts(): number[] {
    return this.#counters.map((counter) => counter.slotCount);
  }

  /** Whether the pool is counting. */
  get isCounting(): boolean {
    return this.#pending > 0;
  }

  /** Rows that are in no window, since the beginning. */
  get setAside(): SetAside {
    return this.#windows instanceof TimeWindows ? this.#windows.setAside : noneSetAside;
  }

  /** Of all rows observed; null while some of them are not counted yet. */
  get state(): WindowsState | null {
    return this.#pending > 0 || this.#staging.rowCount > 0 ? null : this.#windows.state;
  }

  /** Goes on from a state of windows like these; before any row. */
  restore(state: WindowsState): void {
    const windows = this.#windows;
    if (windows instanceof RowWindows && state.kind === "rows") windows.restore(state);
    else if (windows instanceof TimeWindows && state.kind === "time") windows.restore(state);
    else throw new RangeError(`its windows are by ${state.kind}`);
  }

  /** @throws MendlineError MENDLINE_DATA_SCHEMA  it is not taken; MENDLINE_MEMORY_EXHAUSTED  `rowsObserved` tells whether it is */
  addRow(row: Row): void {
    this.#makeReady(null);
    this.#staging.addRow(row);
    this.#intake?.takeRow(row, this.#staging.rowCount - 1);
    this.#countIfDue(1);
  }

  /** @throws MendlineError MENDLINE_DATA_SCHEMA  none is taken; MENDLINE_MEMORY_EXHAUSTED  `rowsObserved` tells how many are */
  addRows(rows: readonly Row[]): void {
    const { capacity } = this.#staging;
    if (rows.length > capacity) this.#assertRowsFit(rows);
    for (let from = 0; from < rows.length; ) {
      // All or none, where the rows are not checked already.
      this.#makeReady(null, rows.length > capacity ? 1 : rows.length);
      const to = Math.min(rows.length, from + this.#staging.room);
      const staged = this.#staging.rowCount;
      this.#staging.addRows(rows, from, to);
      this.#intake?.takeRows(rows, from, to, staged);
      this.#countIfDue(to - from);
      from = to;
    }
  }

  /** As for rows. @param batch  of `columns` */
  addBatch(batch: HeldBatch): void {
    this.#staging.check(batch);
    for (let from = 0; from < batch.rowCount; ) from = this.#addSome(batch, from);
  }

  /** Takes a batch in the arena; where rows need not be told apart, it is counted by the pool. */
  async addTable(batch: Batch, signal: AbortSignal | undefined): Promise<void> {
    if (this.#windows instanceof RowWindows && this.#segments === null)
      return this.#countTable(this.#windows, batch, signal);
    const held = heldFromArena(batch, this.columns, this.#runtime.arena.memory, label);
    this.#staging.check(held);
    let turnBegan = performance.now();
    for (let from = 0; from < held.rowCount; ) {
      if (signal?.aborted)
        throw new MendlineError("MENDLINE_TASK_ABORTED", "the work was cancelled", { cause: signal.reason });
      from = this.#addSome(held, from);
      if (performance.now() - turnBegan < inlineTurnMsMax) continue;
      await nextTurn();
      turnBegan = performance.now();
    }
  }

  /** All or nothing: rows that could not be counted stay staged. @throws MendlineError MENDLINE_MEMORY_EXHAUSTED */
  countStaged(): void {
    const { rowCount } = this.#staging;
    if (rowCount === 0) return;
    for (const column of this.#counted) column.prepareCount();
    const closed: ClosedWindow[] = [];
    for (let from = 0; from < rowCount; ) from = this.#countSome(from, rowCount, closed);
    this.#staging.reset();
    this.#onClosed(closed);
  }

  /** Believes that no row of an earlier time will come any more. */
  advanceTo(ms: number): void {
    if (this.#windows instanceof RowWindows)
      throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "windows by rows have no time to advance to");
    if (!(Math.abs(ms) <= eventMsMax))
      throw new MendlineError("MENDLINE_ARGUMENT_INVALID", `${ms} is no time that a Date can hold`);
    this.countStaged();
    this.#windows.advanceTo(ms);
    const closed = this.#windows.close();
    this.#intake?.windowsClosed(closed, 0);
    this.#onClosed(closed);
  }

  close(): void {
    this.#scope.close();
    this.#scratch.close();
  }

  #stagedFeatures(
    features: readonly CountedFeature[],
    capacity: number,
    areRowsSorted: boolean,
  ): CountedColumn[] {
    const { arena } = this.#runtime;
    const scope = this.#scope;
    const gathered = areRowsSorted ? new GatheredNumbers(arena, scope, capacity) : null;
    const memory = { arena, scope, scratch: this.#scratch, gathered };
    return features.map(({ field, counter }) =>
      counter.kind === "numeric"
        ? new StagedNumbers(field, counter, memory, capacity)
        : new StagedCategories(field, counter, capacity),
    );
  }

  #openIntake(settings: ReservoirSettings, features: readonly CountedFeature[]): ReservoirIntake {
    const windows = this.#windows;
    return new ReservoirIntake(settings, {
      features,
      columns: this.columns,
      times: this.#times?.times ?? null,
      newestMs: () => (windows instanceof TimeWindows ? windows.newestMs : null),
      memory: this.#runtime.arena.memory,
    });
  }

  #makeReady(batch: HeldBatch | null, roomNeeded = 1): void {
    while (this.#staging.room < roomNeeded || !this.#staging.isReadyFor(batch)) this.countStaged();
  }

  /** As many of a batch's rows as there is room for; returns the first that is left. */
  #addSome(batch: HeldBatch, from: number): number {
    this.#makeReady(batch);
    const rowCount = Math.min(this.#staging.room, batch.rowCount - from);
    const staged = this.#staging.rowCount;
    this.#staging.addBatch(batch, from, rowCount);
    this.#intake?.takeBatch(batch, from, rowCount, staged);
    this.#countIfDue(rowCount);
    return from + rowCount;
  }

  /** @param added  rows that were staged last */
  #countIfDue(added: number): void {
    const { rowCount, room } = this.#staging;
    const windows = this.#windows;
    const isDue =
      windows instanceof RowWindows
        ? rowCount >= windows.paneRoom
        : windows.isDue(this.#times!.times, rowCount - added, rowCount);
    if (isDue || room === 0) this.countStaged();
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

  /** Counts staged rows from `from` on; returns the first that is left. */
  #countSome(from: number, to: number, closed: ClosedWindow[]): number {
    const windows = this.#windows;
    if (windows instanceof RowWindows) {
      const share = windows.take(from, to);
      this.#countShare(share);
      closed.push(...windows.counted(share));
      return from + share.rowCount;
    }
    const taken = windows.take(this.#times!.times, from, to);
    for (const share of taken.shares) this.#countShare(share);
    const over = windows.close();
    this.#intake?.windowsClosed(over, to - taken.to);
    closed.push(...over);
    return taken.to;
  }

  #countShare(share: PaneShare): void {
    const parts = this.#segments?.partsOf(share) ?? [{ ...share, segment: 0 }];
    for (const { segment, from, rowCount, rows } of parts) {
      const held = share.pane.segment(segment);
      held.rowCount += rowCount;
      this.#count(from, rowCount, rows, held.counts);
    }
  }

  #count(from: number, rowCount: number, rows: Int32Array | null, counts: FeatureCounts): void {
    const columns = this.#counted;
    for (let i = 0; i < columns.length; i++) {
      if (rows === null) columns[i]!.count(from, rowCount, counts[i]!);
      else columns[i]!.countRows(rows, counts[i]!);
    }
  }

  /** A pane at a time, so that a batch of many small panes takes the memory of one. */
  async #countTable(windows: RowWindows, batch: Batch, signal: AbortSignal | undefined): Promise<void> {
    for (let from = 0; from < batch.rowCount; ) {
      const share = windows.take(from, batch.rowCount);
      const { rowCount } = share;
      const held = share.pane.segment(0);
      this.#pending += 1;
      try {
        await countBatch(this.#runtime, this.#counters, batch, from, rowCount, held.counts, signal);
      } catch (thrown) {
        windows.giveBack(share);
        throw thrown;
      } finally {
        this.#pending -= 1;
      }
      held.rowCount += rowCount;
      this.#intake?.takeTable(batch, from, rowCount);
      this.#onClosed(windows.counted(share));
      from += rowCount;
    }
  }
}
