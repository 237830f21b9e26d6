// What the generic kernels need to know about a lane type.

/** Values in one 128-bit register. */
// @ts-ignore: decorator
@inline
export function laneCount<T>(): u32 {
  return 16 / <u32>sizeof<T>();
}

/** Lane masks are counted by subtraction (a true lane is -1); a lane of this width holds so many before it would wrap. */
// @ts-ignore: decorator
@inline
export function laneCountMax<T>(): u32 {
  if (sizeof<T>() == 1) return 255;
  if (sizeof<T>() == 2) return 65_535;
  return 0x7fff_ffff;
}

/** Sum of all lanes, read as unsigned counters of the lane's width. */
// @ts-ignore: decorator
@inline
export function sumLanes<T>(counters: v128): u32 {
  if (sizeof<T>() == 8) {
    return <u32>(v128.extract_lane<u64>(counters, 0) + v128.extract_lane<u64>(counters, 1));
  }
  let wide = counters;
  if (sizeof<T>() == 1) wide = i16x8.extadd_pairwise_i8x16_u(wide);
  if (sizeof<T>() <= 2) wide = i32x4.extadd_pairwise_i16x8_u(wide);
  return (
    v128.extract_lane<u32>(wide, 0) +
    v128.extract_lane<u32>(wide, 1) +
    v128.extract_lane<u32>(wide, 2) +
    v128.extract_lane<u32>(wide, 3)
  );
}

/** Adds 1 to each counter whose mask lane is true. Counters are integers of the lane's width, also beside float values. */
// @ts-ignore: decorator
@inline
export function countMask<T>(counters: v128, mask: v128): v128 {
  if (sizeof<T>() == 8) return i64x2.sub(counters, mask);
  if (sizeof<T>() == 4) return i32x4.sub(counters, mask);
  if (sizeof<T>() == 2) return i16x8.sub(counters, mask);
  return i8x16.sub(counters, mask);
}

/** `values >= threshold`, lane by lane, as masks. u64 has no such instruction: both sides have their sign bit turned before. */
// @ts-ignore: decorator
@inline
export function atLeast<T>(values: v128, threshold: v128): v128 {
  if (sizeof<T>() == 8 && isInteger<T>()) return v128.ge<i64>(values, threshold);
  return v128.ge<T>(values, threshold);
}

/** A value in every lane, in the form `atLeast` compares. */
// @ts-ignore: decorator
@inline
export function splatComparable<T>(value: T): v128 {
  if (sizeof<T>() == 8 && isInteger<T>()) {
    return isSigned<T>() ? i64x2.splat(<i64>value) : i64x2.splat(<i64>value ^ i64.MIN_VALUE);
  }
  return v128.splat<T>(value);
}

/** Loads lanes in the form `atLeast` compares. */
// @ts-ignore: decorator
@inline
export function loadComparable<T>(ptr: usize): v128 {
  const values = v128.load(ptr);
  if (sizeof<T>() == 8 && isInteger<T>() && !isSigned<T>()) {
    return v128.xor(values, i64x2.splat(i64.MIN_VALUE));
  }
  return values;
}

/** The lowest value of the type: an absent lane takes it, so that it is at or above no edge but the lowest itself. */
// @ts-ignore: decorator
@inline
export function lowest<T>(): T {
  if (isFloat<T>()) return <T>NaN;
  if (!isSigned<T>()) return <T>0;
  return <T>(<i64>-1 << <i64>(sizeof<T>() * 8 - 1));
}
