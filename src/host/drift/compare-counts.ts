/** One side counted over the other's profiles: what a report of counts is made of. */
import { MendlineError } from "../../errors.js";
import { rowRanges } from "../../scheduler/partition.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { Batch, DataSource, Field } from "../columns/column.js";
import { counterFor } from "./counter.js";
import type { FeatureCounter } from "./feature-counter.js";
import type { FeatureProfile } from "./profile.js";
import { type ProfileOptions, profileGroups } from "./profiler.js";
import type { CurrentCounts, FeatureComparison } from "./report.js";

type ReadOptions = Pick<ProfileOptions, "signal" | "onProgress">;

/** Features of a reference, in groups that share their reads of it. */
export async function compareInGroups(
  runtime: Runtime,
  reference: DataSource,
  current: DataSource,
  fields: readonly Field[],
  bins: number,
  options: ReadOptions,
): Promise<FeatureComparison[]> {
  const comparisons: FeatureComparison[] = [];
  for await (const profiles of profileGroups(runtime, reference, fields, bins, options)) {
    comparisons.push(...(await compareByCounts(runtime, profiles, current, options)));
  }
  return comparisons;
}

export async function compareByCounts(
  runtime: Runtime,
  profiles: ReadonlyMap<string, FeatureProfile>,
  current: DataSource,
  options: ReadOptions,
): Promise<FeatureComparison[]> {
  const counted = await countSource(
    runtime,
    current,
    new Map(Array.from(profiles, ([name, profile]) => [name, [profile]])),
    options,
  );
  return Array.from(profiles, ([name, profile]) => ({ name, profile, current: counted(name, profile) }));
}

/** Counts a source over the merged grids of each feature's profiles; the result gives any of those profiles its own bins. */
export async function countSource(
  runtime: Runtime,
  source: DataSource,
  profiles: ReadonlyMap<string, readonly FeatureProfile[]>,
  { signal, onProgress }: ReadOptions,
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
