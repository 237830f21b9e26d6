// Tables of uniform cells over many edges: what count-cells.ts counts by.
//
//     edges        e0   e1  e2      e3 e4 e5        e6
//     cells     |    0    |    1    |    2    |    3    |        
//     first[c]  |  0      |  2      |  3      |  6      |  7     edges whose cell is below c
//     begin[c]  |  0      |  2      |  T      |  6      |        the same, or T where the cell holds more edges than one
//
// The map to cells is monotone (cell-map.ts): an edge in a lower cell than x is <= x and one in a higher cell is > x.
//
//     table   the map's parameters | u16 begin[cells] | u16 first[cells + 1] | pad to 8 | T edges[E] | T never, twice

import { cellMaxOf, cellOf, headerBytes, putLinear, putLogarithmic } from "./cell-map";

/** Cells for so many edges: eight an edge, so that few share a cell; at most what 16 bits tell apart. */
export function cellCountFor(edgeCount: u32): u32 {
  let cells: u32 = 1_024;
  while (cells < edgeCount << 3 && cells < 65_536) cells <<= 1;
  return cells;
}

/** `begin` of a crowded cell, and the slot behind the bins where its values are counted first. */
// @ts-ignore: decorator
@inline
export function crowdOf(edgeCount: u32): u32 {
  return edgeCount + 1;
}

// @ts-ignore: decorator
@inline
export function beginPtrOf(tablePtr: usize): usize {
  return tablePtr + headerBytes;
}

/** Where a table's own edges begin. */
// @ts-ignore: decorator
@inline
export function tableEdgesPtr(tablePtr: usize): usize {
  return tablePtr + load<u32>(tablePtr, 36);
}

// @ts-ignore: decorator
@inline
export function firstPtrOf(tablePtr: usize, cellCount: u32): usize {
  return beginPtrOf(tablePtr) + (<usize>cellCount << 1);
}

// @ts-ignore: decorator
@inline
function edgesOffsetOf(cellCount: u32): usize {
  return firstPtrOf(0, cellCount) + ((((<usize>cellCount + 1) << 1) + 7) & ~7);
}

/** Bytes of a table. */
// @ts-ignore: decorator
@inline
export function cellTableBytes<T>(edgeCount: u32): u32 {
  return <u32>(edgesOffsetOf(cellCountFor(edgeCount)) + (<usize>edgeCount + 2) * sizeof<T>());
}

// @ts-ignore: decorator
@inline
export function edgeAt<T>(edgesPtr: usize, index: u32): T {
  return load<T>(edgesPtr + <usize>index * sizeof<T>());
}

/** Edges that share their cell with the one before. */
function crowded<T>(edgesPtr: usize, edgeCount: u32, tablePtr: usize): u32 {
  let shared: u32 = 0;
  let last: u32 = u32.MAX_VALUE;
  for (let j: u32 = 0; j < edgeCount; j++) {
    const cell = cellOf<T>(edgeAt<T>(edgesPtr, j), tablePtr);
    shared += <u32>(cell == last);
    last = cell;
  }
  return shared;
}

/**
 * The linear map from one cut edge to the other. Cut 0 is the whole range, 1 to 3 leave out its outer 1/32, 1/16 and 1/8: outliers
 * among the edges would leave all others one cell. Returns whether it exists.
 */
// @ts-ignore: decorator
@inline
function putLinearCut<T>(edgesPtr: usize, edgeCount: u32, cut: u32, tablePtr: usize, cellMax: u32): bool {
  const trim: u32 = cut == 0 ? 0 : edgeCount >> (6 - cut);
  const low = <f64>edgeAt<T>(edgesPtr, trim);
  const high = <f64>edgeAt<T>(edgesPtr, edgeCount - 1 - trim);
  return putLinear<T>(tablePtr, low, high, cellMax);
}

/** The map under which the fewest edges share a cell; a linear one unless the logarithmic one has fewer by a thirty-second. */
// @ts-ignore: decorator
@inline
function putMap<T>(edgesPtr: usize, edgeCount: u32, tablePtr: usize, cellMax: u32): void {
  if (edgeCount == 0) {
    putLinear<T>(tablePtr, 0, 0, cellMax);
    return;
  }
  let best: u32 = 0;
  let leastShared: u32 = edgeCount;
  for (let cut: u32 = 0; cut < 4 && leastShared > 0; cut++) {
    if (!putLinearCut<T>(edgesPtr, edgeCount, cut, tablePtr, cellMax)) continue;
    const shared = crowded<T>(edgesPtr, edgeCount, tablePtr);
    if (shared >= leastShared) continue;
    leastShared = shared;
    best = cut;
  }
  if (sizeof<T>() > 2 && leastShared > edgeCount >> 5) {
    putLogarithmic(tablePtr, <f64>edgeAt<T>(edgesPtr, 0), <f64>edgeAt<T>(edgesPtr, edgeCount - 1), cellMax);
    if (crowded<T>(edgesPtr, edgeCount, tablePtr) + (edgeCount >> 5) < leastShared) return;
  }
  putLinearCut<T>(edgesPtr, edgeCount, best, tablePtr, cellMax);
}

// @ts-ignore: decorator
@inline
export function buildCellTable<T>(edgesPtr: usize, edgeCount: u32, tablePtr: usize): void {
  const cellCount = cellCountFor(edgeCount);
  putMap<T>(edgesPtr, edgeCount, tablePtr, cellCount - 1);
  store<u32>(tablePtr, <u32>edgesOffsetOf(cellCount), 36);
  const firstPtr = firstPtrOf(tablePtr, cellCount);
  let cell: u32 = 0;
  for (let j: u32 = 0; j < edgeCount; j++) {
    const own = cellOf<T>(edgeAt<T>(edgesPtr, j), tablePtr);
    for (; cell <= own; cell++) store<u16>(firstPtr + (<usize>cell << 1), <u16>j);
  }
  for (; cell <= cellCount; cell++) store<u16>(firstPtr + (<usize>cell << 1), <u16>edgeCount);
  for (cell = 0; cell < cellCount; cell++) {
    const first = load<u16>(firstPtr + (<usize>cell << 1));
    const isCrowded = load<u16>(firstPtr + (<usize>cell << 1), 2) - first > 1;
    store<u16>(beginPtrOf(tablePtr) + (<usize>cell << 1), isCrowded ? <u16>crowdOf(edgeCount) : first);
  }
  const copyPtr = tablePtr + edgesOffsetOf(cellCount);
  memory.copy(copyPtr, edgesPtr, <usize>edgeCount * sizeof<T>());
  // Compared with by values above the last edge and by those of crowded cells, both in vain (`isAtLeast`).
  const never = isFloat<T>() ? <T>NaN : <T>0;
  store<T>(copyPtr + <usize>edgeCount * sizeof<T>(), never);
  store<T>(copyPtr + <usize>(edgeCount + 1) * sizeof<T>(), never);
}
