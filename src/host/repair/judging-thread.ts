/**
 * One thread that judges, asked one thing at a time. A judgement cannot be interrupted: where it takes too long, is cancelled or fails
 * the thread itself, the thread is ended, and the next question starts a fresh one.
 */
import { Worker } from "node:worker_threads";
import { type ErrorCode, MendlineError, messageOf, rehydrateError } from "../../errors.js";
import type { EvaluateOptions } from "./validator.js";

export type ThreadAnswer<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      /** Whether the thread is not to be used again. */
      readonly isLost: boolean;
      readonly error: { code: ErrorCode; message: string; details: Readonly<Record<string, unknown>> };
    };

export interface ThreadOptions {
  /** Compiled file of the thread. */
  readonly url: URL;
  readonly workerData: unknown;
  /** For one question. */
  readonly deadlineMs: number;
}

export interface Question<Work> {
  readonly work: Work;
  /** Of the candidate, for messages. */
  readonly name: string;
  readonly rowCount: number;
}

export class JudgingThread<Work, Value> {
  readonly #options: ThreadOptions;
  #worker: Worker | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  /** Rejects the question under way. */
  #interrupt: ((reason: MendlineError) => void) | null = null;

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /**
   * @param question  made when its turn has come
   * @throws MendlineError MENDLINE_REPAIR_VALIDATOR  it took too long, or the thread ended; MENDLINE_TASK_ABORTED; what it answers with
   */
  ask(question: () => Promise<Question<Work>>, { signal }: EvaluateOptions = {}): Promise<Value> {
    const turn = this.#last.catch(() => undefined).then(async () => this.#exchange(await question(), signal));
    this.#last = turn;
    return turn;
  }

  /** Ends the question under way, and the thread. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#interrupt?.(closed());
    await this.#last.catch(() => undefined);
    await this.#end();
  }

  async #exchange(question: Question<Work>, signal: AbortSignal | undefined): Promise<Value> {
    if (this.#isClosed) throw closed();
    if (signal?.aborted) throw aborted(signal);
    this.#worker ??= this.#start();
    const answer = await this.#post(this.#worker, question, signal).catch(async (thrown: unknown) => {
      await this.#end();
      throw thrown;
    });
    if (answer.ok) return answer.value;
    if (answer.isLost) await this.#end();
    throw rehydrateError({ ...answer.error, message: `${question.name}: ${answer.error.message}` });
  }

  #post(worker: Worker, question: Question<Work>, signal?: AbortSignal): Promise<ThreadAnswer<Value>> {
    const { work, name, rowCount } = question;
    const { deadlineMs } = this.#options;
    return new Promise<ThreadAnswer<Value>>((resolve, reject) => {
      const onMessage = (answer: ThreadAnswer<Value>) => settle(() => resolve(answer));
      const onGone = (thrown: unknown) => settle(() => reject(lost(name, thrown)));
      const onAbort = () => settle(() => reject(aborted(signal!)));
      const timer = setTimeout(() => settle(() => reject(tooSlow(name, rowCount, deadlineMs))), deadlineMs);
      const settle = (then: () => void) => {
        clearTimeout(timer);
        this.#interrupt = null;
        signal?.removeEventListener("abort", onAbort);
        worker.off("message", onMessage).off("error", onGone).off("exit", onGone).unref();
        then();
      };
      this.#interrupt = (reason) => settle(() => reject(reason));
      signal?.addEventListener("abort", onAbort, { once: true });
      // Idle, the thread keeps no process alive.
      worker.on("message", onMessage).on("error", onGone).on("exit", onGone).ref();
      worker.postMessage(work);
    });
  }

  #start(): Worker {
    const { url, workerData } = this.#options;
    // Some of the process's own arguments, such as --input-type, stop a thread that starts from a file.
    const worker = new Worker(url, { workerData, execArgv: [] });
    worker.unref();
    // While nobody listens, an error would be uncaught.
    worker.on("error", () => undefined);
    // One that ended while idle is not to be asked again.
    worker.once("exit", () => {
      if (this.#worker === worker) this.#worker = null;
    });
    return worker;
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}

function closed(): MendlineError {
  return new MendlineError("MENDLINE_TASK_ABORTED", "the validator was closed");
}

function aborted(signal: AbortSignal): MendlineError {
  return new MendlineError("MENDLINE_TASK_ABORTED", "the evaluation was cancelled", { cause: signal.reason });
}

function lost(name: string, thrown: unknown): MendlineError {
  const why = typeof thrown === "number" ? `exit code ${thrown}` : messageOf(thrown);
  return new MendlineError("MENDLINE_REPAIR_VALIDATOR", `${name}: the judging thread ended (${why})`);
}

function tooSlow(name: string, rowCount: number, deadlineMs: number): MendlineError {
  return new MendlineError(
    "MENDLINE_REPAIR_VALIDATOR",
    `${name}: judging ${rowCount} rows took longer than ${deadlineMs} ms and was ended: give fewer labelled rows, or use --validator`,
    { details: { rows: rowCount, deadlineMs } },
  );
}
