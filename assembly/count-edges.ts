// Histogram over frozen edges, in integers.
//
// For sorted edges e[0..E-1], bin k holds e[k-1] <= x < e[k] (tails open). With ge[j] = number of x >= e[j], bin k is
// ge[k-1] - ge[k]: so the inner loop only compares every value with every edge and subtracts the lane masks (a true lane is -1):
//
//     values    | x0 | x1 | x2 | x3 |      f32: 4 lanes, f64 and 64-bit integers: 2, 16-bit: 8, 8-bit: 16
//     x >= e    | -1 |  0 | -1 | -1 |
//     ge lanes  | +1 | +0 | +1 | +1 |      one register an edge, up to six edges a pass: six edges and six counters fill a CPU's sixteen
//
// A tile of values stays in the first-level cache while the groups of edges go over it. Bytes read: sizeof(T) a value.
//
// In floats the sum of a tile tells whether it holds a NaN or an infinity: one addition a register. Only such tiles are gone through
// again to count these. A sum of finite numbers that overflows costs time, not truth.
//
// Above some thirty edges the cell table is cheaper (count-cells.ts).
//
//     work    u32 counts[E + 3] | pad to 16 | a tile of values, where rows are absent
//
// Output, u32 each:  counts[0..E] bins | counts[E+1] missing (null or NaN) | counts[E+2] nonFinite (+-Infinity; in the tails too)
//
// Checked by the host: edges ascending and free of NaN; work has `edgeWorkBytes`; alignment sizeof(T) for values and edges, 4 for work.

import { countPresent } from "./bitmap";
import { atLeast, countMask, laneCount, laneCountMax, loadComparable, loadEdge, lowest,  sumLanes } from "./lanes";
import { copyPresent } from "./present";
import { areFinite, countSpecials } from "./specials";

/** A quarter of the smallest first-level data cache in use. */
const tileBytes: u32 = 8_192;

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

// @ts-ignore: decorator
@inline
function edgePtr<T>(edgesPtr: usize, index: u32): usize {
  return edgesPtr + <usize>index * sizeof<T>();
}

/**
 * Adds to `width` ge counters (a constant, 1 to 6) what a tile of whole registers, all present, holds at or above as many edges.
 * Returns the tile's sum in lanes: no finite numbers if it holds a NaN or an infinity. Zeros for integers.
 */
// @ts-ignore: decorator
@inline
function countGroup<T>(
  valuesPtr: usize,
  registers: u32,
  edgesPtr: usize,
  width: u32,
  sums: bool,
  gePtr: usize,
): v128 {
  const t0 = loadEdge<T>(edgesPtr);
  const t1 = width > 1 ? loadEdge<T>(edgePtr<T>(edgesPtr, 1)) : t0;
  const t2 = width > 2 ? loadEdge<T>(edgePtr<T>(edgesPtr, 2)) : t0;
  const t3 = width > 3 ? loadEdge<T>(edgePtr<T>(edgesPtr, 3)) : t0;
  const t4 = width > 4 ? loadEdge<T>(edgePtr<T>(edgesPtr, 4)) : t0;
  const t5 = width > 5 ? loadEdge<T>(edgePtr<T>(edgesPtr, 5)) : t0;
  let c0 = i64x2.splat(0);
  let c1 = i64x2.splat(0);
  let c2 = i64x2.splat(0);
  let c3 = i64x2.splat(0);
  let c4 = i64x2.splat(0);
  let c5 = i64x2.splat(0);
  let sum = i64x2.splat(0);
  const end = valuesPtr + (<usize>registers << 4);
  for (let ptr = valuesPtr; ptr < end; ptr += 16) {
    const values = loadComparable<T>(ptr);
    if (sums) sum = v128.add<T>(sum, values);
    c0 = countMask<T>(c0, atLeast<T>(values, t0));
    if (width > 1) c1 = countMask<T>(c1, atLeast<T>(values, t1));
    if (width > 2) c2 = countMask<T>(c2, atLeast<T>(values, t2));
    if (width > 3) c3 = countMask<T>(c3, atLeast<T>(values, t3));
    if (width > 4) c4 = countMask<T>(c4, atLeast<T>(values, t4));
    if (width > 5) c5 = countMask<T>(c5, atLeast<T>(values, t5));
  }
  addTo(gePtr, sumLanes<T>(c0));
  if (width > 1) addTo(gePtr + 4, sumLanes<T>(c1));
  if (width > 2) addTo(gePtr + 8, sumLanes<T>(c2));
  if (width > 3) addTo(gePtr + 12, sumLanes<T>(c3));
  if (width > 4) addTo(gePtr + 16, sumLanes<T>(c4));
  if (width > 5) addTo(gePtr + 20, sumLanes<T>(c5));
  return sum;
}

/** `countGroup` for a width of 1 to 6: a loop of its own each. */
// @ts-ignore: decorator
@inline
function countWidth<T>(
  valuesPtr: usize,
  registers: u32,
  edgesPtr: usize,
  width: u32,
  sums: bool,
  gePtr: usize,
): v128 {
  switch (width) {
    case 6:
      return countGroup<T>(valuesPtr, registers, edgesPtr, 6, sums, gePtr);
    case 5:
      return countGroup<T>(valuesPtr, registers, edgesPtr, 5, sums, gePtr);
    case 4:
      return countGroup<T>(valuesPtr, registers, edgesPtr, 4, sums, gePtr);
    case 3:
      return countGroup<T>(valuesPtr, registers, edgesPtr, 3, sums, gePtr);
    case 2:
      return countGroup<T>(valuesPtr, registers, edgesPtr, 2, sums, gePtr);
    default:
      return countGroup<T>(valuesPtr, registers, edgesPtr, 1, sums, gePtr);
  }
}

/** Edges in groups of nearly equal size, six at most, over one tile without absent rows. Returns the tile's sum, for floats. */
function countTile<T>(valuesPtr: usize, registers: u32, edgesPtr: usize, edgeCount: u32, gePtr: usize): v128 {
  let sum = i64x2.splat(0);
  let groupsLeft = (edgeCount + 5) / 6;
  for (let first: u32 = 0; first < edgeCount; groupsLeft--) {
    const width = (edgeCount - first + groupsLeft - 1) / groupsLeft;
    const groupPtr = edgePtr<T>(edgesPtr, first);
    const outPtr = gePtr + (<usize>first << 2);
    if (isFloat<T>() && first == 0) {
      sum = countWidth<T>(valuesPtr, registers, groupPtr, width, true, outPtr);
    } else {
      countWidth<T>(valuesPtr, registers, groupPtr, width, false, outPtr);
    }
    first += width;
  }
  return sum;
}

/** ge counters to bins, in place. Behind them stand, and stay, the missing and the infinite values. */
// @ts-ignore: decorator
@inline
function binsFromGe<T>(countsPtr: usize, edgesPtr: usize, edgeCount: u32, valueCount: u32): void {
  const behindPtr = countsPtr + (<usize>edgeCount << 2);
  const missing = load<u32>(behindPtr, 4);
  let above = valueCount - missing;
  for (let j: u32 = 0; j < edgeCount; j++) {
    let ge = load<u32>(countsPtr + (j << 2));
    // No compare holds at the lowest integer, where absent ones sit; every present value is at or above it.
    if (isInteger<T>() && load<T>(edgePtr<T>(edgesPtr, j)) == lowest<T>()) ge = valueCount - missing;
    store<u32>(countsPtr + (j << 2), above - ge);
    above = ge;
  }
  store<u32>(behindPtr, above);
}

/** Bytes that counting by compares works in; the result is at their beginning. */
export function edgeWorkBytes(edgeCount: u32): u32 {
  return <u32>tilePtrOf(0, edgeCount) + tileBytes;
}

// @ts-ignore: decorator
@inline
function tilePtrOf(workPtr: usize, edgeCount: u32): usize {
  return workPtr + ((((<usize>edgeCount + 3) << 2) + 15) & ~15);
}

/**
 * Counts `valueCount` values into the bins of `edgeCount` edges. Overwrites all of `work`, whose layout is above. Tiles with absent
 * rows, and the last one where it ends inside a register, are copied with NaN or the lowest integer in the places of these.
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
  workPtr: usize,
): void {
  memory.fill(workPtr, 0, (edgeCount + 3) << 2);
  const missingPtr = workPtr + ((<usize>edgeCount + 1) << 2);
  const tilePtr = tilePtrOf(workPtr, edgeCount);
  const tileRows = tileRegisters<T>() * laneCount<T>();
  let padding: u32 = 0;
  for (let from: u32 = 0; from < valueCount; from += tileRows) {
    const rows = min<u32>(tileRows, valueCount - from);
    const registers = (rows + laneCount<T>() - 1) / laneCount<T>();
    const padded = registers * laneCount<T>();
    const present = validityPtr == 0 ? rows : countPresent(validityPtr, bitOffset + from, rows);
    let ptr = valuesPtr + <usize>from * sizeof<T>();
    if (present != padded) {
      copyPresent<T>(valuesPtr, from, rows, validityPtr, bitOffset, padded, tilePtr);
      ptr = tilePtr;
    }
    padding += padded - rows;
    const sum = countTile<T>(ptr, registers, edgesPtr, edgeCount, workPtr);
    if (isInteger<T>()) addTo(missingPtr, padded - present);
    else if (!(edgeCount > 0 && areFinite<T>(sum))) countSpecials<T>(ptr, registers, missingPtr);
  }
  store<u32>(missingPtr, load<u32>(missingPtr) - padding);
  binsFromGe<T>(workPtr, edgesPtr, edgeCount, valueCount);
}
