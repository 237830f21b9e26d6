import { test } from "uvu";
import * as assert from "uvu/assert";
import { momentWords } from "../../src/host/kernels/kernels.js";
import { bytesOf, isFloatType, type NumericType, numericTypes } from "../../src/host/kernels/types.js";
import { allPresent, moments, type PlainMoments, type Presence, type Value } from "./oracle.js";
import {
  get,
  guard,
  hardValues,
  isGuardWhole,
  kernels,
  memoryEnd,
  place,
  put,
  putValidity,
  random,
} from "./support.js";

function found(
  type: NumericType,
  ptr: number,
  count: number,
  validity = { ptr: 0, bitOffset: 0 },
): PlainMoments {
  const name = `moments${type.toUpperCase() as Uppercase<NumericType>}` as const;
  guard(place.out, momentWords * 8);
  kernels[name](ptr, count, validity.ptr, validity.bitOffset, place.out);
  assert.ok(isGuardWhole(place.out, momentWords * 8), "guard bytes overwritten");
  const [rows, mean, m2, m3, m4, min, max] = get("f64", place.out, momentWords) as number[];
  return { count: rows!, mean: mean!, m2: m2!, m3: m3!, m4: m4!, min: min!, max: max! };
}

/** Relative to the sum of the terms' sizes: M3 is a sum of both signs. */
function check(values: readonly Value[], present: Presence, result: PlainMoments, what: string): void {
  const expected = moments(values, present);
  const finite = values.filter((value, row) => present(row) && Number.isFinite(Number(value))).map(Number);
  const terms = (k: number) => finite.reduce((sum, x) => sum + Math.abs(x - expected.mean) ** k, 0);
  const near = (name: keyof PlainMoments, size: number) => {
    const gap = Math.abs(result[name] - expected[name]);
    const isNear = Object.is(result[name], expected[name]) || gap <= 1e-11 * size;
    assert.ok(isNear, `${what}: ${name} ${result[name]}, expected ${expected[name]}`);
  };
  assert.is(result.count, expected.count, what);
  assert.is(result.min, expected.min, what);
  assert.is(result.max, expected.max, what);
  const largest = Math.max(0, ...finite.map(Math.abs));
  near("mean", largest);
  // Around a mean that is off by a unit in the last place, deviations of a constant column are such units.
  near("m2", terms(2) + finite.length * (largest * 1e-15) ** 2);
  near("m3", terms(3) + finite.length * (largest * 1e-15) ** 3);
  near("m4", terms(4) + finite.length * (largest * 1e-15) ** 4);
}

/** Values whose fourth powers stay below the largest double. */
function tameValues(type: NumericType, count: number, next: () => number): Value[] {
  const hard = hardValues(type).filter((value) => {
    const size = Math.abs(Number(value));
    return !Number.isFinite(Number(value)) || size < 1e50;
  });
  return Array.from({ length: count }, () => {
    if (next() < 0.4) return hard[Math.floor(next() * hard.length)]!;
    const small = Math.floor(next() * 100);
    if (type.endsWith("64") && !isFloatType(type)) return BigInt(small);
    return isFloatType(type) ? small / 8 - 3 : small;
  });
}

for (const type of numericTypes) {
  test(`${type}: every length, alignment and bit offset`, () => {
    const next = random(59);
    const lanes = 16 / bytesOf(type);
    const presenceFrom = putValidity(place.validity, 16, next);
    for (let count = 0; count <= 4 * lanes + 1; count++) {
      const pool = tameValues(type, count, next);
      for (let alignment = 0; alignment < lanes; alignment += 3) {
        const ptr = put(type, place.values + alignment * bytesOf(type), pool);
        check(pool, allPresent, found(type, ptr, count), `${count} values`);
      }
      const bitOffset = count % 16;
      const masked = found(type, put(type, place.values, pool), count, { ptr: place.validity, bitOffset });
      check(pool, presenceFrom(bitOffset), masked, `${count} values, bits from ${bitOffset}`);
    }
  });

  test(`${type}: not a byte is read beyond the values`, () => {
    for (let count = 1; count < 9; count++) {
      const pool = tameValues(type, count, random(count));
      const ptr = put(type, memoryEnd - count * bytesOf(type), pool);
      check(pool, allPresent, found(type, ptr, count), `${count} values at the end`);
    }
  });
}

test("no finite value: mean and sums 0, extremes infinite", () => {
  const empty = {
    count: 0,
    mean: 0,
    m2: 0,
    m3: 0,
    m4: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
  };
  put("f64", place.values, [Number.NaN, Number.POSITIVE_INFINITY]);
  assert.equal(found("f64", place.values, 2), empty);
  assert.equal(found("f64", place.values, 0), empty);
  assert.equal(found("i8", place.values, 0), empty);
});

test("the mean of values near the largest double is finite", () => {
  const most = Number.MAX_VALUE;
  put("f64", place.values, [most, most, most / 2, most]);
  const { mean, min, max } = found("f64", place.values, 4);
  assert.ok(Math.abs(mean / (most * 0.875) - 1) < 1e-15, `mean ${mean}`);
  assert.equal([min, max], [most / 2, most]);
  for (let count = 1; count <= 60; count++) {
    put("f64", place.values, new Array<number>(count).fill(-most));
    assert.is(found("f64", place.values, count).mean, -most);
  }
  put("f64", place.values, [most, most, -most, -most]);
  assert.is(found("f64", place.values, 4).mean, 0);
});

test("the mean of values near the smallest double keeps its digits", () => {
  for (const unit of [1e-300, 2 ** -1022, 5e-324]) {
    put("f64", place.values, [unit, 3 * unit, 5 * unit]);
    assert.is(found("f64", place.values, 3).mean, 3 * unit);
  }
});

test("a large offset does not swamp the spread", () => {
  const values = [1, 2, 3, 4].map((x) => 1e9 + x);
  put("f64", place.values, values);
  const { mean, m2, m3 } = found("f64", place.values, 4);
  assert.equal([mean, m2, m3], [1e9 + 2.5, 5, 0]);
});

test.run();
