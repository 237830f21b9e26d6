// What compatibility is judged by, in one read of both vectors:
//
//   out[0] source . target | out[1] |source|^2 | out[2] |target|^2 | out[3] |target - source|^2 | out[4] elements that differ
//
// Summed in f64, whatever the form. Four elements a step, as two registers of f64 lanes with sums of their own; these are added at the
// end in a fixed order, and after them the elements that fill no step. NaN differs from everything, 0 and -0 do not differ.

import { Form, loadFirst, loadOne, widthShift } from "./vectors-lanes";

/** Elements 0 and 1 of a step, widened. */
// @ts-ignore: decorator
@inline
function loadLow(form: i32, ptr: usize): v128 {
  if (form == Form.F64) return v128.load(ptr);
  if (form == Form.F32) return f64x2.promote_low_f32x4(v128.load64_zero(ptr));
  return f64x2.promote_low_f32x4(loadFirst(form, ptr));
}

/** Elements 2 and 3. */
// @ts-ignore: decorator
@inline
function loadHigh(form: i32, ptr: usize): v128 {
  if (form == Form.F64) return v128.load(ptr, 16);
  if (form == Form.F32) return f64x2.promote_low_f32x4(v128.load64_zero(ptr, 8));
  const values = loadFirst(form, ptr);
  return f64x2.promote_low_f32x4(v128.shuffle<u64>(values, values, 1, 1));
}

// @ts-ignore: decorator
@inline
function loadScalar(form: i32, ptr: usize): f64 {
  if (form == Form.F64) return load<f64>(ptr);
  return <f64>f32x4.extract_lane(loadOne(form, ptr), 0);
}

// @ts-ignore: decorator
@inline
function addProduct(sum: v128, left: v128, right: v128): v128 {
  return f64x2.add(sum, f64x2.mul(left, right));
}

// @ts-ignore: decorator
@inline
function sumOf(low: v128, high: v128): f64 {
  const pair = f64x2.add(low, high);
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
}

// @ts-ignore: decorator
@inline
function compareVectors(form: i32, sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): void {
  let dotLow = f64x2.splat(0);
  let dotHigh = f64x2.splat(0);
  let sourceLow = f64x2.splat(0);
  let sourceHigh = f64x2.splat(0);
  let targetLow = f64x2.splat(0);
  let targetHigh = f64x2.splat(0);
  let gapLow = f64x2.splat(0);
  let gapHigh = f64x2.splat(0);
  let changed = i64x2.splat(0);
  const end = (<usize>count & ~3) << widthShift(form);
  for (let at: usize = 0; at < end; at += 4 << widthShift(form)) {
    const source0 = loadLow(form, sourcePtr + at);
    const target0 = loadLow(form, targetPtr + at);
    const source1 = loadHigh(form, sourcePtr + at);
    const target1 = loadHigh(form, targetPtr + at);
    const gap0 = f64x2.sub(target0, source0);
    const gap1 = f64x2.sub(target1, source1);
    dotLow = addProduct(dotLow, source0, target0);
    dotHigh = addProduct(dotHigh, source1, target1);
    sourceLow = addProduct(sourceLow, source0, source0);
    sourceHigh = addProduct(sourceHigh, source1, source1);
    targetLow = addProduct(targetLow, target0, target0);
    targetHigh = addProduct(targetHigh, target1, target1);
    gapLow = addProduct(gapLow, gap0, gap0);
    gapHigh = addProduct(gapHigh, gap1, gap1);
    // A mask is -1 where the elements differ.
    changed = i64x2.sub(changed, f64x2.ne(source0, target0));
    changed = i64x2.sub(changed, f64x2.ne(source1, target1));
  }
  let dot = sumOf(dotLow, dotHigh);
  let sourceSquares = sumOf(sourceLow, sourceHigh);
  let targetSquares = sumOf(targetLow, targetHigh);
  let gapSquares = sumOf(gapLow, gapHigh);
  let changedCount = i64x2.extract_lane(changed, 0) + i64x2.extract_lane(changed, 1);
  for (let at = end; at < <usize>count << widthShift(form); at += 1 << widthShift(form)) {
    const source = loadScalar(form, sourcePtr + at);
    const target = loadScalar(form, targetPtr + at);
    dot += source * target;
    sourceSquares += source * source;
    targetSquares += target * target;
    gapSquares += (target - source) * (target - source);
    changedCount += <i64>(source != target);
  }
  store<f64>(outPtr, dot);
  store<f64>(outPtr, sourceSquares, 8);
  store<f64>(outPtr, targetSquares, 16);
  store<f64>(outPtr, gapSquares, 24);
  store<f64>(outPtr, <f64>changedCount, 32);
}

export function compareVectorsF32(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): void {
  compareVectors(Form.F32, sourcePtr, targetPtr, count, outPtr);
}

export function compareVectorsF64(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): void {
  compareVectors(Form.F64, sourcePtr, targetPtr, count, outPtr);
}

export function compareVectorsF16(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): void {
  compareVectors(Form.F16, sourcePtr, targetPtr, count, outPtr);
}

export function compareVectorsBF16(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): void {
  compareVectors(Form.BF16, sourcePtr, targetPtr, count, outPtr);
}
