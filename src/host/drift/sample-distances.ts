/** How far pairs of sorted samples are apart, exactly: two tasks a pair, each a merge of both samples' keys. */
import type { Runtime } from "../../scheduler/runtime.js";
import type { Task } from "../../scheduler/tasks.js";
import { ksNumeratorAt, mergeStateBytes, type SortedKeys, wassersteinAt } from "../kernels/kernels.js";
import type { SortedSample } from "./sorted-sample.js";

export interface SamplePair {
  readonly reference: SortedSample;
  readonly current: SortedSample;
}

export interface SampleDistances {
  /** n m D of all present values; 0 where a sample has none. */
  readonly ksNumerator: bigint;
  /** W1 of the finite values, in their unit; 0 where a sample has none, infinite beyond the largest double. */
  readonly wasserstein: number;
}

/** Samples of two kinds compare by their exact values. */
export async function sampleDistances(
  runtime: Runtime,
  pairs: readonly SamplePair[],
  signal?: AbortSignal,
): Promise<SampleDistances[]> {
  const scope = runtime.arena.scope();
  try {
    const states = pairs.map(
      () => [scope.allocate(mergeStateBytes), scope.allocate(mergeStateBytes)] as const,
    );
    const tasks = pairs.flatMap((pair, index) => tasksOf(pair, ...states[index]!));
    await runtime.scheduler.run(tasks, { signal });
    const { memory } = runtime.arena;
    return states.map(([ks, wasserstein]) => ({
      ksNumerator: ksNumeratorAt(memory, ks),
      wasserstein: wassersteinAt(memory, wasserstein),
    }));
  } finally {
    scope.close();
  }
}

function tasksOf({ reference, current }: SamplePair, ksPtr: number, wassersteinPtr: number): Task[] {
  const workBytes = (reference.count + current.count) * 8;
  return [
    { kernel: "ksFromSortedKeys", args: [presentKeys(reference), presentKeys(current), ksPtr], workBytes },
    {
      kernel: "wassersteinFromSortedKeys",
      args: [finiteKeys(reference), finiteKeys(current), wassersteinPtr],
      workBytes,
    },
  ];
}

function presentKeys({ kind, ptr, count }: SortedSample): SortedKeys {
  return { kind, ptr, count };
}

function finiteKeys({ kind, ptr, finiteFrom, finiteCount }: SortedSample): SortedKeys {
  return { kind, ptr: ptr + finiteFrom * 8, count: finiteCount };
}
