/** What a repair decided, and why: plain data, as CONTRACT prints it. */
import type { DriftReport } from "../drift/report.js";
import type { CandidateSpec } from "./candidate-spec.js";
import type { KnownLabels } from "./known-labels.js";

export type RepairOutcome =
  | "published"
  /** The gate let it through, and a trial decides whether the alias moves. */
  | "on-trial"
  | "rejected"
  | "not-proven"
  | "needs-labels"
  | "no-drift"
  | "no-healthy-ancestor";

export interface PassedOver {
  readonly id: string;
  /** name@version. */
  readonly label: string;
  readonly distance: number;
  readonly reason: string;
}

export interface ChosenAncestor {
  readonly id: string;
  readonly label: string;
  readonly distance: number;
  /** Sum over the features of its debiased PSI against the live data; null where it has no profile of them. */
  readonly totalPsi: number | null;
}

export type Rung = "single" | "ramp" | "groups" | "combination";

/** One rung of the ladder from one scale to many numbers. */
export interface RungReport {
  readonly rung: Rung;
  /** Numbers that labels choose. */
  readonly numbers: number;
  /** The lowest on the selection slice; null where it was not tried. */
  readonly loss: number | null;
  /** Mean loss on rows that did not choose; null where losses of each row are not known. */
  readonly crossValidated: number | null;
  /** What it gains over the rung before, cross-validated, and that gain's error; null for the first, and where it was not tried. */
  readonly gain: number | null;
  readonly standardError: number | null;
  /** It gains more than one standard error. */
  readonly pays: boolean;
  /** Why it was not tried. */
  readonly reason: string | null;
}

/** How one tensor of the drifted model and the ancestor's differ. */
export interface TensorDistance {
  readonly name: string;
  readonly cosine: number | null;
  readonly relativeNorm: number | null;
  readonly changedShare: number;
}

export interface CompatibilityReport {
  /** Over the tensors that differ, weighted by elements. */
  readonly cosine: number;
  readonly tensorCount: number;
  /** Tensors whose names differ and that node and input slot brought together. */
  readonly renamedCount: number;
  /** Tensors that the request leaves as they are, and those that are no floats: copied. */
  readonly frozenCount: number;
  readonly copiedCount: number;
  /** The farthest first, of many so many. */
  readonly tensors: readonly TensorDistance[];
}

/** Batch norm in the drifted model, and whether its running statistics can be measured anew. */
export interface BatchNormReport {
  /** 0 where it was folded away. */
  readonly layers: number;
  readonly recalibrated: number;
  /** Of the live data. */
  readonly rows: number;
  /** Why statistics are left as the blend has them; null where they are not. */
  readonly reason: string | null;
}

/** An ancestor as the choice saw it. */
export interface AncestorChoice {
  readonly id: string;
  readonly label: string;
  readonly distance: number;
  readonly verdict: "stable" | "drift" | "insufficient-data" | null;
  readonly totalPsi: number | null;
  /** Why it was not chosen; null for the one that was. */
  readonly reason: string | null;
}

export interface CurvePoint {
  readonly scale: number;
  readonly loss: number;
}

export interface GateReport {
  readonly metric: string;
  readonly keep: number;
  readonly rollback: number;
  readonly repaired: number;
  /** repaired - keep, in the metric. */
  readonly difference: number;
  /** At `confidence`; null where the validator gave no loss for each row. */
  readonly interval: readonly [number, number] | null;
  /** repaired - rollback, and its interval. */
  readonly againstRollback: {
    readonly difference: number;
    readonly interval: readonly [number, number] | null;
  };
  /** Against what else could be put in place. */
  readonly rivals: readonly GateRival[];
  readonly rows: number;
  /** Of `interval`: 0.95, and more when these rows were asked before. */
  readonly confidence: number;
  /** How often these rows have been asked, this time included. */
  readonly tries: number;
  /** The difference that so many rows can tell at 80 % power. */
  readonly detectable: number | null;
  /** Of an unproven gain: the rows that would tell it. */
  readonly rowsNeeded: number | null;
}

export interface GateRival {
  readonly name: string;
  readonly value: number;
  /** repaired - rival, and its interval. */
  readonly difference: number;
  readonly interval: readonly [number, number] | null;
}

export interface ControlReport {
  readonly metric: string;
  readonly keep: number;
  readonly repaired: number;
  /** How much worse repaired may be, in the loss. */
  readonly margin: number;
  readonly rows: number;
  /** One-sided bound at 95 % of repaired - keep; null as above. */
  readonly upperBound: number | null;
  /** Whether that bound, too, is within the margin. */
  readonly proven: boolean;
  readonly passed: boolean;
}

export interface RepairReport {
  readonly outcome: RepairOutcome;
  /** Why, in a sentence. */
  readonly reason: string;
  readonly run: string;
  /** Id of the model that was to be repaired. */
  readonly drifted: string;
  readonly dryRun: boolean;
  readonly drift: DriftReport;
  readonly ancestor: ChosenAncestor | null;
  readonly passedOver: readonly PassedOver[];
  /** All that were looked at, in the order of the choice. */
  readonly ancestors: readonly AncestorChoice[];
  readonly compatibility: CompatibilityReport | null;
  /** Null where nothing tells of batch norm, or no candidate was judged. */
  readonly batchNorm: BatchNormReport | null;
  /** Of what the gate was asked about; null where that has no single one. */
  readonly scale: number | null;
  /** What the gate was asked about, or would have been. */
  readonly repaired: CandidateSpec | null;
  readonly rungs: readonly RungReport[];
  /** On the selection slice, by rising scale. */
  readonly curve: readonly CurvePoint[];
  readonly barrier: number | null;
  readonly gate: GateReport | null;
  readonly control: ControlReport | null;
  /** Labels of earlier requests among the labelled rows; null: none. */
  readonly knownLabels: KnownLabels | null;
  readonly model: { readonly id: string; readonly name: string; readonly version: string } | null;
  /** The published file; null without a folder. */
  readonly path: string | null;
  /** Id of the newest label request that this run waits for; null where there is none. */
  readonly labelRequest: string | null;
}
