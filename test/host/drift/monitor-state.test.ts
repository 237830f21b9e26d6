// A monitor's state: what was counted before and after it, together, is what one monitor counts that never stopped.
import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Row, rowsSource } from "../../../src/host/columns/rows.js";
import { DriftMonitor, type MonitorOptions } from "../../../src/host/drift/monitor.js";
import {
  type MonitorState,
  monitorStateFromBytes,
  monitorStateToBytes,
} from "../../../src/host/drift/monitor-state.js";
import { Pane } from "../../../src/host/drift/panes.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { asTableRows, collect, liveRows, type Told, watched } from "./monitored.js";

const runtime = await openRuntime();
const model = await watched(runtime, "child", 0, 300);
const parent = await watched(runtime, "parent", 0.2, 200);
const predicted = await profileData(
  runtime,
  rowsSource([{ score: 0 }, { score: 0.5 }, { score: 1 }], "p", runtime.arena),
);

/** Times with disorder, gaps and wrong clocks. */
function timedRows(count: number, seed: number): Row[] {
  const next = random(seed);
  let now = 1.7e12;
  return liveRows(count, 0.6, seed).map((row, index) => {
    now += index % 400 === 399 ? 3e9 : 1_000;
    const at = now - Math.floor(next() ** 5 * 100_000) + (next() < 0.01 ? 1e12 : 0);
    return { ...row, at: next() < 0.01 ? null : at, score: next() };
  });
}

const trigger = { windowsNeeded: 1, windowsConsidered: 2, clearWindows: 1, clearBelow: { threshold: 0.3 } };
const shapes: MonitorOptions[] = [
  { window: { rows: 60 }, trigger },
  {
    window: { rows: 90, panes: 9 },
    predictions: { profile: predicted },
    trigger: { ...trigger, of: "either" },
  },
  { window: { rows: 64, panes: 2 }, segments: { column: "city", names: ["city 7", "city 8"] } },
  { window: { ms: 60_000, timeColumn: "at", aheadRows: 20 }, trigger },
  {
    window: { ms: 120_000, panes: 4, timeColumn: "at", allowedLatenessMs: 45_000, aheadRows: 20 },
    segments: { column: "city", names: ["city 7", "city 8"] },
    predictions: { profile: predicted },
  },
];

function monitorOf(options: MonitorOptions, kept?: Uint8Array): { monitor: DriftMonitor; told: Told[] } {
  const monitor = new DriftMonitor(runtime, model, [parent], options, kept);
  return { monitor, told: collect(monitor) };
}

test("stopped anywhere, a monitor that goes on from the state reports the windows of one that never stopped", async () => {
  for (const [index, options] of shapes.entries()) {
    const rows = timedRows(800, 5 + index);
    const whole = monitorOf(options);
    whole.monitor.observe(rows);
    await whole.monitor.close();
    assert.ok(whole.told.length > 8, `${whole.told.length} windows`);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 4, maxLength: 12, size: "max" }),
        async (pieces) => {
          const told: Told[] = [];
          let kept: Uint8Array | undefined;
          let position = 0;
          for (const rowCount of [...pieces, rows.length]) {
            const one = monitorOf(options, kept);
            assert.equal([one.monitor.start.anew, one.monitor.start.rows], [null, position]);
            const piece = rows.slice(position, position + rowCount);
            if (rowCount % 3 === 0 && piece.length > 0)
              await one.monitor.observe(rowsSource(asTableRows(piece), "t", runtime.arena));
            else one.monitor.observe(piece);
            position += piece.length;
            const bytes = one.monitor.checkpoint()!;
            assert.equal(one.monitor.checkpoint(), bytes, "the same state, the same bytes");
            told.push(...one.told.splice(0));
            // What comes after the state is lost with the process.
            if (rowCount % 5 === 0) one.monitor.observe(rows.slice(0, 70));
            await one.monitor.close();
            kept = bytes;
          }
          assert.equal(told, whole.told);
        },
      ),
      { numRuns: 6 },
    );
  }
});

test("states do not depend on how rows were cut, and take a few bytes a count", async () => {
  for (const options of shapes) {
    const rows = timedRows(700, 3);
    const [first, second] = [monitorOf(options), monitorOf(options)];
    first.monitor.observe(rows);
    for (const row of rows) second.monitor.observe(row);
    const [bytes, others] = [first, second].map(({ monitor }) =>
      Buffer.from(monitor.checkpoint()!).toString("latin1"),
    );
    // When the watch began is part of it.
    const withoutTime = (text: string) => text.replace(/"sinceMs":\d+/, "").slice(0, -32);
    assert.is(withoutTime(bytes!), withoutTime(others!));
    assert.ok(bytes!.length < 20_000, `${bytes!.length} bytes`);
    await Promise.all([first.monitor.close(), second.monitor.close()]);
  }
});

test("of another model, other ancestors, features, windows or segments: it begins anew, and says so", async () => {
  const options = shapes[4]!;
  const { monitor } = monitorOf(options);
  monitor.observe(timedRows(50, 9));
  const kept = monitor.checkpoint()!;
  await monitor.close();
  const grown = { ...model, profile: { ...model.profile, rows: model.profile.rows + 1 } };
  const cases: [typeof model, (typeof model)[], MonitorOptions, RegExp][] = [
    [{ ...model, id: "other" }, [parent], options, /^not the same: model$/],
    [grown, [parent], options, /^not the same: profile$/],
    [model, [], options, /ancestors/],
    [model, [parent], { ...options, features: ["whole", "city"] }, /features/],
    [model, [parent], { ...options, window: { ms: 60_000, timeColumn: "at" } }, /^not the same: windows$/],
    [model, [parent], { ...options, window: { rows: 10 } }, /windows/],
    [
      model,
      [parent],
      { ...options, segments: { column: "city", names: ["city 7"] } },
      /^not the same: segments$/,
    ],
    [model, [parent], { ...options, predictions: undefined }, /predictions/],
  ];
  for (const [own, ancestors, some, pattern] of cases) {
    const other = new DriftMonitor(runtime, own, ancestors, some, kept);
    assert.match(other.start.anew ?? "", pattern);
    assert.equal([other.start.rows, other.rowsObserved], [0, 0]);
    await other.close();
  }
  const same = monitorOf(
    { ...options, threshold: 0.1, trigger: { windowsNeeded: 1, windowsConsidered: 1 } },
    kept,
  );
  assert.equal(
    [same.monitor.start.anew, same.monitor.rowsObserved],
    [null, 50],
    "how it is judged may change",
  );
  await same.monitor.close();
});

const slotCounts = [300, 3];

function stateOf(panes: readonly Pane[]): MonitorState {
  return {
    identity: { model: "m" },
    sinceMs: 5,
    windows: { kind: "rows", panes, rowsTaken: 9, panesOpened: 3, panesClosed: 1 },
    trigger: { last: [true], coolDownLeft: 1, alarmSince: 0, stable: 2 },
  };
}

test("counts of every size, and long stretches of none, come back", () => {
  const count = fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 0, max: 2 ** 32 }),
    fc.constantFrom(127, 128, 16_383, 16_384, Number.MAX_SAFE_INTEGER),
  );
  fc.assert(
    fc.property(
      fc.array(fc.array(count, { minLength: 303, maxLength: 303, size: "max" }), { maxLength: 4 }),
      (all) => {
        const panes = all.map((counts, number) => {
          const pane = new Pane(number, slotCounts);
          pane.rowsTaken = pane.rowsCounted = number * 3;
          const held = pane.segment(number % 3);
          held.rowCount = number;
          held.counts[0]!.set(counts.slice(0, 300));
          held.counts[1]!.set(counts.slice(300));
          return pane;
        });
        const bytes = monitorStateToBytes(stateOf(panes));
        const found = monitorStateFromBytes(bytes, slotCounts);
        assert.equal(found, stateOf(panes));
        assert.equal(monitorStateToBytes(found), bytes);
      },
    ),
    { numRuns: 60 },
  );
});

test("damaged states are told, whatever was damaged", () => {
  const pane = new Pane(0, slotCounts);
  pane.segment(0).counts[0]![7] = 1_000;
  const bytes = monitorStateToBytes(stateOf([pane]));
  const refusal = (damaged: Uint8Array, slots = slotCounts): string => {
    try {
      monitorStateFromBytes(damaged, slots);
    } catch (thrown) {
      assert.instance(thrown, RangeError);
      return (thrown as RangeError).message;
    }
    return "none";
  };
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Uint8Array.from(bytes);
    damaged[at]! ^= 4;
    assert.match(refusal(damaged), /no state of a monitor|format 5|hash/);
    assert.not.match(refusal(bytes.subarray(0, at)), /none/);
  }
  const signed = (body: Uint8Array) => Buffer.concat([body, createHash("sha256").update(body).digest()]);
  const body = bytes.subarray(0, bytes.length - 32);
  assert.match(refusal(signed(body.subarray(0, body.length - 1))), /cut off/);
  assert.match(refusal(signed(Buffer.concat([body, Buffer.of(1)]))), /more counts than panes/);
  assert.match(refusal(bytes, [300, 4]), /cut off/);
  assert.match(refusal(bytes, [200]), /more counts than panes/);
});

test.run();
