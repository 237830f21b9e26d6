/**
 * Moments that are the same bits for any order and any cut of the values: sums without rounding (assembly/exact-sum.ts), rounded once.
 *
 *     mean = sum(x) / n                      the exact quotient, rounded to the nearest double
 *     Mk   = sum((x - mean)^k), k = 2, 3, 4  each term rounded by itself, their exact sum rounded
 *
 * Two reads: all values for the mean, then all values again for the powers.
 */
import { exactSumBytes, type Kernels } from "../kernels/kernels.js";
import type { Scope } from "../memory/arena.js";
import type { Moments } from "./profile.js";

/** Words of the number itself, and the word behind them that counts terms which were not finite (assembly/exact-sum.ts). */
const sumWords = 67;
const doubleBits = 53;
/** Of the smallest positive double. */
const unitExponent = -1074;
const scratch = new DataView(new ArrayBuffer(8));

export class ExactMoments {
  readonly #kernels: Kernels;
  readonly #ptr: number;
  #mean = 0;

  /** The sums belong to `scope`. */
  constructor(kernels: Kernels, scope: Scope) {
    this.#kernels = kernels;
    this.#ptr = scope.allocate(4 * exactSumBytes);
    new Uint8Array(kernels.memory.buffer, this.#ptr, 4 * exactSumBytes).fill(0);
  }

  /** First read. values: f64, alignment 8; those that are not finite are skipped. */
  addValues(valuesPtr: number, count: number): void {
    this.#kernels.addExactly(valuesPtr, count, this.#ptr);
  }

  /** Between the reads. @param count  the finite values that were added */
  closeMean(count: number): void {
    this.#mean = count === 0 ? 0 : roundedQuotient(this.#sumOf(0), BigInt(count));
  }

  /** Second read. */
  addDeviations(valuesPtr: number, count: number): void {
    this.#kernels.addPowersExactly(valuesPtr, count, this.#mean, this.#ptr + exactSumBytes);
  }

  result(count: number, min: number, max: number): Moments {
    return { count, mean: this.#mean, m2: this.#power(1), m3: this.#power(2), m4: this.#power(3), min, max };
  }

  #power(index: number): number | null {
    if (this.#words(index)[sumWords] !== 0n) return null;
    const value = roundedQuotient(this.#sumOf(index), 1n);
    return Number.isFinite(value) ? value : null;
  }

  /** In units of 2^-1074. */
  #sumOf(index: number): bigint {
    const words = this.#words(index);
    let sum = 0n;
    for (let word = sumWords - 1; word >= 0; word--) sum = (sum << 32n) + words[word]!;
    return sum;
  }

  #words(index: number): BigInt64Array {
    return new BigInt64Array(this.#kernels.memory.buffer, this.#ptr + index * exactSumBytes, sumWords + 1);
  }
}

/** numerator / denominator * 2^-1074 as the nearest double, halves to even; infinite beyond the largest. denominator > 0. */
export function roundedQuotient(numerator: bigint, denominator: bigint): number {
  if (numerator < 0n) return -roundedQuotient(-numerator, denominator);
  // Every double is a whole number of units; from 2^53 units on only every 2^dropBits-th.
  const dropBits = Math.max(0, bitLength(numerator / denominator) - doubleBits);
  const divisor = denominator << BigInt(dropBits);
  let quotient = numerator / divisor;
  const twice = (numerator - quotient * divisor) * 2n;
  if (twice > divisor || (twice === divisor && (quotient & 1n) === 1n)) quotient += 1n;
  return Number(quotient) * powerOfTwo(dropBits + unitExponent);
}

export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const hex = value.toString(16);
  return hex.length * 4 - (Math.clz32(Number.parseInt(hex[0]!, 16)) - 28);
}

function powerOfTwo(exponent: number): number {
  if (exponent > 1023) return Number.POSITIVE_INFINITY;
  const isNormal = exponent >= -1022;
  scratch.setBigUint64(0, isNormal ? BigInt(exponent + 1023) << 52n : 1n << BigInt(exponent - unitExponent));
  return scratch.getFloat64(0);
}
