/** The pool where none is given: the rows that the model's monitors keep. */
import { MendlineError } from "../../errors.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { DataSource } from "../columns/column.js";
import { rowsSource } from "../columns/rows.js";
import { recentRowsOf } from "../models/recent-rows.js";
import type { RepairContext } from "./context.js";
import { labelOf } from "./request.js";

/** @throws MendlineError MENDLINE_DATA_EMPTY  no monitor of the model keeps any, and why */
export async function recentPool({ store, runtime }: RepairContext, model: ModelRecord): Promise<DataSource> {
  const { rows, monitors, off } = await recentRowsOf(store, model.id);
  if (rows.length > 0)
    return rowsSource(rows, `recent rows of monitor ${monitors.join(", ")}`, runtime.arena);
  const reasons = Array.from(off, ([monitor, why]) => `monitor ${monitor} keeps none (${why})`);
  const why =
    reasons.length > 0
      ? reasons.join(", ")
      : monitors.length > 0
        ? `monitor ${monitors.join(", ")} has kept none yet`
        : "no monitor has watched it";
  throw new MendlineError(
    "MENDLINE_DATA_EMPTY",
    `there are no recent rows of ${labelOf(model)} to choose from: ${why}; give rows with --pool DATA`,
    { details: { model: model.id, monitors, off: Object.fromEntries(off) } },
  );
}
