// What is kept of a monitor, and when: a crash between any two writes loses no reported window and doubles none.
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Row } from "../../../src/host/columns/rows.js";
import { DriftMonitor, type MonitorOptions } from "../../../src/host/drift/monitor.js";
import { type KeptState, MonitorLog, type MonitorLogOptions } from "../../../src/host/drift/monitor-log.js";
import type { WindowReport } from "../../../src/host/drift/window-report.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { liveRows, watched } from "./monitored.js";

const runtime = await openRuntime();
const model = await watched(runtime, "child", 0, 200);
const options: MonitorOptions = { window: { rows: 4, panes: 2 }, features: ["flag"] };
const rows = liveRows(3_000, 0.5, 3);

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What a store would hold. */
interface Disk {
  readonly windows: number[];
  readonly writes: number[][];
  state: KeptState | null;
}

const emptyDisk = (): Disk => ({ windows: [], writes: [], state: null });

interface Watch {
  readonly monitor: DriftMonitor;
  readonly log: MonitorLog;
  readonly told: number[];
  readonly failures: unknown[];
}

function numbersOf(windows: readonly WindowReport[]): number[] {
  return windows.map(({ window }) => window.number);
}

function watch(
  disk: Disk,
  some: Partial<MonitorLogOptions> = {},
  fails: (write: number[]) => boolean = () => false,
): Watch {
  const monitor = new DriftMonitor(runtime, model, [], options, disk.state?.bytes);
  const told: number[] = [];
  const failures: unknown[] = [];
  let atOnce = 0;
  const log = new MonitorLog(monitor, {
    write: async (windows, state) => {
      atOnce += 1;
      assert.is(atOnce, 1, "one write at a time");
      await turn();
      atOnce -= 1;
      const numbers = numbersOf(windows);
      if (fails(numbers)) throw new Error(`no room for ${numbers}`);
      disk.windows.push(...numbers);
      disk.writes.push(numbers);
      if (state !== null) disk.state = state;
    },
    onWritten: (windows) => {
      for (const number of numbersOf(windows))
        assert.ok(disk.windows.includes(number), "told when it is kept");
      told.push(...numbersOf(windows));
    },
    onFailure: (thrown) => failures.push(thrown),
    reportedThrough: disk.windows.at(-1) ?? -1,
    ...some,
  });
  return { monitor, log, told, failures };
}

const upTo = (count: number) => Array.from({ length: count }, (_, number) => number);

test("everything is written, in order, several windows at once when they come fast", async () => {
  const disk = emptyDisk();
  const { monitor, log, told } = watch(disk);
  for (let from = 0; from < 600; from += 3) {
    monitor.observe(rows.slice(from, from + 3));
    if (from % 100 === 51) await turn();
  }
  await monitor.close();
  await log.close();
  assert.equal(disk.windows, upTo(299));
  assert.equal(told, disk.windows);
  assert.ok(disk.writes.length < 20, `${disk.writes.length} writes`);
  assert.ok(disk.writes.every(({ length }) => length <= 64));
  assert.is(disk.state!.rows, 600);
});

test("no more wait than are kept: the oldest are dropped", async () => {
  const disk = emptyDisk();
  const { monitor, log } = watch(disk);
  for (let from = 0; from < 9_000; from += rows.length) monitor.observe(rows);
  await monitor.close();
  await log.close();
  // The first had set out before there was anything to drop.
  assert.equal(disk.windows, [0, ...upTo(4_499).slice(-1_000)]);
});

test("a write that fails is told, and its windows are written with the next", async () => {
  const disk = emptyDisk();
  let failing = true;
  const { monitor, log, told, failures } = watch(disk, {}, () => failing);
  monitor.observe(rows.slice(0, 8));
  await log.flush();
  assert.equal([disk.windows, told, disk.state], [[], [], null]);
  assert.match((failures[0] as Error).message, /no room for 0/);
  failing = false;
  monitor.observe(rows.slice(8, 10));
  await log.flush();
  assert.equal([disk.windows, told], [upTo(4), upTo(4)]);
  await monitor.close();
  await log.close();
});

test("between windows the state is kept after so many rows, and every so often", async () => {
  const disk = emptyDisk();
  const { monitor, log } = watch(disk, { flushRows: 3, flushMs: 60_000 });
  const long = new DriftMonitor(runtime, model, [], { ...options, window: { rows: 1_000_000 } });
  const byRows: (number | undefined)[] = [];
  const longLog = new MonitorLog(long, {
    write: async (_, state) => {
      byRows.push(state?.rows);
    },
    onWritten: () => {},
    onFailure: () => {},
    flushRows: 10_000,
    flushMs: 20,
  });
  for (let i = 0; i < 20; i++) {
    long.observe(rows);
    await turn();
  }
  assert.ok(byRows.length >= 4 && byRows.length <= 7, String(byRows));
  const before = byRows.length;
  long.observe(rows.slice(0, 5));
  for (let i = 0; i < 200 && byRows.length === before; i++)
    await new Promise((resolve) => setTimeout(resolve, 5));
  assert.is(byRows.at(-1), 60_005, "by the clock");
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.is(byRows.at(-1), 60_005);
  const quiet = byRows.length;
  await longLog.flush();
  assert.is(byRows.length, quiet, "nothing new is not written");
  for (const one of [long, monitor]) await one.close();
  for (const one of [log, longLog]) await one.close();
});

test("a crash between any two writes: the watch goes on, and each window is reported once", async () => {
  const whole = new DriftMonitor(runtime, model, [], options);
  const expected: number[] = [];
  whole.on("window", ({ window }) => expected.push(window.number));
  whole.observe(rows.slice(0, 700));
  await whole.close();
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ rows: fc.integer({ min: 1, max: 60 }), turns: fc.nat(2), crashes: fc.boolean() }),
        {
          minLength: 10,
          maxLength: 40,
          size: "max",
        },
      ),
      async (steps) => {
        let disk = emptyDisk();
        let one = watch(disk);
        let position = 0;
        for (const { rows: count, turns, crashes } of steps) {
          const piece = rows.slice(position, Math.min(700, position + count));
          if (piece.length % 2 === 0) one.monitor.observe(piece);
          else for (const row of piece) one.monitor.observe(row as Row);
          position += piece.length;
          for (let i = 0; i < turns; i++) await turn();
          if (!crashes) continue;
          // The process is gone: nothing is left but what the disk holds at this moment.
          for (const number of one.told) assert.ok(disk.windows.includes(number));
          void one.monitor.close();
          disk = { ...disk, windows: [...disk.windows], writes: [] };
          one = watch(disk);
          position = one.monitor.start.rows;
          assert.is(one.monitor.start.anew, null);
          assert.is(position, disk.state?.rows ?? 0);
        }
        one.monitor.observe(rows.slice(position, 700));
        await one.monitor.close();
        await one.log.close();
        assert.equal(disk.windows, expected);
      },
    ),
    { numRuns: 30 },
  );
});

test.run();
