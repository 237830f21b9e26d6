/** Columns to an Arrow IPC file: what a validator command reads. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  type Data,
  type DataType,
  Dictionary,
  Field,
  Float64,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { MendlineError, messageOf } from "../../errors.js";
import { batchRowsMax } from "../../limits.js";

export interface OutColumn {
  readonly name: string;
  /** NaN is written as missing. */
  readonly values: Float64Array;
  /** Present for text: the names that the values, whole numbers from 0, stand for. */
  readonly texts?: readonly string[];
}

/**
 * Writes f64 columns, and texts as dictionaries, in record batches of 65,536 rows. A file that is there is replaced.
 *
 * @param columns  all of one length
 * @throws MendlineError MENDLINE_DATA_WRITE
 */
export async function writeArrow(path: string, columns: readonly OutColumn[]): Promise<void> {
  const rowCount = columns[0]?.values.length ?? 0;
  if (columns.some((column) => column.values.length !== rowCount)) throw new RangeError("ragged columns");
  const writers = columns.map((column, index) => columnWriter(column, index));
  const schema = new Schema(
    columns.map((column, index) => new Field(column.name, writers[index]!.type, true)),
  );
  function* batches(): Generator<RecordBatch> {
    // Also once for no rows: a file without a record batch has no column for some readers.
    for (let from = 0; from === 0 || from < rowCount; from += batchRowsMax) {
      const to = Math.min(rowCount, from + batchRowsMax);
      const children = writers.map((writer) => writer.dataOf(from, to));
      const type = new Struct(schema.fields);
      yield new RecordBatch(schema, makeData({ type, length: to - from, nullCount: 0, children }));
    }
  }
  try {
    const writer = RecordBatchFileWriter.throughNode({ autoDestroy: true });
    await pipeline(Readable.from(batches()), writer, createWriteStream(path, { mode: 0o600 }));
  } catch (cause) {
    throw new MendlineError("MENDLINE_DATA_WRITE", `${path}: cannot be written: ${messageOf(cause)}`, {
      cause,
    });
  }
}

interface ColumnWriter {
  readonly type: DataType;
  dataOf(from: number, to: number): Data;
}

function columnWriter({ values, texts }: OutColumn, id: number): ColumnWriter {
  if (texts === undefined) {
    const type = new Float64();
    return {
      type,
      dataOf: (from, to) => {
        const data = values.subarray(from, to);
        return makeData({ type, length: data.length, data, ...validityOf(data) });
      },
    };
  }
  const type = new Dictionary(new Utf8(), new Int32(), id);
  const dictionary = vectorFromArray([...texts], new Utf8());
  return {
    type,
    dataOf: (from, to) => {
      const codes = values.subarray(from, to);
      const data = Int32Array.from(codes, (code) => (Number.isNaN(code) ? 0 : code));
      return makeData({ type, length: data.length, data, dictionary, ...validityOf(codes) });
    },
  };
}

/** One bit a value, least significant first, 0 where it is NaN; none when every value is there. */
function validityOf(values: Float64Array): { nullCount: number; nullBitmap?: Uint8Array } {
  let nullCount = 0;
  const nullBitmap = new Uint8Array((values.length + 7) >>> 3);
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) nullCount += 1;
    else nullBitmap[i >>> 3]! |= 1 << (i & 7);
  }
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap };
}
