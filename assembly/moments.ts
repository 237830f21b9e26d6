// Central moments of the present, finite values of a block, in two reads: the mean, then sums of powers of the deviations. Blocks
// are merged by the host in the order that the partition fixes (Pebay 2008, SAND2008-6212, eq. 2.1 and 3.1), so the same data give
// the same bytes whatever the number of threads.
//
// Output, f64 each:  out[0] count | out[1] mean | out[2] M2 | out[3] M3 | out[4] M4 | out[5] min | out[6] max
// Count 0 leaves mean and M at 0, min at +Infinity and max at -Infinity.

import { isPresent } from "./bitmap";

// @ts-ignore: decorator
@inline
function isCounted<T>(value: T, validityPtr: usize, bitOffset: u32, index: u32): bool {
  if (isFloat<T>() && !(abs<T>(value) < <T>Infinity)) return false;
  return validityPtr == 0 || isPresent(validityPtr, bitOffset, index);
}

// @ts-ignore: decorator
@inline
export function moments<T>(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  outPtr: usize,
): void {
  let count: f64 = 0;
  let sum: f64 = 0;
  // Values near the largest double overflow their sum: they are also summed at 2^-64 of their size, where only tiny ones lose digits.
  const unit: f64 = 5.421010862427522e-20;
  let scaledSum: f64 = 0;
  let low: f64 = Infinity;
  let high: f64 = -Infinity;
  for (let index: u32 = 0; index < valueCount; index++) {
    const value = load<T>(valuesPtr + index * <u32>sizeof<T>());
    if (!isCounted<T>(value, validityPtr, bitOffset, index)) continue;
    const x = <f64>value;
    count += 1;
    sum += x;
    if (sizeof<T>() == 8 && isFloat<T>()) scaledSum += x * unit;
    low = min<f64>(low, x);
    high = max<f64>(high, x);
  }
  let mean: f64 = count > 0 ? sum / count : 0;
  if (!isFinite<f64>(mean)) mean = max<f64>(low, min<f64>(high, scaledSum / count / unit));
  let m2: f64 = 0;
  let m3: f64 = 0;
  let m4: f64 = 0;
  for (let index: u32 = 0; index < valueCount; index++) {
    const value = load<T>(valuesPtr + index * <u32>sizeof<T>());
    if (!isCounted<T>(value, validityPtr, bitOffset, index)) continue;
    const deviation = <f64>value - mean;
    const square = deviation * deviation;
    m2 += square;
    m3 += square * deviation;
    m4 += square * square;
  }
  store<f64>(outPtr, count);
  store<f64>(outPtr, mean, 8);
  store<f64>(outPtr, m2, 16);
  store<f64>(outPtr, m3, 24);
  store<f64>(outPtr, m4, 32);
  store<f64>(outPtr, low, 40);
  store<f64>(outPtr, high, 48);
}
