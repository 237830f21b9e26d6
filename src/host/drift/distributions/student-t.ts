/** Student's t and Fisher's F: tails by the incomplete beta function, DLMF 8.17 and Abramowitz-Stegun 26.5.27-28. */
import { betaTail } from "./beta.js";
import { requireDegrees, requireNumber, requireProbability } from "./domain.js";
import { symmetricIsf } from "./quantile.js";

function tail(t: number, df: number): number {
  const scaled = t / Math.sqrt(df);
  const logOdds = 2 * (Math.log(Math.abs(t)) - 0.5 * Math.log(df));
  const half = 0.5 * betaTail(scaled * scaled, logOdds, df / 2, 0.5);
  return t < 0 ? 1 - half : half;
}

/**
 * P(T >= t) with `df` degrees of freedom: I_x(df/2, 1/2) / 2 at x = df / (df + t²), for t >= 0.
 *
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  t is NaN, or df is outside (0, distributionParameterMax]
 */
export function studentTSf(t: number, df: number): number {
  requireNumber("studentTSf: t", t);
  requireDegrees("studentTSf: df", df);
  return tail(t, df);
}

/**
 * The t that leaves p above it: inverse of `studentTSf`. Infinity at p = 0 (or past the largest double), -Infinity at p = 1.
 *
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  p is outside [0, 1], or df is outside (0, distributionParameterMax]
 */
export function studentTIsf(p: number, df: number): number {
  requireProbability("studentTIsf: p", p);
  requireDegrees("studentTIsf: df", df);
  return symmetricIsf((t) => tail(t, df), p);
}

/**
 * P(F >= x) with `df1` and `df2` degrees of freedom: I_y(df2/2, df1/2) at y = df2 / (df2 + df1 x). 1 for x <= 0.
 *
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  x is NaN, or df1 or df2 is outside (0, distributionParameterMax]
 */
export function fSf(x: number, df1: number, df2: number): number {
  requireNumber("fSf: x", x);
  requireDegrees("fSf: df1", df1);
  requireDegrees("fSf: df2", df2);
  if (x <= 0) return 1;
  return betaTail((x * df1) / df2, Math.log(x) + Math.log(df1) - Math.log(df2), df2 / 2, df1 / 2);
}
