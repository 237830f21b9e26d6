/**
 * Moments that are the same bits for any order and any cut of the values: sums without rounding (assembly/exact-sum.ts), rounded once.
 *
 *     mean = sum(x) / n                      the exact quotient, rounded to the nearest double
 *     Mk   = sum((x - mean)^k), k = 2, 3, 4  each term rounded by itself, their exact sum rounded
 *
 * Two reads of all keys (assembly/keys.ts): one for the mean, one for the powers.
 */
import type { Task } from "../../scheduler/tasks.js";
import { exactSumBytes, type Kernels } from "../kernels/kernels.js";
import type { KeyKind } from "../kernels/types.js";
import type { Scope } from "../memory/arena.js";
import type { Moments } from "./profile.js";

/** Words of the number itself, and the word behind them that counts terms which were not finite (assembly/exact-sum.ts). */
const sumWords = 67;
/** The sum of the values, and of three powers of their deviations. */
const partBytes = 4 * exactSumBytes;
const doubleBits = 53;
/** Of the smallest positive double. */
const unitExponent = -1074;
const scratch = new DataView(new ArrayBuffer(8));

export class ExactMoments {
  readonly #kernels: Kernels;
  readonly #kind: KeyKind;
  readonly #parts: number;
  readonly #ptr: number;
  /** Null until all values were read once. */
  #mean: number | null = null;

  /**
   * The sums belong to `scope`.
   *
   * @param parts  stretches of keys that are summed by tasks of their own
   */
  constructor(kernels: Kernels, kind: KeyKind, scope: Scope, parts = 1) {
    this.#kernels = kernels;
    this.#kind = kind;
    this.#parts = parts;
    this.#ptr = scope.allocate(parts * partBytes);
    new Uint8Array(kernels.memory.buffer, this.#ptr, parts * partBytes).fill(0);
  }

  /** Adds to the first part: values in the first read, deviations in the second. Infinities are skipped. */
  add(keysPtr: number, count: number): void {
    if (this.#mean === null) this.#kernels.addKeysExactly(this.#kind, keysPtr, count, this.#ptr);
    else this.#kernels.addKeyPowersExactly(this.#kind, keysPtr, count, this.#mean, this.#ptr + exactSumBytes);
  }

  /** The same for a whole part. */
  task(part: number, keysPtr: number, count: number): Task {
    const ptr = this.#ptr + part * partBytes;
    const workBytes = count * 8;
    return this.#mean === null
      ? { kernel: "sumKeysExactly", args: [this.#kind, keysPtr, count, ptr], workBytes }
      : {
          kernel: "sumKeyPowersExactly",
          args: [this.#kind, keysPtr, count, this.#mean, ptr + exactSumBytes],
          workBytes,
        };
  }

  /** Between the reads. @param count  the finite values that were added */
  closeMean(count: number): void {
    this.#mean = count === 0 ? 0 : roundedQuotient(this.#sumOf(0), BigInt(count));
  }

  result(count: number, min: number, max: number): Moments {
    return {
      count,
      mean: this.#mean ?? 0,
      m2: this.#power(1),
      m3: this.#power(2),
      m4: this.#power(3),
      min,
      max,
    };
  }

  #power(index: number): number | null {
    for (let part = 0; part < this.#parts; part++) {
      if (this.#words(part, index)[sumWords] !== 0n) return null;
    }
    const value = roundedQuotient(this.#sumOf(index), 1n);
    return Number.isFinite(value) ? value : null;
  }

  /** In units of 2^-1074. */
  #sumOf(index: number): bigint {
    const total = new BigInt64Array(sumWords);
    for (let part = 0; part < this.#parts; part++) {
      const words = this.#words(part, index);
      for (let word = 0; word < sumWords; word++) total[word]! += words[word]!;
    }
    let sum = 0n;
    for (let word = sumWords - 1; word >= 0; word--) sum = (sum << 32n) + total[word]!;
    return sum;
  }

  #words(part: number, index: number): BigInt64Array {
    const ptr = this.#ptr + part * partBytes + index * exactSumBytes;
    return new BigInt64Array(this.#kernels.memory.buffer, ptr, sumWords + 1);
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
