/**
 * Which models fit: by name, tags and metrics. A search begins at the index of a tag, of a name or of a form where one is asked for
 * (of several the one with the fewest models) and looks at those models only; by metrics alone it looks at all, one after the other.
 * Models come in created order, whatever it began with.
 */
import type { Database } from "./database.js";
import type { Graph } from "./graph.js";
import { tagHash } from "./indexes.js";
import { parseKey, prefixOf, rangeOf } from "./keys.js";
import { allModels, labelsOf, versionsOf } from "./models.js";
import type { ModelRecord } from "./records.js";
import { checkLabelPart, checkOneOf, checkTags, invalid, shown } from "./rules.js";
import { checkSignal } from "./walk.js";

export const comparisons = ["=", "<", "<=", ">", ">="] as const;

export interface MetricCondition {
  readonly metric: string;
  readonly comparison: (typeof comparisons)[number];
  readonly value: number;
}

/** All of it must fit. */
export interface ModelFilter {
  /** Of any of its labels. */
  readonly name?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** A model without the metric does not fit. */
  readonly metrics?: readonly MetricCondition[];
}

export interface SearchOptions {
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}

export function checkFilter({ name, tags, metrics = [] }: ModelFilter): void {
  if (name !== undefined) checkLabelPart("name", name);
  checkTags(tags ?? {});
  for (const { metric, comparison, value } of metrics) {
    if (typeof metric !== "string") throw invalid("the metric's name", "must be text");
    checkOneOf(`comparison of ${shown(metric)}`, comparison, comparisons);
    if (!Number.isFinite(value))
      throw invalid(`${shown(metric)} ${comparison} ${value}`, "needs a finite number");
  }
}

export function isEmptyFilter({ name, tags, metrics }: ModelFilter): boolean {
  return name === undefined && Object.keys(tags ?? {}).length === 0 && (metrics ?? []).length === 0;
}

export function fits(database: Database, model: ModelRecord, { name, tags, metrics }: ModelFilter): boolean {
  for (const [tag, text] of Object.entries(tags ?? {})) if (own(model.tags, tag) !== text) return false;
  for (const condition of metrics ?? [])
    if (!holds(own(model.metrics, condition.metric), condition)) return false;
  return (
    name === undefined ||
    model.name === name ||
    labelsOf(database, model.number).some((label) => label.name === name)
  );
}

function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function holds(found: number | undefined, { comparison, value }: MetricCondition): boolean {
  if (found === undefined) return false;
  if (comparison === "=") return found === value;
  if (comparison === "<") return found < value;
  if (comparison === "<=") return found <= value;
  return comparison === ">" ? found > value : found >= value;
}

/** @throws MendlineError MENDLINE_TASK_ABORTED  by the signal */
export async function* search(
  database: Database,
  graph: Graph,
  filter: ModelFilter,
  { limit = Infinity, signal }: SearchOptions,
): AsyncGenerator<ModelRecord> {
  let left = limit;
  for await (const model of candidates(database, graph, filter, signal)) {
    if (left <= 0) return;
    if (!fits(database, model, filter)) continue;
    yield model;
    left--;
  }
}

async function* candidates(
  database: Database,
  graph: Graph,
  { name, tags }: ModelFilter,
  signal: AbortSignal | undefined,
): AsyncGenerator<ModelRecord> {
  const indexes: Index[] = Object.entries(tags ?? {}).map(([tag, text]) => ({
    kind: "tag",
    prefix: prefixOf("tag", tagHash(tag, text)),
  }));
  if (name !== undefined) indexes.push({ kind: "versions", prefix: prefixOf("versions", name) });
  const index = await smallest(database, indexes);
  if (index === null) yield* allModels(database, signal);
  else if (index.kind === "tag") yield* indexedModels(database, graph, index, signal);
  else for (const number of await numbersOfName(database, graph, name!, signal)) yield graph.modelAt(number);
}

interface Index {
  readonly kind: "tag" | "form" | "versions";
  readonly prefix: Buffer;
}

/** Entries that are counted of each index before the first of those with more is taken. */
const countedMax = 1_000;

async function smallest(database: Database, indexes: readonly Index[]): Promise<Index | null> {
  if (indexes.length < 2) return indexes[0] ?? null;
  let [best, fewest]: [Index | null, number] = [null, Infinity];
  for (const index of indexes) {
    let count = 0;
    for await (const _ of database.keys({ ...rangeOf(index.prefix), limit: countedMax })) count++;
    if (count < fewest) [best, fewest] = [index, count];
  }
  return best;
}

async function* indexedModels(
  database: Database,
  graph: Graph,
  { prefix }: Index,
  signal: AbortSignal | undefined,
  reverse = false,
): AsyncGenerator<ModelRecord> {
  for await (const key of database.keys({ ...rangeOf(prefix), reverse })) {
    checkSignal(signal, "the search");
    yield graph.modelAt(parseKey(key)!.parts.at(-1) as number);
  }
}

/**
 * Versions stand in the order in which they were added, and a model can get a name long after it was made. So their numbers are
 * gathered and sorted: the one search whose memory grows, by a number a version of this name.
 */
async function numbersOfName(
  database: Database,
  graph: Graph,
  name: string,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const numbers = new Set<number>();
  for await (const { id } of versionsOf(database, name)) {
    checkSignal(signal, "the search");
    numbers.add(graph.model(id).number);
  }
  return [...numbers].sort((left, right) => left - right);
}

/** Models whose tensors have these names and shapes, the newest first. */
export function modelsOfForm(
  database: Database,
  graph: Graph,
  form: string,
  { signal }: SearchOptions,
): AsyncGenerator<ModelRecord> {
  return indexedModels(database, graph, { kind: "form", prefix: prefixOf("form", form) }, signal, true);
}
