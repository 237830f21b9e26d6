/** Values of fixed width of a Parquet page, in the type of their column. */
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { parquetDeltaValuesMax } from "../../limits.js";
import { widen } from "../kernels/halves.js";
import { type NumericArray, type NumericType, rangeOf } from "../kernels/types.js";
import { type ByteArrays, byteArraysOf } from "./parquet-byte-arrays.js";
import { checkDeltaCount, checkRoom, type Encoded, readerOf, requireEncoding } from "./parquet-encoded.js";
import type { ParquetColumn, ParquetType } from "./parquet-schema.js";

const physicalBytes: Readonly<Partial<Record<ParquetType, number>>> = {
  INT32: 4,
  INT64: 8,
  INT96: 12,
  FLOAT: 4,
  DOUBLE: 8,
};

/** Values of fixed width, in the type of the column's field. */
export function numbersOf(column: ParquetColumn, encoded: Encoded): NumericArray {
  const { storage, physical } = column;
  if (storage.kind === "decimal" && physical === "BYTE_ARRAY")
    return decimalsOf(byteArraysOf(encoded), encoded, storage.scale);
  const width = physicalBytes[physical] ?? column.fixedBytes;
  const { bytes, offset } = fixedWidth(encoded, physical, width);
  const { count } = encoded;
  checkRoom(bytes, offset, count * width);
  if (storage.kind === "direct") return directNumbers(storage.type, bytes, offset, count, width);
  if (storage.kind === "half") {
    const halves = new Float32Array(count);
    widen("F16", bytes.subarray(offset), halves);
    return halves;
  }
  if (storage.kind === "int96")
    return BigInt64Array.from({ length: count }, (_, i) => nanosOf(bytes, offset + i * 12));
  if (storage.kind === "decimal") {
    const divisor = 10 ** storage.scale;
    return Float64Array.from({ length: count }, (_, i) => {
      const at = offset + i * width;
      if (physical === "INT32") return bytes.readInt32LE(at) / divisor;
      if (physical === "INT64") return Number(bytes.readBigInt64LE(at)) / divisor;
      return bigEndian(bytes, at, at + width) / divisor;
    });
  }
  throw new TypeError(`${storage.kind} values are not numbers`);
}

function decimalsOf(texts: ByteArrays, { bytes, offset, count }: Encoded, scale: number): Float64Array {
  checkRoom(bytes, offset, count);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    texts.next();
    values[i] = bigEndian(texts.bytes, texts.start, texts.end) / 10 ** scale;
  }
  return values;
}

/** Values of `width` bytes one after the other, whatever the encoding was. */
function fixedWidth(
  encoded: Encoded,
  physical: ParquetType,
  width: number,
): { bytes: Buffer; offset: number } {
  const { encoding, bytes, offset, count } = encoded;
  if (encoding === "BYTE_STREAM_SPLIT") {
    checkRoom(bytes, offset, count * width);
    const joined = Buffer.alloc(count * width);
    for (let part = 0; part < width; part++) {
      const from = offset + part * count;
      for (let i = 0; i < count; i++) joined[i * width + part] = bytes[from + i]!;
    }
    return { bytes: joined, offset: 0 };
  }
  if (encoding === "DELTA_BINARY_PACKED" && (physical === "INT32" || physical === "INT64")) {
    checkDeltaCount(count, parquetDeltaValuesMax);
    const values = physical === "INT32" ? new Int32Array(count) : new BigInt64Array(count);
    if (count > 0) deltaBinaryUnpack(readerOf(bytes, offset), count, values);
    return { bytes: Buffer.from(values.buffer), offset: 0 };
  }
  requireEncoding(encoding, "PLAIN");
  return { bytes, offset };
}

function directNumbers(
  type: NumericType,
  bytes: Buffer,
  offset: number,
  count: number,
  width: number,
): NumericArray {
  // A copy, because typed arrays must be aligned and values in a page are not.
  const copy = new ArrayBuffer(count * width);
  new Uint8Array(copy).set(bytes.subarray(offset, offset + count * width));
  if (type === "f32") return new Float32Array(copy);
  if (type === "f64") return new Float64Array(copy);
  if (type === "i64") return new BigInt64Array(copy);
  if (type === "u64") return new BigUint64Array(copy);
  if (type === "u32") return new Uint32Array(copy);
  const values = new Int32Array(copy);
  if (type === "i32") return values;
  const { lowest, highest } = rangeOf(type);
  for (const value of values) {
    if (value < lowest || value > highest) throw new RangeError(`${value} in a column of ${type}`);
  }
  if (type === "i8") return Int8Array.from(values);
  if (type === "i16") return Int16Array.from(values);
  return type === "u8" ? Uint8Array.from(values) : Uint16Array.from(values);
}

/**
 * INT96: nanoseconds of the day (8 bytes), then the Julian day (4 bytes), of which 2440588 is 1970-01-01. Deprecated since Parquet 2.4,
 * written by Impala and old Spark.
 */
function nanosOf(bytes: Buffer, offset: number): bigint {
  const days = BigInt(bytes.readInt32LE(offset + 8) - 2_440_588);
  const nanos = days * 86_400_000_000_000n + bytes.readBigInt64LE(offset);
  if (BigInt.asIntN(64, nanos) !== nanos) {
    throw new RangeError("an INT96 time beyond the years 1677 to 2262; write the column as TIMESTAMP");
  }
  return nanos;
}

/** Bytes of the longest decimal worth reading: 76 digits take 32. */
const decimalBytesMax = 64;

/** A two's complement integer, most significant byte first, to the nearest double. */
function bigEndian(bytes: Buffer, start: number, end: number): number {
  if (end - start <= 6) return end === start ? 0 : bytes.readIntBE(start, end - start);
  if (end - start > decimalBytesMax) throw new RangeError(`a decimal of ${end - start} bytes`);
  let value = BigInt(bytes.readInt8(start));
  for (let i = start + 1; i < end; i++) value = (value << 8n) | BigInt(bytes[i]!);
  return Number(value);
}
