/** Asks the gate slice, the control slice and the goal about the one candidate that the search chose. */

import { compareControl, compareGate, type GateResult } from "./gate.js";
import type { Judgement } from "./judgement.js";
import { type LabelledData, withoutRows } from "./labelled-data.js";
import { type LabelledSlices, noControl } from "./labelled-slices.js";
import { type Goal, type MetricName, meetsGoal } from "./metrics.js";
import type { ControlReport, GateReport, RepairOutcome } from "./report.js";
import type { Candidate, Validator } from "./validator.js";

export interface GateCandidates {
  readonly keep: Candidate;
  readonly rollback: Candidate;
  readonly repaired: Candidate;
}

export interface GateQuestion {
  readonly metric: MetricName;
  readonly goal: Goal | null;
  /** The goal as it was written. */
  readonly goalText: string | null;
  readonly controlMargin: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

export interface GateAnswer {
  readonly outcome: RepairOutcome;
  readonly reason: string;
  readonly gate: GateReport;
  readonly control: ControlReport | null;
}

export async function askGate(
  validator: Validator,
  candidates: GateCandidates,
  slices: LabelledSlices,
  question: GateQuestion,
): Promise<GateAnswer> {
  const { signal, metric, seed } = question;
  const judge = (candidate: Candidate, slice: LabelledData) =>
    validator.evaluate(candidate, slice, { signal });
  const keep = await judge(candidates.keep, slices.gate);
  const rollback = await judge(candidates.rollback, slices.gate);
  const repaired = await judge(candidates.repaired, slices.gate);
  const gate = await compareGate({ keep, rollback, repaired }, metric, { seed, ...(signal && { signal }) });
  const control =
    slices.control === null ? null : await askControl(judge, candidates, slices.control, question);
  return { ...decide(gate, control, repaired, question), gate: gateReport(gate), control };
}

function decide(
  gate: GateResult,
  control: ControlReport | null,
  repaired: Judgement,
  { goal, goalText }: GateQuestion,
): Pick<GateAnswer, "outcome" | "reason"> {
  if (gate.verdict !== "passed") return { outcome: gate.verdict, reason: gate.reason };
  if (control !== null && !control.passed) {
    return {
      outcome: "rejected",
      reason: `on the control slice ${control.metric} goes from ${control.keep.toFixed(4)} to ${control.repaired.toFixed(4)}, more than the margin of ${control.margin.toFixed(4)} allows`,
    };
  }
  if (goal !== null) {
    const { metric } = goal;
    const reached = metric === "loss" ? repaired.meanLoss : repaired.figures(metric).value;
    if (!meetsGoal(goal, reached)) {
      return {
        outcome: "needs-labels",
        reason: `${metric} of ${reached.toFixed(4)} on the gate slice falls short of the goal ${goalText}: better, and not good enough`,
      };
    }
  }
  return { outcome: "published", reason: gate.reason };
}

async function askControl(
  judge: (candidate: Candidate, slice: LabelledData) => Promise<Judgement>,
  candidates: GateCandidates,
  all: LabelledData,
  { metric, seed, controlMargin, signal }: GateQuestion,
): Promise<ControlReport> {
  let slice = all;
  let keep = await judge(candidates.keep, slice);
  // As on the labelled rows: where the unrepaired model gives no finite output, nothing can be compared.
  if (keep.nonFiniteCount > 0 && keep.rowLosses !== null) {
    const losses = keep.rowLosses;
    const rows = Uint32Array.from(losses.keys()).filter((row) => !Number.isFinite(losses[row]));
    slice = withoutRows(all, rows);
    if (slice.rowCount === 0) throw noControl(all.source, "that the model gives a finite output for");
    keep = await judge(candidates.keep, slice);
  }
  const compared = await compareControl(keep, await judge(candidates.repaired, slice), metric, {
    seed,
    marginShare: controlMargin,
    ...(signal && { signal }),
  });
  const { repaired, margin, rows, isWithinMargin } = compared;
  return { metric: compared.metric, keep: compared.keep, repaired, margin, rows, passed: isWithinMargin };
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
