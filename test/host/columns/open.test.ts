import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openData } from "../../../src/host/columns/open.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { packageRoot, scratchDir } from "../../support.js";
import { failure, fileOf, readAll, readOnce } from "./support.js";

const arena = new Arena();
const flightsArrow = join(packageRoot, "node_modules/vega-datasets/data/flights-200k.arrow");

test("no such file, a folder, not readable", async () => {
  const gone = await failure(openData("/no/such/file.csv", arena), "MENDLINE_DATA_NOT_FOUND");
  assert.is(gone, "/no/such/file.csv does not exist");
  assert.ok(
    (await failure(openData(scratchDir(), arena), "MENDLINE_DATA_NOT_FOUND")).includes("is a folder"),
  );
  await failure(openData(`${fileOf("a\n1\n")}/x.csv`, arena), "MENDLINE_DATA_NOT_FOUND");
  const locked = fileOf("a\n1\n");
  chmodSync(locked, 0);
  // Root reads anything.
  if (process.getuid?.() !== 0) await failure(openData(locked, arena), "MENDLINE_DATA_NOT_FOUND");
});

test("an empty file, of any name", async () => {
  for (const ending of [".csv", ".parquet", ".arrow", ".ndjson", ""]) {
    const message = await failure(openData(fileOf("", ending), arena), "MENDLINE_DATA_EMPTY");
    assert.ok(message.includes("is empty"), message);
  }
});

test("each format, content before name", async () => {
  const csv = await readOnce(openData(fileOf("a,b\n1,2\n", ".txt"), arena), arena);
  assert.equal(
    [...csv.columns],
    [
      ["a", [1n]],
      ["b", [2n]],
    ],
  );
  const tsv = await readOnce(openData(fileOf("a\tb\n1\t2\n", ".tsv"), arena), arena);
  assert.equal(
    [...tsv.columns],
    [
      ["a", [1n]],
      ["b", [2n]],
    ],
  );
  const ndjson = await readOnce(openData(fileOf('{"a":1}\n', ".csv"), arena), arena);
  assert.equal([...ndjson.columns], [["a", [1n]]]);
  const arrow = await openData(fileOf(readFileSync(flightsArrow), ".csv"), arena);
  assert.is(arrow.rowCount, 200_000);
  await arrow.close();
  const parquet = await openData(
    join(packageRoot, "node_modules/vega-datasets/data/flights-3m.parquet"),
    arena,
  );
  assert.is(parquet.rowCount, 3_000_000);
  await parquet.close();
  await failure(openData(fileOf("a,b\n1,2\n", ".parquet"), arena), "MENDLINE_DATA_MALFORMED");
  await failure(openData(fileOf("\0\x01\x02", ".csv"), arena), "MENDLINE_DATA_FORMAT");
  assert.is(arena.use.usedBytes, 0);
});

test("standard input is kept until the source is closed, and can be read twice", async () => {
  const input = Readable.from([Buffer.from('{"a":1}\n{"a"'), Buffer.from(":2}\n")]);
  const source = await openData("-", arena, { input });
  assert.is(source.label, "standard input");
  assert.equal((await readAll(source, arena)).get("a"), [1n, 2n]);
  assert.equal((await readAll(source, arena)).get("a"), [1n, 2n]);
  await source.close();
  await failure(readAll(source, arena), "MENDLINE_DATA_NOT_FOUND");
  const message = await failure(openData("-", arena, { input: Readable.from([]) }), "MENDLINE_DATA_EMPTY");
  assert.ok(message.startsWith("standard input is empty"), message);
  const ragged = openData("-", arena, { input: Readable.from([Buffer.from("a,b\n1\n")]) });
  assert.ok((await failure(ragged, "MENDLINE_DATA_MALFORMED")).startsWith("standard input: line 2"));
});

test("an Arrow file on standard input", async () => {
  const input = Readable.from([readFileSync(flightsArrow)]);
  const source = await openData("-", arena, { input });
  assert.is(source.rowCount, 200_000);
  await source.close();
});

test("a named pipe", async () => {
  const pipe = join(scratchDir(), "pipe.tsv");
  execFileSync("mkfifo", [pipe]);
  const writer = spawn("sh", ["-c", `printf 'a\\tb\\n1\\t2\\n' > "${pipe}"`]);
  const { columns } = await readOnce(openData(pipe, arena), arena);
  assert.equal(
    [...columns],
    [
      ["a", [1n]],
      ["b", [2n]],
    ],
  );
  assert.ok(existsSync(pipe));
  writer.kill();
});

test("cancellation", async () => {
  const signal = AbortSignal.abort();
  await failure(openData(fileOf("a\n1\n"), arena, { signal }), "MENDLINE_TASK_ABORTED");
  const control = new AbortController();
  const silent = new Readable({ read() {} });
  const opening = openData("-", arena, { signal: control.signal, input: silent });
  setTimeout(() => control.abort(), 20);
  await failure(opening, "MENDLINE_TASK_ABORTED");
});

test.run();
