/** How much memory a monitor may take: rows that it gathers, and panes that it keeps open. */
import { MendlineError } from "../../errors.js";
import { earlyPanesMax, monitorCountsMax, stagedBytesMax, stagedRowsMax } from "../../limits.js";
import type { Segments } from "./segments.js";
import type { WindowSettings } from "./window.js";

/** Rows that are gathered at once; of row windows never more than a pane, so that of many small panes only two at a time take memory. */
export function stagedCapacity(columnCount: number, window: WindowSettings, arenaBytes: number): number {
  const bytes = Math.min(stagedBytesMax, arenaBytes / 8);
  const rows = Math.floor(bytes / (8 * columnCount));
  const paneRows = window.kind === "rows" ? window.rows / window.panes : stagedRowsMax;
  return Math.max(1, Math.min(stagedRowsMax, rows, paneRows));
}

/** How many panes ahead of time there is memory for. @throws MendlineError MENDLINE_ARGUMENT_INVALID  not even for those that are needed */
export function earlyPanesFor(
  window: WindowSettings,
  slotCounts: readonly number[],
  segments: Segments | null,
): number {
  const paneCounts = slotCounts.reduce((sum, slots) => sum + slots, 0) * (segments?.count ?? 1);
  const latePanes =
    window.kind === "rows" ? 0 : Math.ceil((window.allowedLatenessMs * window.panes) / window.ms);
  // Those of the window, the one being filled, and those that late rows may still come for.
  const panes = window.panes + 1 + latePanes;
  const room = Math.floor(monitorCountsMax / paneCounts) - panes;
  const needed = window.kind === "rows" ? 0 : 1;
  if (room >= needed) return Math.min(earlyPanesMax, room);
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `the monitor would hold ${panes + needed} panes of ${paneCounts} counts each, which is more than ${monitorCountsMax}: watch fewer features, segments or panes`,
  );
}
