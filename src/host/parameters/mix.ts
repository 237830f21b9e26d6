/**
 * mixed = drifted + the sum of weight * (ancestor - drifted), over several ancestors: file to bytes, in a bounded stretch of memory.
 * Summed in f32 at least (half-width floats are widened first) and stored in the original type; everything else is copied from the
 * drifted file, as in blend.ts.
 */
import { MendlineError } from "../../errors.js";
import { parameterChunkBytes, weightedVectorsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { weightedEntryBytes } from "../kernels/kernels.js";
import type { Scope } from "../memory/arena.js";
import { type BlendableDtype, isBlendable, vectorTypeOf } from "./blend.js";
import { openFiles } from "./open-files.js";
import type { TensorPair } from "./pairing.js";
import {
  dtypeBits,
  type ParameterFile,
  quoted,
  type Segment,
  segments,
  type TensorEntry,
} from "./tensor-index.js";
import { chunkBytesFor, chunkRegionBytes, loadValues } from "./tensor-values.js";

export interface MixTerm {
  readonly file: ParameterFile;
  readonly pairs: readonly TensorPair[];
  readonly weight: number;
}

/** Beside the drifted model. */
export const mixTermsMax = weightedVectorsMax - 1;

/**
 * The mixed file's bytes, in file order and in pieces of at most `parameterChunkBytes`; a piece is valid until the next.
 *
 * @param terms  at most `mixTermsMax`; a tensor that one of them lacks stays as the drifted model has it
 * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE  a mixed value is not finite
 */
export async function* mixFiles(
  runtime: Runtime,
  drifted: ParameterFile,
  terms: readonly MixTerm[],
): AsyncGenerator<Uint8Array> {
  if (!(terms.length >= 1 && terms.length <= mixTermsMax))
    throw new RangeError(`${terms.length} terms of a mix`);
  const tensors = new Map(drifted.tensors.map((tensor) => [tensor.name, tensor]));
  const counterparts = terms.map(
    ({ pairs }) => new Map(pairs.map((pair) => [pair.drifted.name, pair.ancestor])),
  );
  const scope = runtime.arena.scope();
  try {
    const mixer = new Mixer(runtime, scope, drifted, terms);
    const opened = await openFiles([drifted, ...terms.map(({ file }) => file)]);
    try {
      const [own, ...others] = opened.sources as [ByteSource, ...ByteSource[]];
      for (const segment of segments(drifted)) {
        const tensor = segment.tensor === null ? undefined : tensors.get(segment.tensor);
        const parts = tensor === undefined ? [] : counterparts.map((byName) => byName.get(tensor.name));
        if (tensor === undefined || !isBlendable(tensor.dtype) || parts.includes(undefined)) {
          yield* copied(own, segment);
        } else yield* mixer.mix(own, tensor, others, parts as TensorEntry[]);
      }
    } finally {
      await opened.close();
    }
  } finally {
    scope.close();
  }
}

async function* copied(source: ByteSource, { byteOffset, byteLength }: Segment): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < byteLength; at += parameterChunkBytes) {
    const piece = new Uint8Array(Math.min(parameterChunkBytes, byteLength - at));
    await source.read(piece, byteOffset + at);
    yield piece;
  }
}

/** One region a vector, as it is summed, and one for what a file holds. */
class Mixer {
  readonly #runtime: Runtime;
  readonly #weights: readonly number[];
  readonly #chunkBytes: number;
  readonly #storedPtr: number;
  readonly #vectorPtrs: readonly number[];
  readonly #tablePtr: number;

  constructor(runtime: Runtime, scope: Scope, drifted: ParameterFile, terms: readonly MixTerm[]) {
    this.#runtime = runtime;
    const weights = terms.map(({ weight }) => weight);
    this.#weights = [1 - weights.reduce((sum, weight) => sum + weight, 0), ...weights];
    // Widened halves take twice their bytes.
    const chunkBytesMax = Math.min(
      parameterChunkBytes / 2,
      chunkBytesFor(runtime.arena, 1 + 2 * this.#weights.length),
    );
    this.#chunkBytes = Math.max(8, chunkRegionBytes(drifted.tensors, chunkBytesMax));
    this.#storedPtr = scope.allocate(this.#chunkBytes);
    this.#vectorPtrs = this.#weights.map(() => scope.allocate(2 * this.#chunkBytes));
    this.#tablePtr = scope.allocate(this.#weights.length * weightedEntryBytes);
  }

  async *mix(
    own: ByteSource,
    tensor: TensorEntry,
    others: readonly ByteSource[],
    parts: readonly TensorEntry[],
  ): AsyncGenerator<Uint8Array> {
    const dtype = tensor.dtype as BlendableDtype;
    const width = dtypeBits[dtype] / 8;
    const { arena } = this.#runtime;
    for (let at = 0; at < tensor.byteLength; at += this.#chunkBytes) {
      const byteLength = Math.min(this.#chunkBytes, tensor.byteLength - at);
      const count = byteLength / width;
      await this.#load(own, tensor, at, byteLength, this.#vectorPtrs[0]!);
      for (const [index, part] of parts.entries()) {
        await this.#load(others[index]!, part, at, byteLength, this.#vectorPtrs[index + 1]!);
      }
      if (!this.#sum(dtype, count)) throw notFinite(tensor, dtype);
      yield arena.bytes.slice(this.#storedPtr, this.#storedPtr + byteLength);
    }
  }

  async #load(
    source: ByteSource,
    tensor: TensorEntry,
    at: number,
    byteLength: number,
    ptr: number,
  ): Promise<void> {
    const { arena, kernels } = this.#runtime;
    const type = vectorTypeOf[tensor.dtype as BlendableDtype];
    if (type === "f32" || type === "f64") {
      await loadValues(arena, source, tensor, at, byteLength, ptr);
      return;
    }
    await loadValues(arena, source, tensor, at, byteLength, this.#storedPtr);
    kernels.widen(type, this.#storedPtr, byteLength / 2, ptr);
  }

  /** Leaves the sum where it is taken from; false where it is not finite. */
  #sum(dtype: BlendableDtype, count: number): boolean {
    const { kernels } = this.#runtime;
    const type = vectorTypeOf[dtype];
    const vectors = this.#vectorPtrs.map((ptr, index) => ({ ptr, weight: this.#weights[index]! }));
    if (type === "f32" || type === "f64")
      return kernels.weightedSum(type, vectors, count, this.#tablePtr, this.#storedPtr);
    const sumPtr = this.#vectorPtrs[0]!;
    const isSumFinite = kernels.weightedSum("f32", vectors, count, this.#tablePtr, sumPtr);
    return kernels.narrow(type, sumPtr, count, this.#storedPtr) && isSumFinite;
  }
}

function notFinite({ name }: TensorEntry, dtype: BlendableDtype): MendlineError {
  return new MendlineError(
    "MENDLINE_REPAIR_INCOMPATIBLE",
    `tensor ${quoted(name)}: a combination is not finite in ${dtype}; its weights, or an ancestor's, hold NaN, Inf or values near the type's end`,
    { details: { tensor: name } },
  );
}
