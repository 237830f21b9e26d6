/**
 * Distances of two sorted samples by merging their keys (assembly/ks.ts, assembly/wasserstein.ts), step by step: each step is one kernel
 * call that passes `partitionRows` keys at most, long runs of equal keys apart, which take no time.
 *
 * Samples of two kinds merge by the exact values behind their keys. Both distances are symmetrical, so a kernel for each pair is enough.
 */
import { partitionRows } from "../../limits.js";
import type { KeyKind } from "./types.js";

/** A stretch of sorted keys in the arena. */
export interface SortedKeys {
  readonly kind: KeyKind;
  readonly ptr: number;
  readonly count: number;
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

/** Bytes of the state of a merge; the answer is in it, at 8. */
export const mergeStateBytes = 24;

const answerOffset = 8;

/** Keys of one sample that a step passes: those of both are a partition. */
const stepKeys = partitionRows / 2;

/** In the order in which the kernels take them. */
const kindOrder: readonly KeyKind[] = ["f64", "i64", "u64"];

/** The numerator of D over n m (u64), after the last step. */
export function ksNumeratorAt(memory: WebAssembly.Memory, statePtr: number): bigint {
  return new BigUint64Array(memory.buffer, statePtr + answerOffset, 1)[0]!;
}

/** W1 in the values' unit, after the last step; infinite beyond the largest double. */
export function wassersteinAt(memory: WebAssembly.Memory, statePtr: number): number {
  return new Float64Array(memory.buffer, statePtr + answerOffset, 1)[0]!;
}

/** @param statePtr  `mergeStateBytes`, overwritten */
export function* mergeSteps(
  kernels: MergeExports,
  distance: "ks" | "wasserstein",
  memory: WebAssembly.Memory,
  reference: SortedKeys,
  current: SortedKeys,
  statePtr: number,
): Generator<void> {
  new Uint8Array(memory.buffer, statePtr, mergeStateBytes).fill(0);
  if (reference.count === 0 || current.count === 0) return;
  const isInOrder = kindOrder.indexOf(reference.kind) <= kindOrder.indexOf(current.kind);
  const [first, second] = isInOrder ? [reference, current] : [current, reference];
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
