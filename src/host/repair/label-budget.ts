/** How many labels would decide what a repair run could not, and the newest run of a model that waits for some. */
import type { LineageStore } from "../../lineage-store/store.js";
import type { LabelBudget } from "../labels/label-request.js";
import { RunLog } from "./run-log.js";
import { listRuns } from "./runs.js";

/** Outcomes that labels can change. */
export const openOutcomes: readonly string[] = ["not-proven", "needs-labels", "rejected"];
/** Runs looked through for the model's last one. */
const runsLookedThroughMax = 1_000;

/** The model's newest run that came to an end, if labels can change what it came to. */
export async function waitingRun(store: LineageStore, model: string): Promise<RunLog | null> {
  for await (const run of listRuns(store, { limit: runsLookedThroughMax })) {
    if (run.model !== model || run.outcome === null) continue;
    return openOutcomes.includes(run.outcome) ? RunLog.reopen(store, run.run) : null;
  }
  return null;
}

/** @returns null where the run gives no figure */
export function budgetOf(log: Pick<RunLog, "recorded">): LabelBudget | null {
  const checked = log.recorded("checked");
  if (checked !== undefined && !checked.isEnough) {
    const { selection, gate, rowsMin } = checked;
    return {
      random: Math.max(0, rowsMin - gate),
      chosen: Math.max(0, rowsMin - selection),
      reason: `${rowsMin} labelled rows each are needed to choose the scale and for the gate; there are ${selection} and ${gate}`,
    };
  }
  const gated = log.recorded("gated");
  const needed = gated?.gate.rowsNeeded ?? null;
  if (gated === undefined || needed === null) return null;
  const random = Math.max(1, Math.ceil(needed - gated.gate.rows));
  return {
    random,
    chosen: 0,
    reason: `about ${random} labels at the gate decide this at 80 %, if the difference is what ${gated.gate.rows} rows show`,
  };
}

/** Of a batch, where the gate is what lacks labels: a scale is chosen by few. */
const gateShareLacking = 0.9;

/**
 * How many of a batch are drawn for the gate: without them nothing new comes to it, whatever people answer.
 *
 * @param wanted  by the caller
 * @param budget  null: nothing tells what is missing, so both slices get half
 */
export function randomCountOf(count: number, wanted: number | undefined, budget: LabelBudget | null): number {
  if (wanted !== undefined) return wanted;
  if (budget === null) return Math.ceil(count / 2);
  const least = budget.chosen === 0 ? 0 : budget.random + budget.chosen;
  if (count <= least) return Math.max(1, Math.round((count * budget.random) / least));
  return (least === 0 ? 0 : budget.random) + Math.ceil(gateShareLacking * (count - least));
}
