// How the elements of a parameter vector come into lanes and go out again. A step is two registers, so that two chains of arithmetic
// are in flight:
//
//   form        in memory                     in registers                              elements, bytes a step
//   F32         |x0 .. x3|x4 .. x7|           first = x0..x3     second = x4..x7         8   32
//   F64         |x0 x1|x2 x3|                 first = x0 x1      second = x2 x3          4   32
//   F16, BF16   |x0 x1 x2 x3 x4 x5 x6 x7|     both widened to f32 lanes, as in F32       8   16
//
// The last elements, fewer than a step, go through the same arithmetic one at a time with a copy in every lane.
// `form` is a constant wherever these are called: its branches are gone from the compiled code.

import { narrowBF16, narrowF16, widenBF16, widenF16 } from "./halves";

export const enum Form {
  F32,
  F64,
  F16,
  BF16,
}

/** Exponents of all ones: infinities and NaN. */
const endlessF16: i16 = 0x7c00;
const endlessBF16: i16 = 0x7f80;

/** Bytes of an element, as a shift. */
// @ts-ignore: decorator
@inline
export function widthShift(form: i32): usize {
  return form == Form.F64 ? 3 : form == Form.F32 ? 2 : 1;
}

/** Bytes that `count` elements take in whole steps. */
// @ts-ignore: decorator
@inline
export function stepsEnd(form: i32, count: u32): usize {
  return (<usize>count & ~(form == Form.F64 ? 3 : 7)) << widthShift(form);
}

// @ts-ignore: decorator
@inline
export function stepBytes(form: i32): usize {
  return form == Form.F16 || form == Form.BF16 ? 16 : 32;
}

// @ts-ignore: decorator
@inline
export function loadFirst(form: i32, ptr: usize): v128 {
  if (form == Form.F16) return widenF16(v128.load16x4_s(ptr));
  if (form == Form.BF16) return widenBF16(v128.load16x4_u(ptr));
  return v128.load(ptr);
}

// @ts-ignore: decorator
@inline
export function loadSecond(form: i32, ptr: usize): v128 {
  if (form == Form.F16) return widenF16(v128.load16x4_s(ptr, 8));
  if (form == Form.BF16) return widenBF16(v128.load16x4_u(ptr, 8));
  return v128.load(ptr, 16);
}

/** One element in every lane. */
// @ts-ignore: decorator
@inline
export function loadOne(form: i32, ptr: usize): v128 {
  if (form == Form.F16) return widenF16(i32x4.splat(<i32>load<i16>(ptr)));
  if (form == Form.BF16) return widenBF16(i32x4.splat(<i32>load<u16>(ptr)));
  return form == Form.F64 ? v128.load64_splat(ptr) : v128.load32_splat(ptr);
}

/** Stores a step and returns the lanes of it that are not finite, as masks: of the narrowed values where they are narrowed. */
// @ts-ignore: decorator
@inline
export function storeStep(form: i32, ptr: usize, first: v128, second: v128): v128 {
  if (form == Form.F16 || form == Form.BF16) {
    const patterns = narrowed(form, first, second);
    v128.store(ptr, patterns);
    return endlessLanes(form, patterns);
  }
  v128.store(ptr, first);
  v128.store(ptr, second, 16);
  return v128.or(notFinite(form, first), notFinite(form, second));
}

/** Stores the lowest lane; returns masks as `storeStep`. */
// @ts-ignore: decorator
@inline
export function storeOne(form: i32, ptr: usize, values: v128): v128 {
  if (form == Form.F16 || form == Form.BF16) {
    const patterns = narrowed(form, values, values);
    v128.store_lane<u16>(ptr, patterns, 0);
    return endlessLanes(form, patterns);
  }
  if (form == Form.F64) v128.store_lane<u64>(ptr, values, 0);
  else v128.store_lane<u32>(ptr, values, 0);
  return notFinite(form, values);
}

// @ts-ignore: decorator
@inline
function narrowed(form: i32, first: v128, second: v128): v128 {
  // The patterns are at most 0xffff: nothing saturates.
  if (form == Form.F16) return i16x8.narrow_i32x4_u(narrowF16(first), narrowF16(second));
  return i16x8.narrow_i32x4_u(narrowBF16(first), narrowBF16(second));
}

// @ts-ignore: decorator
@inline
function endlessLanes(form: i32, patterns: v128): v128 {
  const endless = i16x8.splat(form == Form.F16 ? endlessF16 : endlessBF16);
  return i16x8.eq(v128.and(patterns, endless), endless);
}

/** x - x is 0 for finite x and NaN for the rest. */
// @ts-ignore: decorator
@inline
function notFinite(form: i32, values: v128): v128 {
  if (form == Form.F64) return f64x2.ne(f64x2.sub(values, values), f64x2.splat(0));
  return f32x4.ne(f32x4.sub(values, values), f32x4.splat(0));
}

// @ts-ignore: decorator
@inline
export function add(form: i32, left: v128, right: v128): v128 {
  return form == Form.F64 ? f64x2.add(left, right) : f32x4.add(left, right);
}

// @ts-ignore: decorator
@inline
export function sub(form: i32, left: v128, right: v128): v128 {
  return form == Form.F64 ? f64x2.sub(left, right) : f32x4.sub(left, right);
}

// @ts-ignore: decorator
@inline
export function mul(form: i32, left: v128, right: v128): v128 {
  return form == Form.F64 ? f64x2.mul(left, right) : f32x4.mul(left, right);
}
