/** Asks the gate slice, the control slice and the goal about the one candidate that the search chose. */
import { compareControl, type GateResult, type Rival } from "./gate.js";
import { chooseAtGate } from "./gate-choice.js";
import { confidenceOf, type GateHistory, type GateTry, nextTry } from "./gate-tries.js";
import type { Judgement } from "./judgement.js";
import type { LabelledData } from "./labelled-data.js";
import type { LabelledSlices } from "./labelled-slices.js";
import { type Goal, type MetricName, meetsGoal } from "./metrics.js";
import { correlationOf } from "./paired.js";
import type { ControlReport, GateReport, RepairOutcome } from "./report.js";
import type { Candidate, Validator } from "./validator.js";

export interface GateCandidates {
  readonly keep: Candidate;
  readonly rollback: Candidate;
  readonly repaired: Candidate;
  readonly others: readonly { readonly name: string; make(): Promise<Candidate> }[];
  /** What the round before asked about; null where there was none, or it cannot be made any more. */
  readonly before: (() => Promise<Candidate>) | null;
}

export interface GateQuestion {
  readonly metric: MetricName;
  readonly goal: Goal | null;
  /** The goal as it was written. */
  readonly goalText: string | null;
  readonly controlMargin: number;
  /** Whether the control slice must prove it, and not only show it. */
  readonly controlProof: boolean;
  readonly history: GateHistory;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

export interface GateAnswer {
  readonly outcome: RepairOutcome;
  readonly reason: string;
  readonly gate: GateReport;
  readonly control: ControlReport | null;
  /** The rival's place that won, as `GateChoice` has it; null: what was asked about. */
  readonly winner: number | null;
  /** What it spent of the error, and at which rows. */
  readonly made: GateTry;
}

export async function askGate(
  validator: Pick<Validator, "evaluate">,
  candidates: GateCandidates,
  slices: Pick<LabelledSlices, "gate" | "control">,
  question: GateQuestion,
): Promise<GateAnswer> {
  const { signal, metric, seed, history } = question;
  const judge = (candidate: Candidate, slice: LabelledData) =>
    validator.evaluate(candidate, slice, { signal });
  const keep = await judge(candidates.keep, slices.gate);
  const rollback = await judge(candidates.rollback, slices.gate);
  const repaired = await judge(candidates.repaired, slices.gate);
  const others: Rival[] = [];
  for (const { name, make } of candidates.others) {
    others.push({ name, judgement: await judge(await make(), slices.gate) });
  }
  const before = candidates.before === null ? null : await judge(await candidates.before(), slices.gate);
  const correlation =
    before && correlationOf(keep.figures(metric), before.figures(metric), repaired.figures(metric));
  const made = nextTry(history, slices.gate.rowCount, correlation);
  const { gate, winner } = await chooseAtGate({ keep, rollback, repaired, others }, metric, {
    seed,
    confidence: confidenceOf(made),
    ...(signal && { signal }),
  });
  const won = winner === null ? repaired : winner === 0 ? rollback : others[winner - 1]!.judgement;
  const candidate =
    winner === null
      ? candidates.repaired
      : winner === 0
        ? candidates.rollback
        : await candidates.others[winner - 1]!.make();
  const control =
    slices.control === null
      ? null
      : await askControl(judge, { keep: candidates.keep, repaired: candidate }, slices.control, question);
  return {
    ...decide(gate, control, won, question),
    gate: gateReport(gate, made.number),
    control,
    winner,
    made,
  };
}

function decide(
  gate: GateResult,
  control: ControlReport | null,
  repaired: Judgement,
  { goal, goalText, controlProof }: GateQuestion,
): Pick<GateAnswer, "outcome" | "reason"> {
  if (gate.verdict !== "passed") return { outcome: gate.verdict, reason: gate.reason };
  if (control !== null && !control.passed) {
    return {
      outcome: "rejected",
      reason: `on the control slice ${control.metric} goes from ${control.keep.toFixed(4)} to ${control.repaired.toFixed(4)}, more than the margin of ${control.margin.toFixed(4)} allows`,
    };
  }
  if (control !== null && controlProof && !control.proven) {
    const bound =
      control.upperBound === null
        ? "no bound is known"
        : `up to ${control.upperBound.toFixed(4)} cannot be ruled out`;
    return {
      outcome: "not-proven",
      reason: `that ${control.metric} on the control slice gets no worse than the margin of ${control.margin.toFixed(4)} is not proven: with ${control.rows} rows ${bound}`,
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
  candidates: Pick<GateCandidates, "keep" | "repaired">,
  slice: LabelledData,
  { metric, seed, controlMargin, signal }: GateQuestion,
): Promise<ControlReport> {
  const keep = await judge(candidates.keep, slice);
  const compared = await compareControl(keep, await judge(candidates.repaired, slice), metric, {
    seed,
    marginShare: controlMargin,
    ...(signal && { signal }),
  });
  const { repaired, margin, rows, upperBound, isProven, isWithinMargin } = compared;
  return {
    metric: compared.metric,
    keep: compared.keep,
    repaired,
    margin,
    rows,
    upperBound,
    proven: isProven,
    passed: isWithinMargin,
  };
}

function gateReport(gate: GateResult, tries: number): GateReport {
  const { againstRollback, againstOthers } = gate;
  return {
    metric: gate.metric,
    keep: gate.keep,
    rollback: gate.rollback,
    repaired: gate.repaired,
    difference: gate.difference,
    interval: gate.interval,
    againstRollback: { difference: againstRollback.difference, interval: againstRollback.interval },
    rivals: againstOthers.map(({ name, value, difference, interval }) => ({
      name,
      value,
      difference,
      interval,
    })),
    rows: gate.rows,
    confidence: gate.confidence,
    tries,
    detectable: gate.detectable,
    rowsNeeded: gate.rowsNeeded,
  };
}
