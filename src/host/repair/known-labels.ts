/**
 * Labels that people gave earlier belong to the labelled data of a model's later repairs: points that were drawn at random to the gate,
 * chosen ones to the selection slice. They go stale: a label counts until it is older than the policy allows, and for the model that it
 * was asked for alone, because what took that one's place was mended for their regime.
 */
import { randomUUID } from "node:crypto";
import { MendlineError } from "../../errors.js";
import { extendedRowsMax, labelAgeMsMax } from "../../limits.js";
import type { ModelRecord, ModelTask } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { DataSource } from "../columns/column.js";
import type { FeatureValue, LabelRequest } from "../labels/label-request.js";
import { listRequests } from "../labels/requests.js";
import { loadProfile } from "../models.js";
import type { RepairContext } from "./context.js";
import { type LabelledData, readLabelled } from "./labelled-data.js";
import { type LabelledPoint, readSlices, type SliceBase, writeSlices } from "./refined-slices.js";
import { type RepairRequest, taskOf } from "./request.js";
import { RunLog } from "./run-log.js";

/** A repair as it is asked for: labelled data may be left out, where people's labels are all there is, or none yet. */
export interface RepairAsked extends Omit<RepairRequest, "validation" | "known"> {
  readonly validation?: DataSource;
  /** Labels of earlier requests count so long; 90 days by default, 0: they do not. */
  readonly labelAgeMs?: number;
}

/** What of them a repair took, for its record. */
export interface KnownLabels {
  /** The requests that they were answers to, newest first. */
  readonly requests: readonly string[];
  /** Points added to each slice. */
  readonly selection: number;
  readonly gate: number;
  /** Points whose label was too old. */
  readonly stale: number;
  readonly labelAgeMs: number;
  /** When the oldest and the newest of the labels taken were given; null where none were. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

interface KnownPoint extends LabelledPoint {
  readonly request: LabelRequest;
  readonly atMs: number;
}

const dayMs = 86_400_000;
export const labelAgeMsDefault = 90 * dayMs;

/** @throws MendlineError  as reading the data does; MENDLINE_ARGUMENT_INVALID */
export async function withKnownLabels<T>(
  context: RepairContext,
  model: ModelRecord,
  { labelAgeMs = labelAgeMsDefault, ...asked }: RepairAsked,
  work: (request: RepairRequest) => Promise<T>,
): Promise<T> {
  if (!(Number.isSafeInteger(labelAgeMs) && labelAgeMs >= 0 && labelAgeMs <= labelAgeMsMax)) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `labelAgeMs is ${labelAgeMs}: choose 0 to ${labelAgeMsMax} milliseconds`,
    );
  }
  const task = taskOf(model, asked.label ?? null);
  const { points, stale } = await knownPoints(context.store, model.id, task, Date.now() - labelAgeMs);
  const { validation } = asked;
  const isLarge = (validation?.rowCount ?? 0) > extendedRowsMax;
  if (validation !== undefined && (isLarge || points.length === 0))
    return work({ ...asked, validation, known: summaryOf([], stale, labelAgeMs) });
  const base: SliceBase = { task, weight: asked.weight ?? null, seed: asked.seed ?? 0, signal: asked.signal };
  const sources = { validation: validation ?? null, gate: asked.gate };
  const before = await readSlices(context, sources, base, await textFeatures(context, model));
  const given = [before.selection.data, before.gate.data, ...(await controlRows(context, asked, base))];
  const fresh = withoutGiven(points, given);
  const slices = await writeSlices(context, before, fresh, `known-${randomUUID()}`, asked.signal);
  try {
    const chain = asked.refines ?? (await chainOf(context.store, fresh));
    return await work({
      ...asked,
      validation: slices.validation,
      gate: slices.gate,
      known: summaryOf(fresh, stale, labelAgeMs),
      ...(chain !== null && { refines: chain }),
    });
  } finally {
    await slices.close();
  }
}

/** Of requests about this model and this very question; of a row that was asked about twice, the newest label. */
async function knownPoints(
  store: LineageStore,
  model: string,
  task: ModelTask & { readonly label: string },
  sinceMs: number,
): Promise<{ points: KnownPoint[]; stale: number }> {
  const byContent = new Map<string, KnownPoint>();
  let stale = 0;
  for await (const request of listRequests(store)) {
    const { question, state } = request;
    const isSame =
      question.kind === task.kind &&
      question.label === task.label &&
      question.features.length === task.features.length &&
      question.features.every((name, index) => name === task.features[index]);
    if (question.model !== model || state === "cancelled" || !isSame) continue;
    for (const point of question.points) {
      const { label, standing } = request.answers.get(point.pointId)!;
      if (label === null) continue;
      const atMs = Math.max(...standing.map((answer) => answer.atMs));
      const other = byContent.get(point.content);
      if (atMs < sinceMs) stale += 1;
      else if (other === undefined || other.atMs < atMs)
        byContent.set(point.content, { point, label, request, atMs });
    }
  }
  return { points: [...byContent.values()], stale };
}

function summaryOf(points: readonly KnownPoint[], stale: number, labelAgeMs: number): KnownLabels | null {
  if (points.length + stale === 0) return null;
  const times = points.map(({ atMs }) => atMs);
  const gate = points.filter(({ point }) => point.random).length;
  return {
    requests: [...new Set(points.map(({ request }) => request.id))],
    selection: points.length - gate,
    gate,
    stale,
    labelAgeMs,
    fromMs: times.length === 0 ? null : Math.min(...times),
    toMs: times.length === 0 ? null : Math.max(...times),
  };
}

/** Questions to labels that a gate was asked about before are further tries: the newest request's chain goes on. */
async function chainOf(store: LineageStore, points: readonly KnownPoint[]): Promise<string | null> {
  const run = points.find(({ point, request }) => point.random && request.question.run !== null)?.request
    .question.run;
  if (run === undefined || run === null) return null;
  return (await RunLog.reopen(store, run)).started.plan.refines ?? run;
}

async function textFeatures({ store }: RepairContext, model: ModelRecord): Promise<Set<string>> {
  const profile = await loadProfile(store, model);
  const texts = Array.from(profile?.features ?? []).filter(([, { kind }]) => kind === "categorical");
  return new Set(texts.map(([name]) => name));
}

async function controlRows(
  { runtime }: RepairContext,
  { control }: RepairAsked,
  { task, weight, signal }: SliceBase,
): Promise<LabelledData[]> {
  if (control === undefined) return [];
  const { features, label } = task;
  const memory = runtime.arena.memory;
  return [await readLabelled(control, { features, label, weight, memory, ...(signal && { signal }) })];
}

/** A row that is there already must not come into another slice. */
function withoutGiven(points: readonly KnownPoint[], given: readonly LabelledData[]): KnownPoint[] {
  const left = new Map<FeatureValue, Set<KnownPoint>>();
  for (const point of points) {
    const first = point.point.values[0] ?? null;
    left.set(first, (left.get(first) ?? new Set()).add(point));
  }
  for (const { rowCount, columns, texts } of given) {
    const valueAt = (row: number, index: number): FeatureValue => {
      const value = columns[index]![row]!;
      return Number.isNaN(value) ? null : (texts[index]?.[value] ?? value);
    };
    for (let row = 0; row < rowCount; row++) {
      for (const point of left.get(columns.length === 0 ? null : valueAt(row, 0)) ?? []) {
        if (point.point.values.every((value, index) => value === valueAt(row, index)))
          left.get(point.point.values[0] ?? null)!.delete(point);
      }
    }
  }
  return points.filter((point) => left.get(point.point.values[0] ?? null)!.has(point));
}
