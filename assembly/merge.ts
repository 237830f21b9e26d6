// What merging two runs of sorted keys takes: their order, of one kind or of two, the ends of runs of equal keys, and the state between
// two steps, which may also be between two stretches of samples that are too long to be held at once.
//
//     state, 48 bytes     0: u32 keys of the reference passed, of this stretch | 4: u32 of the current
//                         8: u64 or f64, the answer so far                     | 16: f64 what a sum lost
//                        24: u64 the last point's place (wasserstein.ts)
//                        32: u32 keys of the reference before this stretch     | 36: u32 of the current
//                        40: u32 keys of the whole reference                   | 44: u32 of the current

// @ts-ignore: decorator
@inline
export function referenceBefore(statePtr: usize): i64 {
  return <i64>load<u32>(statePtr, 32);
}

// @ts-ignore: decorator
@inline
export function currentBefore(statePtr: usize): i64 {
  return <i64>load<u32>(statePtr, 36);
}

// @ts-ignore: decorator
@inline
export function referenceTotal(statePtr: usize): i64 {
  return <i64>load<u32>(statePtr, 40);
}

// @ts-ignore: decorator
@inline
export function currentTotal(statePtr: usize): i64 {
  return <i64>load<u32>(statePtr, 44);
}

/** Whether keys of R and C compare as they are. R, C: f64, i64 or u64, the kinds of keys.ts. */
// @ts-ignore: decorator
@inline
export function areOfOneKind<R, C>(): bool {
  return isFloat<R>() == isFloat<C>() && isSigned<R>() == isSigned<C>();
}

/** -1, 0 or 1: by the exact values behind the keys. Of two kinds, floats come first, signed integers before unsigned. */
// @ts-ignore: decorator
@inline
export function orderOf<R, C>(reference: u64, current: u64): i32 {
  if (areOfOneKind<R, C>()) return orderOfBits(reference, current);
  if (isFloat<R>()) return orderOfFloat<C>(floatOf(reference), current);
  const value = reference ^ 0x8000_0000_0000_0000;
  return <i64>value < 0 ? -1 : orderOfBits(value, current);
}

// @ts-ignore: decorator
@inline
function orderOfBits(reference: u64, current: u64): i32 {
  return <i32>(reference > current) - <i32>(reference < current);
}

/** A float against an integer: its whole part is compared as an integer, where it is one of 64 bits; what is left of it decides ties. */
// @ts-ignore: decorator
@inline
function orderOfFloat<C>(value: f64, integerKey: u64): i32 {
  const lowest: f64 = isSigned<C>() ? -9223372036854775808.0 : 0;
  const above: f64 = isSigned<C>() ? 9223372036854775808.0 : 18446744073709551616.0;
  if (value < lowest) return -1;
  if (value >= above) return 1;
  const whole = floor<f64>(value);
  const wholeKey = isSigned<C>() ? <u64>(<i64>whole) ^ 0x8000_0000_0000_0000 : <u64>whole;
  const order = orderOfBits(wholeKey, integerKey);
  return order != 0 ? order : <i32>(value > whole);
}

/** The double behind a key of kind f64. */
// @ts-ignore: decorator
@inline
export function floatOf(key: u64): f64 {
  return reinterpret<f64>(key ^ (<u64>(~(<i64>key) >> 63) | 0x8000_0000_0000_0000));
}

/** Behind the keys that equal the one at `ptr`, which lies before `end`. By galloping: a run of any length takes 60 looks at most. */
// @ts-ignore: decorator
@inline
export function endOfRun(ptr: usize, end: usize): usize {
  const key = load<u64>(ptr);
  let last = ptr;
  let stride: usize = 8;
  while (end - last > stride && load<u64>(last + stride) == key) {
    last += stride;
    stride <<= 1;
  }
  while (stride > 8) {
    stride >>= 1;
    if (end - last > stride && load<u64>(last + stride) == key) last += stride;
  }
  return last + 8;
}
