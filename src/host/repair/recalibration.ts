/**
 * Batch norm's running statistics, recomputed on live data. They are means and variances of activations, so that no label is needed: the
 * graph is run on live rows, and what each node is to normalise is measured. Layer by layer in the order of computation, because a
 * layer's activations follow from the statistics before it. Variances are divided by the count, as the node itself does in training.
 *
 * Source: Jordan et al. 2023, "REPAIR: REnormalizing Permuted Activations for Interpolation Repair" (after a blend); Schneider et al.
 * 2020, "Improving robustness against common corruptions by covariate shift adaptation" (of a model as it is).
 */
import { MendlineError } from "../../errors.js";
import { recalibrationBytesMax, recalibrationLayersMax, recalibrationRowsMin } from "../../limits.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { DataSource } from "../columns/column.js";
import {
  type BatchNorm,
  namedBatchNorms,
  onnxBatchNorms,
  withExtraOutput,
} from "../parameters/batch-norms.js";
import { frozenBy, type TensorFilter } from "../parameters/pairing.js";
import type { ParameterFile, TensorEntry } from "../parameters/tensor-index.js";
import type { RepairContext } from "./context.js";
import { liveRowsRefusal, readLiveRows } from "./live-rows.js";
import type { JudgeRows } from "./onnx-inputs.js";
import { OnnxValidator } from "./onnx-validator.js";
import type { BatchNormReport } from "./report.js";
import { type Candidate, candidateOfBytes } from "./validator.js";

export interface RecalibrationOptions {
  readonly model: ModelRecord;
  readonly drifted: ParameterFile;
  readonly filter: TensorFilter;
  readonly features: readonly string[];
  readonly live: DataSource;
  readonly signal?: AbortSignal | undefined;
}

export class Recalibration {
  /** Null where nothing tells of batch norm. */
  readonly report: BatchNormReport | null;
  readonly #nodes: readonly BatchNorm[];
  readonly #rows: JudgeRows | null;
  readonly #signal: AbortSignal | undefined;
  // The task plays no part: activations are asked for, never outputs.
  readonly #probe = new OnnxValidator({ task: "regression" });

  private constructor(
    report: BatchNormReport | null,
    nodes: readonly BatchNorm[] = [],
    rows: JudgeRows | null = null,
    signal?: AbortSignal,
  ) {
    this.report = report;
    this.#nodes = nodes;
    this.#rows = rows;
    this.#signal = signal;
  }

  /** Tries it on the drifted model: what stands against it is told by the report, not thrown. */
  static async open(
    context: RepairContext,
    baseline: Candidate,
    options: RecalibrationOptions,
  ): Promise<Recalibration> {
    const { drifted, live, features, signal } = options;
    if (drifted.format !== "onnx") return new Recalibration(ofNames(drifted));
    const { nodes, layerCount } = await onnxBatchNorms(drifted);
    if (layerCount === 0) return new Recalibration(await ofFolded(context, options.model));
    const frozen = frozenBy(drifted, options.filter);
    const own = nodes.filter(({ mean, variance }) => !frozen.has(mean.name) && !frozen.has(variance.name));
    const against = reasonAgainst(drifted, own, layerCount) ?? liveRowsRefusal(live, features);
    const report = { layers: layerCount, recalibrated: 0, rows: 0, reason: against };
    if (against !== null) return new Recalibration(report);
    const rows = await readLiveRows(live, { features, memory: context.runtime.arena.memory, signal });
    const able = { ...report, recalibrated: own.length, rows: rows.rowCount };
    const recalibration = new Recalibration(able, own, rows, signal);
    try {
      await recalibration.apply(baseline);
      return recalibration;
    } catch (thrown) {
      await recalibration.close();
      if (!(thrown instanceof MendlineError) || thrown.code === "MENDLINE_TASK_ABORTED") throw thrown;
      return new Recalibration({ ...report, rows: rows.rowCount, reason: thrown.message });
    }
  }

  get isPossible(): boolean {
    return this.#rows !== null;
  }

  /**
   * @returns the candidate's bytes with statistics of its own activations
   * @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE  its activations are not finite
   */
  async apply(candidate: Candidate): Promise<Uint8Array> {
    const bytes = new Uint8Array(await candidate.bytes());
    for (const { input, mean, variance } of this.#nodes) {
      const probed = probeOf(bytes, candidate, input);
      const moments = await this.#probe.moments(probed, this.#rows!, input, { signal: this.#signal });
      if (moments.rowCount < recalibrationRowsMin || moments.means.length !== mean.shape[0]) {
        throw unmeasured(candidate.name, input, moments.rowCount, moments.means.length);
      }
      put(bytes, mean, moments.means);
      put(bytes, variance, moments.variances);
    }
    return bytes;
  }

  close(): Promise<void> {
    return this.#probe.close();
  }
}

/** The candidate with one more output; files of external data move behind it. */
function probeOf(bytes: Uint8Array, { name, parts }: Candidate, value: string): Candidate {
  const longer = withExtraOutput(bytes, value, parts?.[0]?.byteLength);
  const by = longer.length - bytes.length;
  const moved = parts?.map((part, index) =>
    index === 0
      ? { ...part, byteLength: part.byteLength + by }
      : { ...part, byteOffset: part.byteOffset + by },
  );
  return { ...candidateOfBytes(longer, "onnx", name), parts: moved };
}

function put(bytes: Uint8Array, { dtype, byteOffset }: TensorEntry, values: Float64Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + byteOffset);
  values.forEach((value, index) => {
    if (dtype === "F64") view.setFloat64(8 * index, value, true);
    else view.setFloat32(4 * index, value, true);
  });
}

function unmeasured(name: string, input: string, rows: number, channels: number): MendlineError {
  return new MendlineError(
    "MENDLINE_REPAIR_INCOMPATIBLE",
    `${name}: ${rows} live rows with finite activations of ${channels} channels at ${JSON.stringify(input)} are not enough to recalibrate batch norm: ${recalibrationRowsMin} rows are needed`,
    { details: { rows, rowsMin: recalibrationRowsMin, channels } },
  );
}

function reasonAgainst(
  { byteLength }: ParameterFile,
  own: readonly BatchNorm[],
  layerCount: number,
): string | null {
  if (byteLength > recalibrationBytesMax) {
    return `the model has ${byteLength} bytes, more than ${recalibrationBytesMax}`;
  }
  if (own.length < layerCount) {
    return `the running statistics of ${layerCount - own.length} of its ${layerCount} batch norm layers are frozen, shared, computed or no plain floats of the file`;
  }
  return layerCount > recalibrationLayersMax
    ? `${layerCount} batch norm layers are more than ${recalibrationLayersMax}`
    : null;
}

function ofNames(drifted: ParameterFile): BatchNormReport | null {
  const layers = namedBatchNorms(drifted);
  if (layers === 0) return null;
  const reason =
    "a safetensors file has no graph to measure activations with: recalibrate the running statistics where the model is built";
  return { layers, recalibrated: 0, rows: 0, reason };
}

const folded = /batch.?norm|\bbn\b.{0,20}(fold|fus)|(fold|fus).{0,20}\bbn\b/i;

/** A graph without batch norm cannot tell that it had one; what was recorded with the model may. */
async function ofFolded({ store }: RepairContext, model: ModelRecord): Promise<BatchNormReport | null> {
  const parents = await store.parents(model.id);
  const told = JSON.stringify([model.tags, ...parents.map(({ parameters }) => parameters)]);
  if (!folded.test(told)) return null;
  const reason =
    "its lineage tells of batch norm, and the graph has none: folded into the weights, statistics cannot be recalibrated after a blend";
  return { layers: 0, recalibrated: 0, rows: 0, reason };
}
