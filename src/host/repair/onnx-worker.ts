/**
 * The judging thread: runs ONNX models, because `run()` holds up the event loop that it is called on. What it sends back is a few
 * numbers a row, whatever the model's outputs.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { InferenceSession, Tensor } from "onnxruntime-web";
import { MendlineError, messageOf } from "../../errors.js";
import { predictionsMax } from "../../limits.js";
import { type ChannelMoments, MomentsByChannel } from "./channel-moments.js";
import type { ThreadAnswer } from "./judging-thread.js";
import { describe, type InputPlan, type JudgeRows, planInputs } from "./onnx-inputs.js";
import { type OutputReading, type OutputSurvey, OutputSurveyor, type RowScores, Scorer } from "./outputs.js";

export interface Predictions {
  readonly rowCount: number;
  readonly outputCount: number;
  /** The model's outputs as they are, row by row: rowCount * outputCount. */
  readonly values: Float64Array;
}

/** One file of a model: its name, as the model has it, and its bytes among all. */
export interface ModelPart {
  readonly name: string;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** What can be asked of the thread, one at a time; the answer's value is of the type behind. */
export interface JudgeWork {
  readonly model: Uint8Array;
  /** Of a model with external data: which bytes are whose. The first is the model itself. */
  readonly parts: readonly ModelPart[] | null;
  readonly rows: JudgeRows;
  readonly task:
    | { readonly kind: "survey" }
    | { readonly kind: "score"; readonly reading: OutputReading; readonly labels: Float64Array }
    | { readonly kind: "predict" }
    /** Of a value that the model gives out, by its channels (axis 1). */
    | { readonly kind: "moments"; readonly value: string };
}

export type JudgeValue = OutputSurvey | RowScores | Predictions | ChannelMoments;

/** `runtimes`: packages to try, in this order. */
export interface JudgeWorkerData {
  readonly runtimes: readonly string[];
}

type Runtime = typeof import("onnxruntime-web");

// The runtime's own remarks must not get into a command's output. (Piping them off to the side would keep the process alive.)
process.stdout.write = process.stderr.write = () => true;

const { runtimes } = workerData as JudgeWorkerData;
let loaded: Promise<Runtime> | undefined;

parentPort!.on("message", (work: JudgeWork) => {
  void answer(work).then((reply) => parentPort!.postMessage(reply));
});

/** A runtime that failed may have lost its memory: it is not to be used again. */
async function answer(work: JudgeWork): Promise<ThreadAnswer<JudgeValue>> {
  try {
    loaded ??= loadRuntime();
    return { ok: true, value: await judge(await loaded, work) };
  } catch (thrown) {
    if (thrown instanceof MendlineError) return { ok: false, isLost: false, error: thrown.toJSON() };
    const message = `the ONNX runtime failed: ${messageOf(thrown)}`;
    const error = new MendlineError("MENDLINE_REPAIR_VALIDATOR", message).toJSON();
    return { ok: false, isLost: true, error };
  }
}

async function loadRuntime(): Promise<Runtime> {
  const failures: string[] = [];
  for (const name of runtimes) {
    try {
      const runtime = (await import(name)) as Runtime;
      runtime.env.logLevel = "error";
      // Threads of its own would compete with the gateway's; web's need a browser's workers besides.
      if (runtime.env.wasm !== undefined) runtime.env.wasm.numThreads = 1;
      return runtime;
    } catch (thrown) {
      failures.push(messageOf(thrown).split("\n", 1)[0]!);
    }
  }
  throw new MendlineError(
    "MENDLINE_REPAIR_VALIDATOR",
    `an ONNX model is judged by ${runtimes.join(" or ")}, and none can be loaded: run 'npm install onnxruntime-web', or use --validator COMMAND`,
    { details: { failures } },
  );
}

async function judge(runtime: Runtime, { model, parts, rows, task }: JudgeWork): Promise<JudgeValue> {
  const session = await openSession(runtime, model, parts);
  try {
    const plan = planInputs(session.inputMetadata, rows);
    const batchesOf = (output: InferenceSession.ValueMetadata) =>
      runBatches(runtime, session, plan, rows.rowCount, output);
    if (task.kind === "moments") return await moments(batchesOf(outputNamed(session, task.value)));
    const batches = () => batchesOf(chooseOutput(session.outputMetadata));
    if (task.kind === "score") return await score(batches(), task.reading, task.labels);
    return task.kind === "survey" ? await survey(batches()) : await predict(batches(), rows.rowCount);
  } finally {
    await session.release();
  }
}

async function openSession(
  runtime: Runtime,
  model: Uint8Array,
  parts: readonly ModelPart[] | null,
): Promise<InferenceSession> {
  const [own, ...others] = parts ?? [{ name: "", byteOffset: 0, byteLength: model.length }];
  const bytesOf = ({ byteOffset, byteLength }: ModelPart) => {
    const bytes = model.subarray(byteOffset, byteOffset + byteLength);
    // Shared bytes are not taken by every runtime.
    return model.buffer instanceof SharedArrayBuffer ? bytes.slice() : bytes;
  };
  const externalData = others.map((part) => ({ path: part.name, data: bytesOf(part) }));
  const options = { logSeverityLevel: 3 as const, ...(parts !== null && { externalData }) };
  const session = await runtime.InferenceSession.create(bytesOf(own!), options).catch((thrown: unknown) => {
    throw new Error(`it cannot load the model: ${messageOf(thrown)}`);
  });
  if (Array.isArray(session.inputMetadata)) return session;
  throw new MendlineError(
    "MENDLINE_REPAIR_VALIDATOR",
    "the ONNX runtime does not tell the shapes of a model's inputs: run 'npm install onnxruntime-web@latest' (1.22 or later)",
  );
}

/** Some rows' outputs, row by row. */
interface OutputBatch {
  readonly outputCount: number;
  /** Length of axis 1; 1 where there is none. */
  readonly channels: number;
  readonly outputs: Float64Array;
}

async function* runBatches(
  runtime: Runtime,
  session: InferenceSession,
  plan: InputPlan,
  rowCount: number,
  output: InferenceSession.ValueMetadata,
): AsyncGenerator<OutputBatch> {
  for (let from = 0; from < rowCount; from += plan.batchRows) {
    const count = Math.min(plan.batchRows, rowCount - from);
    const feeds: Record<string, Tensor> = {};
    for (const feed of plan.feeds(from, count)) {
      feeds[feed.input] = new runtime.Tensor(feed.type, feed.data, feed.dims);
    }
    const results = await session.run(feeds, [output.name]);
    yield outputsOf(results[output.name]!, output, plan.isFixed ? plan.batchRows : count, count);
  }
}

function outputNamed(session: InferenceSession, name: string): InferenceSession.ValueMetadata {
  const found = session.outputMetadata.find((output) => output.name === name);
  if (found !== undefined) return found;
  throw new MendlineError(
    "MENDLINE_REPAIR_VALIDATOR",
    `the ONNX runtime does not give out the inner value ${JSON.stringify(name)}`,
  );
}

/** The only output, or the second of a (label, probabilities) pair. */
function chooseOutput(outputs: readonly InferenceSession.ValueMetadata[]): InferenceSession.ValueMetadata {
  const [first, second] = outputs;
  const isLabel = first?.isTensor === true && ["int64", "int32", "string", "bool"].includes(first.type);
  const chosen = outputs.length === 1 ? first : outputs.length === 2 && isLabel ? second : undefined;
  if (chosen?.isTensor) return chosen;
  throw new MendlineError(
    "MENDLINE_REPAIR_VALIDATOR",
    `the model's outputs are ${outputs.map(describe).join(", ") || "none"}, where one tensor, or a label and a tensor of probabilities, are read: export it so (zipmap off), or use --validator`,
    { details: { outputs: outputs.map(describe) } },
  );
}

function outputsOf(
  tensor: Tensor,
  output: InferenceSession.ValueMetadata,
  fedRows: number,
  rowCount: number,
): OutputBatch {
  const outputCount = tensor.size / fedRows;
  const isPerRow = tensor.dims[0] === fedRows && outputCount >= 1;
  if (!isPerRow || tensor.type === "string" || tensor.type === "float16") {
    throw new MendlineError(
      "MENDLINE_REPAIR_VALIDATOR",
      `the model's output ${output.name} is ${tensor.type}[${tensor.dims.join(", ")}] for ${fedRows} rows, where numbers for each row are read: use --validator`,
      { details: { output: output.name, dims: [...tensor.dims], rows: fedRows } },
    );
  }
  const data = tensor.data as ArrayLike<number | bigint>;
  const outputs = new Float64Array(rowCount * outputCount);
  for (let i = 0; i < outputs.length; i++) outputs[i] = Number(data[i]!);
  const channels = Number(tensor.dims[1] ?? 1);
  tensor.dispose();
  return { outputCount, channels, outputs };
}

async function survey(batches: AsyncIterable<OutputBatch>): Promise<OutputSurvey> {
  const surveyor = new OutputSurveyor();
  for await (const { outputs, outputCount } of batches) surveyor.take(outputs, outputCount);
  return surveyor.finish();
}

async function score(
  batches: AsyncIterable<OutputBatch>,
  reading: OutputReading,
  labels: Float64Array,
): Promise<RowScores> {
  const scorer = new Scorer(reading, labels);
  for await (const { outputs, outputCount } of batches) {
    if (outputCount !== reading.outputCount) {
      throw new MendlineError(
        "MENDLINE_REPAIR_VALIDATOR",
        `the model gives ${outputCount} outputs a row, but the unrepaired one ${reading.outputCount}`,
        { details: { outputs: outputCount, expected: reading.outputCount } },
      );
    }
    scorer.take(outputs);
  }
  return scorer.finish();
}

async function moments(batches: AsyncIterable<OutputBatch>): Promise<ChannelMoments> {
  const found = new MomentsByChannel();
  for await (const { outputs, outputCount, channels } of batches) found.take(outputs, channels, outputCount);
  return found.finish();
}

async function predict(batches: AsyncIterable<OutputBatch>, rowCount: number): Promise<Predictions> {
  let values = new Float64Array(0);
  let outputCount = 0;
  let at = 0;
  for await (const batch of batches) {
    if (at === 0) {
      outputCount = batch.outputCount;
      if (rowCount * outputCount > predictionsMax) {
        throw new MendlineError(
          "MENDLINE_DATA_LIMIT",
          `${rowCount} rows of ${outputCount} outputs are ${rowCount * outputCount} predictions, above ${predictionsMax}: take fewer rows`,
        );
      }
      values = new Float64Array(rowCount * outputCount);
    }
    values.set(batch.outputs, at);
    at += batch.outputs.length;
  }
  return { rowCount, outputCount, values };
}
