import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../src/host/repair/random.js";

function outputs(seed: number, stream: number, count: number): number[] {
  const random = new Random(seed, stream);
  return Array.from({ length: count }, () => random.u32());
}

test("gives sfc32's sequence", () => {
  // Computed in Python's unbounded integers, from the algorithm's definition.
  assert.equal(outputs(1, 0, 4), [1950625580, 354034397, 661219729, 2802375379]);
  assert.equal(outputs(2 ** 40 + 7, 1, 4), [521892996, 794865047, 2880309222, 3104242459]);
  assert.equal(outputs(-5, 0, 3), [3967252393, 1170223435, 3787336644]);
});

test("seeds that differ only above 32 bits, and streams, differ", () => {
  const sequences = [outputs(7, 0, 4), outputs(7 + 2 ** 32, 0, 4), outputs(7, 1, 4)].map(String);
  assert.is(new Set(sequences).size, 3);
});

test("below() is even over its range", () => {
  const random = new Random(11);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[random.below(10)]! += 1;
  // Chi-square of 9 degrees of freedom: beyond 27.9 with probability 0.001; the seed is fixed.
  const statistic = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert.ok(statistic < 27.9, `chi-square ${statistic}`);
});

test("shuffle keeps every element and moves them evenly", () => {
  const random = new Random(3);
  const sums = new Float64Array(5);
  for (let i = 0; i < 20_000; i++) {
    const values = Uint32Array.of(0, 1, 2, 3, 4);
    random.shuffle(values);
    assert.equal([...values].sort(), [0, 1, 2, 3, 4]);
    values.forEach((value, at) => {
      sums[at]! += value;
    });
  }
  for (const sum of sums) assert.ok(Math.abs(sum / 20_000 - 2) < 0.04, `mean ${sum / 20_000}`);
});

test("a seed that is no safe integer is an error of the caller", () => {
  assert.throws(() => new Random(0.5), RangeError);
  assert.throws(() => new Random(2 ** 53), RangeError);
});

test.run();
