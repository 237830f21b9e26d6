/** How small a PSI a comparison of this size can tell from noise. */

import { chi2Isf } from "./chi-square.js";
import { requireCount, requireProbability } from "./domain.js";

/**
 * The PSI that pure noise exceeds with probability alpha: chi2Isf(alpha, B - 1) (1/n + 1/m). When it is above the threshold,
 * this n and m are too few rows for that threshold (`insufficient-data`).
 *
 * Source: DESIGN section 4; Yurdakul 2018: PSI / (1/n + 1/m) is chi-square with B - 1 degrees of freedom.
 *
 * @param n          reference rows, >= 1
 * @param m          current rows, >= 1
 * @param slotCount  B, the slots that hold a count; with one slot the PSI is always 0, and so is the answer
 * @param alpha      from 0 (answer Infinity) to 1 (answer 0)
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  an argument is outside its range
 */
export function smallestDetectablePsi(n: number, m: number, slotCount: number, alpha: number): number {
  requireCount("smallestDetectablePsi: n", n, 1, Number.MAX_SAFE_INTEGER);
  requireCount("smallestDetectablePsi: m", m, 1, Number.MAX_SAFE_INTEGER);
  requireCount("smallestDetectablePsi: slotCount", slotCount, 1, 1e9);
  requireProbability("smallestDetectablePsi: alpha", alpha);
  if (slotCount === 1) return 0;
  return chi2Isf(alpha, slotCount - 1) * (1 / n + 1 / m);
}
