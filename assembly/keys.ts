// Order-preserving keys: every numeric value as a u64 whose unsigned order is the order of the values, so that one sort and one
// merge serve all column types.
//
//   floats, widened to f64:   sign bit clear -> bits ^ 0x8000...   set -> ~bits     -0 is written 0 first
//   signed integers:          value ^ 0x8000...                                     exact over the whole of int64
//   unsigned integers:        value
//
// NaN and absent rows get no key: they are missing. Infinities stand at the ends.

import { isPresent } from "./bitmap";

// @ts-ignore: decorator
@inline
function keyOf<T>(value: T): u64 {
  if (isFloat<T>()) {
    const bits = reinterpret<u64>(<f64>value + 0);
    return bits ^ (<u64>(<i64>bits >> 63) | 0x8000_0000_0000_0000);
  }
  if (isSigned<T>()) return <u64>(<i64>value) ^ 0x8000_0000_0000_0000;
  return <u64>value;
}

/** Writes the keys of the present values and returns how many. keys: 8 bytes a value, alignment 8; may be the values of a 64-bit T. */
// @ts-ignore: decorator
@inline
export function keysFrom<T>(
  valuesPtr: usize,
  valueCount: u32,
  validityPtr: usize,
  bitOffset: u32,
  keysPtr: usize,
): u32 {
  let outPtr = keysPtr;
  for (let index: u32 = 0; index < valueCount; index++) {
    const value = load<T>(valuesPtr + index * <u32>sizeof<T>());
    let present = isFloat<T>() ? value == value : true;
    if (validityPtr != 0) present = present && isPresent(validityPtr, bitOffset, index);
    // Always written, kept by advancing: no branch on the data.
    store<u64>(outPtr, keyOf<T>(value));
    outPtr += (<usize>present) << 3;
  }
  return <u32>((outPtr - keysPtr) >> 3);
}

/** The value behind a key, widened to f64 (64-bit integers round to nearest). T names the kind: f64, i64 or u64. */
// @ts-ignore: decorator
@inline
export function valueOf<T>(key: u64): f64 {
  if (isFloat<T>()) return reinterpret<f64>(key ^ (<u64>(~(<i64>key) >> 63) | 0x8000_0000_0000_0000));
  return <f64>(<T>(isSigned<T>() ? key ^ 0x8000_0000_0000_0000 : key));
}
