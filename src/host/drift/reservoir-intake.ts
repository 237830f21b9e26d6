/** Between what comes in and the reservoir: rows are looked at where they lie, and only chosen ones are taken hold of. */
import type { Batch } from "../columns/column.js";
import { type HeldBatch, heldFromArena } from "../columns/held.js";
import type { Row } from "../columns/rows.js";
import { cellsOfBatch, cellsOfRow, type KeptColumn } from "./kept-cells.js";
import { Reservoir, type ReservoirSettings } from "./reservoir.js";
import type { ClosedWindow } from "./window.js";
import type { CountedFeature } from "./window-counter.js";

export interface IntakeSources {
  readonly features: readonly CountedFeature[];
  /** Columns that are looked at, as batches list them. */
  readonly columns: readonly string[];
  /** Of each staged row; null where windows are by rows. */
  readonly times: Float64Array | null;
  /** The event time that is reached; null until there is one, and where windows are by rows. */
  readonly newestMs: () => number | null;
  readonly memory: WebAssembly.Memory;
}

export class ReservoirIntake {
  readonly reservoir: Reservoir;
  readonly #columns: readonly KeptColumn[];
  readonly #sources: IntakeSources;

  constructor(settings: ReservoirSettings, sources: IntakeSources) {
    const { features, columns, times, newestMs } = sources;
    this.#sources = sources;
    this.reservoir = new Reservoir(settings, () =>
      times === null ? Date.now() : (newestMs() ?? Number.NEGATIVE_INFINITY),
    );
    this.#columns = settings.columns.map((column) => {
      const { field } = features.find(({ field: { name } }) => name === column.name)!;
      return { ...column, field, index: columns.indexOf(column.name) };
    });
  }

  /** Takes rows [from, to), which are staged from `staged` on. */
  takeRows(rows: readonly Row[], from: number, to: number, staged: number): void {
    const count = to - from;
    for (const offset of this.reservoir.choose(count)) {
      const cells = cellsOfRow(this.#columns, rows[from + offset]!);
      this.reservoir.keep(offset, count, cells, this.#msOf(staged + offset));
    }
  }

  takeRow(row: Row, staged: number): void {
    if (this.reservoir.choose(1).length === 0) return;
    this.reservoir.keep(0, 1, cellsOfRow(this.#columns, row), this.#msOf(staged));
  }

  takeBatch(batch: HeldBatch, from: number, count: number, staged: number): void {
    for (const offset of this.reservoir.choose(count)) {
      const cells = cellsOfBatch(this.#columns, batch, from + offset);
      this.reservoir.keep(offset, count, cells, this.#msOf(staged + offset));
    }
  }

  /** Rows that are counted where they lie, in the arena. */
  takeTable(batch: Batch, from: number, count: number): void {
    const chosen = this.reservoir.choose(count);
    if (chosen.length === 0) return;
    const { columns, memory } = this.#sources;
    const held = heldFromArena(batch, columns, memory, "");
    const ms = this.reservoir.hasAges ? Date.now() : null;
    for (const offset of chosen)
      this.reservoir.keep(offset, count, cellsOfBatch(this.#columns, held, from + offset), ms);
  }

  /** @param ahead  rows taken that are not counted yet */
  windowsClosed(closed: readonly ClosedWindow[], ahead: number): void {
    const last = closed.at(-1);
    if (last !== undefined) this.reservoir.follow(last.rowCount, ahead);
  }

  #msOf(staged: number): number | null {
    if (!this.reservoir.hasAges) return null;
    const { times } = this.#sources;
    return times === null ? Date.now() : times[staged]!;
  }
}
