/**
 * Factorials and powers without overflow and without cancellation: Loader's saddle-point form. A Poisson or binomial
 * probability is exp(-deviance) times a square root, and the deviance, unlike the logarithms of the factorials, is never
 * larger than the logarithm of the answer. So the relative error stays near 1e-16 times that logarithm, at any size.
 *
 * Source: C. Loader, "Fast and accurate computation of binomial probabilities", 2000.
 */

/** From here on Stirling's series with nine terms is exact to double precision. */
const seriesFrom = 16;

/** B_2k / (2k (2k - 1)), k = 1 … 9: Stirling's series, DLMF 5.11.1. */
const stirlingTerms = [
  1 / 12,
  -1 / 360,
  1 / 1260,
  -1 / 1680,
  1 / 1188,
  -691 / 360360,
  1 / 156,
  -3617 / 122400,
  43867 / 244188,
];

function stirlingSeries(x: number): number {
  const square = 1 / (x * x);
  let sum = 0;
  for (let k = stirlingTerms.length - 1; k >= 0; k--) sum = sum * square + stirlingTerms[k]!;
  return sum / x;
}

/**
 * What Stirling's formula leaves out: ln Γ(x + 1) - (x + 1/2) ln x + x - ln(2π)/2, for real x > 0.
 *
 * Below 16 it climbs by the recurrence of Γ: e(x) = e(x + 1) + (x + 1/2) ln(1 + 1/x) - 1.
 */
export function stirlingError(x: number): number {
  let climbed = 0;
  let at = x;
  for (; at < seriesFrom; at++) climbed += (at + 0.5) * Math.log1p(1 / at) - 1;
  return climbed + stirlingSeries(at);
}

/** u - ln(1 + u) for |u| < 1/2, by ln(1 + u) = 2 atanh(u / (2 + u)): no cancellation. */
function logGap(u: number): number {
  const v = u / (2 + u);
  const square = v * v;
  let power = 2 * v * square;
  let sum = u * v;
  for (let k = 3; ; k += 2) {
    const next = sum - power / k;
    if (next === sum) return sum;
    sum = next;
    power *= square;
  }
}

/** ln(x / y) where the quotient itself may overflow or vanish. */
function logRatio(x: number, y: number): number {
  const ratio = x / y;
  return ratio > 0 && ratio < Infinity ? Math.log(ratio) : Math.log(x) - Math.log(y);
}

/**
 * Half the deviance of an observed `x` against an expected `mean`: x ln(x / mean) + mean - x. Loader's bd0, as a function of
 * the difference, which the caller often knows without rounding.
 *
 * @param x           >= 0
 * @param mean        >= 0
 * @param difference  mean - x
 * @returns >= 0, Infinity where the mean is 0 and x is not
 */
export function deviance(x: number, mean: number, difference = mean - x): number {
  if (x === 0) return mean;
  const u = difference / x;
  if (Math.abs(u) < 0.5) return x * logGap(u);
  if (mean === Infinity) return Infinity;
  return x * logRatio(x, mean) + difference;
}

/**
 * mean^x e^-mean / Γ(x + 1): the Poisson probability of x, for real x >= 0 too.
 */
export function poissonMass(x: number, mean: number): number {
  if (x === 0) return Math.exp(-mean);
  return Math.exp(-stirlingError(x) - deviance(x, mean)) / Math.sqrt(2 * Math.PI * x);
}
