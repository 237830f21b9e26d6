/**
 * Spreads kernel calls over a fixed, warmed pool of workers that share the engine's memory. Small work runs inline: waking a worker
 * costs more than the work. What a task computes never depends on where it ran, and how work is cut into tasks depends on the data
 * alone (partition.ts), so results are the same bytes for any number of threads.
 */
import { MendlineError } from "../errors.js";
import type { Kernels } from "../host/kernels/kernels.js";
import {
  offloadMsMin,
  pooledSavingMsMin,
  taskBlockMax,
  taskDeadlineMs,
  taskPostMs,
  taskQueueMax,
} from "../limits.js";
import type { WorkerPool } from "./pool.js";
import { PooledRun } from "./pooled-run.js";
import { assertBounded, isMemoryBound, nsPerByteMax, runTask, stepsOf, type Task, workMs } from "./tasks.js";
import { Turns } from "./turns.js";
import { asMendlineError } from "./work.js";

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told now and then as tasks are finished, with rising figures, the last time with all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export class Scheduler {
  /** Workers; 0: everything runs on the calling thread. */
  readonly threads: number;
  readonly #kernels: Kernels;
  readonly #pool: WorkerPool | null;
  readonly #deadlineMs: number;
  #isClosed = false;

  constructor(kernels: Kernels, pool: WorkerPool | null, deadlineMs: number = taskDeadlineMs) {
    this.threads = pool?.threads ?? 0;
    this.#kernels = kernels;
    this.#pool = pool;
    this.#deadlineMs = deadlineMs;
  }

  /**
   * Runs all tasks, in no particular order, and gives their results in the tasks' order.
   *
   * @throws MendlineError what a task threw; MENDLINE_TASK_FAILED  its worker died three times, or once under a task that works in
   * place; MENDLINE_TASK_QUEUE_FULL; MENDLINE_TASK_ABORTED  by the signal, or because the scheduler was closed. When it throws, none of
   * the tasks is at work any more
   */
  async run(tasks: readonly Task[], options: RunOptions = {}): Promise<unknown[]> {
    for (const task of tasks) assertBounded(task);
    const results: unknown[] = [];
    for (let from = 0; from < tasks.length; from += taskBlockMax) {
      const onProgress =
        options.onProgress && ((done: number) => options.onProgress!(from + done, tasks.length));
      const block = tasks.slice(from, from + taskBlockMax);
      for (const result of await this.#runBlock(block, { ...options, onProgress })) results.push(result);
    }
    return results;
  }

  /** Ends the workers, and with them what is still running. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool?.close();
  }

  async #runBlock(tasks: readonly Task[], options: RunOptions): Promise<unknown[]> {
    this.#assertGoesOn(options.signal);
    const lanes = this.#lanesFor(tasks);
    if (lanes === 0) return this.#runInline(tasks, options);
    const pool = this.#pool!;
    if (pool.queueSize + lanes > taskQueueMax) {
      throw new MendlineError(
        "MENDLINE_TASK_QUEUE_FULL",
        `${pool.queueSize} parts of runs are waiting for a worker, the limit is ${taskQueueMax}: offer work more slowly, or open the engine with more threads`,
      );
    }
    const run = new PooledRun(pool, this.#kernels, tasks, lanes, {
      ...options,
      deadlineMs: this.#deadlineMs,
    });
    const board = await run.run();
    this.#assertGoesOn(options.signal);
    const results = tasks.map((_, index) => board.resultOf(index));
    // Only where no worker could be had.
    const left = [...tasks.keys()].filter((index) => !board.isDone(index));
    const rest = await this.#runInline(
      left.map((index) => tasks[index]!),
      { signal: options.signal },
    );
    for (const [at, index] of left.entries()) results[index] = rest[at];
    return results;
  }

  /** Workers to wake: as many as save time, one where the work would keep the event loop busy for long, else none. */
  #lanesFor(tasks: readonly Task[]): number {
    const lanes = Math.min(this.threads, tasks.length);
    if (lanes === 0) return 0;
    const workBytes = tasks.reduce((sum, task) => sum + task.workBytes, 0);
    if (workBytes * nsPerByteMax * 1e-6 < pooledSavingMsMin) return 0;
    let inlineMs = 0;
    let sharedMs = 0;
    for (const task of tasks) {
      inlineMs += workMs(task);
      if (!isMemoryBound(task)) sharedMs += workMs(task);
    }
    const savedMs = sharedMs - sharedMs / lanes;
    const postMs = tasks.length * lanes * taskPostMs;
    if (savedMs - postMs >= pooledSavingMsMin) return lanes;
    return inlineMs >= offloadMsMin && postMs < inlineMs / 100 ? lanes : 0;
  }

  async #runInline(tasks: readonly Task[], { signal, onProgress }: RunOptions): Promise<unknown[]> {
    const results: unknown[] = [];
    const turns = new Turns();
    for (const task of tasks) {
      this.#assertGoesOn(signal);
      results.push(await this.#runSteps(task, turns, signal));
      onProgress?.(results.length, tasks.length);
      if (turns.isOver) await turns.next();
    }
    return results;
  }

  /** A task's kernel calls, with turns between them. Synchronous where there is one call only. */
  #runSteps(task: Task, turns: Turns, signal: AbortSignal | undefined): unknown {
    try {
      const steps = stepsOf(this.#kernels, task);
      return steps === null ? runTask(this.#kernels, task) : this.#goThrough(steps, turns, signal);
    } catch (thrown) {
      throw asMendlineError(task, thrown);
    }
  }

  async #goThrough(steps: Iterable<void>, turns: Turns, signal: AbortSignal | undefined): Promise<void> {
    for (const _ of steps) {
      if (turns.isOver) await turns.next();
      this.#assertGoesOn(signal);
    }
  }

  #assertGoesOn(signal: AbortSignal | undefined): void {
    if (signal?.aborted) {
      throw new MendlineError("MENDLINE_TASK_ABORTED", "the work was cancelled", { cause: signal.reason });
    }
    if (this.#isClosed) throw new MendlineError("MENDLINE_TASK_ABORTED", "the scheduler was closed");
  }
}
