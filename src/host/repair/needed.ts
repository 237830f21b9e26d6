/** Models that open repairs may come back to: a run that broke off can be resumed, and goes over its model's ancestors again. */
import type { LineageStore } from "../../lineage-store/store.js";
import { listRuns } from "./runs.js";

/** @returns ids; their ancestors are meant too */
export async function neededByRepairs(store: LineageStore): Promise<Set<string>> {
  const needed = new Set<string>();
  for await (const { state, model } of listRuns(store))
    if (state !== "ended" && model !== null) needed.add(model);
  return needed;
}
