import { Bool, Float32, Float64, Int8, Int64, Utf8, vectorFromArray } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import { asText } from "../../../src/host/columns/as-text.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { arrowBytes, rawVector, readAll, recordBatch } from "./reading.js";

const arena = new Arena(16 * 1024 * 1024);

async function sample() {
  const batch = recordBatch([
    ["n", rawVector(new Float64(), [1, 2.5, null, Number.NaN, -0, 1e21, 0.1])],
    ["f", rawVector(new Float32(), [1, 2.5, null, Number.POSITIVE_INFINITY, -0, 2 ** -149, 0.1])],
    ["i", rawVector(new Int64(), [1n, -2n, null, 2n ** 63n - 1n, 0n, 5n, 6n])],
    ["b", vectorFromArray([true, false, null, true, false, true, true], new Bool())],
    ["t", vectorFromArray(["a", "b", null, "", "a", "b", "c"], new Utf8())],
    ["k", rawVector(new Int8(), [1, 2, 3, 4, 5, 6, 7])],
  ]);
  return arrowSource(bytesAsSource(arrowBytes([batch, batch]), "data"), arena);
}

test("numbers become their shortest decimal text; missing stays missing, NaN becomes it", async () => {
  const source = asText(await sample(), ["n", "f", "i", "b"], arena);
  const { cells } = await readAll(arena, source);
  const twice = (values: (string | null)[]) => [...values, ...values];
  assert.equal(cells.n, twice(["1", "2.5", null, null, "0", "1e+21", "0.1"]));
  assert.equal(cells.f, twice(["1", "2.5", null, "Infinity", "0", "1e-45", "0.1"]));
  assert.equal(cells.i, twice(["1", "-2", null, "9223372036854775807", "0", "5", "6"]));
  assert.equal(cells.b, twice(["true", "false", null, "true", "false", "true", "true"]));
  assert.equal(cells.k, [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7]);
  assert.is(arena.use.usedBytes, 0);
});

test("the fields say so, and the rest of the source is as it was", async () => {
  const source = await sample();
  const turned = asText(source, ["n", "t", "gone"], arena);
  assert.is(turned.label, source.label);
  assert.is(turned.rowCount, source.rowCount);
  assert.equal(
    turned.fields.map(({ name, logical, type }) => [name, logical, type]),
    source.fields.map(({ name, logical, type }) =>
      name === "n" ? [name, "text", null] : [name, logical, type],
    ),
  );
});

test("nothing to turn: the very same source", async () => {
  const source = await sample();
  assert.is(asText(source, ["t", "gone"], arena), source);
  assert.is(asText(source, [], arena), source);
});

test("only columns asked for are read and turned", async () => {
  const source = asText(await sample(), ["n", "i"], arena);
  const { cells } = await readAll(arena, source, { columns: ["i", "k"] });
  assert.equal(Object.keys(cells).sort(), ["i", "k"]);
  assert.is(cells.i![3], "9223372036854775807");
});

test("what stands in absent rows is no name", async () => {
  const source = asText(await sample(), ["n", "i"], arena);
  for await (const { columns } of source.read()) {
    for (const name of ["n", "i"]) {
      const column = columns.get(name)!;
      // rawVector writes 77 where a cell is null.
      assert.ok(column.kind === "text" && !column.names.includes("77"), name);
    }
  }
});

test("leaving early gives the memory back; reading again begins anew", async () => {
  const source = asText(await sample(), ["n"], arena);
  for await (const _ of source.read()) break;
  assert.is(arena.use.usedBytes, 0);
  assert.equal(await readAll(arena, source), await readAll(arena, source));
});

test.run();
