// Radix sort of u64 keys in steps that the host orders (src/host/kernels/sort-steps.ts), each over a stretch of keys, so that none
// takes long. Least significant digit first, 12 bits a digit, at most three digits a round: their counters stay in the level-1 cache.
//
//     state    0: bits in which the keys differ, u64      64: counters, u32 * 3 * 4096
//
// Three digits order 36 bits, which is all that f32 values, dates and most integers vary in. Wider keys are ordered by their 36 highest
// varying bits and then put right by insertion, which takes no longer than a read where few neighbours share them; where many do, the
// host falls back to rounds over all bits.

const counterCount: u32 = 4096;
const countersOffset: usize = 64;

// @ts-ignore: decorator
@inline
function countersOf(statePtr: usize, digit: u32): usize {
  return statePtr + countersOffset + ((digit * counterCount) << 2);
}

// @ts-ignore: decorator
@inline
function addOne(countersPtr: usize, bucket: u32): void {
  const ptr = countersPtr + (bucket << 2);
  store<u32>(ptr, load<u32>(ptr) + 1);
}

/** Adds to the state the bits in which the keys differ from the one at `firstPtr`. Two keys a lane pair. */
export function findVaryingBits(keysPtr: usize, count: u32, firstPtr: usize, statePtr: usize): void {
  const first = i64x2.splat(<i64>load<u64>(firstPtr));
  let varying = i64x2.splat(0);
  const end = keysPtr + (<usize>count << 3);
  let ptr = keysPtr;
  for (; ptr + 16 <= end; ptr += 16) varying = v128.or(varying, v128.xor(v128.load(ptr), first));
  let bits = <u64>(i64x2.extract_lane(varying, 0) | i64x2.extract_lane(varying, 1));
  if (ptr < end) bits |= load<u64>(ptr) ^ load<u64>(firstPtr);
  store<u64>(statePtr, load<u64>(statePtr) | bits);
}

/** Adds the keys to the counters of `digitCount` digits, the lowest of which begins at bit `lowBit`. */
export function countDigits(keysPtr: usize, count: u32, lowBit: u32, digitBits: u32, digitCount: u32, statePtr: usize): void {
  const mask: u32 = (1 << digitBits) - 1;
  const end = keysPtr + (<usize>count << 3);
  const lowest = countersOf(statePtr, 0);
  const middle = countersOf(statePtr, 1);
  const highest = countersOf(statePtr, 2);
  const shift = <u64>lowBit;
  const width = <u64>digitBits;
  for (let ptr = keysPtr; ptr < end; ptr += 8) {
    let rest = load<u64>(ptr) >> shift;
    addOne(lowest, <u32>rest & mask);
    if (digitCount < 2) continue;
    rest >>= width;
    addOne(middle, <u32>rest & mask);
    if (digitCount < 3) continue;
    addOne(highest, <u32>(rest >> width) & mask);
  }
}

/** A digit's counts to first positions. Returns whether one bucket holds all keys, so that there is nothing to order. */
export function startsFromCounts(digitBits: u32, digit: u32, count: u32, statePtr: usize): bool {
  const countersPtr = countersOf(statePtr, digit);
  const end = countersPtr + (4 << digitBits);
  let start: u32 = 0;
  for (let ptr = countersPtr; ptr < end; ptr += 4) {
    const held = load<u32>(ptr);
    if (held == count) return true;
    store<u32>(ptr, start);
    start += held;
  }
  return false;
}

/** Moves keys to where their digit's counters say. `toPtr` is where the key of position 0 goes. */
export function scatterKeys(
  keysPtr: usize,
  count: u32,
  toPtr: usize,
  shift: u32,
  digitBits: u32,
  digit: u32,
  statePtr: usize,
): void {
  const mask: u32 = (1 << digitBits) - 1;
  const countersPtr = countersOf(statePtr, digit);
  const end = keysPtr + (<usize>count << 3);
  for (let ptr = keysPtr; ptr < end; ptr += 8) {
    const key = load<u64>(ptr);
    const counterPtr = countersPtr + ((<u32>(key >> <u64>shift) & mask) << 2);
    const position = load<u32>(counterPtr);
    store<u32>(counterPtr, position + 1);
    store<u64>(toPtr + (<usize>position << 3), key);
  }
}

/**
 * Insertion of the keys [fromIndex, toIndex) into those before them, which are in order. Returns how many places keys were moved by in
 * all; stops, with one more than `movesMax`, where it would be more. Whatever the answer, the keys stay the same set.
 */
export function insertKeys(keysPtr: usize, fromIndex: u32, toIndex: u32, movesMax: u32): u32 {
  let moves: u32 = 0;
  for (let index = max<u32>(1, fromIndex); index < toIndex; index++) {
    let ptr = keysPtr + (<usize>index << 3);
    const key = load<u64>(ptr);
    if (load<u64>(ptr - 8) <= key) continue;
    while (ptr > keysPtr && load<u64>(ptr - 8) > key) {
      store<u64>(ptr, load<u64>(ptr - 8));
      ptr -= 8;
      moves += 1;
      if (moves > movesMax) break;
    }
    store<u64>(ptr, key);
    if (moves > movesMax) break;
  }
  return moves;
}
