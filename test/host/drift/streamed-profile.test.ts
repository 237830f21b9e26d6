// Sorting and streaming must give the same profile, byte for byte; streaming must do so in a small memory.
import { type DataType, Float32, Float64, Int32, Int64, makeData, makeVector } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import type { DataSource } from "../../../src/host/columns/column.js";
import { type FeatureProfile, profileSignature } from "../../../src/host/drift/profile.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { streamedProfiles } from "../../../src/host/drift/streamed-profile.js";
import { openRuntime, type Runtime } from "../../../src/scheduler/runtime.js";
import { mixedValues, random } from "../../assembly/support.js";
import { arrowBytes, recordBatch } from "../columns/reading.js";
import { checkLongFile } from "./long-file.js";
import { openTable, type PlainTable, type TableCell } from "./tables.js";

const mebibyte = 1024 * 1024;
const runtime = await openRuntime();

async function streamed(own: Runtime, source: DataSource, bins = 10): Promise<Map<string, FeatureProfile>> {
  const features = new Map<string, FeatureProfile>();
  for await (const group of streamedProfiles(own, source, source.fields, bins)) {
    for (const [name, feature] of group) features.set(name, feature);
  }
  assert.is(own.arena.use.usedBytes, 0);
  return features;
}

const types = ["f32", "f64", "i8", "i16", "i32", "i64", "u8", "u32", "u64"] as const;

test("small tables of every type, text and booleans: both ways agree, for any number of rows and bins", async () => {
  const next = random(107);
  for (const rows of [1, 2, 3, 11, 257, 2_500]) {
    const holed = (cells: readonly TableCell[]) => cells.map((cell) => (next() < 0.1 ? null : cell));
    const table: PlainTable = {
      ...(Object.fromEntries(
        types.map((type) => [type, { type, cells: holed(mixedValues(type, rows, next)) }]),
      ) as PlainTable),
      text: {
        type: "text",
        cells: holed(Array.from({ length: rows }, () => `t${Math.floor(next() * 300)}`)),
      },
      bool: { type: "bool", cells: holed(Array.from({ length: rows }, () => next() < 0.3)) },
      none: { type: "f64", cells: new Array(rows).fill(null) },
    };
    for (const bins of [2, 10, 100]) {
      const source = await openTable(runtime, table, { batchRows: 1_000 });
      const sorted = await profileData(runtime, source, { bins });
      assert.equal([...(await streamed(runtime, source, bins))], [...sorted.features]);
    }
  }
});

/** A record batch of plain buffers; every 50th row absent in each column. */
function longBatch(rows: number, seed: number) {
  const next = random(seed);
  const nullBitmap = new Uint8Array((rows + 7) >>> 3).fill(255);
  for (let row = 0; row < rows; row += 50) nullBitmap[row >>> 3]! &= ~(1 << (row & 7));
  const nullCount = Math.ceil(rows / 50);
  const column = (type: DataType, data: unknown) =>
    makeVector(makeData({ type, length: rows, nullCount, nullBitmap, data } as never) as never);
  const heavy = () => Math.sign(next() - 0.5) * 10 ** (next() * 40 - 20);
  const rare = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
  const withRare = (draw: () => number) => () => (next() < 0.01 ? rare[Math.floor(next() * 4)]! : draw());
  return recordBatch([
    ["uniform", column(new Float64(), Float64Array.from({ length: rows }, next))],
    ["heavy", column(new Float64(), Float64Array.from({ length: rows }, withRare(heavy)))],
    [
      "close",
      column(
        new Float64(),
        Float64Array.from({ length: rows }, () => 1 + Math.floor(next() * 2 ** 30) * 2 ** -52),
      ),
    ],
    [
      "atoms",
      column(
        new Float32(),
        Float32Array.from(
          { length: rows },
          withRare(() => (next() < 0.8 ? Math.floor(next() * 4) : next() * 4)),
        ),
      ),
    ],
    [
      "wide",
      column(
        new Int64(),
        BigInt64Array.from({ length: rows }, () => BigInt(Math.floor(heavy())) * 3n + 2n ** 53n),
      ),
    ],
    [
      "whole",
      column(
        new Int32(),
        Int32Array.from({ length: rows }, () => Math.floor(heavy() % 2 ** 31)),
      ),
    ],
  ]);
}

test("a million rows in 8 MiB: the bytes that a large memory gives, and the memory is whole again", async () => {
  const batches = [longBatch(600_000, 109), longBatch(400_000, 113)];
  const bytes = arrowBytes(batches);
  const small = await openRuntime({ memoryBytes: 8 * mebibyte });
  const source = await arrowSource(bytesAsSource(bytes, "table"), small.arena);
  let reads = 0;
  const counting: DataSource = {
    ...source,
    read: (options) => {
      reads += 1;
      return source.read(options);
    },
  };
  const profile = await profileData(small, counting);
  assert.is(small.arena.use.usedBytes, 0);
  assert.ok(reads >= 3, `${reads} reads: the columns were to be streamed`);
  const whole = await profileData(runtime, await arrowSource(bytesAsSource(bytes, "table"), runtime.arena));
  assert.equal([...profile.features], [...whole.features]);
  assert.is(profileSignature(profile), profileSignature(whole));
});

test("a source that gives other rows than it said, or is cancelled, is refused and leaves nothing behind", async () => {
  const source = await openTable(runtime, { x: { type: "f64", cells: [1, 2, 3] } }, { batchRows: 2 });
  const refusals: [DataSource, AbortSignal | undefined, string][] = [
    [{ ...source, rowCount: 2 }, undefined, "MENDLINE_DATA_MALFORMED"],
    [{ ...source, rowCount: 4 }, undefined, "MENDLINE_DATA_MALFORMED"],
    [{ ...source, rowCount: 5e9 }, undefined, "MENDLINE_DATA_LIMIT"],
    [source, AbortSignal.abort(), "MENDLINE_TASK_ABORTED"],
  ];
  for (const [from, signal, code] of refusals) {
    let thrown: unknown;
    try {
      for await (const _ of streamedProfiles(runtime, from, source.fields, 10, { signal }));
    } catch (error) {
      thrown = error;
    }
    assert.ok(thrown instanceof MendlineError, `not refused: ${String(thrown)}`);
    assert.is((thrown as MendlineError).code, code);
    assert.is(runtime.arena.use.usedBytes, 0);
  }
});

test("200 MB of record batches under a 16 MiB engine, in a process that stays small", () =>
  checkLongFile(200e6));

test.run();
