// Parameter vectors, element by element: subtract, scale, blend. f64 is computed in f64, all else in f32, every step rounded; half-width
// floats are widened and narrowed in registers (halves.ts). How they lie in lanes: vectors-lanes.ts.
//
// Every kernel that writes also says whether all that it wrote is finite, at no further read: returns 1 = all finite.
// Pointers are aligned to the element. out may be the source or the target, or apart from both.
//
// Bytes moved an element of w bytes: subtract and blend read 2w and write w, scale reads w and writes w.

import {
  add,
  Form,
  loadFirst,
  loadOne,
  loadSecond,
  mul,
  stepBytes,
  stepsEnd,
  storeOne,
  storeStep,
  sub,
  widthShift,
} from "./vectors-lanes";

// @ts-ignore: decorator
@inline
function subtract(form: i32, sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): i32 {
  let bad = i64x2.splat(0);
  const end = stepsEnd(form, count);
  for (let at: usize = 0; at < end; at += stepBytes(form)) {
    const first = sub(form, loadFirst(form, targetPtr + at), loadFirst(form, sourcePtr + at));
    const second = sub(form, loadSecond(form, targetPtr + at), loadSecond(form, sourcePtr + at));
    bad = v128.or(bad, storeStep(form, outPtr + at, first, second));
  }
  for (let at = end; at < <usize>count << widthShift(form); at += 1 << widthShift(form)) {
    const one = sub(form, loadOne(form, targetPtr + at), loadOne(form, sourcePtr + at));
    bad = v128.or(bad, storeOne(form, outPtr + at, one));
  }
  return <i32>!v128.any_true(bad);
}

// @ts-ignore: decorator
@inline
function scale(form: i32, sourcePtr: usize, count: u32, factor: v128, outPtr: usize): i32 {
  let bad = i64x2.splat(0);
  const end = stepsEnd(form, count);
  for (let at: usize = 0; at < end; at += stepBytes(form)) {
    const first = mul(form, factor, loadFirst(form, sourcePtr + at));
    const second = mul(form, factor, loadSecond(form, sourcePtr + at));
    bad = v128.or(bad, storeStep(form, outPtr + at, first, second));
  }
  for (let at = end; at < <usize>count << widthShift(form); at += 1 << widthShift(form)) {
    bad = v128.or(bad, storeOne(form, outPtr + at, mul(form, factor, loadOne(form, sourcePtr + at))));
  }
  return <i32>!v128.any_true(bad);
}

/** source + factor * (target - source) */
// @ts-ignore: decorator
@inline
function blended(form: i32, source: v128, target: v128, factor: v128): v128 {
  return add(form, source, mul(form, factor, sub(form, target, source)));
}

// @ts-ignore: decorator
@inline
function blend(
  form: i32,
  sourcePtr: usize,
  targetPtr: usize,
  count: u32,
  factor: v128,
  outPtr: usize,
): i32 {
  let bad = i64x2.splat(0);
  const end = stepsEnd(form, count);
  for (let at: usize = 0; at < end; at += stepBytes(form)) {
    const first = blended(form, loadFirst(form, sourcePtr + at), loadFirst(form, targetPtr + at), factor);
    const second = blended(form, loadSecond(form, sourcePtr + at), loadSecond(form, targetPtr + at), factor);
    bad = v128.or(bad, storeStep(form, outPtr + at, first, second));
  }
  for (let at = end; at < <usize>count << widthShift(form); at += 1 << widthShift(form)) {
    const one = blended(form, loadOne(form, sourcePtr + at), loadOne(form, targetPtr + at), factor);
    bad = v128.or(bad, storeOne(form, outPtr + at, one));
  }
  return <i32>!v128.any_true(bad);
}

/** out = the f32 of each half. out: 4 bytes an element, apart from the source. */
// @ts-ignore: decorator
@inline
function widen(form: i32, sourcePtr: usize, count: u32, outPtr: usize): void {
  const end = stepsEnd(form, count);
  for (let at: usize = 0; at < end; at += 16) {
    v128.store(outPtr + (at << 1), loadFirst(form, sourcePtr + at));
    v128.store(outPtr + (at << 1), loadSecond(form, sourcePtr + at), 16);
  }
  for (let at = end; at < <usize>count << 1; at += 2) {
    v128.store_lane<u32>(outPtr + (at << 1), loadOne(form, sourcePtr + at), 0);
  }
}

/** out = the half nearest to each f32. out may be the source: it is written behind the reading. */
// @ts-ignore: decorator
@inline
function narrow(form: i32, sourcePtr: usize, count: u32, outPtr: usize): i32 {
  let bad = i64x2.splat(0);
  const end = stepsEnd(form, count);
  for (let at: usize = 0; at < end; at += 16) {
    const first = v128.load(sourcePtr + (at << 1));
    const second = v128.load(sourcePtr + (at << 1), 16);
    bad = v128.or(bad, storeStep(form, outPtr + at, first, second));
  }
  for (let at = end; at < <usize>count << 1; at += 2) {
    bad = v128.or(bad, storeOne(form, outPtr + at, v128.load32_splat(sourcePtr + (at << 1))));
  }
  return <i32>!v128.any_true(bad);
}

/** out = target - source */
export function subtractF32(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): i32 {
  return subtract(Form.F32, sourcePtr, targetPtr, count, outPtr);
}

export function subtractF64(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): i32 {
  return subtract(Form.F64, sourcePtr, targetPtr, count, outPtr);
}

export function subtractF16(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): i32 {
  return subtract(Form.F16, sourcePtr, targetPtr, count, outPtr);
}

export function subtractBF16(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): i32 {
  return subtract(Form.BF16, sourcePtr, targetPtr, count, outPtr);
}

/** out = factor * source */
export function scaleF32(sourcePtr: usize, count: u32, factor: f32, outPtr: usize): i32 {
  return scale(Form.F32, sourcePtr, count, f32x4.splat(factor), outPtr);
}

export function scaleF64(sourcePtr: usize, count: u32, factor: f64, outPtr: usize): i32 {
  return scale(Form.F64, sourcePtr, count, f64x2.splat(factor), outPtr);
}

export function scaleF16(sourcePtr: usize, count: u32, factor: f32, outPtr: usize): i32 {
  return scale(Form.F16, sourcePtr, count, f32x4.splat(factor), outPtr);
}

export function scaleBF16(sourcePtr: usize, count: u32, factor: f32, outPtr: usize): i32 {
  return scale(Form.BF16, sourcePtr, count, f32x4.splat(factor), outPtr);
}

/** out = source + factor * (target - source) */
export function blendF32(sourcePtr: usize, targetPtr: usize, count: u32, factor: f32, outPtr: usize): i32 {
  return blend(Form.F32, sourcePtr, targetPtr, count, f32x4.splat(factor), outPtr);
}

export function blendF64(sourcePtr: usize, targetPtr: usize, count: u32, factor: f64, outPtr: usize): i32 {
  return blend(Form.F64, sourcePtr, targetPtr, count, f64x2.splat(factor), outPtr);
}

export function blendF16(sourcePtr: usize, targetPtr: usize, count: u32, factor: f32, outPtr: usize): i32 {
  return blend(Form.F16, sourcePtr, targetPtr, count, f32x4.splat(factor), outPtr);
}

export function blendBF16(sourcePtr: usize, targetPtr: usize, count: u32, factor: f32, outPtr: usize): i32 {
  return blend(Form.BF16, sourcePtr, targetPtr, count, f32x4.splat(factor), outPtr);
}

export function widenF16(sourcePtr: usize, count: u32, outPtr: usize): void {
  widen(Form.F16, sourcePtr, count, outPtr);
}

export function widenBF16(sourcePtr: usize, count: u32, outPtr: usize): void {
  widen(Form.BF16, sourcePtr, count, outPtr);
}

export function narrowF16(sourcePtr: usize, count: u32, outPtr: usize): i32 {
  return narrow(Form.F16, sourcePtr, count, outPtr);
}

export function narrowBF16(sourcePtr: usize, count: u32, outPtr: usize): i32 {
  return narrow(Form.BF16, sourcePtr, count, outPtr);
}
