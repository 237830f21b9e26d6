/**
 * What identifies a table: a hash of chosen columns' values. How the rows were cut into batches does not enter, nor do columns that
 * nobody asked for, nor the file's name.
 *
 *   sha256( "mendline.data.v1", u64 rows, then for each column, in the order asked for:
 *           its name and meaning, sha256 of its values, sha256 of a byte a row: 1 where it is present )
 *
 * Values are hashed as they are stored, names of texts by their UTF-8 bytes, missing values as zeros.
 */
import { createHash, type Hash } from "node:crypto";
import { bytesOf } from "../kernels/types.js";
import type { Arena } from "../memory/arena.js";
import type { Batch, Column, DataSource, TextColumn } from "./column.js";

const domain = "mendline.data.v1";

/** @throws MendlineError MENDLINE_DATA_SCHEMA  a column is missing; MENDLINE_DATA_*, MENDLINE_TASK_ABORTED */
export async function dataDigest(
  source: DataSource,
  columns: readonly string[],
  arena: Arena,
  signal?: AbortSignal,
): Promise<string> {
  const hashes = columns.map(() => new ColumnHash());
  let rowCount = 0;
  for await (const batch of source.read({ columns, ...(signal && { signal }) })) {
    rowCount += batch.rowCount;
    columns.forEach((name, index) => {
      hashes[index]!.take(columnOf(batch, name), arena);
    });
  }
  const whole = createHash("sha256").update(domain).update(lengthBytes(rowCount));
  columns.forEach((name, index) => {
    const { logical } = source.fields.find((field) => field.name === name)!;
    for (const text of [name, logical]) whole.update(textBytes(text));
    for (const part of hashes[index]!.finish()) whole.update(part);
  });
  return whole.digest("hex");
}

function columnOf(batch: Batch, name: string): Column {
  const column = batch.columns.get(name);
  if (column === undefined) throw new Error(`the source did not deliver column ${name}`);
  return column;
}

class ColumnHash {
  readonly #values: Hash = createHash("sha256");
  readonly #present: Hash = createHash("sha256");

  take(column: Column, arena: Arena): void {
    const present = presence(column, arena);
    const width = bytesOf(column.type);
    // A copy, because absent values are cleared in it.
    const values = Buffer.from(
      arena.bytes.slice(column.valuesPtr, column.valuesPtr + column.rowCount * width),
    );
    if (column.kind === "text") this.#takeTexts(column, values, present);
    else {
      for (let row = 0; row < present.length; row++) {
        if (present[row] === 0) values.fill(0, row * width, (row + 1) * width);
      }
      this.#values.update(values);
    }
    this.#present.update(present);
  }

  #takeTexts(column: TextColumn, codes: Buffer, present: Uint8Array): void {
    const names = column.names.map((name) => (name === null ? null : textBytes(name)));
    const width = bytesOf(column.type);
    const parts: Buffer[] = [];
    for (let row = 0; row < present.length; row++) {
      const name = present[row] === 0 ? null : names[codes.readUIntLE(row * width, width)];
      if (name == null) present[row] = 0;
      else parts.push(name);
    }
    this.#values.update(Buffer.concat(parts));
  }

  finish(): Buffer[] {
    return [this.#values.digest(), this.#present.digest()];
  }
}

/** A byte a row: 1 where there is a value. */
function presence({ rowCount, validityPtr, validityBitOffset }: Column, { bytes }: Arena): Uint8Array {
  const present = new Uint8Array(rowCount).fill(1);
  if (validityPtr === 0) return present;
  for (let row = 0; row < rowCount; row++) {
    const bit = validityBitOffset + row;
    present[row] = (bytes[validityPtr + (bit >>> 3)]! >>> (bit & 7)) & 1;
  }
  return present;
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([lengthBytes(bytes.length), bytes]);
}

function lengthBytes(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(length));
  return bytes;
}
