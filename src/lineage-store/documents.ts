/** Documents beside the graph: repair runs step by step, drift reports and states of monitors, trials. */
import type { Json } from "./codec.js";
import type { Database, RecordReader } from "./database.js";
import { Fields } from "./fields.js";
import { keyOf, partsOf, prefixOf, rangeOf } from "./keys.js";
import { nextPlace } from "./walk.js";

export interface RunStep {
  readonly index: number;
  readonly step: string;
  readonly atMs: number;
  readonly data: Json;
}

export interface RunSummary {
  readonly runId: string;
  /** The last step. */
  readonly step: string;
  readonly stepCount: number;
  readonly createdMs: number;
  readonly updatedMs: number;
}

export interface MonitorReport {
  readonly sequence: number;
  readonly atMs: number;
  readonly report: Json;
}

export interface MonitorState {
  readonly monitorKey: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly state: Json;
}

function stepFrom(index: number, fields: Fields): RunStep {
  return { index, step: fields.text("step"), atMs: fields.number("atMs"), data: fields.json("data") };
}

export function stepCount(reader: RecordReader, runId: string): number {
  return nextPlace(reader, (index) => keyOf("run", runId, index));
}

export function stepAt(reader: RecordReader, runId: string, index: number): RunStep {
  const key = keyOf("run", runId, index);
  return stepFrom(index, new Fields(key, reader.read(key)));
}

/** In order; empty where there is no such run. */
export async function stepsOf(database: Database, runId: string): Promise<RunStep[]> {
  const steps: RunStep[] = [];
  for await (const { key, value } of database.entries(rangeOf(prefixOf("run", runId)))) {
    steps.push(stepFrom(partsOf("run", key)[1], new Fields(key, value)));
  }
  return steps;
}

/** Newest first, by their first step. */
export async function* allRuns(database: Database, limit: number): AsyncGenerator<RunSummary> {
  for await (const { key, value } of database.entries({
    ...rangeOf(prefixOf("runs")),
    reverse: true,
    limit,
  })) {
    const runId = new Fields(key, value).text("runId");
    const count = stepCount(database, runId);
    const first = stepAt(database, runId, 0);
    const last = stepAt(database, runId, count - 1);
    yield { runId, step: last.step, stepCount: count, createdMs: first.atMs, updatedMs: last.atMs };
  }
}

/** Newest first. */
export async function* reportsOf(
  database: Database,
  monitorKey: string,
  limit: number,
): AsyncGenerator<MonitorReport> {
  const range = rangeOf(prefixOf("report", monitorKey));
  for await (const { key, value } of database.entries({ ...range, reverse: true, limit })) {
    const fields = new Fields(key, value);
    yield { sequence: partsOf("report", key)[1], atMs: fields.number("atMs"), report: fields.json("data") };
  }
}

export async function monitorState(database: Database, monitorKey: string): Promise<MonitorState | null> {
  const range = rangeOf(prefixOf("monitor", monitorKey));
  for await (const { key, value } of database.entries({ ...range, reverse: true, limit: 1 })) {
    const fields = new Fields(key, value);
    const sequence = partsOf("monitor", key)[1];
    return { monitorKey, sequence, atMs: fields.number("atMs"), state: fields.json("data") };
  }
  return null;
}

/** The newest state of every monitor, by key. */
export async function* allMonitors(database: Database): AsyncGenerator<MonitorState> {
  for await (const key of database.keys(rangeOf(prefixOf("monitors")))) {
    const state = await monitorState(database, partsOf("monitors", key)[0]);
    if (state !== null) yield state;
  }
}

/** How the trial of an alias stands; null where there was none. */
export function lastTrial(reader: RecordReader, alias: string): Json | null {
  const count = nextPlace(reader, (index) => keyOf("trial", alias, index));
  if (count === 0) return null;
  const key = keyOf("trial", alias, count - 1);
  return new Fields(key, reader.read(key)).json("state");
}
