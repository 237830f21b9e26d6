import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { BatchBuilder, batchRowsFor, type Cell } from "../../../src/host/columns/batch-builder.js";
import type { Batch, Field } from "../../../src/host/columns/column.js";
import { numericTypes, rangeOf } from "../../../src/host/kernels/types.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { arenaBytesMin, batchRowsMax } from "../../../src/limits.js";
import { cellsOfColumn } from "./reading.js";

const arena = new Arena(16 * 1024 * 1024);

function field(name: string, type: Field["type"]): Field {
  return { name, logical: type === null ? "text" : "float", type };
}

function fill(builder: BatchBuilder, fieldIndex: number, cells: readonly Cell[]): void {
  cells.forEach((cell, row) => {
    builder.set(fieldIndex, row, cell);
  });
}

function cellsOf(batch: Batch, name: string) {
  return cellsOfColumn(arena, batch.columns.get(name)!);
}

test("cells of every type, missing ones among them, at every row count", () => {
  for (let rowCount = 0; rowCount <= 20; rowCount++) {
    const builder = new BatchBuilder(
      arena,
      numericTypes.map((type) => field(type, type)),
      20,
    );
    const expected = numericTypes.map((type) => {
      const { lowest, highest } = rangeOf(type);
      return Array.from({ length: rowCount }, (_, row) => [lowest, null, highest, null, null][row % 5]!);
    });
    expected.forEach((cells, index) => {
      fill(builder, index, cells);
    });
    const batch = builder.finish(rowCount);
    assert.is(batch.rowCount, rowCount);
    numericTypes.forEach((type, index) => {
      assert.equal(cellsOf(batch, type), expected[index], type);
    });
    builder.close();
  }
  assert.is(arena.use.usedBytes, 0);
});

test("texts become codes of one dictionary that grows from batch to batch", () => {
  const builder = new BatchBuilder(arena, [field("t", null), field("n", "f64")], 4);
  fill(builder, 0, ["a", null, "b", "a"]);
  fill(builder, 1, [1, 2, 3, 4]);
  const first = builder.finish(4);
  assert.equal(cellsOf(first, "t"), ["a", null, "b", "a"]);
  assert.equal(cellsOf(first, "n"), [1, 2, 3, 4]);
  builder.reset();
  fill(builder, 0, ["c", "b"]);
  fill(builder, 1, [5, null]);
  const second = builder.finish(2);
  assert.equal(cellsOf(second, "t"), ["c", "b"]);
  assert.equal(cellsOf(second, "n"), [5, null]);
  const column = second.columns.get("t")!;
  assert.ok(column.kind === "text");
  assert.equal(column.kind === "text" && [...column.names], ["a", "b", "c"]);
  builder.close();
});

test("a column without missing cells needs no validity, and one from the batch before is forgotten", () => {
  const builder = new BatchBuilder(arena, [field("n", "i32")], 3);
  fill(builder, 0, [1, null, 3]);
  assert.ok(builder.finish(3).columns.get("n")!.validityPtr !== 0);
  builder.reset();
  fill(builder, 0, [4, 5, 6]);
  const batch = builder.finish(3);
  assert.is(batch.columns.get("n")!.validityPtr, 0);
  assert.equal(cellsOf(batch, "n"), [4, 5, 6]);
  builder.close();
});

test("booleans and numbers for whichever type the field has", () => {
  const builder = new BatchBuilder(arena, [field("f", "f32"), field("w", "i64"), field("u", "u8")], 2);
  fill(builder, 0, [true, 0.1]);
  fill(builder, 1, [true, 2 ** 53 - 1]);
  fill(builder, 2, [false, 200]);
  const batch = builder.finish(2);
  assert.equal(cellsOf(batch, "f"), [1, Math.fround(0.1)]);
  assert.equal(cellsOf(batch, "w"), [1n, 2n ** 53n - 1n]);
  assert.equal(cellsOf(batch, "u"), [0, 200]);
  builder.close();
});

test("growth of the memory between two batches does no harm", () => {
  const own = new Arena(arenaBytesMin);
  const builder = new BatchBuilder(own, [field("n", "f64")], 2);
  const before = own.memory.buffer;
  own.allocate(4 * 1024 * 1024);
  assert.is.not(own.memory.buffer, before);
  builder.reset();
  fill(builder, 0, [7, null]);
  const batch = builder.finish(2);
  assert.equal(cellsOfColumn(own, batch.columns.get("n")!), [7, null]);
});

test("no room: refused, and nothing is kept", () => {
  const small = new Arena(arenaBytesMin);
  let thrown: unknown;
  try {
    new BatchBuilder(small, [field("a", "f64"), field("b", "f64")], 600_000);
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof MendlineError && thrown.code === "MENDLINE_MEMORY_EXHAUSTED");
  assert.is(small.use.usedBytes, 0);
});

test("rows of a batch: within the memory, the limit, and what there is", () => {
  const fields = [field("a", "f64"), field("b", "f32"), field("t", null)];
  assert.is(batchRowsFor(arena, fields, 10), 10);
  assert.is(batchRowsFor(arena, fields, 10_000_000), batchRowsMax);
  const wide = Array.from({ length: 200 }, (_, i) => field(`c${i}`, "f64"));
  const rows = batchRowsFor(new Arena(arenaBytesMin), wide, 10_000_000);
  assert.ok(rows >= 64 && rows * 200 * 8 <= arenaBytesMin / 4, `${rows}`);
  assert.ok(batchRowsFor(arena, fields, 0) >= 1);
});

test.run();
