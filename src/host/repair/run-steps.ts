/**
 * The steps of a repair run and what each one's record holds. Plain data: what a run did is read from here alone, so that a resumed
 * run, `mendline runs` and the report of an unbroken run cannot differ.
 *
 *     started -> detected -> ancestor-chosen -> checked -> scale-judged … -> scale-searched -> gated [-> on-trial] -> an end
 *
 * Any step may be the last: `no-drift` follows `detected`, `failed` follows whatever failed.
 */
import type { DriftReport, FeatureReport } from "../drift/report.js";
import type { CandidateSpec } from "./candidate-spec.js";
import type { Evaluation } from "./evaluations.js";
import type { EarlierTry, GateTry } from "./gate-tries.js";
import type { RepairInputs } from "./inputs.js";
import type { AncestorDrift } from "./lineage-drift.js";
import type {
  AncestorChoice,
  BatchNormReport,
  ChosenAncestor,
  CompatibilityReport,
  ControlReport,
  CurvePoint,
  GateReport,
  PassedOver,
  RepairOutcome,
  RungReport,
} from "./report.js";
import type { RepairPlan } from "./request.js";

export interface StartedStep {
  /** Of this layout of steps; a run of another one is not resumed. */
  readonly format: number;
  readonly plan: RepairPlan;
  readonly inputs: RepairInputs;
}

export interface DetectedStep {
  /** A list of features, because a record's keys are sorted, and their order is the model's. */
  readonly drift: Omit<DriftReport, "features"> & {
    readonly features: readonly (FeatureReport & { readonly name: string })[];
  };
  readonly ancestors: readonly AncestorDrift[];
}

export interface ChosenStep {
  readonly ancestor: ChosenAncestor | null;
  readonly passedOver: readonly PassedOver[];
  /** All that were looked at, in the order of the choice. */
  readonly ancestors: readonly AncestorChoice[];
  /** Further ancestors for a combination, nearest first. */
  readonly companions: readonly ChosenAncestor[];
  /** The healthy ancestor of the lowest drift, where it is another one. */
  readonly rival: ChosenAncestor | null;
  readonly compatibility: CompatibilityReport | null;
}

export interface CheckedSlices {
  readonly labelled: number;
  readonly withoutLabel: number;
  /** Rows on which the unrepaired model has no finite output: left out. */
  readonly withoutOutput: number;
  readonly selection: number;
  readonly gate: number;
  readonly control: number;
  /** Of weighted rows: how many of equal weight tell as much; null where all count the same. */
  readonly effective: { readonly selection: number; readonly gate: number } | null;
  readonly isEnough: boolean;
  readonly rowsMin: number;
}

export interface SearchedStep {
  readonly scale: number;
  readonly barrier: number;
  readonly isBarred: boolean;
  readonly curve: readonly CurvePoint[];
  readonly rungs: readonly RungReport[];
  /** Null where nothing tells of batch norm; absent in records of earlier versions. */
  readonly batchNorm?: BatchNormReport | null;
  /** What the gate is to be asked about, and its loss on the selection slice. */
  readonly finalist: CandidateSpec;
  readonly loss: number;
  /** What could be put in place instead, beside keeping and rolling back. */
  readonly others: readonly {
    readonly name: string;
    readonly candidate: CandidateSpec;
    readonly loss: number;
  }[];
}

export interface GatedStep {
  readonly outcome: RepairOutcome;
  readonly reason: string;
  readonly gate: GateReport;
  readonly control: ControlReport | null;
  /** What won, and its content id: nothing else may be published. */
  readonly candidate: CandidateSpec;
  readonly repaired: string;
  readonly try: GateTry | EarlierTry;
}

/** The outcomes, and the ends that decide nothing. */
export interface EndStep {
  readonly outcome: RepairOutcome;
  readonly reason: string;
  readonly model: { readonly id: string; readonly name: string; readonly version: string } | null;
  readonly path: string | null;
}

export interface BrokenStep {
  readonly reason: string;
  readonly code: string | null;
}

export interface RunSteps {
  readonly started: StartedStep;
  readonly detected: DetectedStep;
  readonly "ancestor-chosen": ChosenStep;
  readonly checked: CheckedSlices;
  readonly "scale-judged": Evaluation;
  readonly "scale-searched": SearchedStep;
  readonly gated: GatedStep;
  readonly resumed: { readonly after: string };
  readonly failed: BrokenStep;
  readonly cancelled: BrokenStep;
  readonly "dry-run": EndStep;
  readonly "on-trial": EndStep;
  readonly published: EndStep;
  readonly rejected: EndStep;
  readonly "not-proven": EndStep;
  readonly "needs-labels": EndStep;
  readonly "no-drift": EndStep;
  readonly "no-healthy-ancestor": EndStep;
}

export type RunStepName = keyof RunSteps;

/** Ends that decide: a run that has come to one is over for good. */
export const decidedSteps = [
  // A trial may add another end behind it: published, rejected or not-proven.
  "on-trial",
  "published",
  "rejected",
  "not-proven",
  "needs-labels",
  "no-drift",
  "no-healthy-ancestor",
  "dry-run",
] as const satisfies readonly RunStepName[];

/** Ends without a decision: nothing runs, the alias is free, and the run can be resumed. */
export const brokenSteps = ["failed", "cancelled"] as const satisfies readonly RunStepName[];

export function isDecided(step: string): step is (typeof decidedSteps)[number] {
  return (decidedSteps as readonly string[]).includes(step);
}

/** Whether a run whose last step this is still holds its alias. */
export function isOpen(step: string): boolean {
  return !isDecided(step) && !(brokenSteps as readonly string[]).includes(step);
}

export function detectedStep(drift: DriftReport, ancestors: readonly AncestorDrift[]): DetectedStep {
  const features = Object.entries(drift.features).map(([name, feature]) => ({ name, ...feature }));
  return { drift: { ...drift, features }, ancestors };
}

export function driftOf({ drift }: DetectedStep): DriftReport {
  const features = Object.create(null) as Record<string, FeatureReport>;
  for (const { name, ...feature } of drift.features) features[name] = feature;
  return { ...drift, features };
}
