/**
 * Seeded random numbers: the same seed gives the same slices and the same intervals on every machine.
 *
 * sfc32 by Chris Doty-Humphrey (PractRand, public domain): 96 bits of chaotic state and a 32-bit counter, so no cycle is shorter
 * than 2^32. Its first outputs are thrown away, because they still show the seed.
 */

const warmUpRounds = 16;

export class Random {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #counter = 1;

  /** @param seed  a safe integer; `stream` sets apart the uses of one seed */
  constructor(seed: number, stream = 0) {
    if (!Number.isSafeInteger(seed)) throw new RangeError(`seed ${seed} is not a safe integer`);
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = (this.#c + stream) | 0;
    for (let i = 0; i < warmUpRounds; i++) this.u32();
  }

  /** Uniform on 0 … 2^32 - 1. */
  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform on [0, 1), 32 bits. */
  unit(): number {
    return this.u32() / 2 ** 32;
  }

  /** Uniform on 0 … count - 1, for count up to 2^32; off from uniform by count / 2^32 at most. */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  /** Fisher-Yates, in place. */
  shuffle(values: Uint32Array): void {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = values[i]!;
      values[i] = values[j]!;
      values[j] = held;
    }
  }
}
