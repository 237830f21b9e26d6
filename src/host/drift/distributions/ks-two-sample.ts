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
 * Any sizes: the lattice paths from (0, 0) to (n, m) by the point where they first leave the band |i m - j n| < limit,
 *
 *     P(leaves) = sum over the points b next to the band of  P(passes b) · P(no leaving before b | passes b).
 *
 * Only sums of positive terms: the far tail keeps its digits, where 1 - (paths inside) has none left. Numbers of paths, which
 * overflow, are never formed.
 */
function latticeSf(limit: number, n: number, m: number): number {
  const whole = n + m;
  const sides = { low: newSide(whole), high: newSide(whole) };
  if (!walkBand(limit, n, m, sides)) return 1;
  return Math.min(1, leavingBy(sides.low, n, m) + leavingBy(sides.high, n, m));
}

/** The points next to the band on one side, by k = i + j. */
interface Side {
  /** i, or -1 where the point is outside the rectangle. */
  readonly at: Int32Array;
  /** Of the paths through it, the share that has not left the band before. */
  readonly clear: Float64Array;
}

function newSide(whole: number): Side {
  return { at: new Int32Array(whole + 1).fill(-1), clear: new Float64Array(whole + 1) };
}

/**
 * Along the anti-diagonals i + j = k, in one row that is updated in place: clear[i + 1] is the share of the paths from (0, 0) to (i, j)
 * that stayed in the band. A path comes from the left with probability i / k, from below with j / k; points outside have share 0.
 *
 * Deep inside the band the share is 1 to the last bit, so only a strip along each side is walked: a path that touches the side, w away
 * at the start, and ends d away from it at k has probability exp(-2 w d / (k / 4)) by reflection, the variance of a path being k / 4 at
 * most. At 10,000 and 9,999 rows that leaves 7e6 turns at most, about 8 ms, instead of 5e7.
 *
 * @returns false where every path leaves
 */
function walkBand(limit: number, n: number, m: number, sides: { low: Side; high: Side }): boolean {
  const whole = n + m;
  const stripPerStep = stripExponent / (8 * (limit / whole));
  const clear = new Float64Array(n + 3);
  clear[1] = 1;
  for (let k = 1; k <= whole; k++) {
    const first = Math.max(0, k - m, Math.floor((k * n - limit) / whole) + 1);
    const last = Math.min(n, k, Math.ceil((k * n + limit) / whole) - 1);
    if (last < first) return false;
    noteOutside(sides.low, clear, k, first - 1, n, m);
    noteOutside(sides.high, clear, k, last + 1, n, m);
    const strip = Math.ceil(stripPerStep * k) + 2;
    if (last - first < 2 * strip) {
      stepDiagonal(clear, first, last, k);
    } else {
      stepDiagonal(clear, last - strip, last, k);
      stepDiagonal(clear, first, first + strip, k);
    }
    clear[first] = 0;
    clear[last + 2] = 0;
  }
  return true;
}

/** exp(-45) is a thousandth of a double's last bit. */
const stripExponent = 45;

/** About how many turns `walkBand` takes: two strips that grow with k until they meet. */
function walkTurns(limit: number, n: number, m: number): number {
  const whole = n + m;
  const halfWidth = limit / whole;
  const meetAt = (8 * halfWidth * halfWidth) / stripExponent;
  if (meetAt >= whole) return (whole * whole * halfWidth) / meetAt;
  return 2 * halfWidth * (whole - meetAt / 2);
}

function noteOutside(
  { at, clear: sideClear }: Side,
  clear: Float64Array,
  k: number,
  i: number,
  n: number,
  m: number,
): void {
  if (i < 0 || i > n || k - i < 0 || k - i > m) return;
  at[k] = i;
  sideClear[k] = (i * clear[i]! + (k - i) * clear[i + 1]!) / k;
}

/** A stretch of one anti-diagonal. A stand-alone loop over plain numbers. */
function stepDiagonal(clear: Float64Array, first: number, last: number, k: number): void {
  const scale = 1 / k;
  let here = clear[last + 1]!;
  for (let i = last; i >= first; i--) {
    const left = clear[i]!;
    clear[i + 1] = (i * left + (k - i) * here) * scale;
    here = left;
  }
}

/** The sum over one side. Its points follow each other by single steps, and P(passes b) with them, by quotients of whole numbers. */
function leavingBy({ at, clear }: Side, n: number, m: number): number {
  const whole = n + m;
  const from = nearestTo(whole / 2, at);
  if (from < 0) return 0;
  let sum = clear[from]!;
  let weight = 1;
  for (let k = from; k < whole && at[k + 1]! >= 0; k++) {
    weight *= stepUp(at[k]!, at[k + 1]! > at[k]!, k, n, m);
    sum += weight * clear[k + 1]!;
  }
  weight = 1;
  for (let k = from; k > 0 && at[k - 1]! >= 0; k--) {
    weight /= stepUp(at[k - 1]!, at[k]! > at[k - 1]!, k - 1, n, m);
    sum += weight * clear[k - 1]!;
  }
  return passing(at[from]!, from, n, m, sum);
}

/** P(passes the next point) / P(passes this one), for a step that adds to i or to j. */
function stepUp(i: number, addsToI: boolean, k: number, n: number, m: number): number {
  const steps = (k + 1) / (n + m - k);
  return addsToI ? steps * ((n - i) / (i + 1)) : steps * ((m - (k - i)) / (k - i + 1));
}

function nearestTo(middle: number, at: Int32Array): number {
  for (let distance = 0; distance <= middle + 1; distance++) {
    for (const k of [Math.floor(middle) - distance, Math.floor(middle) + 1 + distance]) {
      if (k >= 0 && k < at.length && at[k]! >= 0) return k;
    }
  }
  return -1;
}

/** `factor` times P(passes (i, k - i)): from the likeliest point of the anti-diagonal, whose sum is 1, by quotients to i. */
function passing(i: number, k: number, n: number, m: number, factor: number): number {
  const low = Math.max(0, k - m);
  const high = Math.min(n, k);
  const mode = Math.min(high, Math.max(low, Math.round((k * n) / (n + m))));
  // C(k, i) C(n + m - k, n - i), the next against this one.
  const up = (x: number) => ((k - x) / (x + 1)) * ((n - x) / (m - k + x + 1));
  let sum = 1;
  let weight = 1;
  for (let x = mode; x < high && weight > negligible * sum; x++) sum += weight *= up(x);
  weight = 1;
  for (let x = mode; x > low && weight > negligible * sum; x--) sum += weight /= up(x - 1);
  // In two numbers: the weight alone may be below the smallest double where the product is not.
  let product = factor / sum;
  let halvings = 0;
  for (let x = mode; x !== i; x += i > mode ? 1 : -1) {
    product *= i > mode ? up(x) : 1 / up(x - 1);
    if (product > rescaleBelow) continue;
    product *= rescaleBy;
    halvings += 1;
  }
  for (; halvings > 0; halvings--) product /= rescaleBy;
  return product;
}

const rescaleBelow = 2 ** -600;
const rescaleBy = 2 ** 500;

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
 * @param turnsMax     where exact counting takes more turns than this (a nanosecond each), the other way is taken too
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  an argument is out of range, or the fraction cannot be such a statistic
 */
export function ksPValue(
  n: number,
  m: number,
  numerator: number,
  denominator: number,
  turnsMax: number = Number.POSITIVE_INFINITY,
): KsPValue {
  const size = effectiveSampleSize(n, m);
  if (!(numerator >= 0 && denominator > 0 && numerator <= denominator && denominator < Infinity)) {
    throw new MendlineError(
      "MENDLINE_ARGUMENT_INVALID",
      `ksPValue: the statistic ${numerator}/${denominator} is not between 0 and 1`,
      { details: { numerator, denominator } },
    );
  }
  const asymptotic = () => ({
    pValue: kstwoSf(numerator / denominator, size),
    method: "asymptotic" as const,
  });
  if (Math.max(n, m) > ksExactRowsMax) return asymptotic();
  const statistic = wholeStatistic(n, m, numerator, denominator);
  if (n !== m && walkTurns(statistic * greatestCommonDivisor(n, m), n, m) > turnsMax) return asymptotic();
  return { pValue: ksTwoSampleSf(statistic, n, m), method: "exact" };
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
