// Histogram over frozen edges, in integers.
//
// For sorted edges e[0..E-1], bin k holds e[k-1] <= x < e[k] (tails open). With ge[j] = number of x >= e[j], bin k is
// ge[k-1] - ge[k]: so the inner loop only compares every value with every edge and subtracts the lane masks (a true lane is -1):
//
//     values    | x0 | x1 | x2 | x3 |      f32: 4 lanes, f64 and 64-bit integers: 2, 16-bit: 8, 8-bit: 16
//     x >= e    | -1 |  0 | -1 | -1 |
//     ge lanes  | +1 | +0 | +1 | +1 |      one register an edge, six edges a pass
//
// A tile of values stays in the first-level cache while the groups of six edges go over it. Bytes read: sizeof(T) a value.
// In floats three thresholds join the edges, -Infinity, the lowest finite number and +Infinity: what is at or above none of them is
// NaN or absent, and their differences are the infinities. So ten bins are twelve compares, two groups.
// Above a dozen or so edges the cell table is cheaper (count-cells.ts).
//
// Output, u32 each:  counts[0..E] bins | counts[E+1] missing (null or NaN) | counts[E+2] nonFinite (+-Infinity; in the tails too)
//
// Checked by the host: edges ascending and free of NaN; counts has E+3 words; alignment sizeof(T) for values and edges, 4 for counts.

import { countPresent, isPresent } from "./bitmap";
import { atLeast, countMask, laneCount, laneCountMax, loadComparable, lowest, splatComparable, sumLanes } from "./lanes";
import { loadPresent } from "./present";

/** 16 KiB of values: half of the smallest first-level data cache in use. */
const tileBytes: u32 = 16_384;

/** Registers of one tile, so that no lane counter can wrap. */
// @ts-ignore: decorator
@inline
function tileRegisters<T>(): u32 {
  return min<u32>(tileBytes >> 4, laneCountMax<T>());
}

// @ts-ignore: decorator
@inline
function addTo(ptr: usize, amount: u32): void {
  store<u32>(ptr, load<u32>(ptr) + amount);
}

/** Threshold `index`: an edge, or behind the edges the three that tell NaN and infinities in floats. */
// @ts-ignore: decorator
@inline
function thresholdAt<T>(edgesPtr: usize, edgeCount: u32, index: u32): T {
  if (index < edgeCount) return load<T>(edgesPtr + index * <u32>sizeof<T>());
  if (isFloat<T>()) {
    if (index == edgeCount) return <T>-Infinity;
    if (index == edgeCount + 1) {
      return sizeof<T>() == 4 ? <T>(-f32.MAX_VALUE) : <T>(-f64.MAX_VALUE);
    }
    return <T>Infinity;
  }
  return lowest<T>();
}

/** Adds to `used` of six ge counters what one tile holds at or above thresholds first .. first + 5. */
// @ts-ignore: decorator
@inline
function countGroup<T>(
  valuesPtr: usize,
  from: u32,
  registers: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  first: u32,
  used: u32,
  gePtr: usize,
): void {
  const t0 = splatComparable<T>(thresholdAt<T>(edgesPtr, edgeCount, first));
  const t1 = splatComparable<T>(thresholdAt<T>(edgesPtr, edgeCount, first + 1));
  const t2 = splatComparable<T>(thresholdAt<T>(edgesPtr, edgeCount, first + 2));
  const t3 = splatComparable<T>(thresholdAt<T>(edgesPtr, edgeCount, first + 3));
  const t4 = splatComparable<T>(thresholdAt<T>(edgesPtr, edgeCount, first + 4));
  const t5 = splatComparable<T>(thresholdAt<T>(edgesPtr, edgeCount, first + 5));
  let c0 = i64x2.splat(0);
  let c1 = i64x2.splat(0);
  let c2 = i64x2.splat(0);
  let c3 = i64x2.splat(0);
  let c4 = i64x2.splat(0);
  let c5 = i64x2.splat(0);
  // Two loops: with the choice inside, the engine keeps none of the counters in registers (2.8 times slower, measured).
  if (validityPtr == 0) {
    let ptr = valuesPtr + <usize>from * sizeof<T>();
    const end = ptr + (<usize>registers << 4);
    for (; ptr < end; ptr += 16) {
      const values = loadComparable<T>(ptr);
      c0 = countMask<T>(c0, atLeast<T>(values, t0));
      c1 = countMask<T>(c1, atLeast<T>(values, t1));
      c2 = countMask<T>(c2, atLeast<T>(values, t2));
      c3 = countMask<T>(c3, atLeast<T>(values, t3));
      c4 = countMask<T>(c4, atLeast<T>(values, t4));
      c5 = countMask<T>(c5, atLeast<T>(values, t5));
    }
  } else {
    let index = from;
    for (let r: u32 = 0; r < registers; r++) {
      const values = loadPresent<T>(valuesPtr, index, validityPtr, bitOffset);
      c0 = countMask<T>(c0, atLeast<T>(values, t0));
      c1 = countMask<T>(c1, atLeast<T>(values, t1));
      c2 = countMask<T>(c2, atLeast<T>(values, t2));
      c3 = countMask<T>(c3, atLeast<T>(values, t3));
      c4 = countMask<T>(c4, atLeast<T>(values, t4));
      c5 = countMask<T>(c5, atLeast<T>(values, t5));
      index += laneCount<T>();
    }
  }
  const groupPtr = gePtr + (first << 2);
  addTo(groupPtr, sumLanes<T>(c0));
  if (used > 1) addTo(groupPtr + 4, sumLanes<T>(c1));
  if (used > 2) addTo(groupPtr + 8, sumLanes<T>(c2));
  if (used > 3) addTo(groupPtr + 12, sumLanes<T>(c3));
  if (used > 4) addTo(groupPtr + 16, sumLanes<T>(c4));
  if (used > 5) addTo(groupPtr + 20, sumLanes<T>(c5));
}

/** ge counters to bins, in place: ge[0..E-1] and, in floats, ge(-Infinity), ge(lowest finite), ge(+Infinity) behind them. */
// @ts-ignore: decorator
@inline
function binsFromGe<T>(
  countsPtr: usize,
  edgesPtr: usize,
  edgeCount: u32,
  valueCount: u32,
  presentCount: u32,
): void {
  const behindPtr = countsPtr + (edgeCount << 2);
  let held = presentCount;
  let nonFinite: u32 = 0;
  if (isFloat<T>()) {
    held = load<u32>(behindPtr);
    nonFinite = held - load<u32>(behindPtr, 4) + load<u32>(behindPtr, 8);
  }
  let above = held;
  for (let j: u32 = 0; j < edgeCount; j++) {
    let ge = load<u32>(countsPtr + (j << 2));
    // Absent integers sit at the lowest value, where only an edge of that very value counts them; every present value is above it.
    if (isInteger<T>() && load<T>(edgesPtr + j * <u32>sizeof<T>()) == lowest<T>()) ge = held;
    store<u32>(countsPtr + (j << 2), above - ge);
    above = ge;
  }
  store<u32>(behindPtr, above);
  store<u32>(behindPtr, valueCount - held, 4);
  store<u32>(behindPtr, nonFinite, 8);
}

function countByCompares<T>(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  presentCount: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  const thresholdCount = isFloat<T>() ? edgeCount + 3 : edgeCount;
  const registers = valueCount / laneCount<T>();
  for (let done: u32 = 0; done < registers; done += tileRegisters<T>()) {
    const tile = min<u32>(tileRegisters<T>(), registers - done);
    for (let first: u32 = 0; first < thresholdCount; first += 6) {
      const used = min<u32>(6, thresholdCount - first);
      const from = done * laneCount<T>();
      countGroup<T>(valuesPtr, from, tile, validityPtr, bitOffset, edgesPtr, edgeCount, first, used, countsPtr);
    }
  }
  for (let index = registers * laneCount<T>(); index < valueCount; index++) {
    if (validityPtr != 0 && !isPresent(validityPtr, bitOffset, index)) continue;
    const value = load<T>(valuesPtr + index * <u32>sizeof<T>());
    for (let t: u32 = 0; t < thresholdCount; t++) {
      if (value >= thresholdAt<T>(edgesPtr, edgeCount, t)) addTo(countsPtr + (t << 2), 1);
    }
  }
  binsFromGe<T>(countsPtr, edgesPtr, edgeCount, valueCount, presentCount);
}

/**
 * Counts `valueCount` values into the bins of `edgeCount` edges; layout of `counts` above. Overwrites counts.
 */
// @ts-ignore: decorator
@inline
export function countByEdges<T>(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  edgesPtr: usize,
  edgeCount: u32,
  countsPtr: usize,
): void {
  memory.fill(countsPtr, 0, (edgeCount + 3) << 2);
  let presentCount = valueCount;
  if (isInteger<T>() && validityPtr != 0) presentCount = countPresent(validityPtr, bitOffset, valueCount);
  countByCompares<T>(
    valuesPtr,
    valueCount,
    validityPtr,
    bitOffset,
    presentCount,
    edgesPtr,
    edgeCount,
    countsPtr,
  );
}
