import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bytesText,
  differenceFigure,
  figure,
  intervalText,
  pValueFigure,
  shareFigure,
  timeText,
} from "../../../src/host/cli/figures.js";

test("figures have three decimals, and no minus before a rounded zero", () => {
  const cases: [number, string][] = [
    [0.31, "0.310"],
    [-0.0001, "0.000"],
    [-0.5, "-0.500"],
    [12_345.678, "12345.7"],
    [3e9, "3.000e+9"],
    [Number.POSITIVE_INFINITY, "Infinity"],
  ];
  for (const [value, text] of cases) assert.is(figure(value), text);
});

test("differences show their sign, rounded zeros none", () => {
  assert.equal([0.01, -0.01, 0.0001, 0].map(differenceFigure), ["+0.010", "-0.010", "0.000", "0.000"]);
  assert.is(intervalText([-0.2, 0.1]), "[-0.200, +0.100]");
});

test("p values down to the end of doubles", () => {
  const cases: [number, string][] = [
    [1, "1"],
    [0.9996, "1"],
    [0.25, "0.250"],
    [0.001, "0.001"],
    [4.4e-18, "4e-18"],
    [0, "<1e-300"],
  ];
  for (const [p, text] of cases) assert.is(pValueFigure(p), text);
});

test("a small share is not shown as none, a large one not as all", () => {
  const cases: [number, string][] = [
    [0, "0 %"],
    [0.0001, "<0.1 %"],
    [0.0123, "1.2 %"],
    [0.99999, ">99.9 %"],
    [1, "100 %"],
  ];
  for (const [share, text] of cases) assert.is(shareFigure(share), text);
});

test("sizes and times", () => {
  assert.equal([0, 1023, 2915, 5 * 2 ** 30].map(bytesText), ["0 bytes", "1023 bytes", "2.8 KiB", "5.0 GiB"]);
  assert.is(timeText(Date.UTC(2015, 11, 31, 14, 5, 9)), "2015-12-31 14:05:09Z");
  assert.is(timeText(Number.NaN), "unknown time");
});

test.run();
