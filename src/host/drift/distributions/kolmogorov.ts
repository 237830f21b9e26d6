/** The one-sample Kolmogorov-Smirnov distribution, exact in n: what scipy calls `kstwo`. */
import { deviance, stirlingError } from "./deviance.js";
import { requireCount, requireNumber } from "./domain.js";
import { kolmogorovBand } from "./kolmogorov-band.js";
import { kolmogorovContour } from "./kolmogorov-contour.js";

/** n d² above which 2 exp(-2 n d²), a bound of the answer (Massart 1990), is 0. */
const squareMax = 373;
/** n d² above which crossing both lines is 1e-12 of crossing one, so that twice the one-sided tail is the answer. */
const oneSidedFrom = 4.5;
/** n up to which the one-sided sum (n terms) is taken there; the contour integral has no terms to count. */
const oneSidedRowsMax = 2_000;
/** n d² below which P(D_n < d), about sqrt(2π / (n d²)) exp(-π² / (8 n d²)), is under 2e-17. */
const squareMin = 0.03;
/** n d from which what the contour integral leaves out is below 1e-13 of the answer. */
const contourFrom = 16;

/**
 * Smirnov's one-sided tail P(D_n+ >= d), Birnbaum and Tingey 1951:
 *
 *     sum_j d C(n, j) (d + j/n)^(j-1) (1 - d - j/n)^(n-j),    0 <= j <= n (1 - d)
 *
 * All terms are positive; each as a binomial probability in Loader's form (deviance.ts).
 */
function oneSidedSf(n: number, d: number): number {
  const shift = n * d;
  let sum = Math.exp(n * Math.log1p(-d));
  for (let j = 1; j < n && n - j > shift; j++) {
    const rest = n - j;
    const exponent =
      stirlingError(n) -
      stirlingError(j) -
      stirlingError(rest) -
      deviance(j, j + shift, shift) -
      deviance(rest, rest - shift, -shift);
    sum += Math.sqrt(n / (2 * Math.PI * j * rest)) * (shift / (shift + j)) * Math.exp(exponent);
  }
  return sum;
}

/**
 * P(D_n >= d), two-sided, D_n being the Kolmogorov-Smirnov statistic of n independent values against their own continuous
 * distribution. True to about 1e-12 relative for every n: no expansion in 1/√n is used. (scipy's `kstwo.sf`, by such expansions,
 * is off by 1e-6 from n = 141 on, and by 5 % in the far tail above n = 1e6.)
 *
 *     n d <= 1/2, n d² < 0.03                 1: D_n is never below 1 / (2 n)
 *     d >= 1/2, or n d² >= 4.5 (n <= 2000)    twice Smirnov's one-sided tail
 *     n d >= 16                               contour integral (kolmogorov-contour.ts), about 0.05 ms
 *     else                                    walk through the band (kolmogorov-band.ts), up to 20 ms
 *
 * @param d  any number; 1 for d <= 0, 0 for d >= 1
 * @param n  a whole number >= 1
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  d is NaN, or n is no count
 * @example kstwoSf(0.274, 10)  // 0.37152…
 */
export function kstwoSf(d: number, n: number): number {
  requireNumber("kstwoSf: d", d);
  requireCount("kstwoSf: n", n, 1, Number.MAX_SAFE_INTEGER);
  const bound = n * d;
  const square = bound * d;
  if (bound <= 0.5) return 1;
  if (d >= 1 || square > squareMax) return 0;
  if (d >= 0.5 || (square >= oneSidedFrom && n <= oneSidedRowsMax)) return Math.min(1, 2 * oneSidedSf(n, d));
  if (square < squareMin) return 1;
  if (bound >= contourFrom) return Math.min(1, kolmogorovContour(n, d));
  return kolmogorovBand(n, d);
}
