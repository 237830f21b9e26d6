import { test } from "uvu";
import * as assert from "uvu/assert";
import { lastCoreOf } from "../../bench/cores.js";
import {
  below,
  fillCauchy,
  isValid,
  picked,
  quantileEdges,
  timestamps,
  validityBitmap,
  zipfCodes,
} from "../../bench/data.js";
import { histogramSql } from "../../bench/duckdb.js";

test("the number just below", () => {
  assert.is(below(1, "f64"), 1 - Number.EPSILON / 2);
  assert.is(below(1, "f32"), 1 - 2 ** -24);
  assert.is(below(-1, "f64"), -1 - Number.EPSILON);
  assert.is(below(2n ** 62n, "i64"), 2n ** 62n - 1n);
  assert.is(below(0, "i32"), -1);
  assert.throws(() => below(0, "f32"), /no edge/);
});

test("codes: each stands, the first most often, none out of range", () => {
  const counts = new Array<number>(50).fill(0);
  for (const code of zipfCodes(10_000, 50, 1)) counts[code]! += 1;
  assert.ok(Math.min(...counts) >= 1);
  assert.is(Math.max(...counts), counts[0]);
  assert.is(
    counts.reduce((sum, count) => sum + count, 0),
    10_000,
  );
});

test("a validity bitmap misses about the share asked for, and nothing beyond its rows is set", () => {
  const bitmap = validityBitmap(10_003, 0.1, 2);
  let missing = 0;
  for (let row = 0; row < 10_003; row++) missing += isValid(bitmap, row) ? 0 : 1;
  assert.ok(missing > 850 && missing < 1150, `${missing}`);
  assert.is(bitmap.at(-1)! >> 3, 0);
});

test("Cauchy has tails that normal data never has, timestamps are beyond doubles", () => {
  const heavy = fillCauchy(new Float64Array(10_000), 3);
  assert.ok(heavy.some((value) => Math.abs(value) > 500));
  assert.ok(timestamps(10, 4).every((value) => value > 2n ** 53n));
});

test("edges are of the sample's type, sorted and distinct", () => {
  const edges = quantileEdges(timestamps(10_000, 5), 255);
  assert.instance(edges, BigInt64Array);
  assert.is(new Set(edges).size, 255);
  assert.equal(edges, edges.slice().sort());
  assert.throws(() => quantileEdges(new Float32Array(100), 9), /not distinct/);
});

test("about 64 elements at an odd distance; all where there are fewer", () => {
  assert.is(picked(new Float32Array(6400)).length, 64);
  assert.equal(new Set(picked(Array.from({ length: 4096 }, (_, index) => index % 8))).size, 8);
  assert.equal(picked([1, 2, 3]), [1, 2, 3]);
});

test("DuckDB's bins: closed on the right, the last open, literals no decimals", () => {
  assert.is(histogramSql("x", [1n, 5n], "i64"), "histogram(x, [0, 4, 9223372036854775807]::BIGINT[])");
  assert.is(histogramSql("x", [1], "f64"), "histogram(x, [9.999999999999999e-1, 'Infinity']::DOUBLE[])");
});

test("the last core of what taskset lists", () => {
  assert.equal(["0,1", "0-3", "0-3,8", "5"].map(lastCoreOf), ["1", "3", "8", "5"]);
});

test.run();
