// Cells: two monotone maps from values to whole numbers 0 .. cellMax, cheap enough to be asked for every value. Their parameters stand at
// the head of a table (cell-table.ts), in the type that T's cells are told in (f32 for T of 32-bit floats and up to 16 bits, else f64):
//
//     linear        rate | offset | magic | magic + cellMax               round(x * rate + offset), clamped
//     logarithmic   i32 lowKey | i32 highKey | i32 shift | 0              (clamp(key(x)) - lowKey) >> shift
//                   8 bytes each, then u32 cellMax | u32 edges' offset | u32 1 for logarithmic, 0 for linear | u32 0
//
// Linear: the sum is made so large (2^23 in f32, 2^52 in f64) that a float's low bits are the rounded cell; offset includes that. Products
// and sums round monotonely, so the map is monotone whatever its rounding.
// Logarithmic, for heavy tails: the pattern of x as f32, turned so that patterns order as values do, is a logarithm with straight pieces
// between powers of two. Rounding to f32 is monotone.

/** Bytes of the parameters. */
export const headerBytes: usize = 48;

const magic32: f32 = 8_388_608;
const magic64: f64 = 4_503_599_627_370_496;

/** Whether the cells of T are told in f32; else in f64, which holds all of 32 bits and rounds 64. */
// @ts-ignore: decorator
@inline
export function isSingle<T>(): bool {
  return isFloat<T>() ? sizeof<T>() == 4 : sizeof<T>() <= 2;
}

/** Bytes between the cells of two neighbours. */
// @ts-ignore: decorator
@inline
export function cellStep<T>(): usize {
  return isSingle<T>() ? 4 : 8;
}

// @ts-ignore: decorator
@inline
export function cellMaxOf(mapPtr: usize): u32 {
  return load<u32>(mapPtr, 32);
}

// @ts-ignore: decorator
@inline
function isLogarithmic(mapPtr: usize): bool {
  return load<u32>(mapPtr, 40) != 0;
}

// @ts-ignore: decorator
@inline
function put<T>(ptr: usize, value: f64): void {
  if (isSingle<T>()) store<f32>(ptr, <f32>value);
  else store<f64>(ptr, value);
}

/** The linear map that spreads low .. high over all cells. Returns whether there is one: not where both are equal, or their span overflows. */
// @ts-ignore: decorator
@inline
export function putLinear<T>(mapPtr: usize, low: f64, high: f64, cellMax: u32): bool {
  const magic: f64 = isSingle<T>() ? <f64>magic32 : magic64;
  let rate = <f64>cellMax / (high - low);
  if (isSingle<T>()) rate = <f64>(<f32>rate);
  let offset = magic - low * rate;
  if (isSingle<T>()) offset = <f64>(<f32>offset);
  const exists = rate > 0 && rate < Infinity && Math.abs(offset) < Infinity;
  put<T>(mapPtr, exists ? rate : 0);
  put<T>(mapPtr + 8, exists ? offset : magic);
  put<T>(mapPtr + 16, magic);
  put<T>(mapPtr + 24, magic + <f64>cellMax);
  store<u32>(mapPtr, cellMax, 32);
  store<u32>(mapPtr, 0, 40);
  return exists;
}

/** The order of f32, -0 as 0, in signed integers. NaN anywhere. */
// @ts-ignore: decorator
@inline
function keyOf(value: f32): i32 {
  const bits = reinterpret<i32>(value + 0);
  return bits ^ <i32>(<u32>(bits >> 31) >> 1);
}

/** The logarithmic map that spreads low .. high over the cells; of at most half of them none is used. */
// @ts-ignore: decorator
@inline
export function putLogarithmic(mapPtr: usize, low: f64, high: f64, cellMax: u32): void {
  const lowKey = keyOf(<f32>low);
  const highKey = keyOf(<f32>high);
  let shift: u32 = 0;
  while (<u32>(highKey - lowKey) >> shift > cellMax) shift++;
  store<i32>(mapPtr, lowKey);
  store<i32>(mapPtr, highKey, 8);
  store<u32>(mapPtr, shift, 16);
  store<u32>(mapPtr, cellMax, 32);
  store<u32>(mapPtr, 1, 40);
}

// @ts-ignore: decorator
@inline
function linearCellOf<T>(value: T, mapPtr: usize): u32 {
  if (isSingle<T>()) {
    const place = <f32>value * load<f32>(mapPtr) + load<f32>(mapPtr, 8);
    const above = place > magic32 ? place : magic32;
    const high = load<f32>(mapPtr, 24);
    return reinterpret<u32>(above < high ? above : high) & 0xffff;
  }
  const place = <f64>value * load<f64>(mapPtr) + load<f64>(mapPtr, 8);
  const above = place > magic64 ? place : magic64;
  const high = load<f64>(mapPtr, 24);
  return <u32>(reinterpret<u64>(above < high ? above : high) & 0xffff);
}

/** The cell of a value, in the very arithmetic of `writeCells`. NaN is in the first. */
// @ts-ignore: decorator
@inline
export function cellOf<T>(value: T, mapPtr: usize): u32 {
  if (!isLogarithmic(mapPtr)) return linearCellOf<T>(value, mapPtr);
  const lowKey = load<i32>(mapPtr);
  const single = isFloat<T>() && sizeof<T>() == 4 ? <f32>value : <f32>(<f64>value);
  const key = single == single ? min<i32>(max<i32>(keyOf(single), lowKey), load<i32>(mapPtr, 8)) : lowKey;
  return <u32>(key - lowKey) >> load<u32>(mapPtr, 16);
}

/** f64 of two 64-bit integers, rounded to nearest: halves exact by exponent patterns, one addition (Mysticial, stackoverflow 41144668). */
// @ts-ignore: decorator
@inline
function wideLanes<T>(values: v128): v128 {
  const low = v128.or(v128.and(values, i64x2.splat(0xffff_ffff)), i64x2.splat(0x4330_0000_0000_0000));
  const highPattern: i64 = isSigned<T>() ? 0x4530_0000_8000_0000 : 0x4530_0000_0000_0000;
  const high = v128.xor(i64x2.shr_u(values, 32), i64x2.splat(highPattern));
  // 2^84 + 2^63 + 2^52, or 2^84 + 2^52.
  const bias = isSigned<T>() ? reinterpret<f64>(<u64>0x4530_0000_8010_0000) : reinterpret<f64>(<u64>0x4530_0000_0010_0000);
  return f64x2.add(f64x2.sub(high, f64x2.splat(bias)), low);
}

// @ts-ignore: decorator
@inline
function linearLanes32(values: v128, rates: v128, offsets: v128, lows: v128, highs: v128): v128 {
  return f32x4.pmin(highs, f32x4.pmax(lows, f32x4.add(f32x4.mul(values, rates), offsets)));
}

// @ts-ignore: decorator
@inline
function linearLanes64(values: v128, rates: v128, offsets: v128, lows: v128, highs: v128): v128 {
  return f64x2.pmin(highs, f64x2.pmax(lows, f64x2.add(f64x2.mul(values, rates), offsets)));
}

// @ts-ignore: decorator
@inline
function logarithmicLanes(values: v128, lowKeys: v128, highKeys: v128, shift: i32): v128 {
  const bits = f32x4.add(values, f32x4.splat(0));
  const keys = v128.xor(bits, i32x4.shr_u(i32x4.shr_s(bits, 31), 1));
  const held = i32x4.min_s(i32x4.max_s(keys, lowKeys), highKeys);
  const cells = i32x4.shr_u(i32x4.sub(held, lowKeys), shift);
  return v128.and(cells, f32x4.eq(values, values));
}

/** Two 64-bit values, or the first two of four 32-bit integers, as f64. */
// @ts-ignore: decorator
@inline
function doubleLanes<T>(values: v128): v128 {
  if (isFloat<T>()) return values;
  if (sizeof<T>() == 8) return wideLanes<T>(values);
  return isSigned<T>() ? f64x2.convert_low_i32x4_s(values) : f64x2.convert_low_i32x4_u(values);
}

function writeLogarithmic<T>(valuesPtr: usize, end: usize, mapPtr: usize, cellsPtr: usize): void {
  // Loaded as lanes: engines move the spreading of a scalar into the loop that uses it, but not a load.
  const lowKeys = v128.load32_splat(mapPtr);
  const highKeys = v128.load32_splat(mapPtr, 8);
  const shift = load<i32>(mapPtr, 16);
  for (let ptr = valuesPtr; ptr < end; ptr += 16, cellsPtr += 16) {
    const values = v128.load(ptr);
    if (isSingle<T>()) {
      v128.store(cellsPtr, logarithmicLanes(values, lowKeys, highKeys, shift));
      continue;
    }
    const first = f32x4.demote_f64x2_zero(doubleLanes<T>(values));
    v128.store(cellsPtr, i64x2.extend_low_i32x4_u(logarithmicLanes(first, lowKeys, highKeys, shift)));
    if (sizeof<T>() == 8) continue;
    const second = f32x4.demote_f64x2_zero(doubleLanes<T>(v128.shuffle<i64>(values, values, 1, 0)));
    v128.store(cellsPtr, i64x2.extend_low_i32x4_u(logarithmicLanes(second, lowKeys, highKeys, shift)), 16);
    cellsPtr += 16;
  }
}

function writeLinear<T>(valuesPtr: usize, end: usize, mapPtr: usize, cellsPtr: usize): void {
  if (isSingle<T>()) {
    const rates = v128.load32_splat(mapPtr);
    const offsets = v128.load32_splat(mapPtr, 8);
    const lows = v128.load32_splat(mapPtr, 16);
    const highs = v128.load32_splat(mapPtr, 24);
    for (let ptr = valuesPtr; ptr < end; ptr += 16, cellsPtr += 16) {
      v128.store(cellsPtr, linearLanes32(v128.load(ptr), rates, offsets, lows, highs));
    }
    return;
  }
  const rates = v128.load64_splat(mapPtr);
  const offsets = v128.load64_splat(mapPtr, 8);
  const lows = v128.load64_splat(mapPtr, 16);
  const highs = v128.load64_splat(mapPtr, 24);
  for (let ptr = valuesPtr; ptr < end; ptr += 16, cellsPtr += 16) {
    const values = v128.load(ptr);
    v128.store(cellsPtr, linearLanes64(doubleLanes<T>(values), rates, offsets, lows, highs));
    if (sizeof<T>() == 8) continue;
    const upper = doubleLanes<T>(v128.shuffle<i64>(values, values, 1, 0));
    v128.store(cellsPtr, linearLanes64(upper, rates, offsets, lows, highs), 16);
    cellsPtr += 16;
  }
}

/**
 * Writes the cells of values that lie behind each other, whole registers of them: in the low 16 bits of every `cellStep` bytes, with
 * anything in the others.
 */
// @ts-ignore: decorator
@inline
export function writeCells<T>(valuesPtr: usize, count: u32, mapPtr: usize, cellsPtr: usize): void {
  const end = valuesPtr + <usize>count * sizeof<T>();
  if (sizeof<T>() <= 2) {
    for (let ptr = valuesPtr; ptr < end; ptr += sizeof<T>(), cellsPtr += 4) {
      store<u32>(cellsPtr, linearCellOf<T>(load<T>(ptr), mapPtr));
    }
  } else if (isLogarithmic(mapPtr)) {
    writeLogarithmic<T>(valuesPtr, end, mapPtr, cellsPtr);
  } else {
    writeLinear<T>(valuesPtr, end, mapPtr, cellsPtr);
  }
}
