/** A stored model's tensors, read straight from its objects: verified, in order, one chunk of one object in memory. */
import { MendlineError } from "../../errors.js";
import type { TensorRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { TensorForm, TensorReader } from "../parameters/comparison.js";
import { withFile } from "../parameters/model-bytes.js";
import { type Dtype, dtypeBits, type ParameterFile } from "../parameters/tensor-index.js";
import { readValues } from "../parameters/tensor-values.js";

interface StoredTensor extends TensorForm {
  readonly object: string | null;
}

/** An object on its way. */
interface Stream {
  readonly object: string;
  readonly chunks: AsyncGenerator<Uint8Array>;
  chunk: Uint8Array;
  /** Byte of the object with which `chunk` begins. */
  start: number;
}

/**
 * @param restored  the model as a file: only for tensors that have no bytes of their own in it, but are written out some other way;
 *     null leaves these out
 */
export async function withStoredTensors<T>(
  store: LineageStore,
  id: string,
  restored: (() => Promise<ParameterFile>) | null,
  use: (reader: TensorReader) => Promise<T>,
): Promise<T> {
  const { tensors } = await store.parameters(id);
  const read = restored === null ? tensors.filter(({ object }) => object !== null) : tensors;
  const reader = new StoredTensors(store, read.map(formOf), restored);
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}

function formOf({ name, dtype, shape, byteLength, object }: TensorRecord): StoredTensor {
  if (!Object.hasOwn(dtypeBits, dtype))
    throw new MendlineError(
      "MENDLINE_STORE_VERSION",
      `tensor ${JSON.stringify(name)} has the type ${dtype}, which this mendline does not know: use a newer one`,
    );
  return { name, dtype: dtype as Dtype, shape, byteLength, object };
}

class StoredTensors implements TensorReader<StoredTensor> {
  readonly tensors: readonly StoredTensor[];
  readonly #store: LineageStore;
  readonly #restored: (() => Promise<ParameterFile>) | null;
  #stream: Stream | null = null;

  constructor(
    store: LineageStore,
    tensors: readonly StoredTensor[],
    restored: (() => Promise<ParameterFile>) | null,
  ) {
    this.#store = store;
    this.tensors = tensors;
    this.#restored = restored;
  }

  async read({ name, object, byteLength }: StoredTensor, at: number, target: Uint8Array): Promise<void> {
    if (object === null) return this.#readRestored(name, at, target);
    const stream = await this.#streamAt(object, at);
    for (let filled = 0; filled < target.length; ) {
      const offset = at + filled - stream.start;
      if (offset < stream.chunk.length) {
        const part = stream.chunk.subarray(offset, offset + target.length - filled);
        target.set(part, filled);
        filled += part.length;
      } else await this.#advance(stream, name);
    }
    // Behind its last byte an object tells whether it was sound.
    if (at + target.length === byteLength) await stream.chunks.next();
  }

  async #streamAt(object: string, at: number): Promise<Stream> {
    const current = this.#stream;
    if (current !== null && current.object === object && current.start <= at) return current;
    await this.close();
    this.#stream = {
      object,
      chunks: this.#store.readObject(object),
      chunk: new Uint8Array(0),
      start: 0,
    };
    return this.#stream;
  }

  async #advance(stream: Stream, name: string): Promise<void> {
    const { done, value } = await stream.chunks.next();
    if (done)
      throw new MendlineError(
        "MENDLINE_STORE_CORRUPT",
        `object ${stream.object} ends before the values of tensor ${JSON.stringify(name)} do: restore the store from a copy`,
      );
    stream.start += stream.chunk.length;
    stream.chunk = value;
  }

  async #readRestored(name: string, at: number, target: Uint8Array): Promise<void> {
    const file = await this.#restored!();
    const entry = file.tensors.find((tensor) => tensor.name === name);
    if (entry === undefined)
      throw new MendlineError(
        "MENDLINE_STORE_CORRUPT",
        `${file.path} has no tensor ${JSON.stringify(name)}, which the store lists for it: restore the store from a copy`,
      );
    await withFile(file.path, (bytes) => readValues(bytes, entry, at, target));
  }

  /** Lets go of the object that is open. What was not read to its end was not verified. */
  async close(): Promise<void> {
    await this.#stream?.chunks.return(undefined);
    this.#stream = null;
  }
}
