import { test } from "uvu";
import * as assert from "uvu/assert";
import { mcnemarExact } from "../../../../src/host/drift/distributions/discrete.js";
import { assertClose, assertGolden, assertRefused } from "./golden.js";

test("mcnemarExact: golden", () => assertGolden("mcnemarExact", mcnemarExact, 1e-300));

test("mcnemarExact: all counts up to 40, against whole numbers; symmetric", () => {
  for (let b = 0; b <= 40; b++) {
    for (let c = 0; c <= b; c++) {
      let term = 1n;
      let sum = 0n;
      for (let k = 0; k <= c; k++) {
        sum += term;
        term = (term * BigInt(b + c - k)) / BigInt(k + 1);
      }
      const expected = Math.min(1, Number((2n * sum * 2n ** 60n) / 2n ** BigInt(b + c)) / 2 ** 60);
      assertClose(mcnemarExact(b, c), expected, 1e-12, 2 ** -60, `${b} and ${c}`);
      assert.is(mcnemarExact(c, b), mcnemarExact(b, c));
    }
  }
});

test("mcnemarExact: one side only, and very large counts", () => {
  for (const c of [1, 2, 60, 1000]) assertClose(mcnemarExact(0, c), 2 ** (1 - c), 1e-12, 0, `0 and ${c}`);
  assert.is(mcnemarExact(0, 1e12), 0);
  assert.is(mcnemarExact(5e11, 5e11), 1);
  assert.ok(Math.abs(mcnemarExact(5e11, 5e11 + 1) - 1) < 1e-9);
  // One standard deviation apart: 2 P(Z >= 1), the discrete steps being 1e-6 of it.
  assertClose(mcnemarExact(5e11, 5e11 + 1e6), 0.31731050786291415, 1e-5, 0, "one standard deviation");
});

test("mcnemarExact: no counts are refused", () => {
  for (const bad of [-1, 0.5, NaN, Infinity, 2e12]) {
    assertRefused(() => mcnemarExact(bad, 3), "mcnemarExact: b");
    assertRefused(() => mcnemarExact(3, bad), "mcnemarExact: c");
  }
});

test.run();
