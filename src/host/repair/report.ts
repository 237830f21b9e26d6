/** What a repair decided, and why: plain data, as CONTRACT prints it. */
import type { DriftReport } from "../drift/report.js";

export type RepairOutcome =
  | "published"
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
  readonly dryRun: boolean;
  readonly drift: DriftReport;
  readonly ancestor: ChosenAncestor | null;
  readonly passedOver: readonly PassedOver[];
  readonly scale: number | null;
  /** On the selection slice, by rising scale. */
  readonly curve: readonly CurvePoint[];
  readonly barrier: number | null;
  readonly gate: GateReport | null;
  readonly control: ControlReport | null;
  readonly model: { readonly id: string; readonly name: string; readonly version: string } | null;
  /** The published file; null without a folder. */
  readonly path: string | null;
  readonly labelRequest: null;
}
