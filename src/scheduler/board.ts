/**
 * What the threads at work on one run share: which task is next, who is at which, and what came out. A worker that has taken the tasks
 * goes on from one to the next without a message, however many there are; when one dies, the board still says at what.
 *
 *     words, i32:   0: next task    1: stopped    then two a lane: what it does, its thread's id    then one a task: its result's kind
 *     numbers, f64: one a lane: when its task began, ms    one a task: its result
 *
 * A lane's first word: away, here, or `here + 1 + task`. Ids of workers' threads are 1 and more. A lane says who it is before it takes a
 * task, so that whoever has stopped the board, or has seen its last task taken, and then finds nobody on a lane, knows that it will touch
 * nothing any more.
 */

const wordNext = 0;
const wordStopped = 1;
const headWords = 2;
const laneWords = 2;

const away = 0;
const here = 1;

/** Kinds of results. */
const open = 0;
const nothing = 1;
const number = 2;
const truth = 3;

export interface BoardSize {
  readonly taskCount: number;
  /** Threads that may work on it, the calling one included. */
  readonly laneCount: number;
}

export class Board {
  readonly shared: SharedArrayBuffer;
  readonly size: BoardSize;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;

  /** @param shared  of a board of the same size on another thread; absent: a new one */
  constructor(size: BoardSize, shared?: SharedArrayBuffer) {
    const { taskCount, laneCount } = size;
    const wordCount = Math.ceil((headWords + laneCount * laneWords + taskCount) / 2) * 2;
    const numberCount = laneCount + taskCount;
    this.size = size;
    this.shared = shared ?? new SharedArrayBuffer(wordCount * 4 + numberCount * 8);
    this.#words = new Int32Array(this.shared, 0, wordCount);
    this.#numbers = new Float64Array(this.shared, wordCount * 4, numberCount);
  }

  // A lane's side

  enter(lane: number, threadId: number): void {
    Atomics.store(this.#words, laneWord(lane) + 1, threadId);
    Atomics.store(this.#words, laneWord(lane), here);
  }

  leave(lane: number): void {
    Atomics.store(this.#words, laneWord(lane), away);
  }

  /** The next task, for this lane alone; -1 where there is none. */
  take(): number {
    if (this.isStopped) return -1;
    const index = Atomics.add(this.#words, wordNext, 1);
    return index < this.size.taskCount ? index : -1;
  }

  begin(lane: number, index: number): void {
    this.#numbers[lane] = nowMs();
    Atomics.store(this.#words, laneWord(lane), here + 1 + index);
  }

  end(lane: number, index: number, result: unknown): void {
    if (typeof result === "number" || typeof result === "boolean") {
      this.#numbers[this.size.laneCount + index] = Number(result);
    }
    const kind = typeof result === "number" ? number : typeof result === "boolean" ? truth : nothing;
    Atomics.store(this.#words, this.#resultWord(index), kind);
    Atomics.store(this.#words, laneWord(lane), here);
  }

  // The other side

  /** Before a lane's part is posted: nobody is on it. */
  clear(lane: number): void {
    Atomics.store(this.#words, laneWord(lane), away);
    Atomics.store(this.#words, laneWord(lane) + 1, 0);
  }

  /** No task is taken from now on; what was taken is worked on to its end. */
  stop(): void {
    Atomics.store(this.#words, wordStopped, 1);
  }

  get isStopped(): boolean {
    return Atomics.load(this.#words, wordStopped) !== 0;
  }

  /** Whether nobody will take a task any more. */
  get isTaken(): boolean {
    return this.isStopped || Atomics.load(this.#words, wordNext) >= this.size.taskCount;
  }

  /** Whether a worker has begun the lane's part. */
  hasEntered(lane: number): boolean {
    return Atomics.load(this.#words, laneWord(lane) + 1) !== 0;
  }

  /** The task that a lane is at, since when, and on which thread; null between two tasks. */
  workOf(lane: number): { readonly index: number; readonly forMs: number; readonly threadId: number } | null {
    const word = Atomics.load(this.#words, laneWord(lane));
    if (word <= here) return null;
    const threadId = Atomics.load(this.#words, laneWord(lane) + 1);
    return { index: word - here - 1, forMs: nowMs() - this.#numbers[lane]!, threadId };
  }

  get doneCount(): number {
    let done = 0;
    for (let index = 0; index < this.size.taskCount; index++) if (this.isDone(index)) done += 1;
    return done;
  }

  isDone(index: number): boolean {
    return Atomics.load(this.#words, this.#resultWord(index)) !== open;
  }

  resultOf(index: number): unknown {
    const kind = Atomics.load(this.#words, this.#resultWord(index));
    const value = this.#numbers[this.size.laneCount + index]!;
    if (kind === number) return value;
    return kind === truth ? value !== 0 : undefined;
  }

  #resultWord(index: number): number {
    return headWords + this.size.laneCount * laneWords + index;
  }
}

function laneWord(lane: number): number {
  return headWords + lane * laneWords;
}

/** One clock for all threads of the process; `performance.now()` begins anew in each. */
function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
