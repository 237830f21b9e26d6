/** Row objects that an application holds, as a source of columns. */
import { MendlineError } from "../../errors.js";
import { cellRowsAtOnce, columnsMax } from "../../limits.js";
import { Turns } from "../../scheduler/turns.js";
import type { Arena } from "../memory/arena.js";
import { BatchBuilder, batchRowsFor, type Cell } from "./batch-builder.js";
import type { Batch, DataSource, Field, ReadOptions } from "./column.js";
import { evidenceOfJson, fieldOf, jsonCellReader, sawFloat, sawInteger, sawNothing } from "./infer.js";
import { pickFields } from "./pick-fields.js";

/** One row: column name to value, own properties only. A missing key, undefined, null and NaN are missing. */
export type Row = Readonly<Record<string, Cell | undefined>>;

/**
 * Types are told from all rows, as for NDJSON; a bigint is an integer, one beyond 64 bits a float. The rows are read, not copied: they must not change while the source is in use.
 *
 * @throws MendlineError MENDLINE_DATA_LIMIT  too many columns; MENDLINE_DATA_SCHEMA  a row that is no object, or a
 * value that is no number, text or boolean
 */
export function rowsSource(rows: readonly Row[], label: string, arena: Arena): DataSource {
  const seen = new Map<string, number>();
  for (const [index, row] of rows.entries()) {
    assertRow(row, index, label);
    for (const [name, cell] of Object.entries(row)) {
      seen.set(name, (seen.get(name) ?? sawNothing) | evidenceOf(cell, name, index, label));
    }
    if (seen.size > columnsMax) {
      throw new MendlineError(
        "MENDLINE_DATA_LIMIT",
        `${label} has more than ${columnsMax} different columns`,
      );
    }
  }
  const fields = Array.from(seen, ([name, evidence]) => fieldOf(name, evidence));
  return {
    label,
    fields,
    rowCount: rows.length,
    read: (options = {}) => readRows(rows, pickFields(fields, options.columns, label), arena, options),
    close: async () => {},
  };
}

async function* readRows(
  rows: readonly Row[],
  wanted: readonly Field[],
  arena: Arena,
  { signal }: ReadOptions,
): AsyncGenerator<Batch> {
  const builder = new BatchBuilder(arena, wanted, batchRowsFor(arena, wanted, rows.length));
  const readers = wanted.map(jsonCellReader);
  const turns = new Turns();
  try {
    for (let from = 0; from < rows.length; from += builder.capacity) {
      if (signal?.aborted) throw new MendlineError("MENDLINE_TASK_ABORTED", "reading was cancelled");
      const rowCount = Math.min(builder.capacity, rows.length - from);
      builder.reset();
      for (let row = 0; row < rowCount; row++) {
        if (row % cellRowsAtOnce === 0 && turns.isOver) await turns.next();
        for (const [column, field] of wanted.entries()) {
          const cell = cellOf(rows[from + row]!, field.name);
          builder.set(column, row, typeof cell === "bigint" ? cell : readers[column]!(cell)!);
        }
      }
      yield builder.finish(rowCount);
    }
  } finally {
    builder.close();
  }
}

function evidenceOf(cell: Cell | undefined, name: string, index: number, label: string): number {
  if (cell === undefined || cell === null || Number.isNaN(cell)) return sawNothing;
  assertCell(cell, name, index, label);
  if (typeof cell === "bigint") return BigInt.asIntN(64, cell) === cell ? sawInteger : sawFloat;
  return evidenceOfJson(cell);
}

/** A row's value; null where it has none. What every object inherits, `constructor` for one, is no value. */
export function cellOf(row: Row, name: string): Cell {
  return Object.hasOwn(row, name) ? (row[name] ?? null) : null;
}

/** @throws MendlineError MENDLINE_DATA_SCHEMA */
export function assertRow(row: unknown, index: number, label: string): void {
  if (typeof row === "object" && row !== null && !Array.isArray(row)) return;
  const found = Array.isArray(row) ? "a list" : String(row).slice(0, 40);
  throw new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `${label}: row ${index} is ${found}: a row is an object of column names and values`,
  );
}

/** @throws MendlineError MENDLINE_DATA_SCHEMA */
export function assertCell(cell: unknown, name: string, index: number, label: string): void {
  if (cell === null || !["object", "function", "symbol"].includes(typeof cell)) return;
  throw new MendlineError(
    "MENDLINE_DATA_SCHEMA",
    `${label}: "${name}" of row ${index} is no number, text or boolean`,
    { details: { column: name, row: index } },
  );
}
