/** Tables for the drift tests: plain cells, as Arrow data cut into batches of any size. */
import {
  Bool,
  type DataType,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import type { DataSource } from "../../../src/host/columns/column.js";
import type { Runtime } from "../../../src/scheduler/runtime.js";
import { arrowBytes, type Form, rawVector, recordBatch } from "../columns/reading.js";

export type TableCell = number | bigint | string | boolean | null;

const makers = {
  f32: () => new Float32(),
  f64: () => new Float64(),
  i8: () => new Int8(),
  i16: () => new Int16(),
  i32: () => new Int32(),
  i64: () => new Int64(),
  u8: () => new Uint8(),
  u16: () => new Uint16(),
  u32: () => new Uint32(),
  u64: () => new Uint64(),
} satisfies Record<string, () => DataType>;

export type ColumnType = keyof typeof makers | "bool" | "text";

export interface TableColumn {
  readonly type: ColumnType;
  readonly cells: readonly TableCell[];
}

export type PlainTable = Readonly<Record<string, TableColumn>>;

export interface Cut {
  /** Rows of a record batch; all in one by default. */
  readonly batchRows?: number;
  readonly form?: Form;
}

function vectorOf({ type, cells }: TableColumn, from: number, to: number): Vector {
  const part = cells.slice(from, to);
  if (type === "text") return vectorFromArray(part as (string | null)[], new Utf8());
  if (type === "bool") return vectorFromArray(part as (boolean | null)[], new Bool());
  return rawVector(makers[type](), part as (number | bigint | null)[]);
}

export function tableBytes(table: PlainTable, { batchRows, form }: Cut = {}): Uint8Array {
  const rows = Math.max(...Object.values(table).map(({ cells }) => cells.length));
  const step = batchRows ?? Math.max(1, rows);
  const batches = [];
  for (let from = 0; from === 0 || from < rows; from += step) {
    const columns = Object.entries(table).map(
      ([name, column]) => [name, vectorOf(column, from, from + step)] as const,
    );
    batches.push(recordBatch(columns));
  }
  return arrowBytes(batches, form ?? "stream");
}

export function openTable(
  runtime: Runtime,
  table: PlainTable,
  cut: Cut = {},
  label = "table",
): Promise<DataSource> {
  return arrowSource(bytesAsSource(tableBytes(table, cut), label), runtime.arena);
}
