/** Files of slices (refined-slices.ts) that no run can come back to: removed with the rest of what nothing needs. */
import { readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { orphanAgeMsMin } from "../../limits.js";
import { runFilesDir } from "../../lineage-store/folder.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { openOutcomes } from "./label-budget.js";
import type { StartedStep } from "./run-steps.js";
import { listRuns } from "./runs.js";
import { pathOf } from "./slice-paths.js";

/** Those of runs that can be resumed, or refined, stay, and new ones, whose run is about to begin. */
export async function removeSpentSlices(store: LineageStore): Promise<void> {
  const dir = runFilesDir(store.dir);
  const names = await readdir(dir).catch(() => []);
  if (names.length === 0) return;
  const needed = new Set<string>();
  for await (const { run, state, outcome } of listRuns(store)) {
    if (state === "ended" && !openOutcomes.includes(outcome ?? "")) continue;
    const { inputs } = (await store.run(run))[0]!.data as unknown as Partial<StartedStep>;
    for (const input of [inputs?.validation, inputs?.gate])
      if (input != null && input.path !== null) needed.add(basename(pathOf(store.dir, input.path)));
  }
  for (const name of names) {
    const path = join(dir, name);
    if (needed.has(name)) continue;
    const { mtimeMs } = await stat(path);
    if (Date.now() - mtimeMs >= orphanAgeMsMin) await rm(path, { force: true });
  }
}
