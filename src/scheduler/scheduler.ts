/**
 * Spreads kernel calls over a fixed, warmed pool of workers that share the engine's memory. Small work runs inline: a round trip to a
 * worker costs more than the work. What a task computes never depends on where it ran, and how work is cut into tasks depends on the
 * data alone (partition.ts), so results are the same bytes for any number of threads.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Piscina } from "piscina";
import { MendlineError, messageOf, rehydrateError } from "../errors.js";
import type { Kernels } from "../host/kernels/kernels.js";
import { inlineBytesMax, inlineTurnMsMax, taskQueueMax, taskTriesMax } from "../limits.js";
import { isRepeatable, runTask, type Task } from "./tasks.js";
import type { Answer } from "./worker.js";

export interface SchedulerOptions {
  /** Worker threads; 0 runs everything on the calling thread. */
  readonly threads: number;
  readonly module: WebAssembly.Module;
  readonly kernels: Kernels;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Called after each finished task. */
  readonly onProgress?: (done: number, total: number) => void;
}

export class Scheduler {
  readonly threads: number;
  readonly #kernels: Kernels;
  readonly #pool: Piscina | null;
  #isClosed = false;

  private constructor(threads: number, kernels: Kernels, pool: Piscina | null) {
    this.threads = threads;
    this.#kernels = kernels;
    this.#pool = pool;
  }

  static create({ threads, module, kernels }: SchedulerOptions): Scheduler {
    if (threads === 0) return new Scheduler(0, kernels, null);
    const pool = new Piscina({
      filename: new URL("./worker.js", import.meta.url).href,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      maxQueue: taskQueueMax,
      // Sharing needs no copy: module and memory are sent once, as the workers start.
      workerData: { module, memory: kernels.memory },
    });
    // A worker that fails while idle is replaced by the pool, and a task that it held is told by its own promise.
    pool.on("error", () => undefined);
    return new Scheduler(threads, kernels, pool);
  }

  /**
   * Runs all tasks, in no particular order, and gives their results in the tasks' order.
   *
   * @throws MendlineError what a task threw; MENDLINE_TASK_FAILED  its worker died three times, or once under a task that works in
   * place; MENDLINE_TASK_ABORTED  by the signal, or because the scheduler was closed
   */
  async run(tasks: readonly Task[], options: RunOptions = {}): Promise<unknown[]> {
    const workBytes = tasks.reduce((sum, task) => sum + task.workBytes, 0);
    if (this.#pool === null || workBytes <= inlineBytesMax) return this.#runInline(tasks, options);
    return this.#runPooled(this.#pool, tasks, options);
  }

  /** Ends the workers, and with them what is still running. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool?.destroy();
  }

  /** Gives the event loop its turn whenever `inlineTurnMsMax` has passed. */
  async #runInline(tasks: readonly Task[], { signal, onProgress }: RunOptions): Promise<unknown[]> {
    const results: unknown[] = [];
    let turnBegan = performance.now();
    for (const task of tasks) {
      throwIfAborted(signal);
      results.push(runTask(this.#kernels, task));
      onProgress?.(results.length, tasks.length);
      if (performance.now() - turnBegan < inlineTurnMsMax) continue;
      await nextTurn();
      turnBegan = performance.now();
    }
    return results;
  }

  async #runPooled(pool: Piscina, tasks: readonly Task[], options: RunOptions): Promise<unknown[]> {
    const results = new Array<unknown>(tasks.length);
    let next = 0;
    let done = 0;
    // As many lanes as threads, and one more so that no worker waits for this thread between two tasks.
    const lane = async () => {
      while (next < tasks.length) {
        const index = next++;
        try {
          results[index] = await this.#runOne(pool, tasks[index]!, options.signal);
          done += 1;
          options.onProgress?.(done, tasks.length);
        } catch (thrown) {
          next = tasks.length;
          throw thrown;
        }
      }
    };
    const lanes = Array.from({ length: Math.min(this.threads + 1, tasks.length) }, lane);
    const outcomes = await Promise.allSettled(lanes);
    // Settled, not raced: when a task fails, none of its siblings may still be writing to memory that the caller then releases.
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return results;
  }

  async #runOne(pool: Piscina, task: Task, signal: AbortSignal | undefined): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      throwIfAborted(signal);
      // A closed pool would start new workers for a new task.
      if (this.#isClosed)
        throw new MendlineError("MENDLINE_TASK_ABORTED", `${task.kernel}: the scheduler was closed`);
      if (pool.queueSize >= taskQueueMax) {
        throw new MendlineError(
          "MENDLINE_TASK_QUEUE_FULL",
          `${taskQueueMax} tasks are waiting for a worker: offer work more slowly, or open the engine with more threads`,
        );
      }
      const answer = await pool.run(task).then(
        (value) => value as Answer,
        (thrown: unknown) => messageOf(thrown),
      );
      if (typeof answer !== "string") {
        if (answer.ok) return answer.value;
        throw rehydrateError(answer.error);
      }
      // The pool only rejects when a worker has died, or with its end.
      if (!this.#isClosed && (attempt === taskTriesMax || !isRepeatable(task))) {
        throw new MendlineError(
          "MENDLINE_TASK_FAILED",
          `${task.kernel} ended its worker ${attempt} times: ${answer}`,
        );
      }
    }
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new MendlineError("MENDLINE_TASK_ABORTED", "the work was cancelled", { cause: signal.reason });
  }
}
