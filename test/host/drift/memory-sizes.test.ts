// An engine's memory bounds how data are read, never what comes out: the same profile bytes and the same report, for any memory and threads.
import {
  Bool,
  type DataType,
  Dictionary,
  Float16,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  makeData,
  makeVector,
  TimestampMillisecond,
  Uint16,
  Uint64,
  Utf8,
  type Vector,
  vectorFromArray,
} from "apache-arrow";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import { compareData } from "../../../src/host/drift/compare.js";
import { profileToBytes } from "../../../src/host/drift/profile.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { openRuntime, type Runtime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { arrowBytes, recordBatch } from "../columns/reading.js";

const mebibyte = 1024 * 1024;
const runtimes = await Promise.all(
  [
    { memoryBytes: 256 * mebibyte, threads: 0 },
    { memoryBytes: 64 * mebibyte, threads: 1 },
    { memoryBytes: 16 * mebibyte, threads: 2 },
    { memoryBytes: 8 * mebibyte, threads: 0 },
    { memoryBytes: 8 * mebibyte, threads: 2 },
  ].map((options) => openRuntime(options)),
);

interface Drawn {
  readonly rows: number;
  readonly batchRows: number;
  readonly seed: number;
}

/** One for all batches. */
const kinds = new Dictionary(new Utf8(), new Int32());
const names = vectorFromArray(
  Array.from({ length: 300 }, (_, kind) => `kind ${kind}`),
  new Utf8(),
);

type NumbersInto = { [index: number]: number | bigint } & ArrayBufferView;

/** A record batch of every kind of column, a twentieth of each missing, from plain buffers. */
function batchOf(rows: number, next: () => number) {
  const nullBitmap = Uint8Array.from(
    { length: (rows + 7) >>> 3 },
    () => 255 & ~(1 << Math.floor(next() * 20)),
  );
  let present = 0;
  for (let row = 0; row < rows; row++) present += (nullBitmap[row >>> 3]! >>> (row & 7)) & 1;
  const nullCount = rows - present;
  const column = (type: DataType, data: unknown): Vector =>
    makeVector(makeData({ type, length: rows, nullCount, nullBitmap, data } as never) as never);
  const filled = <T extends NumbersInto>(into: T, value: () => number | bigint): T => {
    for (let row = 0; row < rows; row++) into[row] = value();
    return into;
  };
  const rare = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324];
  const heavy = () => (next() < 0.01 ? rare[Math.floor(next() * 5)]! : (1 / (next() - 0.5)) ** 5);
  const whole = (bits: number) => Math.floor((next() ** 2 - 0.5) * 2 ** bits);
  const codes = filled(new Int32Array(rows), () => Math.floor(next() ** 3 * 300));
  const dictionary = makeData({
    type: kinds,
    length: rows,
    nullCount,
    nullBitmap,
    data: codes,
    dictionary: names,
  } as never);
  return recordBatch([
    ["f64", column(new Float64(), filled(new Float64Array(rows), heavy))],
    ["f32", column(new Float32(), filled(new Float32Array(rows), heavy))],
    [
      "f16",
      column(
        new Float16(),
        filled(new Uint16Array(rows), () => Math.floor(next() * 65_536)),
      ),
    ],
    [
      "atoms",
      column(
        new Float64(),
        filled(new Float64Array(rows), () => (next() < 0.7 ? 0.1 : next())),
      ),
    ],
    [
      "i64",
      column(
        new Int64(),
        filled(new BigInt64Array(rows), () => BigInt(whole(53)) * 512n),
      ),
    ],
    [
      "u64",
      column(
        new Uint64(),
        filled(new BigUint64Array(rows), () => BigInt(whole(40) + 2 ** 41)),
      ),
    ],
    [
      "i8",
      column(
        new Int8(),
        filled(new Int8Array(rows), () => whole(8)),
      ),
    ],
    [
      "u16",
      column(
        new Uint16(),
        filled(new Uint16Array(rows), () => whole(16) + 2 ** 15),
      ),
    ],
    [
      "time",
      column(
        new TimestampMillisecond(),
        filled(new BigInt64Array(rows), () => BigInt(whole(40))),
      ),
    ],
    [
      "bool",
      column(
        new Bool(),
        filled(new Uint8Array((rows + 7) >>> 3), () => Math.floor(next() * 256)),
      ),
    ],
    ["text", makeVector(dictionary as never) as Vector],
  ]);
}

function tableOf({ rows, batchRows, seed }: Drawn): Uint8Array {
  const next = random(seed);
  const batches = [];
  for (let from = 0; from < rows; from += batchRows)
    batches.push(batchOf(Math.min(batchRows, rows - from), next));
  return arrowBytes(batches);
}

async function outcomes(runtime: Runtime, [reference, current]: readonly Uint8Array[]): Promise<string> {
  const open = (bytes: Uint8Array, label: string) => arrowSource(bytesAsSource(bytes, label), runtime.arena);
  const from = await open(reference!, "reference");
  const to = await open(current!, "current");
  const profile = profileToBytes(await profileData(runtime, from));
  // Exact distances of every numeric column are in the report.
  const report = await compareData(runtime, from, to);
  const { usedBytes, peakBytes, maxBytes } = runtime.arena.use;
  assert.is(usedBytes, 0);
  assert.ok(peakBytes <= maxBytes);
  assert.ok(Object.values(report.features).every(({ ks }) => ks?.method !== "binned"));
  return `${Buffer.from(profile).toString("hex")} ${JSON.stringify(report)}`;
}

async function allTheSame(...drawn: readonly Drawn[]): Promise<void> {
  const tables = drawn.map(tableOf);
  const expected = await outcomes(runtimes[0]!, tables);
  for (const runtime of runtimes.slice(1)) {
    const { threads } = runtime.scheduler;
    assert.ok(
      (await outcomes(runtime, tables)) === expected,
      `${runtime.arena.maxBytes} bytes, ${threads} threads`,
    );
  }
}

test("property: tables that fit anywhere", async () => {
  const drawn = fc.record({
    rows: fc.integer({ min: 1, max: 3_000 }),
    batchRows: fc.integer({ min: 300, max: 4_000 }),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(drawn, drawn, (reference, current) => allTheSame(reference, current)),
    { seed: 179, numRuns: 8 },
  );
});

test("columns that 8 MiB cannot sort, 16 MiB can, and 64 MiB can all at once", async () => {
  const reference = { rows: 400_000, batchRows: 130_000, seed: 181 };
  await allTheSame(reference, { rows: 210_000, batchRows: 70_000, seed: 191 });
});

test.after(async () => {
  await Promise.all(runtimes.map((runtime) => runtime.close()));
});

test.run();
