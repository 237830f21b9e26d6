import { test } from "uvu";
import * as assert from "uvu/assert";
import { divergence, divergenceWithFloor } from "./oracle.js";
import { get, guard, isGuardWhole, kernels, place, put, random } from "./support.js";

function found(reference: readonly number[], current: readonly number[], smoothing: number): number[] {
  put("f64", place.values, reference);
  put("f64", place.others, current);
  guard(place.out, 32);
  kernels.divergenceFromCounts(place.values, place.others, reference.length, smoothing, place.out);
  assert.ok(isGuardWhole(place.out, 32), "guard bytes overwritten");
  return get("f64", place.out, 4) as number[];
}

/**
 * The terms of KL and G carry both signs, so what is lost is measured against the larger of the value and what rounding a sum of such
 * terms must lose: 1e-12 relative, and a few units in the last place of one term's probability or count.
 */
function near(value: number, expected: number, unit: number, what: string): void {
  const gap = Math.abs(value - expected);
  assert.ok(gap <= 1e-12 * Math.abs(expected) + unit * 1e-15, `${what}: ${value}, expected ${expected}`);
}

function check(reference: readonly number[], current: readonly number[], halves: number): void {
  const expected = divergence(reference, current, halves);
  const [psi, kl, g, slotsUsed] = found(reference, current, halves / 2) as [number, number, number, number];
  const what = `${reference} against ${current}, s = ${halves / 2}`;
  const rows = [...reference, ...current].reduce((sum, count) => sum + count, 0);
  assert.is(slotsUsed, expected.slotsUsed, what);
  near(psi, expected.psi, 0.1, `PSI of ${what}`);
  near(kl, expected.kl, 1, `KL of ${what}`);
  near(g, expected.g, rows, `G of ${what}`);
}

test("random counts with empty slots, three pseudo-counts", () => {
  const next = random(47);
  for (let round = 0; round < 60; round++) {
    const size = [30, 1e3, 1e6, 1e9][round % 4]!;
    const draw = () => (next() < 0.2 ? 0 : Math.floor(next() * size));
    const slots = 2 + (round % 12);
    const reference = Array.from({ length: slots }, draw).concat(1);
    const current = Array.from({ length: slots }, draw).concat(1);
    for (const halves of [1, 2, 5]) check(reference, current, halves);
  }
});

test("near equality no digit of PSI is lost while the products of counts are exact", () => {
  for (const size of [1e3, 1e5, 1e7]) {
    const reference = [size, size, size, size];
    for (const current of [
      [size + 1, size - 1, size, size],
      [size, size + 2, size, size],
      [3 * size + 1, size, size, size],
    ]) {
      const [psi] = found(reference, current, 0.5);
      near(psi!, divergence(reference, current, 1).psi, 0, `PSI of ${reference} against ${current}`);
      check(reference, current, 1);
    }
  }
  check([1e9, 1e9, 1e9], [1e9 + 1, 1e9 - 1, 1e9], 1);
});

test("equal counts, and equal shares without pseudo-counts in the way, diverge by nothing", () => {
  assert.equal(found([10, 20, 30], [10, 20, 30], 0.5), [0, 0, 0, 3]);
  const [, , g] = found([10, 20, 30], [30, 60, 90], 0.5);
  assert.is(g, 0);
});

test("one slot or none in use: nothing to compare", () => {
  assert.equal(found([], [], 0.5), [0, 0, 0, 0]);
  assert.equal(found([0, 0], [0, 0], 0.5), [0, 0, 0, 0]);
  assert.equal(found([0, 5, 0], [0, 9, 0], 0.5), [0, 0, 0, 1]);
});

test("PSI does not mind which sample is the reference; disjoint samples are far apart", () => {
  const [there] = found([5, 10, 0, 3], [1, 2, 9, 9], 0.5);
  const [back] = found([1, 2, 9, 9], [5, 10, 0, 3], 0.5);
  near(there!, back!, 0, "PSI both ways");
  check([1e6, 0], [0, 1e6], 1);
  check([0, 1], [1, 0], 1);
});

test("with a floor: zero shares replaced, nothing renormalised", () => {
  const next = random(53);
  for (let round = 0; round < 60; round++) {
    const draw = () => (next() < 0.3 ? 0 : Math.floor(next() * 10 ** (1 + (round % 7))));
    const reference = Array.from({ length: 2 + (round % 9) }, draw).concat(1);
    const current = reference.map(draw).map((count, slot) => (slot === 0 ? count + 1 : count));
    const expected = divergenceWithFloor(reference, current, 10_000);
    put("f64", place.values, reference);
    put("f64", place.others, current);
    guard(place.out, 32);
    kernels.divergenceWithFloor(place.values, place.others, reference.length, 1e-4, place.out);
    assert.ok(isGuardWhole(place.out, 32), "guard bytes overwritten");
    const [psi, kl] = get("f64", place.out, 2) as [number, number];
    near(psi, expected.psi, 0.1, `PSI of ${reference} against ${current}`);
    near(kl, expected.kl, 1, `KL of ${reference} against ${current}`);
  }
});

test.run();
