/** Distances of two distributions over the same slots, from raw counts: no smoothing is needed where nothing is divided by a share. */

/**
 * Jensen-Shannon distance: the square root of the divergence, in nats; a metric. 0 for equal shares, sqrt(ln 2) = 0.8326 where no slot
 * holds rows of both. scipy.spatial.distance.jensenshannon gives the same (its default base).
 *
 *   JSD = (1/2) sum r ln(r / a) + (1/2) sum c ln(c / a)     a = (r + c) / 2
 *       = (1/2) sum a ((1 - d) ln(1 - d) + (1 + d) ln(1 + d))     d = (c - r) / (c + r)
 *
 * The second form keeps its digits where the shares are nearly equal. Source: Lin 1991; Endres, Schindelin 2003.
 *
 * @param reference, current  counts of the same slots, whole numbers >= 0; both hold at least one row
 */
export function jensenShannonDistance(reference: readonly number[], current: readonly number[]): number {
  const n = total(reference);
  const m = total(current);
  let divergence = 0;
  reference.forEach((count, slot) => {
    const r = count / n;
    const c = current[slot]! / m;
    if (r + c === 0) return;
    const d = (current[slot]! * n - count * m) / (current[slot]! * n + count * m);
    divergence += ((r + c) / 4) * (entropyTerm(-d) + entropyTerm(d));
  });
  return Math.sqrt(Math.max(0, divergence));
}

/** (1 + d) ln(1 + d), 0 at d = -1. */
function entropyTerm(d: number): number {
  return d <= -1 ? 0 : (1 + d) * Math.log1p(d);
}

/**
 * Total variation: the largest difference that any set of slots shows, which is half the sum of the slots' differences; 0 to 1. The
 * share of the rows that would have to be in another slot.
 */
export function totalVariation(reference: readonly number[], current: readonly number[]): number {
  const n = total(reference);
  const m = total(current);
  // Divided at the end: the difference of two nearly equal shares would have lost its digits.
  const sum = reference.reduce((all, count, slot) => all + Math.abs(count * m - current[slot]! * n), 0);
  return Math.min(1, sum / (2 * n * m));
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
