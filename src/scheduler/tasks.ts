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
  "wassersteinFromSortedKeys",
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
 * Nanoseconds a byte read, on one core of a server (AMD EPYC, Zen 4), for 9 edges, rounded; other types take half or twice as much. All
 * that hangs on it is whether workers are woken.
 */
const nsPerByte: Readonly<Record<TaskName, number>> = {
  countByEdges: 0.09,
  countByCells: 0.2,
  countCategories: 0.15,
  keysFrom: 0.2,
  sortKeys: 0.9,
  sumKeysExactly: 0.35,
  sumKeyPowersExactly: 0.9,
  moments: 0.24,
  ksFromSortedKeys: 0.7,
  wassersteinFromSortedKeys: 0.9,
  blend: 0.03,
  compareVectors: 0.1,
  subtract: 0.03,
  scale: 0.03,
  weightedSum: 0.03,
  encodeDelta: 0.08,
  decodeDelta: 0.08,
};

export const nsPerByteMax = Math.max(...Object.values(nsPerByte));

/** About how long a task takes on one thread. */
export function workMs({ kernel, workBytes }: Task): number {
  return workBytes * nsPerByte[kernel] * 1e-6;
}

/** Whether a task runs at the speed of memory, which one core all but uses up: a second worker saves nothing. */
export function isMemoryBound({ kernel, args }: Task): boolean {
  const isVectorStep =
    kernel === "blend" || kernel === "subtract" || kernel === "scale" || kernel === "weightedSum";
  return isVectorStep && (args[0] === "f32" || args[0] === "f64");
}

export function runTask(kernels: Kernels, task: Task): unknown {
  const kernel = kernels[task.kernel] as (...args: Task["args"]) => unknown;
  return kernel.apply(kernels, task.args);
}

/** A task's kernel calls one by one, for the calling thread; null where it is one call. */
export function stepsOf(kernels: Kernels, task: Task): Iterable<void> | null {
  switch (task.kernel) {
    case "sortKeys":
      return kernels.sortSteps(...task.args);
    case "ksFromSortedKeys":
      return kernels.ksSteps(...task.args);
    case "wassersteinFromSortedKeys":
      return kernels.wassersteinSteps(...task.args);
    default:
      return null;
  }
}

/** Rows, keys or elements of a task's one kernel call. */
function rowsOf(task: Task): number {
  switch (task.kernel) {
    // In steps.
    case "sortKeys":
    case "ksFromSortedKeys":
    case "wassersteinFromSortedKeys":
      return 0;
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
    case "wassersteinFromSortedKeys":
      return task.args[3] !== task.args[2];
    default:
      return true;
  }
}
