// Half-width floats in registers: widened to f32 lanes, narrowed to the nearest, ties to even. Integer arithmetic on the patterns, so
// that subnormals, infinities and NaN come out exact, and no step meets a subnormal f32 that a CPU would take a trap for.
//
//   binary16   | s | 5 exponent, bias 15  | 10 fraction |     IEEE 754-2008, 3.6
//   bfloat16   | s | 8 exponent, bias 127 |  7 fraction |     the upper half of an f32
//   f32        | s | 8 exponent, bias 127 | 23 fraction |

/** Exponent bias of f32 over binary16, at its place in an f32: 127 - 15 = 112. */
const rebias: i32 = 112 << 23;
/** 2^-14, the smallest normal half. */
const smallestNormal: i32 = 113 << 23;
/** 2^16, the first power of two that no half holds. */
const beyondHalves: i32 = 143 << 23;
/** 0.5: its last fraction bit is worth 2^-24, the step of the subnormal halves, so adding it rounds to them. */
const subnormalRounder: i32 = 126 << 23;

/** f32 lanes of four bf16 patterns, one in each 32-bit lane, upper bits of any kind. */
// @ts-ignore: decorator
@inline
export function widenBF16(patterns: v128): v128 {
  return i32x4.shl(patterns, 16);
}

/** Four bf16 patterns in 32-bit lanes, upper bits clear. Every NaN becomes the quiet one of all ones: two instructions instead of five. */
// @ts-ignore: decorator
@inline
export function narrowBF16(values: v128): v128 {
  const odd = v128.and(i32x4.shr_u(values, 16), i32x4.splat(1));
  const rounded = i32x4.add(i32x4.add(values, i32x4.splat(0x7fff)), odd);
  return i32x4.shr_u(v128.or(rounded, f32x4.ne(values, values)), 16);
}

/** f32 lanes of four binary16 patterns, sign-extended to 32-bit lanes. */
// @ts-ignore: decorator
@inline
export function widenF16(patterns: v128): v128 {
  const sign = v128.and(patterns, i32x4.splat(i32.MIN_VALUE));
  const size = i32x4.shl(v128.and(patterns, i32x4.splat(0x7fff)), 13);
  const normal = i32x4.add(size, i32x4.splat(rebias));
  // An exponent of all ones stays one: rebiased a second time it is 255.
  const endless = v128.and(i32x4.ge_s(size, i32x4.splat(0x7c00 << 13)), i32x4.splat(rebias));
  // Subnormal: 2^-14 (1 + fraction) - 2^-14, exact.
  const smallest = i32x4.splat(smallestNormal);
  const subnormal = f32x4.sub(i32x4.add(size, smallest), smallest);
  const isSubnormal = i32x4.lt_s(size, i32x4.splat(0x400 << 13));
  return v128.or(sign, v128.bitselect(subnormal, i32x4.add(normal, endless), isSubnormal));
}

/** Four binary16 patterns in 32-bit lanes, upper bits clear. Every NaN becomes the quiet one of its sign. */
// @ts-ignore: decorator
@inline
export function narrowF16(values: v128): v128 {
  const size = v128.and(values, i32x4.splat(i32.MAX_VALUE));
  const sign = i32x4.shr_u(v128.xor(values, size), 16);
  // Half a unit less one, and one more where the kept bits are odd. A carry out of the fraction is the next exponent, or infinity.
  const odd = v128.and(i32x4.shr_u(size, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(size, i32x4.splat(0xfff - rebias)), odd), 13);
  const rounder = i32x4.splat(subnormalRounder);
  const subnormal = i32x4.sub(f32x4.add(size, rounder), rounder);
  const endless = v128.or(
    i32x4.splat(0x7c00),
    v128.and(i32x4.gt_s(size, i32x4.splat(0x7f800000)), i32x4.splat(0x200)),
  );
  const finite = v128.bitselect(subnormal, normal, i32x4.lt_s(size, i32x4.splat(smallestNormal)));
  return v128.or(sign, v128.bitselect(endless, finite, i32x4.ge_s(size, i32x4.splat(beyondHalves))));
}
