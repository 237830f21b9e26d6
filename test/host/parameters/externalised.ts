/** A model's values moved to files beside it, as `onnx.save(model, path, save_as_external_data=True)` does. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Bytes, bytes, concat, int, text } from "./onnx-writer.js";

export interface Field {
  readonly number: number;
  /** Tag and value. */
  readonly whole: Bytes;
  /** Of a length-delimited field. */
  readonly body: Bytes | null;
}

function readVarint(message: Bytes, at: number): { value: number; end: number } {
  let value = 0;
  for (let index = at, unit = 1; ; index++, unit *= 128) {
    value += (message[index]! & 127) * unit;
    if (message[index]! < 128) return { value, end: index + 1 };
  }
}

export function fieldsOf(message: Bytes): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < message.length; ) {
    const { value: tag, end: start } = readVarint(message, at);
    const read = readVarint(message, start);
    const type = tag & 7;
    const end = type === 0 ? read.end : type === 2 ? read.end + read.value : start + (type === 1 ? 8 : 4);
    const body = type === 2 ? message.subarray(read.end, end) : null;
    fields.push({ number: Math.floor(tag / 8), whole: message.subarray(at, end), body });
    at = end;
  }
  return fields;
}

/** Calls `change` with each occurrence of a field; null leaves it as it is. */
export function changed(message: Bytes, number: number, change: (body: Bytes) => Bytes | null): Bytes {
  const parts = fieldsOf(message).map((field) => {
    const by = field.number === number ? change(field.body!) : null;
    return by === null ? field.whole : bytes(number, by);
  });
  return concat(...parts);
}

/**
 * @param locations  initializers go to these files in turns
 * @returns the model, and its data files by their names
 */
export function externalised(
  model: Bytes,
  locations: readonly string[],
): { readonly model: Bytes; readonly data: Readonly<Record<string, Bytes>> } {
  const data: Record<string, Bytes> = Object.fromEntries(locations.map((name) => [name, new Uint8Array(3)]));
  let count = 0;
  const initializer = (tensor: Bytes): Bytes | null => {
    const fields = fieldsOf(tensor);
    const raw = fields.find(({ number }) => number === 9)?.body;
    if (raw == null) return null;
    const location = locations[count++ % locations.length]!;
    const offset = Math.ceil(data[location]!.length / 64) * 64;
    const gap = new Uint8Array(offset - data[location]!.length).fill(0xaa);
    data[location] = concat(data[location]!, gap, raw);
    const entries = { location, offset: `${offset}`, length: `${raw.length}` };
    return concat(
      ...fields.filter(({ number }) => number !== 9).map(({ whole }) => whole),
      ...Object.entries(entries).map(([key, value]) => bytes(13, text(1, key), text(2, value))),
      int(14, 1),
    );
  };
  return { model: changed(model, 7, (graph) => changed(graph, 5, initializer)), data };
}

/** @returns the path of the model, which lies in that folder with its data files */
export function writeExternalised(
  source: string,
  folder: string,
  locations: readonly string[] = ["weights.bin"],
): string {
  const { model, data } = externalised(readFileSync(source), locations);
  const path = join(folder, "model.onnx");
  for (const [name, content] of Object.entries({ ...data, "model.onnx": model })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return path;
}
