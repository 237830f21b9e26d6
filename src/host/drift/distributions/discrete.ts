/** Exact tests on small counts. */
import { distributionParameterMax } from "../../../limits.js";
import { betaTail } from "./beta.js";
import { requireCount } from "./domain.js";

/**
 * McNemar's exact test: two-sided binomial p value of b against c discordant pairs, min(1, 2 P(X <= min(b, c))) with X of
 * b + c fair tosses. P(X <= k) of n tosses is I_1/2(n - k, k + 1), DLMF 8.17.5.
 *
 * @param b  pairs that only the first got right; a whole number >= 0
 * @param c  pairs that only the second got right
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  b or c is no count
 * @example mcnemarExact(1, 5)  // 0.21875
 */
export function mcnemarExact(b: number, c: number): number {
  requireCount("mcnemarExact: b", b, 0, distributionParameterMax);
  requireCount("mcnemarExact: c", c, 0, distributionParameterMax);
  if (b === c) return 1;
  return Math.min(1, 2 * betaTail(1, 0, Math.max(b, c), Math.min(b, c) + 1));
}
