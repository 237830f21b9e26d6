import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import { asFloat32 } from "../../../src/host/columns/as-float32.js";
import { rowsSource } from "../../../src/host/columns/rows.js";
import { rangeOf } from "../../../src/host/kernels/types.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { tableBytes } from "../drift/tables.js";
import { readAll } from "./support.js";

const arena = new Arena(16 * 1024 * 1024);
const values = [0.1, null, -0, 1e300, -1e300, 1e-60, Number.NaN, Number.POSITIVE_INFINITY, 16_777_217.5];

test("the wanted doubles as the nearest f32, everything else as it was", async () => {
  const rows = values.map((x, index) => ({ x, y: x, n: index, t: `t${index}` }));
  const source = rowsSource(rows, "rows", arena);
  const narrowed = asFloat32(source, (name) => name === "x", arena);
  assert.equal(
    narrowed.fields.map(({ name, type }) => [name, type]),
    [
      ["x", "f32"],
      ["y", "f64"],
      ["n", "i64"],
      ["t", null],
    ],
  );
  assert.equal([narrowed.label, narrowed.rowCount], ["rows", values.length]);
  const found = await readAll(narrowed, arena);
  const rounded = values.map((x) => (x === null || Number.isNaN(x) ? null : Math.fround(x)));
  assert.equal(found.get("x"), rounded);
  const asBefore = await readAll(source, arena);
  for (const name of ["y", "n", "t"]) assert.equal(found.get(name), asBefore.get(name));
  assert.is(arena.use.usedBytes, 0);
});

test("wide whole numbers as the nearest f32, narrow ones are f32 already", async () => {
  const types = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"] as const;
  const table = Object.fromEntries(
    types.map((type) => {
      const { lowest, highest } = rangeOf(type);
      return [type, { type, cells: [lowest, highest, null, type.endsWith("64") ? 16_777_217n : 1] }];
    }),
  );
  const source = await arrowSource(bytesAsSource(tableBytes(table), "table"), arena);
  const narrowed = asFloat32(source, () => true, arena);
  const before = await readAll(source, arena);
  const found = await readAll(narrowed, arena);
  for (const type of types) {
    const isWide = type.endsWith("32") || type.endsWith("64");
    assert.is(narrowed.fields.find(({ name }) => name === type)!.type, isWide ? "f32" : type);
    const expected = before.get(type)!.map((cell) => (cell === null ? null : Math.fround(Number(cell))));
    assert.equal(
      found.get(type)!.map((cell) => (cell === null ? null : Number(cell))),
      expected,
      type,
    );
  }
  assert.is(arena.use.usedBytes, 0);
});

test("a batch's memory is given back with it, also when reading ends early", async () => {
  const source = rowsSource(
    Array.from({ length: 100_000 }, (_, i) => ({ x: i / 3 })),
    "rows",
    arena,
  );
  const narrowed = asFloat32(source, () => true, arena);
  for await (const batch of narrowed.read({ columns: ["x"] })) {
    assert.is(batch.columns.get("x")!.type, "f32");
    break;
  }
  assert.is(arena.use.usedBytes, 0);
});

test("a source with nothing to narrow stays itself", () => {
  const source = rowsSource([{ n: 1, t: "a", x: 0.5 }], "rows", arena);
  assert.is(
    asFloat32(source, (name) => name === "t", arena),
    source,
  );
});

test.run();
