/** What numeric work runs on: one arena, the kernels over it, and the pool. */

import { Kernels } from "../host/kernels/kernels.js";
import { compileKernels, instantiateKernels } from "../host/kernels/module.js";
import { Arena } from "../host/memory/arena.js";
import { Scheduler } from "./scheduler.js";

export interface RuntimeOptions {
  /** Bound of the shared memory; default 256 MiB. */
  readonly memoryBytes?: number;
  /** Worker threads; default 0, everything on the calling thread. */
  readonly threads?: number;
}

export interface Runtime {
  readonly arena: Arena;
  readonly kernels: Kernels;
  readonly scheduler: Scheduler;
  close(): Promise<void>;
}

export async function openRuntime({ memoryBytes, threads = 0 }: RuntimeOptions = {}): Promise<Runtime> {
  const arena = new Arena(memoryBytes);
  const module = await compileKernels();
  const kernels = new Kernels(instantiateKernels(module, arena.memory), arena.memory);
  const scheduler = Scheduler.create({ threads, module, kernels });
  return { arena, kernels, scheduler, close: () => scheduler.close() };
}
