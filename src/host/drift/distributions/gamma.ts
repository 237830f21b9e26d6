/** The gamma function's logarithm and the regularised incomplete gamma functions P and Q = 1 - P. */
import { deviance, poissonMass, stirlingError } from "./deviance.js";

const epsilon = Number.EPSILON;
/** Where Temme's expansion takes over: its first left-out term is below 1e-13, and the loops here stay below 2e4 steps. */
const expansionFrom = 1e6;
/** exp(-this) is 0. */
const halfMax = 750;
/** A brake that converging loops never meet. */
const stepsMax = 1_000_000;

/** ln Γ(x), x > 0. Stirling's formula with its error term added; good to about 1e-15 absolute or relative. */
export function logGamma(x: number): number {
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + stirlingError(x);
}

/** P(a, x) by its power series, all terms positive: DLMF 8.11.4. For x < a + 1. */
function lowerSeries(a: number, x: number): number {
  let term = poissonMass(a, x);
  let sum = term;
  for (let k = 1; term > sum * epsilon * 0.25; k++) {
    term *= x / (a + k);
    sum += term;
  }
  return sum;
}

/** Q(a, x) by its continued fraction, DLMF 8.9.2, Lentz's method. For x >= a + 1. */
function upperFraction(a: number, x: number): number {
  const front = a * poissonMass(a, x);
  if (front === 0) return 0;
  let b = x + 1 - a;
  let c = Infinity;
  let d = 1 / b;
  let value = d;
  for (let k = 1; k < stepsMax; k++) {
    const numerator = k * (a - k);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    const factor = c * d;
    value *= factor;
    if (Math.abs(factor - 1) <= epsilon) break;
  }
  return front * value;
}

/**
 * Temme's uniform expansion for large a, DLMF 8.12.3-4: Q = erfc(η √(a/2)) / 2 + R, a η² / 2 being the deviance. For a of 1e6
 * and more, |η| < 0.04 wherever the answer is between 1e-320 and 1 - 1e-16, so a few Taylor coefficients of c_0(η) and
 * c_1(η) (DLMF 8.12.9-10) are enough.
 */
function uniformExpansion(a: number, x: number): number {
  const half = deviance(a, x);
  if (half > halfMax) return x < a ? 1 : 0;
  const sign = x < a ? -1 : 1;
  const eta = sign * Math.sqrt((2 * half) / a);
  const c0 =
    -1 / 3 + eta * (1 / 12 + eta * (-2 / 135 + eta * (1 / 864 + eta * (1 / 2835 - (eta * 139) / 777600))));
  const c1 = -1 / 540 + eta * (-1 / 288 + eta / 378);
  const correction = (Math.exp(-half) / Math.sqrt(2 * Math.PI * a)) * (c0 + c1 / a);
  const tail = 0.5 * gammaQ(0.5, half);
  return (sign > 0 ? tail : 1 - tail) + correction;
}

/**
 * Upper regularised incomplete gamma function Q(a, x) = Γ(a, x) / Γ(a), small values to full relative accuracy.
 *
 * @param a  > 0; @param x  >= 0, may be Infinity
 */
export function gammaQ(a: number, x: number): number {
  if (x <= 0) return 1;
  if (x === Infinity) return 0;
  if (a >= expansionFrom) return Math.max(0, uniformExpansion(a, x));
  if (x < a + 1) return Math.max(0, 1 - lowerSeries(a, x));
  return upperFraction(a, x);
}

/** Lower regularised incomplete gamma function P(a, x) = 1 - Q(a, x), small values to full relative accuracy below a = 1e6. */
export function gammaP(a: number, x: number): number {
  if (x <= 0) return 0;
  if (x === Infinity) return 1;
  if (a < expansionFrom && x < a + 1) return Math.min(1, lowerSeries(a, x));
  return 1 - gammaQ(a, x);
}
