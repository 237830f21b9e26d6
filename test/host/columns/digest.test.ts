import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Batch, Column, DataSource } from "../../../src/host/columns/column.js";
import { dataDigest } from "../../../src/host/columns/digest.js";
import { openData } from "../../../src/host/columns/open.js";
import { type Row, rowsSource } from "../../../src/host/columns/rows.js";
import { bytesOf } from "../../../src/host/kernels/types.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { failure } from "../../lineage-store/support.js";
import { scratchDir } from "../../support.js";

const { arena } = await openRuntime();
const scratch = scratchDir();
const columns = ["wind", "city", "day"];

function rows(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({
    wind: i % 5 === 3 ? null : i / 7,
    city: i % 4 === 1 ? null : `city ${i % 3}`,
    day: i,
    unused: i * 2,
  }));
}

function digest(table: readonly Row[], wanted = columns): Promise<string> {
  return dataDigest(rowsSource(table, "rows", arena), wanted, arena);
}

/** The same rows, never more than `rowsMax` of them in a batch. */
function cutUp(source: DataSource, rowsMax: number): DataSource {
  return {
    ...source,
    async *read(options) {
      for await (const batch of source.read(options)) {
        for (let from = 0; from < batch.rowCount; from += rowsMax) {
          yield part(batch, from, Math.min(rowsMax, batch.rowCount - from));
        }
      }
    },
  };
}

function part(batch: Batch, from: number, rowCount: number): Batch {
  const cut = (column: Column): Column => ({
    ...column,
    rowCount,
    valuesPtr: column.valuesPtr + from * bytesOf(column.type),
    validityBitOffset: column.validityBitOffset + from,
  });
  return { rowCount, columns: new Map(Array.from(batch.columns, ([name, column]) => [name, cut(column)])) };
}

test("the same rows are the same, however they are cut up, and whatever else stands beside them", async () => {
  const whole = await digest(rows(1_000));
  for (const rowsMax of [1, 7, 64, 999]) {
    const source = cutUp(rowsSource(rows(1_000), "rows", arena), rowsMax);
    assert.is(await dataDigest(source, columns, arena), whole, String(rowsMax));
  }
  const without = rows(1_000).map(({ unused: _, ...row }) => ({ ...row, other: 1 }));
  assert.is(await digest(without), whole);
});

test("any change tells: a value, a gap, an order, a row, a name", async () => {
  const table = rows(50);
  const changed: Row[][] = [
    table.with(7, { ...table[7]!, wind: 1.0000000001 }),
    table.with(7, { ...table[7]!, wind: null }),
    table.with(3, { ...table[3]!, wind: 0 }),
    table.with(8, { ...table[8]!, city: null }),
    table.with(6, { ...table[6]!, city: "city 00" }),
    [table[1]!, table[0]!, ...table.slice(2)],
    table.slice(0, 49),
    [...table, table[0]!],
  ];
  const digests = await Promise.all([table, ...changed].map((one) => digest(one)));
  assert.is(new Set(digests).size, digests.length);
  assert.is.not(await digest(table, ["wind", "day"]), await digest(table, ["day", "wind"]));
  const renamed = table.map(({ wind, ...row }) => ({ ...row, gust: wind }));
  assert.is.not(await digest(renamed, ["gust", "city", "day"]), digests[0]);
});

test("texts do not run into each other; no rows are a table too", async () => {
  const pair = (left: string, right: string) => digest([{ city: left }, { city: right }], ["city"]);
  assert.is.not(await pair("ab", "c"), await pair("a", "bc"));
  const path = join(scratch, "empty.csv");
  writeFileSync(path, "wind,city,day\n");
  const empty = await openData(path, arena);
  assert.match(await dataDigest(empty, columns, arena), /^[0-9a-f]{64}$/);
});

test("a file knows its path, absolute; a column that is missing is named", async () => {
  const path = join(scratch, "table.csv");
  writeFileSync(path, "wind,city,day\n1.5,a,1\n,b,2\n");
  const source = await openData(path, arena);
  assert.is(source.path, path);
  assert.is(await dataDigest(source, columns, arena), await dataDigest(source, columns, arena));
  const missing = await failure("MENDLINE_DATA_SCHEMA", () => dataDigest(source, ["gust"], arena));
  assert.match(missing.message, /gust/);
});

test.run();
