import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Logical } from "../../../src/host/columns/column.js";
import { type Edge, nextAbove } from "../../../src/host/drift/edges.js";
import { edgeTexts, rangeLabel } from "../../../src/host/drift/slot-labels.js";
import type { NumericType } from "../../../src/host/kernels/types.js";

function labels(edges: Edge[], type: NumericType, logical: Logical = "float"): string[] {
  const texts = edgeTexts(edges, logical, type);
  return Array.from({ length: edges.length + 1 }, (_, bin) =>
    rangeLabel(edges, texts, bin, bin, { type, logical }),
  );
}

test("ranges, tails, single numbers, one bin", () => {
  assert.equal(labels([1.5, 2.25], "f64"), ["below 1.5", "1.5 to below 2.25", "2.25 or above"]);
  assert.equal(labels([3, nextAbove(3, "f64")!], "f64"), ["below 3", "exactly 3", "above 3"]);
  assert.equal(labels([3, 4, 6], "i32", "integer"), ["below 3", "exactly 3", "4 to below 6", "6 or above"]);
  assert.equal(labels([], "f64"), ["any value"]);
  assert.equal(labels([0, 5e-324, 2], "f64"), ["below 0", "exactly 0", "above 0, below 2", "2 or above"]);
});

test("edges are told apart with as few digits as that takes", () => {
  const texts = (edges: Edge[], type: NumericType = "f64") => edgeTexts(edges, "float", type);
  assert.equal(texts([1.25, 2.5]), ["1.25", "2.5"]);
  assert.equal(texts([1000.123, 1000.456]), ["1000.1", "1000.5"]);
  assert.equal(texts([Math.fround(1.2), 2], "f32"), ["1.2", "2"]);
  assert.equal(texts([9223372036854775806n, 9223372036854775807n], "i64"), [
    "9223372036854775806",
    "9223372036854775807",
  ]);
  assert.equal(texts([1e300, 5e-324]), ["1e+300", "5e-324"]);
  assert.equal(texts([]), []);
});

test("booleans are false and true", () => {
  assert.equal(labels([0, 1], "u8", "boolean"), ["neither", "false", "true"]);
  assert.equal(labels([1], "u8", "boolean"), ["false", "true"]);
  assert.equal(labels([], "u8", "boolean"), ["any value"]);
});

test("dates and timestamps by the calendar, in their own unit", () => {
  assert.equal(labels([19_723, 19_754], "i32", "date"), [
    "before 2024-01-01",
    "2024-01-01 to before 2024-02-01",
    "2024-02-01 or later",
  ]);
  assert.equal(labels([1_704_067_200_000n], "i64", "date")[0], "before 2024-01-01");
  const moment = 1_704_103_445n;
  for (const [unit, perSecond] of [
    ["s", 1n],
    ["ms", 1_000n],
    ["us", 1_000_000n],
    ["ns", 1_000_000_000n],
  ] as const) {
    const texts = (gap: bigint) =>
      edgeTexts([moment * perSecond, moment * perSecond + gap], `timestamp[${unit}]`, "i64");
    // As coarse as tells them apart.
    assert.equal(texts(86_400n * perSecond), ["2024-01-01", "2024-01-02"]);
    assert.equal(texts(60n * perSecond), ["2024-01-01 10:04", "2024-01-01 10:05"]);
    assert.equal(texts(perSecond), ["2024-01-01 10:04:05", "2024-01-01 10:04:06"]);
    if (perSecond === 1n) continue;
    assert.equal(texts(perSecond / 1_000n), ["2024-01-01 10:04:05.000", "2024-01-01 10:04:05.001"]);
  }
  // No calendar reaches so far.
  assert.is(labels([2n ** 62n], "i64", "timestamp[s]")[0], `before ${2n ** 62n}`);
});

test.run();
