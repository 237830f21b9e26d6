import { test } from "uvu";
import * as assert from "uvu/assert";
import { normalIsf, normalSf } from "../../../../src/host/drift/distributions/normal.js";
import { assertClose, assertFalling, assertGolden, assertRefused } from "./golden.js";

test("normalSf: golden", () => assertGolden("normalSf", normalSf, 1e-300));
test("normalIsf: golden", () => assertGolden("normalIsf", normalIsf, 1e-15));

test("normalSf: symmetric, falling, between the bounds of Mills' ratio", () => {
  assert.is(normalSf(0), 0.5);
  assert.is(normalSf(-0), 0.5);
  assert.is(normalSf(Infinity), 0);
  assert.is(normalSf(-Infinity), 1);
  const zs = Array.from({ length: 800 }, (_, k) => -40 + k / 10);
  assertFalling(normalSf, zs, "normalSf");
  for (const z of zs) {
    assertClose(normalSf(z) + normalSf(-z), 1, 1e-15, 0, `symmetry at ${z}`);
    if (z < 1 || z > 37) continue;
    const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
    assert.ok(normalSf(z) < (density / z) * (1 + 1e-12), `below the upper bound at ${z}`);
    assert.ok(normalSf(z) > ((density * z) / (1 + z * z)) * (1 - 1e-12), `above the lower bound at ${z}`);
  }
});

test("normalIsf is the inverse, to the smallest double", () => {
  for (const p of [1e-307, 1e-50, 1e-9, 0.025, 0.3, 0.49999, 0.5, 0.50001, 0.9, 1 - 2 ** -53]) {
    assertClose(normalSf(normalIsf(p)), p, 1e-11, 0, `p ${p}`);
  }
  assert.is(normalIsf(0.5), 0);
  assert.is(normalIsf(0), Infinity);
  assert.is(normalIsf(1), -Infinity);
  assertClose(normalIsf(Number.MIN_VALUE), 38.47, 1e-3, 0, "the smallest double");
});

test("arguments outside the domain are refused", () => {
  assertRefused(() => normalSf(NaN), "normalSf: z");
  for (const p of [-1e-9, 1.5, NaN]) assertRefused(() => normalIsf(p), "normalIsf: p");
});

test.run();
