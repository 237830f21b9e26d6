/**
 * Rows that monitors keep of what a model saw lately: which columns may be, and what there is of them in the store. They are there to be
 * labelled, so all of the model's features are kept, or none: without one of them no model could be run on a row.
 */
import { MendlineError } from "../../errors.js";
import { monitorStatesMax } from "../../limits.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Row } from "../columns/rows.js";
import type { DriftMonitor } from "../drift/monitor.js";
import { Reservoir, type ReservoirOptions } from "../drift/reservoir.js";
import type { ReservoirRequest } from "../drift/reservoir-settings.js";
import { type KeptReservoir, reservoirFromBytes } from "../drift/reservoir-state.js";
import { privateColumns } from "./private-columns.js";

export interface KeepRowsOptions extends ReservoirOptions {
  /** Columns whose values may be kept; all but the private ones by default. One that is named here is allowed, though it is private. */
  readonly columns?: readonly string[];
}

/** Either what is kept, or why nothing is. */
export type KeepRowsPlan =
  | { readonly request: ReservoirRequest; readonly off: null }
  | { readonly request: null; readonly off: string };

/** As told of a monitor. */
export interface ReservoirStatus {
  /** Id of the model that saw them. */
  readonly model: string;
  readonly columns: readonly string[];
  /** Kept now, and of the newest how many. */
  readonly rows: number;
  readonly recentRows: number;
  /** null: no limit. */
  readonly maxAgeMs: number | null;
  /** Why nothing is kept; null where rows are. */
  readonly off: string | null;
}

/** In a monitor's record. */
export interface ReservoirRecord extends ReservoirStatus {
  /** Base64; null where nothing is kept. */
  readonly bytes: string | null;
}

export interface RecentRows {
  readonly rows: Row[];
  /** Of the monitors whose rows they are. */
  readonly monitors: readonly string[];
  /** Why monitors of the model keep none, by monitor. */
  readonly off: ReadonlyMap<string, string>;
}

/**
 * @param features  the model's inputs
 * @param watched  the monitor's columns
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  a column that is no input
 */
export async function keepRowsPlan(
  store: LineageStore,
  model: ModelRecord,
  features: readonly string[],
  watched: readonly string[],
  options: KeepRowsOptions | false,
): Promise<KeepRowsPlan> {
  const off = (why: string): KeepRowsPlan => ({ request: null, off: why });
  if (options === false) return off("switched off");
  const { columns: allowed, ...rest } = options;
  const unknown = allowed?.find((name) => !features.includes(name));
  if (unknown !== undefined) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `reservoir: "${unknown}" is no feature of ${model.name}@${model.version}: only those are kept`,
    );
  }
  const unwatched = features.find((name) => !watched.includes(name));
  if (unwatched !== undefined) return off(`"${unwatched}" is not watched`);
  const marked = await privateColumns(store, model);
  const left = features.filter((name) => allowed?.includes(name) ?? !marked.has(name));
  if (left.length === features.length) return { request: { ...rest, columns: features }, off: null };
  const missing = features.find((name) => !left.includes(name))!;
  return off(
    allowed === undefined ? `"${missing}" is private` : `"${missing}" is not in its list of columns`,
  );
}

/** @param off  why nothing is kept, as the plan has it */
export function reservoirRecord(
  { model, reservoirSettings: settings }: DriftMonitor,
  off: string | null,
  reservoir: KeptReservoir | null,
): ReservoirRecord {
  return {
    model: model.id,
    columns: settings?.columns.map(({ name }) => name) ?? [],
    rows: reservoir?.rows ?? 0,
    recentRows: settings?.recentRows ?? 0,
    maxAgeMs: Number.isFinite(settings?.maxAgeMs) ? settings!.maxAgeMs : null,
    off,
    bytes: reservoir === null ? null : Buffer.from(reservoir.bytes).toString("base64"),
  };
}

/** Takes the rows out of a monitor's record, and of the one before that is kept too. */
export async function forgetRows(store: LineageStore, monitor: string, off: string): Promise<void> {
  const kept = await store.monitor(monitor);
  const state = (kept?.state ?? {}) as { reservoir?: ReservoirRecord };
  if (typeof state.reservoir?.bytes !== "string") return;
  const reservoir: ReservoirRecord = { ...state.reservoir, rows: 0, off, bytes: null };
  for (let place = 0; place < monitorStatesMax; place++)
    await store.commit((tx) => tx.putMonitor(monitor, { ...state, reservoir }));
}

/** What the monitors of a model keep. Those of another model, through whose hands its alias went, are other rows. */
export async function recentRowsOf(store: LineageStore, model: string): Promise<RecentRows> {
  const rows: Row[] = [];
  const monitors: string[] = [];
  const off = new Map<string, string>();
  for await (const { monitorKey, state } of store.listMonitors()) {
    const { reservoir } = (state ?? {}) as { reservoir?: ReservoirRecord };
    if (reservoir?.model !== model) continue;
    if (reservoir.bytes === null) {
      off.set(monitorKey, reservoir.off ?? "none kept");
      continue;
    }
    rows.push(...offeredRows(Buffer.from(reservoir.bytes, "base64")));
    monitors.push(monitorKey);
  }
  return { rows, monitors, off };
}

/** By this machine's clock rows go on growing old while nobody watches; by event time they are as old as the newest row made them. */
function offeredRows(bytes: Uint8Array): Row[] {
  const { settings, state } = reservoirFromBytes(bytes);
  const nowMs = settings.ageBy === "clock" ? Date.now() : Number.NEGATIVE_INFINITY;
  const reservoir = new Reservoir(settings, () => nowMs);
  reservoir.restore(state);
  return reservoir.asRows();
}
