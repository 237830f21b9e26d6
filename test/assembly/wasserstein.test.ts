import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KeyKind } from "../../src/host/kernels/types.js";
import { get, guard, hardValues, isGuardWhole, kernels, place, put, random } from "./support.js";

const signBit = 1n << 63n;
const scratch = new DataView(new ArrayBuffer(8));

function keyOf(kind: KeyKind, value: number | bigint): bigint {
  if (kind === "u64") return BigInt(value);
  if (kind === "i64") return BigInt.asUintN(64, BigInt(value) ^ signBit);
  scratch.setFloat64(0, Number(value) + 0);
  const bits = scratch.getBigUint64(0);
  return (bits & signBit) !== 0n ? BigInt.asUintN(64, ~bits) : bits ^ signBit;
}

function distance(
  kind: KeyKind,
  reference: readonly (number | bigint)[],
  current: readonly (number | bigint)[],
): number {
  const keys = (values: readonly (number | bigint)[]) =>
    values
      .map((value) => keyOf(kind, value))
      .sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
  put("u64", place.values, keys(reference));
  put("u64", place.others, keys(current));
  // Samples without a value never come to the kernel.
  if (reference.length === 0 || current.length === 0) return 0;
  const name = `wassersteinStep${kind.toUpperCase() as Uppercase<KeyKind>}` as const;
  const found = [1, 2, 7, 100_000].map((keysMax) => {
    guard(place.out, 48);
    put("u64", place.out, [0n, 0n, 0n, 0n, 0n]);
    put("u32", place.out + 40, [reference.length, current.length]);
    while (kernels[name](place.values, reference.length, place.others, current.length, keysMax, place.out));
    assert.ok(isGuardWhole(place.out, 48), "guard bytes overwritten");
    return get("f64", place.out, 2)[1] as number;
  });
  // The same bits however it is cut.
  for (const one of found) assert.is(one, found[0]);
  return found[0]!;
}

/** Whole numbers, exactly: n m W1 in bigint. */
function scaledDistance(reference: readonly bigint[], current: readonly bigint[]): bigint {
  const points = [...new Set([...reference, ...current])].sort((left, right) => (left < right ? -1 : 1));
  const below = (values: readonly bigint[], point: bigint) =>
    BigInt(values.filter((value) => value <= point).length);
  let area = 0n;
  points.slice(1).forEach((point, index) => {
    const last = points[index]!;
    const gap =
      below(reference, last) * BigInt(current.length) - below(current, last) * BigInt(reference.length);
    area += (gap < 0n ? -gap : gap) * (point - last);
  });
  return area;
}

test("every pair of small sizes, with ties within and across, in each kind of key", () => {
  const next = random(43);
  for (let n = 0; n <= 9; n++) {
    for (let m = 0; m <= 9; m++) {
      for (const kinds of [1, 3, 50]) {
        const draw = () => BigInt(Math.floor(next() * kinds));
        const reference = Array.from({ length: n }, draw);
        const current = Array.from({ length: m }, draw);
        const expected = n === 0 || m === 0 ? 0 : Number(scaledDistance(reference, current)) / (n * m);
        for (const kind of ["f64", "i64", "u64"] as const) {
          const found = distance(kind, reference, current);
          assert.ok(
            Math.abs(found - expected) <= 1e-14 * expected,
            `${kind}: ${found}, expected ${expected}`,
          );
        }
      }
    }
  }
});

test("signs: below and above 0, and the ends of 64 bits", () => {
  assert.is(distance("f64", [-3, -1], [1, 3]), 4);
  assert.is(distance("i64", [-3, -1], [1, 3]), 4);
  assert.is(distance("f64", [-0, 0], [0]), 0);
  assert.is(distance("i64", [-(2n ** 63n)], [2n ** 63n - 1n]), 2 ** 64);
  assert.is(distance("u64", [0n], [2n ** 64n - 1n]), 2 ** 64);
});

test("the ends of f64: infinite where the area is, 0 where the samples are the same", () => {
  const most = Number.MAX_VALUE;
  assert.is(distance("f64", [-most], [most]), Number.POSITIVE_INFINITY);
  assert.is(distance("f64", [-most, most], [-most, most]), 0);
  assert.is(distance("f64", [-most, -most, most], [-most, most, most]), Number.POSITIVE_INFINITY);
  const finite = hardValues("f64").filter((value) => Number.isFinite(value));
  assert.is(distance("f64", finite, finite), 0);
});

test("small terms beside large ones are not lost", () => {
  // 1000 gaps of 1/2 each times 0.1, behind one of 2^53.
  const reference = [-(2 ** 52), ...Array.from({ length: 999 }, (_, row) => row * 0.1)];
  const current = reference.map((value) => value + (value < 0 ? 0 : 0.05));
  const expected = (999 * 0.05) / 1000;
  assert.ok(Math.abs(distance("f64", reference, current) - expected) < 1e-12);
});

test.run();
