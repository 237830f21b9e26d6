/** Which strategy a repair's labels are asked for by, and which two models it is about. */
import { MendlineError } from "../../errors.js";
import { type PoolOutputs, type ScoringOptions, type Strategy, scoresOf } from "../labels/strategies.js";
import type { CandidateSpec } from "./candidate-spec.js";
import type { RunLog } from "./run-log.js";

type Run = Pick<RunLog, "started" | "recorded">;

/** Strategies that draw the points of the selection slice too, and pick none. */
export const drawnStrategies: readonly Strategy[] = ["weighed", "random"];

/**
 * Metrics that weights are not taken for: of weighted rows no exact test is known for accuracy, and of the other two the error comes of
 * a bootstrap, whose level over such draws nobody has looked at.
 */
const unweighedMetrics: readonly string[] = ["accuracy", "auc", "rmse"];

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID  weighed, where weights would be lost */
export function strategyOf(wanted: Strategy | undefined, log: Run | null): Strategy {
  const why = whyNotWeighed(log);
  if (wanted === "weighed" && why !== null)
    throw new MendlineError("MENDLINE_ARGUMENT_INVALID", `strategy weighed: ${why}: take mixed, or random`);
  return wanted ?? "mixed";
}

function whyNotWeighed(log: Run | null): string | null {
  if (log === null) return "weights count only where a repair is refined, and none waits for labels";
  const { weight, metric } = log.started.plan;
  if (weight !== null) return `the rows have weights of their own, ${weight}`;
  return unweighedMetrics.includes(metric) ? `the repair is judged by ${metric}` : null;
}

/** By what rows are drawn for the gate, where a second model was run and weights count; else they are drawn from all alike. */
export function gateStakes(
  outputs: readonly PoolOutputs[],
  options: ScoringOptions,
  log: Run | null,
): Float64Array | undefined {
  return outputs.length > 1 && whyNotWeighed(log) === null
    ? scoresOf("weighed", outputs, options)
    : undefined;
}

/** What the repair would put in the deployed model's place: what its gate was asked about, or else the ancestor. */
export function inItsPlace(log: Run): CandidateSpec | null {
  const finalist = log.recorded("scale-searched")?.finalist;
  if (finalist !== undefined && finalist.kind !== "keep") return finalist;
  const ancestor = log.recorded("ancestor-chosen")?.ancestor ?? null;
  return ancestor === null ? null : { kind: "ancestor", id: ancestor.id };
}
