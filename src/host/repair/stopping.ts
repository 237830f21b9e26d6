/**
 * When to stop asking people: it is decided; as many labels have come as the power analysis asked for; or the two models say the same
 * wherever they could still be asked about, so that no label can tell which of them is better.
 */
import { MendlineError } from "../../errors.js";
import type { LabelBudget } from "../labels/label-request.js";
import type { PoolOutputs } from "../labels/strategies.js";
import type { RepairOutcome, RepairReport } from "./report.js";

export type Stop = "decided" | "budget-spent" | "no-disagreement";

const decided: readonly RepairOutcome[] = ["published", "on-trial", "rejected", "no-drift"];
/** Outputs that differ by no more are the same, but for the order in which a runtime adds. */
const sameWithin = 1e-6;

/** @param labelled  points of the request that have a label, by the slice they are for */
export function stopOf(
  { outcome, gate }: Pick<RepairReport, "outcome" | "gate">,
  budget: LabelBudget | null,
  labelled: { readonly random: number; readonly chosen: number },
): Stop | null {
  if (decided.includes(outcome)) return "decided";
  if (gate !== null && gate.difference === 0 && gate.interval?.every((bound) => bound === 0) === true)
    return "no-disagreement";
  const isSpent = budget !== null && labelled.random >= budget.random && labelled.chosen >= budget.chosen;
  return isSpent ? "budget-spent" : null;
}

/**
 * @param outputs  the deployed model's, and those of what is to take its place
 * @param excluded  rows that cannot be asked about
 * @throws MendlineError MENDLINE_DATA_EMPTY  on every row that is left both say the same
 */
export function refuseAgreement(
  [own, other]: readonly PoolOutputs[],
  rowCount: number,
  excluded: ReadonlySet<number>,
  label: string,
): void {
  if (own === undefined || other === undefined) return;
  const { outputCount, values } = own;
  for (let row = 0; row < rowCount; row++) {
    if (excluded.has(row)) continue;
    for (let at = row * outputCount; at < (row + 1) * outputCount; at++) {
      const apart = Math.abs(values[at]! - other.values[at]!);
      if (!(apart <= sameWithin * Math.max(1, Math.abs(values[at]!)))) return;
    }
  }
  throw new MendlineError(
    "MENDLINE_DATA_EMPTY",
    `${label}: ${own.name} and ${other.name} say the same on every row that is left to ask about: no label of theirs can tell which is better; give another --pool`,
    { details: { rows: rowCount, asked: excluded.size } },
  );
}
