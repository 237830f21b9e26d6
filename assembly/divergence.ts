// PSI, KL and the G statistic from integer counts that are held as f64 (exact below 2^53).
//
//   p_i = (count_i + s) / (N + s B)          B = slots that hold a count in the reference or the current
//   PSI = sum (c_i - r_i) ln(c_i / r_i)
//   KL  = sum c_i ln(c_i / r_i)
//   G   = 2 sum over both samples of observed ln(observed / expected), on the raw counts
//
// Near equality ln(c/r) would lose its digits to the division, so it is taken as log1p of an excess whose numerator is a
// difference of products of counts: exact while they stay below 2^53, and rounded once beyond.
//
// Output, f64 each: out[0] PSI | out[1] KL | out[2] G | out[3] B.   Alignment 8.

/** ln(numerator / denominator), given their difference. */
// @ts-ignore: decorator
@inline
function logRatio(difference: f64, numerator: f64, denominator: f64): f64 {
  return Math.abs(difference) < 0.5 * denominator
    ? Math.log1p(difference / denominator)
    : Math.log(numerator / denominator);
}

// @ts-ignore: decorator
@inline
function isUsed(reference: f64, current: f64): bool {
  return reference + current > 0;
}

/** Totals of both samples and the slots in use. Output: out[0] n, out[1] m, out[2] B. */
// @ts-ignore: decorator
@inline
function totals(referencePtr: usize, currentPtr: usize, slotCount: u32, outPtr: usize): void {
  let n: f64 = 0;
  let m: f64 = 0;
  let used: f64 = 0;
  for (let i: u32 = 0; i < slotCount; i++) {
    const reference = load<f64>(referencePtr + (i << 3));
    const current = load<f64>(currentPtr + (i << 3));
    n += reference;
    m += current;
    used += <f64>isUsed(reference, current);
  }
  store<f64>(outPtr, n);
  store<f64>(outPtr, m, 8);
  store<f64>(outPtr, used, 16);
}

/** Additive smoothing s. Writes out[0..3]. */
export function divergenceFromCounts(
  referencePtr: usize,
  currentPtr: usize,
  slotCount: u32,
  smoothing: f64,
  outPtr: usize,
): void {
  totals(referencePtr, currentPtr, slotCount, outPtr);
  const n = load<f64>(outPtr);
  const m = load<f64>(outPtr, 8);
  const used = load<f64>(outPtr, 16);
  const referenceMass = n + smoothing * used;
  const currentMass = m + smoothing * used;
  let psi: f64 = 0;
  let kl: f64 = 0;
  let g: f64 = 0;
  for (let i: u32 = 0; i < slotCount; i++) {
    const reference = load<f64>(referencePtr + (i << 3));
    const current = load<f64>(currentPtr + (i << 3));
    if (!isUsed(reference, current)) continue;
    const c = (current + smoothing) * referenceMass;
    const r = (reference + smoothing) * currentMass;
    const log = logRatio(c - r, c, r);
    psi += ((c - r) / (referenceMass * currentMass)) * log;
    kl += ((current + smoothing) / currentMass) * log;
    const excess = current * n - reference * m;
    const both = reference + current;
    if (current > 0) g += current * logRatio(excess, current * (n + m), m * both);
    if (reference > 0) g += reference * logRatio(-excess, reference * (n + m), n * both);
  }
  const comparable = used > 1;
  store<f64>(outPtr, comparable ? psi : 0);
  store<f64>(outPtr, comparable ? kl : 0, 8);
  store<f64>(outPtr, comparable ? 2 * g : 0, 16);
  store<f64>(outPtr, used, 24);
}

/** Zero proportions replaced by `floor`, nothing renormalised: what other tools do. Writes out[0] PSI and out[1] KL only. */
export function divergenceWithFloor(
  referencePtr: usize,
  currentPtr: usize,
  slotCount: u32,
  floor: f64,
  outPtr: usize,
): void {
  totals(referencePtr, currentPtr, slotCount, outPtr);
  const n = load<f64>(outPtr);
  const m = load<f64>(outPtr, 8);
  let psi: f64 = 0;
  let kl: f64 = 0;
  for (let i: u32 = 0; i < slotCount; i++) {
    const reference = load<f64>(referencePtr + (i << 3));
    const current = load<f64>(currentPtr + (i << 3));
    if (!isUsed(reference, current)) continue;
    const r = reference > 0 ? reference / n : floor;
    const c = current > 0 ? current / m : floor;
    let difference = c - r;
    let log = logRatio(difference, c, r);
    if (reference > 0 && current > 0) {
      const excess = current * n - reference * m;
      difference = excess / (n * m);
      log = logRatio(excess, current * n, reference * m);
    }
    psi += difference * log;
    kl += c * log;
  }
  store<f64>(outPtr, psi);
  store<f64>(outPtr, kl, 8);
}
