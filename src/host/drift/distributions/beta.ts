/** The regularised incomplete beta function, from which the tails of t, F and the binomial follow. */
import { deviance, stirlingError } from "./deviance.js";

const epsilon = Number.EPSILON;
/** The fraction takes about sqrt(max(a, b)) steps, 1e6 at the largest parameters allowed. A brake that it never meets. */
const stepsMax = 10_000_000;
/** ln of the odds above which 1 - x rounds to 1 so far that the fraction is 1 and x itself may underflow. */
const logOddsFar = 300;

/** x^a y^b Γ(a + b) / (Γ(a + 1) Γ(b)), with y = 1 - x; Loader's binomial form, see deviance.ts. */
function frontFactor(a: number, b: number, devianceSum: number): number {
  const n = a + b;
  const error = stirlingError(n) - stirlingError(a) - stirlingError(b);
  return Math.exp(error - devianceSum) * Math.sqrt(b / (2 * Math.PI * a * n));
}

/**
 * x^a y^b / (a B(a, b)) times this is I_x(a, b): the even part of DLMF's continued fraction 8.17.22, by Lentz's method, for
 * x < (a + 1) / (a + b + 2). Source: DiDonato and Morris, ACM TOMS 18, 1992, section 4. It asks for x only through a y - b x
 * and y, so it keeps its digits where x rounds to 1: t with 1e12 degrees of freedom is as good as with 10.
 */
function fraction(x: number, y: number, a: number, b: number): number {
  const excess = a * y - b * x + 1;
  let c = (a * excess) / (a + 1);
  let value = c;
  let d = 0;
  for (let k = 1; k < stepsMax; k++) {
    const at = a + 2 * k;
    const ratio = (k * (b - k) * x) / (at - 1);
    const numerator = (((a + k - 1) * (a + b + k - 1) * x) / (at - 1)) * ratio;
    const denominator = k + ratio + ((a + k) * (excess + k * (1 + y))) / (at + 1);
    d = 1 / (denominator + numerator * d);
    c = denominator + numerator / c;
    const factor = c * d;
    value *= factor;
    if (Math.abs(factor - 1) <= epsilon) break;
  }
  return a / value;
}

/**
 * I_x(a, b) at x = 1 / (1 + odds): the regularised incomplete beta function, small values to full relative accuracy. The odds
 * y / x rather than x keep both x and y = 1 - x exact where either is small.
 *
 * Source: DLMF 8.17; front factor after Loader 2000.
 *
 * @param odds     >= 0, may be Infinity
 * @param logOdds  ln(odds), which is finite where the odds overflow
 */
export function betaTail(odds: number, logOdds: number, a: number, b: number): number {
  if (odds <= 0) return 1;
  const n = a + b;
  if (logOdds > logOddsFar) {
    // x = 1 / odds, y = 1: the terms that are left out are smaller by a factor of n / odds.
    return frontFactor(a, b, a * (Math.log(a / n) + logOdds - 1) + deviance(b, n, a));
  }
  const x = 1 / (1 + odds);
  const y = odds / (1 + odds);
  if (x * (n + 2) > a + 1) return Math.max(0, 1 - betaTail(1 / odds, -logOdds, b, a));
  const front = frontFactor(a, b, deviance(a, n * x) + deviance(b, n * y));
  return front === 0 ? 0 : Math.min(1, front * fraction(x, y, a, b));
}
