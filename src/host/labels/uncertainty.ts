/**
 * How unsure one model is of one row, from its class probabilities. Source: Settles, Active Learning Literature Survey, University of
 * Wisconsin-Madison TR 1648 (2009), section 3.1. Each rises with uncertainty.
 */

/** Class probabilities of one row: they sum to 1. */
export type Distribution = ArrayLike<number>;

/** 1 - p of the likeliest class: 0 where the model is certain, 1 - 1/K where it knows nothing of K classes. */
export function leastConfidence(row: Distribution): number {
  return 1 - topTwo(row)[0];
}

/** 1 - (p of the likeliest class - p of the second): 1 where two classes are level. */
export function marginUncertainty(row: Distribution): number {
  const [first, second] = topTwo(row);
  return 1 - (first - second);
}

/** Shannon entropy in nats: 0 to ln K. */
export function entropy(row: Distribution): number {
  let sum = 0;
  for (let k = 0; k < row.length; k++) if (row[k]! > 0) sum -= row[k]! * Math.log(row[k]!);
  // A certain row's sum is -0.
  return Math.max(0, sum);
}

/** The likeliest class, ties to the first. */
export function likeliestClass(row: Distribution): number {
  let best = 0;
  for (let k = 1; k < row.length; k++) if (row[k]! > row[best]!) best = k;
  return best;
}

function topTwo(row: Distribution): [number, number] {
  let first = Number.NEGATIVE_INFINITY;
  let second = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < row.length; k++) {
    const value = row[k]!;
    if (value > first) [first, second] = [value, first];
    else if (value > second) second = value;
  }
  return [first, second];
}
