/** Judges ONNX models with onnxruntime on one thread of its own, started by the first evaluation. */
import { MendlineError } from "../../errors.js";
import { judgeDeadlineMs } from "../../limits.js";
import type { ChannelMoments } from "./channel-moments.js";
import { type Judgement, judgementOf } from "./judgement.js";
import { JudgingThread } from "./judging-thread.js";
import type { LabelledData } from "./labelled-data.js";
import { defaultMetric, type LossName, lossFor, type MetricName, type Task } from "./metrics.js";
import type { JudgeRows } from "./onnx-inputs.js";
import type { JudgeValue, JudgeWork, JudgeWorkerData, Predictions } from "./onnx-worker.js";
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
  readonly #thread: JudgingThread<JudgeWork, JudgeValue>;
  #reading: OutputReading | null = null;

  constructor(options: OnnxValidatorOptions) {
    this.#options = options;
    this.#loss = options.loss ?? lossFor(defaultMetric(options.task));
    this.#thread = new JudgingThread({
      url: new URL("./onnx-worker.js", import.meta.url),
      workerData: { runtimes: options.runtimes ?? defaultRuntimes } satisfies JudgeWorkerData,
      deadlineMs: options.deadlineMs ?? judgeDeadlineMs,
    });
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

  /** Mean and variance, by channel, of a value that the model gives out beside its outputs. */
  async moments(
    candidate: Candidate,
    rows: JudgeRows,
    value: string,
    options?: EvaluateOptions,
  ): Promise<ChannelMoments> {
    return (await this.#run(candidate, rows, { kind: "moments", value }, options)) as ChannelMoments;
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #run(
    candidate: Candidate,
    data: JudgeRows,
    task: JudgeWork["task"],
    options?: EvaluateOptions,
  ): Promise<JudgeValue> {
    checkCandidate(candidate, data);
    const { source, rowCount, features, columns, texts, rowNumbers } = data;
    const rows = { source, rowCount, features, columns, texts, rowNumbers };
    const question = async () => ({
      work: { model: compact(await candidate.bytes()), parts: candidate.parts ?? null, rows, task },
      name: candidate.name,
      rowCount,
    });
    return this.#thread.ask(question, options);
  }
}

function checkCandidate(candidate: Candidate, data: JudgeRows): void {
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
