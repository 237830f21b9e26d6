import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { benjaminiHochberg } from "../../../../src/host/drift/distributions/benjamini-hochberg.js";
import { assertClose, assertRefused, goldenSections } from "./golden.js";

test("benjaminiHochberg: golden", () => {
  const section = goldenSections().benjaminiHochberg as {
    entries: { args: [number[]]; expected: number[] }[];
  };
  assert.ok(section.entries.length > 5);
  for (const { args, expected } of section.entries) {
    const adjusted = benjaminiHochberg(args[0]);
    assert.is(adjusted.length, expected.length);
    adjusted.forEach((p, index) => {
      assertClose(p, expected[index]!, 1e-15, 1e-300, `${args[0]} at ${index}`);
    });
  }
});

const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });

/** The procedure as it is usually told: reject the k smallest, k the largest rank with p_(k) <= level k / N. */
function rejectedCount(list: readonly number[], level: number): number {
  const sorted = [...list].sort((p, q) => p - q);
  return sorted.reduce((best, p, index) => (p <= (level * (index + 1)) / list.length ? index + 1 : best), 0);
}

test("adjusted values decide like the step-up procedure", () => {
  fc.assert(
    fc.property(pValues, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (list, level) => {
      const adjusted = benjaminiHochberg(list);
      // A hair on either side of the level: the two formulas round differently just there.
      assert.ok(adjusted.filter((p) => p <= level * (1 - 1e-12)).length <= rejectedCount(list, level));
      assert.ok(adjusted.filter((p) => p <= level * (1 + 1e-12)).length >= rejectedCount(list, level));
    }),
    { seed: 7 },
  );
});

test("adjusted values keep the order, are never below the p values, and follow any permutation", () => {
  fc.assert(
    fc.property(pValues, (list) => {
      const adjusted = benjaminiHochberg(list);
      adjusted.forEach((p, i) => {
        assert.ok(p >= list[i]! * (1 - 1e-15) && p <= 1);
        for (let j = 0; j < list.length; j++) if (list[j]! < list[i]!) assert.ok(adjusted[j]! <= p);
      });
      assert.equal(benjaminiHochberg([...list].reverse()), [...adjusted].reverse());
    }),
    { seed: 8 },
  );
});

test("edges: nothing, one, all alike; the argument is left alone", () => {
  assert.equal(benjaminiHochberg([]), []);
  assert.equal(benjaminiHochberg([0.3]), [0.3]);
  assert.equal(benjaminiHochberg([0.2, 0.2, 0.2]), [0.2, 0.2, 0.2]);
  const frozen = Object.freeze([0.04, 0.01]);
  assert.equal(benjaminiHochberg(frozen), [0.04, 0.02]);
});

test("what is no probability is refused, with its place", () => {
  for (const bad of [-0.1, 1.1, NaN]) assertRefused(() => benjaminiHochberg([0.5, bad]), "p value 1");
});

test.run();
