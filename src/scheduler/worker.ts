/** A worker's whole life: one kernel instance over the shared memory, tasks by name. Never imports Level or Arrow: start cost. */
import { workerData } from "node:worker_threads";
import { MendlineError, messageOf } from "../errors.js";
import { Kernels } from "../host/kernels/kernels.js";
import { instantiateKernels } from "../host/kernels/module.js";
import { runTask, type Task } from "./tasks.js";

/** Errors lose class and code across threads: both are sent as data. */
export type Answer = { ok: true; value: unknown } | { ok: false; error: ReturnType<MendlineError["toJSON"]> };

interface Shared {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

const shared = workerData as Shared;
const kernels = new Kernels(instantiateKernels(shared.module, shared.memory), shared.memory);

export default function answer(task: Task): Answer {
  try {
    return { ok: true, value: runTask(kernels, task) };
  } catch (thrown) {
    const error =
      thrown instanceof MendlineError
        ? thrown
        : new MendlineError("MENDLINE_TASK_FAILED", `${task.kernel} failed: ${messageOf(thrown)}`);
    return { ok: false, error: error.toJSON() };
  }
}
