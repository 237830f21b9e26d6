/** One feature's profile, from what its column was read into. */
import { categoriesMax, categoryNamesMax, ksBins } from "../../limits.js";
import type { Field } from "../columns/column.js";
import { type Edge, quantileEdges } from "./edges.js";
import { hashesOf } from "./name-hashes.js";
import type { CategoricalFeatureProfile, Histogram, Moments, NumericFeatureProfile } from "./profile.js";
import { rankedCategories } from "./ranked-categories.js";

/** Order statistics of the present values: of all of them (`SortedSample`), or of the wanted ranks (`SelectedSample`). */
export interface OrderedSample {
  /** Present values, infinities included. */
  readonly count: number;
  readonly finiteCount: number;
  readonly nonFiniteCount: number;
  /** @param rank  among the finite values, from 0 */
  finiteAt(rank: number): Edge;
  /** Present values per bin of edges taken from finite values, infinities in the tails. */
  binCounts(edges: readonly Edge[]): number[];
}

export interface CategoricalSample {
  readonly kind: "categorical";
  readonly field: Field;
  readonly rows: number;
  readonly missing: number;
  readonly counts: ReadonlyMap<string, number>;
}

/** The ranks that the profile of n finite values asks for, ascending. */
export function profileRanks(count: number, bins: number): number[] {
  const ranks = new Set<number>();
  for (const binCount of [bins, ksBins]) {
    for (let i = 1; i < binCount; i++) ranks.add(Math.ceil((i * count) / binCount) - 1);
  }
  return [...ranks].sort((left, right) => left - right);
}

export function numericProfile(
  field: Field,
  rows: number,
  sample: OrderedSample,
  moments: Moments,
  bins: number,
): NumericFeatureProfile {
  const type = field.type!;
  const highest: Edge | undefined = field.logical === "boolean" ? 1 : undefined;
  const histogram = (binCount: number): Histogram => {
    const edges = quantileEdges((rank) => sample.finiteAt(rank), sample.finiteCount, binCount, type, highest);
    return { edges, counts: sample.binCounts(edges) };
  };
  return {
    kind: "numeric",
    logical: field.logical,
    type,
    rows,
    missing: rows - sample.count,
    nonFinite: sample.nonFiniteCount,
    moments,
    bins,
    psi: histogram(bins),
    ks: histogram(ksBins),
  };
}

/** In steps: a column can hold a million names. */
export function* categoricalProfile(sample: CategoricalSample): Generator<void, CategoricalFeatureProfile> {
  const ranked = yield* rankedCategories(sample.counts, categoryNamesMax);
  const kept = ranked.slice(0, categoriesMax);
  const folded = ranked.slice(categoriesMax);
  const present = sample.rows - sample.missing;
  return {
    kind: "categorical",
    logical: sample.field.logical,
    rows: sample.rows,
    missing: sample.missing,
    categories: kept.map(({ name }) => name),
    counts: kept.map(({ count }) => count),
    other:
      folded.length === 0
        ? null
        : {
            count: kept.reduce((left, { count }) => left - count, present),
            kinds: sample.counts.size - kept.length,
            known: folded.length,
            hashes: hashesOf(folded.map(({ name }) => name)),
          },
  };
}
