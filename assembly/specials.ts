// NaN and infinities among floats: rare, so one register tells whether a tile has any, and only then they are counted.

import { countMask, sumLanes } from "./lanes";

/** The sum of whole registers, a multiple of four, in lanes: four sums side by side, for each waits for its last addition. */
// @ts-ignore: decorator
@inline
export function sumTile<T>(valuesPtr: usize, registers: u32): v128 {
  let s0 = i64x2.splat(0);
  let s1 = i64x2.splat(0);
  let s2 = i64x2.splat(0);
  let s3 = i64x2.splat(0);
  const end = valuesPtr + (<usize>registers << 4);
  for (let ptr = valuesPtr; ptr < end; ptr += 64) {
    s0 = v128.add<T>(s0, v128.load(ptr));
    s1 = v128.add<T>(s1, v128.load(ptr, 16));
    s2 = v128.add<T>(s2, v128.load(ptr, 32));
    s3 = v128.add<T>(s3, v128.load(ptr, 48));
  }
  return v128.add<T>(v128.add<T>(s0, s1), v128.add<T>(s2, s3));
}

/** Whether every lane is a finite number: of a sum, that no NaN and no infinity went into it. */
// @ts-ignore: decorator
@inline
export function areFinite<T>(values: v128): bool {
  return i32x4.all_true(v128.eq<T>(v128.sub<T>(values, values), v128.splat<T>(<T>0)));
}

/** Adds to out[0] the NaN, as which absent values stand, and to out[1] the infinities of whole registers. Floats. */
// @ts-ignore: decorator
@inline
export function countSpecials<T>(
  valuesPtr: usize,
  registers: u32,
  outPtr: usize,
): void {
  let absent = i64x2.splat(0);
  let infinite = i64x2.splat(0);
  const end = valuesPtr + (<usize>registers << 4);
  for (let ptr = valuesPtr; ptr < end; ptr += 16) {
    const values = v128.load(ptr);
    absent = countMask<T>(absent, v128.ne<T>(values, values));
    infinite = countMask<T>(infinite, v128.eq<T>(v128.abs<T>(values), v128.splat<T>(<T>Infinity)));
  }
  store<u32>(outPtr, load<u32>(outPtr) + sumLanes<T>(absent));
  store<u32>(outPtr, load<u32>(outPtr, 4) + sumLanes<T>(infinite), 4);
}
