// Arrow bytes looked at in place, and tables of the library, against the reader of files: the same cells, whatever the form.
import {
  DateDay,
  DateMillisecond,
  Float16,
  Float32,
  Float64,
  Int8,
  Int64,
  LargeUtf8,
  type RecordBatch,
  Table,
  TimestampMillisecond,
  tableFromIPC,
  Uint16,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import { ArrowBytes, isArrowFile } from "../../../src/host/columns/arrow-bytes.js";
import { type ArrowTable, ArrowTables, isArrowTable } from "../../../src/host/columns/arrow-table.js";
import type { HeldBatch, HeldColumn } from "../../../src/host/columns/held.js";
import { textAt } from "../../../src/host/columns/held-arrow.js";
import { isPresent } from "../../../src/host/drift/staged-column.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { random } from "../../assembly/support.js";
import { refused } from "../drift/monitored.js";
import { arrowBytes, byCode, rawVector, readAll, recordBatch } from "./reading.js";

const arena = new Arena(32 * 1024 * 1024);

/** Two or three batches of every kind of storage, with nulls; the dictionary grows, and then is another. */
function sample(rows = 20) {
  const vocabulary = vectorFromArray(["a", null, "c"], new Utf8());
  const grown = vocabulary.concat(vectorFromArray(["d", "ä"], new Utf8())) as Vector<Utf8>;
  const other = vectorFromArray(["x", "y"], new Utf8());
  const batch = (from: number, names: Vector<Utf8>) => {
    const numbers = Array.from({ length: rows }, (_, i) => from + i);
    const holed = (every: number, cell: (row: number) => number | bigint) =>
      numbers.map((row) => (row % every === 0 ? null : cell(row)));
    const texts = numbers.map((row) => (row % 5 === 0 ? null : `text ${row % 3}`));
    return recordBatch([
      [
        "f64",
        rawVector(
          new Float64(),
          holed(4, (row) => row / 8),
        ),
      ],
      ["f32", rawVector(new Float32(), numbers)],
      [
        "f16",
        rawVector(
          new Float16(),
          holed(3, (row) => 0x3c00 + row),
        ),
      ],
      [
        "i8",
        rawVector(
          new Int8(),
          holed(7, (row) => (row % 100) - 50),
        ),
      ],
      ["u16", rawVector(new Uint16(), numbers)],
      [
        "i64",
        rawVector(
          new Int64(),
          holed(6, (row) => 2n ** 60n + BigInt(row)),
        ),
      ],
      ["time", rawVector(new TimestampMillisecond("UTC"), numbers.map(BigInt))],
      ["day", rawVector(new DateDay(), numbers)],
      ["date", rawVector(new DateMillisecond(), numbers.map(BigInt))],
      ["flag", vectorFromArray(numbers.map((row) => (row % 4 === 1 ? null : row % 2 === 0)))],
      ["text", vectorFromArray(texts, new Utf8())],
      ["large", vectorFromArray(texts, new LargeUtf8())],
      [
        "code",
        byCode(
          names,
          numbers.map((row) => (row % 6 === 0 ? null : row % names.length)),
          3,
        ),
      ],
    ]);
  };
  return [batch(0, vocabulary), batch(rows, grown), batch(2 * rows, other)];
}

const names = [
  "code",
  "text",
  "large",
  "flag",
  "date",
  "day",
  "time",
  "i64",
  "u16",
  "i8",
  "f16",
  "f32",
  "f64",
];

type Cell = number | bigint | string | null;

function cellsOf(column: HeldColumn, rowCount: number): Cell[] {
  const { held } = column;
  return Array.from({ length: rowCount }, (_, row) => {
    if (!isPresent(column, row)) return null;
    if (held.kind === "numbers") return held.values[row]!;
    if (held.kind === "codes") return held.names[held.codes[row]!]!;
    return held.kind === "texts" ? textAt(held, row) : (held.cells[row] as Cell);
  });
}

function allCells(batches: Iterable<HeldBatch>): Record<string, Cell[]> {
  const cells: Record<string, Cell[]> = {};
  for (const { rowCount, columns } of batches) {
    for (const column of columns) (cells[column.field.name] ??= []).push(...cellsOf(column, rowCount));
  }
  return cells;
}

async function expectedCells(bytes: Uint8Array) {
  const source = await arrowSource(bytesAsSource(bytes, "expected"), arena);
  return { ...(await readAll(arena, source)).cells };
}

test("a stream in memory gives the cells that the reader of files gives, at any alignment", async () => {
  const bytes = arrowBytes(sample());
  const expected = await expectedCells(bytes);
  const reader = new ArrowBytes(names);
  for (let shift = 0; shift < 9; shift++) {
    const room = new Uint8Array(bytes.byteLength + shift);
    room.set(bytes, shift);
    assert.equal(allCells(reader.batches(room.subarray(shift), "live")), expected, `shifted by ${shift}`);
  }
  const fields = [...reader.batches(bytes, "live")][0]!.columns.map(({ field }) => field);
  const source = await arrowSource(bytesAsSource(bytes, "x"), arena);
  assert.equal(
    fields,
    names.map((name) => source.fields.find((field) => field.name === name)!),
  );
  assert.is(isArrowFile(bytes), false);
  assert.is(isArrowFile(arrowBytes(sample().slice(0, 1), "file")), true);
  assert.is(isArrowFile(new Uint8Array(3)), false);
});

test("a schema is known by its bytes: another one is read anew, and columns may be missing from it", () => {
  const reader = new ArrowBytes(["f32", "text"]);
  const [first] = sample();
  const whole = arrowBytes([first!]);
  const text = vectorFromArray(["a", "b"], new Utf8());
  const part = arrowBytes([
    recordBatch([
      ["text", text],
      ["f32", rawVector(new Float64(), [1, 2])],
    ]),
  ]);
  for (let round = 0; round < 3; round++) {
    assert.is(allCells(reader.batches(whole, "live")).f32!.length, 20);
    assert.equal(allCells(reader.batches(part, "live")), { f32: [1, 2], text: ["a", "b"] });
    refused(
      () => allCells(reader.batches(arrowBytes([recordBatch([["text", text]])]), "live")),
      "MENDLINE_DATA_SCHEMA",
      /live has no column "f32"; it has text/,
    );
  }
  const twice = arrowBytes([
    recordBatch([
      ["text", text],
      ["text", text],
    ]),
  ]);
  refused(() => allCells(reader.batches(twice, "live")), "MENDLINE_DATA_SCHEMA", /two columns "text"/);
});

test("tables and record batches of the library, whole and sliced", async () => {
  const batches = sample();
  const reader = new ArrowTables(names);
  const expected = await expectedCells(arrowBytes(batches));
  const table = tableFromIPC(arrowBytes(batches));
  assert.ok(isArrowTable(table) && isArrowTable(batches[0]!));
  for (let round = 0; round < 2; round++)
    assert.equal(allCells(reader.batches(table as unknown as ArrowTable, "live")), expected);
  for (const [from, to] of [
    [0, 60],
    [3, 11],
    [13, 47],
    [19, 21],
    [5, 5],
  ] as const) {
    const cut = Object.fromEntries(
      Object.entries(expected).map(([name, cells]) => [name, cells.slice(from, to)]),
    );
    const found = allCells(reader.batches(table.slice(from, to) as unknown as ArrowTable, "live"));
    if (to > from) assert.equal(found, cut, `rows ${from} to ${to}`);
    else assert.ok(Object.values(found).every((cells) => cells.length === 0));
  }
  const [first] = batches;
  const sliced = first!.slice(2, 9).slice(1, 6) as RecordBatch;
  assert.equal(
    allCells(reader.batches(sliced as unknown as ArrowTable, "live")).f64,
    expected.f64!.slice(3, 8),
  );
  refused(
    () => allCells(new ArrowTables(["wind"]).batches(table as unknown as ArrowTable, "live")),
    "MENDLINE_DATA_SCHEMA",
    /live has no column "wind"; it has f64, f32/,
  );
  const lists = new Table({ list: vectorFromArray([[1], [2]]) });
  refused(
    () => allCells(new ArrowTables(["list"]).batches(lists as unknown as ArrowTable, "live")),
    "MENDLINE_DATA_SCHEMA",
    /"list" is of a type that has no distribution/,
  );
  for (const other of [
    {},
    { schema: 1, batches: [] },
    { schema: { fields: [] } },
    { schema: null, data: {} },
  ])
    assert.is(isArrowTable(other), false);
});

test("damaged bytes are refused, and cut ones: nothing is read as something else", async () => {
  const bytes = arrowBytes(sample(7));
  const expected = await expectedCells(bytes);
  const reader = new ArrowBytes(names);
  let refusals = 0;
  const tryReading = (damaged: Uint8Array) => {
    try {
      return allCells(reader.batches(damaged, "damaged"));
    } catch (thrown) {
      if (!(thrown instanceof MendlineError)) throw thrown;
      assert.match(thrown.code, /^MENDLINE_DATA_/);
      refusals += 1;
      return null;
    }
  };
  for (let end = 0; end < bytes.byteLength; end += 8) {
    const found = tryReading(bytes.subarray(0, end));
    if (found === null) continue;
    // Cut between two frames, a stream may end.
    for (const [name, cells] of Object.entries(found))
      assert.equal(cells, expected[name]!.slice(0, cells.length));
  }
  assert.ok(refusals > 20);
  const next = random(77);
  for (let round = 0; round < 3_000; round++) {
    const damaged = bytes.slice();
    for (let i = 0; i <= round % 3; i++)
      damaged[Math.floor(next() * damaged.length)] = Math.floor(next() * 256);
    tryReading(damaged);
  }
  assert.equal(tryReading(bytes), expected);
  refused(() => allCells(reader.batches(new Uint8Array(0), "empty")), "MENDLINE_DATA_MALFORMED", /no schema/);
});

test.run();
