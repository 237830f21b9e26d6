/**
 * Comparisons with exact distances, which take both sides' values: sorted in the arena, a group of features at a time, or read in pieces
 * where they do not fit (streamed-distances.ts), with the same answer.
 */
import type { Runtime } from "../../scheduler/runtime.js";
import { Turns } from "../../scheduler/turns.js";
import { asFloat32 } from "../columns/as-float32.js";
import type { DataSource, Field } from "../columns/column.js";
import type { Scope } from "../memory/arena.js";
import { doublesBesideFloats } from "./alignment.js";
import { compareByCounts, compareInGroups } from "./compare-counts.js";
import {
  groupsThatFit,
  isExhausted,
  type ProfileOptions,
  profilesOf,
  type Sample,
  sampleGroup,
  sortingFits,
} from "./profiler.js";
import type { FeatureComparison } from "./report.js";
import { sampleDistances } from "./sample-distances.js";
import { exactShift } from "./shift.js";
import { exactKs } from "./statistics.js";
import { type ExactDistances, streamedDistances } from "./streamed-distances.js";

type ReadOptions = Pick<ProfileOptions, "signal" | "onProgress">;

export async function compareByValues(
  runtime: Runtime,
  reference: DataSource,
  current: DataSource,
  fields: readonly Field[],
  bins: number,
  options: ReadOptions,
): Promise<FeatureComparison[]> {
  if (!sortingFits(runtime, reference.rowCount, current.rowCount))
    return compareInPieces(runtime, reference, current, fields, bins, options);
  const comparisons: FeatureComparison[] = [];
  for (const group of groupsThatFit(runtime, fields, reference.rowCount + current.rowCount)) {
    const sorted = await compareSorted(runtime, reference, current, group, bins, options);
    const found = sorted ?? (await compareInPieces(runtime, reference, current, group, bins, options));
    comparisons.push(...found);
  }
  return comparisons;
}

/** A group of features with both sides' values in the arena; null where they do not fit after all. */
async function compareSorted(
  runtime: Runtime,
  reference: DataSource,
  current: DataSource,
  group: readonly Field[],
  bins: number,
  options: ReadOptions,
): Promise<FeatureComparison[] | null> {
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
    return await withSortedDistances(runtime, comparisons, references, currentSamples, options.signal);
  } catch (thrown) {
    if (isExhausted(thrown)) return null;
    throw thrown;
  } finally {
    scope.close();
  }
}

/** By counts, and exact distances of what cannot be sorted at once. */
async function compareInPieces(
  runtime: Runtime,
  reference: DataSource,
  current: DataSource,
  fields: readonly Field[],
  bins: number,
  options: ReadOptions,
): Promise<FeatureComparison[]> {
  const comparisons = await compareInGroups(runtime, reference, current, fields, bins, options);
  const doubles = doublesBesideFloats(reference, current, fields);
  const narrowed = asFloat32(reference, (name) => doubles.has(name), runtime.arena);
  const numeric = fields.filter(({ type }) => type !== null).map(({ name }) => name);
  if (current.rowCount === 0) return comparisons;
  const column = (source: DataSource, name: string) => ({
    source,
    field: source.fields.find((field) => field.name === name)!,
  });
  const pairs = numeric.map((name) => ({
    reference: column(narrowed, name),
    current: column(current, name),
  }));
  const distances = await streamedDistances(runtime, pairs, options);
  return withDistances(comparisons, new Map(numeric.map((name, index) => [name, distances[index]!])));
}

/** The values of a group's numeric features as the source has them. */
async function numericSamples(
  runtime: Runtime,
  source: DataSource,
  group: readonly Field[],
  scope: Scope,
  options: ReadOptions,
): Promise<Map<string, Sample>> {
  const numeric = group.filter((field) => field.type !== null);
  if (numeric.length === 0 || source.rowCount === 0) return new Map();
  const fields = numeric.map((field) => source.fields.find(({ name }) => name === field.name)!);
  return sampleGroup(runtime, source, fields, scope, options);
}

/** Distances of the features whose values of both sides are in the arena. */
async function withSortedDistances(
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
  const known = pairs.map(({ name, reference, current }, index): [string, ExactDistances] => [
    name,
    {
      ...distances[index]!,
      counts: { reference: reference.sorted.count, current: current.sorted.count },
      moments: { reference: reference.moments, current: current.moments },
    },
  ]);
  return withDistances(comparisons, new Map(known));
}

/** The comparisons, with distances by value where they are known. */
async function withDistances(
  comparisons: readonly FeatureComparison[],
  distances: ReadonlyMap<string, ExactDistances>,
): Promise<FeatureComparison[]> {
  const turns = new Turns();
  const found: FeatureComparison[] = [];
  for (const comparison of comparisons) {
    const known = distances.get(comparison.name);
    if (known === undefined) {
      found.push(comparison);
      continue;
    }
    const { counts, moments, ksNumerator, wasserstein } = known;
    const exact = {
      exactKs: exactKs(counts.reference, counts.current, ksNumerator),
      exactShift: exactShift(moments.reference, moments.current, wasserstein),
    };
    found.push({ ...comparison, current: { ...comparison.current, ...exact } });
    // A p value can take some milliseconds.
    if (turns.isOver) await turns.next();
  }
  return found;
}
