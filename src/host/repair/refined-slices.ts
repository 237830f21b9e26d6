/**
 * The slices of a refinement: those of the run that it goes on with, and the new labels. Points that were drawn for the gate go there;
 * the others go to the selection slice only, because a gate over chosen rows would be biased.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runFilesDir } from "../../lineage-store/folder.js";
import type { ModelTask } from "../../lineage-store/records.js";
import type { DataSource } from "../columns/column.js";
import { openData } from "../columns/open.js";
import { type OutColumn, writeArrow } from "../columns/write-arrow.js";
import type { FeatureValue, LabelPoint, LabelRequest } from "../labels/label-request.js";
import type { RepairContext } from "./context.js";
import { type DrawnRows, drawColumns, readDrawn } from "./drawn-rows.js";
import { type LabelledData, selectRows } from "./labelled-data.js";
import { type RepairPlan, type RepairSources, taskOf } from "./request.js";
import { splitRows } from "./slices.js";

export interface LabelledPoint {
  readonly point: LabelPoint;
  readonly label: number;
}

export interface RefinedSlices {
  readonly validation: DataSource;
  readonly gate: DataSource;
  /** Points added to each. */
  readonly chosen: number;
  readonly random: number;
  close(): Promise<void>;
}

/** Points on whose label people agree, or most of them do. */
export function labelledPoints({ question, answers }: LabelRequest): LabelledPoint[] {
  return question.points.flatMap((point) => {
    const { label } = answers.get(point.pointId)!;
    return label === null ? [] : [{ point, label }];
  });
}

export interface DrawnSlices {
  readonly selection: DrawnRows;
  readonly gate: DrawnRows;
}

/** What the slices hold already, and how their rows are read. */
export interface SliceBase {
  readonly task: ModelTask & { readonly label: string };
  readonly weight: string | null;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** The labelled rows of a repair, as it splits them itself. @param validation  null: none yet */
export async function readSlices(
  { runtime }: RepairContext,
  { validation, gate }: { readonly validation: DataSource | null; readonly gate?: DataSource | undefined },
  { task, weight, seed, signal }: SliceBase,
  textFeatures: ReadonlySet<string>,
): Promise<DrawnSlices> {
  const { features, label } = task;
  const options = { features, label, weight, memory: runtime.arena.memory, ...(signal && { signal }) };
  const read = async (source: DataSource | null): Promise<DrawnRows> =>
    source === null
      ? { data: noRows({ features, label, weight }, textFeatures), draws: null }
      : readDrawn(source, options);
  const all = await read(validation);
  return gate === undefined ? split(all.data, task.kind, seed) : { selection: all, gate: await read(gate) };
}

/**
 * Writes both slices, with the points added, into the store's folder, where a run that was broken off finds them again.
 *
 * @param name  of the files: what is in them must not change under it
 */
export async function writeSlices(
  { store, runtime }: RepairContext,
  before: DrawnSlices,
  points: readonly LabelledPoint[],
  name: string,
  signal: AbortSignal | undefined,
): Promise<RefinedSlices> {
  const chosen = points.filter(({ point }) => !point.random);
  const random = points.filter(({ point }) => point.random);
  const dir = runFilesDir(store.dir);
  await mkdir(dir, { recursive: true });
  const path = (slice: string) => join(dir, `${name}.${slice}.arrow`);
  await writeArrow(path("selection"), withPoints(before.selection, chosen));
  await writeArrow(path("gate"), withPoints(before.gate, random));
  const selection = await openData(path("selection"), runtime.arena, { signal });
  const gate = await openData(path("gate"), runtime.arena, { signal });
  return {
    validation: selection,
    gate,
    chosen: chosen.length,
    random: random.length,
    close: async () => {
      await selection.close();
      await gate.close();
    },
  };
}

/** Those of a refinement: its run's, and the request's labels. */
export async function refinedSlices(
  context: RepairContext,
  plan: RepairPlan,
  sources: RepairSources,
  request: LabelRequest,
  signal: AbortSignal | undefined,
): Promise<RefinedSlices> {
  const task = taskOf(await context.store.get(plan.model), plan.label);
  const { weight, seed } = plan;
  const before = await readSlices(context, sources, { task, weight, seed, signal }, new Set());
  // More labels make other files.
  const name = `${request.id}.${request.eventCount}`;
  return writeSlices(context, before, labelledPoints(request), name, signal);
}

function noRows(
  { features, label, weight }: Pick<LabelledData, "features" | "label" | "weight">,
  textFeatures: ReadonlySet<string>,
): LabelledData {
  return {
    source: "no labelled rows",
    rowCount: 0,
    features,
    label,
    columns: features.map(() => new Float64Array(0)),
    texts: features.map((name) => (textFeatures.has(name) ? [] : null)),
    labels: new Float64Array(0),
    weights: weight === null ? null : new Float64Array(0),
    weight,
    rowNumbers: new Uint32Array(0),
    skippedUnlabelled: 0,
  };
}

/** As the run itself split them (labelled-slices.ts), but for rows without an output, which are dropped there before. */
function split(all: LabelledData, kind: "classification" | "regression", seed: number): DrawnSlices {
  const { selection, gate } = splitRows(all.labels, { task: kind, seed });
  return {
    selection: { data: selectRows(all, selection), draws: null },
    gate: { data: selectRows(all, gate), draws: null },
  };
}

function withPoints({ data, draws }: DrawnRows, points: readonly LabelledPoint[]): OutColumn[] {
  const { features, columns, texts, label, labels, weight, weights } = data;
  const out = features.map((name, index): OutColumn => {
    const added = points.map(({ point }) => point.values[index]!);
    const names = texts[index]!;
    if (names === null) return { name, values: joined(columns[index]!, added.map(numberOf)) };
    const known = [...names];
    return {
      name,
      values: joined(
        columns[index]!,
        added.map((value) => codeOf(value, known)),
      ),
      texts: known,
    };
  });
  out.push({
    name: label,
    values: joined(
      labels,
      points.map((point) => point.label),
    ),
  });
  // A slice without a draw needs none of its columns.
  const added = points.map(({ point }) => point.draw ?? null);
  if (draws !== null || added.some((draw) => draw !== null))
    out.push(...drawColumns([...(draws ?? new Array<null>(data.rowCount).fill(null)), ...added]));
  // What the others weigh on average: a new label is one row among them.
  if (weights !== null) {
    const mean = weights.length === 0 ? 1 : weights.reduce((sum, one) => sum + one, 0) / weights.length;
    out.push({
      name: weight!,
      values: joined(
        weights,
        points.map(() => mean),
      ),
    });
  }
  return out;
}

function joined(values: Float64Array, added: readonly number[]): Float64Array {
  const all = new Float64Array(values.length + added.length);
  all.set(values);
  all.set(added, values.length);
  return all;
}

function numberOf(value: FeatureValue): number {
  return typeof value === "number" ? value : Number.NaN;
}

/** @param known  gets a name that it does not have */
function codeOf(value: FeatureValue, known: string[]): number {
  if (value === null) return Number.NaN;
  const name = String(value);
  const at = known.indexOf(name);
  return at >= 0 ? at : known.push(name) - 1;
}
