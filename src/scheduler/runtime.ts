/** What numeric work runs on: one arena, the kernels over it, and the pool. */

import { MendlineError } from "../errors.js";
import { Kernels } from "../host/kernels/kernels.js";
import { compileKernels, instantiateKernels } from "../host/kernels/module.js";
import { Arena } from "../host/memory/arena.js";
import { threadsMax } from "../limits.js";
import type { WorkerPool } from "./pool.js";
import { Scheduler } from "./scheduler.js";
import { warmUpBytes, warmUpTasks } from "./warm-up.js";

export interface RuntimeOptions {
  /** Bound of the shared memory; default 256 MiB. */
  readonly memoryBytes?: number;
  /** Worker threads; default 0, everything on the calling thread. */
  readonly threads?: number;
}

/** For tests of what workers do when they fail; no part of the public API. */
export interface PoolConditions {
  readonly workerUrl?: URL;
  readonly deadlineMs?: number;
}

export interface Runtime {
  readonly arena: Arena;
  readonly kernels: Kernels;
  /** The compiled kernels, for memories of their own. */
  readonly module: WebAssembly.Module;
  readonly scheduler: Scheduler;
  close(): Promise<void>;
}

/** @throws MendlineError MENDLINE_KERNEL_LOAD, MENDLINE_ARGUMENT_INVALID; MENDLINE_TASK_FAILED  the workers do not start */
export async function openRuntime(
  { memoryBytes, threads = 0 }: RuntimeOptions = {},
  { workerUrl, deadlineMs }: PoolConditions = {},
): Promise<Runtime> {
  if (!(Number.isInteger(threads) && threads >= 0 && threads <= threadsMax)) {
    throw new MendlineError("MENDLINE_ARGUMENT_INVALID", `threads is ${threads}: choose 0 to ${threadsMax}`);
  }
  const arena = new Arena(memoryBytes);
  const module = await compileKernels();
  const kernels = new Kernels(instantiateKernels(module, arena.memory), arena.memory);
  const pool =
    threads === 0 ? null : await openPool(arena, threads, { module, memory: arena.memory }, workerUrl);
  const scheduler = new Scheduler(kernels, pool, deadlineMs);
  return { arena, kernels, module, scheduler, close: () => scheduler.close() };
}

/** Piscina loads only where there are to be workers. */
async function openPool(
  arena: Arena,
  threads: number,
  shared: { module: WebAssembly.Module; memory: WebAssembly.Memory },
  workerUrl: URL = new URL("./worker.js", import.meta.url),
): Promise<WorkerPool> {
  const { WorkerPool } = await import("./pool.js");
  const scope = arena.scope();
  try {
    const places = Array.from({ length: threads }, () => scope.allocate(warmUpBytes));
    return await WorkerPool.open({ threads, workerUrl, shared }, (worker) => warmUpTasks(places[worker]!));
  } finally {
    scope.close();
  }
}
