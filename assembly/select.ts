// Radix selection: counts sortable keys (assembly/keys.ts) by the digit that follows their cell, a cell being a range of keys that
// holds a wanted rank. A few passes over the data narrow the cells until every wanted key is known, in memory that does not grow with
// the rows.
//
// A cell, 40 bytes; cells are sorted, disjoint, at least one:
//
//     0: lowest key, u64    8: highest key, u64    16: smallest key found, u64    24: largest key found, u64
//    32: shift, u32: counter = first counter + ((key - lowest) >> shift)           36: first counter, u32
//
// Counters are u32 and added to; so are the smallest and the largest key. Keys outside the cells are passed over.

const cellBytes: u32 = 40;

/** The last cell whose lowest key is not above `key`, or the first cell; branchless. */
// @ts-ignore: decorator
@inline
function cellOf(key: u64, cellsPtr: usize, cellCount: u32): usize {
  let ptr = cellsPtr;
  let length = cellCount;
  while (length > 1) {
    const half = length >> 1;
    const middle = ptr + half * cellBytes;
    ptr = select<usize>(middle, ptr, load<u64>(middle) <= key);
    length -= half;
  }
  return ptr;
}

// @ts-ignore: decorator
@inline
function isWithin(key: u64, cellPtr: usize): bool {
  return key >= load<u64>(cellPtr) && key <= load<u64>(cellPtr, 8);
}

/**
 * keys: u64 * keyCount, alignment 8. counters: u32 * counterCount; a cell that names one beyond them is damaged, and its keys are passed
 * over. Returns how many keys lie below the first cell.
 */
export function countInCells(
  keysPtr: usize,
  keyCount: u32,
  cellsPtr: usize,
  cellCount: u32,
  countersPtr: usize,
  counterCount: u32,
): u32 {
  const lowest = load<u64>(cellsPtr);
  let below: u32 = 0;
  for (let index: u32 = 0; index < keyCount; index++) {
    const key = load<u64>(keysPtr + (<usize>index << 3));
    below += <u32>(key < lowest);
    const cellPtr = cellOf(key, cellsPtr, cellCount);
    if (!isWithin(key, cellPtr)) continue;
    if (key < load<u64>(cellPtr, 16)) store<u64>(cellPtr, key, 16);
    if (key > load<u64>(cellPtr, 24)) store<u64>(cellPtr, key, 24);
    const digit = (key - load<u64>(cellPtr)) >> <u64>load<u32>(cellPtr, 32);
    const counter = <u64>load<u32>(cellPtr, 36) + digit;
    if (counter >= <u64>counterCount) continue;
    const counterPtr = countersPtr + (<usize>counter << 2);
    store<u32>(counterPtr, load<u32>(counterPtr) + 1);
  }
  return below;
}

/** Writes the keys that lie in a cell, in their order, `outCount` at most; returns how many there are. */
export function gatherInCells(
  keysPtr: usize,
  keyCount: u32,
  cellsPtr: usize,
  cellCount: u32,
  outPtr: usize,
  outCount: u32,
): u32 {
  let found: u32 = 0;
  for (let index: u32 = 0; index < keyCount; index++) {
    const key = load<u64>(keysPtr + (<usize>index << 3));
    if (!isWithin(key, cellOf(key, cellsPtr, cellCount))) continue;
    if (found < outCount) store<u64>(outPtr + (<usize>found << 3), key);
    found += 1;
  }
  return found;
}
