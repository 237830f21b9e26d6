/** Columns in the arena read back as plain cells, and Arrow data put together by hand. */
import {
  Field as ArrowField,
  CompressionType,
  compressionRegistry,
  type DataType,
  Dictionary,
  Int32,
  makeData,
  makeVector,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  type Utf8,
  type Vector,
} from "apache-arrow";
import type { Batch, Column, DataSource, ReadOptions } from "../../../src/host/columns/column.js";
import { viewOf } from "../../../src/host/kernels/types.js";
import type { Arena } from "../../../src/host/memory/arena.js";
import { lz4Frame } from "./lz4-writer.js";

export type Cell = number | bigint | string | null;

export function cellsOfColumn(arena: Arena, column: Column): Cell[] {
  const values = viewOf(arena.memory, column.type, column.valuesPtr, column.rowCount) as ArrayLike<
    number | bigint
  >;
  return Array.from({ length: column.rowCount }, (_, row) => {
    if (column.validityPtr !== 0) {
      const bit = column.validityBitOffset + row;
      if (((arena.bytes[column.validityPtr + (bit >>> 3)]! >>> (bit & 7)) & 1) === 0) return null;
    }
    return column.kind === "text" ? column.names[Number(values[row])]! : values[row]!;
  });
}

export interface Read {
  readonly cells: Record<string, Cell[]>;
  readonly batchRows: number[];
}

/** All rows of a source. */
export async function readAll(arena: Arena, source: DataSource, options?: ReadOptions): Promise<Read> {
  const cells: Record<string, Cell[]> = Object.create(null) as Record<string, Cell[]>;
  const batchRows: number[] = [];
  for await (const batch of source.read(options)) {
    batchRows.push(batch.rowCount);
    addBatch(arena, batch, cells);
  }
  return { cells, batchRows };
}

function addBatch(arena: Arena, batch: Batch, cells: Record<string, Cell[]>): void {
  for (const [name, column] of batch.columns) {
    if (column.rowCount !== batch.rowCount)
      throw new Error(`${name} has ${column.rowCount} of ${batch.rowCount} rows`);
    for (const cell of cellsOfColumn(arena, column)) (cells[name] ??= []).push(cell);
  }
}

/** A fixed-width Arrow vector from raw values: no conversion of dates, timestamps or halves. */
export function rawVector<T extends DataType>(
  type: T,
  cells: readonly (number | bigint | null)[],
): Vector<T> {
  const data = new type.ArrayType(cells.length) as { [index: number]: number | bigint };
  const nullBitmap = new Uint8Array((cells.length + 7) >>> 3);
  cells.forEach((cell, row) => {
    data[row] = cell ?? (data instanceof BigInt64Array || data instanceof BigUint64Array ? 77n : 77);
    if (cell !== null) nullBitmap[row >>> 3]! |= 1 << (row & 7);
  });
  const nullCount = cells.filter((cell) => cell === null).length;
  const made = makeData({ type, length: cells.length, nullCount, nullBitmap, data } as never);
  return makeVector(made as never) as unknown as Vector<T>;
}

/** A dictionary column. A writer turns vocabularies that share their first chunk into deltas, others into replacements. */
export function byCode(vocabulary: Vector<Utf8>, codes: (number | null)[], id: number): Vector {
  // The library takes columns for ones of the same dictionary only by the very same type.
  const type = new Dictionary(vocabulary.type, new Int32(), id);
  const { values, nullBitmap, nullCount } = rawVector(new Int32(), codes).data[0]!;
  const made = makeData({
    type,
    length: codes.length,
    nullCount,
    nullBitmap,
    data: values,
    dictionary: vocabulary,
  });
  return makeVector(made);
}

/** Record batches of vectors with one chunk each: unlike a Table, names may repeat, and nothing is cut up anew. */
export function recordBatch(columns: readonly (readonly [name: string, vector: Vector])[]): RecordBatch {
  const fields = columns.map(([name, vector]) => new ArrowField(name, vector.type as DataType, true));
  const schema = new Schema(fields);
  const children = columns.map(([, vector]) => vector.data[0]!);
  const length = columns[0]?.[1].length ?? 0;
  return new RecordBatch(schema, makeData({ type: new Struct(fields), length, nullCount: 0, children }));
}

export type Form = "stream" | "file";
export const forms: readonly Form[] = ["stream", "file"];

/**
 * A stream whose buffers are packed as LZ4 frames, where that makes them smaller.
 *
 * @param encode  what it gives must begin as LZ4 frames do, or the library that writes the stream refuses
 */
export function packedArrowBytes(batches: readonly RecordBatch[], encode = lz4Frame): Uint8Array {
  const packed: { readonly frame: Uint8Array; readonly byteLength: number }[] = [];
  const codec = {
    encode: (data: Uint8Array) => {
      const frame = encode(data);
      if (frame.byteLength < data.byteLength) packed.push({ frame, byteLength: data.byteLength });
      return frame;
    },
    decode: (data: Uint8Array) => data,
  };
  compressionRegistry.set(CompressionType.LZ4_FRAME, codec);
  const writer = new RecordBatchStreamWriter({ compressionType: CompressionType.LZ4_FRAME });
  for (const batch of batches) writer.write(batch);
  writer.close();
  const bytes = writer.toUint8Array(true);
  // apache-arrow 21.2 writes a buffer's packed length where the format has its unpacked one.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (const { frame, byteLength } of packed) {
    at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(frame, at);
    view.setBigInt64(at - 8, BigInt(byteLength), true);
    at += frame.byteLength;
  }
  return bytes;
}

export function arrowBytes(batches: readonly RecordBatch[], form: Form = "stream"): Uint8Array {
  const writer = form === "file" ? new RecordBatchFileWriter() : new RecordBatchStreamWriter();
  for (const batch of batches) writer.write(batch);
  writer.close();
  return writer.toUint8Array(true);
}
