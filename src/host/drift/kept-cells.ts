/** The values of a row that a reservoir chose, whatever form it came in: as counting takes them, so that the forms cannot differ. */
import { reservoirTextLengthMax } from "../../limits.js";
import { numberText } from "../columns/as-text.js";
import type { Field } from "../columns/column.js";
import type { HeldBatch, HeldColumn } from "../columns/held.js";
import { textAt } from "../columns/held-arrow.js";
import { cellOf, type Row } from "../columns/rows.js";
import type { KeptCells, ReservoirColumn } from "./reservoir.js";
import { isPresent } from "./staged-column.js";
import { numberOf } from "./staged-numbers.js";

const shortF32 = numberText("float", "f32");

/** A column that is kept, and where it stands among those that are looked at. */
export interface KeptColumn extends ReservoirColumn {
  readonly field: Field;
  readonly index: number;
}

/** @returns null where a value cannot be shown to a person */
export function cellsOfRow(columns: readonly KeptColumn[], row: Row): KeptCells | null {
  return cellsOf(columns, (column) => cellOf(row, column.name));
}

/** @param row  of the batch, whose columns are all that are looked at */
export function cellsOfBatch(
  columns: readonly KeptColumn[],
  batch: HeldBatch,
  row: number,
): KeptCells | null {
  return cellsOf(columns, ({ kind, index }) => {
    const column = batch.columns[index]!;
    return isPresent(column, row) ? heldCell(column, row, kind) : null;
  });
}

function cellsOf(columns: readonly KeptColumn[], cellAt: (column: KeptColumn) => unknown): KeptCells | null {
  const cells: (number | string | null)[] = [];
  for (const column of columns) {
    const cell = kept(cellAt(column), column);
    if (cell === undefined) return null;
    cells.push(cell);
  }
  return cells;
}

function heldCell({ field, held }: HeldColumn, row: number, kind: ReservoirColumn["kind"]): unknown {
  switch (held.kind) {
    case "numbers": {
      const value = held.values[row]!;
      if (kind === "numeric" || Number.isNaN(value)) return value;
      return numberText(field.logical, held.type)(value);
    }
    case "codes":
      return held.names[held.codes[row]!] ?? null;
    case "texts":
      return textAt(held, row);
    default:
      return held.cells[row];
  }
}

/** Undefined: not to be kept. */
function kept(cell: unknown, { kind, field }: KeptColumn): number | string | null | undefined {
  if (kind === "categorical") {
    if (cell === null || cell === undefined || Number.isNaN(cell)) return null;
    const text = String(cell);
    return text.length <= reservoirTextLengthMax ? text : undefined;
  }
  const value = numberOf(cell);
  if (value === undefined || Math.abs(value) === Number.POSITIVE_INFINITY) return undefined;
  if (Number.isNaN(value)) return null;
  // What the model takes, in the fewest digits that stand for it: people read it.
  return field.type === "f32" ? Number(shortF32(Math.fround(value))) : value;
}
