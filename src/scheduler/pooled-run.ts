/**
 * One run on the pool. Each worker gets the tasks once, as a lane of the run's board (board.ts), and takes one after the other; the
 * calling thread does a few while the workers wake up. A lane whose worker died, trapped or hung goes on with another worker.
 */
import { MendlineError, rehydrateError } from "../errors.js";
import type { Kernels } from "../host/kernels/kernels.js";
import { leadMsMax, leadTurnMs, taskTriesMax, watchEveryMs } from "../limits.js";
import { Board } from "./board.js";
import type { WorkerPool } from "./pool.js";
import { isRepeatable, type Task, workMs } from "./tasks.js";
import { Turns } from "./turns.js";
import { work } from "./work.js";

export interface PooledRunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** A task that takes longer hangs. */
  readonly deadlineMs: number;
}

/** The calling thread's lane on the board; the workers' follow. */
const ownLane = 0;

export class PooledRun {
  readonly #pool: WorkerPool;
  readonly #kernels: Kernels;
  readonly #tasks: readonly Task[];
  readonly #options: PooledRunOptions;
  readonly #lanes: readonly number[];
  readonly #board: Board;
  /** Times that a task's worker died, and that a lane's did between two tasks. */
  readonly #deaths = new Map<number, number>();
  /** Lanes whose part is posted and not answered, and among them those that have a task to do again. */
  readonly #out = new Set<number>();
  readonly #repeating = new Set<number>();
  /** Why workers were ended, by lane. */
  readonly #ended = new Map<number, string>();
  #failure: MendlineError | null = null;
  #told = 0;
  #settle: () => void = () => undefined;

  /** @param lanes  workers to take part, one or more */
  constructor(
    pool: WorkerPool,
    kernels: Kernels,
    tasks: readonly Task[],
    lanes: number,
    options: PooledRunOptions,
  ) {
    this.#pool = pool;
    this.#kernels = kernels;
    this.#tasks = tasks;
    this.#options = options;
    this.#lanes = Array.from({ length: lanes }, (_, index) => ownLane + 1 + index);
    this.#board = new Board({ taskCount: tasks.length, laneCount: 1 + lanes });
  }

  /**
   * Resolves when nobody is at a task any more, which may be before all tasks are done: where no worker could be had. Failures are told
   * then too: none of a run's tasks writes to memory that the caller is about to release.
   *
   * @returns what was done, by index; the rest is for the caller to do
   */
  async run(): Promise<Board> {
    const { signal } = this.#options;
    const onAbort = () => {
      this.#board.stop();
      this.#settleIfOver();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const watch = setInterval(() => this.#watch(), Math.min(watchEveryMs, this.#options.deadlineMs / 2));
    try {
      await new Promise<void>((resolve) => {
        this.#settle = resolve;
        for (const lane of this.#lanes) void this.#lane(lane);
        void this.#lead();
      });
    } finally {
      clearInterval(watch);
      signal?.removeEventListener("abort", onAbort);
    }
    this.#tellProgress();
    if (this.#failure !== null) throw this.#failure;
    return this.#board;
  }

  /** The calling thread works until the workers are awake, so that waking them never costs anything: not on a busy machine either. */
  async #lead(): Promise<void> {
    const areShort = this.#tasks.length > 1 && this.#tasks.every((task) => workMs(task) <= leadMsMax);
    // Turns are short: a worker whose last answer was not taken yet is not given anything new.
    const turns = new Turns(leadTurnMs);
    while (areShort && !this.#board.isTaken && !this.#areAwake()) {
      this.#takeUntil(() => turns.isOver || this.#areAwake());
      if (turns.isOver) await turns.next();
    }
    this.#settleIfOver();
  }

  #areAwake(): boolean {
    return this.#lanes.every((lane) => this.#board.hasEntered(lane));
  }

  #takeUntil(isEnough: () => boolean): void {
    const place = { lane: ownLane, threadId: 0 };
    const outcome = work(this.#kernels, this.#tasks, this.#board, place, null, () => !isEnough());
    if (outcome.kind === "done") return;
    const { index } = this.#board.workOf(ownLane)!;
    this.#board.leave(ownLane);
    this.#fail(
      outcome.kind === "failed"
        ? rehydrateError(outcome.error)
        : new MendlineError(
            "MENDLINE_TASK_FAILED",
            `${this.#tasks[index]!.kernel} failed: ${outcome.reason}`,
          ),
    );
  }

  async #lane(lane: number): Promise<void> {
    let first: number | null = null;
    do {
      first = await this.#takePart(lane, first);
    } while (first !== null);
    this.#settleIfOver();
  }

  /** @returns the task to begin the lane's next part with, -1 for none; null where the lane has come to its end */
  async #takePart(lane: number, first: number | null): Promise<number | null> {
    const { shared, size } = this.#board;
    const part = { tasks: this.#tasks, board: shared, size, lane, first: first === -1 ? null : first };
    this.#board.clear(lane);
    this.#out.add(lane);
    const answer = await this.#pool.takePart(part);
    this.#out.delete(lane);
    this.#repeating.delete(lane);
    if (answer.kind === "done") return null;
    if (answer.kind === "failed") {
      this.#board.leave(lane);
      this.#fail(rehydrateError(answer.error));
      return null;
    }
    const at = this.#board.workOf(lane);
    // At once: between two workers the lane looks as if it had nothing to do.
    this.#repeating.add(lane);
    // The thread of a trap still lives: it is given up like one that died.
    if (answer.kind === "trapped") await this.#pool.end(at!.threadId);
    this.#board.leave(lane);
    const next = this.#afterDeath(lane, at?.index ?? -1, this.#ended.get(lane) ?? answer.reason);
    if (next === null || next === -1) this.#repeating.delete(lane);
    return next;
  }

  #afterDeath(lane: number, index: number, reason: string): number | null {
    this.#ended.delete(lane);
    if (this.#pool.isClosed) {
      this.#fail(new MendlineError("MENDLINE_TASK_ABORTED", "the scheduler was closed while it was at work"));
      return null;
    }
    if (this.#board.isStopped) return null;
    const isUnfinished = index >= 0 && !this.#board.isDone(index);
    const counted = isUnfinished ? index : -lane;
    const deaths = (this.#deaths.get(counted) ?? 0) + 1;
    this.#deaths.set(counted, deaths);
    if (isUnfinished && (deaths === taskTriesMax || !isRepeatable(this.#tasks[index]!))) {
      const { kernel } = this.#tasks[index]!;
      this.#fail(
        new MendlineError("MENDLINE_TASK_FAILED", `${kernel} ended its worker ${deaths} times: ${reason}`),
      );
      return null;
    }
    // A lane whose workers die before they begin is left to the others.
    if (deaths === taskTriesMax) return null;
    return isUnfinished ? index : -1;
  }

  #fail(error: MendlineError): void {
    this.#failure ??= error;
    this.#board.stop();
  }

  /** Every `watchEveryMs`: progress, and who is at a task for too long. */
  #watch(): void {
    this.#tellProgress();
    for (const lane of this.#lanes) {
      const at = this.#board.workOf(lane);
      if (at === null || at.forMs <= this.#options.deadlineMs || this.#ended.has(lane)) continue;
      this.#ended.set(lane, `it ran for more than ${this.#options.deadlineMs} ms`);
      void this.#pool.end(at.threadId);
    }
    if (this.#pool.hasWorkers) return;
    // A worker that could be started after all must not meet the caller at the rest.
    this.#board.stop();
    this.#settle();
  }

  /** Lanes that no worker has begun yet need not be waited for: they will find nothing to do. */
  #settleIfOver(): void {
    const isTaken = this.#board.isStopped || (this.#board.isTaken && this.#repeating.size === 0);
    const isQuiet = (lane: number) => !this.#out.has(lane) || !this.#board.hasEntered(lane);
    if (isTaken && this.#lanes.every(isQuiet)) this.#settle();
  }

  #tellProgress(): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    const done = this.#board.doneCount;
    if (done === this.#told) return;
    this.#told = done;
    onProgress(done, this.#tasks.length);
  }
}
