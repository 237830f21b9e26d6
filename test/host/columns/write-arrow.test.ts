import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { writeArrow } from "../../../src/host/columns/write-arrow.js";
import { scratchDir } from "../../support.js";

const folder = scratchDir();

test("writes numbers, texts and missing cells that the Arrow library reads back", async () => {
  const path = join(folder, "small.arrow");
  await writeArrow(path, [
    { name: "x", values: Float64Array.of(1.5, Number.NaN, Number.NEGATIVE_INFINITY, -0) },
    { name: "city", values: Float64Array.of(1, 0, Number.NaN, 1), texts: ["Köln", ""] },
  ]);
  const table = tableFromIPC(readFileSync(path));
  assert.equal([...table.getChild("x")!], [1.5, null, Number.NEGATIVE_INFINITY, -0]);
  assert.equal([...table.getChild("city")!], ["", "Köln", null, ""]);
  assert.is(table.getChild("x")!.nullCount, 1);
});

test("cuts many rows into record batches, with every value in its place", async () => {
  const path = join(folder, "large.arrow");
  for (const rowCount of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
    const values = Float64Array.from({ length: rowCount }, (_, row) => Math.sqrt(row));
    await writeArrow(path, [{ name: "x", values }]);
    const table = tableFromIPC(readFileSync(path));
    assert.is(table.numRows, rowCount);
    assert.equal(table.schema.fields.map(String), ["x: Float64"]);
    assert.is(table.batches.length, Math.max(1, Math.ceil(rowCount / 65_536)));
    const read = table.getChild("x")!.toArray() as Float64Array;
    assert.ok(values.every((value, row) => read[row] === value));
  }
});

test("a path that cannot be written is an error with its code", async () => {
  const path = join(folder, "no", "such", "folder.arrow");
  try {
    await writeArrow(path, [{ name: "x", values: Float64Array.of(1) }]);
    assert.unreachable();
  } catch (thrown) {
    assert.instance(thrown, MendlineError);
    assert.is((thrown as MendlineError).code, "MENDLINE_DATA_WRITE");
    assert.match((thrown as MendlineError).message, /folder\.arrow/);
  }
});

test("columns of unequal length are an error of the caller", async () => {
  const columns = [
    { name: "x", values: Float64Array.of(1) },
    { name: "y", values: Float64Array.of(1, 2) },
  ];
  try {
    await writeArrow(join(folder, "ragged.arrow"), columns);
    assert.unreachable();
  } catch (thrown) {
    assert.instance(thrown, RangeError);
  }
});

test.run();
