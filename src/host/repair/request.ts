/** What a caller asks of a repair, and the checked plan that its run is recorded with. */
import { MendlineError } from "../../errors.js";
import type { ModelRecord, ModelTask } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { DataSource } from "../columns/column.js";
import { deployTarget } from "../deployment/target.js";
import { mixTermsMax } from "../parameters/mix.js";
import type { TensorFilter } from "../parameters/pairing.js";
import { controlMarginDefault } from "./gate.js";
import type { KnownLabels } from "./known-labels.js";
import { defaultMetric, type MetricName, parseGoal, requireMetric } from "./metrics.js";
import { type TrialOptions, trialOptions } from "./trial.js";
import { type ValidatorPlan, validatorPlan } from "./validator-plan.js";

export interface RepairProgress {
  readonly step: "drift" | "ancestor" | "scale" | "gate" | "published";
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
}

/** The data of a repair; sources stay the caller's, who closes them. */
export interface RepairSources {
  /** Live data that shows the drift. */
  readonly live: DataSource;
  /** Labelled data of the new regime: split by `seed` into a selection and a gate slice. */
  readonly validation: DataSource;
  /** Labelled data for the gate; then all of `validation` is the selection slice. */
  readonly gate?: DataSource | undefined;
  /** Labelled data of the old regime, which must not get worse. */
  readonly control?: DataSource | undefined;
}

export interface RepairControls {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: RepairProgress) => void) | undefined;
}

export interface RepairRequest extends RepairSources, RepairControls {
  /** Label column; the model's own by default. */
  readonly label?: string;
  /** Column of the labelled rows' weights; all count the same by default. */
  readonly weight?: string;
  readonly metric?: string;
  /** For example `log-loss<=0.6`: what falls short of it is not published. */
  readonly goal?: string;
  readonly threshold?: number;
  readonly select?: "nearest" | "lowest-drift";
  /** REF of the ancestor to take, whatever its own drift. */
  readonly ancestor?: string;
  /** Patterns of the tensors that are repaired (all by default), and of those that stay as they are: a new head, the embeddings. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** How much the scale may vary over the layers, where cross-validation says that it pays; `groups` by default. */
  readonly scales?: "single" | "ramp" | "groups";
  /** Combine up to so many healthy ancestors, where that pays; 1 by default. */
  readonly combine?: number;
  /** Blend quantised ONNX weights as the numbers that they stand for, and quantise again, with one scale for all. Else they are refused. */
  readonly requantize?: boolean;
  /** JavaScript module (by its file's name) or shell command that judges candidates; onnxruntime by default. */
  readonly validator?: string;
  readonly output?: "probability" | "logit";
  /** Share of keep's loss by which repaired may be worse on control; 0.05 by default. */
  readonly controlMargin?: number;
  /** The margin must be proven, not only kept: the difference's upper 95 % bound lies within it. */
  readonly controlProof?: boolean;
  /** At most one run an alias is under way. */
  readonly alias?: string;
  /** Folder to publish to. */
  readonly deploy?: string;
  readonly dryRun?: boolean;
  readonly seed?: number;
  /**
   * `shadow`: what passes the gate is put on trial beside what the alias serves, and the alias moves when live rows show it to be better.
   * `guard`: the alias moves at once, and goes back when they show it to be worse.
   */
  readonly trial?: TrialPeriod | (TrialOptions & { readonly period: TrialPeriod });
  /** Where labels are what is missing, ask for so many: a label request over the pool. */
  readonly labels?: number;
  /** Unlabelled rows to choose them from; the live data by default. */
  readonly pool?: DataSource | undefined;
  /** The first run of the chain that this one refines with more labels. */
  readonly refines?: string;
  /** Labels of earlier requests that are among the labelled rows (known-labels.ts). */
  readonly known?: KnownLabels | null;
}

export type TrialPeriod = "shadow" | "guard";

/** Plain data: a resumed run reads in it what the first process was asked. */
export interface RepairPlan {
  /** Id of the drifted model. */
  readonly model: string;
  readonly label: string;
  readonly weight: string | null;
  readonly metric: MetricName;
  readonly goal: string | null;
  readonly threshold: number | null;
  readonly select: "nearest" | "lowest-drift";
  /** Id of the ancestor that was asked for. */
  readonly ancestor: string | null;
  readonly filter: TensorFilter;
  readonly scales: "single" | "ramp" | "groups";
  readonly combine: number;
  /** Absent: no. */
  readonly requantize?: boolean;
  readonly validator: ValidatorPlan | null;
  readonly output: "probability" | "logit" | null;
  readonly controlMargin: number;
  readonly controlProof: boolean;
  readonly alias: string | null;
  /** What the alias stood for when the run began: whoever moves it meanwhile knows something that the run does not. */
  readonly aliasBefore: string | null;
  /** Absolute. */
  readonly dir: string | null;
  readonly dryRun: boolean;
  readonly seed: number;
  /** Null or absent: none. */
  readonly trial?: { readonly period: TrialPeriod; readonly options: Required<TrialOptions> } | null;
  /** The first run of a chain of refinements that this one goes on with: most of its gate rows are the same. Absent: none. */
  readonly refines?: string | null;
  /** Labels of earlier requests among the labelled rows. Absent: none. */
  readonly known?: KnownLabels | null;
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID, MENDLINE_STORE_UNKNOWN  what cannot be meant: nothing has been recorded yet */
export async function planOf(
  store: LineageStore,
  model: ModelRecord,
  request: RepairRequest,
): Promise<RepairPlan> {
  const { kind, label } = taskOf(model, request.label ?? null);
  const { seed = 0, controlMargin = controlMarginDefault, alias = null, deploy, combine = 1 } = request;
  const metric = request.metric === undefined ? defaultMetric(kind) : requireMetric(request.metric, kind);
  if (!Number.isSafeInteger(seed)) throw invalid(`seed is ${seed}: choose a whole number`);
  if (!(controlMargin >= 0 && controlMargin <= 1))
    throw invalid(`the control margin is ${controlMargin}: choose a share from 0 to 1`);
  if (!(Number.isInteger(combine) && combine >= 1 && combine <= mixTermsMax))
    throw invalid(`${combine} ancestors to combine: choose 1 to ${mixTermsMax}`);
  const { requantize = false } = request;
  const scales = request.scales ?? (requantize ? "single" : "groups");
  if (requantize && (combine > 1 || scales !== "single"))
    throw invalid(
      "quantised weights are blended with one ancestor and one scale: leave combine and scales out",
    );
  if (request.goal !== undefined) parseGoal(request.goal, kind);
  if (deploy !== undefined && alias === null)
    throw invalid("a folder to deploy to needs an alias, the name that is deployed there");
  return {
    model: model.id,
    label,
    weight: request.weight ?? null,
    metric,
    goal: request.goal ?? null,
    threshold: request.threshold ?? null,
    select: request.select ?? "nearest",
    ancestor: await forcedAncestor(store, model, request.ancestor),
    filter: { include: request.include ?? [], exclude: request.exclude ?? [] },
    scales,
    combine,
    requantize,
    validator: request.validator === undefined ? null : await validatorPlan(request.validator),
    output: request.output ?? null,
    controlMargin,
    controlProof: request.controlProof ?? false,
    alias,
    aliasBefore: alias === null ? null : ((await store.alias(alias))?.id ?? null),
    dir: deploy === undefined ? null : deployTarget(deploy).text,
    dryRun: request.dryRun ?? false,
    seed,
    trial: await trialPlan(store, request),
    refines: request.refines ?? null,
    known: request.known ?? null,
  };
}

async function trialPlan(
  store: LineageStore,
  { trial, alias }: RepairRequest,
): Promise<NonNullable<RepairPlan["trial"]> | null> {
  if (trial === undefined) return null;
  const { period, ...options } = typeof trial === "string" ? { period: trial } : trial;
  if (alias === undefined)
    throw invalid("a trial is between what an alias serves and the candidate: name the alias");
  if ((await store.alias(alias)) === null)
    throw invalid(`alias "${alias}" serves nothing yet that a candidate could be tried against`);
  return { period, options: trialOptions(options) };
}

async function forcedAncestor(
  store: LineageStore,
  model: ModelRecord,
  ref: string | undefined,
): Promise<string | null> {
  if (ref === undefined) return null;
  const id = await store.resolve(ref);
  if (await store.isAncestor(id, model.id)) return id;
  throw invalid(`${ref} is no ancestor of ${labelOf(model)}`);
}

/** The model's task with the label column that counts. */
export function taskOf(model: ModelRecord, label: string | null): ModelTask & { readonly label: string } {
  const { task } = model;
  if (task === null)
    throw invalid(`${labelOf(model)} was added without features: add it with --features and --label`);
  const column = label ?? task.label;
  if (column === null)
    throw invalid(`${labelOf(model)} was added without a label: name its column with --label`);
  return { ...task, label: column };
}

export function labelOf({ name, version }: Pick<ModelRecord, "name" | "version">): string {
  return `${name}@${version}`;
}

function invalid(message: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", message);
}

export function say(
  { onProgress }: RepairControls,
  step: RepairProgress["step"],
  message: string,
  done?: number,
  total?: number,
): void {
  onProgress?.({ step, message, ...(done !== undefined && { done, total: total! }) });
}
