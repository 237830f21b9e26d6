/** The values of a Parquet page, in any encoding, to a column's arrays: whole stretches at a time, no object a cell. */
import type { NumericArray } from "../kernels/types.js";
import type { ColumnTarget } from "./batch-builder.js";
import { expandBits } from "./expand.js";
import { type ByteArrays, byteArraysOf, PlainByteArrays } from "./parquet-byte-arrays.js";
import { checkRoom, type Encoded, requireEncoding } from "./parquet-encoded.js";
import { HybridReader } from "./parquet-hybrid.js";
import { numbersOf } from "./parquet-numbers.js";
import type { ParquetColumn } from "./parquet-schema.js";

/** Writes the next `count` present values to `target` from row `at`. @throws RangeError  fewer are left */
export type ReadValues = (target: ColumnTarget, at: number, count: number) => void;

/** Values that pages refer to by their index. */
export type ParquetDictionary =
  | { readonly kind: "numeric"; readonly values: NumericArray }
  | {
      readonly kind: "text";
      readonly bytes: Buffer;
      readonly offsets: Int32Array;
      readonly codes: Int32Array;
    };

/** @throws RangeError or TypeError  the bytes are not what the encoding says; an encoding that is not read */
export function valuesReader(
  column: ParquetColumn,
  encoded: Encoded,
  dictionary: ParquetDictionary | null,
): ReadValues {
  const { encoding, bytes, offset } = encoded;
  if (encoding === "PLAIN_DICTIONARY" || encoding === "RLE_DICTIONARY") {
    if (dictionary === null) throw new RangeError("a page of codes without its dictionary");
    if (encoded.count === 0) return () => {};
    const indexes = new HybridReader(bytes, offset + 1, bytes.length, bytes.readUInt8(offset));
    return dictionary.kind === "text"
      ? textCodes(indexes, dictionary)
      : dictionaryValues(indexes, dictionary.values);
  }
  if (column.storage.kind === "boolean") return booleanReader(encoded);
  if (column.storage.kind === "text") return textReader(byteArraysOf(encoded));
  return arrayReader(numbersOf(column, encoded));
}

/** @throws RangeError  the bytes do not hold `count` values */
export function readDictionary(column: ParquetColumn, encoded: Encoded): ParquetDictionary {
  if (column.storage.kind !== "text")
    return { kind: "numeric", values: numbersOf(column, { ...encoded, encoding: "PLAIN" }) };
  const { bytes, count } = encoded;
  // Each text takes at least its length's four bytes, which bounds what is allocated.
  checkRoom(bytes, encoded.offset, count * 4);
  const texts = new PlainByteArrays(bytes, encoded.offset);
  const offsets = new Int32Array(count * 2);
  for (let i = 0; i < count; i++) {
    texts.next();
    offsets[i * 2] = texts.start;
    offsets[i * 2 + 1] = texts.end;
  }
  return { kind: "text", bytes, offsets, codes: new Int32Array(count).fill(-1) };
}

function arrayReader(values: NumericArray): ReadValues {
  let from = 0;
  return ({ values: out }, at, count) => {
    if (from + count > values.length)
      throw new RangeError(`${values.length} values where ${from + count} are needed`);
    // Both are of the column's type.
    (out as Float64Array).set(values.subarray(from, from + count) as Float64Array, at);
    from += count;
  };
}

function dictionaryValues(indexes: HybridReader, values: NumericArray): ReadValues {
  const size = values.length;
  let scratch = new Int32Array(0);
  return ({ values: out }, at, count) => {
    if (scratch.length < count) scratch = new Int32Array(count);
    indexes.read(scratch, 0, count);
    const parts = isWide(values) ? 2 : 1;
    const to = halvesOf(out);
    const from = halvesOf(values);
    for (let i = 0; i < count; i++) {
      const index = scratch[i]! >>> 0;
      if (index >= size) throw new RangeError(`code ${index} in a dictionary of ${size}`);
      to[(at + i) * parts] = from[index * parts]!;
      if (parts === 2) to[(at + i) * 2 + 1] = from[index * 2 + 1]!;
    }
  };
}

/** Texts enter the column's dictionary when they first occur, so that its names are those of rows. */
function textCodes(
  indexes: HybridReader,
  { bytes, offsets, codes }: Extract<ParquetDictionary, { kind: "text" }>,
): ReadValues {
  return ({ values, dictionary }, at, count) => {
    const out = values as Int32Array;
    indexes.read(out, at, count);
    for (let i = at; i < at + count; i++) {
      const index = out[i]! >>> 0;
      if (index >= codes.length) throw new RangeError(`code ${index} in a dictionary of ${codes.length}`);
      let code = codes[index]!;
      if (code < 0) {
        code = dictionary!.codeOf(bytes.toString("utf8", offsets[index * 2]!, offsets[index * 2 + 1]!));
        codes[index] = code;
      }
      out[i] = code;
    }
  };
}

function textReader(texts: ByteArrays): ReadValues {
  return ({ values, dictionary }, at, count) => {
    for (let i = at; i < at + count; i++) {
      texts.next();
      values[i] = dictionary!.codeOf(texts.bytes.toString("utf8", texts.start, texts.end));
    }
  };
}

function booleanReader({ encoding, bytes, offset, count }: Encoded): ReadValues {
  if (encoding === "RLE") {
    if (count === 0) return () => {};
    const end = offset + 4 + bytes.readUInt32LE(offset);
    const runs = new HybridReader(bytes, offset + 4, end, 1);
    return ({ values }, at, wanted) => runs.read(values as Uint8Array, at, wanted);
  }
  requireEncoding(encoding, "PLAIN");
  checkRoom(bytes, offset, (count + 7) >>> 3);
  const values = new Uint8Array(count);
  expandBits(bytes.subarray(offset), values);
  return arrayReader(values);
}

/** A 64-bit array as pairs of words, so that moving a value makes no BigInt. */
export function halvesOf(values: NumericArray): Exclude<NumericArray, BigInt64Array | BigUint64Array> {
  if (!(values instanceof BigInt64Array || values instanceof BigUint64Array)) return values;
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
}

export function isWide(values: NumericArray): boolean {
  return values instanceof BigInt64Array || values instanceof BigUint64Array;
}
