// Radix sort of u64 keys, least significant digit first, 11 bits a pass: six passes, of which those where all keys share the digit
// are skipped (f32 values widened to f64 leave the low digits zero, small integers the high ones).
//
//   keys      u64 * count      sorted in place
//   scratch   u64 * count
//   counters  u32 * 6 * 2048   48 KiB: one histogram a digit, all filled in one read of the keys

const digitBits: u32 = 11;
const digitCount: u32 = 6;
const bucketCount: u32 = 1 << digitBits;

// @ts-ignore: decorator
@inline
function bucketPtr(countersPtr: usize, digit: u32, key: u64): usize {
  const bucket = <u32>(key >> <u64>(digit * digitBits)) & (bucketCount - 1);
  return countersPtr + ((digit * bucketCount + bucket) << 2);
}

function countDigits(keysPtr: usize, count: u32, countersPtr: usize): void {
  memory.fill(countersPtr, 0, (digitCount * bucketCount) << 2);
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u64>(keysPtr + (i << 3));
    for (let digit: u32 = 0; digit < digitCount; digit++) {
      const ptr = bucketPtr(countersPtr, digit, key);
      store<u32>(ptr, load<u32>(ptr) + 1);
    }
  }
}

/** Counts to first positions. Returns whether one bucket holds everything. */
function startsFromCounts(countersPtr: usize, digit: u32, count: u32): bool {
  let start: u32 = 0;
  for (let bucket: u32 = 0; bucket < bucketCount; bucket++) {
    const ptr = countersPtr + ((digit * bucketCount + bucket) << 2);
    const held = load<u32>(ptr);
    if (held == count) return true;
    store<u32>(ptr, start);
    start += held;
  }
  return false;
}

export function sortKeys(keysPtr: usize, count: u32, scratchPtr: usize, countersPtr: usize): void {
  if (count < 2) return;
  countDigits(keysPtr, count, countersPtr);
  let fromPtr = keysPtr;
  let toPtr = scratchPtr;
  for (let digit: u32 = 0; digit < digitCount; digit++) {
    if (startsFromCounts(countersPtr, digit, count)) continue;
    for (let i: u32 = 0; i < count; i++) {
      const key = load<u64>(fromPtr + (i << 3));
      const ptr = bucketPtr(countersPtr, digit, key);
      const position = load<u32>(ptr);
      store<u32>(ptr, position + 1);
      store<u64>(toPtr + (position << 3), key);
    }
    const swap = fromPtr;
    fromPtr = toPtr;
    toPtr = swap;
  }
  if (fromPtr != keysPtr) memory.copy(keysPtr, fromPtr, count << 3);
}
