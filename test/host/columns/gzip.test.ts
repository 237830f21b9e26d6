// Packed tables: the same columns as unpacked, bounded in memory and in what they may unpack to.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import type { DataSource } from "../../../src/host/columns/column.js";
import { gunzipped } from "../../../src/host/columns/gzip.js";
import { openData } from "../../../src/host/columns/open.js";
import { unpackedFreeBytes, unpackedRatioMax } from "../../../src/limits.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { scratchDir } from "../../support.js";
import { tableBytes } from "../drift/tables.js";
import { plain, writeParquet } from "./parquet-writer.js";
import { readAll } from "./support.js";

const runtime = await openRuntime();
const { arena } = runtime;
const dir = scratchDir();

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

const rows = Array.from({ length: 5_000 }, (_, row) => ({ x: row, name: `kind ${row % 7}` }));
const csv = `x,name\n${rows.map(({ x, name }) => `${x},${name}\n`).join("")}`;
const tables: Record<string, Uint8Array | string> = {
  "t.csv": csv,
  "t.tsv": csv.replaceAll(",", "\t"),
  "t.ndjson": rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
  "t.arrow": tableBytes({
    x: { type: "i64", cells: rows.map(({ x }) => BigInt(x)) },
    name: { type: "text", cells: rows.map(({ name }) => name) },
  }),
  "t.parquet": writeParquet([
    { name: "x", physical: "INT64", cells: rows.map(({ x }) => plain("i64", x)) },
    {
      name: "name",
      physical: "BYTE_ARRAY",
      convertedType: 0,
      cells: rows.map(({ name }) => plain("text", name)),
    },
  ]),
};

async function columnsOf(source: DataSource): Promise<unknown> {
  const columns = await readAll(source, arena);
  await source.close();
  assert.is(arena.use.usedBytes, 0);
  return [source.fields, source.rowCount, [...columns]];
}

for (const [name, bytes] of Object.entries(tables)) {
  test(`${name}.gz is ${name}, from a file and from standard input, whatever its name`, async () => {
    const expected = await columnsOf(await openData(file(name, bytes), arena));
    const packed = gzipSync(bytes);
    assert.equal(await columnsOf(await openData(file(`${name}.gz`, packed), arena)), expected);
    // Told by content: of a TSV alone the name must say so.
    const disguised = name.endsWith(".tsv") ? "t.tsv.GZIP" : "packed";
    assert.equal(await columnsOf(await openData(file(disguised, packed), arena)), expected);
    if (name.endsWith(".tsv")) return;
    const input = Readable.from([packed.subarray(0, 5), packed.subarray(5)]);
    assert.equal(await columnsOf(await openData("-", arena, { input })), expected);
  });
}

test("several members one behind the other are one file", async () => {
  const cut = csv.indexOf("\n", csv.length / 2) + 1;
  const members = [csv.slice(0, 3), csv.slice(3, cut), csv.slice(cut)].map((part) => gzipSync(part));
  const expected = await columnsOf(await openData(file("one.csv", csv), arena));
  assert.equal(await columnsOf(await openData(file("many.csv.gz", Buffer.concat(members)), arena)), expected);
});

async function refusal(path: string): Promise<string> {
  try {
    await columnsOf(await openData(path, arena));
  } catch (thrown) {
    assert.is(arena.use.usedBytes, 0);
    if (thrown instanceof MendlineError) return `${thrown.code} ${thrown.message}`;
    throw thrown;
  }
  return "read";
}

test("cut off anywhere, or damaged: refused", async () => {
  const packed = gzipSync(csv.slice(0, 3_000));
  for (let end = 2; end < packed.length; end += 13) {
    assert.match(
      await refusal(file("cut.csv.gz", packed.subarray(0, end))),
      /^MENDLINE_DATA_MALFORMED .*damaged gzip/,
    );
  }
  for (const at of [12, 40, packed.length - 6, packed.length - 2]) {
    const damaged = Buffer.from(packed);
    damaged[at]! ^= 0x10;
    assert.match(await refusal(file("bad.csv.gz", damaged)), /^MENDLINE_DATA_MALFORMED/);
  }
});

test("an empty one, one within another, and one of something else say what they are", async () => {
  assert.match(await refusal(file("none.gz", gzipSync(""))), /^MENDLINE_DATA_EMPTY .*no bytes/);
  assert.match(
    await refusal(file("two.gz", gzipSync(gzipSync(csv)))),
    /^MENDLINE_DATA_FORMAT .*within another/,
  );
  assert.match(
    await refusal(file("page.gz", gzipSync("<!doctype html><p>"))),
    /^MENDLINE_DATA_FORMAT .*HTML/,
  );
});

test("lines are counted in what was unpacked", async () => {
  const ragged = csv.replace("\n4000,kind 3\n", "\n4000\n");
  assert.match(await refusal(file("ragged.csv.gz", gzipSync(ragged))), /MALFORMED .*line 4002 has 1 cell/);
  const json = `${String(tables["t.ndjson"])}{"x":\n`;
  assert.match(await refusal(file("bad.ndjson.gz", gzipSync(json))), /MALFORMED .*line 5001/);
});

test("a decompression bomb is stopped at its ratio; so much of constants is no bomb", async () => {
  const line = `${"0".repeat(1 << 20)}\n`;
  const below = gzipSync(line.repeat(4));
  assert.ok(below.length * unpackedRatioMax < 4 << 20);
  assert.is(await refusal(file("constant.csv.gz", below)), "read");
  const bomb = gzipSync(line.repeat(80), { level: 9 });
  assert.match(
    await refusal(file("bomb.csv.gz", bomb)),
    /^MENDLINE_DATA_LIMIT .*bomb\.csv\.gz unpacks to .*bomb/,
  );
  assert.ok(80 << 20 > unpackedFreeBytes);
});

test("reading can be left, and cancelled", async () => {
  const path = file("left.csv.gz", gzipSync(csv.repeat(100)));
  for await (const chunk of gunzipped({ path, label: "left" })) {
    assert.ok(chunk.byteLength > 0);
    break;
  }
  const cancelled = openData(path, arena, { signal: AbortSignal.abort() });
  await cancelled.then(
    () => assert.unreachable(),
    (thrown: unknown) => assert.is((thrown as MendlineError).code, "MENDLINE_TASK_ABORTED"),
  );
});

test.run();
