/** Monitors of stored models: what they compare with comes from the store, and what they find is kept there. */
import { MendlineError } from "../../errors.js";
import { monitorAncestorsMax } from "../../limits.js";
import type { Json } from "../../lineage-store/codec.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { DriftMonitor, type MonitorOptions } from "../drift/monitor.js";
import { type KeptState, MonitorLog, type MonitorLogOptions } from "../drift/monitor-log.js";
import { sharesFeatures } from "../drift/profile.js";
import type { DriftReport, Verdict } from "../drift/report.js";
import { noneSetAside, type SetAside } from "../drift/window.js";
import type { SegmentReport, Watched, WindowReport } from "../drift/window-report.js";
import { driftSummary, loadProfile } from "../models.js";
import {
  forgetRows,
  type KeepRowsOptions,
  type KeepRowsPlan,
  keepRowsPlan,
  type ReservoirRecord,
  type ReservoirStatus,
  reservoirRecord,
} from "./recent-rows.js";

export interface StoredMonitorOptions extends Omit<MonitorOptions, "reservoir"> {
  /**
   * Rows that are kept beside the counts, so that there is something to ask people about when drift strikes: 1,000 of those of the last two
   * windows, in the model's features, unless one of them is private. False: none.
   */
  readonly reservoir?: KeepRowsOptions | false;
  /** What its windows and its state are kept under: what it watches, by default. Two monitors of one model need two names. */
  readonly name?: string;
  /** False: begins anew, whatever state is kept under the name; true by default. */
  readonly resume?: boolean;
  /** The state between windows is kept every so often: 60,000 by default, 100 at least. */
  readonly flushMs?: number;
  /** And after so many rows; no limit by default. */
  readonly flushRows?: number;
}

export interface MonitorEventsTold {
  onWritten(windows: readonly WindowReport[], rowsKept: number | null): void;
  onFailure(thrown: unknown): void;
}

export interface StoredMonitor {
  readonly name: string;
  readonly monitor: DriftMonitor;
  readonly log: MonitorLog;
}

export interface LastWindow {
  readonly model: string;
  readonly window: WindowReport["window"];
  readonly alarm: boolean;
  readonly verdict: Verdict;
}

/** What is kept of a monitor, without its counts. */
export interface MonitorStatus {
  readonly monitor: string;
  /** null: none closed yet. */
  readonly lastWindow: LastWindow | null;
  /** The number of the window that raised the alarm which stands; null where none stands. */
  readonly alarmSince: number | null;
  /** Rows observed since `sinceMs`, and those of them that are in no window. */
  readonly rows: number;
  readonly setAside: SetAside;
  readonly sinceMs: number | null;
  /** The rows it keeps; null: of a monitor that an earlier version watched. */
  readonly reservoir: ReservoirStatus | null;
}

const flushMsMin = 100;

/** @throws MendlineError MENDLINE_DATA_SCHEMA  the model has no reference profile; as DriftMonitor's constructor */
export async function openMonitor(
  runtime: Runtime,
  store: LineageStore,
  ref: string,
  options: StoredMonitorOptions,
  told: MonitorEventsTold,
): Promise<StoredMonitor> {
  const { name = ref, resume = true, flushMs, flushRows, reservoir = {}, ...watching } = options;
  checkFlush(flushMs, flushRows);
  const model = await store.get(await store.resolve(ref));
  const watched = await watchedModel(store, model);
  if (watched === null) {
    throw new MendlineError(
      "MENDLINE_DATA_SCHEMA",
      `${model.name}@${model.version} was added without a reference profile: add it with --training-data or --profile`,
    );
  }
  const ancestors = await watchedAncestors(store, watched, options.features);
  const known = [...watched.profile.features.keys()];
  const features = model.task?.features ?? known;
  const plan = await keepRowsPlan(store, model, features, options.features ?? known, reservoir);
  // What may not be kept now is not left behind by an earlier watch.
  if (plan.off !== null) await forgetRows(store, name, plan.off);
  const kept = resume ? await keptState(store, name) : null;
  const monitor = new DriftMonitor(
    runtime,
    watched,
    ancestors,
    { ...watching, ...(plan.request !== null && { reservoir: plan.request }) },
    kept?.checkpoint,
    kept?.reservoir,
  );
  const { sinceMs } = monitor.start;
  const goesOn = kept !== null && monitor.start.anew === null;
  let lastWindow = goesOn ? kept.lastWindow : null;
  const write: MonitorLogOptions["write"] = (windows, state) =>
    store.commit((tx) => {
      for (const window of windows) tx.appendReport(name, reportRecord(window, sinceMs));
      lastWindow = windows.length === 0 ? lastWindow : lastWindowOf(windows.at(-1)!);
      if (state !== null) tx.putMonitor(name, stateRecord({ monitor, plan, lastWindow, state }));
    });
  const log = new MonitorLog(monitor, {
    write,
    onWritten: (windows, state) => told.onWritten(windows, state?.rows ?? null),
    onFailure: (thrown) => told.onFailure(thrown),
    flushMs,
    flushRows,
    reportedThrough: goesOn ? await reportedThrough(store, name, sinceMs) : -1,
  });
  return { name, monitor, log };
}

export async function* monitorStatuses(store: LineageStore): AsyncGenerator<MonitorStatus> {
  for await (const { monitorKey, state } of store.listMonitors()) yield statusOf(monitorKey, state);
}

function checkFlush(flushMs: number | undefined, flushRows: number | undefined): void {
  const isFine = (value: number | undefined, least: number) =>
    value === undefined || (Number.isSafeInteger(value) && value >= least && value < 2 ** 31);
  if (isFine(flushMs, flushMsMin) && isFine(flushRows, 1)) return;
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `flushMs is ${flushMs} and flushRows ${flushRows}: choose whole numbers from ${flushMsMin} and from 1`,
  );
}

async function watchedModel(store: LineageStore, model: ModelRecord): Promise<Watched | null> {
  const profile = await loadProfile(store, model);
  return profile === null ? null : { id: model.id, label: `${model.name}@${model.version}`, profile };
}

/** The nearest that know the features by the same kinds. */
async function watchedAncestors(
  store: LineageStore,
  { id, profile }: Watched,
  features: readonly string[] | undefined,
): Promise<Watched[]> {
  const ancestors: Watched[] = [];
  for await (const found of store.ancestors(id)) {
    const ancestor = await watchedModel(store, await store.get(found.id));
    if (ancestor === null || !sharesFeatures(profile, ancestor.profile, features)) continue;
    ancestors.push(ancestor);
    if (ancestors.length === monitorAncestorsMax) break;
  }
  return ancestors;
}

/**
 * The number of the last window that this watch reported, whether or not its state came to be kept: it is not reported twice. Windows
 * of an earlier watch under the same name are others.
 */
async function reportedThrough(store: LineageStore, name: string, sinceMs: number): Promise<number> {
  for await (const { report } of store.reports(name, { limit: 1 })) {
    const { sinceMs: reportedSinceMs, window } = report as unknown as ReturnType<typeof reportRecord>;
    if (reportedSinceMs === sinceMs) return window.number;
  }
  return -1;
}

/** Records */

function reportRecord(
  { model, window, alarm, cleared, alarmSince, report, ancestors, predictions, segments }: WindowReport,
  sinceMs: number,
) {
  return {
    model,
    sinceMs,
    window,
    alarm,
    cleared,
    alarmSince,
    drift: driftSummary(report),
    ancestors: ancestors.map(({ id, label, verdict, totalPsi }) => ({ id, label, verdict, totalPsi })),
    predictions: predictions === null ? null : driftSummary(predictions),
    segments: segments.map(segmentSummary),
  };
}

function segmentSummary({ name, kind, rowCount, reference, verdict, totalPsi, report }: SegmentReport) {
  return { name, kind, rowCount, reference, verdict, totalPsi, drifted: driftedFeatures(report) };
}

function driftedFeatures({ features }: DriftReport): string[] {
  return Object.entries(features).flatMap(([name, { verdict }]) => (verdict === "drift" ? [name] : []));
}

function lastWindowOf({ model, window, alarm, report }: WindowReport): LastWindow {
  return { model, window, alarm, verdict: report.verdict };
}

function stateRecord({
  monitor,
  plan,
  lastWindow,
  state: { bytes, reservoir, ...kept },
}: {
  readonly monitor: DriftMonitor;
  readonly plan: KeepRowsPlan;
  readonly lastWindow: LastWindow | null;
  readonly state: KeptState;
}) {
  return {
    ...kept,
    sinceMs: monitor.start.sinceMs,
    lastWindow,
    checkpoint: Buffer.from(bytes).toString("base64"),
    reservoir: reservoirRecord(monitor, plan.off, reservoir),
  };
}

type StateRecord = ReturnType<typeof stateRecord>;

async function keptState(
  store: LineageStore,
  name: string,
): Promise<{ checkpoint: Uint8Array; reservoir?: Uint8Array; lastWindow: LastWindow | null } | null> {
  const kept = (await store.monitor(name))?.state as Partial<StateRecord> | null | undefined;
  if (typeof kept?.checkpoint !== "string") return null;
  const rows = kept.reservoir?.bytes ?? null;
  return {
    checkpoint: Buffer.from(kept.checkpoint, "base64"),
    lastWindow: kept.lastWindow ?? null,
    ...(rows !== null && { reservoir: Buffer.from(rows, "base64") }),
  };
}

/** What earlier versions kept was the last window alone. */
function statusOf(monitor: string, kept: Json): MonitorStatus {
  const state = (kept ?? {}) as Partial<StateRecord>;
  const isWindowAlone = state.checkpoint === undefined;
  const { alarmSince = null, rows = 0, setAside = noneSetAside, sinceMs = null } = state;
  const lastWindow = isWindowAlone ? (kept as unknown as LastWindow | null) : (state.lastWindow ?? null);
  return { monitor, lastWindow, alarmSince, rows, setAside, sinceMs, reservoir: reservoirStatus(state) };
}

function reservoirStatus({ reservoir }: { readonly reservoir?: ReservoirRecord }): ReservoirStatus | null {
  if (reservoir === undefined) return null;
  const { bytes: _, ...status } = reservoir;
  return status;
}
