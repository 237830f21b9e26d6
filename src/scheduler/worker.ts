/** A worker's whole life: one kernel instance over the shared memory, and runs to take part in. Never imports Level or Arrow: start cost. */
import { threadId, workerData } from "node:worker_threads";
import { Kernels } from "../host/kernels/kernels.js";
import { instantiateKernels } from "../host/kernels/module.js";
import { Board, type BoardSize } from "./board.js";
import type { Task } from "./tasks.js";
import { type Outcome, work } from "./work.js";

export interface WorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/** A worker's part in a run. */
export interface Part {
  readonly tasks: readonly Task[];
  readonly board: SharedArrayBuffer;
  readonly size: BoardSize;
  readonly lane: number;
  /** The task that the lane's worker before was at when it died; null for none. */
  readonly first: number | null;
}

const { module, memory } = workerData as WorkerData;
const kernels = new Kernels(instantiateKernels(module, memory), memory);

export default function takePart({ tasks, board, size, lane, first }: Part): Outcome {
  return work(kernels, tasks, new Board(size, board), { lane, threadId }, first);
}
