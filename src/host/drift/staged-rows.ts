/** Live rows as an application holds them, gathered in the arena until there are enough to pay for counting them. */
import { MendlineError } from "../../errors.js";
import { BatchBuilder, type Cell } from "../columns/batch-builder.js";
import type { Batch, Field } from "../columns/column.js";
import { jsonCellReader } from "../columns/infer.js";
import { assertCell, assertRow, cellOf, type Row } from "../columns/rows.js";
import type { Arena } from "../memory/arena.js";
import type { FeatureCounter } from "./counter.js";
import type { FeatureProfile } from "./profile.js";

const label = "observed rows";

interface StagedFeature {
  readonly field: Field;
  /** What is staged for a cell; undefined where the feature cannot hold it. */
  readonly read: (cell: Cell) => Cell | undefined;
}

export class StagedRows {
  readonly #features: readonly StagedFeature[];
  readonly #builder: BatchBuilder;
  #rowCount = 0;

  /** @param capacity  rows that are gathered at most */
  constructor(
    arena: Arena,
    profiles: readonly FeatureProfile[],
    counters: readonly FeatureCounter[],
    capacity: number,
  ) {
    this.#features = counters.map((counter, index) => stagedFeature(counter, profiles[index]!));
    this.#builder = new BatchBuilder(
      arena,
      this.#features.map(({ field }) => field),
      capacity,
    );
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  get capacity(): number {
    return this.#builder.capacity;
  }

  /** @throws MendlineError MENDLINE_DATA_SCHEMA  a row, or a value in it, that the features cannot hold */
  check(rows: readonly Row[]): void {
    rows.forEach((row, index) => {
      assertRow(row, index, label);
      for (const { field, read } of this.#features) {
        const cell = cellOf(row, field.name);
        assertCell(cell, field.name, index, label);
        if (read(cell) === undefined) throw refusal(field, cell, index);
      }
    });
  }

  /** Adds a row that was checked. */
  add(row: Row): void {
    this.#features.forEach(({ field, read }, index) => {
      this.#builder.set(index, this.#rowCount, read(cellOf(row, field.name)) ?? null);
    });
    this.#rowCount += 1;
  }

  /** The rows gathered; valid until the next is added. */
  batch(): Batch {
    return this.#builder.finish(this.#rowCount);
  }

  /** Forgets the rows, and begins anew. */
  reset(): void {
    this.#rowCount = 0;
    this.#builder.reset();
  }

  close(): void {
    this.#builder.close();
  }
}

/** Rows come as JavaScript values: doubles, rounded to f32 where that is what the model was trained on and takes. */
function stagedFeature(counter: FeatureCounter, profile: FeatureProfile): StagedFeature {
  const { name } = counter;
  if (profile.kind === "categorical") {
    return { field: { name, logical: "text", type: null }, read: categoryReader(counter) };
  }
  const field: Field = { name, logical: profile.logical, type: profile.type === "f32" ? "f32" : "f64" };
  const readJson = jsonCellReader({ name, logical: "float", type: "f64" });
  const read = (cell: Cell) =>
    typeof cell === "boolean" || typeof cell === "bigint" ? Number(cell) : readJson(cell);
  return { field, read };
}

/** Names that no profile knows become one, so that a stream of identifiers cannot fill the memory. */
function categoryReader(counter: FeatureCounter): (cell: Cell) => Cell {
  let unseen = "unseen";
  while (counter.knows(unseen)) unseen += "?";
  return (cell) => {
    if (cell === null || Number.isNaN(cell)) return null;
    const name = String(cell);
    return counter.knows(name) ? name : unseen;
  };
}

function refusal(field: Field, cell: Cell, index: number): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `${label}: "${field.name}" of row ${index} is ${JSON.stringify(String(cell).slice(0, 40))}, a text, where the model was trained on numbers`,
    { details: { feature: field.name, row: index } },
  );
}
