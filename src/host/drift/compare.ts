/**
 * Drift of one table against another, or against a profile: what `mendline drift` does.
 *
 * With both tables at hand the KS distance is exact: each group of features is sorted on both sides while it is counted. Against a
 * profile, or where a column's values of both do not fit the memory, it is bounded from the counts; nothing else changes.
 */
import { MendlineError } from "../../errors.js";
import { rowRanges } from "../../scheduler/partition.js";
import type { Runtime } from "../../scheduler/runtime.js";
import { Turns } from "../../scheduler/turns.js";
import { asFloat32 } from "../columns/as-float32.js";
import type { Batch, DataSource, Field } from "../columns/column.js";
import type { Scope } from "../memory/arena.js";
import { type AlignOptions, alignKinds, doublesBesideFloats, schemaChanges } from "./alignment.js";
import { counterFor, type FeatureCounter } from "./counter.js";
import type { FeatureProfile, Profile } from "./profile.js";
import {
  checkedOptions,
  groupsThatFit,
  isExhausted,
  type ProfileOptions,
  profileGroups,
  profilesOf,
  type Sample,
  sampleGroup,
  sortingBytes,
  sortingFits,
} from "./profiler.js";
import {
  type CurrentCounts,
  checkedDriftOptions,
  type DriftOptions,
  type DriftReport,
  driftReportInTurns,
  type FeatureComparison,
} from "./report.js";
import { sampleDistances } from "./sample-distances.js";
import { exactShift } from "./shift.js";
import { exactKs } from "./statistics.js";

export type KsMode = "auto" | "exact" | "binned";

export interface CompareOptions extends DriftOptions, ProfileOptions, AlignOptions {
  readonly ks?: KsMode;
}

/** @throws MendlineError MENDLINE_DATA_*, MENDLINE_ARGUMENT_INVALID, MENDLINE_MEMORY_EXHAUSTED */
export async function compareData(
  runtime: Runtime,
  reference: DataSource,
  current: DataSource,
  options: CompareOptions = {},
): Promise<DriftReport> {
  checkedDriftOptions(options);
  const { bins, fields } = checkedOptions(reference, options);
  checkedDriftOptions(
    options,
    fields.map(({ name }) => name),
  );
  const aligned = alignKinds(runtime, current, fields, options);
  const comparisons: FeatureComparison[] = [];
  if (wantsValues(runtime, reference, current, fields, options)) {
    for (const group of groupsThatFit(runtime, fields, reference.rowCount + current.rowCount)) {
      comparisons.push(...(await compareByValues(runtime, reference, aligned, group, bins, options)));
    }
  } else {
    for await (const profiles of profileGroups(runtime, reference, fields, bins, options)) {
      comparisons.push(...(await compareByCounts(runtime, profiles, aligned, options)));
    }
  }
  const rows = { reference: reference.rowCount, current: current.rowCount };
  const known = reference.fields.map(({ name }) => name);
  return {
    ...(await driftReportInTurns(runtime, comparisons, rows, options)),
    schema: schemaChanges(current, known, fields),
  };
}

/** Whether both tables' values of a column are to be sorted, which exact KS takes. */
function wantsValues(
  runtime: Runtime,
  reference: DataSource,
  current: DataSource,
  fields: readonly Field[],
  { ks }: CompareOptions,
): boolean {
  if (ks === "binned") return false;
  if (sortingFits(runtime, reference.rowCount, current.rowCount)) return true;
  if (ks === "exact" && fields.some(({ type }) => type !== null)) throw valuesDoNotFit(reference, current);
  return false;
}

function valuesDoNotFit(reference: DataSource, current: DataSource, cause?: unknown): MendlineError {
  const needed = Math.ceil(sortingBytes(reference.rowCount, current.rowCount) / 2 ** 20) + 1;
  return new MendlineError(
    "MENDLINE_MEMORY_EXHAUSTED",
    `exact KS sorts a column's ${reference.rowCount} and ${current.rowCount} values, which takes ${needed} MiB of the engine's memory: raise memoryBytes (--memory), or leave out --ks exact to have KS bounded from counts`,
    { cause },
  );
}

/** A group of features with both sides' values; where they do not fit after all and need not be had, by counts. */
async function compareByValues(
  runtime: Runtime,
  reference: DataSource,
  current: DataSource,
  group: readonly Field[],
  bins: number,
  options: CompareOptions,
): Promise<FeatureComparison[]> {
  const scope = runtime.arena.scope();
  try {
    const samples = await sampleGroup(runtime, reference, group, scope, options);
    const profiles = await profilesOf(samples, bins);
    const comparisons = await compareByCounts(runtime, profiles, current, options);
    const currentSamples = await numericSamples(runtime, current, group, scope, options);
    const doubles = doublesBesideFloats(reference, current, group);
    const narrowed = await numericSamples(
      runtime,
      asFloat32(reference, (name) => doubles.has(name), runtime.arena),
      group.filter(({ name }) => doubles.has(name)),
      scope,
      options,
    );
    const references = new Map([...samples, ...narrowed]);
    return await withExactDistances(runtime, comparisons, references, currentSamples, options.signal);
  } catch (thrown) {
    if (!isExhausted(thrown)) throw thrown;
    if (options.ks === "exact") throw valuesDoNotFit(reference, current, thrown);
  } finally {
    scope.close();
  }
  const comparisons: FeatureComparison[] = [];
  for await (const profiles of profileGroups(runtime, reference, group, bins, options)) {
    comparisons.push(...(await compareByCounts(runtime, profiles, current, options)));
  }
  return comparisons;
}

async function compareByCounts(
  runtime: Runtime,
  profiles: ReadonlyMap<string, FeatureProfile>,
  current: DataSource,
  options: CompareOptions,
): Promise<FeatureComparison[]> {
  const counted = await countSource(
    runtime,
    current,
    new Map(Array.from(profiles, ([name, profile]) => [name, [profile]])),
    options,
  );
  return Array.from(profiles, ([name, profile]) => ({ name, profile, current: counted(name, profile) }));
}

/** The values of a group's numeric features as the source has them. */
async function numericSamples(
  runtime: Runtime,
  source: DataSource,
  group: readonly Field[],
  scope: Scope,
  options: CompareOptions,
): Promise<Map<string, Sample>> {
  const numeric = group.filter((field) => field.type !== null);
  if (numeric.length === 0 || source.rowCount === 0) return new Map();
  const fields = numeric.map((field) => source.fields.find(({ name }) => name === field.name)!);
  return sampleGroup(runtime, source, fields, scope, options);
}

/** Drift of a table against a frozen profile; KS is bounded from counts. One pass over the data. */
export async function compareToProfile(
  runtime: Runtime,
  profile: Profile,
  current: DataSource,
  options: CompareOptions = {},
): Promise<DriftReport> {
  if (options.ks === "exact") {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      "--ks exact needs the reference's rows: give the data itself instead of a profile, or --ks binned",
    );
  }
  const features = chooseProfiles(profile, options.features);
  const [report] = await compareToProfiles(runtime, [{ rows: profile.rows, features }], current, options);
  const fields = Array.from(features, ([name, feature]) => fieldOf(name, feature));
  return { ...report!, schema: schemaChanges(current, profile.features.keys(), fields) };
}

/** The same against several profiles, in one pass: the first one's features count, and those of them that the others have. */
export async function compareToProfiles(
  runtime: Runtime,
  profiles: readonly Profile[],
  current: DataSource,
  options: DriftOptions & AlignOptions & Pick<ProfileOptions, "signal" | "onProgress"> = {},
): Promise<DriftReport[]> {
  const names = [...profiles[0]!.features.keys()];
  checkedDriftOptions(options, names);
  const fields = Array.from(profiles[0]!.features, ([name, feature]) => fieldOf(name, feature));
  const aligned = alignKinds(runtime, current, fields, options);
  const counted = await countSource(
    runtime,
    aligned,
    new Map(names.map((name) => [name, profiles.flatMap(({ features }) => features.get(name) ?? [])])),
    options,
  );
  const reports: DriftReport[] = [];
  for (const profile of profiles) {
    const comparisons = names.flatMap((name) => {
      const feature = profile.features.get(name);
      return feature === undefined ? [] : [{ name, profile: feature, current: counted(name, feature) }];
    });
    const rows = { reference: profile.rows, current: current.rowCount };
    reports.push(await driftReportInTurns(runtime, comparisons, rows, options));
  }
  return reports;
}

export function fieldOf(name: string, feature: FeatureProfile): Field {
  return { name, logical: feature.logical, type: feature.kind === "numeric" ? feature.type : null };
}

function chooseProfiles(
  profile: Profile,
  features: readonly string[] | undefined,
): Map<string, FeatureProfile> {
  if (features === undefined) return new Map(profile.features);
  return new Map(
    features.map((name) => {
      const feature = profile.features.get(name);
      if (feature !== undefined) return [name, feature];
      throw new MendlineError(
        "MENDLINE_DATA_SCHEMA",
        `the profile has no feature "${name}"; it has ${[...profile.features.keys()].slice(0, 12).join(", ")}`,
      );
    }),
  );
}

/** Counts a source over the merged grids of each feature's profiles; the result gives any of those profiles its own bins. */
async function countSource(
  runtime: Runtime,
  source: DataSource,
  profiles: ReadonlyMap<string, readonly FeatureProfile[]>,
  { signal, onProgress }: Pick<ProfileOptions, "signal" | "onProgress">,
): Promise<(name: string, profile: FeatureProfile) => CurrentCounts> {
  const counters = Array.from(profiles, ([name, features]) => counterFor(runtime, name, features));
  try {
    const counts = counters.map((counter) => new Float64Array(counter.slotCount));
    let rowsRead = 0;
    if (source.rowCount > 0) {
      for await (const batch of source.read({ columns: [...profiles.keys()], signal })) {
        await countBatch(runtime, counters, batch, 0, batch.rowCount, counts, signal);
        rowsRead += batch.rowCount;
        onProgress?.(rowsRead, source.rowCount);
      }
    }
    const indexes = new Map(counters.map(({ name }, index) => [name, index]));
    return (name, profile) => {
      const index = indexes.get(name)!;
      return counters[index]!.binsFor(profile, counts[index]!);
    };
  } finally {
    for (const counter of counters) counter.close();
  }
}

/** Adds rows [from, from + rowCount) of a batch to each feature's counts; where it throws, it added nothing. */
export async function countBatch(
  runtime: Runtime,
  counters: readonly FeatureCounter[],
  batch: Batch,
  from: number,
  rowCount: number,
  counts: readonly Float64Array[],
  signal?: AbortSignal,
): Promise<void> {
  const scope = runtime.arena.scope();
  try {
    const steps = counters.flatMap((counter, index) => {
      const column = batch.columns.get(counter.name);
      if (column === undefined)
        throw new MendlineError("MENDLINE_DATA_SCHEMA", `the rows have no column "${counter.name}"`);
      return rowRanges(rowCount).map((range) => ({
        counts: counts[index]!,
        ...counter.step(column, from + range.from, range.rowCount, scope),
      }));
    });
    await runtime.scheduler.run(
      steps.map((step) => step.task),
      { signal },
    );
    for (const step of steps) step.check();
    for (const step of steps) step.collect(step.counts);
  } finally {
    scope.close();
  }
}

/** The comparisons, with distances by value where both sides' values are at hand. */
async function withExactDistances(
  runtime: Runtime,
  comparisons: readonly FeatureComparison[],
  references: ReadonlyMap<string, Sample>,
  currents: ReadonlyMap<string, Sample>,
  signal: AbortSignal | undefined,
): Promise<FeatureComparison[]> {
  const pairs = comparisons.flatMap(({ name, profile }) => {
    const [reference, current] = [references.get(name), currents.get(name)];
    const isNumeric = profile.kind === "numeric" && reference?.kind === "numeric";
    return isNumeric && current?.kind === "numeric" ? [{ name, reference, current }] : [];
  });
  const sorted = pairs.map(({ reference, current }) => ({
    reference: reference.sorted,
    current: current.sorted,
  }));
  const distances = await sampleDistances(runtime, sorted, signal);
  const exact = new Map<string, Pick<CurrentCounts, "exactKs" | "exactShift">>();
  const turns = new Turns();
  for (const [index, { name, reference, current }] of pairs.entries()) {
    const { ksNumerator, wasserstein } = distances[index]!;
    exact.set(name, {
      exactKs: exactKs(reference.sorted.count, current.sorted.count, ksNumerator),
      exactShift: exactShift(reference.moments, current.moments, wasserstein),
    });
    // A p value can take some milliseconds.
    if (turns.isOver) await turns.next();
  }
  return comparisons.map((comparison) => ({
    ...comparison,
    current: { ...comparison.current, ...exact.get(comparison.name) },
  }));
}
