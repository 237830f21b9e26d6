/**
 * A repair from drift to publication: each step decided on its own data, recorded before the next begins.
 *
 *     drift -> ancestor chosen -> checked -> scale searched -> gated -> published | rejected | not-proven | needs-labels
 *          \-> no-drift     \-> no-healthy-ancestor
 *
 * Nothing is published that the gate slice, which had no part in choosing the scale, does not show to be better.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { MendlineError } from "../../errors.js";
import type { ModelRecord, ModelTask } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { DataSource } from "../columns/column.js";
import type { Deployment } from "../deployment/deployments.js";
import { driftSummary, loadProfile, type ScratchModels } from "../models.js";
import { blendToBytes } from "../parameters/blend.js";
import type { ParameterFile } from "../parameters/tensor-index.js";
import { type AncestorDrift, chooseAncestor, labelOf, lineageDrift } from "./ancestor.js";
import { CommandValidator } from "./command-validator.js";
import { compareControl, compareGate, controlMarginDefault, type GateResult } from "./gate.js";
import type { Judgement } from "./judgement.js";
import { type LabelledData, readLabelled, selectRows, withoutRows } from "./labelled-data.js";
import { profileLive } from "./live-profile.js";
import { defaultMetric, type Goal, type MetricName, meetsGoal, parseGoal, requireMetric } from "./metrics.js";
import { OnnxValidator } from "./onnx-validator.js";
import { publish } from "./publish.js";
import type { ControlReport, GateReport, RepairOutcome, RepairReport } from "./report.js";
import { searchScale } from "./scale-search.js";
import { splitRows } from "./slices.js";
import type { Candidate, Validator } from "./validator.js";

export interface RepairProgress {
  readonly step: "drift" | "ancestor" | "scale" | "gate" | "published";
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
}

export interface RepairRequest {
  /** Live data that shows the drift. */
  readonly live: DataSource;
  /** Labelled data of the new regime: split by `seed` into a selection and a gate slice. */
  readonly validation: DataSource;
  /** Labelled data of the old regime, which must not get worse. */
  readonly control?: DataSource;
  /** Label column; the model's own by default. */
  readonly label?: string;
  readonly metric?: string;
  /** For example `log-loss<=0.6`: what falls short of it is not published. */
  readonly goal?: string;
  readonly threshold?: number;
  readonly select?: "nearest" | "lowest-drift";
  /** REF of the ancestor to take, whatever its own drift. */
  readonly ancestor?: string;
  /** Shell command that judges candidates; onnxruntime by default. */
  readonly validator?: string;
  readonly output?: "probability" | "logit";
  /** Share of keep's loss by which repaired may be worse on control; 0.05 by default. */
  readonly controlMargin?: number;
  readonly alias?: string;
  /** Folder to publish to. */
  readonly deploy?: string;
  readonly dryRun?: boolean;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RepairProgress) => void;
}

export interface RepairContext {
  readonly runtime: Runtime;
  readonly store: LineageStore;
  readonly scratch: ScratchModels;
}

export interface RepairResult {
  readonly report: RepairReport;
  readonly deployment: Deployment | null;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_DATA_*, MENDLINE_REPAIR_*, MENDLINE_STORE_*, MENDLINE_DEPLOY_FAILED */
export async function repairModel(
  context: RepairContext,
  model: ModelRecord,
  request: RepairRequest,
): Promise<RepairResult> {
  return new Repair(context, model, request).run();
}

/** Nothing decided yet: what each step fills in. */
type Findings = Omit<RepairReport, "outcome" | "reason" | "run" | "dryRun" | "drift">;

const nothingFound: Findings = {
  ancestor: null,
  passedOver: [],
  scale: null,
  curve: [],
  barrier: null,
  gate: null,
  control: null,
  model: null,
  path: null,
  labelRequest: null,
};

class Repair {
  readonly #context: RepairContext;
  readonly #model: ModelRecord;
  readonly #request: RepairRequest;
  readonly #task: ModelTask;
  readonly #metric: MetricName;
  readonly #goal: Goal | null;
  readonly #seed: number;
  readonly #run = `run-${randomUUID()}`;
  #aliasBefore: string | null = null;
  #findings: Findings = nothingFound;

  constructor(context: RepairContext, model: ModelRecord, request: RepairRequest) {
    this.#context = context;
    this.#model = model;
    this.#request = request;
    this.#task = taskOf(model, request);
    this.#metric =
      request.metric === undefined
        ? defaultMetric(this.#task.kind)
        : requireMetric(request.metric, this.#task.kind);
    this.#seed = request.seed ?? 0;
    if (!Number.isSafeInteger(this.#seed)) throw invalid(`seed is ${this.#seed}: choose a whole number`);
    const margin = request.controlMargin ?? controlMarginDefault;
    if (!(margin >= 0 && margin <= 1))
      throw invalid(`the control margin is ${margin}: choose a share from 0 to 1`);
    this.#goal = request.goal === undefined ? null : parseGoal(request.goal, this.#task.kind);
    if (request.deploy !== undefined && request.alias === undefined)
      throw invalid("a folder to deploy to needs an alias, the name that is deployed there");
  }

  async run(): Promise<RepairResult> {
    const { live, threshold, alias, signal, select = "nearest" } = this.#request;
    const { store } = this.#context;
    if (alias !== undefined) this.#aliasBefore = (await store.alias(alias))?.id ?? null;
    const forced = this.#request.ancestor === undefined ? null : await store.resolve(this.#request.ancestor);
    if (forced !== null && !(await store.isAncestor(forced, this.#model.id))) {
      throw invalid(`${this.#request.ancestor} is no ancestor of ${labelOf(this.#model)}`);
    }
    this.#say("drift", `comparing ${live.rowCount} live rows with the lineage`);
    const lineage = await lineageDrift(this.#context, this.#model, live, forced, { threshold, signal });
    const end = (outcome: RepairOutcome, reason: string) => this.#end(outcome, reason, lineage.report);
    await this.#record("detected", {
      model: this.#model.id,
      rows: live.rowCount,
      drift: driftSummary(lineage.report),
      ancestors: lineage.ancestors.map(({ model, distance, report }) => ({
        id: model.id,
        distance,
        drift: report && driftSummary(report),
      })),
    });
    if (lineage.report.verdict !== "drift") {
      return end(
        "no-drift",
        lineage.report.verdict === "stable"
          ? "the live data has not drifted"
          : "the live data is too little to tell",
      );
    }

    const { chosen, passedOver } = await chooseAncestor(
      this.#context,
      this.#model,
      lineage.ancestors,
      select,
      forced,
    );
    this.#findings = { ...this.#findings, ancestor: chosen?.summary ?? null, passedOver };
    await this.#record("ancestor-chosen", { ancestor: chosen?.summary ?? null, passedOver });
    if (chosen === null) {
      return end(
        "no-healthy-ancestor",
        passedOver.length === 0 ? "it has no ancestor" : "every ancestor was passed over",
      );
    }
    this.#say("ancestor", `toward ${chosen.summary.label}`);
    const drifted = await this.#context.scratch.file(this.#model);
    const ancestor = await this.#context.scratch.file(chosen.drift.model);
    const judged = await this.#judge(drifted, ancestor);
    await this.#record("gated", {
      outcome: judged.outcome,
      reason: judged.reason,
      gate: this.#findings.gate,
      control: this.#findings.control,
    });
    if (judged.outcome !== "published" || this.#request.dryRun === true) {
      return end(judged.outcome, judged.reason);
    }
    if (signal?.aborted) {
      throw new MendlineError("MENDLINE_TASK_ABORTED", "the repair was cancelled before it was published", {
        cause: signal.reason,
      });
    }
    return this.#publish(drifted, ancestor, chosen.drift, judged.reason, end);
  }

  /** Searches the scale on the selection slice, then asks the gate and the control slice. */
  async #judge(
    drifted: ParameterFile,
    ancestor: ParameterFile,
  ): Promise<{ outcome: RepairOutcome; reason: string }> {
    const validator = this.#validator(drifted);
    const stop = () => void validator.close();
    this.#request.signal?.addEventListener("abort", stop, { once: true });
    try {
      const candidate = async (scale: number): Promise<Candidate> => ({
        // What would be published at 1 is the ancestor itself, with its own graph and integer tensors: so that is what is judged.
        bytes:
          scale === 1
            ? await readFile(ancestor.path)
            : await blendToBytes(this.#context.runtime, drifted, ancestor, scale),
        format: drifted.format,
        name: `scale ${scale}`,
      });
      const slices = await this.#slices(validator, await candidate(0));
      if (!slices.isEnough) {
        return {
          outcome: "needs-labels",
          reason: `${slices.selection.rowCount} rows to choose the scale and ${slices.gate.rowCount} for the gate are too few: ${slices.rowsMin} each are needed`,
        };
      }
      const { signal } = this.#request;
      const search = await searchScale(
        async (scale) => {
          const blended = await orUnblendable(candidate(scale));
          if (blended === null) return { mean: Number.POSITIVE_INFINITY };
          return { mean: (await validator.evaluate(blended, slices.selection, { signal })).meanLoss };
        },
        {
          signal,
          onEvaluated: async (point, done, total) => {
            await this.#record("scale-judged", point);
            this.#say("scale", `scale ${point.scale}: loss ${point.loss}`, done, total);
          },
        },
      );
      const { scale, curve, barrier } = search;
      this.#findings = {
        ...this.#findings,
        scale,
        curve,
        barrier: Number.isFinite(barrier) ? barrier : null,
      };
      await this.#record("scale-searched", { scale, barrier, isBarred: search.isBarred, curve });
      if (scale === 0) {
        return {
          outcome: "rejected",
          reason: search.isBarred
            ? "a loss barrier lies between the two, and keeping is better than rolling back"
            : "no scale is better than keeping",
        };
      }
      return await this.#askGate(validator, candidate, scale, slices);
    } finally {
      this.#request.signal?.removeEventListener("abort", stop);
      await validator.close();
    }
  }

  async #askGate(
    validator: Validator,
    candidate: (scale: number) => Promise<Candidate>,
    scale: number,
    slices: Slices,
  ): Promise<{ outcome: RepairOutcome; reason: string }> {
    const { signal } = this.#request;
    this.#say("gate", `asking the gate about scale ${scale}`);
    const judge = async (at: number, slice: LabelledData) =>
      validator.evaluate(await candidate(at), slice, { signal });
    const keep = await judge(0, slices.gate);
    const rollback = await judge(1, slices.gate);
    const repaired = scale === 1 ? rollback : await judge(scale, slices.gate);
    const gate = await compareGate({ keep, rollback, repaired }, this.#metric, { seed: this.#seed, signal });
    this.#findings = { ...this.#findings, gate: gateReport(gate) };
    const control = slices.control === null ? null : await this.#askControl(judge, scale, slices.control);
    this.#findings = { ...this.#findings, control };
    if (gate.verdict !== "passed") return { outcome: gate.verdict, reason: gate.reason };
    if (control !== null && !control.passed) {
      return {
        outcome: "rejected",
        reason: `on the control slice ${control.metric} goes from ${control.keep.toFixed(4)} to ${control.repaired.toFixed(4)}, more than the margin of ${control.margin.toFixed(4)} allows`,
      };
    }
    if (this.#goal !== null) {
      const { metric } = this.#goal;
      const reached = metric === "loss" ? repaired.meanLoss : repaired.figures(metric).value;
      if (!meetsGoal(this.#goal, reached)) {
        return {
          outcome: "needs-labels",
          reason: `${metric} of ${reached.toFixed(4)} on the gate slice falls short of the goal ${this.#request.goal}: better, and not good enough`,
        };
      }
    }
    return { outcome: "published", reason: gate.reason };
  }

  async #askControl(
    judge: (scale: number, slice: LabelledData) => Promise<Judgement>,
    scale: number,
    all: LabelledData,
  ): Promise<ControlReport> {
    let slice = all;
    let keep = await judge(0, slice);
    // As on the labelled rows: where the unrepaired model gives no finite output, nothing can be compared.
    if (keep.nonFiniteCount > 0 && keep.rowLosses !== null) {
      const rows = Uint32Array.from(keep.rowLosses.keys()).filter(
        (row) => !Number.isFinite(keep.rowLosses![row]),
      );
      slice = withoutRows(all, rows);
      if (slice.rowCount === 0) throw noControl(all.source, "that the model gives a finite output for");
      keep = await judge(0, slice);
    }
    const { controlMargin: marginShare = controlMarginDefault, signal } = this.#request;
    const { metric, repaired, margin, rows, isWithinMargin, ...control } = await compareControl(
      keep,
      await judge(scale, slice),
      this.#metric,
      { seed: this.#seed, marginShare, signal },
    );
    return { metric, keep: control.keep, repaired, margin, rows, passed: isWithinMargin };
  }

  async #slices(validator: Validator, baseline: Candidate): Promise<Slices> {
    const { validation, control, signal } = this.#request;
    const label = this.#task.label!;
    const options = {
      features: this.#task.features,
      label,
      memory: this.#context.runtime.arena.memory,
      signal,
    };
    const all = await readLabelled(validation, options);
    if (all.rowCount === 0) {
      return {
        selection: all,
        gate: all,
        control: null,
        isEnough: false,
        rowsMin: splitRows(all.labels, { task: this.#task.kind, seed: this.#seed }).rowsMin,
      };
    }
    const { nonFiniteRows } = await validator.prepare(baseline, all, { signal });
    const usable = nonFiniteRows.length === 0 ? all : withoutRows(all, nonFiniteRows);
    const split = splitRows(usable.labels, { task: this.#task.kind, seed: this.#seed });
    const selection = selectRows(usable, split.selection);
    const gate = selectRows(usable, split.gate);
    const held = control === undefined ? null : await readLabelled(control, options);
    if (held?.rowCount === 0) throw noControl(held.source, "with a label");
    await this.#record("checked", {
      labelled: all.rowCount,
      withoutLabel: all.skippedUnlabelled,
      withoutOutput: nonFiniteRows.length,
      selection: selection.rowCount,
      gate: gate.rowCount,
      control: held?.rowCount ?? 0,
    });
    return {
      selection,
      gate,
      control: held,
      isEnough: split.isEnough,
      rowsMin: split.rowsMin,
    };
  }

  #validator(drifted: ParameterFile): Validator {
    const { validator, output } = this.#request;
    if (validator !== undefined) return new CommandValidator({ command: validator });
    if (drifted.format !== "onnx") {
      throw new MendlineError(
        "MENDLINE_REPAIR_VALIDATOR",
        `${labelOf(this.#model)} is a ${drifted.format} file: name a command that judges it with --validator`,
      );
    }
    // The more demanding of the two: auc is for two classes only.
    const metric = this.#goal?.metric === "auc" ? "auc" : this.#metric;
    return new OnnxValidator({ task: this.#task.kind, metric, ...(output && { output }) });
  }

  async #publish(
    drifted: ParameterFile,
    ancestor: ParameterFile,
    { model: ancestorModel }: AncestorDrift,
    reason: string,
    end: (outcome: RepairOutcome, reason: string) => Promise<RepairResult>,
  ): Promise<RepairResult> {
    const { live, alias, deploy, signal } = this.#request;
    const own = (await loadProfile(this.#context.store, this.#model))!;
    const published = await publish(this.#context, {
      drifted: { model: this.#model, file: drifted },
      ancestor: { model: ancestorModel, file: ancestor },
      scale: this.#findings.scale!,
      task: this.#task,
      findings: {
        gate: this.#findings.gate!,
        control: this.#findings.control,
        barrier: this.#findings.barrier,
      },
      liveProfile: () => profileLive(this.#context, own, live, signal),
      alias: alias ?? null,
      dir: deploy ?? null,
      aliasBefore: this.#aliasBefore,
      run: this.#run,
    });
    const { id, name, version } = published.model;
    this.#findings = {
      ...this.#findings,
      model: { id, name, version },
      path: published.deployment?.path ?? null,
    };
    this.#say("published", `${name}@${version}`);
    const { report } = await end("published", reason);
    return { report, deployment: published.deployment };
  }

  async #end(outcome: RepairOutcome, reason: string, drift: RepairReport["drift"]): Promise<RepairResult> {
    const dryRun = this.#request.dryRun === true;
    // A dry run's record must not read like a publication.
    await this.#record(dryRun ? "dry-run" : outcome, {
      outcome,
      reason,
      dryRun,
      scale: this.#findings.scale,
      model: this.#findings.model,
    });
    return {
      report: { outcome, reason, run: this.#run, dryRun, drift, ...this.#findings },
      deployment: null,
    };
  }

  #record(step: string, data: unknown): Promise<void> {
    return this.#context.store.commit((tx) => {
      tx.appendRun(this.#run, step, data);
    });
  }

  #say(step: RepairProgress["step"], message: string, done?: number, total?: number): void {
    this.#request.onProgress?.({ step, message, ...(done !== undefined && { done, total: total! }) });
  }
}

interface Slices {
  readonly selection: LabelledData;
  readonly gate: LabelledData;
  readonly control: LabelledData | null;
  readonly isEnough: boolean;
  readonly rowsMin: number;
}

function taskOf(model: ModelRecord, request: RepairRequest): ModelTask {
  const { task } = model;
  if (task === null)
    throw invalid(`${labelOf(model)} was added without features: add it with --features and --label`);
  const label = request.label ?? task.label;
  if (label === null)
    throw invalid(`${labelOf(model)} was added without a label: name its column with --label`);
  return { ...task, label };
}

function gateReport(gate: GateResult): GateReport {
  const { metric, keep, rollback, repaired, difference, interval, rows, detectable, againstRollback } = gate;
  return {
    metric,
    keep,
    rollback,
    repaired,
    difference,
    interval,
    againstRollback: { difference: againstRollback.difference, interval: againstRollback.interval },
    rows,
    detectable,
  };
}

/** Null for weights whose blend is not finite: far enough beyond the ancestor, narrow types overflow. */
async function orUnblendable(candidate: Promise<Candidate>): Promise<Candidate | null> {
  try {
    return await candidate;
  } catch (thrown) {
    if (thrown instanceof MendlineError && thrown.code === "MENDLINE_REPAIR_INCOMPATIBLE") return null;
    throw thrown;
  }
}

function noControl(source: string, what: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_EMPTY",
    `${source}: there are no rows ${what} for the control slice: leave it out, or give data of the old regime`,
  );
}

function invalid(message: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", message);
}
