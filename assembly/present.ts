// Lanes of a column with its absent rows masked out: NaN in floats, the lowest value in integers.

import { isPresent, presentBits } from "./bitmap";
import { absentLanes, fromComparable, laneCount, loadComparable, lowest } from "./lanes";

/** Replaces absent lanes by NaN or, in integers, the lowest value. */
// @ts-ignore: decorator
@inline
function maskAbsent<T>(values: v128, bits: u32): v128 {
  let mask: v128;
  if (sizeof<T>() == 8) {
    mask = v128.ne<i64>(v128.and(i64x2.splat(bits), i64x2(1, 2)), i64x2.splat(0));
  } else if (sizeof<T>() == 4) {
    mask = v128.ne<i32>(v128.and(i32x4.splat(bits), i32x4(1, 2, 4, 8)), i32x4.splat(0));
  } else if (sizeof<T>() == 2) {
    mask = v128.ne<i16>(v128.and(i16x8.splat(<i16>bits), i16x8(1, 2, 4, 8, 16, 32, 64, 128)), i16x8.splat(0));
  } else {
    const low = i8x16.splat(<i8>bits);
    const high = i8x16.splat(<i8>(bits >> 8));
    const spread = v128.shuffle<i8>(low, high, 0, 0, 0, 0, 0, 0, 0, 0, 16, 16, 16, 16, 16, 16, 16, 16);
    const lanes = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128);
    mask = v128.ne<i8>(v128.and(spread, lanes), i8x16.splat(0));
  }
  return v128.bitselect(values, absentLanes<T>(), mask);
}

// @ts-ignore: decorator
@inline
export function loadPresent<T>(valuesPtr: usize, index: u32, validityPtr: usize, bitOffset: u32): v128 {
  const values = loadComparable<T>(valuesPtr + index * <u32>sizeof<T>());
  if (validityPtr == 0) return values;
  let bits: u32;
  if (sizeof<T>() == 1) {
    bits =
      presentBits(validityPtr, bitOffset, index, 8) | (presentBits(validityPtr, bitOffset, index + 8, 8) << 8);
  } else {
    bits = presentBits(validityPtr, bitOffset, index, laneCount<T>());
  }
  return maskAbsent<T>(values, bits);
}

/**
 * Copies rows [from, from + count) with the absent ones as NaN or the lowest integer, and as many of these behind them as fill up to
 * `padded`, a multiple of the lanes.
 */
// @ts-ignore: decorator
@inline
export function copyPresent<T>(
  valuesPtr: usize,
  from: u32,
  count: u32,
  validityPtr: usize,
  bitOffset: u32,
  padded: u32,
  outPtr: usize,
): void {
  const absent = isFloat<T>() ? <T>NaN : lowest<T>();
  let index: u32 = 0;
  for (; index + laneCount<T>() <= count; index += laneCount<T>()) {
    const values = fromComparable<T>(loadPresent<T>(valuesPtr, from + index, validityPtr, bitOffset));
    v128.store(outPtr + <usize>index * sizeof<T>(), values);
  }
  for (; index < padded; index++) {
    const isHere = index < count && (validityPtr == 0 || isPresent(validityPtr, bitOffset, from + index));
    const value = isHere ? load<T>(valuesPtr + <usize>(from + index) * sizeof<T>()) : absent;
    store<T>(outPtr + <usize>index * sizeof<T>(), value);
  }
}
