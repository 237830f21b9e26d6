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

/**
 * `values >= edge`, lane by lane, as masks, of what `loadComparable` and `loadEdge` give. Integers compare by "above the number
 * below the edge": engines make one instruction of a signed `>` and two or three of `>=` and of all unsigned compares.
 */
// @ts-ignore: decorator
@inline
export function atLeast<T>(values: v128, threshold: v128): v128 {
  if (isFloat<T>()) return v128.ge<T>(values, threshold);
  if (sizeof<T>() == 8) return v128.gt<i64>(values, threshold);
  if (sizeof<T>() == 4) return v128.gt<i32>(values, threshold);
  if (sizeof<T>() == 2) return v128.gt<i16>(values, threshold);
  return v128.gt<i8>(values, threshold);
}

/** The sign bit of every lane of an unsigned type: turned, unsigned order becomes signed order. */
// @ts-ignore: decorator
@inline
function signBits<T>(): v128 {
  return v128.splat<T>(<T>(<u64>1 << (<u64>sizeof<T>() * 8 - 1)));
}

/**
 * The edge at `ptr` in every lane, in the form `atLeast` compares. The lowest integer has no number below it: its compare holds for
 * none. Loaded as lanes: engines move the spreading of a scalar into the loop that uses it, but not a load.
 */
// @ts-ignore: decorator
@inline
export function loadEdge<T>(ptr: usize): v128 {
  const edge = v128.load_splat<T>(ptr);
  if (isFloat<T>()) return edge;
  const below = v128.sub<T>(edge, v128.splat<T>(<T>1));
  return isSigned<T>() ? below : v128.xor(below, signBits<T>());
}

/** Loads lanes in the form `atLeast` compares. */
// @ts-ignore: decorator
@inline
export function loadComparable<T>(ptr: usize): v128 {
  const values = v128.load(ptr);
  if (isInteger<T>() && !isSigned<T>()) return v128.xor(values, signBits<T>());
  return values;
}

/** Lanes as they were before `loadComparable`. */
// @ts-ignore: decorator
@inline
export function fromComparable<T>(values: v128): v128 {
  return isInteger<T>() && !isSigned<T>() ? v128.xor(values, signBits<T>()) : values;
}

/** What an absent lane is given: at or above no edge. NaN, or the lowest integer as `loadComparable` has it. */
// @ts-ignore: decorator
@inline
export function absentLanes<T>(): v128 {
  if (isFloat<T>()) return v128.splat<T>(<T>NaN);
  if (sizeof<T>() == 8) return i64x2.splat(i64.MIN_VALUE);
  if (sizeof<T>() == 4) return i32x4.splat(i32.MIN_VALUE);
  if (sizeof<T>() == 2) return i16x8.splat(i16.MIN_VALUE);
  return i8x16.splat(i8.MIN_VALUE);
}

/** The lowest value of the type; of floats NaN, which is at or above nothing. */
// @ts-ignore: decorator
@inline
export function lowest<T>(): T {
  if (isFloat<T>()) return <T>NaN;
  if (!isSigned<T>()) return <T>0;
  return <T>(<i64>-1 << <i64>(sizeof<T>() * 8 - 1));
}
