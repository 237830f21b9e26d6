// The Wasserstein distance of order 1 of two samples, from their sorted keys (keys.ts): the area between the two ECDFs,
//
//   W1 = integral |R(x) - C(x)| dx = sum over neighbouring points x_i < x_{i+1} of the pooled values of |R(x_i) - C(x_i)| (x_{i+1} - x_i)
//
// Source: Vallender 1974, "Calculation of the Wasserstein distance between probability distributions on the line".

/** How far two keys of a kind are apart, as values: for integers of 64 bits the exact difference, rounded once. */
// @ts-ignore: decorator
@inline
function distanceBetween<T>(lowKey: u64, highKey: u64): f64 {
  if (!isFloat<T>()) return <f64>(highKey - lowKey);
  return floatOf(highKey) - floatOf(lowKey);
}

// @ts-ignore: decorator
@inline
function floatOf(key: u64): f64 {
  return reinterpret<f64>(key ^ (<u64>(~(<i64>key) >> 63) | 0x8000_0000_0000_0000));
}

/**
 * T names the kind of both samples' keys: f64, i64 or u64; finite values only. Bytes read: 8 (n + m). The gap between the ECDFs is a
 * whole number until it is divided; the sum is compensated (Kahan 1965), so that its error does not grow with the number of rows.
 *
 * @returns the distance in the values' unit; infinite where it exceeds the largest double. 0 when a sample is empty
 */
// @ts-ignore: decorator
@inline
export function wassersteinFromSortedKeys<T>(
  referencePtr: usize,
  referenceCount: u32,
  currentPtr: usize,
  currentCount: u32,
): f64 {
  if (referenceCount == 0 || currentCount == 0) return 0;
  const referenceEnd = referencePtr + (<usize>referenceCount << 3);
  const currentEnd = currentPtr + (<usize>currentCount << 3);
  const scale = <f64>referenceCount * <f64>currentCount;
  let rPtr = referencePtr;
  let cPtr = currentPtr;
  let point = min<u64>(load<u64>(rPtr), load<u64>(cPtr));
  let gap: i64 = 0;
  let sum: f64 = 0;
  let lost: f64 = 0;
  while (true) {
    while (rPtr < referenceEnd && load<u64>(rPtr) == point) {
      gap += currentCount;
      rPtr += 8;
    }
    while (cPtr < currentEnd && load<u64>(cPtr) == point) {
      gap -= referenceCount;
      cPtr += 8;
    }
    // Past both ends the gap is 0; past one of them the other goes on.
    if (rPtr == referenceEnd && cPtr == currentEnd) return sum;
    const next =
      rPtr == referenceEnd
        ? load<u64>(cPtr)
        : cPtr == currentEnd
          ? load<u64>(rPtr)
          : min<u64>(load<u64>(rPtr), load<u64>(cPtr));
    // Where the ECDFs meet, nothing is added: 0 times the distance of the ends of f64 would be no number.
    if (gap != 0) {
      const term = (<f64>abs<i64>(gap) / scale) * distanceBetween<T>(point, next) - lost;
      const total = sum + term;
      // Of an infinite sum nothing is lost.
      lost = total == Infinity ? 0 : total - sum - term;
      sum = total;
    }
    point = next;
  }
}
