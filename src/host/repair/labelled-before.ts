/** Rows of a pool that the run's own labelled data holds: nobody needs to be asked about them, and none may come to stand in two slices. */
import type { ModelTask } from "../../lineage-store/records.js";
import { openData } from "../columns/open.js";
import type { PoolColumns } from "../labels/feature-space.js";
import { contentOf, valuesAt } from "../labels/point-side.js";
import type { RepairContext } from "./context.js";
import { readUnlabelled } from "./labelled-data.js";
import type { RunLog } from "./run-log.js";
import { pathOf } from "./slice-paths.js";

/**
 * Adds them to `excluded`, of rows that are alike as many as have a label. Data that was no file, or is not there any more, is passed
 * over: then somebody may be asked about a row that has a label.
 *
 * @param excluded  rows that a request asked about: what came of it is part of the labelled data of later rounds
 */
export async function excludeLabelled(
  { runtime, store }: RepairContext,
  { started }: RunLog,
  { features }: ModelTask,
  pool: PoolColumns,
  excluded: Set<number>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { validation, gate, control } = started.inputs;
  const labelled = new Map<string, number>();
  for (const input of [validation, gate, control]) {
    if (input === null || input.path === null) continue;
    const path = pathOf(store.dir, input.path);
    const source = await openData(path, runtime.arena, { signal }).catch(() => null);
    if (source === null) continue;
    try {
      const memory = runtime.arena.memory;
      const rows = await readUnlabelled(source, { features, memory, ...(signal && { signal }) });
      for (let row = 0; row < rows.rowCount; row++) {
        const content = contentOf(valuesAt(rows, row));
        labelled.set(content, (labelled.get(content) ?? 0) + 1);
      }
    } finally {
      await source.close();
    }
  }
  if (labelled.size === 0) return;
  const isLabelled = (row: number) => {
    const content = contentOf(valuesAt(pool, row));
    const count = labelled.get(content) ?? 0;
    if (count > 0) labelled.set(content, count - 1);
    return count > 0;
  };
  for (const row of excluded) isLabelled(row);
  for (let row = 0; row < pool.rowCount; row++) if (!excluded.has(row) && isLabelled(row)) excluded.add(row);
}
