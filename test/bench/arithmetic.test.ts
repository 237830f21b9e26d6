import { test } from "uvu";
import * as assert from "uvu/assert";
import { quantile, relativeSpread, roundsRatio, sameAnswer, spreadOf } from "../../bench/arithmetic.js";

test("median and quartiles, as numpy.percentile has them", () => {
  assert.equal(spreadOf([4, 1, 3, 2]), { median: 2.5, lower: 1.75, upper: 3.25 });
  assert.equal(spreadOf([10, 1, 100]), { median: 10, lower: 5.5, upper: 55 });
  assert.equal(spreadOf([7]), { median: 7, lower: 7, upper: 7 });
  assert.is(quantile([0, 10], 0.25), 2.5);
  assert.throws(() => spreadOf([]), /no samples/);
});

test("samples are ordered as numbers, and left as they were", () => {
  const samples = [100, 20, 3];
  assert.is(spreadOf(samples).median, 20);
  assert.equal(samples, [100, 20, 3]);
});

test("the spread is the middle half, in medians", () => {
  assert.is(relativeSpread({ median: 10, lower: 9, upper: 12 }), 0.3);
});

test("a ratio is taken within its round: a machine that slows down favours nobody", () => {
  assert.is(roundsRatio([[30]], [[10]]), 3);
  const theirs = [[3, 3, 4], [30, 30], [60]];
  const ours = [[1], [10, 10, 11], [20]];
  assert.is(roundsRatio(theirs, ours), 3);
});

test("answers: counts must be equal, numbers within the tolerance", () => {
  assert.ok(sameAnswer([1, 2], [1, 2]));
  assert.not.ok(sameAnswer([1, 2], [1, 3]));
  assert.not.ok(sameAnswer([1, 2], [1, 2, 0]));
  assert.not.ok(sameAnswer([], []), "nothing proves nothing");
  assert.not.ok(sameAnswer([Number.NaN], [Number.NaN], 1));
  assert.ok(sameAnswer([1e9], [1e9 + 1], 1e-8));
  assert.not.ok(sameAnswer([1e9], [1e9 + 100], 1e-8));
});

test.run();
