/** Arrow files and columns of normal f32, as the end-to-end suites read them. */
import { closeSync, openSync, writeSync } from "node:fs";
import {
  Field,
  Float32,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  Schema,
  Struct,
} from "apache-arrow";
import { batchRowsMax } from "../src/limits.js";
import { fillNormal } from "./data.js";

export type Columns = ReadonlyMap<string, Float32Array>;

/** Columns c0, c1, ... of one draw: each is the draw from another row on, moved and stretched. */
export function normalColumns(columnCount: number, rowCount: number, seed: number, shift: number): Columns {
  const draw = fillNormal(new Float32Array(rowCount), seed);
  const columns = new Map<string, Float32Array>();
  for (let column = 0; column < columnCount; column++) {
    const from = Math.floor((column * rowCount) / columnCount);
    const values = new Float32Array(rowCount);
    for (let row = 0; row < rowCount; row++) {
      const at = row + from < rowCount ? row + from : row + from - rowCount;
      values[row] = (draw[at]! + shift * column) * (1 + column / 4) + column;
    }
    columns.set(`c${column}`, values);
  }
  return columns;
}

/** Record batches of 65,536 rows, written one after the other. */
export async function writeColumns(path: string, columns: Columns): Promise<void> {
  const writer = new RecordBatchFileWriter();
  const file = openSync(path, "w");
  try {
    const written = (async () => {
      for await (const piece of writer) writeSync(file, piece);
    })();
    for (const batch of batchesOf(columns)) writer.write(batch);
    writer.close();
    await written;
  } finally {
    closeSync(file);
  }
}

/** An Arrow IPC stream, as a gateway receives it. */
export function columnsToStream(columns: Columns): Uint8Array {
  return RecordBatchStreamWriter.writeAll(batchesOf(columns)).toUint8Array(true);
}

function* batchesOf(columns: Columns): Generator<RecordBatch> {
  const schema = new Schema([...columns.keys()].map((name) => new Field(name, new Float32(), false)));
  const rowCount = [...columns.values()][0]!.length;
  for (let from = 0; from < rowCount; from += batchRowsMax) {
    const length = Math.min(batchRowsMax, rowCount - from);
    const children = [...columns.values()].map((values) =>
      makeData({ type: new Float32(), length, nullCount: 0, data: values.subarray(from, from + length) }),
    );
    const data = makeData({ type: new Struct(schema.fields), length, nullCount: 0, children });
    yield new RecordBatch(schema, data);
  }
}
