import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertRow, cellOf, type Row, rowsSource } from "../../../src/host/columns/rows.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { failure, readAll, rowsIn } from "./support.js";

const arena = new Arena(16 * 1024 * 1024);

/** Fields as `name:logical:type`, and every column. */
async function read(rows: readonly unknown[]) {
  const source = rowsSource(rows as Row[], "rows", arena);
  const columns = await readAll(source, arena);
  assert.is(arena.use.usedBytes, 0);
  assert.is(source.rowCount, rows.length);
  return { fields: source.fields.map(({ name, logical, type }) => `${name}:${logical}:${type}`), columns };
}

test("types are told from all rows; what is absent is missing", async () => {
  const { fields, columns } = await read([
    { whole: 1, part: 1, flag: true, name: "a", mixed: 1, none: null },
    { whole: -0, part: 2.5, flag: null, name: 7, mixed: true, none: undefined },
    { whole: null, part: Number.NaN, name: false },
    { whole: 3n, part: Number.POSITIVE_INFINITY, flag: false, name: "", none: Number.NaN },
  ]);
  assert.equal(fields, [
    "whole:integer:i64",
    "part:float:f64",
    "flag:boolean:u8",
    "name:text:null",
    "mixed:text:null",
    "none:float:f64",
  ]);
  assert.equal(columns.get("whole"), [1n, 0n, null, 3n]);
  assert.equal(columns.get("part"), [1, 2.5, null, Number.POSITIVE_INFINITY]);
  assert.equal(columns.get("flag"), [1, null, null, 0]);
  assert.equal(columns.get("name"), ["a", "7", "false", ""]);
  assert.equal(columns.get("mixed"), ["1", "true", null, null]);
  assert.equal(columns.get("none"), [null, null, null, null]);
});

test("a bigint is an integer while 64 bits hold it, else a float", async () => {
  const [lowest, highest] = [-(2n ** 63n), 2n ** 63n - 1n];
  const exact = await read([{ x: lowest }, { x: highest }, { x: 2n ** 53n + 1n }]);
  assert.equal(exact.fields, ["x:integer:i64"]);
  assert.equal(exact.columns.get("x"), [lowest, highest, 2n ** 53n + 1n]);
  for (const wide of [highest + 1n, lowest - 1n, 10n ** 30n]) {
    const { fields, columns } = await read([{ x: wide }, { x: 5n }, { x: 6 }]);
    assert.equal(fields, ["x:float:f64"]);
    assert.equal(columns.get("x"), [Number(wide), 5, 6]);
  }
  const asText = await read([{ x: 10n ** 30n }, { x: "a" }]);
  assert.equal(asText.columns.get("x"), [String(10n ** 30n), "a"]);
  const besideFloats = await read([{ x: 2n ** 60n }, { x: 0.5 }]);
  assert.equal(besideFloats.columns.get("x"), [2 ** 60, 0.5]);
});

test("words for NaN and the infinities are numbers beside numbers, as in NDJSON", async () => {
  const { fields, columns } = await read([{ x: 1 }, { x: "NaN" }, { x: "Infinity" }, { x: "-inf" }]);
  assert.equal(fields, ["x:float:f64"]);
  assert.equal(columns.get("x"), [1, null, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  assert.equal((await read([{ x: "NaN" }, { x: "a" }])).columns.get("x"), ["NaN", "a"]);
});

test("own properties only: columns called __proto__ and constructor, and rows that lack them", async () => {
  const { fields, columns } = await read([
    JSON.parse('{"__proto__": 1, "constructor": 2}'),
    { other: 1 },
    Object.assign(Object.create({ constructor: 9, other: 9 }) as object, { other: 3 }),
    Object.assign(Object.create(null) as object, { constructor: 4 }),
  ]);
  assert.equal(fields, ["__proto__:integer:i64", "constructor:integer:i64", "other:integer:i64"]);
  assert.equal(columns.get("__proto__"), [1n, null, null, null]);
  assert.equal(columns.get("constructor"), [2n, null, null, 4n]);
  assert.equal(columns.get("other"), [null, 1n, 3n, null]);
  assert.is(cellOf({}, "toString"), null);
  assert.is(cellOf({ x: undefined }, "x"), null);
});

test("rows and values that are none are refused by place and name", async () => {
  const refused = async (rows: readonly unknown[], pattern: RegExp) =>
    assert.match(await failure(read(rows), "MENDLINE_DATA_SCHEMA"), pattern);
  for (const value of [{}, [], new Date(), () => 1, Symbol("s"), new Map()]) {
    await refused([{ wind: 1 }, { wind: value }], /rows: "wind" of row 1 is no number, text or boolean/);
  }
  for (const [row, told] of [
    [null, "null"],
    [undefined, "undefined"],
    [3, "3"],
    ["some text", "some text"],
    [[1], "a list"],
  ] as const) {
    await refused([{}, row], new RegExp(`rows: row 1 is ${told}`));
  }
  assertRow(new (class Row {})(), 0, "rows");
});

test("too many columns", async () => {
  const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`c${i}`, i]));
  assert.is(rowsSource([wide], "wide", arena).fields.length, 10_000);
  const message = await failure(read([wide, { another: 1 }]), "MENDLINE_DATA_LIMIT");
  assert.match(message, /rows has more than 10000 different columns/);
});

test("columns in the order asked for, batches within the memory, and again from the beginning", async () => {
  const rows = Array.from({ length: 150_000 }, (_, i) => ({ a: i, b: i / 2, c: `c${i % 3}` }));
  const source = rowsSource(rows, "rows", arena);
  for (let pass = 0; pass < 2; pass++) {
    const counts = await rowsIn(source.read());
    assert.ok(counts.length > 1);
    assert.is(
      counts.reduce((sum, count) => sum + count),
      rows.length,
    );
  }
  for await (const batch of source.read({ columns: ["c", "a", "c"] })) {
    assert.equal([...batch.columns.keys()], ["c", "a"]);
    break;
  }
  assert.is(arena.use.usedBytes, 0);
  const values = await readAll(source, arena, { columns: ["a"] });
  assert.is(values.get("a")!.at(-1), 149_999n);
  assert.match(
    await failure((async () => rowsIn(source.read({ columns: ["d"] })))(), "MENDLINE_DATA_SCHEMA"),
    /rows has no column "d"/,
  );
  const aborted = AbortSignal.abort();
  await failure(rowsIn(source.read({ signal: aborted })), "MENDLINE_TASK_ABORTED");
  await source.close();
  assert.is(arena.use.usedBytes, 0);
});

test("no rows", async () => {
  const { fields, columns } = await read([]);
  assert.equal([fields, columns.size], [[], 0]);
  assert.equal((await read([{}, {}])).fields, []);
});

test.run();
