// Sums of doubles without any rounding, so that no order of the terms and no cut into blocks can change a bit. The small
// superaccumulator of Neal 2015 (arXiv:1505.05571, section 2): a fixed-point number over the whole range of the doubles, in 67 signed
// 64-bit words that overlap by half.
//
//     value = sum over i of word[i] * 2^(32 i - 1074)
//
//     words    i64 * 68    | 0 .. 66 the number | 67 terms that were not finite |
//
// A term adds less than 2^53 to a word, so carries must travel on after 1024 terms at the latest; afterwards words 0 to 65 lie in
// [0, 2^32), which makes the words of a sum the same whatever came in which order.

import { valueOf } from "./keys";

const carryEvery: u32 = 1_024;
const wordCount: u32 = 67;
const lowBits: u64 = 0xffff_ffff;

function carry(wordsPtr: usize): void {
  let over: i64 = 0;
  for (let word: u32 = 0; word < wordCount - 1; word++) {
    const ptr = wordsPtr + (word << 3);
    const value = load<i64>(ptr) + over;
    over = value >> 32;
    store<u64>(ptr, <u64>value & lowBits);
  }
  const topPtr = wordsPtr + ((wordCount - 1) << 3);
  store<i64>(topPtr, load<i64>(topPtr) + over);
}

/**
 *     |x| = mantissa * 2^(exponent - 1) * 2^-1074      exponent 1 .. 2046, subnormals as 1 without the hidden bit
 *
 * so the mantissa begins at bit (exponent - 1): word (exponent - 1) / 32, and spills into the next.
 */
// @ts-ignore: decorator
@inline
function addTerm(x: f64, wordsPtr: usize): void {
  const bits = reinterpret<u64>(x);
  const exponent = <u32>(bits >> 52) & 0x7ff;
  if (exponent == 0x7ff) {
    store<i64>(wordsPtr, load<i64>(wordsPtr, 67 << 3) + 1, 67 << 3);
    return;
  }
  const isNormal = <u32>(exponent != 0);
  const mantissa = (bits & 0x000f_ffff_ffff_ffff) | (<u64>isNormal << 52);
  const position = exponent - isNormal;
  const shift = <u64>(position & 31);
  const sign = <i64>bits >> 63;
  // Negation as two's complement: (v ^ -1) - -1.
  const low = (<i64>((mantissa << shift) & lowBits) ^ sign) - sign;
  const high = (<i64>(mantissa >> (32 - shift)) ^ sign) - sign;
  const ptr = wordsPtr + ((position >> 5) << 3);
  store<i64>(ptr, load<i64>(ptr) + low);
  store<i64>(ptr, load<i64>(ptr, 8) + high, 8);
}

/**
 * Adds the finite values of sortable keys (keys.ts); infinities are skipped. T names the kind: f64, i64 or u64, whose values are widened
 * to f64 first. keys: u64 * count, alignment 8. words are added to: zero them first.
 */
// @ts-ignore: decorator
@inline
export function addKeysExactly<T>(keysPtr: usize, count: u32, wordsPtr: usize): void {
  for (let from: u32 = 0; from < count; from += carryEvery) {
    const to = min<u32>(count - from, carryEvery) + from;
    for (let index = from; index < to; index++) {
      const x = valueOf<T>(load<u64>(keysPtr + (<usize>index << 3)));
      if (abs<f64>(x) < Infinity) addTerm(x, wordsPtr);
    }
    carry(wordsPtr);
  }
}

/**
 * Adds the second, third and fourth powers of the finite values' deviations from `mean`, each power rounded by itself.
 * words: three sums of 68 words. A power beyond the largest double is counted in its sum's word 67.
 */
// @ts-ignore: decorator
@inline
export function addKeyPowersExactly<T>(keysPtr: usize, count: u32, mean: f64, wordsPtr: usize): void {
  for (let from: u32 = 0; from < count; from += carryEvery) {
    const to = min<u32>(count - from, carryEvery) + from;
    for (let index = from; index < to; index++) {
      const x = valueOf<T>(load<u64>(keysPtr + (<usize>index << 3)));
      if (!(abs<f64>(x) < Infinity)) continue;
      const deviation = x - mean;
      const square = deviation * deviation;
      addTerm(square, wordsPtr);
      addTerm(square * deviation, wordsPtr + 68 * 8);
      addTerm(square * square, wordsPtr + 136 * 8);
    }
    carry(wordsPtr);
    carry(wordsPtr + 68 * 8);
    carry(wordsPtr + 136 * 8);
  }
}
