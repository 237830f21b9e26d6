/** Whether a column's numbers are whole: what tells a measured value from the index of a class. */
import { viewOf } from "../kernels/types.js";
import type { Arena } from "../memory/arena.js";
import type { DataSource } from "./column.js";

/** Reads until the first number with a fraction; false for a column that is no floating one, or not there. */
export async function hasFractions(
  source: DataSource,
  name: string,
  { memory }: Arena,
  signal?: AbortSignal,
): Promise<boolean> {
  const field = source.fields.find((one) => one.name === name);
  if (field?.logical !== "float") return false;
  for await (const batch of source.read({ columns: [name], ...(signal && { signal }) })) {
    const column = batch.columns.get(name)!;
    const values = viewOf(memory, column.type, column.valuesPtr, column.rowCount);
    const bits = column.validityPtr === 0 ? null : new Uint8Array(memory.buffer, column.validityPtr);
    for (let row = 0; row < column.rowCount; row++) {
      const value = Number(values[row]!);
      if (!Number.isFinite(value) || Number.isInteger(value)) continue;
      const bit = column.validityBitOffset + row;
      const isPresent = bits === null || ((bits[bit >>> 3]! >>> (bit & 7)) & 1) === 1;
      if (isPresent) return true;
    }
  }
  return false;
}
