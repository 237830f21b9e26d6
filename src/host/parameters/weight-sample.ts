/**
 * A few weights of a model that stand for all of them: enough to tell at a glance whether two models are related, and how closely.
 * Independent weights have a cosine of about 1 / sqrt(n), so that 100,000 of them tell a cosine of 0.01 from nothing.
 */
import { kinshipElementsMax } from "../../limits.js";
import { widen } from "../kernels/halves.js";
import { type BlendableDtype, isBlendable } from "./blend.js";
import { floatComparison, type TensorComparison, type TensorForm, type TensorReader } from "./comparison.js";
import { dtypeBits } from "./tensor-index.js";

/** Elements to be read from the beginning of each tensor, by its name. */
export type SamplePlan = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly elementCount: number }
>;

export interface WeightSample {
  readonly values: ReadonlyMap<string, Float64Array>;
}

/**
 * Half of the tensors are the largest ones, the others are spread over the rest: what is trained anew is often small.
 *
 * @param tensorsMax  at most so many; each costs a read
 */
export function samplePlan(tensors: readonly TensorForm[], tensorsMax: number): SamplePlan {
  const floats = tensors.filter((tensor) => isBlendable(tensor.dtype) && elementsOf(tensor) > 1);
  const bySize = floats.toSorted((left, right) => elementsOf(right) - elementsOf(left));
  const largest = bySize.slice(0, Math.ceil(tensorsMax / 2));
  const rest = floats.filter((tensor) => !largest.includes(tensor));
  const step = Math.max(1, rest.length / Math.floor(tensorsMax / 2));
  const spread: TensorForm[] = [];
  for (let at = rest.length - 1; at >= 0 && spread.length < tensorsMax - largest.length; at -= step)
    spread.push(rest[Math.round(at)]!);
  const share = Math.floor(kinshipElementsMax / tensorsMax);
  return new Map(
    [...largest, ...spread].map((tensor) => [
      tensor.name,
      { shape: tensor.shape, elementCount: Math.min(share, elementsOf(tensor)) },
    ]),
  );
}

function elementsOf({ shape }: Pick<TensorForm, "shape">): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** What the model has of the plan: tensors of the same name and shape, of any float type. */
export async function readSample(reader: TensorReader, plan: SamplePlan): Promise<WeightSample> {
  const values = new Map<string, Float64Array>();
  for (const tensor of reader.tensors) {
    const wanted = plan.get(tensor.name);
    if (wanted === undefined || !isBlendable(tensor.dtype) || tensor.shape.join() !== wanted.shape.join())
      continue;
    const bytes = new Uint8Array((wanted.elementCount * dtypeBits[tensor.dtype]) / 8);
    await reader.read(tensor, 0, bytes);
    values.set(tensor.name, decoded(tensor.dtype, bytes, wanted.elementCount));
  }
  return { values };
}

function decoded(dtype: BlendableDtype, bytes: Uint8Array, elementCount: number): Float64Array {
  if (dtype === "F64") return new Float64Array(bytes.buffer);
  if (dtype === "F32") return Float64Array.from(new Float32Array(bytes.buffer));
  const singles = new Float32Array(elementCount);
  widen(dtype, bytes, singles);
  return Float64Array.from(singles);
}

/** Tensor by tensor, over what both samples hold. */
export function compareSamples(source: WeightSample, target: WeightSample): TensorComparison[] {
  const compared: TensorComparison[] = [];
  for (const [name, left] of source.values) {
    const right = target.values.get(name);
    if (right !== undefined) compared.push(floatComparison(name, left.length, sumsOf(left, right)));
  }
  return compared;
}

function sumsOf(source: Float64Array, target: Float64Array): Parameters<typeof floatComparison>[2] {
  let [dot, sourceSquares, targetSquares, gapSquares, changed] = [0, 0, 0, 0, 0];
  for (let i = 0; i < source.length; i++) {
    const [left, right] = [source[i]!, target[i]!];
    dot += left * right;
    sourceSquares += left * left;
    targetSquares += right * right;
    gapSquares += (right - left) ** 2;
    if (left !== right) changed++;
  }
  return [dot, sourceSquares, targetSquares, gapSquares, changed];
}

/**
 * How far apart two models are: |target - source| over the root mean square of their norms, tensor by tensor, squares averaged by
 * elements, so that no tensor counts for its scale. 0 for the same weights, sqrt(2) for independent ones. What only one of them has
 * counts as independent.
 *
 * @param sharedShare  share of the elements that both have
 */
export function weightDistance(tensors: readonly TensorComparison[], sharedShare: number): number {
  let [squares, elements] = [0, 0];
  for (const { relativeNorm, sourceNorm, targetNorm, elementCount } of tensors) {
    if (relativeNorm === null || sourceNorm === null || targetNorm === null) continue;
    const meanSquare = (sourceNorm ** 2 + targetNorm ** 2) / 2;
    if (meanSquare === 0) continue;
    const gap = sourceNorm === 0 ? targetNorm : relativeNorm * sourceNorm;
    squares += (gap ** 2 / meanSquare) * elementCount;
    elements += elementCount;
  }
  const shared = elements === 0 ? 0 : squares / elements;
  return Math.sqrt(sharedShare * shared + (1 - sharedShare) * strangers ** 2);
}

/** Distance of models that have nothing in common. */
export const strangers = Math.SQRT2;
