/** What every thread does with a run: takes tasks from its board until there are none. */
import { MendlineError, messageOf } from "../errors.js";
import type { Kernels } from "../host/kernels/kernels.js";
import type { Board } from "./board.js";
import { runTask, type Task } from "./tasks.js";

export type Outcome =
  | { readonly kind: "done" }
  /** A task threw; the board is stopped. Errors lose class and code across threads: this one is plain data. */
  | { readonly kind: "failed"; readonly error: ReturnType<MendlineError["toJSON"]> }
  /** A kernel trapped: the thread is to be given up like one that died. The board still tells at what. */
  | { readonly kind: "trapped"; readonly reason: string };

export interface Place {
  readonly lane: number;
  readonly threadId: number;
}

/**
 * @param first  a task to begin with, which is this lane's already
 * @param goesOn  asked before each task: whether to take another
 */
export function work(
  kernels: Kernels,
  tasks: readonly Task[],
  board: Board,
  { lane, threadId }: Place,
  first: number | null = null,
  goesOn: () => boolean = () => true,
): Outcome {
  board.enter(lane, threadId);
  let index = first !== null && !board.isStopped ? first : board.take();
  for (; index >= 0; index = goesOn() ? board.take() : -1) {
    board.begin(lane, index);
    const task = tasks[index]!;
    try {
      board.end(lane, index, runTask(kernels, task));
    } catch (thrown) {
      if (thrown instanceof WebAssembly.RuntimeError) return { kind: "trapped", reason: thrown.message };
      board.stop();
      return { kind: "failed", error: asMendlineError(task, thrown).toJSON() };
    }
  }
  board.leave(lane);
  return { kind: "done" };
}

export function asMendlineError(task: Task, thrown: unknown): MendlineError {
  if (thrown instanceof MendlineError) return thrown;
  return new MendlineError("MENDLINE_TASK_FAILED", `${task.kernel} failed: ${messageOf(thrown)}`);
}
