/**
 * Which rows of a pool a person is asked about: a random slice, which alone may judge (a gate over chosen rows would be biased), and
 * beside it the rows of the highest scores, spread out so that they are not copies of one.
 */
import { FeatureSpace, type PoolColumns } from "./feature-space.js";

/** Seeded; `below(n)` is uniform on 0 … n - 1. */
export interface RandomSource {
  below(count: number): number;
}

export interface ChoiceOptions {
  readonly pool: PoolColumns;
  /** One a row, finite. */
  readonly scores: Float64Array;
  /** Points wanted, the random ones among them; fewer come where the pool has fewer rows. */
  readonly count: number;
  /** Of them, drawn from all rows alike. */
  readonly randomCount: number;
  readonly random: RandomSource;
  /** Rows that must not be asked about: they have been before. */
  readonly excluded?: ReadonlySet<number>;
}

export interface ChosenPoint {
  readonly row: number;
  readonly score: number;
  readonly isRandom: boolean;
}

/** Rows of the highest scores among which a batch is spread, for each point of it: more spread costs score. */
const candidatesPerPoint = 8;

/** Chosen points first, in the order of choice; the same for the same seed. No row comes twice. */
export function choosePoints(options: ChoiceOptions): ChosenPoint[] {
  const { pool, scores, count, randomCount, random, excluded } = options;
  const rows = Uint32Array.from({ length: pool.rowCount }, (_, row) => row).filter(
    (row) => excluded?.has(row) !== true,
  );
  const drawn = drawRows(rows, Math.min(randomCount, count), random);
  const isDrawn = new Set(drawn);
  const left = rows
    .filter((row) => !isDrawn.has(row))
    .sort((one, other) => scores[other]! - scores[one]! || one - other);
  const wanted = Math.min(count - drawn.length, left.length);
  const candidates = left.subarray(0, wanted * candidatesPerPoint);
  const chosen = spreadOut(new FeatureSpace(pool), candidates, wanted, drawn);
  const point = (isRandom: boolean) => (row: number) => ({ row, score: scores[row]!, isRandom });
  return [...chosen.map(point(false)), ...drawn.map(point(true))];
}

/** Without replacement, all sets alike (the first steps of a Fisher-Yates shuffle). */
function drawRows(rows: Uint32Array, count: number, random: RandomSource): number[] {
  const order = rows.slice();
  const drawn: number[] = [];
  for (let i = 0; i < Math.min(count, order.length); i++) {
    const j = i + random.below(order.length - i);
    drawn.push(order[j]!);
    order[j] = order[i]!;
  }
  return drawn;
}

/**
 * k-center greedy: the first candidate, then always the one that is farthest from all that are taken; ties to the earlier candidate. No
 * candidate is then farther from the taken ones than twice what the best choice could do. Source: Gonzalez, Clustering to minimize the
 * maximum intercluster distance, TCS 38 (1985); for batches of labels Sener, Savarese, ICLR 2018.
 *
 * @param candidates  the best first
 * @param taken  rows that are labelled anyway
 */
export function spreadOut(
  space: FeatureSpace,
  candidates: Uint32Array,
  count: number,
  taken: readonly number[] = [],
): number[] {
  const nearest = new Float64Array(candidates.length).fill(Number.POSITIVE_INFINITY);
  const take = (row: number) =>
    candidates.forEach((candidate, index) => {
      nearest[index] = Math.min(nearest[index]!, space.squareBetween(row, candidate));
    });
  for (const row of taken) take(row);
  const chosen: number[] = [];
  while (chosen.length < Math.min(count, candidates.length)) {
    let best = 0;
    // The highest score comes first; a taken row's own distance is below all others'.
    if (chosen.length > 0) {
      for (let index = 1; index < nearest.length; index++) if (nearest[index]! > nearest[best]!) best = index;
    }
    chosen.push(candidates[best]!);
    take(candidates[best]!);
    nearest[best] = Number.NEGATIVE_INFINITY;
  }
  return chosen;
}
