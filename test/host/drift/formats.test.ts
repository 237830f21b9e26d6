// A report does not depend on the format that its tables came in, nor on how that was cut up or packed, nor on threads and memory.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openData } from "../../../src/host/columns/open.js";
import { compareData, compareToProfile } from "../../../src/host/drift/compare.js";
import { profileToBytes } from "../../../src/host/drift/profile.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { openRuntime, type Runtime } from "../../../src/scheduler/runtime.js";
import { scratchDir } from "../../support.js";
import { type PlainCell, plain, writeParquet } from "../columns/parquet-writer.js";
import { type PlainTable, tableBytes } from "./tables.js";

const dir = scratchDir();

interface Row {
  readonly float: number | null;
  readonly whole: bigint | null;
  readonly flag: boolean | null;
  readonly text: string | null;
}

const rowOf: fc.Arbitrary<Row> = fc.record({
  float: fc.oneof(
    { weight: 6, arbitrary: fc.double({ noDefaultInfinity: true, noNaN: true }) },
    fc.constantFrom(null, 0, -0, 0.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  ),
  whole: fc.oneof(
    fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n }),
    fc.constantFrom(null, 0n, 1n, 2n),
  ),
  flag: fc.option(fc.boolean()),
  text: fc.constantFrom(null, "a", "b", 'quoted "b"', "with, comma", "línea\nnueva", "__proto__", "日本"),
});

/** Whatever the rows hold, each column shows its type: by a first row of its own. */
const table = fc
  .array(rowOf, { minLength: 1, maxLength: 60 })
  .map((rows): Row[] => [{ float: 0.25, whole: 3n, flag: true, text: "a" }, ...rows]);

function numberText(value: number | null): string {
  if (value === null) return "";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-Infinity";
  return String(value);
}

function csvOf(rows: readonly Row[]): string {
  const quoted = (text: string | null) => (text === null ? "" : `"${text.replaceAll('"', '""')}"`);
  const lines = rows.map(
    ({ float, whole, flag, text }) => `${numberText(float)},${whole ?? ""},${flag ?? ""},${quoted(text)}`,
  );
  return ["float,whole,flag,text", ...lines, ""].join("\n");
}

function ndjsonOf(rows: readonly Row[]): string {
  const numberJson = (value: number | null) =>
    value !== null && !Number.isFinite(value) ? `"${numberText(value)}"` : JSON.stringify(value);
  return rows
    .map(
      ({ float, whole, flag, text }) =>
        `{"float":${numberJson(float)},"whole":${whole},"flag":${flag},"text":${JSON.stringify(text)}}\n`,
    )
    .join("");
}

function plainTable(rows: readonly Row[]): PlainTable {
  return {
    float: { type: "f64", cells: rows.map(({ float }) => float) },
    whole: { type: "i64", cells: rows.map(({ whole }) => whole) },
    flag: { type: "bool", cells: rows.map(({ flag }) => flag) },
    text: { type: "text", cells: rows.map(({ text }) => text) },
  };
}

function parquetOf(rows: readonly Row[], groupRows: number): Uint8Array {
  const cells = <T>(of: (row: Row) => T | null, bytes: (value: T) => PlainCell) =>
    rows.map((row) => {
      const value = of(row);
      return value === null ? null : bytes(value);
    });
  const isOptional = true;
  return writeParquet(
    [
      {
        name: "float",
        physical: "DOUBLE",
        isOptional,
        cells: cells(
          (row) => row.float,
          (x) => plain("f64", x),
        ),
      },
      {
        name: "whole",
        physical: "INT64",
        isOptional,
        cells: cells(
          (row) => row.whole,
          (x) => plain("i64", x),
        ),
      },
      {
        name: "flag",
        physical: "BOOLEAN",
        isOptional,
        cells: cells(
          (row) => row.flag,
          (x) => x,
        ),
      },
      {
        name: "text",
        physical: "BYTE_ARRAY",
        convertedType: 0,
        isOptional,
        cells: cells(
          (row) => row.text,
          (x) => plain("text", x),
        ),
      },
    ],
    { groupRows },
  );
}

let fileCount = 0;

function fileOf(bytes: Uint8Array | string): string {
  const path = join(dir, `table-${fileCount++}`);
  writeFileSync(path, bytes);
  return path;
}

function forms(rows: readonly Row[], batchRows: number): Record<string, string> {
  const stream = tableBytes(plainTable(rows), { batchRows });
  return {
    csv: fileOf(csvOf(rows)),
    "csv, gzip": fileOf(gzipSync(csvOf(rows))),
    ndjson: fileOf(ndjsonOf(rows)),
    "ndjson, gzip": fileOf(gzipSync(ndjsonOf(rows))),
    "arrow stream": fileOf(stream),
    "arrow file": fileOf(tableBytes(plainTable(rows), { batchRows, form: "file" })),
    "arrow, gzip": fileOf(gzipSync(stream)),
    parquet: fileOf(parquetOf(rows, batchRows)),
  };
}

const runtimes: Runtime[] = [
  await openRuntime(),
  await openRuntime({ threads: 1, memoryBytes: 8 * 1024 * 1024 }),
];

async function reportOf(runtime: Runtime, reference: string, current: string): Promise<string> {
  const [from, to] = [await openData(reference, runtime.arena), await openData(current, runtime.arena)];
  try {
    const report = await compareData(runtime, from, to);
    const profile = await profileData(runtime, from);
    const beside = await compareToProfile(runtime, profile, to);
    const signature = new TextDecoder().decode(profileToBytes(profile));
    return JSON.stringify([report, beside, signature]);
  } finally {
    await from.close();
    await to.close();
    assert.is(runtime.arena.use.usedBytes, 0);
  }
}

test("property: the same report and the same profile from every format, cut and packed in any way", async () => {
  await fc.assert(
    fc.asyncProperty(table, table, fc.integer({ min: 1, max: 70 }), async (reference, current, batchRows) => {
      const [from, to] = [forms(reference, batchRows), forms(current, Math.ceil(batchRows / 3))];
      const expected = await reportOf(runtimes[0]!, from.csv!, to.csv!);
      const names = Object.keys(from);
      for (const [index, name] of names.entries()) {
        // Each form once as the reference and once as the current data, beside another one.
        const other = names[(index + 3) % names.length]!;
        const found = await reportOf(runtimes[index % 2]!, from[name]!, to[other]!);
        assert.is(found, expected, `${name} beside ${other}`);
      }
    }),
    { numRuns: 25 },
  );
  for (const runtime of runtimes) await runtime.close();
});

test.run();
