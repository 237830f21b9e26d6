/** How far apart two models' parameters are, tensor by tensor: cosine, norm, changed share. In streams, in bounded memory. */
import { MendlineError } from "../../errors.js";
import { comparisonChunkBytes } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { compareWords } from "../kernels/kernels.js";
import { type BlendableDtype, isBlendable, vectorTypeOf } from "./blend.js";
import { withModel } from "./open-files.js";
import { type Dtype, dtypeBits, type ParameterFile } from "./tensor-index.js";
import { chunkRegionBytes, readValues } from "./tensor-values.js";

/** A tensor, wherever its values lie. */
export interface TensorForm {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** A model's tensors and their values: of a file, or of the store. */
export interface TensorReader<Tensor extends TensorForm = TensorForm> {
  readonly tensors: readonly Tensor[];
  /** Fills `target` with a tensor's bytes from `at` on. Tensors are read one after the other, each from its beginning to its end. */
  read(tensor: Tensor, at: number, target: Uint8Array): Promise<void>;
}

export interface TensorComparison {
  readonly name: string;
  readonly elementCount: number;
  /** Of the two value vectors; 1 when both are zero, 0 when one is. Null for tensors that are not floats. */
  readonly cosine: number | null;
  /** |target - source| / |source|; null for tensors that are not floats, Infinity from a zero tensor. */
  readonly relativeNorm: number | null;
  /** Share of elements that differ. */
  readonly changedShare: number;
  /** Euclidean, of the values of each; null for tensors that are not floats. */
  readonly sourceNorm: number | null;
  readonly targetNorm: number | null;
}

export interface ParameterComparison {
  readonly tensors: readonly TensorComparison[];
  /** Names that only one of the two has, or has in another type or shape. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly reshaped: readonly string[];
  /**
   * Over the float tensors that tell: more than one element, some difference, and none of the two all zeros, which has no direction.
   * Weighted by elements; 1 where there is none.
   */
  readonly cosine: number;
  /** Elements behind `cosine`. */
  readonly comparedElements: number;
  readonly isFinite: boolean;
}

/**
 * Independent random vectors of n elements have a cosine of about 1 / sqrt(n): twice that is taken as noise, within these bounds.
 * Fine-tuned children stay far above them (0.8 and more on the rain example). The upper one is for a handful of elements, where chance
 * reaches any cosine: nothing can be proven then, and the gate decides.
 */
export const relatedCosineMin = 0.1;
const relatedCosineMax = 0.5;

export function areUnrelated(
  comparison: Pick<ParameterComparison, "tensors" | "cosine" | "comparedElements">,
): boolean {
  const { comparedElements, cosine } = comparison;
  if (comparedElements === 0 || areMostlyTheSame(comparison)) return false;
  const noise = 2 / Math.sqrt(comparedElements);
  return cosine < Math.min(Math.max(relatedCosineMin, noise), relatedCosineMax);
}

/** A new head on a frozen body: no two trainings come to the same bits, so that untouched tensors vouch for the rest. */
function areMostlyTheSame({ tensors }: Pick<ParameterComparison, "tensors">): boolean {
  const floats = tensors.filter((one) => one.cosine !== null && one.elementCount > 1);
  const same = floats.filter((one) => one.changedShare === 0);
  return elementsOf(same) > elementsOf(floats) / 2;
}

function elementsOf(tensors: readonly TensorComparison[]): number {
  return tensors.reduce((sum, { elementCount }) => sum + elementCount, 0);
}

/** Reads both files once, in bounded memory. */
export async function compareParameters(
  runtime: Runtime,
  source: ParameterFile,
  target: ParameterFile,
  matched: MatchedTensors = matchByName(source.tensors, target.tensors),
): Promise<ParameterComparison> {
  return withTensorsOf(source, (left) =>
    withTensorsOf(target, (right) => compareTensors(runtime, left, right, undefined, matched)),
  );
}

/** Which tensors are compared with which. */
export interface MatchedTensors {
  readonly pairs: readonly (readonly [source: TensorForm, target: TensorForm])[];
  /** Names, as in the comparison. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly reshaped: readonly string[];
}

function matchByName(source: readonly TensorForm[], target: readonly TensorForm[]): MatchedTensors {
  const targets = new Map(target.map((tensor) => [tensor.name, tensor]));
  const sourceNames = new Set(source.map((tensor) => tensor.name));
  const pairs: [TensorForm, TensorForm][] = [];
  const reshaped: string[] = [];
  for (const tensor of source) {
    const other = targets.get(tensor.name);
    if (other === undefined) continue;
    if (haveSameForm(tensor, other)) pairs.push([tensor, other]);
    else reshaped.push(tensor.name);
  }
  return {
    pairs,
    added: target.filter(({ name }) => !sourceNames.has(name)).map(({ name }) => name),
    removed: source.filter(({ name }) => !targets.has(name)).map(({ name }) => name),
    reshaped,
  };
}

/** A file's tensors for the time of `use`. */
export async function withTensorsOf<T>(
  file: ParameterFile,
  use: (reader: TensorReader) => Promise<T>,
): Promise<T> {
  const entries = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  return withModel(file, (bytes) =>
    use({
      tensors: file.tensors,
      read: ({ name }, at, target) => readValues(bytes, entries.get(name)!, at, target),
    }),
  );
}

/** @throws MendlineError MENDLINE_TASK_ABORTED  by the signal; what the readers throw */
export async function compareTensors(
  runtime: Runtime,
  source: TensorReader,
  target: TensorReader,
  signal?: AbortSignal,
  { pairs, added, removed, reshaped }: MatchedTensors = matchByName(source.tensors, target.tensors),
): Promise<ParameterComparison> {
  const compared = await comparePairs(runtime, source, target, pairs, signal);
  return {
    tensors: compared,
    ...telling(compared),
    added,
    removed,
    reshaped,
    isFinite: compared.every((one) => one.cosine === null || !Number.isNaN(one.cosine)),
  };
}

/** The cosine over what tells of kinship, and how much that is. */
export function telling(
  tensors: readonly TensorComparison[],
): Pick<ParameterComparison, "cosine" | "comparedElements"> {
  // A cosine of exactly 0 is that of a tensor of zeros.
  const told = tensors.filter(
    (one) => one.cosine !== null && one.cosine !== 0 && one.elementCount > 1 && one.changedShare > 0,
  );
  const comparedElements = elementsOf(told);
  const weighted = told.reduce((sum, one) => sum + one.cosine! * one.elementCount, 0);
  return { cosine: comparedElements === 0 ? 1 : weighted / comparedElements, comparedElements };
}

export function haveSameForm(left: TensorForm, right: TensorForm): boolean {
  return (
    left.dtype === right.dtype &&
    left.shape.length === right.shape.length &&
    left.shape.every((size, i) => size === right.shape[i])
  );
}

async function comparePairs(
  runtime: Runtime,
  source: TensorReader,
  target: TensorReader,
  pairs: MatchedTensors["pairs"],
  signal: AbortSignal | undefined,
): Promise<TensorComparison[]> {
  const scope = runtime.arena.scope();
  try {
    const regionBytes = chunkRegionBytes(
      pairs.map(([tensor]) => tensor),
      comparisonChunkBytes,
    );
    const regions = {
      source: scope.allocate(regionBytes),
      target: scope.allocate(regionBytes),
      out: scope.allocate(compareWords * 8),
    };
    const compared: TensorComparison[] = [];
    for (const [left, right] of pairs) {
      const pieces = piecesOf(runtime, regions, { source, left, target, right }, signal);
      compared.push(await comparePair(runtime, regions, left, pieces));
    }
    return compared;
  } finally {
    scope.close();
  }
}

type Regions = Readonly<Record<"source" | "target" | "out", number>>;

interface Pair {
  readonly source: TensorReader;
  readonly left: TensorForm;
  readonly target: TensorReader;
  readonly right: TensorForm;
}

/** Puts one stretch of both after the other into the regions, and tells its bytes. */
async function* piecesOf(
  runtime: Runtime,
  regions: Regions,
  { source, left, target, right }: Pair,
  signal: AbortSignal | undefined,
): AsyncGenerator<number> {
  const { memory } = runtime.arena;
  for (let at = 0; at < left.byteLength; at += comparisonChunkBytes) {
    if (signal?.aborted)
      throw new MendlineError("MENDLINE_TASK_ABORTED", "comparing models was cancelled", {
        cause: signal.reason,
      });
    const byteLength = Math.min(comparisonChunkBytes, left.byteLength - at);
    await source.read(left, at, new Uint8Array(memory.buffer, regions.source, byteLength));
    await target.read(right, at, new Uint8Array(memory.buffer, regions.target, byteLength));
    yield byteLength;
  }
}

async function comparePair(
  runtime: Runtime,
  regions: Regions,
  { name, dtype, shape }: TensorForm,
  pieces: AsyncIterable<number>,
): Promise<TensorComparison> {
  const elementCount = shape.reduce((product, size) => product * size, 1);
  if (!isBlendable(dtype)) {
    const changed = await changedElements(runtime, regions, dtype, pieces);
    const changedShare = elementCount === 0 ? 0 : Math.min(1, changed / elementCount);
    const none = { cosine: null, relativeNorm: null, sourceNorm: null, targetNorm: null };
    return { name, elementCount, ...none, changedShare };
  }
  const sums = await sumsOf(runtime, regions, dtype, pieces);
  return floatComparison(name, elementCount, sums);
}

/** Sums over the elements of two tensors of floats. */
export type Sums = [dot: number, source: number, target: number, gap: number, changed: number];

export function floatComparison(
  name: string,
  elementCount: number,
  [dot, sourceSquares, targetSquares, gapSquares, changed]: Sums,
): TensorComparison {
  const [sourceNorm, targetNorm] = [Math.sqrt(sourceSquares), Math.sqrt(targetSquares)];
  const norms = sourceNorm * targetNorm;
  const bothZero = sourceSquares === 0 && targetSquares === 0;
  return {
    name,
    elementCount,
    cosine: bothZero ? 1 : norms === 0 ? 0 : dot / norms,
    relativeNorm: gapSquares === 0 ? 0 : Math.sqrt(gapSquares / sourceSquares),
    changedShare: elementCount === 0 ? 0 : changed / elementCount,
    sourceNorm,
    targetNorm,
  };
}

async function sumsOf(
  runtime: Runtime,
  regions: Regions,
  dtype: BlendableDtype,
  pieces: AsyncIterable<number>,
): Promise<Sums> {
  const sums = new Float64Array(compareWords);
  const width = dtypeBits[dtype] / 8;
  for await (const byteLength of pieces) {
    const elements = byteLength / width;
    runtime.kernels.compareVectors(
      vectorTypeOf[dtype],
      regions.source,
      regions.target,
      elements,
      regions.out,
    );
    const parts = new Float64Array(runtime.arena.memory.buffer, regions.out, compareWords);
    for (const [i, part] of parts.entries()) sums[i]! += part;
  }
  return [...sums] as Sums;
}

/** Of whole numbers, truth values and the like: elements whose bytes differ. Where elements share a byte, all of them count. */
async function changedElements(
  runtime: Runtime,
  regions: Regions,
  dtype: Dtype,
  pieces: AsyncIterable<number>,
): Promise<number> {
  const bits = dtypeBits[dtype];
  let changed = 0;
  for await (const byteLength of pieces) {
    const { buffer } = runtime.arena.memory;
    const Words = bits === 16 ? Uint16Array : bits >= 32 ? Uint32Array : Uint8Array;
    const count = byteLength / Words.BYTES_PER_ELEMENT;
    const [source, target] = [regions.source, regions.target].map((at) => new Words(buffer, at, count));
    changed += changedRuns(source!, target!, Math.max(1, bits / 32));
  }
  return bits > 0 && bits < 8 ? (changed * 8) / bits : changed;
}

/** Runs of so many words, one run an element, that are not the same. */
function changedRuns(source: ArrayLike<number>, target: ArrayLike<number>, words: number): number {
  let changed = 0;
  for (let at = 0; at < source.length; at += words) {
    let word = 0;
    while (word < words && source[at + word] === target[at + word]) word++;
    if (word < words) changed++;
  }
  return changed;
}
