import { test } from "uvu";
import * as assert from "uvu/assert";
import { quantile, ratioOf, sameAnswer, spreadOf } from "../../bench/arithmetic.js";
import { below } from "../../bench/data.js";

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

test("a ratio above 1 says that ours is faster", () => {
  assert.is(ratioOf(30, 10), 3);
  assert.is(ratioOf(5, 10), 0.5);
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

test("the number just below", () => {
  assert.is(below(1, "f64"), 1 - Number.EPSILON / 2);
  assert.is(below(1, "f32"), 1 - 2 ** -24);
  assert.is(below(-1, "f64"), -1 - Number.EPSILON);
  assert.throws(() => below(0, "f32"), /no edge/);
});

test.run();
