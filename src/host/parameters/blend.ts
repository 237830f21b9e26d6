/**
 * repaired = drifted + scale * (ancestor - drifted), file to bytes, in a bounded stretch of memory.
 *
 * The drifted file is copied byte for byte; only the values of float tensors are replaced, in place of the copy, so everything else
 * of it (graph, metadata, integer tensors, padding) stays as it was. Computed in f32 at least, stored in the original type.
 */
import { MendlineError } from "../../errors.js";
import { parameterChunkBytes } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { ByteSource } from "../bytes/byte-source.js";
import type { VectorType } from "../kernels/kernels.js";
import type { Scope } from "../memory/arena.js";
import { openFiles } from "./open-files.js";
import { pairTensors, type TensorPair } from "./pairing.js";
import type { Requantizer } from "./requantize.js";
import {
  type Dtype,
  dtypeBits,
  type ParameterFile,
  quoted,
  type Segment,
  segments,
  type TensorEntry,
} from "./tensor-index.js";
import { chunkBytesFor, chunkRegionBytes, loadValues, readValues } from "./tensor-values.js";

export type BlendableDtype = "F64" | "F32" | "F16" | "BF16";

/** What the kernels call them. */
export const vectorTypeOf: Readonly<Record<BlendableDtype, VectorType>> = {
  F64: "f64",
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
};

export function isBlendable(dtype: Dtype): dtype is BlendableDtype {
  return dtype === "F64" || dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/** The scale of a tensor by its name in the drifted model; a number is every tensor's, and the only one that a requantizer takes. */
export type ScaleOf = number | ((name: string) => number);

/**
 * The repaired file's bytes, in file order and in pieces of at most `parameterChunkBytes`; a piece is valid until the next. Scale 0
 * gives the drifted parameters, scale 1 the ancestor's, both exactly. Tensors without a pair stay as they are.
 *
 * @param requantizer  blends quantised weights, their scales and zero points; without one they stay as they are
 * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE  a blended value is not finite
 */
export async function* blendFiles(
  runtime: Runtime,
  drifted: ParameterFile,
  ancestor: ParameterFile,
  scale: ScaleOf,
  pairs: readonly TensorPair[] = pairTensors(drifted, ancestor).pairs,
  requantizer: Requantizer | null = null,
): AsyncGenerator<Uint8Array> {
  const ancestors = new Map(pairs.map((pair) => [pair.drifted.name, pair.ancestor]));
  const tensors = new Map(drifted.tensors.map((tensor) => [tensor.name, tensor]));
  const scope = runtime.arena.scope();
  try {
    const blender = new Blender(runtime, scope, drifted);
    // Both files stay open for the whole pass, so that all of it comes from the same two.
    const opened = await openFiles([drifted, ancestor]);
    try {
      const [own, other] = opened.sources as [ByteSource, ByteSource];
      for (const segment of segments(drifted)) {
        const tensor = segment.tensor === null ? undefined : tensors.get(segment.tensor);
        const counterpart = segment.tensor === null ? undefined : ancestors.get(segment.tensor);
        const at = tensor === undefined ? 0 : typeof scale === "number" ? scale : scale(tensor.name);
        const isQuantized = tensor !== undefined && requantizer?.has(tensor.name) === true;
        if (
          tensor === undefined ||
          counterpart === undefined ||
          at === 0 ||
          !(isBlendable(tensor.dtype) || isQuantized)
        ) {
          yield* pieces(segment, (piece, offset) => own.read(piece, segment.byteOffset + offset));
        } else if (at === 1) {
          yield* pieces(counterpart, (piece, offset) => readValues(other, counterpart, offset, piece));
        } else if (isQuantized) {
          yield* requantizer!.pieces(own, other, tensor.name, at);
        } else {
          yield* blender.blend(own, tensor, other, counterpart, at);
        }
      }
    } finally {
      await opened.close();
    }
  } finally {
    scope.close();
  }
}

/** The same as one array: for models that are judged in memory. */
export async function blendToBytes(
  runtime: Runtime,
  drifted: ParameterFile,
  ancestor: ParameterFile,
  scale: ScaleOf,
  pairs?: readonly TensorPair[],
  requantizer: Requantizer | null = null,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(drifted.byteLength);
  let at = 0;
  for await (const piece of blendFiles(runtime, drifted, ancestor, scale, pairs, requantizer)) {
    bytes.set(piece, at);
    at += piece.byteLength;
  }
  return bytes;
}

async function* pieces(
  { byteLength }: Pick<Segment, "byteLength">,
  fill: (piece: Uint8Array, at: number) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < byteLength; at += parameterChunkBytes) {
    const piece = new Uint8Array(Math.min(parameterChunkBytes, byteLength - at));
    await fill(piece, at);
    yield piece;
  }
}

/** A chunk of each side in the arena; the drifted one becomes the result. */
interface Room {
  readonly driftedPtr: number;
  readonly ancestorPtr: number;
}

/** Two rooms: while one chunk is blended, hashed and written, the next is read. */
class Blender {
  readonly #runtime: Runtime;
  readonly #rooms: readonly [Room, Room];
  readonly #chunkBytes: number;

  constructor(runtime: Runtime, scope: Scope, { tensors }: ParameterFile) {
    this.#runtime = runtime;
    this.#chunkBytes = chunkBytesFor(runtime.arena, 4);
    const regionBytes = chunkRegionBytes(tensors, this.#chunkBytes);
    const room = () => ({
      driftedPtr: scope.allocate(regionBytes),
      ancestorPtr: scope.allocate(regionBytes),
    });
    this.#rooms = [room(), room()];
  }

  async *blend(
    drifted: ByteSource,
    tensor: TensorEntry,
    ancestor: ByteSource,
    other: TensorEntry,
    scale: number,
  ): AsyncGenerator<Uint8Array> {
    const { arena } = this.#runtime;
    const load = async (at: number, { driftedPtr, ancestorPtr }: Room): Promise<number> => {
      const byteLength = Math.min(this.#chunkBytes, tensor.byteLength - at);
      if (byteLength <= 0) return 0;
      // Both are waited for, also when one fails: the arena's room is somebody else's after that.
      const loaded = await Promise.allSettled([
        loadValues(arena, drifted, tensor, at, byteLength, driftedPtr),
        loadValues(arena, ancestor, other, at, byteLength, ancestorPtr),
      ]);
      for (const result of loaded) if (result.status === "rejected") throw result.reason;
      return byteLength;
    };
    let [room, free] = this.#rooms;
    const start = (at: number, into: Room): Promise<number> => {
      const loading = load(at, into);
      // Awaited when its turn comes, which may be later than it fails.
      loading.catch(() => undefined);
      return loading;
    };
    let pending = start(0, room);
    try {
      for (let at = 0; at < tensor.byteLength; ) {
        const byteLength = await pending;
        at += byteLength;
        pending = start(at, free);
        this.#blendRoom(room, tensor, byteLength, scale);
        yield arena.bytes.slice(room.driftedPtr, room.driftedPtr + byteLength);
        [room, free] = [free, room];
      }
    } finally {
      await pending.catch(() => undefined);
    }
  }

  #blendRoom(
    { driftedPtr, ancestorPtr }: Room,
    { name, dtype }: TensorEntry,
    byteLength: number,
    scale: number,
  ): void {
    const type = vectorTypeOf[dtype as BlendableDtype];
    const count = (byteLength * 8) / dtypeBits[dtype];
    if (this.#runtime.kernels.blend(type, driftedPtr, ancestorPtr, count, scale, driftedPtr)) return;
    throw new MendlineError(
      "MENDLINE_REPAIR_INCOMPATIBLE",
      `tensor ${quoted(name)}: a blend at scale ${scale} is not finite in ${dtype}; its weights, or the ancestor's, hold NaN, Inf or values near the type's end`,
      { details: { tensor: name, scale } },
    );
  }
}
