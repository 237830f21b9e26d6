/** How large a monitor's reservoir is, and how recent its rows, where that is not said: as its windows suggest. */
import { MendlineError } from "../../errors.js";
import { reservoirBytesMax, reservoirRowsMax, reservoirTextLengthMax, windowMsMax } from "../../limits.js";
import {
  type ReservoirColumn,
  type ReservoirOptions,
  type ReservoirSettings,
  windowsKept,
} from "./reservoir.js";
import type { WindowSettings } from "./window.js";
import type { CountedFeature } from "./window-counter.js";

export interface ReservoirRequest extends ReservoirOptions {
  /** Columns to keep, all of them watched. */
  readonly columns: readonly string[];
}

const rowsDefault = 1_000;
/** Of windows by time, until the first one tells how many rows it holds. */
const recentRowsByTime = 100_000;

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
export function reservoirSettings(
  { columns, ...options }: ReservoirRequest,
  window: WindowSettings,
  features: readonly CountedFeature[],
): ReservoirSettings {
  const kept = columns.map((name): ReservoirColumn => {
    const feature = features.find(({ field }) => field.name === name);
    if (feature !== undefined) return { name, kind: feature.counter.kind };
    throw invalid(`"${name}" is no column that the monitor watches`);
  });
  const fit = Math.min(reservoirRowsMax, rowsThatFit(kept));
  const { recentRows: recent = recentRowsOf(window), maxAgeMs = maxAgeMsOf(window), seed = 0 } = options;
  const { rows = Math.min(rowsDefault, fit, recent) } = options;
  // Asked for more rows than two windows have: of as many then.
  const recentRows = options.recentRows === undefined ? Math.max(rows, recent) : recent;
  if (!isWhole(rows, 1, fit))
    throw invalid(`rows is ${rows}: choose 1 to ${fit}, which is what ${kept.length} columns leave room for`);
  if (!isWhole(recentRows, rows, Number.MAX_SAFE_INTEGER))
    throw invalid(
      `${rows} rows of the newest ${recentRows}: recentRows must be a whole number of at least rows`,
    );
  if (maxAgeMs !== Number.POSITIVE_INFINITY && !isWhole(maxAgeMs, 1, windowMsMax))
    throw invalid(`maxAgeMs is ${maxAgeMs}: choose 1 to ${windowMsMax}`);
  if (!Number.isSafeInteger(seed)) throw invalid(`seed is ${seed}: choose a whole number`);
  const followsWindows = window.kind === "time" && options.recentRows === undefined;
  const ageBy = window.kind === "time" ? "event" : "clock";
  return { rows, recentRows, maxAgeMs, seed, columns: kept, followsWindows, ageBy };
}

/** By what a row takes at the most: a double a number, three bytes of UTF-8 a unit of text. */
function rowsThatFit(columns: readonly ReservoirColumn[]): number {
  const bytesOf = ({ kind }: ReservoirColumn) => (kind === "numeric" ? 8 : 3 * reservoirTextLengthMax);
  const rowBytes = columns.reduce((sum, column) => sum + bytesOf(column), 16);
  return Math.max(1, Math.floor(reservoirBytesMax / rowBytes));
}

function recentRowsOf(window: WindowSettings): number {
  return window.kind === "rows" ? windowsKept * window.rows : recentRowsByTime;
}

function maxAgeMsOf(window: WindowSettings): number {
  return window.kind === "rows" ? Number.POSITIVE_INFINITY : windowsKept * window.ms;
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function invalid(what: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", `reservoir: ${what}`);
}
