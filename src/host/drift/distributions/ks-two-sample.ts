/** The two-sample Kolmogorov-Smirnov p value: exact by counting lattice paths, asymptotic by the one-sample distribution. */
import { MendlineError } from "../../../errors.js";
import { ksExactRowsMax } from "../../../limits.js";
import { deviance, stirlingError } from "./deviance.js";
import { requireCount } from "./domain.js";
import { kstwoSf } from "./kolmogorov.js";

/** n m / (n + m) D² above which e exp(-2 …), a bound of the answer (Wei and Dudley 2012), is below the smallest double. */
const squareMax = 374;
/** A term this much smaller than the sum no longer counts. */
const negligible = 1e-18;

function greatestCommonDivisor(n: number, m: number): number {
  while (m > 0) [n, m] = [m, n % m];
  return n;
}

/** C(2n, n - j) / C(2n, n), in Loader's form (deviance.ts). */
function centralRatio(n: number, j: number): number {
  if (j === n)
    return Math.exp(stirlingError(n) * 2 - stirlingError(2 * n) - 2 * n * Math.LN2) * Math.sqrt(Math.PI * n);
  const exponent =
    2 * stirlingError(n) -
    stirlingError(n - j) -
    stirlingError(n + j) -
    deviance(n - j, n, j) -
    deviance(n + j, n, -j);
  return (Math.exp(exponent) * n) / Math.sqrt((n - j) * (n + j));
}

/** Equal sizes, by reflection (Gnedenko and Korolyuk 1951): 2 sum_k (-1)^(k-1) C(2n, n - k h) / C(2n, n). */
function equalSizesSf(h: number, n: number): number {
  let sum = 0;
  for (let k = 1; k * h <= n; k++) {
    const term = centralRatio(n, k * h);
    sum += k % 2 === 1 ? term : -term;
    if (!(term > sum * negligible)) break;
  }
  return Math.min(1, 2 * sum);
}

/**
 * Any sizes, along the anti-diagonals i + j = k: share[i] is the share of the lattice paths from (0, 0) to (i, j) that have
 * touched |i m - j n| >= limit. A path comes from the left with probability i / k, from below with j / k, and points beyond
 * the limit have share 1. Only sums of positive terms: the far tail keeps its digits, where 1 - (paths inside) has none
 * left. Numbers of paths, which overflow, are never formed.
 *
 * One row of at most min(n, 2 limit / (n + m)) shares is updated in place, from high i to low.
 */
function latticeSf(limit: number, n: number, m: number): number {
  const whole = n + m;
  const shares = new Float64Array(n + 2).fill(1);
  // shares[i + 1] belongs to i; step 0 holds the point i = 0 alone, untouched.
  shares[1] = 0;
  for (let k = 1; k <= whole; k++) {
    const first = Math.max(0, k - m, Math.floor((k * n - limit) / whole) + 1);
    const last = Math.min(n, k, Math.ceil((k * n + limit) / whole) - 1);
    if (last < first) return 1;
    stepDiagonal(shares, first, last, k);
    // The points next to the row are beyond the limit or, at the rectangle's sides, have weight 0.
    shares[first] = 1;
    if (last < n) shares[last + 2] = 1;
  }
  return shares[n + 1]!;
}

/** One anti-diagonal. A stand-alone loop over plain numbers; at 10,000 and 9,999 rows at most 5e7 turns in all, 0.1 s. */
function stepDiagonal(shares: Float64Array, first: number, last: number, k: number): void {
  const scale = 1 / k;
  let here = shares[last + 1]!;
  for (let i = last; i >= first; i--) {
    const left = shares[i]!;
    shares[i + 1] = (i * left + (k - i) * here) * scale;
    here = left;
  }
}

/**
 * P(D >= h / lcm(n, m)) for two samples of one continuous distribution, two-sided, exact: the share of all C(n + m, n) orders
 * of the pooled values. With ties it is conservative, as usual.
 *
 * Source: Hodges, Arkiv för Matematik 3, 1958 (paths); Drion 1952 and Gnedenko, Korolyuk 1951 (equal sizes).
 *
 * @param h  the statistic times lcm(n, m), a whole number; up to lcm(n, m) / max(n, m) it gives 1, above lcm(n, m) 0
 * @param n  rows of one sample, 1 … ksExactRowsMax
 * @param m  rows of the other
 * @returns relative error below 1e-11, down to the smallest normal doubles
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  an argument is no count, or a sample is too large
 */
export function ksTwoSampleSf(h: number, n: number, m: number): number {
  requireCount("ksTwoSampleSf: n", n, 1, ksExactRowsMax);
  requireCount("ksTwoSampleSf: m", m, 1, ksExactRowsMax);
  requireCount("ksTwoSampleSf: h", h, 0, Number.MAX_SAFE_INTEGER);
  const divisor = greatestCommonDivisor(n, m);
  const limit = h * divisor;
  // The smallest value alone takes a path |i m - j n| = n or m away.
  if (limit <= Math.min(n, m)) return 1;
  if (limit > n * m) return 0;
  if (n === m) return equalSizesSf(h, n);
  const statistic = limit / (n * m);
  if (((n * m) / (n + m)) * statistic * statistic > squareMax) return 0;
  return latticeSf(limit, n, m);
}

/** n m / (n + m) to the nearest whole number, halves to even; in whole numbers, as the product may pass 2^53. */
export function effectiveSampleSize(n: number, m: number): number {
  requireCount("effectiveSampleSize: n", n, 1, Number.MAX_SAFE_INTEGER);
  requireCount("effectiveSampleSize: m", m, 1, Number.MAX_SAFE_INTEGER);
  const product = BigInt(n) * BigInt(m);
  const sum = BigInt(n) + BigInt(m);
  const floor = product / sum;
  const twiceRest = 2n * (product % sum);
  const up = twiceRest > sum || (twiceRest === sum && floor % 2n === 1n);
  return Number(up ? floor + 1n : floor);
}

export interface KsPValue {
  readonly pValue: number;
  readonly method: "exact" | "asymptotic";
}

/**
 * Two-sided p value of a two-sample Kolmogorov-Smirnov statistic numerator / denominator, by the rule of scipy's
 * `ks_2samp(method='auto')`: counted exactly while max(n, m) <= ksExactRowsMax, else P(D_k >= statistic) with k =
 * `effectiveSampleSize(n, m)`.
 *
 * @param n            present values of one sample, >= 1
 * @param m            present values of the other, >= 1
 * @param numerator    max |i m - j n| / gcd(n, m) over the pooled values, whole, >= 0; or both times a common factor
 * @param denominator  lcm(n, m), or the same times that factor (n m, for example). Above 2^53 a rounded one will do
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  an argument is out of range, or the fraction cannot be such a statistic
 */
export function ksPValue(n: number, m: number, numerator: number, denominator: number): KsPValue {
  const size = effectiveSampleSize(n, m);
  if (!(numerator >= 0 && denominator > 0 && numerator <= denominator && denominator < Infinity)) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `ksPValue: the statistic ${numerator}/${denominator} is not between 0 and 1`,
      { details: { numerator, denominator } },
    );
  }
  if (Math.max(n, m) > ksExactRowsMax)
    return { pValue: kstwoSf(numerator / denominator, size), method: "asymptotic" };
  return { pValue: ksTwoSampleSf(wholeStatistic(n, m, numerator, denominator), n, m), method: "exact" };
}

/** The statistic times lcm(n, m); in whole numbers, as the products may pass 2^53. */
function wholeStatistic(n: number, m: number, numerator: number, denominator: number): number {
  const multiple = (n / greatestCommonDivisor(n, m)) * m;
  if (Number.isSafeInteger(numerator) && Number.isSafeInteger(denominator)) {
    const product = BigInt(numerator) * BigInt(multiple);
    if (product % BigInt(denominator) === 0n) return Number(product / BigInt(denominator));
  }
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `ksPValue: ${numerator}/${denominator} is no multiple of 1/${multiple}, as the statistic of ${n} and ${m} values is`,
    { details: { numerator, denominator, n, m } },
  );
}
