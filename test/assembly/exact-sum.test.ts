// Exact sums against whole numbers of 2^-1074, in which every double is one.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exactSumBytes } from "../../src/host/kernels/kernels.js";
import {
  anyValue,
  get,
  guard,
  hardValues,
  isGuardWhole,
  kernels,
  memory,
  place,
  put,
  random,
} from "./support.js";

const bits = new DataView(new ArrayBuffer(8));

function units(x: number): bigint {
  bits.setFloat64(0, x);
  const word = bits.getBigUint64(0);
  const exponent = (word >> 52n) & 0x7ffn;
  const mantissa = word & (2n ** 52n - 1n);
  const size = exponent === 0n ? mantissa : (mantissa + 2n ** 52n) << (exponent - 1n);
  return x < 0 ? -size : size;
}

/** In place of the values; NaN has no key. Returns how many. */
function keysFrom(values: readonly number[]): number {
  put("f64", place.values, values);
  return kernels.keysFromF64(place.values, values.length, 0, 0, place.values);
}

function clear(sums: number): void {
  guard(place.out, sums * exactSumBytes);
  new Uint8Array(memory.buffer, place.out, sums * exactSumBytes).fill(0);
}

function wordsOf(index: number): bigint[] {
  return get("i64", place.out + index * exactSumBytes, 68) as bigint[];
}

function sumOf(index: number): bigint {
  return wordsOf(index)
    .slice(0, 67)
    .reduce((sum, word, at) => sum + (word << BigInt(32 * at)), 0n);
}

function valuesOf(count: number, next: () => number): number[] {
  const hard = hardValues("f64") as number[];
  return Array.from({ length: count }, () => {
    const kind = next();
    if (kind < 0.3) return hard[Math.floor(next() * hard.length)]!;
    return kind < 0.6 ? (anyValue("f64", next) as number) : next() - 0.5;
  });
}

test("sums of any doubles, over carries, in any order, are the same words", () => {
  const next = random(71);
  for (const count of [0, 1, 2, 3, 1_023, 1_024, 1_025, 5_000]) {
    const values = valuesOf(count, next);
    const expected = values.filter(Number.isFinite).reduce((sum, x) => sum + units(x), 0n);
    clear(1);
    kernels.addKeysExactlyF64(place.values, keysFrom(values), place.out);
    assert.is(sumOf(0), expected, `${count} values`);
    const once = wordsOf(0);
    clear(1);
    const keyCount = keysFrom([...values].reverse());
    const cut = Math.floor(keyCount / 3);
    kernels.addKeysExactlyF64(place.values, cut, place.out);
    kernels.addKeysExactlyF64(place.values + cut * 8, keyCount - cut, place.out);
    assert.equal(wordsOf(0), once);
    assert.ok(isGuardWhole(place.out, exactSumBytes));
  }
});

test("as many largest doubles as carries take, of both signs", () => {
  for (const x of [Number.MAX_VALUE, -Number.MAX_VALUE, -5e-324, 2 ** -1022 - 5e-324]) {
    clear(1);
    kernels.addKeysExactlyF64(place.values, keysFrom(new Array<number>(10_000).fill(x)), place.out);
    assert.is(sumOf(0), units(x) * 10_000n);
  }
});

test("integers of 64 bits are rounded to doubles first", () => {
  const signed = [-(2n ** 63n), -5n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n];
  const unsigned = [0n, 7n, 2n ** 53n + 3n, 2n ** 64n - 1n];
  put("i64", place.values, signed);
  kernels.keysFromI64(place.values, signed.length, 0, 0, place.values);
  clear(1);
  kernels.addKeysExactlyI64(place.values, signed.length, place.out);
  assert.is(
    sumOf(0),
    signed.reduce((sum, x) => sum + units(Number(x)), 0n),
  );
  put("u64", place.values, unsigned);
  clear(3);
  kernels.addKeyPowersExactlyU64(place.values, unsigned.length, 1, place.out);
  assert.is(
    sumOf(0),
    unsigned.reduce((sum, x) => sum + units((Number(x) - 1) ** 2), 0n),
  );
});

test("powers of deviations: each rounded, their sum not; those beyond the doubles are counted", () => {
  const next = random(73);
  for (const count of [1, 5, 1_024, 3_000]) {
    const values = valuesOf(count, next);
    const mean = next() * 4 - 2;
    clear(3);
    kernels.addKeyPowersExactlyF64(place.values, keysFrom(values), mean, place.out);
    assert.ok(isGuardWhole(place.out, 3 * exactSumBytes));
    const finite = values.filter(Number.isFinite).map((x) => x - mean);
    const powers = [(d: number) => d * d, (d: number) => d * d * d, (d: number) => d * d * (d * d)];
    for (const [index, power] of powers.entries()) {
      const terms = finite.map(power);
      const sum = terms.filter(Number.isFinite).reduce((all, x) => all + units(x), 0n);
      assert.is(sumOf(index), sum, `power ${index + 2} of ${count}`);
      assert.is(wordsOf(index)[67], BigInt(terms.filter((x) => !Number.isFinite(x)).length));
    }
  }
});

test.run();
