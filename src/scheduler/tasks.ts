/**
 * What a worker can be asked: a kernel's wrapper by name with its arguments. A task is a handful of integers; what it reads and
 * writes lies in the shared memory.
 */
import type { Kernels } from "../host/kernels/kernels.js";

/** Fused steps that would cost a round trip each. */
const steps = {
  countByEdges: (kernels: Kernels, ...a: Parameters<Kernels["countByEdges"]>) => kernels.countByEdges(...a),
  countByCells: (kernels: Kernels, ...a: Parameters<Kernels["countByCells"]>) => kernels.countByCells(...a),
  countCategories: (kernels: Kernels, ...a: Parameters<Kernels["countCategories"]>) =>
    kernels.countCategories(...a),
  keysFrom: (kernels: Kernels, ...a: Parameters<Kernels["keysFrom"]>) => kernels.keysFrom(...a),
  sortKeys: (kernels: Kernels, ...a: Parameters<Kernels["sortKeys"]>) => kernels.sortKeys(...a),
  moments: (kernels: Kernels, ...a: Parameters<Kernels["moments"]>) => kernels.moments(...a),
  ksFromSortedKeys: (kernels: Kernels, ...a: Parameters<Kernels["ksFromSortedKeys"]>) =>
    kernels.ksFromSortedKeys(...a),
  blend: (kernels: Kernels, ...a: Parameters<Kernels["blend"]>) => kernels.blend(...a),
  compareVectors: (kernels: Kernels, ...a: Parameters<Kernels["compareVectors"]>) =>
    kernels.compareVectors(...a),
  subtract: (kernels: Kernels, ...a: Parameters<Kernels["subtract"]>) => kernels.subtract(...a),
  scale: (kernels: Kernels, ...a: Parameters<Kernels["scale"]>) => kernels.scale(...a),
  weightedSum: (kernels: Kernels, ...a: Parameters<Kernels["weightedSum"]>) => kernels.weightedSum(...a),
  encodeDelta: (kernels: Kernels, ...a: Parameters<Kernels["encodeDelta"]>) => kernels.encodeDelta(...a),
  decodeDelta: (kernels: Kernels, ...a: Parameters<Kernels["decodeDelta"]>) => kernels.decodeDelta(...a),
} as const;

export type TaskName = keyof typeof steps;
type Arguments<N extends TaskName> = Parameters<Kernels[N]>;
export type TaskResult<N extends TaskName> = ReturnType<Kernels[N]>;

export type Task = {
  [N in TaskName]: {
    readonly kernel: N;
    readonly args: Arguments<N>;
    /** Bytes the kernel reads: what decides between inline and a worker. */
    readonly workBytes: number;
  };
}[TaskName];

export function runTask(kernels: Kernels, task: Task): unknown {
  const step = steps[task.kernel] as (kernels: Kernels, ...args: Task["args"]) => unknown;
  return step(kernels, ...task.args);
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
