// The reservoir: a function of the seed and of the number of rows alone, every recent row alike, bounded, whatever form the rows come in.
import { RecordBatchStreamWriter } from "apache-arrow";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Row, rowsSource } from "../../../src/host/columns/rows.js";
import { DriftMonitor, type MonitorOptions } from "../../../src/host/drift/monitor.js";
import { Reservoir, type ReservoirSettings } from "../../../src/host/drift/reservoir.js";
import { reservoirFromBytes, reservoirToBytes } from "../../../src/host/drift/reservoir-state.js";
import { reservoirRowsMax, reservoirTextLengthMax } from "../../../src/limits.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import {
  asLists,
  asRecordBatch,
  asTableRows,
  asTypedArrays,
  featureNames,
  liveRows,
  refused,
  watched,
} from "./monitored.js";

const runtime = await openRuntime();
const model = await watched(runtime, "child", 0, 300);

const settings = (over: Partial<ReservoirSettings> = {}): ReservoirSettings => ({
  rows: 20,
  recentRows: 100,
  maxAgeMs: Number.POSITIVE_INFINITY,
  seed: 7,
  columns: [{ name: "x", kind: "numeric" }],
  followsWindows: false,
  ageBy: "clock",
  ...over,
});

/** Gives rows that hold their own number. */
function feed(reservoir: Reservoir, pieces: readonly number[], ms: number | null = null): void {
  for (const count of pieces) {
    const first = reservoir.rowsTaken;
    for (const offset of reservoir.choose(count)) reservoir.keep(offset, count, [first + offset], ms);
  }
}

const none = { rowsTaken: 0, spans: [{ from: 0, recentRows: 100 }], oldest: 0, rows: [] };
const reservoirOf = (over: Partial<ReservoirSettings> = {}) => new Reservoir(settings(over), () => 0);
const numbersOf = (reservoir: Reservoir) => reservoir.rows().map(({ number }) => number);

/** "lowbias32", written anew in whole numbers. */
function hashOracle(value: bigint): bigint {
  const bits = (1n << 32n) - 1n;
  let x = value & bits;
  x ^= x >> 16n;
  x = (x * 0x7feb352dn) & bits;
  x ^= x >> 15n;
  x = (x * 0x846ca68bn) & bits;
  return x ^ (x >> 16n);
}

/** Membership row by row, by the definition. */
function oracle({ rows, recentRows, seed }: ReservoirSettings, taken: number, oldest = 0): number[] {
  const key = hashOracle(hashOracle(BigInt(seed)) + BigInt(Math.floor(seed / 2 ** 32)));
  const share = Math.min(1, rows / Math.min(Math.max(1, taken), recentRows));
  const found: { number: number; hash: bigint }[] = [];
  for (let number = Math.max(oldest, taken - recentRows); number < taken; number++) {
    const upper = BigInt(Math.floor(number / 2 ** 32));
    const hash = hashOracle(BigInt(number % 2 ** 32) + (upper === 0n ? key : hashOracle(key ^ upper)));
    if (Number(hash) < 2 ** 32 * share) found.push({ number, hash });
  }
  found.sort((one, other) => Number(one.hash - other.hash));
  return found
    .slice(0, rows)
    .map(({ number }) => number)
    .sort((one, other) => one - other);
}

test("the sample is what the definition says, however rows are cut up, stopped and gone on with", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 12 }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      fc.integer({ min: 1, max: 40 }),
      (pieces, seed, rows) => {
        let reservoir = reservoirOf({ seed, rows });
        for (const count of pieces) {
          feed(reservoir, [count]);
          assert.equal(numbersOf(reservoir), oracle(reservoir.settings, reservoir.rowsTaken));
          const bytes = reservoirToBytes(reservoir.settings, reservoir.state);
          reservoir = reservoirOf({ seed, rows });
          reservoir.restore(reservoirFromBytes(bytes).state);
        }
        const one = reservoirOf({ seed, rows });
        for (let row = 0; row < reservoir.rowsTaken; row++) feed(one, [1]);
        assert.equal(one.rows(), reservoir.rows());
      },
    ),
    { seed: 21, numRuns: 150 },
  );
});

test("it goes on beyond 2^32 rows", () => {
  const before = 2 ** 32 - 70;
  const whole = reservoirOf();
  whole.restore({ ...none, rowsTaken: before });
  feed(whole, [250]);
  assert.equal(numbersOf(whole), oracle(whole.settings, before + 250));
  const pieces = reservoirOf();
  pieces.restore({ ...none, rowsTaken: before });
  feed(pieces, [69, 1, 1, 79, 100]);
  assert.equal(pieces.rows(), whole.rows());
});

test("every recent row is as likely as every other, and rows of before are gone", () => {
  const taken = 130;
  const times = new Float64Array(taken);
  const seeds = 4_000;
  let held = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const reservoir = reservoirOf({ seed });
    feed(reservoir, [taken]);
    const numbers = numbersOf(reservoir);
    held += numbers.length;
    for (const number of numbers) times[number]! += 1;
  }
  assert.ok(times.subarray(0, 30).every((count) => count === 0));
  // The smallest 20 of a binomial count of mean 20 and deviation 4 are 18.3 on average: 733 of 4,000, with a deviation of 24.5.
  const mean = held / 100;
  assert.ok(Math.abs(mean - 733) < 10, String(mean));
  const recent = times.subarray(30);
  assert.ok(
    recent.every((count) => Math.abs(count - mean) < 5 * 24.5),
    recent.join(" "),
  );
  // And their squares are what so many binomial counts give: chi-square of 99 degrees of freedom, mean 99, deviation 14.
  const square = recent.reduce((sum, count) => sum + (count - mean) ** 2 / (mean * (1 - mean / seeds)), 0);
  assert.ok(Math.abs(square - 99) < 5 * 14, String(square));
});

test("the first rows are all kept, and never more than asked for", () => {
  const reservoir = reservoirOf({ rows: 50, recentRows: 1_000_000 });
  for (let row = 0; row < 50; row++) {
    feed(reservoir, [1]);
    assert.is(reservoir.rows().length, row + 1);
  }
  for (let piece = 0; piece < 400; piece++) {
    feed(reservoir, [97]);
    assert.ok(reservoir.rows().length <= 50);
    assert.ok(reservoir.state.rows.length <= 50 + 6 * Math.sqrt(50) + 17);
  }
  assert.ok(reservoir.rows().length > 20);
});

test("followed windows: wider or narrower, all rows that are held are alike, and it begins where nothing is decided yet", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          windowRows: fc.integer({ min: 1, max: 6_000 }),
          ahead: fc.integer({ min: 0, max: 4_000 }),
          rows: fc.integer({ min: 4_000, max: 9_000 }),
        }),
        { minLength: 1, maxLength: 6 },
      ),
      (windows) => {
        const whole = reservoirOf({ followsWindows: true, recentRows: 5_000, rows: 500 });
        const ahead = reservoirOf({ followsWindows: true, recentRows: 5_000, rows: 500 });
        const spans = [{ from: 0, recentRows: 5_000 }];
        let taken = 0;
        let oldest = 0;
        for (const window of windows) {
          // One is told at once; to the other some of the next rows were given before.
          const given = Math.min(window.ahead, window.rows);
          whole.follow(window.windowRows, 0);
          feed(whole, [window.rows]);
          feed(ahead, [given]);
          ahead.follow(window.windowRows, given);
          feed(ahead, [window.rows - given]);
          spans.push({ from: taken + 4_096, recentRows: Math.max(500, 2 * window.windowRows) });
          taken += window.rows;
        }
        for (let row = 1; row <= taken; row++)
          oldest = Math.max(oldest, row - spans.findLast(({ from }) => from < row)!.recentRows);
        const widest = Math.max(
          ...spans
            .filter(({ from }, index) => from < taken && (spans[index + 1]?.from ?? Infinity) > oldest)
            .map(({ recentRows }) => recentRows),
        );
        const wide = { ...whole.settings, recentRows: widest };
        assert.equal(numbersOf(whole), oracle(wide, taken, oldest));
        assert.equal(ahead.rows(), whole.rows());
      },
    ),
    { seed: 22, numRuns: 25 },
  );
});

test("rows grow old by time, and one whose time is not known is not kept", () => {
  let now = 1_000;
  const reservoir = new Reservoir(settings({ rows: 100, maxAgeMs: 60 }), () => now);
  feed(reservoir, [5], 900);
  feed(reservoir, [5], 940);
  feed(reservoir, [5], Number.NaN);
  assert.equal(numbersOf(reservoir), [5, 6, 7, 8, 9]);
  now = 1_001;
  assert.equal(numbersOf(reservoir), []);
});

const columns = [...featureNames];
const options = (over: Partial<MonitorOptions> = {}): MonitorOptions => ({
  window: { rows: 60, panes: 2 },
  reservoir: { columns, rows: 150, recentRows: 400, seed: 3 },
  ...over,
});

test("rows, columns, tables, bytes and sources leave the same rows", async () => {
  const rows = liveRows(600, 0.4, 9);
  const table = asTableRows(rows);
  const kept: Row[][] = [];
  const watch = async (feedAll: (monitor: DriftMonitor) => unknown, over?: Partial<MonitorOptions>) => {
    const monitor = new DriftMonitor(runtime, model, [], options(over));
    await feedAll(monitor);
    kept.push(monitor.recentRows);
    await monitor.close();
  };
  await watch((monitor) => monitor.observe(rows));
  await watch((monitor) => rows.forEach((row) => void monitor.observe(row)));
  await watch((monitor) => monitor.observe(asLists(rows)));
  await watch((monitor) => monitor.observe(asTypedArrays(rows)));
  await watch((monitor) => monitor.observe(asRecordBatch(rows) as never));
  await watch((monitor) =>
    monitor.observe(RecordBatchStreamWriter.writeAll([asRecordBatch(rows)]).toUint8Array(true)),
  );
  await watch((monitor) => monitor.observe(rowsSource(table, "t", runtime.arena)));
  // Rows told apart by a segment are staged even where they come from a source.
  const segments = { column: "city", names: ["city 1"] };
  await watch((monitor) => monitor.observe(rowsSource(table, "t", runtime.arena)), { segments });
  await watch(async (monitor) => {
    monitor.observe(rows.slice(0, 77));
    await monitor.observe(rowsSource(table.slice(77, 401), "t", runtime.arena));
    monitor.observe(asTypedArrays(rows.slice(401)));
  });
  const [first, ...others] = kept;
  assert.ok(first!.length > 100, String(first!.length));
  assert.ok(first!.some(({ whole }) => whole === null) && first!.some(({ city }) => city === null));
  for (const [index, other] of others.entries()) assert.equal(other, first, `form ${index + 1}`);
});

test("what cannot be shown to a person is left out", async () => {
  const monitor = new DriftMonitor(runtime, model, [], options());
  const row = { temperature: 1, narrow: 0.1, whole: 3n, flag: true, city: "a" };
  monitor.observe([
    row,
    { ...row, temperature: Number.POSITIVE_INFINITY },
    { ...row, city: "x".repeat(reservoirTextLengthMax + 1) },
    { ...row, city: "x".repeat(reservoirTextLengthMax), narrow: Number.NaN },
  ]);
  assert.equal(monitor.recentRows, [
    { temperature: 1, narrow: 0.1, whole: 3, flag: 1, city: "a" },
    { temperature: 1, narrow: null, whole: 3, flag: 1, city: "x".repeat(reservoirTextLengthMax) },
  ]);
  await monitor.close();
});

test("by event time: two windows by default", async () => {
  const monitor = new DriftMonitor(runtime, model, [], {
    window: { ms: 1_000, timeColumn: "at" },
    reservoir: { columns },
  });
  const row = { temperature: 1, narrow: 1, whole: 1, flag: false, city: "a" };
  monitor.observe(
    Array.from({ length: 50 }, (_, index) => ({ ...row, temperature: index, at: index * 100 })),
  );
  const kept = monitor.recentRows.map(({ temperature }) => temperature);
  assert.equal([kept[0], kept.at(-1)], [29, 49]);
  assert.equal(monitor.reservoirSettings!.maxAgeMs, 2_000);
  await monitor.close();
});

test("by event time, rows in any pieces leave the same, and traffic decides how many are recent", async () => {
  const next = liveRows(12_000, 0.2, 8);
  const rows = next.map((row, index) => ({ ...row, at: index * 10 + (index % 7) }));
  const kept: Row[][] = [];
  for (const pieces of [[12_000], [4_000, 8_000], [1, 4_095, 4_096, 3_808], new Array(120).fill(100)]) {
    const monitor = new DriftMonitor(runtime, model, [], {
      window: { ms: 20_000, panes: 4, timeColumn: "at" },
      reservoir: { columns, rows: 200 },
    });
    let from = 0;
    for (const count of pieces as number[]) {
      const piece = rows.slice(from, from + count);
      if (kept.length % 2 === 0) monitor.observe(piece);
      else monitor.observe({ ...asTypedArrays(piece), at: Float64Array.from(piece, ({ at }) => at) });
      from += count;
    }
    kept.push(monitor.recentRows);
    await monitor.close();
  }
  // A window has 2,000 rows: about 200 of the newest 4,000, not of 100,000.
  assert.ok(Math.abs(kept[0]!.length - 200) < 60, String(kept[0]!.length));
  for (const other of kept.slice(1)) assert.equal(other, kept[0]);
});

test("none is kept unless it is asked for, and a monitor goes on with what it kept", async () => {
  const rows = liveRows(300, 0, 4);
  const without = new DriftMonitor(runtime, model, [], { window: { rows: 60 } });
  without.observe(rows);
  assert.equal([without.recentRows, without.keptReservoir], [[], null]);
  await without.close();
  const whole = new DriftMonitor(runtime, model, [], options());
  whole.observe(rows);
  const first = new DriftMonitor(runtime, model, [], options());
  first.observe(rows.slice(0, 111));
  const kept = [first.checkpoint()!, first.keptReservoir!.bytes] as const;
  const goOn = (over: Partial<MonitorOptions>, bytes: Uint8Array = kept[1]) => {
    const monitor = new DriftMonitor(runtime, model, [], options(over), kept[0], bytes);
    monitor.observe(rows.slice(111));
    const { recentRows, start } = monitor;
    void monitor.close();
    return { recentRows, start };
  };
  assert.equal(goOn({}).recentRows, whole.recentRows);
  // Another seed, or other columns: the windows go on, the sample begins anew.
  const other = goOn({ reservoir: { columns, rows: 150, recentRows: 400, seed: 4 } });
  assert.equal([other.start.anew, other.start.rows], [null, 111]);
  assert.ok(other.recentRows.length > 0);
  const damaged = Uint8Array.from(kept[1], (byte, at) => (at === 40 ? byte ^ 1 : byte));
  assert.equal(
    [goOn({}, damaged).start.anew, goOn({}, damaged).start.rows],
    ["it does not match its hash", 0],
  );
  await Promise.all([whole.close(), first.close()]);
});

test("bytes that are no reservoir, and settings that cannot be meant, are refused", () => {
  const bytes = reservoirToBytes(settings(), {
    ...none,
    rowsTaken: 1,
    rows: [{ number: 0, ms: null, cells: [1] }],
  });
  const read = reservoirFromBytes(bytes);
  assert.equal([read.settings, read.state.rows], [settings(), [{ number: 0, ms: null, cells: [1] }]]);
  for (let length = 0; length < bytes.length; length += 7)
    assert.throws(() => reservoirFromBytes(bytes.subarray(0, length)), /no reservoir|hash/);
  const newer = Uint8Array.from(bytes, (byte, at) => (at === 4 ? 2 : byte));
  assert.throws(() => reservoirFromBytes(newer), /format 2/);
  const open = (reservoir: object) => () =>
    new DriftMonitor(runtime, model, [], { window: { rows: 60 }, reservoir: { columns, ...reservoir } });
  refused(open({ rows: 0 }), "MENDLINE_ARGUMENT_INVALID", /rows is 0/);
  refused(open({ rows: reservoirRowsMax + 1 }), "MENDLINE_ARGUMENT_INVALID", /leave room for/);
  refused(open({ rows: 10, recentRows: 9 }), "MENDLINE_ARGUMENT_INVALID", /of the newest 9/);
  refused(open({ maxAgeMs: 0.5 }), "MENDLINE_ARGUMENT_INVALID", /maxAgeMs/);
  refused(open({ seed: 0.5 }), "MENDLINE_ARGUMENT_INVALID", /seed/);
  refused(open({ columns: ["wind"] }), "MENDLINE_ARGUMENT_INVALID", /"wind" is no column/);
});

test.after(() => runtime.close());

test.run();
