/**
 * What a window is: a stretch of rows, or of event time, cut into equal panes. Each time a pane is complete, the window over the last
 * `panes` panes closes; one pane makes it a tumbling window.
 *
 *     rows seen, or event time   |  pane 0  |  pane 1  |  pane 2  |  pane 3  |          panes: 3
 *     window 0                   |-------------------------------|
 *     window 1                              |--------------------------------|
 */
import { MendlineError } from "../../errors.js";
import {
  earlyPanesMax,
  eventAheadRowsMax,
  openPanesMax,
  panesMax,
  windowMsMax,
  windowRowsMax,
} from "../../limits.js";
import type { ClockState } from "./event-clock.js";
import type { Pane } from "./panes.js";

/** Windows by the position of rows. */
export interface RowWindowOptions {
  /** Rows of a window; a multiple of `panes`. */
  readonly rows: number;
  /** Panes of a window; 1 by default. */
  readonly panes?: number;
}

export const timeUnits = ["s", "ms", "us", "ns"] as const;
export type TimeUnit = (typeof timeUnits)[number];

/** Windows by when rows happened, which a column of theirs says. Panes begin at whole multiples of their length since 1970, UTC. */
export interface TimeWindowOptions {
  /** Milliseconds of a window; a multiple of `panes`. */
  readonly ms: number;
  /** Panes of a window; 1 by default. */
  readonly panes?: number;
  /**
   * The column of times: numbers since 1970, ISO 8601 texts (UTC where they name no zone), Dates. A row without a time that can be
   * told is counted as untimed, and is in no window.
   */
  readonly timeColumn: string;
  /** Of plain numbers; milliseconds by default. Arrow's dates and timestamps know their own. */
  readonly timeUnit?: TimeUnit;
  /** A pane takes rows until the newest time lies this far beyond its end; one pane by default. Later ones are counted as late. */
  readonly allowedLatenessMs?: number;
  /** The farthest that one row moves the newest time: the window's length, and a day at least, by default. See `EventClock`. */
  readonly aheadMs?: number;
  /** Rows farther ahead, one behind the other, after which they are believed all the same; 1,000 by default. */
  readonly aheadRows?: number;
}

export type WindowOptions = RowWindowOptions | TimeWindowOptions;

export type RowWindowSettings = Required<RowWindowOptions> & { readonly kind: "rows" };
export type TimeWindowSettings = Required<TimeWindowOptions> & { readonly kind: "time" };
export type WindowSettings = RowWindowSettings | TimeWindowSettings;

const dayMs = 86_400_000;
const aheadRowsDefault = 1_000;

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
export function checkedWindow(options: WindowOptions): WindowSettings {
  return "ms" in options ? checkedTimeWindow(options) : checkedRowWindow(options);
}

function checkedRowWindow({ rows, panes = 1 }: RowWindowOptions): RowWindowSettings {
  if (!isWhole(rows, 1, windowRowsMax) || !isWhole(panes, 1, panesMax) || rows % panes !== 0) {
    throw invalid(
      `a window of ${rows} rows in ${panes} panes: rows must be 1 to ${windowRowsMax}, panes 1 to ${panesMax}, and rows a multiple of panes`,
    );
  }
  return { kind: "rows", rows, panes };
}

function checkedTimeWindow(options: TimeWindowOptions): TimeWindowSettings {
  const { ms, panes = 1, timeColumn, timeUnit = "ms" } = options;
  if (!isWhole(ms, 1, windowMsMax) || !isWhole(panes, 1, panesMax) || ms % panes !== 0) {
    throw invalid(
      `a window of ${ms} ms in ${panes} panes: ms must be 1 to ${windowMsMax}, panes 1 to ${panesMax}, and ms a multiple of panes`,
    );
  }
  if (typeof timeColumn !== "string")
    throw invalid(
      "a window by time needs a timeColumn: the name of the column that says when a row happened",
    );
  if (!timeUnits.includes(timeUnit))
    throw invalid(`timeUnit is ${String(timeUnit)}: choose one of ${timeUnits.join(", ")}`);
  const paneMs = ms / panes;
  const { allowedLatenessMs = paneMs, aheadMs = Math.max(ms, dayMs), aheadRows = aheadRowsDefault } = options;
  const latePanes = Math.ceil(allowedLatenessMs / paneMs);
  const latePanesMax = openPanesMax - earlyPanesMax - panes;
  if (!isWhole(allowedLatenessMs, 0, windowMsMax) || latePanes > latePanesMax) {
    throw invalid(
      `allowedLatenessMs is ${allowedLatenessMs}: choose 0 to ${Math.min(windowMsMax, latePanesMax * paneMs)}, which is ${latePanesMax} panes of ${paneMs} ms`,
    );
  }
  if (!isWhole(aheadMs, 1, windowMsMax)) throw invalid(`aheadMs is ${aheadMs}: choose 1 to ${windowMsMax}`);
  if (!isWhole(aheadRows, 1, eventAheadRowsMax))
    throw invalid(`aheadRows is ${aheadRows}: choose 1 to ${eventAheadRowsMax}`);
  return { kind: "time", ms, panes, timeColumn, timeUnit, allowedLatenessMs, aheadMs, aheadRows };
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function invalid(what: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", what);
}

/** Rows that are in no window: too late, too far ahead of all others, or without a time. */
export interface SetAside {
  readonly lateRows: number;
  readonly earlyRows: number;
  readonly untimedRows: number;
}

export const noneSetAside: SetAside = { lateRows: 0, earlyRows: 0, untimedRows: 0 };

/** One array a feature, whole numbers. */
export type FeatureCounts = readonly Float64Array[];

export interface ClosedWindow {
  /** From 0, in the order in which windows close. */
  readonly number: number;
  /** Position of the first row; null for windows by time. */
  readonly fromRow: number | null;
  /** Event time, [fromMs, toMs); null for windows by rows. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly rowCount: number;
  /** The caller's to keep. */
  readonly counts: FeatureCounts;
  /** The same by segment, those that have rows; empty where none are told apart. */
  readonly segments: readonly SegmentCounts[];
  /** Since the window before. */
  readonly setAside: SetAside;
  /** Windows without a row since the window before: they are not reported. */
  readonly emptyBefore: number;
}

/** What windows need to go on: plain data, but for the panes. */
export type WindowsState = { readonly panes: readonly Pane[]; readonly rowsTaken: number } & (
  | { readonly kind: "rows"; readonly panesOpened: number; readonly panesClosed: number }
  | {
      readonly kind: "time";
      readonly clock: ClockState;
      readonly windowsClosed: number;
      readonly nextEnd: number | null;
      /** Since the last window, and since the beginning. */
      readonly setAside: SetAside;
      readonly setAsideInAll: SetAside;
    }
);

export interface SegmentCounts {
  readonly segment: number;
  readonly rowCount: number;
  readonly counts: FeatureCounts;
}
