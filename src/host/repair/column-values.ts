/** Columns of a batch as doubles, in buffers that threads share. */
import type { Batch, Column } from "../columns/column.js";
import { viewOf } from "../kernels/types.js";

export function sharedF64(count: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(count * 8));
}

export function columnOf(batch: Batch, name: string): Column {
  const column = batch.columns.get(name);
  if (column === undefined) throw new Error(`the source did not deliver column ${name}`);
  return column;
}

/** out[i] = the value at rows[i], NaN where it is missing; through `codes` for text. */
export function readNumbers(
  memory: WebAssembly.Memory,
  column: Column,
  rows: Uint32Array,
  out: Float64Array,
  codes?: Float64Array,
): void {
  const values = viewOf(memory, column.type, column.valuesPtr, column.rowCount);
  const { validityPtr, validityBitOffset } = column;
  const bits = validityPtr === 0 ? null : new Uint8Array(memory.buffer, validityPtr);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const bit = validityBitOffset + row;
    const isMissing = bits !== null && ((bits[bit >>> 3]! >>> (bit & 7)) & 1) === 0;
    const value = isMissing ? Number.NaN : Number(values[row]!);
    out[i] = codes === undefined || isMissing ? value : (codes[value] ?? Number.NaN);
  }
}
