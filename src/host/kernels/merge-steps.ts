/**
 * Distances of two sorted samples by merging their keys (assembly/ks.ts, assembly/wasserstein.ts), step by step: each step is one kernel
 * call that passes `partitionRows` keys at most, long runs of equal keys apart, which take no time.
 *
 * Samples of two kinds merge by the exact values behind their keys. Both distances are symmetrical, so a kernel for each pair is enough.
 */
import { partitionRows } from "../../limits.js";
import type { KeyKind } from "./types.js";

/** A sample's sorted keys in the arena: all of them, or a stretch. */
export interface SortedKeys {
  readonly kind: KeyKind;
  readonly ptr: number;
  readonly count: number;
  /** Where it is a stretch: keys of the sample before it, and in all. Both samples' stretches are cut before the same value. */
  readonly stretch?: { readonly before: number; readonly total: number };
}

/** @returns whether there is more to do, as WASM has it */
type MergeStep = (
  referencePtr: number,
  referenceCount: number,
  currentPtr: number,
  currentCount: number,
  keysMax: number,
  statePtr: number,
) => number;

type MixedPair = "F64I64" | "F64U64" | "I64U64";

export type MergeExports = { [P in MixedPair | "Keys" as `ksStep${P}`]: MergeStep } & {
  [P in MixedPair | Uppercase<KeyKind> as `wassersteinStep${P}`]: MergeStep;
};

/** Bytes of the state of a merge (assembly/merge.ts); the answer is in it, at 8. */
export const mergeStateBytes = 48;

const answerOffset = 8;
/** Words of u32: what stands before the stretches, and the samples' sizes. */
const stretchWord = 8;

/** Keys of one sample that a step passes: those of both are a partition. */
const stepKeys = partitionRows / 2;

/** In the order in which the kernels take them. */
const kindOrder: readonly KeyKind[] = ["f64", "i64", "u64"];

/** The numerator of D over n m (u64), after the last step: the largest gap at a value in both samples' stretches. */
export function ksNumeratorAt(memory: WebAssembly.Memory, statePtr: number): bigint {
  return new BigUint64Array(memory.buffer, statePtr + answerOffset, 1)[0]!;
}

/** W1 in the values' unit, after the last step; infinite beyond the largest double. */
export function wassersteinAt(memory: WebAssembly.Memory, statePtr: number): number {
  return new Float64Array(memory.buffer, statePtr + answerOffset, 1)[0]!;
}

/**
 * @param statePtr    `mergeStateBytes`, overwritten
 * @param carriedPtr  the state after the stretches before these, not modified; 0: these are the first
 */
export function* mergeSteps(
  kernels: MergeExports,
  distance: "ks" | "wasserstein",
  memory: WebAssembly.Memory,
  reference: SortedKeys,
  current: SortedKeys,
  statePtr: number,
  carriedPtr = 0,
): Generator<void> {
  const bytes = new Uint8Array(memory.buffer);
  if (carriedPtr === 0) bytes.fill(0, statePtr, statePtr + mergeStateBytes);
  else bytes.copyWithin(statePtr, carriedPtr, carriedPtr + mergeStateBytes);
  const isInOrder = kindOrder.indexOf(reference.kind) <= kindOrder.indexOf(current.kind);
  const [first, second] = isInOrder ? [reference, current] : [current, reference];
  const places = [first, second].map(({ stretch, count }) => stretch ?? { before: 0, total: count });
  if (places.some(({ total }) => total === 0)) return;
  const words = new Uint32Array(memory.buffer, statePtr, mergeStateBytes / 4);
  words.set([0, 0]);
  words.set([...places.map(({ before }) => before), ...places.map(({ total }) => total)], stretchWord);
  const step = stepOf(kernels, distance, first.kind, second.kind);
  while (step(first.ptr, first.count, second.ptr, second.count, stepKeys, statePtr) !== 0) yield;
}

function stepOf(
  kernels: MergeExports,
  distance: "ks" | "wasserstein",
  first: KeyKind,
  second: KeyKind,
): MergeStep {
  if (first !== second) {
    const pair = `${first.toUpperCase()}${second.toUpperCase()}` as MixedPair;
    return kernels[`${distance}Step${pair}`];
  }
  return distance === "ks"
    ? kernels.ksStepKeys
    : kernels[`wassersteinStep${first.toUpperCase() as Uppercase<KeyKind>}`];
}
