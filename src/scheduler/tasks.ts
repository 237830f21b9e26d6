/**
 * What a worker can be asked: a kernel's wrapper by name with its arguments. A task is a handful of integers; what it reads and
 * writes lies in the shared memory.
 */
import type { Kernels } from "../host/kernels/kernels.js";
import { partitionRows } from "../limits.js";

/** The kernels that tasks name, as their wrappers are called. */
const kernelNames = [
  "countByEdges",
  "countByCells",
  "countCategories",
  "keysFrom",
  "sortKeys",
  "sumKeysExactly",
  "sumKeyPowersExactly",
  "moments",
  "ksFromSortedKeys",
  "blend",
  "compareVectors",
  "subtract",
  "scale",
  "weightedSum",
  "encodeDelta",
  "decodeDelta",
] as const satisfies readonly (keyof Kernels)[];

export type TaskName = (typeof kernelNames)[number];
export type TaskResult<N extends TaskName> = ReturnType<Kernels[N]>;

export type Task = {
  [N in TaskName]: {
    readonly kernel: N;
    readonly args: Parameters<Kernels[N]>;
    /** Bytes that the kernel reads: what its time is estimated from. */
    readonly workBytes: number;
  };
}[TaskName];

/**
 * Nanoseconds a byte read, on one core of a server (AMD EPYC, Zen 4), rounded; edges and lanes of other types make it half or twice as
 * much. All that hangs on it is whether workers are woken.
 */
const nsPerByte: Readonly<Record<TaskName, number>> = {
  countByEdges: 0.2,
  countByCells: 0.5,
  countCategories: 0.25,
  keysFrom: 0.2,
  sortKeys: 1.5,
  sumKeysExactly: 0.5,
  sumKeyPowersExactly: 1.5,
  moments: 0.25,
  ksFromSortedKeys: 0.5,
  blend: 0.05,
  compareVectors: 0.1,
  subtract: 0.05,
  scale: 0.05,
  weightedSum: 0.05,
  encodeDelta: 0.2,
  decodeDelta: 0.2,
};

/** About how long a task takes. */
export function workMs({ kernel, workBytes }: Task): number {
  return workBytes * nsPerByte[kernel] * 1e-6;
}

export function runTask(kernels: Kernels, task: Task): unknown {
  const kernel = kernels[task.kernel] as (...args: Task["args"]) => unknown;
  return kernel.apply(kernels, task.args);
}

/** A task's kernel calls one by one, for the calling thread; null where it is one call. */
export function stepsOf(kernels: Kernels, task: Task): Iterable<void> | null {
  return task.kernel === "sortKeys" ? kernels.sortSteps(...task.args) : null;
}

/** Rows, keys or elements of a task's one kernel call. */
function rowsOf(task: Task): number {
  switch (task.kernel) {
    // In steps.
    case "sortKeys":
      return 0;
    case "ksFromSortedKeys":
      return task.args[1] + task.args[3];
    case "blend":
    case "compareVectors":
    case "subtract":
    case "encodeDelta":
    case "decodeDelta":
      return task.args[3];
    case "scale":
    case "weightedSum":
    case "sumKeysExactly":
    case "sumKeyPowersExactly":
      return task.args[2];
    default:
      return task.args[1].rowCount;
  }
}

/** A call that nobody can interrupt must be short on any thread: callers cut their work (partition.ts). */
export function assertBounded(task: Task): void {
  const rows = rowsOf(task);
  if (!(rows <= partitionRows))
    throw new RangeError(`a task of ${rows} rows: cut it into tasks of ${partitionRows} at most`);
}

/** Whether a task whose worker died half way can run again: not where it may have begun to overwrite what it reads. */
export function isRepeatable(task: Task): boolean {
  switch (task.kernel) {
    case "sortKeys":
      return false;
    case "keysFrom":
      return task.args[2] !== task.args[1].valuesPtr;
    case "blend":
      return task.args[5] !== task.args[1] && task.args[5] !== task.args[2];
    case "subtract":
      return task.args[4] !== task.args[1] && task.args[4] !== task.args[2];
    case "scale":
      return task.args[4] !== task.args[1];
    case "weightedSum":
      return task.args[1].every(({ ptr }) => ptr !== task.args[4]);
    case "decodeDelta":
      return task.args[4] !== task.args[1];
    default:
      return true;
  }
}
