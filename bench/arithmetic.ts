/** Median, spread and ratio: everything that the tables state. */

export interface Spread {
  readonly median: number;
  /** First and third quartile. */
  readonly lower: number;
  readonly upper: number;
}

/** Quantiles by linear interpolation between the order statistics (Hyndman and Fan 1996, type 7: the default of numpy and R). */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) throw new RangeError("no samples");
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}

export function spreadOf(samples: readonly number[]): Spread {
  const sorted = [...samples].sort((one, other) => one - other);
  return { median: quantile(sorted, 0.5), lower: quantile(sorted, 0.25), upper: quantile(sorted, 0.75) };
}

/** The middle half of the samples, in medians. */
export function relativeSpread({ median, lower, upper }: Spread): number {
  return (upper - lower) / median;
}

/** How many times as fast ours is: above 1, ours wins. The median of the rounds' own ratios, so that a slow round weighs on both. */
export function roundsRatio(
  theirs: readonly (readonly number[])[],
  ours: readonly (readonly number[])[],
): number {
  const ratios = theirs.map((samples, round) => spreadOf(samples).median / spreadOf(ours[round]!).median);
  return spreadOf(ratios).median;
}

/**
 * Whether two answers are the same.
 *
 * @param tolerance  relative to the larger of the two (absolute below 1); 0 for counts, which must be equal
 */
export function sameAnswer(one: readonly number[], other: readonly number[], tolerance = 0): boolean {
  if (one.length !== other.length || one.length === 0) return false;
  return one.every((value, index) => {
    const theirs = other[index]!;
    if (value === theirs) return true;
    return Math.abs(value - theirs) <= tolerance * Math.max(1, Math.abs(value), Math.abs(theirs));
  });
}
