/** Sources as plain JavaScript values, and files of text to read them from. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type ErrorCode, MendlineError } from "../../../src/errors.js";
import type { Batch, Column, DataSource, ReadOptions } from "../../../src/host/columns/column.js";
import { viewOf } from "../../../src/host/kernels/types.js";
import type { Arena } from "../../../src/host/memory/arena.js";
import { scratchDir } from "../../support.js";

export type Value = number | bigint | string | null;

const scratch = scratchDir();
let fileCount = 0;

/** A file of its own with this content. */
export function fileOf(content: string | Uint8Array, ending = ".csv"): string {
  const path = join(scratch, `data-${fileCount++}${ending}`);
  writeFileSync(path, content);
  return path;
}

export function valuesOf(column: Column, arena: Arena): Value[] {
  const values = viewOf(arena.memory, column.type, column.valuesPtr, column.rowCount);
  const bits = new Uint8Array(
    arena.memory.buffer,
    column.validityPtr,
    column.validityPtr === 0 ? 0 : (column.rowCount + 7) >>> 3,
  );
  return Array.from({ length: column.rowCount }, (_, row) => {
    const at = row + column.validityBitOffset;
    if (column.validityPtr !== 0 && ((bits[at >>> 3]! >>> (at & 7)) & 1) === 0) return null;
    return column.kind === "text" ? column.names[Number(values[row])]! : values[row]!;
  });
}

/** Every column of every batch, by name. */
export async function readAll(
  source: DataSource,
  arena: Arena,
  options?: ReadOptions,
): Promise<Map<string, Value[]>> {
  const all = new Map<string, Value[]>();
  for await (const batch of source.read(options)) {
    for (const [name, column] of batch.columns) {
      assert.is(column.rowCount, batch.rowCount);
      all.set(name, [...(all.get(name) ?? []), ...valuesOf(column, arena)]);
    }
  }
  return all;
}

/** Opens, reads everything, closes, and checks that the arena is empty again. */
export async function readOnce(
  opening: Promise<DataSource>,
  arena: Arena,
): Promise<{ fields: string[]; rowCount: number; columns: Map<string, Value[]> }> {
  const source = await opening;
  let columns: Map<string, Value[]>;
  try {
    columns = await readAll(source, arena);
  } finally {
    await source.close();
  }
  assert.is(arena.use.usedBytes, 0);
  const fields = source.fields.map((field) => `${field.name}:${field.logical}:${field.type}`);
  return { fields, rowCount: source.rowCount, columns };
}

/** The failure's message, after its code was checked. */
export async function failure(work: Promise<unknown>, code: ErrorCode): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    assert.instance(thrown, MendlineError, String(thrown));
    assert.is((thrown as MendlineError).code, code, (thrown as MendlineError).message);
    return (thrown as MendlineError).message;
  }
  throw new Error(`nothing was thrown where ${code} was expected`);
}

export async function rowsIn(batches: AsyncIterable<Batch>): Promise<number[]> {
  const counts: number[] = [];
  for await (const batch of batches) counts.push(batch.rowCount);
  return counts;
}
