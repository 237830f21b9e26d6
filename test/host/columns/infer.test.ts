import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  evidenceOfJson,
  evidenceOfText,
  fieldOf,
  jsonCellReader,
  sawBoolean,
  sawFloat,
  sawInteger,
  sawNothing,
  sawText,
  textCellReader,
} from "../../../src/host/columns/infer.js";

function inferred(cells: readonly string[]): string {
  return fieldOf(
    "x",
    cells.reduce((seen, cell) => seen | evidenceOfText(cell), 0),
  ).logical;
}

function inferredJson(cells: readonly (null | boolean | number | string)[]): string {
  return fieldOf(
    "x",
    cells.reduce<number>((seen, cell) => seen | evidenceOfJson(cell), 0),
  ).logical;
}

test("evidence of single cells", () => {
  const rows: [number, string[]][] = [
    [sawNothing, ["", "NaN", " ", "\t", "nan", "NAN", " NaN "]],
    [sawInteger, ["0", "-0", "+7", "007", " 42 ", "9223372036854775807", "-9223372036854775808"]],
    [
      sawFloat,
      ["1.0", ".5", "5.", "1e3", "-1E-3", "9223372036854775808", "-9223372036854775809", "1".repeat(5000)],
    ],
    [sawFloat, ["inf", "-inf", "+inf", "Inf", "Infinity", "-Infinity", "INF"]],
    [sawBoolean, ["true", "True", "TRUE", "false", "False", " FALSE "]],
    [
      sawText,
      [
        "tRuE",
        "0x10",
        "1_000",
        "1,5",
        "e3",
        ".",
        "+",
        "1e",
        "--1",
        "1 2",
        "infinite",
        "NA",
        "null",
        "t",
        "١",
      ],
    ],
  ];
  for (const [evidence, cells] of rows) {
    for (const cell of cells)
      assert.is(evidenceOfText(cell), evidence, `${JSON.stringify(cell.slice(0, 30))}`);
  }
});

test("the lattice, whatever the order", () => {
  const rows: [string, string[]][] = [
    ["float", []],
    ["float", ["", "NaN", "nan"]],
    ["integer", ["1", "", "2", "nan"]],
    ["float", ["1", "2.5"]],
    ["float", ["1", "inf"]],
    ["float", ["1", "9223372036854775808"]],
    ["boolean", ["true", "", "False"]],
    ["text", ["true", "1"]],
    ["text", ["true", "0.5"]],
    ["text", ["1", "x"]],
    ["text", ["true", "yes"]],
  ];
  for (const [logical, cells] of rows) {
    assert.is(inferred(cells), logical, cells.join());
    assert.is(inferred([...cells].reverse()), logical, cells.join());
  }
});

test("the lattice over JSON cells", () => {
  const rows: [string, (null | boolean | number | string)[]][] = [
    ["float", [null]],
    ["integer", [1, null, -5]],
    ["integer", [1, "NaN"]],
    ["float", [1, "-inf"]],
    ["float", [1, 2.5]],
    ["float", [2 ** 53]],
    ["text", ["NaN"]],
    ["text", [true, "NaN"]],
    ["text", [1, "5"]],
    ["text", [1, true]],
    ["boolean", [true, null, false]],
    ["text", [""]],
  ];
  for (const [logical, cells] of rows) {
    assert.is(inferredJson(cells), logical, JSON.stringify(cells));
    assert.is(inferredJson([...cells].reverse()), logical, JSON.stringify(cells));
  }
});

test("cells as their field's type", () => {
  const integer = textCellReader(fieldOf("x", sawInteger));
  assert.is(integer(" +12 "), 12);
  assert.is(integer("9223372036854775807"), 9223372036854775807n);
  assert.is(integer("-9223372036854775808"), -9223372036854775808n);
  assert.is(integer("nan"), null);
  assert.is(integer("1.5"), undefined);
  assert.is(integer("9223372036854775808"), undefined);
  const float = textCellReader(fieldOf("x", sawFloat));
  assert.is(float("1e-3"), 0.001);
  assert.is(float("-INF"), Number.NEGATIVE_INFINITY);
  assert.is(float("+Infinity"), Number.POSITIVE_INFINITY);
  assert.is(float(" "), null);
  assert.is(float("0x10"), undefined);
  const boolean = textCellReader(fieldOf("x", sawBoolean));
  assert.is(boolean("TRUE"), true);
  assert.is(boolean("false"), false);
  assert.is(boolean("NaN"), null);
  assert.is(boolean("maybe"), undefined);
  const text = textCellReader(fieldOf("x", sawText));
  assert.is(text(" nan"), " nan");
  assert.is(text("nan"), "nan");
  assert.is(text("NaN"), null);
  assert.is(text(""), null);
});

test("JSON cells as their field's type", () => {
  const integer = jsonCellReader(fieldOf("x", sawInteger));
  assert.is(integer(5), 5);
  assert.is(integer("NaN"), null);
  assert.is(integer(Number.NaN), null);
  assert.is(integer(0.5), undefined);
  assert.is(integer("5"), undefined);
  const float = jsonCellReader(fieldOf("x", sawFloat));
  assert.is(float("-Infinity"), Number.NEGATIVE_INFINITY);
  assert.is(float(true), undefined);
  const text = jsonCellReader(fieldOf("x", sawText));
  assert.is(text(1.5), "1.5");
  assert.is(text(true), "true");
  assert.is(text("NaN"), "NaN");
  assert.is(text(null), null);
});

test("a hostile cell of megabytes takes linear time", () => {
  const long = `${"1".repeat(2_000_000)}x`;
  assert.is(evidenceOfText(long), sawText);
  assert.is(evidenceOfText(`${" ".repeat(2_000_000)}x`), sawText);
  assert.is(evidenceOfText(`1${" ".repeat(2_000_000)}x`), sawText);
});

test.run();
