/**
 * From data to a reference profile, exact and the same bytes however the rows were cut up. Numeric columns are sorted as keys in the
 * arena, a group of features at a time; where one column's keys do not fit, its quantiles are selected in several reads instead
 * (streamed-profile.ts), with the same result.
 */
import { MendlineError } from "../../errors.js";
import { binsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { Turns } from "../../scheduler/turns.js";
import type { DataSource, Field } from "../columns/column.js";
import { sortCounterBytes } from "../kernels/kernels.js";
import type { Scope } from "../memory/arena.js";
import { rowsDiffer } from "./block-reads.js";
import { collectBatch } from "./collecting.js";
import { type CategoricalSample, categoricalProfile, numericProfile } from "./feature-profile.js";
import { KeyCollector } from "./key-collector.js";
import { momentsOf } from "./key-moments.js";
import type { FeatureProfile, Moments, Profile } from "./profile.js";
import type { SortedSample } from "./sorted-sample.js";
import { streamedProfiles } from "./streamed-profile.js";
import { TextCollector } from "./text-collector.js";

export interface ProfileOptions {
  /** Absent: every column that can be monitored. */
  readonly features?: readonly string[];
  /** Quantile bins of PSI and KL, 2 to 100. */
  readonly bins?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (rowsRead: number, rowsTotal: number) => void;
}

export const binsDefault = 10;

/**
 * @throws MendlineError MENDLINE_DATA_EMPTY  no rows; MENDLINE_DATA_SCHEMA  an unknown feature; MENDLINE_ARGUMENT_INVALID  bins;
 * MENDLINE_MEMORY_EXHAUSTED  the engine's memory is taken by others
 */
export async function profileData(
  runtime: Runtime,
  source: DataSource,
  options: ProfileOptions = {},
): Promise<Profile> {
  const { bins, fields } = checkedOptions(source, options);
  const features = new Map<string, FeatureProfile>();
  for await (const group of profileGroups(runtime, source, fields, bins, options)) {
    for (const [name, feature] of group) features.set(name, feature);
  }
  return { rows: source.rowCount, features };
}

/** Profiles of the fields in their order, in groups that share their reads of the data. */
export async function* profileGroups(
  runtime: Runtime,
  source: DataSource,
  fields: readonly Field[],
  bins: number,
  options: ProfileOptions = {},
): AsyncGenerator<Map<string, FeatureProfile>> {
  if (!sortingFits(runtime, source.rowCount)) {
    yield* streamedProfiles(runtime, source, fields, bins, options);
    return;
  }
  for (const group of groupsThatFit(runtime, fields, source.rowCount)) {
    const sorted = await sortedProfiles(runtime, source, group, bins, options);
    if (sorted === null) yield* streamedProfiles(runtime, source, group, bins, options);
    else yield sorted;
  }
}

/** Null where the keys did not fit after all. */
async function sortedProfiles(
  runtime: Runtime,
  source: DataSource,
  group: readonly Field[],
  bins: number,
  options: ProfileOptions,
): Promise<Map<string, FeatureProfile> | null> {
  const scope = runtime.arena.scope();
  try {
    const samples = await sampleGroup(runtime, source, group, scope, options);
    return await profilesOf(samples, bins);
  } catch (thrown) {
    if (isExhausted(thrown)) return null;
    throw thrown;
  } finally {
    scope.close();
  }
}

export function isExhausted(thrown: unknown): boolean {
  return thrown instanceof MendlineError && thrown.code === "MENDLINE_MEMORY_EXHAUSTED";
}

export function checkedOptions(
  source: DataSource,
  options: ProfileOptions,
): { bins: number; fields: readonly Field[] } {
  const bins = options.bins ?? binsDefault;
  if (!(Number.isInteger(bins) && bins >= 2 && bins <= binsMax)) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `bins is ${bins}: choose a whole number from 2 to ${binsMax}`,
    );
  }
  if (source.rowCount === 0)
    throw new MendlineError("MENDLINE_DATA_EMPTY", `${source.label} has no rows: a reference needs some`);
  const fields = chooseFields(source, options.features);
  return { bins, fields };
}

/** The fields asked for, in that order. */
export function chooseFields(source: DataSource, features: readonly string[] | undefined): Field[] {
  const byName = new Map(source.fields.map((field) => [field.name, field]));
  const find = (name: string) => {
    const field = byName.get(name);
    if (field !== undefined) return field;
    const known = source.fields.slice(0, 12).map((other) => other.name);
    throw new MendlineError(
      "MENDLINE_DATA_SCHEMA",
      `${source.label} has no column "${name}" that can be monitored; it has ${known.join(", ")}`,
      {
        details: { column: name },
      },
    );
  };
  const chosen = features === undefined ? source.fields : Array.from(new Set(features), find);
  if (chosen.length === 0)
    throw new MendlineError("MENDLINE_DATA_SCHEMA", `${source.label} has no column that can be monitored`);
  return [...chosen];
}

/** Beside the keys of one column and the sort's scratch: room for batches while the keys are read. */
const batchRoomBytes = 256 * 1024;

/** Bytes of the arena that sorting one column takes: its keys (of both tables, where two are compared), and the larger one's scratch. */
function sortingBytes(rows: number, otherRows = 0): number {
  return (rows + otherRows + Math.max(rows, otherRows)) * 8 + sortCounterBytes + batchRoomBytes;
}

export function sortingFits(runtime: Runtime, rows: number, otherRows = 0): boolean {
  return sortingBytes(rows, otherRows) <= runtime.arena.availableBytes;
}

/** Splits features so that the keys of a group, and the sort's scratch, take at most half of the free memory. */
export function groupsThatFit(runtime: Runtime, fields: readonly Field[], rows: number): Field[][] {
  const sortsAtOnce = Math.max(1, runtime.scheduler.threads);
  const room = runtime.arena.availableBytes / 2 - sortsAtOnce * (rows * 8 + sortCounterBytes);
  const perGroup = Math.max(1, Math.floor(room / (rows * 8 + 64)));
  const groups: Field[][] = [];
  for (let from = 0; from < fields.length; from += perGroup)
    groups.push(fields.slice(from, from + perGroup) as Field[]);
  return groups;
}

/** What one feature of a group was read into. */
export type Sample =
  | {
      readonly kind: "numeric";
      readonly field: Field;
      readonly rows: number;
      readonly sorted: SortedSample;
      readonly moments: Moments;
    }
  | CategoricalSample;

/** Reads the group's columns once. The samples' keys belong to `scope`. */
export async function sampleGroup(
  runtime: Runtime,
  source: DataSource,
  group: readonly Field[],
  scope: Scope,
  { signal, onProgress }: ProfileOptions = {},
): Promise<Map<string, Sample>> {
  const collectors = group.map((field) =>
    field.type === null ? new TextCollector(field, scope) : new KeyCollector(field, source.rowCount, scope),
  );
  let rowsRead = 0;
  for await (const batch of source.read({ columns: group.map((field) => field.name), signal })) {
    rowsRead += batch.rowCount;
    // Before the keys are written: there is room for as many as were counted.
    if (rowsRead > source.rowCount) throw rowsDiffer(source, `${rowsRead} or more`);
    await collectBatch(runtime, collectors, batch, signal);
    onProgress?.(rowsRead, source.rowCount);
  }
  if (rowsRead < source.rowCount) throw rowsDiffer(source, String(rowsRead));
  const texts = collectors.filter((collector) => collector instanceof TextCollector);
  const samples = new Map<string, Sample>(texts.map((text) => [text.field.name, text.sample(rowsRead)]));
  const keys = collectors.filter((collector) => collector instanceof KeyCollector);
  await sortAll(runtime, keys, signal);
  const sorted = keys.map((collector) => collector.sample(runtime));
  const moments = await momentsOf(runtime, sorted, signal);
  for (const [index, { field }] of keys.entries()) {
    const [keyed, known] = [sorted[index]!, moments[index]!];
    samples.set(field.name, { kind: "numeric", field, rows: rowsRead, sorted: keyed, moments: known });
  }
  return new Map(group.map(({ name }) => [name, samples.get(name)!]));
}

/** As many at once as there are workers: each needs scratch of its own. */
async function sortAll(
  runtime: Runtime,
  collectors: readonly KeyCollector[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const atOnce = Math.max(1, runtime.scheduler.threads);
  for (let from = 0; from < collectors.length; from += atOnce) {
    const scope = runtime.arena.scope();
    try {
      const tasks = collectors.slice(from, from + atOnce).map((collector) => collector.sortTask(scope));
      await runtime.scheduler.run(tasks, { signal });
    } finally {
      scope.close();
    }
  }
}

/** Profiles of samples; edges of several hundred quantiles each take the calling thread some time. */
export async function profilesOf(
  samples: ReadonlyMap<string, Sample>,
  bins: number,
): Promise<Map<string, FeatureProfile>> {
  const profiles = new Map<string, FeatureProfile>();
  const turns = new Turns();
  for (const [name, sample] of samples) {
    profiles.set(name, await turns.through(featureProfile(sample, bins)));
    if (turns.isOver) await turns.next();
  }
  return profiles;
}

function* featureProfile(sample: Sample, bins: number): Generator<void, FeatureProfile> {
  if (sample.kind === "categorical") return yield* categoricalProfile(sample);
  return numericProfile(sample.field, sample.rows, sample.sorted, sample.moments, bins);
}
