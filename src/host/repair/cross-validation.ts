/**
 * Whether a choice among more candidates pays, told by cross-validation over the selection slice. A candidate was judged once on all of
 * the slice; what is kept of it is the sum of its losses in each fold, and choosing "without a fold" is choosing by the other sums. So
 * it costs no evaluation. (Where candidates were looked for with all rows in sight, it is a little hopeful; the gate is not.)
 *
 * The rule of one standard error: Breiman, Friedman, Olshen, Stone 1984, section 3.4.3; error over folds as in Hastie, Tibshirani,
 * Friedman 2009, section 7.10.
 */
import type { Task } from "./metrics.js";
import { Random } from "./random.js";
import { strataOf } from "./slices.js";

export const foldCount = 10;
/** Sets folds apart from the other uses of a seed. */
const foldStream = 2;

export interface Folds {
  /** A fold's number for each row. */
  readonly ofRow: Uint8Array;
  /** What a fold's rows count. */
  readonly weights: readonly number[];
}

export function foldsOf(
  { labels, weights }: { readonly labels: Float64Array; readonly weights: Float64Array | null },
  task: Task,
  seed: number,
): Folds {
  const random = new Random(seed, foldStream);
  const ofRow = new Uint8Array(labels.length);
  let next = 0;
  for (const rows of strataOf(labels, task)) {
    random.shuffle(rows);
    for (const row of rows) ofRow[row] = next++ % foldCount;
  }
  const ones = new Float64Array(labels.length).fill(1);
  return { ofRow, weights: foldSums({ ofRow }, weights ?? ones, null) };
}

/** The weighted sum of the rows' values in each fold. */
export function foldSums(
  { ofRow }: Pick<Folds, "ofRow">,
  values: Float64Array,
  weights: Float64Array | null,
): number[] {
  const sums = new Array<number>(foldCount).fill(0);
  for (let row = 0; row < values.length; row++) {
    sums[ofRow[row]!]! += weights === null ? values[row]! : values[row]! * weights[row]!;
  }
  return sums;
}

/** A candidate that can be chosen. */
export interface FoldedCandidate {
  /** Sums of losses, as `foldSums`. */
  readonly folds: readonly number[];
  /** Added to the mean loss when a choice is made, and not when it is judged. */
  readonly penalty?: number;
}

/** For each fold the mean loss in it of the candidate that is best without it. */
export function heldOutLosses(candidates: readonly FoldedCandidate[], weights: readonly number[]): number[] {
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const totals = candidates.map(({ folds }) => folds.reduce((sum, one) => sum + one, 0));
  return weights.map((weight, fold) => {
    let best = 0;
    let bestLoss = Number.POSITIVE_INFINITY;
    candidates.forEach(({ folds, penalty = 0 }, index) => {
      const loss = (totals[index]! - folds[fold]!) / (whole - weight) + penalty;
      if (loss < bestLoss) [best, bestLoss] = [index, loss];
    });
    return weight === 0 ? 0 : candidates[best]!.folds[fold]! / weight;
  });
}

export interface FoldedMean {
  readonly mean: number;
  readonly standardError: number;
}

/** The weighted mean of one number a fold, and its standard error. Folds without a row do not count. */
export function meanOverFolds(values: readonly number[], weights: readonly number[]): FoldedMean {
  const whole = weights.reduce((sum, weight) => sum + weight, 0);
  const used = weights.filter((weight) => weight > 0).length;
  const mean = values.reduce((sum, value, fold) => sum + (weights[fold]! / whole) * value, 0);
  const squares = values.reduce(
    (sum, value, fold) => sum + ((weights[fold]! / whole) * (value - mean)) ** 2,
    0,
  );
  return { mean, standardError: Math.sqrt((squares * used) / Math.max(1, used - 1)) };
}

/** What the choice among `more` gains over that among `fewer`: above 0 where it pays. */
export function gainOf(
  fewer: readonly FoldedCandidate[],
  more: readonly FoldedCandidate[],
  weights: readonly number[],
): FoldedMean {
  const without = heldOutLosses(fewer, weights);
  const withMore = heldOutLosses(more, weights);
  return meanOverFolds(
    without.map((loss, fold) => loss - withMore[fold]!),
    weights,
  );
}
