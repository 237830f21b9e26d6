import { InvalidArgumentError } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  numberFrom,
  parseBytes,
  parseConditions,
  parseList,
  parseNames,
  parseNumbers,
  parseParameters,
  parsePositive,
  parseShare,
  parseSmoothing,
  parseText,
  parseWhole,
} from "../../../src/host/cli/values.js";

function refuses(parse: () => unknown, because: RegExp): void {
  assert.throws(
    parse,
    (error: Error) => error instanceof InvalidArgumentError && because.test(error.message),
  );
}

test("numbers are read as people write them, and nothing else is", () => {
  const good: [string, number][] = [
    ["0", 0],
    ["-3", -3],
    ["+2.5", 2.5],
    [".5", 0.5],
    ["1e-4", 1e-4],
    ["7.", 7],
  ];
  for (const [text, value] of good) assert.is(numberFrom(text), value);
  for (const text of ["", " 1", "1 ", "0x10", "1e", "NaN", "Infinity", "1e999", "1,5", "1_000"]) {
    assert.is(numberFrom(text), null, text);
  }
});

test("whole numbers keep to their range", () => {
  const parse = parseWhole(2, 100);
  assert.equal([parse("2"), parse("100"), parse("1e1")], [2, 100, 10]);
  for (const text of ["1", "101", "2.5", "ten", ""]) refuses(() => parse(text), /from 2 to 100/);
});

test("positive numbers, and shares", () => {
  assert.is(parsePositive()("0.2"), 0.2);
  for (const text of ["0", "-1", "x"]) refuses(() => parsePositive()(text), /above 0/);
  assert.is(parsePositive(1)("0.99"), 0.99);
  for (const text of ["0", "1", "2"]) refuses(() => parsePositive(1)(text), /between 0 and 1/);
  assert.equal([parseShare("0"), parseShare("1")], [0, 1]);
  for (const text of ["-0.1", "1.1", "5%"]) refuses(() => parseShare(text), /from 0 to 1/);
});

test("memory as bytes or with a binary unit", () => {
  assert.is(parseBytes("256MiB"), 268_435_456);
  assert.is(parseBytes("1.5gib"), 1_610_612_736);
  assert.is(parseBytes("16384 KiB"), 16_777_216);
  assert.is(parseBytes("8388608"), 8_388_608);
  for (const text of ["8388607", "5GiB", "256MB", "lots", "-1", "", "1e9"]) {
    refuses(() => parseBytes(text), /8MiB to 4095MiB/);
  }
});

test("smoothing is a pseudo-count or a floor", () => {
  assert.equal(parseSmoothing("0.5"), { kind: "additive", s: 0.5 });
  assert.equal(parseSmoothing("floor:1e-4"), { kind: "floor", floor: 1e-4 });
  for (const text of ["0", "floor:0", "floor:2", "floor", "roof:1", "-1", "floor:"]) {
    refuses(() => parseSmoothing(text), /pseudo-count/);
  }
});

test("names are split at commas, escaped ones excepted, and repeated options add up", () => {
  assert.equal(parseNames("a,b c"), ["a", "b c"]);
  assert.equal(parseNames("a\\,b,c"), ["a,b", "c"]);
  assert.equal(parseNames("c", ["a", "b"]), ["a", "b", "c"]);
  for (const text of ["", "a,", ",a", "a,,b"]) refuses(() => parseNames(text), /empty/);
  refuses(() => parseNames("a,b,a"), /"a" is named twice/);
  refuses(() => parseNames("a", ["a"]), /"a" is named twice/);
});

test("lists and texts", () => {
  assert.equal(parseList("a,b", ["x"]), ["x", "a,b"]);
  assert.is(parseText("x"), "x");
  refuses(() => parseText(""), /empty/);
});

test("pairs: the first = parts them; numbers and booleans are such only where they are wanted", () => {
  const params = parseParameters(
    "rate=0.003",
    parseParameters("frozen=true", parseParameters("teacher=rain@1=best")),
  );
  assert.equal(Object.fromEntries(params), { teacher: "rain@1=best", frozen: true, rate: 0.003 });
  assert.equal(Object.fromEntries(parseNumbers("log-loss=0.5")), { "log-loss": 0.5 });
  assert.equal(Object.fromEntries(parseParameters("note=")), { note: "" });
  refuses(() => parseNumbers("log-loss=good"), /finite number/);
  for (const text of ["rate", "=1", ""]) refuses(() => parseParameters(text), /name and a value/);
  refuses(() => parseParameters("a=2", parseParameters("a=1")), /"a" is given twice/);
  const lists = ["w=0.25,0.75", "v=[0.5,1]", 'gate={"loss":1}', "layers=a,b", "site=1,b", "n=-1"];
  const read = lists.reduce((before, text) => parseParameters(text, before), new Map<string, unknown>());
  assert.equal(Object.fromEntries(read), {
    w: [0.25, 0.75],
    v: [0.5, 1],
    gate: { loss: 1 },
    layers: "a,b",
    site: "1,b",
    n: -1,
  });
  refuses(() => parseParameters("w=[0.5,"), /must be JSON/);
});

test("conditions on metrics", () => {
  const read = ["auc>0.8", " log-loss <= 0.5", "a=b>=1e-3"].reduce<ReturnType<typeof parseConditions>>(
    (before, text) => parseConditions(text, before),
    [],
  );
  assert.equal(read, [
    { metric: "auc", comparison: ">", value: 0.8 },
    { metric: "log-loss", comparison: "<=", value: 0.5 },
    { metric: "a=b", comparison: ">=", value: 0.001 },
  ]);
  for (const text of ["auc", ">1", "auc>", "auc>high", "auc!1", ""])
    refuses(() => parseConditions(text), /Give a metric/);
});

test.run();
