// keysFrom and the sort (assembly/sort.ts) belong together: values to keys, keys in order, and back.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { valueOfKey } from "../../src/host/drift/sorted-sample.js";
import { sortCounterBytes, sortSteps } from "../../src/host/kernels/sort-steps.js";
import { bytesOf, type NumericType, numericTypes, rangeOf } from "../../src/host/kernels/types.js";
import { allPresent, type Presence, presentValues, sortValues, type Value } from "./oracle.js";
import {
  get,
  guard,
  hardValues,
  isGuardWhole,
  kernels,
  memory,
  memoryEnd,
  mixedValues,
  place,
  put,
  putValidity,
  random,
} from "./support.js";

const countersPtr = place.scratch + (1 << 19);

function keysOf(
  type: NumericType,
  ptr: number,
  count: number,
  validity: { ptr: number; bitOffset: number } = { ptr: 0, bitOffset: 0 },
): BigUint64Array {
  guard(place.out, count * 8);
  const name = `keysFrom${type.toUpperCase() as Uppercase<NumericType>}` as const;
  const keyCount = kernels[name](ptr, count, validity.ptr, validity.bitOffset, place.out) >>> 0;
  assert.ok(isGuardWhole(place.out, count * 8), "guard bytes overwritten");
  return new BigUint64Array(memory.buffer, place.out, keyCount);
}

function sort(ptr: number, count: number): void {
  guard(place.scratch, count * 8);
  guard(countersPtr, sortCounterBytes);
  for (const _ of sortSteps(kernels, memory, ptr, count, place.scratch, countersPtr));
  assert.ok(isGuardWhole(place.scratch, count * 8), "scratch overrun");
  assert.ok(isGuardWhole(countersPtr, sortCounterBytes), "counters overrun");
  assert.ok(isGuardWhole(ptr, count * 8), "keys overrun");
}

/** Keys back to values, 64-bit integers rounded. */
function valuesOf(type: NumericType, ptr: number, count: number): Value[] {
  const keys = new BigUint64Array(memory.buffer, ptr, count);
  return Array.from(keys, (key) => Number(valueOfKey(key, type)));
}

/** Equality in which 0 and -0 differ. */
function same(found: readonly Value[], expected: readonly Value[], what: string): void {
  const isSame = found.length === expected.length && found.every((value, i) => Object.is(value, expected[i]));
  if (!isSame) assert.equal(found.map(String), expected.map(String), what);
}

for (const type of numericTypes) {
  test(`${type}: round trip in row order, at every length, alignment and bit offset`, () => {
    const next = random(23);
    const lanes = 16 / bytesOf(type);
    const presenceFrom = putValidity(place.validity, 16, next);
    for (let count = 0; count <= 2 * lanes + 1; count++) {
      const pool = mixedValues(type, count, next);
      for (let alignment = 0; alignment < lanes; alignment++) {
        const ptr = put(type, place.values + alignment * bytesOf(type), pool);
        for (const bitOffset of [-1, 0, 1, 7, 8, 15]) {
          const present: Presence = bitOffset < 0 ? allPresent : presenceFrom(bitOffset);
          const validity = { ptr: bitOffset < 0 ? 0 : place.validity, bitOffset: Math.max(0, bitOffset) };
          const expected = presentValues(pool, present).map(Number);
          const keyCount = keysOf(type, ptr, count, validity).length;
          assert.is(keyCount, expected.length);
          same(
            valuesOf(type, place.out, keyCount),
            expected,
            `${count} at ${alignment}, bits from ${bitOffset}`,
          );
        }
      }
    }
  });

  test(`${type}: keys stand in the order of the values, which sorting them shows`, () => {
    const next = random(29);
    for (const count of [0, 1, 2, 3, 10, 257, 5_000]) {
      const pool = mixedValues(type, count, next);
      put(type, place.values, pool);
      const keyCount = keysOf(type, place.values, count).length;
      guard(place.edges, keyCount * 8);
      new BigUint64Array(memory.buffer, place.edges, keyCount).set(
        new BigUint64Array(memory.buffer, place.out, keyCount),
      );
      sort(place.edges, keyCount);
      const keys = new BigUint64Array(memory.buffer, place.edges, keyCount);
      assert.ok(keys.every((key, i) => i === 0 || keys[i - 1]! <= key));
      const expected = sortValues(presentValues(pool, allPresent)).map(Number);
      same(valuesOf(type, place.edges, keyCount), expected, `${count} values`);
    }
  });

  test(`${type}: equal values have equal keys, different ones different keys`, () => {
    const values = hardValues(type);
    put(type, place.values, values);
    const keys = Array.from(keysOf(type, place.values, values.length));
    const held = presentValues(values, allPresent);
    for (let i = 0; i < held.length; i++) {
      for (let j = 0; j < held.length; j++) {
        assert.is(keys[i]! < keys[j]!, held[i]! < held[j]!, `${held[i]} and ${held[j]}`);
        assert.is(keys[i] === keys[j], held[i] === held[j], `${held[i]} and ${held[j]}`);
      }
    }
  });

  test(`${type}: not a byte is read beyond the values`, () => {
    for (let count = 1; count < 10; count++) {
      const pool = mixedValues(type, count, random(count));
      const ptr = put(type, memoryEnd - count * bytesOf(type), pool);
      assert.is(keysOf(type, ptr, count).length, presentValues(pool, allPresent).length);
    }
  });
}

test("-0 is written 0, NaN has no key, infinities stand at the ends", () => {
  put("f64", place.values, [Number.POSITIVE_INFINITY, -0, Number.NaN, 0, Number.NEGATIVE_INFINITY, -5e-324]);
  const keys = keysOf("f64", place.values, 6);
  assert.is(keys.length, 5);
  assert.is(keys[1], keys[2]);
  guard(place.edges, 40);
  new BigUint64Array(memory.buffer, place.edges, 5).set(keys);
  sort(place.edges, 5);
  const found = valuesOf("f64", place.edges, 5);
  same(found, [Number.NEGATIVE_INFINITY, -5e-324, 0, 0, Number.POSITIVE_INFINITY], "in order");
});

test("NaN of every sign and payload is missing", () => {
  const bits = [0x7ff8000000000000n, 0xfff8000000000000n, 0x7ff0000000000001n, 0xffffffffffffffffn];
  put("u64", place.values, bits);
  assert.is(keysOf("f64", place.values, bits.length).length, 0);
});

test("64-bit integers keep every bit", () => {
  const { lowest, highest } = rangeOf("i64");
  const values = [BigInt(lowest), -(2n ** 53n) - 1n, -1n, 2n ** 53n + 1n, 2n ** 53n + 3n, BigInt(highest)];
  put("i64", place.values, values);
  const keys = Array.from(keysOf("i64", place.values, values.length));
  assert.equal(
    keys,
    values.map((value) => value + 2n ** 63n),
  );
});

test("values of 64-bit types turn into keys in place", () => {
  const values = [3, -1, Number.NaN, 0.5];
  guard(place.out, 32);
  put("f64", place.out, values);
  assert.is(kernels.keysFromF64(place.out, 4, 0, 0, place.out), 3);
  assert.ok(isGuardWhole(place.out, 32), "guard bytes overwritten");
  same(valuesOf("f64", place.out, 3), [3, -1, 0.5], "in place");
});

test("the sort keeps every key, whichever digits they share", () => {
  const next = random(31);
  const anyBits = () => (BigInt(Math.floor(next() * 2 ** 32)) << 32n) | BigInt(Math.floor(next() * 2 ** 32));
  // Each mask leaves other digits of 11 bits in use, so that an odd and an even number of passes run.
  const masks = [0n, 0x7ffn, 0x7ffn << 11n, 0x3fffffn, 0x1ffffffffn, 0xffe0000000000000n, 2n ** 64n - 1n];
  for (const mask of masks) {
    for (const count of [2, 3, 1_000]) {
      const keys = Array.from({ length: count }, () => anyBits() & mask);
      guard(place.edges, count * 8);
      put("u64", place.edges, keys);
      sort(place.edges, count);
      assert.equal(get("u64", place.edges, count), sortValues(keys), `mask ${mask}`);
    }
  }
});

test.run();
