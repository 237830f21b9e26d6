/**
 * From data to a reference profile, exact and the same bytes however the rows were cut up. Numeric columns are sorted as keys in the
 * arena, a group of features at a time; where one column's keys do not fit, its quantiles are selected in several reads instead
 * (streamed-profile.ts), with the same result.
 */
import { MendlineError } from "../../errors.js";
import { binsMax, selectionBlockRows } from "../../limits.js";
import { rowRanges } from "../../scheduler/partition.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { Batch, DataSource, Field } from "../columns/column.js";
import { sortCounterBytes } from "../kernels/kernels.js";
import { keyKindOf } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import { sliceOf } from "./counter.js";
import { ExactMoments } from "./exact-moments.js";
import { type CategoricalSample, categoricalProfile, numericProfile } from "./feature-profile.js";
import type { FeatureProfile, Moments, Profile } from "./profile.js";
import { SortedSample } from "./sorted-sample.js";
import { rowsDiffer, streamedProfiles } from "./streamed-profile.js";
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
    return new Map(Array.from(samples, ([name, sample]) => [name, featureProfile(runtime, sample, bins)]));
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
export function sortingBytes(rows: number, otherRows = 0): number {
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
  | { readonly kind: "numeric"; readonly field: Field; readonly rows: number; readonly sorted: SortedSample }
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
    field.type === null ? new TextCollector(field) : new KeyCollector(field, source.rowCount, scope),
  );
  let rowsRead = 0;
  for await (const batch of source.read({ columns: group.map((field) => field.name), signal })) {
    rowsRead += batch.rowCount;
    // Before the keys are written: there is room for as many as were counted.
    if (rowsRead > source.rowCount) throw rowsDiffer(source, `${rowsRead} or more`);
    for (const collector of collectors) collector.add(runtime, batch);
    onProgress?.(rowsRead, source.rowCount);
  }
  if (rowsRead < source.rowCount) throw rowsDiffer(source, String(rowsRead));
  await sortAll(
    runtime,
    collectors.filter((collector) => collector instanceof KeyCollector),
  );
  return new Map(
    collectors.map((collector) => [
      collector.field.name,
      collector instanceof TextCollector ? collector.sample(rowsRead) : collector.sample(runtime, rowsRead),
    ]),
  );
}

class KeyCollector {
  readonly field: Field;
  readonly ptr: number;
  count = 0;

  constructor(field: Field, rows: number, scope: Scope) {
    this.field = field;
    this.ptr = scope.allocate(Math.max(1, rows) * 8);
  }

  add(runtime: Runtime, batch: Batch): void {
    const column = batch.columns.get(this.field.name)!;
    if (column.kind !== "numeric") throw new TypeError(`column ${column.name} is not numeric`);
    for (const { from, rowCount } of rowRanges(batch.rowCount)) {
      this.count += runtime.kernels.keysFrom(
        column.type,
        sliceOf(column, from, rowCount),
        this.ptr + this.count * 8,
      );
    }
  }

  sample(runtime: Runtime, rows: number): Sample {
    const sorted = new SortedSample(runtime.arena.memory, this.ptr, this.count, this.field.type!);
    return { kind: "numeric", field: this.field, rows, sorted };
  }
}

async function sortAll(runtime: Runtime, collectors: readonly KeyCollector[]): Promise<void> {
  const atOnce = Math.max(1, runtime.scheduler.threads);
  for (let from = 0; from < collectors.length; from += atOnce) {
    const scope = runtime.arena.scope();
    try {
      const tasks = collectors.slice(from, from + atOnce).map(({ ptr, count }) => ({
        kernel: "sortKeys" as const,
        args: [ptr, count, scope.allocate(Math.max(1, count) * 8), scope.allocate(sortCounterBytes)] as [
          number,
          number,
          number,
          number,
        ],
        workBytes: count * 8 * 6,
      }));
      await runtime.scheduler.run(tasks);
    } finally {
      scope.close();
    }
  }
}

export function featureProfile(runtime: Runtime, sample: Sample, bins: number): FeatureProfile {
  if (sample.kind === "categorical") return categoricalProfile(sample);
  const { field, rows, sorted } = sample;
  return numericProfile(field, rows, sorted, momentsOf(runtime, sorted), bins);
}

/** Over the finite values, a block at a time. */
export function momentsOf(runtime: Runtime, sorted: SortedSample): Moments {
  const { arena, kernels } = runtime;
  const count = sorted.finiteCount;
  const scope = arena.scope();
  try {
    const moments = new ExactMoments(kernels, scope);
    const valuesPtr = scope.allocate(selectionBlockRows * 8);
    const eachBlock = (use: (valuesPtr: number, rowCount: number) => void) => {
      for (const { from, rowCount } of rowRanges(count, selectionBlockRows)) {
        const keysPtr = sorted.ptr + (sorted.finiteFrom + from) * 8;
        kernels.valuesFromKeys(keyKindOf(sorted.type), keysPtr, rowCount, valuesPtr);
        use(valuesPtr, rowCount);
      }
    };
    eachBlock((ptr, rowCount) => moments.addValues(ptr, rowCount));
    moments.closeMean(count);
    eachBlock((ptr, rowCount) => moments.addDeviations(ptr, rowCount));
    if (count === 0) return moments.result(0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    return moments.result(count, Number(sorted.finiteAt(0)), Number(sorted.finiteAt(count - 1)));
  } finally {
    scope.close();
  }
}
