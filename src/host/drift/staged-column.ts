/** One column of rows that are gathered before they are counted: see `Staging`. */
import { MendlineError } from "../../errors.js";
import type { Field } from "../columns/column.js";
import type { HeldColumn } from "../columns/held.js";

export interface StagedColumn {
  readonly field: Field;
  /** Stages the value of one row; false where the column cannot hold it. */
  set(row: number, cell: unknown): boolean;
  /** @throws MendlineError MENDLINE_DATA_SCHEMA, MENDLINE_DATA_MALFORMED  the column cannot hold what is held */
  check(column: HeldColumn, label: string): void;
  /** Whether values of a held column (null: of rows) can join what is staged, or have to wait until that is counted. */
  takes(column: HeldColumn | null): boolean;
  /** Makes ready for values of a held column (null: of rows); nothing may be staged. */
  prepareFor(column: HeldColumn | null): void;
  /** Stages rows [from, from + rowCount) of a held column that was checked, beginning at `row`. */
  append(row: number, column: HeldColumn, from: number, rowCount: number): void;
  /** Nothing is staged any more. */
  reset(): void;
}

/** A column of which a distribution is kept. */
export interface CountedColumn extends StagedColumn {
  /** Takes the memory that counting needs. @throws MendlineError MENDLINE_MEMORY_EXHAUSTED */
  prepareCount(): void;
  /** Adds staged rows [from, from + rowCount) to `counts`; `prepareCount` came before. */
  count(from: number, rowCount: number, counts: Float64Array): void;
  /** The same for the rows of a list. */
  countRows(rows: Int32Array, counts: Float64Array): void;
}

/** Whether a held column has a value in a row. */
export function isPresent({ validity, validityBitOffset }: HeldColumn, row: number): boolean {
  if (validity === null) return true;
  const bit = validityBitOffset + row;
  return ((validity[bit >>> 3]! >>> (bit & 7)) & 1) === 1;
}

/** @throws MendlineError MENDLINE_DATA_SCHEMA  a cell of a list that `accepts` refuses */
export function checkCells(
  name: string,
  column: HeldColumn,
  cells: readonly unknown[],
  accepts: (cell: unknown) => boolean,
  label: string,
): void {
  for (let row = 0; row < cells.length; row++) {
    if (isPresent(column, row) && !accepts(cells[row])) throw cellRefusal(label, name, cells[row], row);
  }
}

export function cellRefusal(label: string, name: string, cell: unknown, row: number): MendlineError {
  const what =
    typeof cell === "string"
      ? `is ${JSON.stringify(cell.slice(0, 40))}, a text, where the model was trained on numbers`
      : "is no number, text or boolean";
  return new MendlineError("MENDLINE_DATA_SCHEMA", `${label}: "${name}" of row ${row} ${what}`, {
    details: { feature: name, row },
  });
}
