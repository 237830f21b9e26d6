/** Judges ONNX models with onnxruntime on one thread of its own, started by the first evaluation. */
import { Worker } from "node:worker_threads";
import { MendlineError, messageOf, rehydrateError } from "../../errors.js";
import { judgeDeadlineMs } from "../../limits.js";
import { type Judgement, judgementOf } from "./judgement.js";
import type { LabelledData } from "./labelled-data.js";
import { defaultMetric, type LossName, lossFor, type MetricName, type Task } from "./metrics.js";
import type { JudgeAnswer, JudgeValue, JudgeWork, JudgeWorkerData, Predictions } from "./onnx-worker.js";
import {
  checkLabels,
  decideReading,
  type OutputReading,
  type OutputSurvey,
  type RowScores,
} from "./outputs.js";
import type { Candidate, EvaluateOptions, Preparation, Validator } from "./validator.js";

export interface OnnxValidatorOptions {
  readonly task: Task;
  /** The metric that will be asked for; so that `auc` of more than two classes is refused at once. */
  readonly metric?: MetricName;
  /** What `meanLoss` is; default: that of the task. */
  readonly loss?: LossName;
  /** How a classification's outputs are meant; default: decided by `prepare`. */
  readonly output?: "probability" | "logit";
  /** For one evaluation; default judgeDeadlineMs. */
  readonly deadlineMs?: number;
  /** Packages to try, in this order. */
  readonly runtimes?: readonly string[];
}

const defaultRuntimes = ["onnxruntime-web", "onnxruntime-node"];

export class OnnxValidator implements Validator {
  readonly #options: OnnxValidatorOptions;
  readonly #loss: LossName;
  readonly #deadlineMs: number;
  #worker: Worker | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #reading: OutputReading | null = null;
  #isClosed = false;
  /** Rejects the exchange under way. */
  #interrupt: ((reason: MendlineError) => void) | null = null;

  constructor(options: OnnxValidatorOptions) {
    this.#options = options;
    this.#loss = options.loss ?? lossFor(defaultMetric(options.task));
    this.#deadlineMs = options.deadlineMs ?? judgeDeadlineMs;
  }

  async prepare(baseline: Candidate, data: LabelledData, options?: EvaluateOptions): Promise<Preparation> {
    const survey = (await this.#run(baseline, data, { kind: "survey" }, options)) as OutputSurvey;
    const { task, output, metric } = this.#options;
    const reading = decideReading(survey, task, output);
    if (metric === "auc" && reading.outputCount > 2) {
      throw new MendlineError(
        "MENDLINE_ARGUMENT_INVALID",
        `auc is for two classes, but ${baseline.name} has ${reading.outputCount}: choose log-loss or accuracy`,
        { details: { metric, classes: reading.outputCount } },
      );
    }
    checkLabels(data, reading);
    this.#reading = reading;
    return { nonFiniteRows: survey.nonFiniteRows };
  }

  /** What `prepare` decided; null before. */
  get reading(): OutputReading | null {
    return this.#reading;
  }

  async evaluate(candidate: Candidate, slice: LabelledData, options?: EvaluateOptions): Promise<Judgement> {
    const reading = this.#reading;
    if (reading === null) throw new Error("prepare() comes before evaluate()");
    checkLabels(slice, reading);
    const { labels } = slice;
    const scores = (await this.#run(
      candidate,
      slice,
      { kind: "score", reading, labels },
      options,
    )) as RowScores;
    return judgementOf(scores, slice, this.#loss);
  }

  /**
   * The outputs themselves, as the model gives them.
   *
   * @throws MendlineError MENDLINE_DATA_LIMIT  more than predictionsMax numbers
   */
  async predict(candidate: Candidate, data: LabelledData, options?: EvaluateOptions): Promise<Predictions> {
    return (await this.#run(candidate, data, { kind: "predict" }, options)) as Predictions;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#interrupt?.(new MendlineError("MENDLINE_TASK_ABORTED", "the validator was closed"));
    await this.#last.catch(() => undefined);
    await this.#endWorker();
  }

  #run(
    candidate: Candidate,
    data: LabelledData,
    task: JudgeWork["task"],
    { signal }: EvaluateOptions = {},
  ): Promise<JudgeValue> {
    checkCandidate(candidate, data);
    const { source, rowCount, features, columns, texts, rowNumbers } = data;
    const rows = { source, rowCount, features, columns, texts, rowNumbers };
    const turn = this.#last
      .catch(() => undefined)
      .then(async () => {
        const model = compact(await candidate.bytes());
        return this.#exchange({ model, rows, task }, candidate.name, signal);
      });
    this.#last = turn;
    return turn;
  }

  async #exchange(work: JudgeWork, name: string, signal: AbortSignal | undefined): Promise<JudgeValue> {
    if (this.#isClosed) throw new MendlineError("MENDLINE_TASK_ABORTED", "the validator was closed");
    if (signal?.aborted) throw aborted(signal);
    this.#worker ??= this.#startWorker();
    const answer = await this.#ask(this.#worker, work, name, signal).catch(async (thrown: unknown) => {
      // A run cannot be interrupted: the next evaluation gets a fresh thread.
      await this.#endWorker();
      throw thrown;
    });
    if (answer.ok) return answer.value;
    if (answer.isRuntimeLost) await this.#endWorker();
    throw rehydrateError({ ...answer.error, message: `${name}: ${answer.error.message}` });
  }

  #ask(worker: Worker, work: JudgeWork, name: string, signal?: AbortSignal): Promise<JudgeAnswer> {
    return new Promise<JudgeAnswer>((resolve, reject) => {
      const onMessage = (answer: JudgeAnswer) => settle(() => resolve(answer));
      const onGone = (thrown: unknown) => settle(() => reject(lost(name, thrown)));
      const onAbort = () => settle(() => reject(aborted(signal!)));
      const timer = setTimeout(() => {
        settle(() => reject(tooSlow(name, work.rows.rowCount, this.#deadlineMs)));
      }, this.#deadlineMs);
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

  #startWorker(): Worker {
    const worker = startWorker(this.#options.runtimes ?? defaultRuntimes);
    // One that ended while idle is not to be asked again.
    worker.once("exit", () => {
      if (this.#worker === worker) this.#worker = null;
    });
    return worker;
  }

  async #endWorker(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    await worker?.terminate();
  }
}

function startWorker(runtimes: readonly string[]): Worker {
  const worker = new Worker(new URL("./onnx-worker.js", import.meta.url), {
    workerData: { runtimes } satisfies JudgeWorkerData,
    // Some of the process's own arguments, such as --input-type, stop a thread that starts from a file.
    execArgv: [],
  });
  worker.unref();
  // While nobody listens, an error would be uncaught.
  worker.on("error", () => undefined);
  return worker;
}

function checkCandidate(candidate: Candidate, data: LabelledData): void {
  if (candidate.format !== "onnx") {
    throw new MendlineError(
      "MENDLINE_REPAIR_VALIDATOR",
      `${candidate.name}: a ${candidate.format} file holds parameters but no graph to run: use --validator COMMAND`,
      { details: { format: candidate.format } },
    );
  }
  if (data.rowCount > 0) return;
  throw new MendlineError("MENDLINE_DATA_EMPTY", `${data.source}: there are no labelled rows to judge on`);
}

/** A view into a larger buffer would take all of it to the other thread. */
function compact(bytes: Uint8Array): Uint8Array {
  const isWhole = bytes.byteLength === bytes.buffer.byteLength || bytes.buffer instanceof SharedArrayBuffer;
  // A Buffer's own slice() would be another view.
  return isWhole ? bytes : new Uint8Array(bytes);
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
