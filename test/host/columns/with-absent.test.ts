import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Column, Field } from "../../../src/host/columns/column.js";
import { openData } from "../../../src/host/columns/open.js";
import { rowsSource } from "../../../src/host/columns/rows.js";
import { withAbsent } from "../../../src/host/columns/with-absent.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { scratchDir } from "../../support.js";
import { tableBytes } from "../drift/tables.js";
import { plain, writeParquet } from "./parquet-writer.js";

const runtime = await openRuntime();
const { arena } = runtime;
const dir = scratchDir();

function file(name: string, bytes: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

const rows = [1, 2, 3].map((x) => ({ x }));
const sources = {
  csv: () => openData(file("a.csv", "x\n1\n2\n3\n"), arena),
  ndjson: () => openData(file("a.ndjson", rows.map((row) => `${JSON.stringify(row)}\n`).join("")), arena),
  arrow: () => openData(file("a.arrow", tableBytes({ x: { type: "f64", cells: [1, 2, 3] } })), arena),
  parquet: () =>
    openData(
      file(
        "a.parquet",
        writeParquet([{ name: "x", physical: "DOUBLE", cells: [1, 2, 3].map((x) => plain("f64", x)) }]),
      ),
      arena,
    ),
  rows: async () => rowsSource(rows, "rows", arena),
};

const absent: Field[] = [
  { name: "number", logical: "float", type: "f64" },
  { name: "text", logical: "text", type: null },
];

function presentCount(column: Column, rowCount: number): number {
  if (column.validityPtr === 0) return rowCount;
  const bits = new Uint8Array(arena.memory.buffer, column.validityPtr, Math.ceil(rowCount / 8));
  const isSet = (row: number) => ((bits[row >>> 3]! >>> (row & 7)) & 1) === 1;
  return Array.from({ length: rowCount }, (_, row) => isSet(column.validityBitOffset + row)).filter(Boolean)
    .length;
}

for (const [format, open] of Object.entries(sources)) {
  test(`${format}: absent columns stand beside the others, and alone, without a value`, async () => {
    const source = withAbsent(await open(), absent, arena);
    assert.equal(
      source.fields.map(({ name }) => name),
      ["x", "number", "text"],
    );
    for (const columns of [undefined, ["text", "x"], ["number", "text"], ["x"]]) {
      let rowCount = 0;
      for await (const batch of source.read(columns === undefined ? {} : { columns })) {
        rowCount += batch.rowCount;
        assert.equal([...batch.columns.keys()].sort(), (columns ?? ["x", "number", "text"]).toSorted());
        for (const [name, column] of batch.columns) {
          const isThere = name === "x";
          assert.is(presentCount(column, batch.rowCount), isThere ? batch.rowCount : 0, name);
          assert.is(column.kind, name === "text" ? "text" : "numeric");
        }
      }
      assert.is(rowCount, 3, String(columns));
    }
    await source.close();
    assert.is(arena.use.usedBytes, 0);
  });
}

test("nothing absent: the source itself", async () => {
  const source = await sources.rows();
  assert.is(withAbsent(source, [], arena), source);
});

test.run();
