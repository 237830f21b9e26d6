// Histogram over many edges: a table of uniform cells (cell-table.ts) tells where in the edges to begin, one compare corrects.
//
// Only the edges of x's own cell have to be compared: mostly none or one, and then the bin is begin[c] + (x >= e[begin[c]]), without a
// branch. Values in crowded cells (heavy tails, adversarial edges) land in the slot T, the "crowd"; tiles that have some are gone
// through again, and these are searched by halves within their cell.
//
// A tile takes two steps, with the cells between them in memory, for reading them back as scalars is cheaper than taking lanes apart:
//
//     1  lanes      x * rate + (offset + 2^23), clamped to 2^23 + [0, cellMax]     a float whose low 16 bits are the cell (f64: 2^52)
//     2  scalars    load16 cell, load16 begin, load edge, compare, add one         four neighbours, four histograms
//
// Four histograms, so that equal neighbours do not wait for each other's store. Bytes read a value: its own, 2 of cells, 2 of begin, an
// edge and a counter, all but the first from the first-level cache.
//
//     work    u32 histogram[2][E + 3][2] | u32 absent, infinite | pad to 8 | cells of a tile, 8 bytes each | a tile with absent rows masked
//
// Output, u32 each, at the beginning of work:  counts[0..E] bins | counts[E+1] missing (null or NaN) | counts[E+2] nonFinite

import { countPresent } from "./bitmap";
import { cellMaxOf, cellStep, headerBytes, isSingle, writeCells } from "./cell-map";
import { beginPtrOf, crowdOf, edgeAt, firstPtrOf, tableEdgesPtr } from "./cell-table";
import { laneCount, lowest } from "./lanes";
import { copyPresent } from "./present";
import { areFinite, countSpecials, sumTile } from "./specials";

/** Values of one tile: a multiple of the widest register. Their cells never leave the first-level cache, and work stays small. */
const tileValues: u32 = 256;

// @ts-ignore: decorator
@inline
function strideOf(edgeCount: u32): usize {
  return (<usize>edgeCount + 3) << 2;
}

// @ts-ignore: decorator
@inline
function cellsPtrOf(workPtr: usize, edgeCount: u32): usize {
  return workPtr + (((strideOf(edgeCount) << 2) + 8 + 7) & ~7);
}

/** Bytes that counting by a table works in; the result is at their beginning. */
export function cellWorkBytes(edgeCount: u32): u32 {
  return <u32>cellsPtrOf(0, edgeCount) + tileValues * 16;
}

/** Whether a value is at or above edge `index`, one of its cell or the next above; false behind the last. */
// @ts-ignore: decorator
@inline
function isAtLeast<T>(value: T, index: u32, edgesPtr: usize, edgeCount: u32): u32 {
  const isAbove = <u32>(value >= edgeAt<T>(edgesPtr, index));
  // No integer is above all, as NaN is at or above none.
  return isFloat<T>() ? isAbove : isAbove & <u32>(index < edgeCount);
}

/** The slot of a value from its cell. */
// @ts-ignore: decorator
@inline
function slotOf<T>(value: T, cell: u32, tablePtr: usize, edgesPtr: usize, edgeCount: u32): usize {
  const begin = <u32>load<u16>(tablePtr + (<usize>cell << 1), headerBytes);
  return begin + isAtLeast<T>(value, begin, edgesPtr, edgeCount);
}

/**
 * Adds a tile to the histograms, a multiple of four values. Every address is a pointer, a scaled index and a constant, so that each
 * costs an instruction at most.
 */
function addTile<T>(
  valuesPtr: usize,
  count: u32,
  cellsPtr: usize,
  tablePtr: usize,
  edgesPtr: usize,
  edgeCount: u32,
  firstPairPtr: usize,
  secondPairPtr: usize,
): void {
  const end = valuesPtr + <usize>count * sizeof<T>();
  while (valuesPtr < end) {
    const cell0 = isSingle<T>() ? load<u16>(cellsPtr) : load<u16>(cellsPtr);
    const cell1 = isSingle<T>() ? load<u16>(cellsPtr, 4) : load<u16>(cellsPtr, 8);
    const cell2 = isSingle<T>() ? load<u16>(cellsPtr, 8) : load<u16>(cellsPtr, 16);
    const cell3 = isSingle<T>() ? load<u16>(cellsPtr, 12) : load<u16>(cellsPtr, 24);
    const ptr0 = firstPairPtr + (slotOf<T>(load<T>(valuesPtr), cell0, tablePtr, edgesPtr, edgeCount) << 3);
    store<u32>(ptr0, load<u32>(ptr0) + 1);
    const ptr1 = firstPairPtr + (slotOf<T>(load<T>(valuesPtr, sizeof<T>()), cell1, tablePtr, edgesPtr, edgeCount) << 3);
    store<u32>(ptr1, load<u32>(ptr1, 4) + 1, 4);
    const ptr2 = secondPairPtr + (slotOf<T>(load<T>(valuesPtr, 2 * sizeof<T>()), cell2, tablePtr, edgesPtr, edgeCount) << 3);
    store<u32>(ptr2, load<u32>(ptr2) + 1);
    const ptr3 = secondPairPtr + (slotOf<T>(load<T>(valuesPtr, 3 * sizeof<T>()), cell3, tablePtr, edgesPtr, edgeCount) << 3);
    store<u32>(ptr3, load<u32>(ptr3, 4) + 1, 4);
    valuesPtr += 4 * sizeof<T>();
    cellsPtr += 4 * cellStep<T>();
  }
}

/** Edges at or below `value` among those of its cell. */
function searchIn<T>(value: T, from: u32, to: u32, edgesPtr: usize): u32 {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value >= edgeAt<T>(edgesPtr, middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Adds the values of a tile that lie in crowded cells. */
function addCrowd<T>(valuesPtr: usize, count: u32, cellsPtr: usize, tablePtr: usize, edgeCount: u32, histogramsPtr: usize): void {
  const beginsPtr = beginPtrOf(tablePtr);
  const firstsPtr = firstPtrOf(tablePtr, cellMaxOf(tablePtr) + 1);
  const edgesPtr = tableEdgesPtr(tablePtr);
  for (let i: u32 = 0; i < count; i++) {
    const cell = <usize>load<u16>(cellsPtr + <usize>i * cellStep<T>());
    if (<u32>load<u16>(beginsPtr + (cell << 1)) != crowdOf(edgeCount)) continue;
    const from = load<u16>(firstsPtr + (cell << 1));
    const to = load<u16>(firstsPtr + (cell << 1), 2);
    const slot = searchIn<T>(load<T>(valuesPtr + <usize>i * sizeof<T>()), from, to, edgesPtr);
    const ptr = histogramsPtr + (<usize>slot << 3);
    store<u32>(ptr, load<u32>(ptr) + 1);
  }
}

/** A slot's count over the four histograms. */
// @ts-ignore: decorator
@inline
function countOf(histogramsPtr: usize, edgeCount: u32, slot: u32): u32 {
  const ptr = histogramsPtr + (<usize>slot << 3);
  const secondPtr = ptr + (strideOf(edgeCount) << 1);
  return load<u32>(ptr) + load<u32>(ptr, 4) + load<u32>(secondPtr) + load<u32>(secondPtr, 4);
}

/** Adds up the histograms, and takes the absent values, padding included, out of the bin where they were counted. */
// @ts-ignore: decorator
@inline
function finish<T>(histogramsPtr: usize, edgesPtr: usize, edgeCount: u32, padding: u32): void {
  const stride = strideOf(edgeCount);
  const absent = load<u32>(histogramsPtr + (stride << 2));
  const infinite = load<u32>(histogramsPtr + (stride << 2), 4);
  // In place: the sum of a slot goes to or before where its first part stood.
  for (let slot: u32 = 0; slot <= edgeCount; slot++) {
    store<u32>(histogramsPtr + (<usize>slot << 2), countOf(histogramsPtr, edgeCount, slot));
  }
  // NaN is below all edges, the lowest integer at or above those of its own value.
  let absentPtr = histogramsPtr;
  if (isInteger<T>()) {
    for (let j: u32 = 0; j < edgeCount && edgeAt<T>(edgesPtr, j) == lowest<T>(); j++) absentPtr += 4;
  }
  store<u32>(absentPtr, load<u32>(absentPtr) - absent);
  const behindPtr = histogramsPtr + (<usize>edgeCount << 2);
  store<u32>(behindPtr, absent - padding, 4);
  store<u32>(behindPtr, infinite, 8);
}

/**
 * Counts `valueCount` values into the bins of the table's `edgeCount` edges; the layout of `work` is above, of its beginning the
 * result's. Overwrites all of `work`.
 */
// @ts-ignore: decorator
@inline
export function countByCells<T>(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  tablePtr: usize,
  edgeCount: u32,
  workPtr: usize,
): void {
  const cellsPtr = cellsPtrOf(workPtr, edgeCount);
  const tilePtr = cellsPtr + (<usize>tileValues << 3);
  const specialsPtr = workPtr + (strideOf(edgeCount) << 2);
  memory.fill(workPtr, 0, (strideOf(edgeCount) << 2) + 8);
  const edgesPtr = tableEdgesPtr(tablePtr);
  const secondPairPtr = workPtr + (strideOf(edgeCount) << 1);
  let padding: u32 = 0;
  for (let from: u32 = 0; from < valueCount; from += tileValues) {
    const rows = min<u32>(tileValues, valueCount - from);
    const padded = (rows + 15) & ~15;
    const present = validityPtr == 0 ? rows : countPresent(validityPtr, bitOffset + from, rows);
    if (isInteger<T>()) store<u32>(specialsPtr, load<u32>(specialsPtr) + padded - present);
    padding += padded - rows;
    const crowdBefore = countOf(workPtr, edgeCount, crowdOf(edgeCount));
    let ptr = valuesPtr + <usize>from * sizeof<T>();
    if (present != padded) {
      ptr = tilePtr;
      copyPresent<T>(valuesPtr, from, rows, validityPtr, bitOffset, padded, ptr);
    }
    const registers = padded / laneCount<T>();
    if (isFloat<T>() && !areFinite<T>(sumTile<T>(ptr, registers))) {
      countSpecials<T>(ptr, registers, specialsPtr);
    }
    writeCells<T>(ptr, padded, tablePtr, cellsPtr);
    addTile<T>(ptr, padded, cellsPtr, tablePtr, edgesPtr, edgeCount, workPtr, secondPairPtr);
    if (countOf(workPtr, edgeCount, crowdOf(edgeCount)) != crowdBefore) {
      addCrowd<T>(ptr, padded, cellsPtr, tablePtr, edgeCount, workPtr);
    }
  }
  finish<T>(workPtr, edgesPtr, edgeCount, padding);
}
