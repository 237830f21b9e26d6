/** Tails of the chi-square distributions, central and non-central: the calibration of PSI and of the G test. */
import { poissonMass } from "./deviance.js";
import { requireDegrees, requireNonCentrality, requireNumber, requireProbability } from "./domain.js";
import { gammaP, gammaQ } from "./gamma.js";
import { invertTail } from "./quantile.js";

/** A mixture term this much smaller than the sum no longer counts. */
const negligible = 1e-18;

/**
 * P(chi2_df >= x) = Q(df / 2, x / 2).
 *
 * @param x   any number; 1 below 0, 0 at Infinity
 * @param df  above 0, not necessarily whole
 * @returns relative error about 1e-13 down to the smallest doubles
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  x is NaN, or df is outside (0, distributionParameterMax]
 */
export function chi2Sf(x: number, df: number): number {
  requireNumber("chi2Sf: x", x);
  requireDegrees("chi2Sf: df", df);
  return gammaQ(df / 2, x / 2);
}

/**
 * The x that a chi-square variable exceeds with probability p: inverse of `chi2Sf`. Infinity at p = 0, 0 at p = 1.
 *
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  p is outside [0, 1], or df is outside (0, distributionParameterMax]
 */
export function chi2Isf(p: number, df: number): number {
  requireProbability("chi2Isf: p", p);
  requireDegrees("chi2Isf: df", df);
  if (p === 0) return Infinity;
  if (p === 1) return 0;
  return p <= 0.5
    ? invertTail((x) => gammaQ(df / 2, x / 2), p)
    : invertTail((x) => gammaP(df / 2, x / 2), 1 - p);
}

/**
 * P(non-central chi2 >= x): the mixture sum_j Poisson(j; nc/2) Q(df/2 + j, x/2).
 *
 * All terms are positive, so the far tail keeps its digits. The sum runs outward from the largest term, near the larger of
 * nc/2 and the root of j (j + df/2) = (nc/2) (x/2). Once the bump is hundreds of terms wide, only every `stride`-th term is
 * taken: a sum of equidistant values of so smooth a function is off by exp(-2 π² width² / stride²), here below 1e-300.
 *
 * Source: Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 2, 29.2; stride: the trapezoidal rule's
 * exponential convergence, Trefethen and Weideman, SIAM Review 56, 2014.
 *
 * @param nc  non-centrality, >= 0; 0 is the central distribution
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  x is NaN, or df or nc is outside its range
 */
export function ncx2Sf(x: number, df: number, nc: number): number {
  requireNumber("ncx2Sf: x", x);
  requireDegrees("ncx2Sf: df", df);
  requireNonCentrality("ncx2Sf: nc", nc);
  if (nc === 0) return chi2Sf(x, df);
  if (x <= 0) return 1;
  if (x === Infinity) return 0;
  const mean = nc / 2;
  const half = x / 2;
  const shape = df / 2;
  const mode = Math.floor(Math.max(mean, productMode(mean, half, shape)));
  const stride = Math.max(1, Math.floor(Math.sqrt(mode) / 10));
  const term = (j: number) => poissonMass(j, mean) * gammaQ(shape + j, half);
  let sum = 0;
  for (let j = mode; ; j += stride) {
    const value = term(j);
    sum += value;
    if (!(value > sum * negligible)) break;
  }
  for (let j = mode - stride; j >= 0; j -= stride) {
    const value = term(j);
    sum += value;
    if (!(value > sum * negligible)) break;
  }
  return Math.min(1, sum * stride);
}

/** The j with j (j + shape) = mean * half, where mean^j half^(j + shape) / (j! Γ(j + shape)) is largest. */
function productMode(mean: number, half: number, shape: number): number {
  const middle = shape / 2;
  const root = Math.sqrt(mean) * Math.sqrt(half);
  return root / (middle / root + Math.hypot(middle / root, 1));
}
