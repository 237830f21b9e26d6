/**
 * Columns as an application holds them, in JavaScript's memory: typed arrays, lists, and what Arrow tables and Arrow bytes are made of.
 * They are looked at, not kept: whoever takes them copies what it needs before it returns.
 */
import { MendlineError } from "../../errors.js";
import { columnsMax } from "../../limits.js";
import { type CodeType, type NumericArray, type NumericType, viewOf } from "../kernels/types.js";
import type { Cell } from "./batch-builder.js";
import type { Batch, Field, Logical } from "./column.js";

type CodeArray = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array;

/** Which rows are present: one bit a row, least significant first, 1 = present, as Arrow has it. */
interface Presence {
  readonly validity?: Uint8Array | null;
  readonly validityBitOffset?: number;
}

/** One column of a batch: numbers, cells one by one, or codes into a list of names. */
export type ColumnValues =
  | NumericArray
  | readonly (Cell | undefined)[]
  | ({ readonly values: NumericArray | readonly (Cell | undefined)[] } & Presence)
  | ({ readonly codes: CodeArray; readonly names: readonly (string | null)[] } & Presence);

/** Columns of equal length by name, own properties only. Those that nobody asks for are not looked at. */
export type ColumnBatch = Readonly<Record<string, ColumnValues>>;

export type HeldValues =
  | { readonly kind: "numbers"; readonly type: NumericType; readonly values: NumericArray }
  | {
      readonly kind: "codes";
      readonly type: CodeType;
      readonly codes: CodeArray;
      readonly names: readonly (string | null)[];
    }
  | {
      readonly kind: "texts";
      readonly offsets: Int32Array | BigInt64Array;
      /** UTF-8: text i is bytes [offsets[i], offsets[i + 1]). */
      readonly bytes: Buffer;
    }
  | { readonly kind: "cells"; readonly cells: readonly unknown[] };

export interface HeldColumn {
  readonly field: Field;
  /** null: every row is present. */
  readonly validity: Uint8Array | null;
  readonly validityBitOffset: number;
  readonly held: HeldValues;
}

/** Rows of the wanted columns, in the order they were asked for. */
export interface HeldBatch {
  readonly label: string;
  readonly rowCount: number;
  readonly columns: readonly HeldColumn[];
}

/** By what `Symbol.toStringTag` says, which holds for arrays of another realm too. */
const typeOfTag: Readonly<Record<string, NumericType>> = {
  Float32Array: "f32",
  Float64Array: "f64",
  Int8Array: "i8",
  Int16Array: "i16",
  Int32Array: "i32",
  BigInt64Array: "i64",
  Uint8Array: "u8",
  Uint8ClampedArray: "u8",
  Uint16Array: "u16",
  Uint32Array: "u32",
  BigUint64Array: "u64",
};

export function isColumnValues(value: unknown): value is ColumnValues {
  if (typeof value !== "object" || value === null) return false;
  if (ArrayBuffer.isView(value) || Array.isArray(value)) return true;
  return "values" in value || "codes" in value;
}

/**
 * @throws MendlineError MENDLINE_DATA_SCHEMA  a column is not there, or is none; MENDLINE_DATA_MALFORMED  lengths differ, or a validity
 * bitmap is too short
 */
export function heldBatch(batch: ColumnBatch, wanted: readonly string[], label: string): HeldBatch {
  let rowCount = -1;
  const columns = wanted.map((name) => {
    const values: unknown = Object.hasOwn(batch, name) ? batch[name] : undefined;
    const { column, length } = heldColumn(name, values, batch, label);
    if (rowCount < 0) rowCount = length;
    if (length !== rowCount) {
      throw malformed(
        label,
        name,
        `has ${length} rows where "${wanted[0]}" has ${rowCount}: give columns of one length`,
      );
    }
    return column;
  });
  return { label, rowCount: Math.max(0, rowCount), columns };
}

function heldColumn(
  name: string,
  given: unknown,
  batch: ColumnBatch,
  label: string,
): { column: HeldColumn; length: number } {
  if (!isColumnValues(given)) throw notAColumn(name, given, batch, label);
  const wrapped = ArrayBuffer.isView(given) || Array.isArray(given) ? { values: given } : given;
  const { validity = null, validityBitOffset = 0 } = wrapped as Presence;
  const held = heldValues(name, wrapped as Given, label);
  const { length } = held.kind === "numbers" ? held.values : held.kind === "codes" ? held.codes : held.cells;
  assertBits(name, validity, validityBitOffset, length, label);
  const type = held.kind === "numbers" ? held.type : null;
  return {
    column: { field: { name, logical: logicalOf(type), type }, validity, validityBitOffset, held },
    length,
  };
}

interface Given {
  readonly values?: unknown;
  readonly codes?: unknown;
  readonly names?: unknown;
}

function heldValues(
  name: string,
  { values, codes, names }: Given,
  label: string,
): Exclude<HeldValues, { kind: "texts" }> {
  if (Array.isArray(values)) return { kind: "cells", cells: values };
  const held = codes ?? values;
  const type = ArrayBuffer.isView(held) ? typeOfTag[tagOf(held)] : undefined;
  if (type === undefined) throw malformed(label, name, "is neither a typed array nor a list");
  if (codes === undefined) return { kind: "numbers", type, values: held as NumericArray };
  if (type === "f32" || type === "f64" || type === "i64" || type === "u64")
    throw malformed(label, name, `has codes of ${type}: give whole numbers of up to 32 bits`);
  if (!Array.isArray(names)) throw malformed(label, name, "has codes and no list of names");
  return { kind: "codes", type, codes: held as CodeArray, names: names as (string | null)[] };
}

function tagOf(view: ArrayBufferView): string {
  return (view as unknown as { readonly [Symbol.toStringTag]: string })[Symbol.toStringTag];
}

/** Meaning as far as storage tells it: text where there is no number type. */
export function logicalOf(type: NumericType | null): Logical {
  if (type === null) return "text";
  return type === "f32" || type === "f64" ? "float" : "integer";
}

function assertBits(
  name: string,
  validity: unknown,
  bitOffset: unknown,
  rowCount: number,
  label: string,
): void {
  if (!Number.isSafeInteger(bitOffset) || (bitOffset as number) < 0)
    throw malformed(label, name, `has a validity bit offset of ${String(bitOffset)}`);
  if (validity === null) return;
  if (!(ArrayBuffer.isView(validity) && tagOf(validity) === "Uint8Array"))
    throw malformed(label, name, "has a validity that is no Uint8Array");
  const needed = Math.ceil(((bitOffset as number) + rowCount) / 8);
  if (validity.byteLength < needed) {
    throw malformed(label, name, `needs ${needed} bytes of validity and has ${validity.byteLength}`);
  }
}

function notAColumn(name: string, given: unknown, batch: ColumnBatch, label: string): MendlineError {
  const known = Object.keys(batch).slice(0, Math.min(8, columnsMax)).join(", ");
  const what =
    given === undefined
      ? `have no column "${name}"; they have ${known}`
      : `column "${name}" is a ${typeof given} where others are columns: give a typed array or a list of cells`;
  return new MendlineError("MENDLINE_DATA_SCHEMA", `${label}: ${what}`, { details: { column: name } });
}

function malformed(label: string, name: string, what: string): MendlineError {
  return new MendlineError("MENDLINE_DATA_MALFORMED", `${label}: column "${name}" ${what}`, {
    details: { column: name },
  });
}

/** Columns of a batch in the arena, looked at where they are. A wanted name may stand twice. */
export function heldFromArena(
  batch: Batch,
  wanted: readonly string[],
  memory: WebAssembly.Memory,
  label: string,
): HeldBatch {
  const columns = wanted.map((name): HeldColumn => {
    const column = batch.columns.get(name)!;
    const { type, valuesPtr, rowCount, validityPtr, validityBitOffset } = column;
    const values = viewOf(memory, type, valuesPtr, rowCount);
    const validityBytes = Math.ceil((validityBitOffset + rowCount) / 8);
    return {
      field: {
        name,
        logical: column.kind === "text" ? "text" : column.logical,
        type: column.kind === "text" ? null : type,
      },
      validity: validityPtr === 0 ? null : new Uint8Array(memory.buffer, validityPtr, validityBytes),
      validityBitOffset,
      held:
        column.kind === "text"
          ? { kind: "codes", type: column.type, codes: values as CodeArray, names: column.names }
          : { kind: "numbers", type, values },
    };
  });
  return { label, rowCount: batch.rowCount, columns };
}

/** Calls `use` with every absent row, in order; `rowCount` rows from bit `bitOffset` on. */
export function eachAbsent(
  validity: Uint8Array,
  bitOffset: number,
  rowCount: number,
  use: (row: number) => void,
): void {
  for (let row = 0; row < rowCount; ) {
    const bit = bitOffset + row;
    const bits = validity[bit >>> 3]!;
    const first = bit & 7;
    const inByte = Math.min(8 - first, rowCount - row);
    if (bits !== 0xff) {
      for (let i = 0; i < inByte; i++) if (((bits >>> (first + i)) & 1) === 0) use(row + i);
    }
    row += inByte;
  }
}
