import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import type { DataSource } from "../../../src/host/columns/column.js";
import { openParquet } from "../../../src/host/columns/parquet.js";
import { viewOf } from "../../../src/host/kernels/types.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { batchRowsMax } from "../../../src/limits.js";
import { xorshift32 } from "../../random.js";
import { packageRoot } from "../../support.js";
import {
  converted,
  logicalTypes,
  type PlainCell,
  plain,
  thrift,
  type WriteOptions,
  type WrittenColumn,
  writeParquet,
} from "./parquet-writer.js";
import { failure, fileOf, readAll, readOnce, rowsIn, type Value } from "./support.js";

const arena = new Arena();
const flights = join(packageRoot, "node_modules/vega-datasets/data/flights-3m.parquet");

function open(bytes: Uint8Array): Promise<DataSource> {
  return openParquet({ path: fileOf(bytes, ".parquet"), label: "data.parquet" }, arena);
}

function texts(values: readonly (string | null)[]): PlainCell[] {
  return values.map((value) => (value === null ? null : plain("text", value)));
}

function numbers(
  kind: "i32" | "i64" | "f32" | "f64",
  values: readonly (number | bigint | null)[],
): PlainCell[] {
  return values.map((value) => (value === null ? null : plain(kind, value)));
}

test("flights: three million rows", async () => {
  const source = await openParquet({ path: flights, label: "flights" }, arena);
  assert.is(source.rowCount, 3_000_000);
  assert.equal(
    source.fields.map((field) => [field.name, field.logical, field.type]),
    [
      ["date", "timestamp[us]", "i64"],
      ["delay", "integer", "i64"],
      ["distance", "integer", "i64"],
      ["origin", "text", null],
      ["destination", "text", null],
    ],
  );
  const sums = new Map<string, bigint>();
  const origins = new Map<string, number>();
  let rowCount = 0;
  for await (const batch of source.read({ columns: ["delay", "distance", "origin"] })) {
    rowCount += batch.rowCount;
    assert.ok(batch.rowCount <= batchRowsMax);
    for (const name of ["delay", "distance"]) {
      const { valuesPtr, validityPtr } = batch.columns.get(name)!;
      assert.is(validityPtr, 0);
      const values = viewOf(arena.memory, "i64", valuesPtr, batch.rowCount) as BigInt64Array;
      let sum = sums.get(name) ?? 0n;
      for (const value of values) sum += value;
      sums.set(name, sum);
    }
    const origin = batch.columns.get("origin")!;
    assert.ok(origin.kind === "text");
    for (const code of viewOf(arena.memory, "i32", origin.valuesPtr, batch.rowCount) as Int32Array) {
      const name = origin.names[code]!;
      origins.set(name, (origins.get(name) ?? 0) + 1);
    }
  }
  assert.is(rowCount, 3_000_000);
  // The three, and the first rows below, as hyparquet's own reader gives them.
  assert.equal(
    [...sums],
    [
      ["delay", 20_003_603n],
      ["distance", 2_194_861_208n],
    ],
  );
  assert.is(origins.size, 229);
  assert.is(
    [...origins.values()].reduce((sum, count) => sum + count, 0),
    3_000_000,
  );
  assert.is(arena.use.usedBytes, 0);
  await source.close();
});

test("flights: the first rows are those of another reader", async () => {
  const bytes = readFileSync(flights);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  const rowEnd = 1000;
  const expected = await parquetReadObjects({ file, rowEnd, compressors });
  const source = await openParquet({ path: flights, label: "flights" }, arena);
  for await (const batch of source.read()) {
    const { columns } = batch;
    const dates = viewOf(arena.memory, "i64", columns.get("date")!.valuesPtr, rowEnd);
    const delays = viewOf(arena.memory, "i64", columns.get("delay")!.valuesPtr, rowEnd);
    const destination = columns.get("destination")!;
    const codes = viewOf(arena.memory, "i32", destination.valuesPtr, rowEnd);
    for (let row = 0; row < rowEnd; row++) {
      assert.is(Number(dates[row]) / 1000, (expected[row]!.date as Date).getTime());
      assert.is(delays[row], expected[row]!.delay);
      assert.ok(destination.kind === "text");
      assert.is(destination.names[Number(codes[row])], expected[row]!.destination);
    }
    break;
  }
  await source.close();
});

/** One column of each kind, with the values that should come out. */
const kinds: [name: string, column: Omit<WrittenColumn, "name">, field: string, values: Value[]][] = [
  ["bool", { physical: "BOOLEAN", cells: [true, false, null, true] }, "boolean:u8", [1, 0, null, 1]],
  [
    "bool-rle",
    { physical: "BOOLEAN", encoding: "RLE", cells: [true, false, null, true] },
    "boolean:u8",
    [1, 0, null, 1],
  ],
  [
    "i32",
    { physical: "INT32", cells: numbers("i32", [1, -2, null, 2147483647]) },
    "integer:i32",
    [1, -2, null, 2147483647],
  ],
  [
    "i64",
    { physical: "INT64", cells: numbers("i64", [1n, -(2n ** 63n), null, 5n]) },
    "integer:i64",
    [1n, -(2n ** 63n), null, 5n],
  ],
  [
    "i8",
    { physical: "INT32", convertedType: converted.INT_8, cells: numbers("i32", [-128, 127, null, 0]) },
    "integer:i8",
    [-128, 127, null, 0],
  ],
  [
    "u8",
    {
      physical: "INT32",
      logicalType: logicalTypes.integer(8, false),
      cells: numbers("i32", [255, 0, null, 1]),
    },
    "integer:u8",
    [255, 0, null, 1],
  ],
  [
    "i16",
    {
      physical: "INT32",
      logicalType: logicalTypes.integer(16, true),
      cells: numbers("i32", [-32768, 0, null, 1]),
    },
    "integer:i16",
    [-32768, 0, null, 1],
  ],
  [
    "u16",
    { physical: "INT32", convertedType: converted.UINT_16, cells: numbers("i32", [65535, 0, null, 1]) },
    "integer:u16",
    [65535, 0, null, 1],
  ],
  [
    "u32",
    { physical: "INT32", convertedType: converted.UINT_32, cells: numbers("i32", [-1, 0, null, 1]) },
    "integer:u32",
    [4294967295, 0, null, 1],
  ],
  [
    "u64",
    { physical: "INT64", convertedType: converted.UINT_64, cells: numbers("i64", [-1n, 0n, null, 1n]) },
    "integer:u64",
    [2n ** 64n - 1n, 0n, null, 1n],
  ],
  [
    "f32",
    { physical: "FLOAT", cells: numbers("f32", [1.5, Number.NaN, null, Number.NEGATIVE_INFINITY]) },
    "float:f32",
    [1.5, Number.NaN, null, Number.NEGATIVE_INFINITY],
  ],
  [
    "f64",
    { physical: "DOUBLE", cells: numbers("f64", [0.1, -0, null, 1e308]) },
    "float:f64",
    [0.1, -0, null, 1e308],
  ],
  [
    "half",
    {
      physical: "FIXED_LEN_BYTE_ARRAY",
      typeLength: 2,
      logicalType: logicalTypes.float16,
      cells: [Buffer.from([0, 0x3c]), Buffer.from([0, 0xfc]), null, Buffer.from([1, 0])],
    },
    "float:f32",
    [1, Number.NEGATIVE_INFINITY, null, 2 ** -24],
  ],
  [
    "date",
    { physical: "INT32", convertedType: converted.DATE, cells: numbers("i32", [0, -1, null, 20000]) },
    "date:i32",
    [0, -1, null, 20000],
  ],
  [
    "ms",
    {
      physical: "INT64",
      convertedType: converted.TIMESTAMP_MILLIS,
      cells: numbers("i64", [1n, 2n, null, -1n]),
    },
    "timestamp[ms]:i64",
    [1n, 2n, null, -1n],
  ],
  [
    "us",
    { physical: "INT64", logicalType: logicalTypes.timestamp(2), cells: numbers("i64", [1n, 2n, null, -1n]) },
    "timestamp[us]:i64",
    [1n, 2n, null, -1n],
  ],
  [
    "ns",
    { physical: "INT64", logicalType: logicalTypes.timestamp(3), cells: numbers("i64", [1n, 2n, null, -1n]) },
    "timestamp[ns]:i64",
    [1n, 2n, null, -1n],
  ],
  [
    "int96",
    { physical: "INT96", cells: [int96(0n, 2440588), int96(5n, 2440589), null, int96(1n, 2440587)] },
    "timestamp[ns]:i64",
    [0n, 86_400_000_000_005n, null, -86_399_999_999_999n],
  ],
  [
    "dec32",
    {
      physical: "INT32",
      convertedType: converted.DECIMAL,
      scale: 2,
      cells: numbers("i32", [110, -5, null, 0]),
    },
    "float:f64",
    [1.1, -0.05, null, 0],
  ],
  [
    "dec64",
    {
      physical: "INT64",
      logicalType: logicalTypes.decimal(3, 18),
      cells: numbers("i64", [1100n, -5n, null, 0n]),
    },
    "float:f64",
    [1.1, -0.005, null, 0],
  ],
  [
    "dec-fixed",
    {
      physical: "FIXED_LEN_BYTE_ARRAY",
      typeLength: 9,
      convertedType: converted.DECIMAL,
      scale: 1,
      cells: [bigEndian(11n, 9), bigEndian(-(2n ** 66n), 9), null, bigEndian(0n, 9)],
    },
    "float:f64",
    [1.1, -(2 ** 66) / 10, null, 0],
  ],
  [
    "dec-bytes",
    {
      physical: "BYTE_ARRAY",
      convertedType: converted.DECIMAL,
      scale: 1,
      cells: [bigEndian(11n, 1), bigEndian(-300n, 2), null, Buffer.alloc(0)],
    },
    "float:f64",
    [1.1, -30, null, 0],
  ],
  [
    "text",
    { physical: "BYTE_ARRAY", convertedType: converted.UTF8, cells: texts(["größe", "", null, "größe"]) },
    "text:null",
    ["größe", "", null, "größe"],
  ],
  [
    "string",
    { physical: "BYTE_ARRAY", logicalType: logicalTypes.string, cells: texts(["NaN", "b", null, "a"]) },
    "text:null",
    ["NaN", "b", null, "a"],
  ],
  [
    "enum",
    { physical: "BYTE_ARRAY", convertedType: converted.ENUM, cells: texts(["A", "B", null, "A"]) },
    "text:null",
    ["A", "B", null, "A"],
  ],
];

function int96(nanos: bigint, julianDay: number): Buffer {
  return Buffer.concat([plain("i64", nanos), plain("i32", julianDay)]);
}

function bigEndian(value: bigint, byteLength: number): Buffer {
  const bytes = Buffer.alloc(byteLength);
  for (let i = 0, left = value; i < byteLength; i++, left >>= 8n)
    bytes[byteLength - 1 - i] = Number(left & 255n);
  return bytes;
}

const layouts: WriteOptions[] = [
  {},
  { pageVersion: 2 },
  { groupRows: 3, pageRows: 2, codec: "GZIP", hasChecksums: true },
  { groupRows: 1, pageVersion: 2, codec: "BROTLI" },
  { pageRows: 1, codec: "SNAPPY" },
  { pageVersion: 2, pageRows: 3, codec: "LZ4_RAW", hasChecksums: true },
  { codec: "ZSTD", pageRows: 2 },
];
for (const [index, options] of layouts.entries()) {
  test(`every type, layout ${index}`, async () => {
    const columns = kinds.map(([name, column]) => ({ ...column, name, isOptional: true }));
    const { fields, columns: got, rowCount } = await readOnce(open(writeParquet(columns, options)), arena);
    assert.is(rowCount, 4);
    kinds.forEach(([name, , field, values], i) => {
      assert.is(fields[i], `${name}:${field}`);
      assert.equal(got.get(name), values, name);
    });
  });

  test(`every type, required and by dictionary, layout ${index}`, async () => {
    const columns = kinds.map(([name, column]) => ({
      ...column,
      name,
      cells: column.cells.filter((cell) => cell !== null),
      encoding: column.physical === "BOOLEAN" ? column.encoding : ("RLE_DICTIONARY" as const),
    }));
    const { columns: got } = await readOnce(open(writeParquet(columns, options)), arena);
    for (const [name, , , values] of kinds) {
      assert.equal(
        got.get(name),
        values.filter((value) => value !== null),
        name,
      );
    }
  });
}

const encodingsOf = {
  i32: ["PLAIN", "RLE_DICTIONARY", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
  i64: ["PLAIN", "RLE_DICTIONARY", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
  f64: ["PLAIN", "RLE_DICTIONARY", "BYTE_STREAM_SPLIT"],
  text: ["PLAIN", "RLE_DICTIONARY", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
} as const;
const cellsOf = {
  i32: fc.integer(),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f64: fc.double(),
  text: fc.string({ unit: "grapheme", maxLength: 6 }),
};

test("round trip of any column, in every encoding and layout", async () => {
  const anyColumn = fc.constantFrom("i32", "i64", "f64", "text").chain((kind) => {
    const cell = cellsOf[kind as keyof typeof cellsOf] as fc.Arbitrary<number | bigint | string>;
    return fc.record({
      kind: fc.constant(kind as keyof typeof cellsOf),
      encoding: fc.constantFrom(...encodingsOf[kind as keyof typeof encodingsOf]),
      isOptional: fc.boolean(),
      distinct: fc.array(cell, { minLength: 1, maxLength: 300 }),
    });
  });
  const layout = fc.record({
    rows: fc.integer({ min: 1, max: 700 }),
    groupRows: fc.integer({ min: 1, max: 700 }),
    pageRows: fc.integer({ min: 1, max: 700 }),
    pageVersion: fc.constantFrom(1 as const, 2 as const),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyColumn, { minLength: 1, maxLength: 3 }),
      layout,
      async (specs, { rows, seed, ...options }) => {
        const tables = specs.map(({ kind, isOptional, distinct }, column) =>
          Array.from({ length: rows }, (_, row) => {
            const pick =
              (seed + column + ((row * row) >>> 3) + (row % 50 < 25 ? 0 : row)) % (distinct.length + 1);
            return pick === distinct.length ? (isOptional ? null : distinct[0]!) : distinct[pick]!;
          }).map((value) => (kind === "f64" && Number.isNaN(value) ? 0.5 : value)),
        );
        const written = specs.map(({ kind, encoding, isOptional }, column): WrittenColumn => {
          const physical = { i32: "INT32", i64: "INT64", f64: "DOUBLE", text: "BYTE_ARRAY" } as const;
          const convertedType = kind === "text" ? converted.UTF8 : undefined;
          const cells = tables[column]!.map((value) => (value === null ? null : plain(kind, value)));
          return { name: `c${column}`, physical: physical[kind], convertedType, encoding, isOptional, cells };
        });
        const { columns } = await readOnce(open(writeParquet(written, options)), arena);
        tables.forEach((table, column) => {
          assert.equal(columns.get(`c${column}`), table as Value[]);
        });
      },
    ),
    { numRuns: 120 },
  );
});

test("batches end within pages and row groups", async () => {
  const rows = batchRowsMax + 1000;
  const values = Array.from({ length: rows }, (_, i) => (i % 3 === 0 ? null : BigInt(i)));
  const bytes = writeParquet(
    [{ name: "n", physical: "INT64", isOptional: true, cells: numbers("i64", values) }],
    { groupRows: 30_000, pageRows: 7_001 },
  );
  const source = await open(bytes);
  assert.equal(await rowsIn(source.read()), [batchRowsMax, 1000]);
  assert.equal((await readAll(source, arena)).get("n"), values);
  await source.close();
});

test("names of a dictionary are those that rows hold", async () => {
  const written = {
    name: "t",
    physical: "BYTE_ARRAY",
    convertedType: converted.UTF8,
    encoding: "RLE_DICTIONARY",
  } as const;
  const source = await open(writeParquet([{ ...written, cells: texts(["b", "a", "b"]) }], { groupRows: 1 }));
  for await (const batch of source.read()) {
    const column = batch.columns.get("t")!;
    assert.ok(column.kind === "text");
    assert.equal([...column.names], ["b", "a"]);
  }
  await source.close();
});

test("columns without a distribution are left out; unknown ones are refused", async () => {
  const source = await open(
    writeParquet([
      { name: "list", physical: "INT32", isRepeated: true, cells: numbers("i32", [1]) },
      { name: "n", physical: "INT32", cells: numbers("i32", [7]) },
      { name: "raw", physical: "BYTE_ARRAY", cells: texts(["x"]) },
      { name: "json", physical: "BYTE_ARRAY", convertedType: converted.JSON, cells: texts(["{}"]) },
      { name: "fixed", physical: "FIXED_LEN_BYTE_ARRAY", typeLength: 1, cells: texts(["x"]) },
      { name: "last", physical: "INT32", cells: numbers("i32", [8]) },
    ]),
  );
  assert.equal(
    source.fields.map((field) => field.name),
    ["n", "last"],
  );
  assert.equal(
    [...(await readAll(source, arena))],
    [
      ["n", [7]],
      ["last", [8]],
    ],
  );
  const message = await failure(
    (async () => rowsIn(source.read({ columns: ["raw"] })))(),
    "MENDLINE_DATA_SCHEMA",
  );
  assert.is(message, 'data.parquet has no column "raw"; it has "n", "last"');
  await source.close();
});

test("no rows", async () => {
  const { rowCount, columns } = await readOnce(
    open(writeParquet([{ name: "n", physical: "INT32", cells: [] }])),
    arena,
  );
  assert.is(rowCount, 0);
  assert.is(columns.size, 0);
});

test("early return and cancellation release the arena", async () => {
  const source = await openParquet({ path: flights, label: "flights" }, arena);
  for await (const _ of source.read({ columns: ["delay"] })) break;
  assert.is(arena.use.usedBytes, 0);
  const control = new AbortController();
  let batches = 0;
  const reading = (async () => {
    for await (const _ of source.read({ signal: control.signal })) {
      batches += 1;
      control.abort();
    }
  })();
  await failure(reading, "MENDLINE_TASK_ABORTED");
  assert.is(batches, 1);
  assert.is(arena.use.usedBytes, 0);
  await source.close();
});

const sample = writeParquet(
  [
    {
      name: "n",
      physical: "INT64",
      isOptional: true,
      encoding: "RLE_DICTIONARY",
      cells: numbers(
        "i64",
        Array.from({ length: 60 }, (_, i) => (i % 7 === 0 ? null : BigInt(i % 11))),
      ),
    },
    {
      name: "d",
      physical: "INT32",
      encoding: "DELTA_BINARY_PACKED",
      cells: numbers(
        "i32",
        Array.from({ length: 60 }, (_, i) => i * i),
      ),
    },
    {
      name: "t",
      physical: "BYTE_ARRAY",
      convertedType: converted.UTF8,
      isOptional: true,
      cells: texts(Array.from({ length: 60 }, (_, i) => (i % 5 === 0 ? null : `t${i % 9}`))),
    },
    {
      name: "s",
      physical: "BYTE_ARRAY",
      convertedType: converted.UTF8,
      encoding: "DELTA_BYTE_ARRAY",
      cells: texts(Array.from({ length: 60 }, (_, i) => `same${i % 9}`)),
    },
    {
      name: "b",
      physical: "BOOLEAN",
      encoding: "RLE",
      cells: Array.from({ length: 60 }, (_, i) => i % 2 === 0),
    },
  ],
  { groupRows: 40, pageRows: 25, codec: "SNAPPY" },
);

test("cut off anywhere", async () => {
  for (let byteLength = 0; byteLength < sample.length; byteLength += 13) {
    const message = await failure(
      readOnce(open(sample.subarray(0, byteLength)), arena),
      "MENDLINE_DATA_MALFORMED",
    );
    assert.ok(message.startsWith("data.parquet: "), message);
  }
});

const lies: [name: string, bytes: () => Buffer, says: string][] = [
  [
    "more rows announced than there are",
    () => writeParquet([{ name: "n", physical: "INT32", cells: numbers("i32", [1, 2]) }], { extraRows: 3 }),
    "no page where 3 rows are left",
  ],
  [
    "a footer longer than the file",
    () => withFooterBytes(sample, 1_000_000),
    "its footer takes 1000000 bytes",
  ],
  [
    "a narrow type with a wide value",
    () =>
      writeParquet([
        { name: "n", physical: "INT32", convertedType: converted.INT_8, cells: numbers("i32", [300]) },
      ]),
    "300 in a column of i8",
  ],
  [
    "an INT96 out of range",
    () => writeParquet([{ name: "n", physical: "INT96", cells: [int96(0n, 9_999_999)] }]),
    "write the column as TIMESTAMP",
  ],
  [
    "the same name twice",
    () =>
      writeParquet([1, 2].map(() => ({ name: "n", physical: "INT32" as const, cells: numbers("i32", [1]) }))),
    "the same name",
  ],
  [
    "a text beyond its page",
    () =>
      replaced(
        writeParquet([
          { name: "n", physical: "BYTE_ARRAY", convertedType: converted.UTF8, cells: texts(["abcdefgh"]) },
        ]),
        Buffer.from("\x08\0\0\0abcdefgh"),
        Buffer.from("\xff\0\0\0abcdefgh", "latin1"),
      ),
    "a text ends at 259",
  ],
  [
    "a page that does not match its checksum",
    () =>
      replaced(
        writeParquet(
          [{ name: "n", physical: "BYTE_ARRAY", convertedType: converted.UTF8, cells: texts(["abcdefgh"]) }],
          { hasChecksums: true },
        ),
        Buffer.from("abcdefgh"),
        Buffer.from("abcdefgx"),
      ),
    "does not match its checksum",
  ],
];
for (const [name, bytes, says] of lies) {
  test(`malformed: ${name}`, async () => {
    const message = await failure(readOnce(open(bytes()), arena), "MENDLINE_DATA_MALFORMED");
    assert.ok(message.startsWith("data.parquet: ") && message.includes(says), message);
    assert.is(arena.use.usedBytes, 0);
  });
}

test("a run of two billion rows in five bytes is refused, not unpacked", async () => {
  const runs = Buffer.from([5, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1]);
  const page = thrift.struct({
    1: thrift.i32(0),
    2: thrift.i32(runs.length),
    3: thrift.i32(runs.length),
    5: thrift.struct({ 1: thrift.i32(2_000_000_000), 2: thrift.i32(3), 3: thrift.i32(3), 4: thrift.i32(3) }),
  });
  const honest = writeParquet([
    {
      name: "b",
      physical: "BOOLEAN",
      encoding: "RLE",
      cells: [true, false, true, false, true, true, false, true],
    },
  ]);
  await failure(
    readOnce(open(Buffer.concat([honest.subarray(0, 4), page.bytes, runs, honest.subarray(4)])), arena),
    "MENDLINE_DATA_MALFORMED",
  );
});

test("an encrypted footer", async () => {
  const bytes = Buffer.from(sample);
  bytes.write("PARE", bytes.length - 4);
  await failure(open(bytes), "MENDLINE_DATA_FORMAT");
});

function withFooterBytes(bytes: Buffer, footerBytes: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt32LE(footerBytes, changed.length - 8);
  return changed;
}

function replaced(bytes: Buffer, from: Buffer, to: Buffer): Buffer {
  const at = bytes.indexOf(from);
  assert.ok(at > 0);
  const changed = Buffer.from(bytes);
  to.copy(changed, at);
  return changed;
}

function randomFrom(seed: number): (below: number) => number {
  const next = xorshift32(seed);
  return (below) => next() % below;
}

test("mutated files are read or refused, in bounded time", async () => {
  const path = fileOf(sample, ".parquet");
  const footerStart = sample.length - 8 - sample.readUInt32LE(sample.length - 8);
  let refused = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const random = randomFrom(seed * 2_654_435_761);
    const bytes = Buffer.from(sample);
    for (let i = random(4); i >= 0; i--) {
      const at =
        random(2) === 0 ? footerStart + random(bytes.length - 8 - footerStart) : random(bytes.length);
      bytes[at] = [random(256), bytes[at]! ^ (1 << random(8)), 0, 0x7f, 0x80, 0xff][random(6)]!;
    }
    writeFileSync(path, bytes);
    try {
      await readOnce(openParquet({ path, label: "data.parquet" }, arena), arena);
    } catch (thrown) {
      assert.instance(thrown, MendlineError, `seed ${seed}: ${(thrown as Error).stack}`);
      assert.ok(
        (thrown as MendlineError).code.startsWith("MENDLINE_DATA_"),
        `seed ${seed}: ${String(thrown)}`,
      );
      refused += 1;
    }
    assert.is(arena.use.usedBytes, 0, `seed ${seed}`);
  }
  assert.ok(refused > 1000);
});

test.run();
