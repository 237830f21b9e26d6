import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  formatChange,
  formatCount,
  formatDifference,
  formatList,
  formatLoss,
  formatNumber,
  formatPlural,
  formatPValue,
  formatShare,
  formatSpan,
  formatTime,
  isoTime,
} from "../../../src/host/pages/format.js";

function expectEach<Value>(
  format: (value: Value) => string,
  cases: readonly (readonly [Value, string])[],
): void {
  for (const [value, expected] of cases)
    assert.is(format(value).replaceAll("\u202f", "_"), expected, `${value}`);
}

test("counts", () => {
  expectEach(formatCount, [
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [12345678, "12,345,678"],
    [-1000, "−1,000"],
  ]);
});

test("numbers", () => {
  expectEach(
    (value: number) => formatNumber(value),
    [
      [0, "0"],
      [-0, "0"],
      [1.5, "1.5"],
      [-2.25, "−2.25"],
      [2015001, "2015001"],
      [2.71449, "2.714"],
      [12345678.9, "1.235_×_10⁷"],
      [1e-5, "10⁻⁵"],
      [-3e-8, "−3_×_10⁻⁸"],
      [1e300, "10³⁰⁰"],
      [Number.POSITIVE_INFINITY, "∞"],
      [Number.NEGATIVE_INFINITY, "−∞"],
      [Number.NaN, "not a number"],
    ],
  );
});

test("losses line up at three decimals", () => {
  expectEach(formatLoss, [
    [0, "0.000"],
    [-0, "0.000"],
    [-0.0001, "0.000"],
    [0.62, "0.620"],
    [-0.106, "−0.106"],
    [12.3456, "12.35"],
    [123456, "123456"],
    [Number.NaN, "not a number"],
  ]);
});

test("differences carry their sign, but for none", () => {
  expectEach(formatDifference, [
    [0.008, "+0.008"],
    [-0.106, "−0.106"],
    [0, "0.000"],
    [0.0001, "0.000"],
    [-0.0001, "0.000"],
  ]);
  expectEach(formatChange, [
    [0.01818, "+1.8_%"],
    [-0.5, "−50.0_%"],
    [0, "0.0_%"],
    [-0.0001, "0.0_%"],
    [Number.POSITIVE_INFINITY, "∞"],
  ]);
});

test("p values", () => {
  expectEach(formatPValue, [
    [1, "1"],
    [0.9996, "1"],
    [0.25, "0.25"],
    [0.0123, "0.012"],
    [3e-8, "3_×_10⁻⁸"],
    [0, "<_10⁻³⁰⁰"],
    [Number.NaN, "not a number"],
  ]);
});

test("shares: what is there is never 0 %, what is not all is never 100 %", () => {
  expectEach(formatShare, [
    [0, "0_%"],
    [0.0001, "<_0.1_%"],
    [0.004, "0.4_%"],
    [0.0998, "10_%"],
    [0.31, "31_%"],
    [0.9999, "99.9_%"],
    [1, "100_%"],
  ]);
});

test("times are in UTC, whatever the zone", () => {
  assert.is(formatTime(1_751_551_500_000), "2025-07-03 14:05 UTC");
  assert.is(formatTime(Number.NaN), "unknown time");
  assert.is(isoTime(9e15), null);
});

test("words", () => {
  assert.is(formatPlural(1, "row"), "1 row");
  assert.is(formatPlural(1200, "row"), "1,200 rows");
  assert.is(formatPlural(2, "category", "categories"), "2 categories");
  assert.is(formatList([]), "");
  assert.is(formatList(["a"]), "a");
  assert.is(formatList(["a", "b", "c"]), "a, b and c");
});

test("spans of time in the largest unit that is there", () => {
  assert.equal([2_505_600_000, 86_400_000, 3_600_000 * 3.25, 90_000, 1_500, 0.25, 0].map(formatSpan), [
    "29 days",
    "24 hours",
    "3.25 hours",
    "1.5 min",
    "1.5 s",
    "0.25 ms",
    "0 ms",
  ]);
});

test.run();
