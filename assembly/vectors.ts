// Parameter vectors. f32 lanes:  | x0 | x1 | x2 | x3 |   two registers a step, so that two loads and a store are in flight.
//
// Every kernel that writes also says whether all it wrote is finite: x - x is 0 for finite x and NaN for the rest, so the lanes of
// `x - x` are compared with 0 and the failures are gathered beside the arithmetic. Returns 1 = all finite.
//
// Bytes moved: subtract and blend read 8 and write 4 an element, scale reads 4 and writes 4. out may be the source.

// @ts-ignore: decorator
@inline
function notFinite(values: v128): v128 {
  return f32x4.ne(f32x4.sub(values, values), f32x4.splat(0));
}

/** out = target - source */
export function subtractF32(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): i32 {
  let bad = i64x2.splat(0);
  const lanesEnd = (<usize>count & ~3) << 2;
  for (let at: usize = 0; at < lanesEnd; at += 16) {
    const out = f32x4.sub(v128.load(targetPtr + at), v128.load(sourcePtr + at));
    v128.store(outPtr + at, out);
    bad = v128.or(bad, notFinite(out));
  }
  let finite = !v128.any_true(bad);
  for (let at = lanesEnd; at < <usize>count << 2; at += 4) {
    const out = load<f32>(targetPtr + at) - load<f32>(sourcePtr + at);
    store<f32>(outPtr + at, out);
    finite = finite && isFinite<f32>(out);
  }
  return <i32>finite;
}

/** out = scale * source */
export function scaleF32(sourcePtr: usize, count: u32, scale: f32, outPtr: usize): i32 {
  let bad = i64x2.splat(0);
  const factor = f32x4.splat(scale);
  const lanesEnd = (<usize>count & ~3) << 2;
  for (let at: usize = 0; at < lanesEnd; at += 16) {
    const out = f32x4.mul(factor, v128.load(sourcePtr + at));
    v128.store(outPtr + at, out);
    bad = v128.or(bad, notFinite(out));
  }
  let finite = !v128.any_true(bad);
  for (let at = lanesEnd; at < <usize>count << 2; at += 4) {
    const out = scale * load<f32>(sourcePtr + at);
    store<f32>(outPtr + at, out);
    finite = finite && isFinite<f32>(out);
  }
  return <i32>finite;
}

/** out = source + scale * (target - source), each step rounded to f32. */
export function blendF32(sourcePtr: usize, targetPtr: usize, count: u32, scale: f32, outPtr: usize): i32 {
  let bad = i64x2.splat(0);
  const factor = f32x4.splat(scale);
  const pairsEnd = (<usize>count & ~7) << 2;
  for (let at: usize = 0; at < pairsEnd; at += 32) {
    const source0 = v128.load(sourcePtr + at);
    const source1 = v128.load(sourcePtr + at, 16);
    const out0 = f32x4.add(source0, f32x4.mul(factor, f32x4.sub(v128.load(targetPtr + at), source0)));
    const out1 = f32x4.add(source1, f32x4.mul(factor, f32x4.sub(v128.load(targetPtr + at, 16), source1)));
    v128.store(outPtr + at, out0);
    v128.store(outPtr + at, out1, 16);
    bad = v128.or(bad, v128.or(notFinite(out0), notFinite(out1)));
  }
  let finite = !v128.any_true(bad);
  for (let at = pairsEnd; at < <usize>count << 2; at += 4) {
    const source = load<f32>(sourcePtr + at);
    const out = source + scale * (load<f32>(targetPtr + at) - source);
    store<f32>(outPtr + at, out);
    finite = finite && isFinite<f32>(out);
  }
  return <i32>finite;
}

/** The same in f64: two lanes a register. */
export function blendF64(sourcePtr: usize, targetPtr: usize, count: u32, scale: f64, outPtr: usize): i32 {
  let bad = i64x2.splat(0);
  const factor = f64x2.splat(scale);
  const lanesEnd = (<usize>count & ~1) << 3;
  for (let at: usize = 0; at < lanesEnd; at += 16) {
    const source = v128.load(sourcePtr + at);
    const out = f64x2.add(source, f64x2.mul(factor, f64x2.sub(v128.load(targetPtr + at), source)));
    v128.store(outPtr + at, out);
    bad = v128.or(bad, f64x2.ne(f64x2.sub(out, out), f64x2.splat(0)));
  }
  let finite = !v128.any_true(bad);
  if (lanesEnd < <usize>count << 3) {
    const source = load<f64>(sourcePtr + lanesEnd);
    const out = source + scale * (load<f64>(targetPtr + lanesEnd) - source);
    store<f64>(outPtr + lanesEnd, out);
    finite = finite && isFinite<f64>(out);
  }
  return <i32>finite;
}

/**
 * What compatibility is judged by, in one read of both vectors, summed in f64 (each f32 lane pair is widened):
 * out[0] source . target | out[1] |source|^2 | out[2] |target|^2 | out[3] |target - source|^2 | out[4] elements that differ
 */
// @ts-ignore: decorator
@inline
export function compareVectors<T>(sourcePtr: usize, targetPtr: usize, count: u32, outPtr: usize): void {
  let dot = f64x2.splat(0);
  let sourceSquares = f64x2.splat(0);
  let targetSquares = f64x2.splat(0);
  let gapSquares = f64x2.splat(0);
  let changed: f64 = 0;
  const lanesEnd = count & ~1;
  for (let i: u32 = 0; i < lanesEnd; i += 2) {
    let source: v128;
    let target: v128;
    if (sizeof<T>() == 4) {
      source = f64x2.promote_low_f32x4(v128.load64_zero(sourcePtr + (<usize>i << 2)));
      target = f64x2.promote_low_f32x4(v128.load64_zero(targetPtr + (<usize>i << 2)));
    } else {
      source = v128.load(sourcePtr + (<usize>i << 3));
      target = v128.load(targetPtr + (<usize>i << 3));
    }
    const gap = f64x2.sub(target, source);
    dot = f64x2.add(dot, f64x2.mul(source, target));
    sourceSquares = f64x2.add(sourceSquares, f64x2.mul(source, source));
    targetSquares = f64x2.add(targetSquares, f64x2.mul(target, target));
    gapSquares = f64x2.add(gapSquares, f64x2.mul(gap, gap));
    changed += <f64>popcnt<i32>(i64x2.bitmask(f64x2.ne(source, target)));
  }
  let dotTail: f64 = 0;
  let sourceTail: f64 = 0;
  let targetTail: f64 = 0;
  let gapTail: f64 = 0;
  if (lanesEnd < count) {
    const source = <f64>load<T>(sourcePtr + <usize>lanesEnd * sizeof<T>());
    const target = <f64>load<T>(targetPtr + <usize>lanesEnd * sizeof<T>());
    dotTail = source * target;
    sourceTail = source * source;
    targetTail = target * target;
    gapTail = (target - source) * (target - source);
    changed += <f64>(source != target);
  }
  store<f64>(outPtr, f64x2.extract_lane(dot, 0) + f64x2.extract_lane(dot, 1) + dotTail);
  store<f64>(
    outPtr,
    f64x2.extract_lane(sourceSquares, 0) + f64x2.extract_lane(sourceSquares, 1) + sourceTail,
    8,
  );
  store<f64>(
    outPtr,
    f64x2.extract_lane(targetSquares, 0) + f64x2.extract_lane(targetSquares, 1) + targetTail,
    16,
  );
  store<f64>(outPtr, f64x2.extract_lane(gapSquares, 0) + f64x2.extract_lane(gapSquares, 1) + gapTail, 24);
  store<f64>(outPtr, changed, 32);
}
