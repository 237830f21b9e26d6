import { appendFileSync } from "node:fs";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DataSource } from "../../../src/host/columns/column.js";
import { openNdjson } from "../../../src/host/columns/ndjson.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { batchRowsMax, columnsMax, recordBytesMax, textBlockBytes } from "../../../src/limits.js";
import { failure, fileOf, readAll, readOnce, rowsIn } from "./support.js";

const arena = new Arena();

function ndjson(content: string | Uint8Array): Promise<DataSource> {
  return openNdjson({ path: fileOf(content, ".ndjson"), label: "rows.ndjson" }, arena);
}

test("types, missing cells, keys in order of first appearance", async () => {
  const { fields, rowCount, columns } = await readOnce(
    ndjson(
      '{"i":1,"f":1.5,"b":true,"t":"x"}\n\n  \r\n{"t":"NaN","i":null,"late":2}\r\n{"b":false,"f":"-inf","i":"NaN","t":""}\n{"f":NaN,"t":5}',
    ),
    arena,
  );
  assert.equal(fields, ["i:integer:i64", "f:float:f64", "b:boolean:u8", "t:text:null", "late:integer:i64"]);
  assert.is(rowCount, 4);
  assert.equal(columns.get("i"), [1n, null, null, null]);
  assert.equal(columns.get("f"), [1.5, null, Number.NEGATIVE_INFINITY, null]);
  assert.equal(columns.get("b"), [1, null, 0, null]);
  assert.equal(columns.get("t"), ["x", "NaN", "", "5"]);
  assert.equal(columns.get("late"), [null, 2n, null, null]);
});

test("numbers: whole by value, unsafe ones are doubles, bare NaN and Infinity of Python", async () => {
  const { columns, fields } = await readOnce(
    ndjson(
      '{"a":1.0,"b":9007199254740993,"c":1}\n{"a":-0,"b":1,"c":-Infinity,"d":"is NaN \\" Infinity"}\n{"a":1e2,"b":NaN,"c":Infinity}\n',
    ),
    arena,
  );
  assert.equal(fields, ["a:integer:i64", "b:float:f64", "c:float:f64", "d:text:null"]);
  assert.equal(columns.get("a"), [1n, 0n, 100n]);
  assert.equal(columns.get("b"), [9007199254740992, 1, null]);
  assert.equal(columns.get("c"), [1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  assert.equal(columns.get("d"), [null, 'is NaN " Infinity', null]);
});

test("mixed columns are text", async () => {
  const { columns } = await readOnce(
    ndjson('{"m":1,"n":true}\n{"m":"x","n":0}\n{"m":true,"n":null}\n'),
    arena,
  );
  assert.equal(columns.get("m"), ["1", "x", "true"]);
  assert.equal(columns.get("n"), ["true", "0", null]);
});

test("keys that objects have by themselves, a byte order mark, a repeated key", async () => {
  const { columns } = await readOnce(
    ndjson('\ufeff{"__proto__":1,"constructor":"x"}\n{"__proto__":2,"__proto__":3}\n'),
    arena,
  );
  assert.equal(
    [...columns],
    [
      ["__proto__", [1n, 3n]],
      ["constructor", ["x", null]],
    ],
  );
});

test("only wanted columns", async () => {
  const source = await ndjson('{"a":1,"b":2}\n');
  assert.equal([...(await readAll(source, arena, { columns: ["b"] })).keys()], ["b"]);
  const message = await failure(
    (async () => rowsIn(source.read({ columns: ["c"] })))(),
    "MENDLINE_DATA_SCHEMA",
  );
  assert.is(message, 'rows.ndjson has no column "c"; it has "a", "b"');
});

const malformed: [name: string, content: string, says: string][] = [
  ["bad JSON", '{"a":1}\n\n{"a":}\n', "line 3: no JSON object"],
  ["a bare NaN does not excuse the rest", '{"a":NaN,}\n', "line 1: no JSON object"],
  ["a list", '{"a":1}\n[1]\n', "line 2: not a JSON object"],
  ["a number", "5\n", "line 1: not a JSON object"],
  ["null", "null\n", "line 1: not a JSON object"],
  ["a nested object", '{"a":1}\r\n{"a":{"b":1}}\r\n', 'line 2: "a" holds an object'],
  ["a nested list", '{"list":[]}\n', 'line 1: "list" holds a list'],
  ["pretty-printed", '{\n  "a": 1\n}\n', "line 1: no JSON object"],
  ["cut off", '{"a":1}\n{"a":2', "line 2: no JSON object"],
];
for (const [name, content, says] of malformed) {
  test(`malformed: ${name}`, async () => {
    const message = await failure(ndjson(content), "MENDLINE_DATA_MALFORMED");
    assert.ok(message.startsWith("rows.ndjson: ") && message.includes(says), message);
  });
}

test("line numbers beyond the first block", async () => {
  const line = `{"a":"${"x".repeat(100)}"}\n`;
  const count = Math.ceil((textBlockBytes * 2.5) / line.length);
  const message = await failure(ndjson(`${line.repeat(count)}{"a":[]}\n${line}`), "MENDLINE_DATA_MALFORMED");
  assert.ok(message.includes(`line ${count + 1}:`), message);
});

test("not UTF-8, empty, only empty objects", async () => {
  const bad = Buffer.concat([Buffer.from('{"a":"ü"}\n{"a":"'), Buffer.from([0xff]), Buffer.from('"}\n')]);
  assert.ok((await failure(ndjson(bad), "MENDLINE_DATA_MALFORMED")).includes("line 2 is not UTF-8"));
  await failure(ndjson(""), "MENDLINE_DATA_EMPTY");
  await failure(ndjson("\n \n"), "MENDLINE_DATA_EMPTY");
  await failure(ndjson("{}\n{}\n"), "MENDLINE_DATA_EMPTY");
});

test("limits: keys, lines", async () => {
  const keys = Array.from({ length: columnsMax + 1 }, (_, i) => `{"k${i}":1}\n`).join("");
  assert.ok((await failure(ndjson(keys), "MENDLINE_DATA_LIMIT")).includes(`more than ${columnsMax}`));
  const exact = `{"a":"${"x".repeat(recordBytesMax - 8)}"}`;
  assert.is(exact.length, recordBytesMax);
  assert.is((await ndjson(`{"a":1}\n${exact}\n`)).rowCount, 2);
  assert.ok((await failure(ndjson(`{"a":1}\n ${exact}\n`), "MENDLINE_DATA_LIMIT")).includes("line 2"));
  await failure(ndjson(`{"a":1}\n ${exact}`), "MENDLINE_DATA_LIMIT");
});

test("a hostile line of escaped quotes takes linear time", async () => {
  await failure(ndjson(`{"a":NaN,"b":"${'\\"'.repeat(500_000)}\n`), "MENDLINE_DATA_MALFORMED");
});

test("characters across block boundaries", async () => {
  const line = '{"t":"größe зима","n":1.25}\n';
  const lineBytes = Buffer.byteLength(line);
  const rows = Math.ceil((textBlockBytes + 64) / lineBytes);
  for (let shift = 0; shift < lineBytes; shift += 5) {
    const { columns, rowCount } = await readOnce(ndjson(`${" ".repeat(shift)}${line.repeat(rows)}`), arena);
    assert.is(rowCount, rows);
    assert.ok(
      columns.get("t")!.every((text) => text === "größe зима"),
      `shift ${shift}`,
    );
  }
});

test("batches, early return, cancellation, a file that changes", async () => {
  const path = fileOf('{"a":1}\n'.repeat(batchRowsMax + 1), ".ndjson");
  const source = await openNdjson({ path, label: "x" }, arena);
  assert.equal(await rowsIn(source.read()), [batchRowsMax, 1]);
  for await (const _ of source.read()) break;
  assert.is(arena.use.usedBytes, 0);
  await failure(rowsIn(source.read({ signal: AbortSignal.abort() })), "MENDLINE_TASK_ABORTED");
  await failure(
    openNdjson({ path, label: "x" }, arena, { signal: AbortSignal.abort() }),
    "MENDLINE_TASK_ABORTED",
  );
  appendFileSync(path, '{"a":"x"}\n');
  assert.ok((await failure(rowsIn(source.read()), "MENDLINE_DATA_MALFORMED")).includes("changed"));
  assert.is(arena.use.usedBytes, 0);
});

const key = fc.oneof(fc.constantFrom("a", "b", "__proto__", "NaN"), fc.string({ maxLength: 3 }));
const kinds = {
  integer: fc.maxSafeInteger(),
  float: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0.5),
  boolean: fc.boolean(),
  text: fc.string({ unit: "grapheme" }).map((text) => `q${text}`),
};

test("round trip of any table", async () => {
  const columnOf = fc.constantFrom("integer", "float", "boolean", "text").chain((kind) =>
    fc.array(fc.option(kinds[kind as keyof typeof kinds] as fc.Arbitrary<number | boolean | string>), {
      minLength: 8,
      maxLength: 8,
    }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(key, { minLength: 1, maxLength: 4 }),
      fc.array(columnOf, { minLength: 4, maxLength: 4 }),
      async (names, cells) => {
        const lines = Array.from({ length: 8 }, (_, row) => {
          const entries = names.map(
            (name, column) => `${JSON.stringify(name)}:${JSON.stringify(cells[column]![row])}`,
          );
          return `{${entries.join()}}`;
        });
        const { columns } = await readOnce(ndjson(lines.join("\n")), arena);
        // JavaScript objects list keys that look like indexes first.
        assert.equal([...columns.keys()].sort(), [...names].sort());
        names.forEach((name, column) => {
          const expected = cells[column]!.map((cell) => (typeof cell === "boolean" ? Number(cell) : cell));
          const got = columns.get(name)!.map((value) => (typeof value === "bigint" ? Number(value) : value));
          assert.equal(got.map(plainZero), expected.map(plainZero));
        });
      },
    ),
    { numRuns: 150 },
  );
});

function plainZero<T>(value: T): T | number {
  return value === 0 ? 0 : value;
}

test.run();
