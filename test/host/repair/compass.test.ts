import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CompassOptions, compassSearch } from "../../../src/host/repair/compass.js";
import { near } from "./support.js";

const options: CompassOptions = {
  start: [0.5, 0.5],
  steps: [0.4, 0.4],
  shrinkMin: 0.01,
  pointsMax: 200,
  lowest: 0,
  highest: 1.3,
};

const bowl = (bottom: readonly number[]) => async (at: readonly number[]) =>
  at.reduce((sum, value, axis) => sum + (axis + 1) * (value - bottom[axis]!) ** 2, 0);

test("finds a bowl's bottom, inside and at the bounds", async () => {
  for (const bottom of [
    [0.3, 1.1],
    [0.91, 0.02],
    [0, 1.3],
  ]) {
    const { best } = await compassSearch(bowl(bottom), options);
    best.at.forEach((value, axis) => {
      near(value, bottom[axis]!, 0.01);
    });
  }
  const outside = await compassSearch(bowl([-4, 9]), options);
  assert.equal(outside.best.at, [0, 1.3]);
});

test("judges no point twice, none outside, at most so many, and keeps what was lowest", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: -1, max: 2, noNaN: true }), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 30 }),
      async (bottom, pointsMax) => {
        const seen: string[] = [];
        const start = bottom.map(() => 0.7);
        const { best, points } = await compassSearch(
          async (at) => {
            seen.push(at.join(" "));
            assert.ok(at.every((value) => value >= 0 && value <= 1.3));
            return bowl(bottom)(at);
          },
          { ...options, start, steps: bottom.map(() => 0.25), pointsMax },
        );
        assert.is(new Set(seen).size, seen.length);
        assert.ok(seen.length <= pointsMax && points.length === seen.length);
        assert.is(best.value, Math.min(...points.map(({ value }) => value)));
        assert.equal(points[0]!.at, start);
      },
    ),
    { numRuns: 60 },
  );
});

test("a flat, or not finite, surroundings leaves the start", async () => {
  assert.equal((await compassSearch(async () => 1, options)).best.at, [0.5, 0.5]);
  const well = async (at: readonly number[]) => (at.join() === "0.5,0.5" ? 7 : Number.POSITIVE_INFINITY);
  assert.equal((await compassSearch(well, options)).best, { at: [0.5, 0.5], value: 7 });
  assert.equal((await compassSearch(async () => Number.NaN, options)).best.at, [0.5, 0.5]);
});

test.run();
