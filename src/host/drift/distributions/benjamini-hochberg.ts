/** Many features, one verdict: control of the false discovery rate. */
import { requireProbability } from "./domain.js";

/**
 * Benjamini-Hochberg adjusted p values, in the order given: min over k >= rank of p_(k) N / k, at most 1. A feature is
 * rejected at level alpha where its adjusted value is below alpha.
 *
 * Source: Benjamini and Hochberg, J. R. Stat. Soc. B 57, 1995; adjusted form: Yekutieli and Benjamini 1999.
 *
 * @param pValues  not modified; may be empty
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  a p value is outside [0, 1]
 * @example benjaminiHochberg([0.01, 0.04])  // [0.02, 0.04]
 */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  pValues.forEach((p, index) => {
    requireProbability(`benjaminiHochberg: p value ${index}`, p);
  });
  const falling = pValues.map((_, index) => index).sort((i, j) => pValues[j]! - pValues[i]!);
  const adjusted = new Array<number>(pValues.length);
  let lowest = 1;
  falling.forEach((index, above) => {
    // N / N is exactly 1, so the largest p value stays what it is.
    lowest = Math.min(lowest, pValues[index]! * (pValues.length / (pValues.length - above)));
    adjusted[index] = lowest;
  });
  return adjusted;
}
