/**
 * Which rows of a pool a person is asked about: a random slice, which alone may judge (a gate over chosen rows would be biased), and
 * beside it the rows of the highest scores, spread out so that they are not copies of one; or, all of them drawn by their scores.
 */
import { FeatureSpace, type PoolColumns } from "./feature-space.js";
import { type Draw, drawByStakes, type RandomSource } from "./weighed-draw.js";

export interface ChoiceOptions {
  readonly pool: PoolColumns;
  /** One a row, finite. */
  readonly scores: Float64Array;
  /** Points wanted, the random ones among them; fewer come where the pool has fewer rows. */
  readonly count: number;
  /** Of them, drawn at random for the gate: from all rows alike, or by `stakes`. */
  readonly randomCount: number;
  readonly random: RandomSource;
  /** Whether a row may be drawn for the gate; the others may only choose. Default: every row may be either. */
  readonly mayJudge?: (row: number) => boolean;
  /** What a row's label can move the gate's comparison by (weighed-draw.ts). */
  readonly stakes?: Float64Array | undefined;
  /** The other points are drawn by their scores too, and none is picked. */
  readonly isDrawn?: boolean;
  /** Rows that must not be asked about: they have been before. */
  readonly excluded?: ReadonlySet<number>;
}

export interface ChosenPoint {
  readonly row: number;
  readonly score: number;
  /** For the gate. */
  readonly isRandom: boolean;
  /** Null: picked. */
  readonly draw: Draw | null;
}

/** Rows of the highest scores among which a batch is spread, for each point of it: more spread costs score. */
const candidatesPerPoint = 8;

/** Chosen points first, in the order of choice; the same for the same seed. No row comes twice. */
export function choosePoints(options: ChoiceOptions): ChosenPoint[] {
  const { pool, scores, count, randomCount, random, excluded, mayJudge, isDrawn = false } = options;
  const { stakes = new Float64Array(pool.rowCount) } = options;
  const rows = Uint32Array.from({ length: pool.rowCount }, (_, row) => row).filter(
    (row) => excluded?.has(row) !== true,
  );
  const judging = mayJudge === undefined ? rows : rows.filter(mayJudge);
  const choosing = rows.length - judging.length;
  // What the other side lacks, this one gives.
  const wanted =
    mayJudge === undefined
      ? Math.min(randomCount, count)
      : Math.max(Math.min(randomCount, count), count - choosing);
  const drawn = drawByStakes(judging, stakes, wanted, random);
  const isTaken = new Set(drawn.map(({ row }) => row));
  const left = rows.filter((row) => !isTaken.has(row) && mayJudge?.(row) !== true);
  const chosenCount = Math.min(count - drawn.length, left.length);
  const point = (row: number, isRandom: boolean, draw: Draw | null) => ({
    row,
    score: scores[row]!,
    isRandom,
    draw,
  });
  const chosen = isDrawn
    ? drawByStakes(left, scores, chosenCount, random).map(({ row, ...draw }) => point(row, false, draw))
    : highest(options, left, chosenCount, [...isTaken]).map((row) => point(row, false, null));
  return [...chosen, ...drawn.map(({ row, ...draw }) => point(row, true, draw))];
}

function highest(
  { pool, scores }: ChoiceOptions,
  rows: Uint32Array,
  count: number,
  taken: readonly number[],
): number[] {
  const ordered = rows.slice().sort((one, other) => scores[other]! - scores[one]! || one - other);
  return spreadOut(new FeatureSpace(pool), ordered.subarray(0, count * candidatesPerPoint), count, taken);
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
