// Kolmogorov-Smirnov distances as whole numbers: D = numerator / (n m), with numerator = max |R_i m - C_i n| over the points where
// an ECDF steps (right-continuous: after all values equal to the point). The host divides, so that no rounding enters here.

/**
 * From sorted keys of both samples, ties handled: at each distinct value both cursors pass all that equal it before the distance is
 * taken. Bytes read: 8 (n + m). Output: out[0], u64, the numerator (< 2^64: n and m are u32).
 */
export function ksFromSortedKeys(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  outPtr: usize,
): void {
  const referenceEnd = referencePtr + (<usize>referenceCount << 3);
  const currentEnd = currentPtr + (<usize>currentCount << 3);
  let rPtr = referencePtr;
  let cPtr = currentPtr;
  let numerator: i64 = 0;
  let gap: i64 = 0;
  while (rPtr < referenceEnd && cPtr < currentEnd) {
    const point = min<u64>(load<u64>(rPtr), load<u64>(cPtr));
    while (rPtr < referenceEnd && load<u64>(rPtr) == point) {
      gap += currentCount;
      rPtr += 8;
    }
    while (cPtr < currentEnd && load<u64>(cPtr) == point) {
      gap -= referenceCount;
      cPtr += 8;
    }
    numerator = max<i64>(numerator, abs<i64>(gap));
  }
  // Where one sample has ended, the gap only closes from here on.
  store<i64>(outPtr, numerator);
}

/**
 * From value-bin counts (f64 whole numbers) over shared edges: exact at the edges. Output, f64: out[0] numerator (rounded once
 * beyond 2^53) | out[1] n | out[2] m.
 */
export function ksFromCounts(referencePtr: usize, currentPtr: usize, binCount: u32, outPtr: usize): void {
  let n: f64 = 0;
  let m: f64 = 0;
  for (let i: u32 = 0; i < binCount; i++) {
    n += load<f64>(referencePtr + (i << 3));
    m += load<f64>(currentPtr + (i << 3));
  }
  let reference: f64 = 0;
  let current: f64 = 0;
  let numerator: f64 = 0;
  for (let i: u32 = 0; i < binCount; i++) {
    reference += load<f64>(referencePtr + (i << 3));
    current += load<f64>(currentPtr + (i << 3));
    numerator = max<f64>(numerator, Math.abs(reference * m - current * n));
  }
  store<f64>(outPtr, numerator);
  store<f64>(outPtr, n, 8);
  store<f64>(outPtr, m, 16);
}
