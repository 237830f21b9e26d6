/**
 * Drift of one table against another, or against a profile: what `mendline drift` does.
 *
 * With both tables at hand the KS distance is exact: each group of features is sorted on both sides while it is counted, or read in
 * several pieces where a column's values do not fit the memory, with the same answer. Against a profile, and beyond `exactRowsMax` rows
 * unless it is asked for, it is bounded from the counts; nothing else changes.
 */
import { MendlineError } from "../../errors.js";
import { exactRowsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { DataSource, Field } from "../columns/column.js";
import { type AlignOptions, alignKinds, schemaChanges } from "./alignment.js";
import { compareInGroups, countSource } from "./compare-counts.js";
import { compareByValues } from "./compare-values.js";
import type { FeatureProfile, Profile } from "./profile.js";
import { checkedOptions, type ProfileOptions } from "./profiler.js";
import { checkedDriftOptions, type DriftOptions, type DriftReport, driftReportInTurns } from "./report.js";

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
  const comparisons = wantsValues(reference, current, options)
    ? await compareByValues(runtime, reference, aligned, fields, bins, options)
    : await compareInGroups(runtime, reference, aligned, fields, bins, options);
  const rows = { reference: reference.rowCount, current: current.rowCount };
  const known = reference.fields.map(({ name }) => name);
  return {
    ...(await driftReportInTurns(runtime, comparisons, rows, options)),
    schema: schemaChanges(current, known, fields),
  };
}

/** Whether distances are to be taken from both tables' values. */
function wantsValues(reference: DataSource, current: DataSource, { ks = "auto" }: CompareOptions): boolean {
  return ks === "auto" ? reference.rowCount + current.rowCount <= exactRowsMax : ks === "exact";
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
