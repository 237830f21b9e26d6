/**
 * A fixed pool of workers over the shared memory (Piscina). What it adds: workers that have started and have run every hot kernel
 * before they are needed, deaths as answers instead of rejections, and the end of a worker that hangs.
 *
 * Of Piscina it uses that it starts a worker for each that ends. Its own way to stop a task, an abort signal, tells at once and ends the
 * worker later, while the kernel goes on writing; `Worker.terminate` tells when the thread is gone.
 */
import { Piscina } from "piscina";
import { MendlineError, messageOf } from "../errors.js";
import { taskQueueMax, workerHeapMbMax } from "../limits.js";
import { Board } from "./board.js";
import type { Task } from "./tasks.js";
import type { Outcome } from "./work.js";
import type { Part, WorkerData } from "./worker.js";

export interface PoolOptions {
  readonly threads: number;
  readonly workerUrl: URL;
  readonly shared: WorkerData;
}

export type Answer = Outcome | { readonly kind: "died"; readonly reason: string };

export class WorkerPool {
  readonly threads: number;
  readonly #piscina: Piscina;
  #closing: Promise<void> | null = null;

  private constructor(piscina: Piscina, threads: number) {
    this.#piscina = piscina;
    this.threads = threads;
    // A worker that fails while idle is replaced by the pool, and a task that it held is told by its own promise.
    piscina.on("error", () => undefined);
  }

  /**
   * @param warmUp  tasks for each worker, to be done before the pool is open
   * @throws MendlineError MENDLINE_TASK_FAILED  the workers do not start
   */
  static async open(
    { threads, workerUrl, shared }: PoolOptions,
    warmUp: (worker: number) => readonly Task[],
  ): Promise<WorkerPool> {
    const piscina = new Piscina({
      filename: workerUrl.href,
      minThreads: threads,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      maxQueue: taskQueueMax,
      // Sharing needs no copy: module and memory are sent once, as the workers start.
      workerData: shared,
      resourceLimits: { maxOldGenerationSizeMb: workerHeapMbMax },
      recordTiming: false,
    });
    const pool = new WorkerPool(piscina, threads);
    // Piscina gives one each to workers that have nothing to do: to all of them.
    const answers = await Promise.all(
      Array.from({ length: threads }, (_, worker) => pool.#takeAlone(warmUp(worker))),
    );
    const failed = answers.find(({ kind }) => kind !== "done");
    if (failed === undefined) return pool;
    await pool.close();
    throw new MendlineError(
      "MENDLINE_TASK_FAILED",
      `the workers do not start: ${reasonOf(failed)}; open the engine with threads 0 to do without`,
    );
  }

  /** Parts that wait for a worker. */
  get queueSize(): number {
    return this.#piscina.queueSize;
  }

  get isClosed(): boolean {
    return this.#closing !== null;
  }

  /** False where all workers are gone and none could be started in their place. */
  get hasWorkers(): boolean {
    return this.#piscina.threads.length > 0;
  }

  /** Never rejects. `died`: the worker is gone, and so is all that it was doing. */
  async takePart(part: Part): Promise<Answer> {
    if (this.isClosed) return { kind: "died", reason: "the pool was closed" };
    try {
      return (await this.#piscina.run(part)) as Outcome;
    } catch (thrown) {
      // Closing rejects before the threads have ended.
      await this.#closing;
      return { kind: "died", reason: messageOf(thrown) };
    }
  }

  /** Ends one worker; its part is then answered as `died`, and another worker starts. */
  async end(threadId: number): Promise<void> {
    await this.#piscina.threads.find((worker) => worker.threadId === threadId)?.terminate();
  }

  /** Ends all workers, and with them what they do. */
  close(): Promise<void> {
    this.#closing ??= this.#piscina.destroy();
    return this.#closing;
  }

  #takeAlone(tasks: readonly Task[]): Promise<Answer> {
    const size = { taskCount: tasks.length, laneCount: 1 };
    return this.takePart({ tasks, board: new Board(size).shared, size, lane: 0, first: null });
  }
}

function reasonOf(answer: Answer): string {
  if (answer.kind === "failed") return answer.error.message;
  return "reason" in answer ? answer.reason : "";
}
