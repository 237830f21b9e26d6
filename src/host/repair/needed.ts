/**
 * Models that open repairs may come back to: a run that broke off can be resumed, and goes over its model's ancestors again; what is on
 * trial may be deployed, and what it is tried against may come back.
 */
import type { LineageStore } from "../../lineage-store/store.js";
import { openTrials } from "./open-trials.js";
import { listRuns } from "./runs.js";

/** @returns ids; their ancestors are meant too */
export async function neededByRepairs(store: LineageStore): Promise<Set<string>> {
  const needed = new Set<string>();
  for await (const { state, model } of listRuns(store))
    if (state !== "ended" && model !== null) needed.add(model);
  for await (const { incumbent, candidate } of openTrials(store)) needed.add(incumbent).add(candidate);
  return needed;
}
