/** What the page of a repair run is told. Plain data; the run's records hold all of it. */
import type { LineageGraph } from "./lineage-graph.js";

export interface StoryWindow {
  readonly label: string;
  /** Rows seen when the window closed. */
  readonly atRow: number;
  /** Of the model: `stable`, `drift` or `insufficient-data`. */
  readonly verdict: string;
  readonly features: Readonly<Record<string, StoryFeature>>;
  /** The same window against the ancestors' own reference profiles. */
  readonly ancestors?: readonly { readonly name: string; readonly verdict: string }[];
  /** Served by the drifted model, or by the repaired one. */
  readonly phase: "before" | "after";
}

export interface StoryFeature {
  readonly psi: number;
  readonly pValueAtThreshold: number;
  readonly verdict: string;
}

export interface StoryGate {
  /** The metric's value of each on the gate slice. */
  readonly keep: number;
  readonly rollback: number;
  readonly repaired: number;
  /** repaired - keep, and its confidence interval. */
  readonly difference: number;
  readonly interval: readonly [number, number];
  readonly rows: number;
  /** What else could be put in place; repaired - rival, null where its error is not known. */
  readonly rivals?: readonly {
    readonly name: string;
    readonly value: number;
    readonly difference: number;
    readonly interval: readonly [number, number] | null;
  }[];
  /** How often these rows have been asked, this time included, and how wide the interval is for it. */
  readonly tries?: number;
  readonly confidence?: number;
  /** The difference that so many rows can tell; of an unproven gain the rows that would tell it. */
  readonly detectable?: number | null;
  readonly rowsNeeded?: number | null;
}

/** From one scale to many numbers; null where a rung was not tried, and of the first. */
export interface StoryRung {
  readonly rung: string;
  readonly numbers: number;
  readonly loss: number | null;
  readonly gain: number | null;
  readonly standardError: number | null;
  readonly pays: boolean;
  readonly reason: string | null;
}

export interface RepairStory {
  readonly title: string;
  /** Paragraphs parted by empty lines. */
  readonly intro: string;
  readonly createdMs: number;
  readonly lineage: LineageGraph;
  readonly windows: readonly StoryWindow[];
  /** PSI, nats. */
  readonly threshold: number;
  /** Index into `windows`. */
  readonly triggerWindow: number | null;
  readonly choice: {
    readonly chosen: { readonly name: string; readonly distance: number } | null;
    readonly passedOver: readonly { readonly name: string; readonly reason: string }[];
  };
  /** Loss on the selection slice. */
  readonly curve: readonly { readonly scale: number; readonly loss: number }[];
  readonly scale: number | null;
  readonly barrier: number | null;
  readonly rungs?: readonly StoryRung[];
  /** Layers with batch norm, those measured anew on so many live rows, and why others are not. */
  readonly batchNorm?: {
    readonly layers: number;
    readonly recalibrated: number;
    readonly rows: number;
    readonly reason: string | null;
  } | null;
  readonly metric: string;
  readonly gate: StoryGate | null;
  /** The metric on data of the old regime. */
  readonly control: { readonly keep: number; readonly repaired: number; readonly rows: number } | null;
  /** As CONTRACT names them: published, rejected, not-proven, needs-labels, no-drift, no-healthy-ancestor. */
  readonly outcome: string;
  readonly published: { readonly name: string; readonly id: string; readonly path: string } | null;
  readonly table: {
    readonly metric: string;
    readonly rows: readonly {
      readonly data: string;
      readonly before: number;
      readonly rollback: number | null;
      readonly after: number;
      readonly count: number;
    }[];
  };
}

export function isHigherBetter(metric: string): boolean {
  return metric === "accuracy" || metric === "auc";
}

/** "log-loss" as words. */
export function metricName(metric: string): string {
  if (metric === "auc" || metric === "rmse" || metric === "mae") return metric.toUpperCase();
  return metric.replaceAll("-", " ");
}
