import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MomentsByChannel } from "../../../src/host/repair/channel-moments.js";
import { nearAll } from "./support.js";

test("mean and variance of each channel over rows and places", () => {
  const moments = new MomentsByChannel();
  // Two rows of two channels with two places each.
  moments.take(Float64Array.of(1, 3, 10, 10, 5, 7, 10, 14), 2, 4);
  const { rowCount, means, variances } = moments.finish();
  assert.is(rowCount, 2);
  assert.equal([...means], [4, 11]);
  assert.equal([...variances], [5, 3]);
});

test("rows that are not finite are left out whole", () => {
  const moments = new MomentsByChannel();
  moments.take(Float64Array.of(1, 2, Number.NaN, 100, 3, 6), 2, 2);
  moments.take(Float64Array.of(Number.POSITIVE_INFINITY, 5), 2, 2);
  const { rowCount, means, variances } = moments.finish();
  assert.equal([rowCount, [...means], [...variances]], [2, [2, 4], [1, 4]]);
});

test("batches make no difference, even where the mean is large beside the spread", () => {
  const value = fc.integer({ min: 0, max: 100 });
  fc.assert(
    fc.property(fc.array(value, { minLength: 2, maxLength: 60 }), fc.nat({ max: 59 }), (list, cut) => {
      const values = Float64Array.from(list, (one) => 1e8 + one);
      const whole = new MomentsByChannel();
      whole.take(values, 1, 1);
      const parts = new MomentsByChannel();
      parts.take(values.subarray(0, cut), 1, 1);
      parts.take(values.subarray(cut), 1, 1);
      const mean = list.reduce((sum, one) => sum + one, 0) / list.length;
      const variance = list.reduce((sum, one) => sum + (one - mean) ** 2, 0) / list.length;
      for (const found of [whole.finish(), parts.finish()]) {
        nearAll(found.means, [1e8 + mean], 1e-6);
        nearAll(found.variances, [variance], 1e-4);
      }
    }),
    { seed: 1 },
  );
});

test.run();
