import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DataSource } from "../../../src/host/columns/column.js";
import { openCsv } from "../../../src/host/columns/csv.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { batchRowsMax, columnsMax, recordBytesMax, textBlockBytes } from "../../../src/limits.js";
import { packageRoot } from "../../support.js";
import { failure, fileOf, readAll, readOnce, rowsIn, type Value } from "./support.js";

const arena = new Arena();

function csv(content: string | Uint8Array, delimiter: "," | "\t" = ","): Promise<DataSource> {
  return openCsv({ path: fileOf(content), label: "data.csv", delimiter }, arena);
}

test("types, missing cells and infinities", async () => {
  const { fields, rowCount, columns } = await readOnce(
    csv(
      "i,f,b,t,none\n1,1.5,true,x,\n,inf,,NaN,NaN\n-3, -Infinity ,FALSE,nan,nan\n9007199254740993,NaN,False,,\n",
    ),
    arena,
  );
  assert.equal(fields, ["i:integer:i64", "f:float:f64", "b:boolean:u8", "t:text:null", "none:float:f64"]);
  assert.is(rowCount, 4);
  assert.equal(columns.get("i"), [1n, null, -3n, 9007199254740993n]);
  assert.equal(columns.get("f"), [1.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, null]);
  assert.equal(columns.get("b"), [1, null, 0, 0]);
  assert.equal(columns.get("t"), ["x", null, "nan", null]);
  assert.equal(columns.get("none"), [null, null, null, null]);
});

test("byte order mark, CRLF, quotes, quoted line ends, no last line end", async () => {
  const { columns } = await readOnce(
    csv('\ufeffname,n\r\n"a ""b"", c",1\r\n"two\r\nlines",2\r\n"",3\r\nlast,4'),
    arena,
  );
  assert.equal(columns.get("name"), ['a "b", c', "two\r\nlines", null, "last"]);
  assert.equal(columns.get("n"), [1n, 2n, 3n, 4n]);
});

test("mixed line ends, blank lines and a lone CR", async () => {
  const { columns } = await readOnce(csv("a,b\n1,2\r\n\n\r\n3,4\r5,6\n\n"), arena);
  assert.equal(columns.get("a"), [1n, 3n, 5n]);
  assert.equal(columns.get("b"), [2n, 4n, 6n]);
});

test("tabs", async () => {
  const { columns } = await readOnce(csv("a\tb\n1,5\t2\n", "\t"), arena);
  assert.equal(columns.get("a"), ["1,5"]);
  assert.equal(columns.get("b"), [2n]);
});

test("a single column: a blank line is no row, an empty quoted cell is one", async () => {
  const { columns } = await readOnce(csv('a\n1\n\n""\n2\n'), arena);
  assert.equal(columns.get("a"), [1n, null, 2n]);
});

test("a header alone is a table without rows", async () => {
  const { rowCount, fields, columns } = await readOnce(csv("a,b\n"), arena);
  assert.is(rowCount, 0);
  assert.is(fields.length, 2);
  assert.is(columns.size, 0);
});

test("column names that objects have by themselves", async () => {
  const { columns } = await readOnce(csv("__proto__,constructor,toString\n1,x,2\n"), arena);
  assert.equal(
    [...columns],
    [
      ["__proto__", [1n]],
      ["constructor", ["x"]],
      ["toString", [2n]],
    ],
  );
});

test("only wanted columns, in the order asked for, as often as one likes", async () => {
  const source = await csv("a,b,c\n1,2,3\n");
  assert.equal([...(await readAll(source, arena, { columns: ["c", "a", "c"] })).keys()], ["c", "a"]);
  assert.equal([...(await readAll(source, arena)).keys()], ["a", "b", "c"]);
  assert.equal(await rowsIn(source.read({ columns: [] })), [1]);
  const message = await failure(rowsInOf(source, ["a", "nope"]), "MENDLINE_DATA_SCHEMA");
  assert.is(message, 'data.csv has no column "nope"; it has "a", "b", "c"');
  assert.is(arena.use.usedBytes, 0);
});

async function rowsInOf(source: DataSource, columns: string[]): Promise<number[]> {
  return rowsIn(source.read({ columns }));
}

const malformed: [name: string, content: string, says: string][] = [
  ["too few cells", "a,b,c\n1,2,3\n1,2\n", "line 3 has 2 cells, the header has 3"],
  ["too many cells", "a,b\r\n1,2\r\n1,2,3\r\n", "line 3 has 3 cells, the header has 2"],
  ["a ragged last line", "a,b\n1,2\n3", "line 3 has 1 cell, the header has 2"],
  ["ragged after a quoted line end", 'a,b\n"x\r\ny",2\n3\n', "line 4 has 1 cell, the header has 2"],
  ["ragged after a byte order mark", "\ufeffa,b\n1,2\n3\n", "line 3 has 1 cell, the header has 2"],
  ["an open quote", 'a,b\n1,"x\n2,y\n3,z\n', "line 2 opens a quote that is never closed"],
  ["an open quote first", 'a,b\n1,2\n"x,y\n3,z\n', "line 3 opens a quote that is never closed"],
  ["a quote inside", 'a,b\n1,2\n3,x"y\n', "begins on line 3 has a quote in its middle"],
  ["text behind a quote", 'a,b\n1,"x"y\n', "begins on line 2 has a quote in its middle"],
  ["the same name twice", "a,b,a\n1,2,3\n", 'columns 1 and 3 are both named "a"'],
  ["no name", ",b\n1,2\n", "column 1 has no name"],
  ["a blank name", "a, \n1,2\n", "column 2 has no name"],
];
for (const [name, content, says] of malformed) {
  test(`malformed: ${name}`, async () => {
    const message = await failure(csv(content), "MENDLINE_DATA_MALFORMED");
    assert.ok(message.startsWith("data.csv: ") && message.includes(says), message);
    assert.is(arena.use.usedBytes, 0);
  });
}

test("not UTF-8", async () => {
  const message = await failure(
    csv(Buffer.concat([Buffer.from("a,b\n1,ü\n2,"), Buffer.from([0xfc]), Buffer.from("\n")])),
    "MENDLINE_DATA_MALFORMED",
  );
  assert.ok(message.includes("line 3 is not UTF-8"), message);
});

test("no header", async () => {
  for (const content of ["", "\n\n", "\ufeff", "\r\n"]) await failure(csv(content), "MENDLINE_DATA_EMPTY");
});

test("limits: columns, records, lines", async () => {
  const wide = Array.from({ length: columnsMax + 1 }, (_, i) => `c${i}`).join(",");
  const message = await failure(csv(`${wide}\n`), "MENDLINE_DATA_LIMIT");
  assert.ok(message.includes(`${columnsMax + 1} columns, more than ${columnsMax}`), message);
  const long = "x".repeat(recordBytesMax + 10);
  assert.ok((await failure(csv(`a,b\n1,2\n3,${long}\n`), "MENDLINE_DATA_LIMIT")).includes("line 3"));
  const folded = '"\n",'.repeat(recordBytesMax / 4 + textBlockBytes);
  assert.ok((await failure(csv(`a,b\n1,2\n${folded}\n`), "MENDLINE_DATA_LIMIT")).includes("longer than"));
  const commas = ",".repeat(recordBytesMax + 10);
  await failure(csv(`a,b\n1,2\n${commas}\n`), "MENDLINE_DATA_LIMIT");
  const widest = Array.from({ length: columnsMax }, (_, i) => `c${i}`).join(",");
  assert.is((await csv(`${widest}\n`)).fields.length, columnsMax);
});

test("batches of at most batchRowsMax rows, smaller where memory is short", async () => {
  const rows = batchRowsMax + 3;
  const content = `n,t\n${Array.from({ length: rows }, (_, i) => `${i},k${i % 7}\n`).join("")}`;
  const source = await csv(content);
  assert.equal(await rowsIn(source.read()), [batchRowsMax, 3]);
  const all = await readAll(source, arena);
  assert.equal(
    all.get("n"),
    Array.from({ length: rows }, (_, i) => BigInt(i)),
  );
  assert.is(all.get("t")!.at(-1), `k${(rows - 1) % 7}`);

  const small = new Arena(8 * 1024 * 1024);
  const names = Array.from({ length: 300 }, (_, i) => `c${i}`);
  const wide = `${names.join()}\n${`${names.map((_, i) => i).join()}\n`.repeat(2000)}`;
  const tight = await openCsv({ path: fileOf(wide), label: "wide.csv", delimiter: "," }, small);
  const counts = await rowsIn(tight.read());
  assert.is(
    counts.reduce((sum, count) => sum + count, 0),
    2000,
  );
  assert.ok(counts.length > 1 && small.use.usedBytes === 0);
});

test("cells across block boundaries", async () => {
  const row = '"größe, ""q""\nзима",1.25\n';
  const rowBytes = Buffer.byteLength(row);
  const rows = Math.ceil((textBlockBytes + 64) / rowBytes);
  for (let shift = 0; shift < rowBytes; shift += 3) {
    const { columns, rowCount } = await readOnce(csv(`t${"x".repeat(shift)},n\n${row.repeat(rows)}`), arena);
    assert.is(rowCount, rows);
    const texts = [...columns.values()][0]!;
    assert.ok(
      texts.every((text) => text === 'größe, "q"\nзима'),
      `shift ${shift}`,
    );
    assert.ok(columns.get("n")!.every((value) => value === 1.25));
  }
});

test("early return, errors of the consumer and cancellation release the arena", async () => {
  const source = await csv(`a\n${"1\n".repeat(batchRowsMax * 2)}`);
  for await (const batch of source.read()) {
    assert.is(batch.rowCount, batchRowsMax);
    assert.ok(arena.use.usedBytes > 0);
    break;
  }
  assert.is(arena.use.usedBytes, 0);
  const control = new AbortController();
  const reading = (async () => {
    for await (const _ of source.read({ signal: control.signal })) control.abort();
  })();
  // One block holds the whole file: it is read before the first batch is out.
  await reading;
  control.abort();
  await failure(rowsIn(source.read({ signal: control.signal })), "MENDLINE_TASK_ABORTED");
  assert.is(arena.use.usedBytes, 0);
  const opening = openCsv({ path: fileOf("a\n1\n"), label: "x", delimiter: "," }, arena, {
    signal: control.signal,
  });
  await failure(opening, "MENDLINE_TASK_ABORTED");
});

test("a file that changes between the passes", async () => {
  const path = fileOf("a,b\n1,x\n2,y\n");
  const source = await openCsv({ path, label: "data.csv", delimiter: "," }, arena);
  appendFileSync(path, "3,z\n");
  assert.ok((await failure(rowsIn(source.read()), "MENDLINE_DATA_MALFORMED")).includes("changed"));
  writeFileSync(path, "a,b\n1.5,x\n2,y\n");
  assert.ok((await failure(rowsIn(source.read()), "MENDLINE_DATA_MALFORMED")).includes("changed"));
  writeFileSync(path, "a\n1\n2\n");
  assert.ok((await failure(rowsIn(source.read()), "MENDLINE_DATA_MALFORMED")).includes("changed"));
  assert.is(arena.use.usedBytes, 0);
});

test("real files", async () => {
  const read = (name: string) =>
    readOnce(
      openCsv(
        { path: join(packageRoot, "node_modules/vega-datasets/data", name), label: name, delimiter: "," },
        arena,
      ),
      arena,
    );
  const weather = await read("seattle-weather.csv");
  assert.equal(weather.fields, [
    "date:text:null",
    "precipitation:float:f64",
    "temp_max:float:f64",
    "temp_min:float:f64",
    "wind:float:f64",
    "weather:text:null",
  ]);
  assert.is(weather.rowCount, 1461);
  assert.equal(new Set(weather.columns.get("weather")), new Set(["drizzle", "rain", "sun", "snow", "fog"]));
  const airports = await read("airports.csv");
  assert.is(airports.rowCount, 3376);
});

/** Writes a cell as the most careful CSV writer would. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

const numberCells = fc.array(fc.option(fc.double({ noDefaultInfinity: false, noNaN: true }), { nil: null }), {
  minLength: 1,
  maxLength: 20,
});
const wholeCells = fc.array(fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { nil: null }), {
  minLength: 1,
  maxLength: 20,
});
// With a letter in front it is neither a number nor a word for one.
const textCells = fc.array(
  fc.option(
    fc.string({ unit: "grapheme" }).map((text) => `q${text}`),
    { nil: null },
  ),
  { minLength: 1, maxLength: 20 },
);

test("round trip of any table", async () => {
  await fc.assert(
    fc.asyncProperty(
      numberCells,
      wholeCells,
      textCells,
      fc.constantFrom("\n", "\r\n"),
      async (numbers, wholes, texts, end) => {
        const rows = Math.min(numbers.length, wholes.length, texts.length);
        const lines = Array.from({ length: rows }, (_, i) =>
          [numbers[i] ?? "", wholes[i] ?? "NaN", texts[i] === null ? "" : quoted(texts[i]!)].join(),
        );
        const { columns } = await readOnce(csv(["f,i,t", ...lines, ""].join(end)), arena);
        // -0 is 0 where the column is of whole numbers; all-whole f64 texts are integers.
        const asNumber = (cell: Value): Value => (cell === null ? null : Number(cell) + 0);
        assert.equal(columns.get("f")!.map(asNumber), numbers.slice(0, rows).map(asNumber));
        assert.equal(
          columns.get("i")!.map((cell) => (typeof cell === "number" ? null : cell)),
          wholes.slice(0, rows),
        );
        assert.equal(
          columns.get("t")!.map((cell) => (typeof cell === "number" ? null : cell)),
          texts.slice(0, rows),
        );
      },
    ),
    { numRuns: 150 },
  );
});

test("any bytes are a table or a clear failure", async () => {
  const piece = fc.constantFrom(
    "a",
    ",",
    "\n",
    "\r",
    '"',
    "1",
    ".",
    "-",
    " ",
    "é",
    "\ufeff",
    "NaN",
    '""',
    "\0",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 40 }), async (pieces) => {
      try {
        const { rowCount, columns } = await readOnce(csv(pieces.join("")), arena);
        for (const values of columns.values()) assert.is(values.length, rowCount);
      } catch (thrown) {
        assert.ok((thrown as { code?: string }).code?.startsWith("MENDLINE_DATA_"), String(thrown));
      }
      assert.is(arena.use.usedBytes, 0);
    }),
    { numRuns: 400 },
  );
});

test.run();
