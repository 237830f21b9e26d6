/** Columns in the arena, and the sources they come from. The rest of mendline never sees a file format. */
import type { ColumnSlice } from "../kernels/kernels.js";
import type { CodeType, NumericType } from "../kernels/types.js";

/**
 * What a column means, apart from how it is stored. Numeric but `text`. Dates and timestamps are whole numbers of their unit, so a
 * timestamp's unit is part of its meaning.
 */
export const logicals = [
  "integer",
  "float",
  "boolean",
  "date",
  "timestamp[s]",
  "timestamp[ms]",
  "timestamp[us]",
  "timestamp[ns]",
  "text",
] as const;
export type Logical = (typeof logicals)[number];

export interface Field {
  readonly name: string;
  readonly logical: Logical;
  /** The type whose values edges are taken from; null for text. Text formats hold integers as i64 and other numbers as f64. */
  readonly type: NumericType | null;
}

/** Values may be stored narrower than the field's type (i32 for an i64 field): counting compares numbers, not bits. */
export interface NumericColumn extends ColumnSlice {
  readonly kind: "numeric";
  readonly name: string;
  readonly logical: Logical;
  readonly type: NumericType;
}

/** valuesPtr points to codes into `names`. A null name is a missing value. */
export interface TextColumn extends ColumnSlice {
  readonly kind: "text";
  readonly name: string;
  readonly type: CodeType;
  readonly names: readonly (string | null)[];
}

export type Column = NumericColumn | TextColumn;

/** Rows in the arena. Valid until the next batch is asked for, or the iteration ends. */
export interface Batch {
  readonly rowCount: number;
  readonly columns: ReadonlyMap<string, Column>;
}

export interface ReadOptions {
  /** Columns wanted; absent = all that can be monitored. */
  readonly columns?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Data that can be read more than once, in bounded memory. */
export interface DataSource {
  /** The file, or `standard input`: for messages. */
  readonly label: string;
  /** The file that it can be opened from again, absolute; absent for rows, bytes and streams. */
  readonly path?: string | undefined;
  readonly fields: readonly Field[];
  readonly rowCount: number;
  read(options?: ReadOptions): AsyncIterable<Batch>;
  close(): Promise<void>;
}
