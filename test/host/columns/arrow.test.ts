import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  Field as ArrowField,
  Binary,
  Bool,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  DurationMillisecond,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  LargeUtf8,
  List,
  makeData,
  makeVector,
  Null,
  Struct,
  Table,
  TimeMicrosecond,
  TimeSecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  tableToIPC,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource, openArrow } from "../../../src/host/columns/arrow.js";
import type { DataSource, Logical } from "../../../src/host/columns/column.js";
import type { NumericType } from "../../../src/host/kernels/types.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { arenaBytesMin } from "../../../src/limits.js";
import { refusal } from "../../refusals.js";
import { scratchDir } from "../../support.js";
import { arrowBytes, byCode, type Cell, forms, rawVector, readAll, recordBatch } from "./reading.js";

const arena = new Arena(64 * 1024 * 1024);

function open(bytes: Uint8Array, into: Arena = arena): Promise<DataSource> {
  return arrowSource(bytesAsSource(bytes, "data"), into);
}

interface Case {
  readonly name: string;
  readonly vector: Vector;
  readonly logical: Logical;
  readonly type: NumericType | null;
  readonly cells: readonly Cell[];
}

function raw(
  name: string,
  type: DataType,
  logical: Logical,
  stored: NumericType,
  cells: (number | bigint | null)[],
): Case {
  return { name, vector: rawVector(type, cells), logical, type: stored, cells };
}

function texts(name: string, type: DataType, cells: (string | null)[]): Case {
  return { name, vector: vectorFromArray(cells, type), logical: "text", type: null, cells };
}

const names = ["north", null, "", "zażółć 🌧", "north", "south", null, "0", "north"];
const halfBits = [0x0000, null, 0x8000, 0x3c00, 0xbc00, 0x7c00, 0xfc00, 0x0001, 0x7bff];
const halves = [0, null, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** -24, 65504];

const cases: Case[] = [
  { name: "f16", vector: rawVector(new Float16(), halfBits), logical: "float", type: "f32", cells: halves },
  raw("f32", new Float32(), "float", "f32", [
    0,
    null,
    -0,
    0.5,
    -2,
    3,
    Number.POSITIVE_INFINITY,
    2 ** -149,
    4,
  ]),
  raw("f64", new Float64(), "float", "f64", [0.1, null, -0, Number.MAX_VALUE, 5e-324, 1, 2, 3, 4]),
  raw("i8", new Int8(), "integer", "i8", [-128, 127, 0, null, 1, 2, 3, 4, 5]),
  raw("i16", new Int16(), "integer", "i16", [-32768, 32767, 0, null, 1, 2, 3, 4, 5]),
  raw("i32", new Int32(), "integer", "i32", [-(2 ** 31), 2 ** 31 - 1, 0, null, 1, 2, 3, 4, 5]),
  raw("i64", new Int64(), "integer", "i64", [-(2n ** 63n), 2n ** 63n - 1n, 0n, null, 1n, 2n, 3n, 4n, 5n]),
  raw("u8", new Uint8(), "integer", "u8", [255, 0, 1, null, 2, 3, 4, 5, 6]),
  raw("u16", new Uint16(), "integer", "u16", [65535, 0, 1, null, 2, 3, 4, 5, 6]),
  raw("u32", new Uint32(), "integer", "u32", [2 ** 32 - 1, 0, 1, null, 2, 3, 4, 5, 6]),
  raw("u64", new Uint64(), "integer", "u64", [2n ** 64n - 1n, 0n, 1n, null, 2n, 3n, 4n, 5n, 6n]),
  {
    name: "bool",
    vector: vectorFromArray([true, false, null, true, true, false, false, true, false], new Bool()),
    logical: "boolean",
    type: "u8",
    cells: [1, 0, null, 1, 1, 0, 0, 1, 0],
  },
  raw("date32", new DateDay(), "date", "i32", [0, -1, 20_000, null, 1, 2, 3, 4, 5]),
  raw("date64", new DateMillisecond(), "date", "i64", [0n, -86_400_000n, null, 1n, 2n, 3n, 4n, 5n, 6n]),
  raw("s", new TimestampSecond(), "timestamp[s]", "i64", [0n, -1n, 2n ** 40n, null, 1n, 2n, 3n, 4n, 5n]),
  raw("ms", new TimestampMillisecond(), "timestamp[ms]", "i64", [
    0n,
    -1n,
    2n ** 50n,
    null,
    1n,
    2n,
    3n,
    4n,
    5n,
  ]),
  raw("us", new TimestampMicrosecond("UTC"), "timestamp[us]", "i64", [
    0n,
    -1n,
    2n ** 60n,
    null,
    1n,
    2n,
    3n,
    4n,
    5n,
  ]),
  raw("ns", new TimestampNanosecond(), "timestamp[ns]", "i64", [
    0n,
    -1n,
    2n ** 62n,
    null,
    1n,
    2n,
    3n,
    4n,
    5n,
  ]),
  raw("time32", new TimeSecond(), "integer", "i32", [0, 86_399, 1, null, 2, 3, 4, 5, 6]),
  raw("time64", new TimeMicrosecond(), "integer", "i64", [0n, 86_399_999_999n, 1n, null, 2n, 3n, 4n, 5n, 6n]),
  raw("duration", new DurationMillisecond(), "integer", "i64", [0n, -5n, 1n, null, 2n, 3n, 4n, 5n, 6n]),
  texts("utf8", new Utf8(), names),
  texts("largeUtf8", new LargeUtf8(), names),
  texts("dictionary8", new Dictionary(new Utf8(), new Int8()), names),
  texts("dictionary32", new Dictionary(new Utf8(), new Int32()), names),
  texts("dictionaryU16", new Dictionary(new Utf8(), new Uint16()), names),
];

for (const form of forms) {
  test(`${form}: every type that has a distribution`, async () => {
    const batch = recordBatch(cases.map(({ name, vector }) => [name, vector] as const));
    const source = await open(arrowBytes([batch], form));
    assert.equal(
      source.fields,
      cases.map(({ name, logical, type }) => ({ name, logical, type })),
    );
    assert.is(source.rowCount, 9);
    const { cells } = await readAll(arena, source);
    for (const { name, cells: expected } of cases) {
      assert.ok(
        cells[name]!.every((cell, row) => Object.is(cell, expected[row])),
        `${name}: ${cells[name]!.map(String)}`,
      );
      assert.is(cells[name]!.length, expected.length);
    }
    assert.is(arena.use.usedBytes, 0);
  });

  test(`${form}: no rows, no batches, many batches, empty ones among them`, async () => {
    const sizes = [3, 0, 1, 64, 65, 0, 200];
    let from = 0;
    const batches = sizes.map((size) => {
      const rows = Array.from({ length: size }, () => from++);
      const text = vectorFromArray(
        rows.map((row) => (row % 7 === 0 ? null : `t${row % 5}`)),
        new Utf8(),
      );
      return recordBatch([
        [
          "n",
          rawVector(
            new Int32(),
            rows.map((row) => (row % 3 === 0 ? null : row)),
          ),
        ],
        ["t", text],
      ]);
    });
    const source = await open(arrowBytes(batches, form));
    assert.is(source.rowCount, from);
    const { cells, batchRows } = await readAll(arena, source);
    assert.equal(
      batchRows,
      sizes.filter((size) => size > 0),
    );
    assert.equal(
      cells.n,
      Array.from({ length: from }, (_, row) => (row % 3 === 0 ? null : row)),
    );
    assert.equal(
      cells.t,
      Array.from({ length: from }, (_, row) => (row % 7 === 0 ? null : `t${row % 5}`)),
    );
    const empty = await open(arrowBytes([batches[1]!], form));
    assert.is(empty.rowCount, 0);
    assert.equal(await readAll(arena, empty), { cells: Object.create(null), batchRows: [] });
  });
}

test("tables cut anywhere: values and validity from the middle of a byte", async () => {
  const count = 200;
  const numbers = Array.from({ length: count }, (_, row) => (row % 5 === 0 ? null : row));
  const table = new Table({
    n: rawVector(new Float32(), numbers),
    b: vectorFromArray(
      numbers.map((n) => (n === null ? null : n % 2 === 0)),
      new Bool(),
    ),
    t: vectorFromArray(
      numbers.map((n) => (n === null ? null : `t${n % 9}`)),
      new Utf8(),
    ),
    d: vectorFromArray(
      numbers.map((n) => (n === null ? null : `d${n % 9}`)),
      new Dictionary(new Utf8(), new Int16()),
    ),
  });
  for (const [from, to] of [
    [0, 200],
    [1, 200],
    [7, 9],
    [8, 16],
    [13, 150],
    [64, 129],
    [199, 200],
  ] as const) {
    for (const form of forms) {
      const source = await open(tableToIPC(table.slice(from, to), form));
      const { cells } = await readAll(arena, source);
      const expected = numbers.slice(from, to);
      assert.equal(cells.n, expected);
      assert.equal(
        cells.b,
        expected.map((n) => (n === null ? null : n % 2 === 0 ? 1 : 0)),
      );
      assert.equal(
        cells.t,
        expected.map((n) => (n === null ? null : `t${n % 9}`)),
      );
      assert.equal(
        cells.d,
        expected.map((n) => (n === null ? null : `d${n % 9}`)),
      );
    }
  }
});

/** Codes of 64 bits, which the library's types do not foresee. */
function wideCodes(): Vector {
  const type = new Dictionary(new Utf8(), new Int64() as never);
  const dictionary = vectorFromArray(["a", "b"], new Utf8());
  return makeVector(
    makeData({ type, length: 3, nullCount: 0, data: BigInt64Array.of(0n, 1n, 0n), dictionary } as never),
  );
}

/** Types without a distribution to watch, each with its own number of nodes and buffers. */
function unwatched(): [string, Vector][] {
  const int = new ArrowField("item", new Int32(), true);
  const child = rawVector(new Int32(), [1, 2, 3, 4, 5, 6]).data[0]!;
  const struct = new Struct([new ArrowField("x", new Int32(), true), new ArrowField("t", new Utf8(), true)]);
  const text = vectorFromArray(["a", null, "c"], new Utf8()).data[0]!;
  const x = rawVector(new Int32(), [1, null, 3]).data[0]!;
  const valueOffsets = Int32Array.of(0, 2, 2, 6);
  const decimals = new Uint32Array(12);
  return [
    ["list", makeVector(makeData({ type: new List(int), length: 3, nullCount: 0, valueOffsets, child }))],
    ["fixed list", makeVector(makeData({ type: new FixedSizeList(2, int), length: 3, nullCount: 0, child }))],
    ["struct", makeVector(makeData({ type: struct, length: 3, nullCount: 0, children: [x, text] }) as never)],
    [
      "decimal",
      makeVector(makeData({ type: new Decimal(2, 10, 128), length: 3, nullCount: 0, data: decimals })),
    ],
    ["binary", vectorFromArray([Uint8Array.of(1), null, Uint8Array.of()], new Binary())],
    ["null", makeVector(makeData({ type: new Null(), length: 3 }))],
    ["numbers by code", vectorFromArray([7, 8, 7], new Dictionary(new Int32(), new Int8()))],
    ["wide codes", wideCodes()],
  ];
}

for (const form of forms) {
  test(`${form}: columns without a distribution are passed over, and those behind them are right`, async () => {
    const columns: [string, Vector][] = [];
    unwatched().forEach((column, index) => {
      columns.push(column, [`n${index}`, rawVector(new Float64(), [index, null, index + 0.5])]);
    });
    columns.push(["t", vectorFromArray(["a", "b", null], new Dictionary(new Utf8(), new Int32()))]);
    const source = await open(arrowBytes([recordBatch(columns)], form));
    const watched = unwatched().map((_, index) => `n${index}`);
    assert.equal(
      source.fields.map(({ name }) => name),
      [...watched, "t"],
    );
    const { cells } = await readAll(arena, source);
    watched.forEach((name, index) => {
      assert.equal(cells[name], [index, null, index + 0.5]);
    });
    assert.equal(cells.t, ["a", "b", null]);
    await refusal(readAll(arena, source, { columns: ["list"] }), "MENDLINE_DATA_SCHEMA", /no column "list"/);
  });
}

test("only the columns asked for, as often as asked", async () => {
  const batch = recordBatch(cases.map(({ name, vector }) => [name, vector] as const));
  const source = await open(arrowBytes([batch, batch]));
  for (let round = 0; round < 2; round++) {
    const { cells } = await readAll(arena, source, { columns: ["utf8", "i8"] });
    assert.equal(Object.keys(cells).sort(), ["i8", "utf8"]);
    assert.equal(cells.utf8, [...names, ...names]);
  }
  await refusal(
    readAll(arena, source, { columns: ["i8", "gone"] }),
    "MENDLINE_DATA_SCHEMA",
    /no column "gone"/,
  );
  const twice = await readAll(arena, source, { columns: ["i8", "i8"] });
  assert.is(twice.cells.i8!.length, 18);
});

test("two readings side by side do not disturb each other", async () => {
  const batches = [0, 1, 2].map((from) =>
    recordBatch([["n", rawVector(new Int32(), [from, from + 10, from + 20])]]),
  );
  const source = await open(arrowBytes(batches));
  const [left, right] = await Promise.all([readAll(arena, source), readAll(arena, source)]);
  assert.equal(left, right);
  assert.equal(left.cells.n, [0, 10, 20, 1, 11, 21, 2, 12, 22]);
  assert.is(arena.use.usedBytes, 0);
});

test("a record batch larger than the memory comes in pieces", async () => {
  const small = new Arena(arenaBytesMin);
  const rows = 200_000;
  const numbers = Array.from({ length: rows }, (_, row) => (row % 11 === 0 ? null : row));
  const codes = Int8Array.from({ length: rows }, (_, row) => row % 3);
  const dictionary = vectorFromArray(["x", "y", "z"], new Utf8());
  const batch = recordBatch([
    ["n", rawVector(new Float64(), numbers)],
    [
      "b",
      vectorFromArray(
        numbers.map((n) => n !== null && n % 2 === 0),
        new Bool(),
      ),
    ],
    [
      "t",
      vectorFromArray(
        numbers.map((n) => (n === null ? null : `t${n % 13}`)),
        new Utf8(),
      ),
    ],
    [
      "d",
      makeVector(
        makeData({
          type: new Dictionary(new Utf8(), new Int8()),
          length: rows,
          nullCount: 0,
          data: codes,
          dictionary,
        }),
      ),
    ],
  ]);
  const source = await open(arrowBytes([batch]), small);
  const { cells, batchRows } = await readAll(small, source);
  assert.ok(batchRows.length > 1, `${batchRows}`);
  assert.ok(batchRows.slice(0, -1).every((size) => size % 64 === 0));
  assert.is(
    batchRows.reduce((sum, size) => sum + size, 0),
    rows,
  );
  assert.ok(
    cells.n!.every((cell, row) => cell === numbers[row]),
    "n",
  );
  assert.ok(
    cells.b!.every((cell, row) => cell === (numbers[row] !== null && row % 2 === 0 ? 1 : 0)),
    "b",
  );
  assert.ok(
    cells.t!.every((cell, row) => cell === (numbers[row] === null ? null : `t${row % 13}`)),
    "t",
  );
  assert.ok(
    cells.d!.every((cell, row) => cell === "xyz"[row % 3]),
    "d",
  );
  assert.is(small.use.usedBytes, 0);
});

test("leaving the iteration early gives the memory back", async () => {
  const batch = recordBatch(cases.map(({ name, vector }) => [name, vector] as const));
  const source = await open(arrowBytes([batch, batch, batch]));
  for await (const { rowCount } of source.read()) {
    assert.is(rowCount, 9);
    assert.ok(arena.use.usedBytes > 0);
    break;
  }
  assert.is(arena.use.usedBytes, 0);
  await refusal(
    (async () => {
      for await (const _ of source.read()) throw new MendlineError("MENDLINE_DATA_EMPTY", "from inside");
    })(),
    "MENDLINE_DATA_EMPTY",
  );
  assert.is(arena.use.usedBytes, 0);
});

test("a cancelled reading ends", async () => {
  const batch = recordBatch([["n", rawVector(new Int32(), [1, 2, 3])]]);
  const source = await open(arrowBytes([batch, batch]));
  await refusal(readAll(arena, source, { signal: AbortSignal.abort() }), "MENDLINE_TASK_ABORTED");
  const controller = new AbortController();
  await refusal(
    (async () => {
      for await (const _ of source.read({ signal: controller.signal })) controller.abort();
    })(),
    "MENDLINE_TASK_ABORTED",
  );
  assert.is(arena.use.usedBytes, 0);
});

test("no room: said so, and nothing is kept", async () => {
  const small = new Arena(arenaBytesMin);
  const source = await open(
    arrowBytes([recordBatch([["n", rawVector(new Float64(), new Array(100_000).fill(1))]])]),
    small,
  );
  const hoard = small.allocate(small.availableBytes - 64 * 8);
  await refusal(
    (async () => {
      for await (const _ of source.read()) small.allocate(small.availableBytes);
    })(),
    "MENDLINE_MEMORY_EXHAUSTED",
  );
  small.release(hoard);
});

test("dictionaries that grow by deltas and dictionaries that are replaced", async () => {
  const first = vectorFromArray(["a", "b"], new Utf8());
  const more = vectorFromArray(["c", "d"], new Utf8());
  const other = vectorFromArray(["z", "y", "x"], new Utf8());
  const grown = first.concat(more) as Vector<Utf8>;
  const growing = [byCode(first, [0, 1, null], 5), byCode(grown, [3, 0, 2], 5), byCode(grown, [1, 2, 3], 5)];
  for (const form of forms) {
    const source = await open(
      arrowBytes(
        growing.map((vector) => recordBatch([["t", vector]])),
        form,
      ),
    );
    assert.equal((await readAll(arena, source)).cells.t, ["a", "b", null, "d", "a", "c", "b", "c", "d"]);
  }
  const replaced = [byCode(first, [0, 1, 1], 5), byCode(other, [0, 1, 2], 5), byCode(first, [1, 0, 0], 5)];
  const source = await open(arrowBytes(replaced.map((vector) => recordBatch([["t", vector]]))));
  for (let round = 0; round < 2; round++) {
    assert.equal((await readAll(arena, source)).cells.t, ["a", "b", "b", "z", "y", "x", "b", "a", "a"]);
  }
});

test("two dictionaries, one of them shared by two columns", async () => {
  const winds = vectorFromArray(["n", "s"], new Utf8());
  const towns = vectorFromArray(["ulm", "bonn", "jena"], new Utf8());
  const batch = recordBatch([
    ["from", byCode(winds, [0, 1], 1)],
    ["town", byCode(towns, [2, 1], 2)],
    ["to", byCode(winds, [1, 1], 1)],
  ]);
  const { cells } = await readAll(arena, await open(arrowBytes([batch])));
  assert.equal({ ...cells }, { from: ["n", "s"], town: ["jena", "bonn"], to: ["s", "s"] });
});

test("a dictionary entry that is null is a missing value; texts may stand twice; a large dictionary has 64-bit offsets", async () => {
  const vocabulary = vectorFromArray(["a", null, "a", ""], new Utf8());
  const { cells } = await readAll(
    arena,
    await open(arrowBytes([recordBatch([["t", byCode(vocabulary, [0, 1, 2, 3, null], 9)]])])),
  );
  assert.equal(cells.t, ["a", null, "a", "", null]);
  const large = vectorFromArray(["p", "q", null, "p"], new Dictionary(new LargeUtf8(), new Int32()));
  assert.equal((await readAll(arena, await open(arrowBytes([recordBatch([["t", large]])])))).cells.t, [
    "p",
    "q",
    null,
    "p",
  ]);
});

test("long texts, texts across any window, and bytes that are no UTF-8", async () => {
  const long = "é".repeat(700_000);
  const values = [long, "", "a", `${long}b`, "a", long, null, "c"];
  const source = await open(arrowBytes([recordBatch([["t", vectorFromArray(values, new Utf8())]])]));
  assert.equal((await readAll(arena, source)).cells.t, values);
  const data = Uint8Array.of(0x61, 0xff, 0x62, 0xc3);
  const broken = makeVector(
    makeData({ type: new Utf8(), length: 2, nullCount: 0, valueOffsets: Int32Array.of(0, 3, 4), data }),
  );
  assert.equal((await readAll(arena, await open(arrowBytes([recordBatch([["t", broken]])])))).cells.t, [
    "a\ufffdb",
    "\ufffd",
  ]);
});

test("a column's name twice: which one is meant nobody can say", async () => {
  const batch = recordBatch([
    ["x", rawVector(new Int32(), [1])],
    ["x", vectorFromArray(["a"], new Utf8())],
  ]);
  await refusal(open(arrowBytes([batch])), "MENDLINE_DATA_SCHEMA", /"x"/);
});

test("names that are properties of every object", async () => {
  const batch = recordBatch(
    ["__proto__", "constructor", ""].map((name, i) => [name, rawVector(new Int32(), [i])] as const),
  );
  const source = await open(arrowBytes([batch]));
  const { cells } = await readAll(arena, source);
  assert.equal(
    source.fields.map(({ name }) => [name, cells[name]]),
    [
      ["__proto__", [0]],
      ["constructor", [1]],
      ["", [2]],
    ],
  );
});

test("from a file on disk, which is closed again when it is no Arrow", async () => {
  const path = join(scratchDir(), "data.arrow");
  writeFileSync(path, arrowBytes([recordBatch([["n", rawVector(new Int32(), [1, null, 3])]])], "file"));
  const source = await openArrow({ path, label: "data.arrow" }, arena);
  assert.is(source.label, "data.arrow");
  assert.equal((await readAll(arena, source)).cells.n, [1, null, 3]);
  await source.close();
  writeFileSync(path, "no Arrow at all, but long enough");
  await refusal(openArrow({ path, label: "data.arrow" }, arena), "MENDLINE_DATA_MALFORMED", /data\.arrow/);
  await refusal(openArrow({ path: `${path}.gone`, label: "gone" }, arena), "MENDLINE_DATA_NOT_FOUND");
});

test.run();
