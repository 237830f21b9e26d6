// Kolmogorov-Smirnov distances as whole numbers: D = numerator / (n m), with numerator = max |R_i m - C_i n| over the points where
// an ECDF steps (right-continuous: after all values equal to the point). The host divides, so that no rounding enters here.

import { currentBefore, currentTotal, endOfRun, orderOf, referenceBefore, referenceTotal } from "./merge";

/**
 * From sorted keys of both samples, R and C their kinds (merge.ts), ties handled: at each distinct value both cursors pass all that equal
 * it before the distance is taken. The keys may be a stretch of both samples, cut before a distinct value: behind the first end of its
 * two the gap is largest at the stretch's end, which is for the host to look at. A step goes on from `state` (layout: merge.ts) and ends
 * before a distinct value, when a cursor has passed `keysMax` keys or its end; so the cut changes nothing. Bytes read: 8 for each key
 * passed, fewer of long runs of equal keys.
 *
 * The host sees to it that n m is below 2^63.
 *
 * @returns whether there is more to do
 */
// @ts-ignore: decorator
@inline
export function ksStep<R, C>(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
  keysMax: u32,
  statePtr: usize,
): bool {
  const referenceEnd = referencePtr + (<usize>referenceCount << 3);
  const currentEnd = currentPtr + (<usize>currentCount << 3);
  let rPtr = referencePtr + (<usize>load<u32>(statePtr) << 3);
  let cPtr = currentPtr + (<usize>load<u32>(statePtr, 4) << 3);
  const rStop = rPtr + min<usize>(referenceEnd - rPtr, <usize>keysMax << 3);
  const cStop = cPtr + min<usize>(currentEnd - cPtr, <usize>keysMax << 3);
  const n = referenceTotal(statePtr);
  const m = currentTotal(statePtr);
  const rBefore = referenceBefore(statePtr);
  const cBefore = currentBefore(statePtr);
  let numerator = load<i64>(statePtr, 8);
  while (rPtr < rStop && cPtr < cStop) {
    const order = orderOf<R, C>(load<u64>(rPtr), load<u64>(cPtr));
    if (order <= 0) rPtr = endOfRun(rPtr, referenceEnd);
    if (order >= 0) cPtr = endOfRun(cPtr, currentEnd);
    const rPassed = rBefore + <i64>((rPtr - referencePtr) >> 3);
    const cPassed = cBefore + <i64>((cPtr - currentPtr) >> 3);
    const gap = rPassed * m - cPassed * n;
    numerator = max<i64>(numerator, abs<i64>(gap));
  }
  store<u32>(statePtr, <u32>((rPtr - referencePtr) >> 3));
  store<u32>(statePtr, <u32>((cPtr - currentPtr) >> 3), 4);
  store<i64>(statePtr, numerator, 8);
  // Where one has ended, the gap only grows or only closes up to the stretch's end.
  return rPtr < referenceEnd && cPtr < currentEnd;
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
