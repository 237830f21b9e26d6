/**
 * Both models of a trial run on the same rows, for whoever has no application that does: drift of the live rows against the candidate's
 * reference, disagreements, losses. Nothing is counted here: what is found is counted at once, or not at all (alias-trial.ts).
 */
import { MendlineError } from "../../errors.js";
import { trialRowsMax } from "../../limits.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { DataSource } from "../columns/column.js";
import { dataDigest } from "../columns/digest.js";
import { compareToProfile } from "../drift/compare.js";
import { loadProfile } from "../models.js";
import { Candidates } from "./candidates.js";
import { validatorFor } from "./choose-validator.js";
import type { RepairContext } from "./context.js";
import { columnsOf } from "./labelled-columns.js";
import {
  asLabelled,
  readLabelled,
  readUnlabelled,
  selectUnlabelled,
  type UnlabelledData,
  withoutRows,
} from "./labelled-data.js";
import { defaultMetric } from "./metrics.js";
import { OnnxValidator } from "./onnx-validator.js";
import type { Predictions } from "./onnx-worker.js";
import { decideReading, OutputSurveyor } from "./outputs.js";
import { labelOf, taskOf } from "./request.js";
import { RunLog } from "./run-log.js";
import type { AnswerCounts, Trial } from "./trial.js";
import type { Candidate, Validator } from "./validator.js";
import { validatorPlan } from "./validator-plan.js";

export interface TrialRows {
  /** Rows as they are served: both models answer them, and the candidate's drift is looked at. */
  readonly live?: DataSource | undefined;
  /** Rows whose labels have come. */
  readonly labelled?: DataSource | undefined;
  /** Column of the labels, and how models are judged; those of the repair that began the trial by default, else the model's own. */
  readonly label?: string;
  readonly validator?: string;
  readonly output?: "probability" | "logit";
  readonly signal?: AbortSignal | undefined;
}

/** What the rows said. */
export interface TrialFindings {
  /** How the candidate drifts on the live rows, null where it does not; undefined without live rows, or without a reference. */
  readonly drift: string | null | undefined;
  /** Why the candidate has lost without a look at losses; null where it has not. */
  readonly fault: string | null;
  readonly answers: AnswerCounts;
  /** One a row, of both models. */
  readonly incumbentLosses: Float64Array;
  readonly candidateLosses: Float64Array;
  /** Of the data. */
  readonly digests: readonly string[];
}

const none = new Float64Array();

/**
 * @throws MendlineError MENDLINE_REPAIR_INPUTS  the trial has counted the very data already
 * @throws MendlineError MENDLINE_REPAIR_VALIDATOR  a model cannot be run, or the losses are not those of rows
 * @throws MendlineError MENDLINE_DATA_*, MENDLINE_REPAIR_LABELS, MENDLINE_TASK_ABORTED
 */
export async function lookAtRows(
  context: RepairContext,
  trial: Trial,
  rows: TrialRows,
): Promise<TrialFindings> {
  const look = await TrialLook.open(context, trial, rows);
  try {
    return await look.findings();
  } finally {
    await look.close();
  }
}

class TrialLook {
  readonly #context: RepairContext;
  readonly #trial: Trial;
  readonly #rows: TrialRows;
  readonly #candidate: ModelRecord;
  readonly #models: { readonly incumbent: Candidate; readonly candidate: Candidate };
  readonly #validator: Validator;
  readonly #stop = () => void this.#validator.close();

  private constructor(
    context: RepairContext,
    trial: Trial,
    rows: TrialRows,
    candidate: ModelRecord,
    models: { readonly incumbent: Candidate; readonly candidate: Candidate },
    validator: Validator,
  ) {
    this.#context = context;
    this.#trial = trial;
    this.#rows = rows;
    this.#candidate = candidate;
    this.#models = models;
    this.#validator = validator;
    rows.signal?.addEventListener("abort", this.#stop, { once: true });
  }

  static async open(context: RepairContext, trial: Trial, given: TrialRows): Promise<TrialLook> {
    const { store } = context;
    const { incumbent, candidate, run } = trial.state;
    const plan = run === null ? null : (await RunLog.reopen(store, run)).started.plan;
    const model = await store.get(candidate);
    const task = taskOf(model, given.label ?? plan?.label ?? null);
    const output = given.output ?? plan?.output ?? null;
    const rows = { ...given, label: task.label, ...(output !== null && { output }) };
    const candidates = await Candidates.open(context, model, { include: [], exclude: [] });
    const validator = await validatorFor(context, model, task, {
      metric: plan?.metric ?? defaultMetric(task.kind),
      goal: null,
      validator:
        given.validator === undefined ? (plan?.validator ?? null) : await validatorPlan(given.validator),
      output,
    });
    const models = {
      incumbent: await candidates.make({ kind: "ancestor", id: incumbent }),
      candidate: await candidates.make({ kind: "keep" }),
    };
    return new TrialLook(context, trial, rows, model, models, validator);
  }

  async findings(): Promise<TrialFindings> {
    const digests = await this.#digests();
    const drift = await this.#drift();
    const answers = await this.#answers();
    const { incumbentLosses, candidateLosses, fault } = await this.#losses();
    return { drift, fault, answers, incumbentLosses, candidateLosses, digests };
  }

  close(): Promise<void> {
    this.#rows.signal?.removeEventListener("abort", this.#stop);
    return this.#validator.close();
  }

  get #features(): readonly string[] {
    return taskOf(this.#candidate, this.#rows.label!).features;
  }

  async #digests(): Promise<string[]> {
    const { live, labelled, label, signal } = this.#rows;
    const digests: string[] = [];
    const columns = columnsOf({ features: this.#features, label: label!, weight: null });
    for (const [source, names, use] of [
      [live, this.#features, "live"],
      [labelled, columns, "labelled"],
    ] as const) {
      if (source === undefined) continue;
      const digest = await dataDigest(source, names, this.#context.runtime.arena, signal);
      const entry = `${use}:${digest}`;
      if (this.#trial.state.batches.includes(entry)) throw countedAlready(source);
      digests.push(entry);
    }
    return digests;
  }

  async #drift(): Promise<TrialFindings["drift"]> {
    const { live, signal } = this.#rows;
    const profile = live === undefined ? null : await loadProfile(this.#context.store, this.#candidate);
    if (live === undefined || profile === null) return undefined;
    const report = await compareToProfile(this.#context.runtime, profile, live, {
      ...(signal && { signal }),
    });
    if (report.verdict !== "drift") return null;
    const drifted = Object.entries(report.features).filter(([, { verdict }]) => verdict === "drift");
    const told = drifted.slice(0, 5).map(([name, { psi }]) => `${name} (PSI ${psi.value.toPrecision(3)})`);
    return `the candidate drifts on ${report.rows.current} live rows: ${told.join(", ")}`;
  }

  async #answers(): Promise<AnswerCounts> {
    const { live, signal } = this.#rows;
    const found = { rows: 0, disagreements: 0, nonFinite: 0 };
    // Another judge gives losses, and no answers to compare.
    if (live === undefined || !(this.#validator instanceof OnnxValidator)) return found;
    const { memory } = this.#context.runtime.arena;
    const all = await readUnlabelled(live, { features: this.#features, memory, ...(signal && { signal }) });
    let threshold: number | null = null;
    for (const piece of piecesOf(all)) {
      const { incumbent, candidate } = this.#models;
      const [own, other] = [
        await this.#validator.predict(incumbent, asLabelled(piece), { signal }),
        await this.#validator.predict(candidate, asLabelled(piece), { signal }),
      ];
      threshold ??= this.#thresholdOf(own);
      for (let row = 0; row < piece.rowCount; row++) {
        const { rows, disagreements, nonFinite } = this.#trial.compared(
          answerOf(own, row, threshold),
          answerOf(other, row, threshold),
        );
        found.rows += rows;
        found.disagreements += disagreements;
        found.nonFinite += nonFinite;
      }
    }
    return found;
  }

  /** Above it a single output means class 1; NaN for a regression, and for several outputs. */
  #thresholdOf({ values, outputCount }: Predictions): number {
    const { kind } = taskOf(this.#candidate, this.#rows.label!);
    if (kind !== "classification" || outputCount !== 1) return Number.NaN;
    const surveyor = new OutputSurveyor();
    surveyor.take(values, outputCount);
    const reading = decideReading(surveyor.finish(), kind, this.#rows.output);
    return reading.kind === "probability" ? 0.5 : 0;
  }

  async #losses(): Promise<Pick<TrialFindings, "incumbentLosses" | "candidateLosses" | "fault">> {
    const { labelled, label, signal } = this.#rows;
    const nothing = { incumbentLosses: none, candidateLosses: none, fault: null };
    if (labelled === undefined) return nothing;
    const { memory } = this.#context.runtime.arena;
    const all = await readLabelled(labelled, {
      features: this.#features,
      label: label!,
      memory,
      ...(signal && { signal }),
    });
    if (all.rowCount === 0) return nothing;
    const { incumbent, candidate } = this.#models;
    const { nonFiniteRows } = await this.#validator.prepare(incumbent, all, { signal });
    const judged = nonFiniteRows.length === 0 ? all : withoutRows(all, nonFiniteRows);
    if (judged.rowCount === 0) return nothing;
    const own = (await this.#validator.evaluate(incumbent, judged, { signal })).rowLosses;
    const other = (await this.#validator.evaluate(candidate, judged, { signal })).rowLosses;
    if (own === null || other === null) throw oneLoss(this.#candidate);
    // Where the incumbent has no finite loss either, a row tells nothing.
    const rows = Uint32Array.from(own.keys()).filter((row) => Number.isFinite(own[row]));
    const failed = rows.filter((row) => !Number.isFinite(other[row])).length;
    const fault =
      failed === 0
        ? null
        : `the candidate gives no finite output for ${failed} of ${rows.length} labelled rows`;
    if (fault !== null) return { ...nothing, fault };
    const pick = (losses: Float64Array) => Float64Array.from(rows, (row) => losses[row]!);
    return { incumbentLosses: pick(own), candidateLosses: pick(other), fault };
  }
}

function* piecesOf(all: UnlabelledData): Generator<UnlabelledData> {
  for (let from = 0; from < all.rowCount; from += trialRowsMax) {
    const length = Math.min(trialRowsMax, all.rowCount - from);
    yield selectUnlabelled(
      all,
      Uint32Array.from({ length }, (_, index) => from + index),
    );
  }
}

/** A number, or the scores of classes: of one output with a threshold those of the two. */
function answerOf(
  { values, outputCount }: Predictions,
  row: number,
  threshold: number,
): number | ArrayLike<number> {
  if (outputCount > 1) return values.subarray(row * outputCount, (row + 1) * outputCount);
  return Number.isNaN(threshold) ? values[row]! : [threshold, values[row]!];
}

function countedAlready({ label }: DataSource): MendlineError {
  return new MendlineError(
    "MENDLINE_REPAIR_INPUTS",
    `the trial has counted the rows of ${label} already: give the rows that came since`,
    { details: { source: label } },
  );
}

function oneLoss(model: ModelRecord): MendlineError {
  return new MendlineError(
    "MENDLINE_REPAIR_VALIDATOR",
    `${labelOf(model)}: a trial compares losses in pairs, and the validator gave one number for all rows: print one loss a row`,
  );
}
