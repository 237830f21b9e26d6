// The Wasserstein distance of order 1 of two samples, from their sorted keys (keys.ts): the area between the two ECDFs,
//
//   W1 = integral |R(x) - C(x)| dx = sum over neighbouring points x_i < x_{i+1} of the pooled values of |R(x_i) - C(x_i)| (x_{i+1} - x_i)
//
// Source: Vallender 1974, "Calculation of the Wasserstein distance between probability distributions on the line".

import {
  areOfOneKind,
  currentBefore,
  currentTotal,
  endOfRun,
  floatOf,
  orderOf,
  referenceBefore,
  referenceTotal,
} from "./merge";
import { valueOf } from "./keys";

/** Where a point is: its key, or of samples of two kinds the bits of its value as a double. T: the kind of the key. */
// @ts-ignore: decorator
@inline
function placeOf<R, C, T>(key: u64): u64 {
  return areOfOneKind<R, C>() ? key : reinterpret<u64>(valueOf<T>(key));
}

/** How far two places are apart: for integers of 64 bits of one kind the exact difference, rounded once. */
// @ts-ignore: decorator
@inline
function distanceBetween<R, C>(low: u64, high: u64): f64 {
  if (!areOfOneKind<R, C>()) return reinterpret<f64>(high) - reinterpret<f64>(low);
  return isFloat<R>() ? floatOf(high) - floatOf(low) : <f64>(high - low);
}

/** Which sample has the next point: -1 the reference, 1 the current, 0 both; for cursors not both at their ends. */
// @ts-ignore: decorator
@inline
function nextOrder<R, C>(rPtr: usize, referenceEnd: usize, cPtr: usize, currentEnd: usize): i32 {
  if (cPtr == currentEnd) return -1;
  return rPtr == referenceEnd ? 1 : orderOf<R, C>(load<u64>(rPtr), load<u64>(cPtr));
}

/**
 * R and C name the kinds of the samples' keys (merge.ts); finite values only, at least one of each sample. The gap between the ECDFs is a
 * whole number until it is divided; the sum is compensated (Kahan 1965), so that its error does not grow with the number of rows.
 * Infinite where the distance exceeds the largest double. The keys may be a stretch of both samples, cut before a distinct value. A step
 * goes on from `state` (layout: merge.ts) and ends before a distinct value, when a cursor has passed `keysMax` keys, or at both ends; so
 * neither cut changes a bit. Bytes read: as ks.ts. The host sees to it that n m is below 2^63.
 *
 * @returns whether there is more to do
 */
// @ts-ignore: decorator
@inline
export function wassersteinStep<R, C>(
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
  const rStart = rPtr;
  const cStart = cPtr;
  const bytesMax = <usize>keysMax << 3;
  const n = referenceTotal(statePtr);
  const m = currentTotal(statePtr);
  const rBefore = referenceBefore(statePtr);
  const cBefore = currentBefore(statePtr);
  const scale = <f64>n * <f64>m;
  let sum = load<f64>(statePtr, 8);
  let lost = load<f64>(statePtr, 16);
  let place = load<u64>(statePtr, 24);
  let isMore = true;
  while (rPtr - rStart < bytesMax && cPtr - cStart < bytesMax) {
    if (rPtr == referenceEnd && cPtr == currentEnd) {
      isMore = false;
      break;
    }
    // Past one of the ends the other goes on.
    const order = nextOrder<R, C>(rPtr, referenceEnd, cPtr, currentEnd);
    const next = order <= 0 ? placeOf<R, C, R>(load<u64>(rPtr)) : placeOf<R, C, C>(load<u64>(cPtr));
    const rPassed = rBefore + <i64>((rPtr - referencePtr) >> 3);
    const cPassed = cBefore + <i64>((cPtr - currentPtr) >> 3);
    const gap = rPassed * m - cPassed * n;
    // Where the ECDFs meet, as they do before the first point, nothing is added: 0 times the distance of the ends of f64 would be no number.
    if (gap != 0) {
      const term = (<f64>abs<i64>(gap) / scale) * distanceBetween<R, C>(place, next) - lost;
      const total = sum + term;
      // Of an infinite sum nothing is lost.
      lost = total == Infinity ? 0 : total - sum - term;
      sum = total;
    }
    place = next;
    if (order <= 0) rPtr = endOfRun(rPtr, referenceEnd);
    if (order >= 0) cPtr = endOfRun(cPtr, currentEnd);
  }
  store<u32>(statePtr, <u32>((rPtr - referencePtr) >> 3));
  store<u32>(statePtr, <u32>((cPtr - currentPtr) >> 3), 4);
  store<f64>(statePtr, sum, 8);
  store<f64>(statePtr, lost, 16);
  store<u64>(statePtr, place, 24);
  return isMore;
}
