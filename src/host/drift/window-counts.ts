/**
 * Counts of live data over the frozen grid of a model's profile, and of its ancestors': what one process hands to another. Whole
 * numbers over the same edges add, so that the sum over any number of processes is, byte for byte, what one would have counted, and so
 * is the report. Reference profiles themselves do not add: their quantiles come from the values, which no counts hold.
 *
 * Bytes: canonical JSON as for profiles (profile.ts); of each feature the slots that hold a count, `slot, count, slot, count, ...`.
 */
import { MendlineError, messageOf } from "../../errors.js";
import { columnsMax, edgesMax, monitorAncestorsMax } from "../../limits.js";
import type { Runtime } from "../../scheduler/runtime.js";
import type { DataSource } from "../columns/column.js";
import { type AlignOptions, alignKinds } from "./alignment.js";
import { expect, text, whole } from "./checked-json.js";
import { fieldOf } from "./compare.js";
import { countBatch } from "./compare-counts.js";
import { counterFor } from "./counter.js";
import type { CounterHost, FeatureCounter } from "./feature-counter.js";
import { canonicalJson, type FeatureProfile, type Profile, profileSignature } from "./profile.js";
import { checkedDriftOptions, type DriftOptions, type DriftReport, driftReport } from "./report.js";

export interface FeatureCounts {
  readonly kind: FeatureProfile["kind"];
  /** The feature's slots as its counter has them (counter.ts, category-slots.ts), whole numbers. */
  readonly counts: readonly number[];
}

export interface WindowCounts {
  /** Signatures of the profiles whose merged grid this is: the model's own first, then its ancestors'. */
  readonly profiles: readonly string[];
  readonly rows: number;
  /** The features of the first profile, in its order. */
  readonly features: ReadonlyMap<string, FeatureCounts>;
}

/** @param profiles  the model's own, then ancestors' */
export async function countWindow(
  runtime: Runtime,
  profiles: readonly Profile[],
  source: DataSource,
  options: AlignOptions & { readonly signal?: AbortSignal } = {},
): Promise<WindowCounts> {
  const counters = countersOf(runtime, profiles);
  try {
    const counts = emptyCounts(counters);
    const columns = counters.map(({ name }) => name);
    let rows = 0;
    // An empty list of rows has no columns either.
    if (source.rowCount > 0) {
      const fields = Array.from(profiles[0]!.features, ([name, feature]) => fieldOf(name, feature));
      const aligned = alignKinds(runtime, source, fields, options);
      for await (const batch of aligned.read({ columns, signal: options.signal })) {
        await countBatch(runtime, counters, batch, 0, batch.rowCount, counts, options.signal);
        rows += batch.rowCount;
      }
    }
    return windowCounts(profiles, counters, counts, rows);
  } finally {
    for (const counter of counters) counter.close();
  }
}

/** The same of what was counted already. @param counts  an array a counter, in the order of the first profile's features */
export function windowCounts(
  profiles: readonly Profile[],
  counters: readonly Pick<FeatureCounter, "name" | "kind">[],
  counts: readonly Float64Array[],
  rows: number,
): WindowCounts {
  const features = new Map(
    counters.map(({ name, kind }, index) => [name, { kind, counts: Array.from(counts[index]!) }]),
  );
  return { profiles: profiles.map(profileSignature), rows, features };
}

/**
 * What one process would have counted of all rows.
 *
 * @throws MendlineError MENDLINE_ARGUMENT_BINS  they were counted over different profiles or features
 * @throws MendlineError MENDLINE_DATA_LIMIT  more rows than whole numbers are exact for
 */
export function mergeCounts(first: WindowCounts, ...others: readonly WindowCounts[]): WindowCounts {
  const merged = others.reduce((sum, other) => {
    assertSameGrid(sum, other);
    const features = new Map(
      Array.from(sum.features, ([name, { kind, counts }]) => {
        const more = other.features.get(name)!.counts;
        return [name, { kind, counts: counts.map((count, slot) => count + more[slot]!) }];
      }),
    );
    return { profiles: sum.profiles, rows: sum.rows + other.rows, features };
  }, first);
  if (Number.isSafeInteger(merged.rows)) return merged;
  throw new MendlineError("MENDLINE_DATA_LIMIT", `${merged.rows} rows are more than can be counted exactly`);
}

function assertSameGrid(left: WindowCounts, right: WindowCounts): void {
  const gridOf = ({ profiles, features }: WindowCounts) =>
    JSON.stringify([
      profiles,
      Array.from(features, ([name, { kind, counts }]) => [name, kind, counts.length]),
    ]);
  if (gridOf(left) === gridOf(right)) return;
  const short = ({ profiles }: WindowCounts) =>
    profiles.map((signature) => signature.slice(0, 12)).join(", ");
  throw new MendlineError(
    "MENDLINE_ARGUMENT_BINS",
    `counts over the profiles ${short(left)} (${left.features.size} features) and over ${short(right)} (${right.features.size} features) do not add: count over the same profiles`,
  );
}

/**
 * A report for each of the profiles, the first one's features and those of them that the others have.
 *
 * @param profiles  those that were counted over, in the same order
 * @throws MendlineError MENDLINE_ARGUMENT_BINS  they are others
 */
export function driftFromCounts(
  runtime: Runtime,
  profiles: readonly Profile[],
  window: WindowCounts,
  options: DriftOptions = {},
): DriftReport[] {
  checkedDriftOptions(options, [...window.features.keys()]);
  const counters = countersOf(runtime, profiles);
  try {
    assertSameGrid(window, windowCounts(profiles, counters, emptyCounts(counters), 0));
    return profiles.map((profile) => {
      const comparisons = counters.flatMap((counter) => {
        const { name } = counter;
        const feature = profile.features.get(name);
        if (feature === undefined) return [];
        const counts = Float64Array.from(window.features.get(name)!.counts);
        return [{ name, profile: feature, current: counter.binsFor(feature, counts) }];
      });
      return driftReport(runtime, comparisons, { reference: profile.rows, current: window.rows }, options);
    });
  } finally {
    for (const counter of counters) counter.close();
  }
}

function emptyCounts(counters: readonly FeatureCounter[]): Float64Array[] {
  return counters.map(({ slotCount }) => new Float64Array(slotCount));
}

function countersOf(host: CounterHost, profiles: readonly Profile[]): FeatureCounter[] {
  const [own] = profiles;
  if (own === undefined || profiles.length > 1 + monitorAncestorsMax) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `${profiles.length} profiles to count over: give a model's own, and ${monitorAncestorsMax} ancestors' at most`,
    );
  }
  return Array.from(own.features.keys(), (name) =>
    counterFor(
      host,
      name,
      profiles.flatMap(({ features }) => features.get(name) ?? []),
    ),
  );
}

const formatName = "window counts";
const formatVersion = 1;
const signaturePattern = /^[0-9a-f]{64}$/;
/** Longest first: a merged grid's bins, missing, nonFinite. */
const slotsMax = edgesMax + 3;

export function countsToBytes({ profiles, rows, features }: WindowCounts): Uint8Array {
  const list = Array.from(features, ([name, { kind, counts }]) => ({
    name,
    kind,
    slots: counts.length,
    counts: counts.flatMap((count, slot) => (count === 0 ? [] : [slot, count])),
  }));
  const document = { features: list, mendline: formatName, profiles, rows, version: formatVersion };
  return new TextEncoder().encode(canonicalJson(document));
}

/** @throws MendlineError MENDLINE_DATA_MALFORMED  no counts, or counts that contradict themselves */
export function countsFromBytes(bytes: Uint8Array, label: string): WindowCounts {
  try {
    const decoded = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const document = JSON.parse(decoded) as Record<string, unknown>;
    expect(document.mendline === formatName, "they are not mendline's window counts");
    expect(
      document.version === formatVersion,
      `their version is ${String(document.version)}, this mendline reads ${formatVersion}`,
    );
    const profiles = document.profiles as unknown[];
    expect(profiles.length >= 1 && profiles.length <= 1 + monitorAncestorsMax, `${profiles.length} profiles`);
    for (const signature of profiles) expect(signaturePattern.test(String(signature)), "no signature");
    const rows = whole(document.rows, "rows");
    const list = document.features as Record<string, unknown>[];
    expect(list.length <= columnsMax, `${list.length} features, the limit is ${columnsMax}`);
    const features = new Map(list.map((json) => [text(json.name), countsFromJson(json, rows)]));
    expect(features.size === list.length, "a feature's name stands twice");
    return { profiles: profiles as string[], rows, features };
  } catch (cause) {
    throw new MendlineError("MENDLINE_DATA_MALFORMED", `${label}: damaged counts: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function countsFromJson(json: Record<string, unknown>, rows: number): FeatureCounts {
  const kind = json.kind;
  expect(kind === "numeric" || kind === "categorical", `kind ${String(kind)}`);
  const slots = whole(json.slots, "slots");
  expect(slots >= 2 && slots <= slotsMax, `${slots} slots`);
  const pairs = json.counts as unknown[];
  expect(pairs.length % 2 === 0 && pairs.length <= 2 * slots, `${pairs.length / 2} counts of ${slots} slots`);
  const counts: number[] = new Array(slots).fill(0);
  let last = -1;
  for (let i = 0; i < pairs.length; i += 2) {
    const slot = whole(pairs[i], "slot");
    const count = whole(pairs[i + 1], "count");
    expect(slot > last && slot < slots && count > 0, `count ${count} in slot ${slot} behind ${last}`);
    counts[slot] = count;
    last = slot;
  }
  // Infinite values stand in the tails, and once more at the end.
  const own = kind === "numeric" ? counts.slice(0, -1) : counts;
  const sum = own.reduce((total, count) => total + count, 0);
  expect(sum === rows, `counts add up to ${sum}, not ${rows}`);
  expect(kind !== "numeric" || counts.at(-1)! <= rows, "more infinite values than rows");
  return { kind: kind as FeatureCounts["kind"], counts };
}
