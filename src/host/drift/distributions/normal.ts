/** The standard normal distribution. */
import { requireNumber, requireProbability } from "./domain.js";
import { gammaQ } from "./gamma.js";
import { symmetricIsf } from "./quantile.js";

function tail(z: number): number {
  const both = gammaQ(0.5, (z * z) / 2);
  return z < 0 ? 1 - 0.5 * both : 0.5 * both;
}

/**
 * P(Z >= z) = erfc(z / √2) / 2 = Q(1/2, z²/2) / 2 for z >= 0. Relative error about 1e-13 down to the smallest doubles.
 *
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  z is NaN
 */
export function normalSf(z: number): number {
  requireNumber("normalSf: z", z);
  return tail(z);
}

/**
 * The z that leaves p above it: inverse of `normalSf`. Infinity at p = 0, -Infinity at p = 1.
 *
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  p is outside [0, 1]
 */
export function normalIsf(p: number): number {
  requireProbability("normalIsf: p", p);
  return symmetricIsf(tail, p);
}
