/** Whether two models' parameters can be blended, and how far apart they are: names, types, shapes, finiteness, cosine, norm. */
import { MendlineError } from "../../errors.js";
import { parameterChunkBytes } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { compareWords } from "../kernels/kernels.js";
import type { Scope } from "../memory/arena.js";
import { isBlendable, vectorTypeOf } from "./blend.js";
import { type ByteSource, withFile } from "./byte-source.js";
import { dtypeBits, type ParameterFile, quoted, type TensorEntry } from "./tensor-index.js";
import { chunkRegionBytes, loadValues, readValues } from "./tensor-values.js";

export interface TensorComparison {
  readonly name: string;
  readonly elementCount: number;
  /** Of the two value vectors; 1 when both are zero, 0 when one is. Null for tensors that are not floats. */
  readonly cosine: number | null;
  /** |target - source| / |source|; null for tensors that are not floats, Infinity from a zero tensor. */
  readonly relativeNorm: number | null;
  /** Share of elements that differ. */
  readonly changedShare: number;
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

export function areUnrelated(comparison: ParameterComparison): boolean {
  const { comparedElements, cosine } = comparison;
  if (comparedElements === 0 || areMostlyTheSame(comparison)) return false;
  const noise = 2 / Math.sqrt(comparedElements);
  return cosine < Math.min(Math.max(relatedCosineMin, noise), relatedCosineMax);
}

/** A new head on a frozen body: no two trainings come to the same bits, so that untouched tensors vouch for the rest. */
function areMostlyTheSame({ tensors }: ParameterComparison): boolean {
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
): Promise<ParameterComparison> {
  const targets = new Map(target.tensors.map((tensor) => [tensor.name, tensor]));
  const sourceNames = new Set(source.tensors.map((tensor) => tensor.name));
  const pairs: [TensorEntry, TensorEntry][] = [];
  const reshaped: string[] = [];
  for (const tensor of source.tensors) {
    const other = targets.get(tensor.name);
    if (other === undefined) continue;
    if (haveSameForm(tensor, other)) pairs.push([tensor, other]);
    else reshaped.push(tensor.name);
  }
  const compared = await comparePairs(runtime, source.path, target.path, pairs);
  // A cosine of exactly 0 is that of a tensor of zeros.
  const telling = compared.filter(
    (one) => one.cosine !== null && one.cosine !== 0 && one.elementCount > 1 && one.changedShare > 0,
  );
  const comparedElements = elementsOf(telling);
  const weighted = telling.reduce((sum, one) => sum + one.cosine! * one.elementCount, 0);
  return {
    tensors: compared,
    added: target.tensors.filter((tensor) => !sourceNames.has(tensor.name)).map((tensor) => tensor.name),
    removed: source.tensors.filter((tensor) => !targets.has(tensor.name)).map((tensor) => tensor.name),
    reshaped,
    cosine: comparedElements === 0 ? 1 : weighted / comparedElements,
    comparedElements,
    isFinite: compared.every((one) => one.cosine === null || !Number.isNaN(one.cosine)),
  };
}

/**
 * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE  names, types or shapes differ, values are not finite, weights are quantised;
 * MENDLINE_REPAIR_UNRELATED  the weights have nothing in common
 */
export async function assertBlendable(
  runtime: Runtime,
  drifted: ParameterFile,
  ancestor: ParameterFile,
): Promise<ParameterComparison> {
  const refuse = (why: string, details = {}) =>
    new MendlineError("MENDLINE_REPAIR_INCOMPATIBLE", why, { details });
  if (drifted.format !== ancestor.format) {
    throw refuse(
      `the drifted model is ${drifted.format}, the ancestor ${ancestor.format}: both must be of one format`,
    );
  }
  if (drifted.quantized || ancestor.quantized) {
    throw refuse(
      "the weights are quantised, and quantised values do not blend: repair the float model and quantise it again",
    );
  }
  const comparison = await compareParameters(runtime, drifted, ancestor);
  const first = (names: readonly string[]) => names.slice(0, 3).map(quoted).join(", ");
  if (comparison.added.length + comparison.removed.length > 0) {
    throw refuse(
      `tensors differ: ${comparison.removed.length} are only in the drifted model (${first(comparison.removed)}), ${comparison.added.length} only in the ancestor (${first(comparison.added)})`,
    );
  }
  if (comparison.reshaped.length > 0) throw refuse(`types or shapes differ in ${first(comparison.reshaped)}`);
  const changed = new Set(comparison.tensors.filter((one) => one.changedShare > 0).map((one) => one.name));
  const inline = drifted.tensors.find(
    (tensor) => isBlendable(tensor.dtype) && tensor.inline !== null && changed.has(tensor.name),
  );
  if (inline !== undefined) {
    throw refuse(
      `tensor ${quoted(inline.name)} is stored value by value and cannot be patched: export it as raw_data`,
    );
  }
  const narrowFloat = drifted.tensors.find(
    (tensor) => /^(F[468]|C)/.test(tensor.dtype) && tensor.dtype !== "F64",
  );
  if (narrowFloat !== undefined)
    throw refuse(`tensor ${quoted(narrowFloat.name)} is ${narrowFloat.dtype}, which does not blend`);
  if (!comparison.isFinite) throw refuse("weights hold NaN or Inf");
  if (areUnrelated(comparison)) {
    throw new MendlineError(
      "MENDLINE_REPAIR_UNRELATED",
      `the weights are unrelated: cosine ${comparison.cosine.toFixed(3)} over ${comparison.comparedElements} elements; is the recorded parent right?`,
      { details: { cosine: comparison.cosine, comparedElements: comparison.comparedElements } },
    );
  }
  return comparison;
}

function haveSameForm(left: TensorEntry, right: TensorEntry): boolean {
  return (
    left.dtype === right.dtype &&
    left.shape.length === right.shape.length &&
    left.shape.every((size, i) => size === right.shape[i])
  );
}

async function comparePairs(
  runtime: Runtime,
  sourcePath: string,
  targetPath: string,
  pairs: readonly [TensorEntry, TensorEntry][],
): Promise<TensorComparison[]> {
  return withFile(sourcePath, (source) =>
    withFile(targetPath, async (target) => {
      const scope = runtime.arena.scope();
      try {
        const regionBytes = chunkRegionBytes(
          pairs.map(([tensor]) => tensor),
          parameterChunkBytes,
        );
        const regions = {
          source: scope.allocate(regionBytes),
          target: scope.allocate(regionBytes),
          out: scope.allocate(compareWords * 8),
        };
        const compared: TensorComparison[] = [];
        for (const [left, right] of pairs)
          compared.push(await comparePair(runtime, regions, source, left, target, right));
        return compared;
      } finally {
        scope.close();
      }
    }),
  );
}

type Regions = Readonly<Record<"source" | "target" | "out", ReturnType<Scope["allocate"]>>>;

async function comparePair(
  runtime: Runtime,
  regions: Regions,
  source: ByteSource,
  left: TensorEntry,
  target: ByteSource,
  right: TensorEntry,
): Promise<TensorComparison> {
  const elementCount = left.shape.reduce((product, size) => product * size, 1);
  const name = left.name;
  if (!isBlendable(left.dtype)) {
    const changed = await bytesDiffer(source, left, target, right);
    return { name, elementCount, cosine: null, relativeNorm: null, changedShare: changed ? 1 : 0 };
  }
  const sums = new Float64Array(compareWords);
  const width = dtypeBits[left.dtype] / 8;
  for (let at = 0; at < left.byteLength; at += parameterChunkBytes) {
    const byteLength = Math.min(parameterChunkBytes, left.byteLength - at);
    await loadValues(runtime.arena, source, left, at, byteLength, regions.source);
    await loadValues(runtime.arena, target, right, at, byteLength, regions.target);
    const type = vectorTypeOf[left.dtype];
    runtime.kernels.compareVectors(type, regions.source, regions.target, byteLength / width, regions.out);
    const parts = new Float64Array(runtime.arena.memory.buffer, regions.out, compareWords);
    for (const [i, part] of parts.entries()) sums[i]! += part;
  }
  const [dot, sourceSquares, targetSquares, gapSquares, changed] = sums as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  const norms = Math.sqrt(sourceSquares) * Math.sqrt(targetSquares);
  const bothZero = sourceSquares === 0 && targetSquares === 0;
  return {
    name,
    elementCount,
    cosine: bothZero ? 1 : norms === 0 ? 0 : dot / norms,
    relativeNorm: gapSquares === 0 ? 0 : Math.sqrt(gapSquares / sourceSquares),
    changedShare: elementCount === 0 ? 0 : changed / elementCount,
  };
}

async function bytesDiffer(
  source: ByteSource,
  left: TensorEntry,
  target: ByteSource,
  right: TensorEntry,
): Promise<boolean> {
  for (let at = 0; at < left.byteLength; at += parameterChunkBytes) {
    const byteLength = Math.min(parameterChunkBytes, left.byteLength - at);
    const pieces = [];
    for (const [file, tensor] of [
      [source, left],
      [target, right],
    ] as const) {
      const piece = new Uint8Array(byteLength);
      await readValues(file, tensor, at, piece);
      pieces.push(piece);
    }
    if (Buffer.compare(pieces[0]!, pieces[1]!) !== 0) return true;
  }
  return false;
}
