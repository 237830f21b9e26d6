/**
 * An ONNX model whose external data is looked for in another folder: what TensorProto.external_data says under `location` gets a prefix, and
 * the messages around it their new lengths. Every other byte stays what and, in its order, where it was. Memory: a window of the model,
 * and some 100 bytes for each tensor with external data.
 *
 * Field numbers: onnx/onnx.proto. Training information is left alone, as by the reader (onnx.ts).
 */
import { parameterChunkBytes } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { type ByteRange, type Pending, Wire, type WireField, wireBytes } from "./onnx-wire.js";

type Message = "model" | "function" | "graph" | "node" | "attribute" | "tensor" | "entry";

/** Which fields of a message hold messages that external data may be stated in. */
const inner: Readonly<Record<Exclude<Message, "entry">, Readonly<Record<number, Message>>>> = {
  model: { 7: "graph", 25: "function" },
  function: { 7: "node" },
  graph: { 1: "node", 5: "tensor" },
  node: { 5: "attribute" },
  attribute: { 5: "tensor", 6: "graph", 10: "tensor", 11: "graph" },
  tensor: { 13: "entry" },
};
/** StringStringEntryProto. */
const entryField = { key: 1, value: 2 } as const;

/** Bytes in place of those of the source. */
interface Edit extends ByteRange {
  readonly bytes: Uint8Array;
}

/**
 * @param source  a model that readOnnx has taken
 * @param prefix  of a folder below the model's, with `/` at its end
 * @returns the model's bytes, piece by piece; each lives until the next is asked for
 * @throws MendlineError MENDLINE_MODEL_MALFORMED
 */
export async function* relocated(source: ByteSource, prefix: string): AsyncGenerator<Uint8Array> {
  const edits = await new Relocation(new Wire(source), prefix).edits();
  const buffer = new Uint8Array(parameterChunkBytes);
  let position = 0;
  for (const { start, end, bytes } of [
    ...edits,
    { start: source.byteLength, end: source.byteLength, bytes: null },
  ]) {
    while (position < start) {
      const piece = buffer.subarray(0, Math.min(buffer.length, start - position));
      await source.read(piece, position);
      position += piece.length;
      yield piece;
    }
    if (bytes !== null) yield bytes;
    position = end;
  }
}

class Relocation {
  readonly #wire: Wire;
  readonly #prefix: string;
  readonly #edits: Edit[] = [];

  constructor(wire: Wire, prefix: string) {
    this.#wire = wire;
    this.#prefix = prefix;
  }

  /** In the order of the source; none overlaps another. */
  async edits(): Promise<readonly Edit[]> {
    await this.#growth({ start: 0, end: this.#wire.source.byteLength }, "model");
    // A message's length is known when its parts are.
    return this.#edits.sort((left, right) => left.start - right.start);
  }

  /** How many bytes longer a message gets. */
  async #growth(range: ByteRange, message: Message): Promise<number> {
    if (message === "entry") return this.#entryGrowth(range);
    let growth = 0;
    await this.#wire.walk(range, (field): Pending => {
      const kind = inner[message][field.number];
      if (kind === undefined || field.type !== wireBytes) return;
      return this.#growth(field, kind).then((more) => {
        if (more !== 0) growth += more + this.#resize(field, field.end - field.start + more);
      });
    });
    return growth;
  }

  async #entryGrowth(range: ByteRange): Promise<number> {
    let key = "";
    let value = null as { readonly field: WireField; readonly text: string } | null;
    await this.#wire.walk(range, (field): Pending => {
      if (field.number === entryField.key)
        return this.#wire.text(field, "a key", (text) => void (key = text));
      if (field.number !== entryField.value) return;
      return this.#wire.text(field, "a location", (text) => {
        value = { field, text };
      });
    });
    if (key !== "location" || value === null) return 0;
    const { field, text } = value;
    const bytes = Buffer.from(this.#prefix + text);
    this.#edits.push({ start: field.start, end: field.end, bytes });
    const more = bytes.length - (field.end - field.start);
    return more + this.#resize(field, bytes.length);
  }

  /** @returns how many bytes longer the field's head gets */
  #resize({ number, at, start }: WireField, byteLength: number): number {
    const bytes = Uint8Array.from([...varintOf(number * 8 + wireBytes), ...varintOf(byteLength)]);
    this.#edits.push({ start: at, end: start, bytes });
    return bytes.length - (start - at);
  }
}

function varintOf(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}
