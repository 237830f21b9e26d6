import { test } from "uvu";
import * as assert from "uvu/assert";
import { findRoot, invertTail, symmetricIsf } from "../../../../src/host/drift/distributions/quantile.js";
import { assertClose } from "./golden.js";

test("findRoot: smooth, flat, steep and stepped functions, rising and falling", () => {
  assertClose(
    findRoot((x) => x * x - 2, 0, 2),
    Math.SQRT2,
    1e-15,
    0,
    "√2",
  );
  assertClose(
    findRoot((x) => 2 - x * x, 0, 2),
    Math.SQRT2,
    1e-15,
    0,
    "√2, falling",
  );
  assertClose(
    findRoot((x) => (x - 3) ** 9, -100, 50),
    3,
    1e-2,
    0,
    "a flat root",
  );
  assertClose(
    findRoot((x) => Math.atan(1e8 * (x - 0.7)), -1e6, 1e6),
    0.7,
    1e-14,
    0,
    "a steep root",
  );
  assertClose(
    findRoot((x) => (x < 0.25 ? -1 : 1e9), -5, 8),
    0.25,
    1e-14,
    0,
    "a step",
  );
});

test("findRoot takes few steps", () => {
  let calls = 0;
  findRoot(
    (x) => {
      calls++;
      return Math.exp(x) - 5;
    },
    -700,
    700,
  );
  assert.ok(calls < 60, `${calls} calls`);
});

test("invertTail: rising and falling tails, and quantiles past the doubles", () => {
  assertClose(
    invertTail((t) => Math.exp(-t), 1e-200),
    200 * Math.LN10,
    1e-13,
    0,
    "falling",
  );
  assertClose(
    invertTail((t) => -Math.expm1(-t), 1e-200),
    1e-200,
    1e-12,
    0,
    "rising",
  );
  assert.is(
    invertTail((t) => t ** -0.01, 1e-10),
    Infinity,
  );
  assert.is(
    invertTail((t) => Math.min(1, t ** 0.001), 1e-10),
    0,
  );
});

test("symmetricIsf: the logistic distribution", () => {
  const sf = (t: number) => 1 / (1 + Math.exp(t));
  for (const p of [1e-100, 0.2, 0.5, 0.75]) {
    assertClose(symmetricIsf(sf, p), Math.log((1 - p) / p), 1e-13, 1e-15, `p ${p}`);
  }
  assert.is(symmetricIsf(sf, 0), Infinity);
  assert.is(symmetricIsf(sf, 1), -Infinity);
});

test.run();
