/**
 * The gate's last word where a rival is in the way. That what the labels chose beats keeping, and that a rival beats that, proves the
 * rival; so the rival is put in place, if it beats keeping by itself too. No more is published in vain by this: a run comes here only
 * when the first question was passed, and that chance alone answers so is what its interval bounds (a fixed sequence of tests).
 */
import { compareGate, type GateJudgements, type GateOptions, type GateResult } from "./gate.js";
import type { MetricName } from "./metrics.js";

export interface GateChoice {
  /** Of the winner. */
  readonly gate: GateResult;
  /** The rival's place (0 = roll back, 1 = the first of the others) that won; null: what the labels chose, or nothing. */
  readonly winner: number | null;
}

export const chosenName = "what the labels chose";

/** @throws MendlineError MENDLINE_TASK_ABORTED  by the signal */
export async function chooseAtGate(
  judgements: GateJudgements,
  metric: MetricName,
  options: GateOptions,
): Promise<GateChoice> {
  const gate = await compareGate(judgements, metric, options);
  const { betterRival } = gate;
  if (betterRival === null) return { gate, winner: null };
  const { keep, rollback, repaired, others = [] } = judgements;
  const rival = betterRival === 0 ? { judgement: rollback } : others[betterRival - 1]!;
  const again = await compareGate(
    {
      keep,
      rollback,
      repaired: rival.judgement,
      others: [
        ...others.filter((_, index) => index !== betterRival - 1),
        { name: chosenName, judgement: repaired },
      ],
    },
    metric,
    options,
  );
  if (again.verdict !== "passed") return { gate, winner: null };
  return { gate: { ...again, reason: `${gate.reason}; and ${again.reason}` }, winner: betterRival };
}
