import { test } from "uvu";
import * as assert from "uvu/assert";
import { chi2Sf } from "../../../../src/host/drift/distributions/chi-square.js";
import { smallestDetectablePsi } from "../../../../src/host/drift/distributions/detectable-psi.js";
import { assertClose, assertRefused } from "./golden.js";

test("smallestDetectablePsi is where the p value of the PSI is alpha", () => {
  for (const [n, m, slotCount] of [
    [10_000, 5_000, 11],
    [100, 100, 11],
    [1, 1, 2],
    [1e9, 30, 200],
  ] as const) {
    for (const alpha of [0.5, 0.05, 0.01, 1e-9]) {
      const psi = smallestDetectablePsi(n, m, slotCount, alpha);
      const what = `n ${n}, m ${m}, slots ${slotCount}, alpha ${alpha}`;
      assertClose(chi2Sf(psi / (1 / n + 1 / m), slotCount - 1), alpha, 1e-10, 0, what);
    }
  }
  // 99 % point of chi-square with 9 degrees of freedom, from any table: 21.666.
  assertClose(smallestDetectablePsi(1000, 1000, 10, 0.01), 0.043331989, 1e-7, 0, "1000 rows, 10 slots");
});

test("it falls with the rows, and rises with the slots", () => {
  assert.ok(smallestDetectablePsi(1000, 1000, 10, 0.01) > smallestDetectablePsi(1000, 2000, 10, 0.01));
  assert.ok(smallestDetectablePsi(1000, 1000, 10, 0.01) < smallestDetectablePsi(1000, 1000, 20, 0.01));
});

test("edges: one slot, alpha 0 and 1", () => {
  assert.is(smallestDetectablePsi(100, 100, 1, 0.01), 0);
  assert.is(smallestDetectablePsi(100, 100, 5, 0), Infinity);
  assert.is(smallestDetectablePsi(100, 100, 5, 1), 0);
});

test("arguments outside the domain are refused", () => {
  assertRefused(() => smallestDetectablePsi(0, 5, 3, 0.1), "n must");
  assertRefused(() => smallestDetectablePsi(5, NaN, 3, 0.1), "m must");
  assertRefused(() => smallestDetectablePsi(5, 5, 0, 0.1), "slotCount");
  assertRefused(() => smallestDetectablePsi(5, 5, 3, NaN), "alpha");
});

test.run();
