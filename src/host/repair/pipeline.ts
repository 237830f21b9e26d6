/** (the pipeline's outside; its body follows) */

import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { DataSource } from "../columns/column.js";
import type { Deployment } from "../deployment/deployments.js";
import type { ScratchModels } from "../models.js";
import type { RepairReport } from "./report.js";

export type RepairProgress = {
  readonly step: "drift" | "ancestor" | "scale" | "gate" | "published";
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
};

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
  /** For example `log-loss<=0.6`. */
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

export declare function repairModel(
  context: RepairContext,
  model: ModelRecord,
  request: RepairRequest,
): Promise<{ report: RepairReport; deployment: Deployment | null }>;
