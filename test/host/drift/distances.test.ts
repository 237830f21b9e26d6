import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { jensenShannonDistance, totalVariation } from "../../../src/host/drift/distances.js";
import { readGolden } from "../../golden-data.js";

interface Golden {
  distances: { reference: number[]; current: number[]; js: number; tv: number }[];
}

function near(found: number, expected: number, relative: number): void {
  assert.ok(Math.abs(found - expected) <= relative * Math.abs(expected), `${found}, expected ${expected}`);
}

test("against 50 digits, checked against scipy", () => {
  for (const { reference, current, js, tv } of readGolden<Golden>("distances.json").distances) {
    near(jensenShannonDistance(reference, current), js, 1e-9);
    near(totalVariation(reference, current), tv, 1e-12);
  }
});

test("equal shares are 0, nothing in common is the greatest distance", () => {
  assert.is(jensenShannonDistance([1, 2, 3], [10, 20, 30]), 0);
  assert.is(totalVariation([1, 2, 3], [10, 20, 30]), 0);
  near(jensenShannonDistance([5, 0], [0, 1e12]), Math.sqrt(Math.LN2), 1e-15);
  assert.is(totalVariation([5, 0], [0, 1e12]), 1);
});

const counts = fc
  .array(fc.tuple(fc.nat(1_000), fc.nat(1_000), fc.nat(1_000)), { minLength: 1, maxLength: 30 })
  .map((slots) => [0, 1, 2].map((side) => [1, ...slots.map((slot) => slot[side]!)]));

test("both are metrics: symmetric, bounded, and the way round is no shorter", () => {
  fc.assert(
    fc.property(counts, ([a, b, c]) => {
      for (const [measure, most] of [
        [jensenShannonDistance, Math.sqrt(Math.LN2)],
        [totalVariation, 1],
      ] as const) {
        const direct = measure(a!, b!);
        assert.ok(direct >= 0 && direct <= most + 1e-12);
        assert.ok(Math.abs(direct - measure(b!, a!)) < 1e-12);
        assert.ok(direct <= measure(a!, c!) + measure(c!, b!) + 1e-12);
      }
    }),
  );
});

test.run();
