// Windows by time against a naive model that keeps every row, and goes through them one by one.
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EventClock } from "../../../src/host/drift/event-clock.js";
import type { PaneShare } from "../../../src/host/drift/panes.js";
import { TimeWindows } from "../../../src/host/drift/time-windows.js";
import {
  type ClosedWindow,
  checkedWindow,
  type TimeWindowOptions,
  type TimeWindowSettings,
} from "../../../src/host/drift/window.js";
import { random } from "../../assembly/support.js";
import { refused } from "./monitored.js";

const slotCounts = [3, 2];
const slotsOf = (row: number) => [row % 3, (row * 7 + (row >> 2)) % 2];
const earlyPanes = 4;

function settingsOf(options: Omit<TimeWindowOptions, "timeColumn">): TimeWindowSettings {
  return checkedWindow({ timeColumn: "t", ...options }) as TimeWindowSettings;
}

function addRow(row: number, counts: readonly Float64Array[]): void {
  for (const [feature, slot] of slotsOf(row).entries()) counts[feature]![slot]! += 1;
}

function countsOf(rows: readonly number[]): Float64Array[] {
  const counts = slotCounts.map((slots) => new Float64Array(slots));
  for (const row of rows) addRow(row, counts);
  return counts;
}

type Summary = Omit<ClosedWindow, "segments" | "fromRow">;

/** Row by row: after each, every window that is over closes. Windows are looked for one by one from the first pane on. */
function naiveWindows(settings: TimeWindowSettings, times: readonly number[]): Summary[] {
  const paneMs = settings.ms / settings.panes;
  const clock = new EventClock(settings);
  const rowsOf = new Map<number, number[]>();
  let closedBelow = Number.NEGATIVE_INFINITY;
  let nextEnd: number | null = null;
  let aside = { lateRows: 0, earlyRows: 0, untimedRows: 0 };
  let emptyBefore = 0;
  const closed: Summary[] = [];
  times.forEach((ms, row) => {
    if (Number.isNaN(ms)) {
      aside.untimedRows += 1;
      return;
    }
    clock.take(ms);
    const pane = Math.floor(ms / paneMs);
    const horizon = Math.floor(clock.horizonMs / paneMs);
    const ahead = [...rowsOf.keys()].filter((number) => number > Math.floor(clock.newestMs / paneMs));
    if (pane < horizon) aside.lateRows += 1;
    else if (!rowsOf.has(pane) && pane * paneMs > clock.newestMs && ahead.length >= earlyPanes)
      aside.earlyRows += 1;
    else rowsOf.set(pane, [...(rowsOf.get(pane) ?? []), row]);
    if (horizon <= closedBelow) return;
    closedBelow = horizon;
    const first = Math.min(...rowsOf.keys());
    if (nextEnd === null && first < horizon) nextEnd = first + settings.panes - 1;
    for (; nextEnd !== null && nextEnd < horizon; nextEnd++) {
      const begin = nextEnd - settings.panes + 1;
      const inside = [...rowsOf].flatMap(([number, rows]) =>
        number >= begin && number <= nextEnd! ? rows : [],
      );
      const later = [...rowsOf.keys()].some((number) => number >= begin);
      if (inside.length === 0 && !later) break;
      if (inside.length === 0) {
        emptyBefore += 1;
        continue;
      }
      closed.push({
        number: closed.length,
        fromMs: begin * paneMs,
        toMs: (nextEnd + 1) * paneMs,
        rowCount: inside.length,
        counts: countsOf(inside),
        setAside: aside,
        emptyBefore,
      });
      aside = { lateRows: 0, earlyRows: 0, untimedRows: 0 };
      emptyBefore = 0;
    }
  });
  return closed;
}

function count({ pane, from, rowCount, rows }: PaneShare): void {
  const held = pane.segment(0);
  for (let i = 0; i < rowCount; i++) {
    addRow(rows === null ? from + i : rows[i]!, held.counts);
  }
}

function summaryOf({ segments, fromRow, ...summary }: ClosedWindow): Summary {
  assert.equal([segments, fromRow], [[], null]);
  return summary;
}

/** Rows in pieces of these lengths, over and over. */
function windowsOf(
  settings: TimeWindowSettings,
  times: readonly number[],
  cuts: readonly number[],
): { closed: Summary[]; windows: TimeWindows } {
  const all = Float64Array.from(times);
  const windows = new TimeWindows(settings, {
    capacity: times.length,
    earlyPanes,
    slotCounts,
    bySegment: false,
  });
  const closed: Summary[] = [];
  for (let from = 0, piece = 0; from < times.length; piece++) {
    const end = Math.min(times.length, from + cuts[piece % cuts.length]!);
    while (from < end) {
      const taken = windows.take(all, from, end);
      assert.ok(taken.to > from);
      taken.shares.forEach(count);
      closed.push(...windows.close().map(summaryOf));
      from = taken.to;
    }
  }
  assert.is(windows.rowsTaken, times.length);
  return { closed, windows };
}

const shapes = fc
  .record({
    paneMs: fc.integer({ min: 1, max: 12 }),
    panes: fc.integer({ min: 1, max: 4 }),
    allowedLatenessMs: fc.integer({ min: 0, max: 25 }),
    aheadMs: fc.integer({ min: 1, max: 40 }),
    aheadRows: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ paneMs, panes, ...rest }) => settingsOf({ ms: paneMs * panes, panes, ...rest }));

/** Streams that go on, with jitter, gaps, wrong clocks and rows without a time. */
const streams = fc
  .array(
    fc.record({
      step: fc.oneof(
        { weight: 10, arbitrary: fc.integer({ min: 0, max: 4 }) },
        { weight: 1, arbitrary: fc.integer({ min: 5, max: 120 }) },
      ),
      jitter: fc.integer({ min: -30, max: 10 }),
      kind: fc.integer({ min: 0, max: 29 }),
    }),
    { maxLength: 150, size: "max" },
  )
  .map((rows) => {
    let now = 1_000;
    return rows.map(({ step, jitter, kind }) => {
      now += step;
      if (kind === 0) return Number.NaN;
      if (kind === 1) return now + 1_000 + jitter;
      return kind < 8 ? now + jitter : now;
    });
  });

test("rows in any order and cut give the windows of a model that goes through them one by one", () => {
  let windows = 0;
  let late = 0;
  let early = 0;
  fc.assert(
    fc.property(
      shapes,
      streams,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      (settings, times, cuts) => {
        const expected = naiveWindows(settings, times);
        for (const cut of [cuts, [1], [times.length + 1]])
          assert.equal(windowsOf(settings, times, cut).closed, expected, `cut by ${cut}`);
        windows += expected.length;
        for (const { setAside } of expected) {
          late += setAside.lateRows;
          early += setAside.earlyRows;
        }
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(windows > 1_000 && late > 500 && early > 20, `${windows} windows, ${late} late, ${early} early`);
});

test("tumbling windows hold every row once, or tell that they do not", () => {
  const settings = settingsOf({ ms: 10, allowedLatenessMs: 5, aheadMs: 50, aheadRows: 3 });
  const next = random(3);
  const times = Array.from({ length: 5_000 }, (_, i) =>
    Math.floor(i / 3 - next() ** 4 * 40 + (next() < 0.01 ? 1e9 : 0)),
  );
  const { closed, windows } = windowsOf(settings, times, [97]);
  windows.advanceTo(8e15);
  closed.push(...windows.close().map(summaryOf));
  const inWindows = closed.reduce((sum, { rowCount }) => sum + rowCount, 0);
  const aside = closed.reduce((sum, { setAside }) => sum + setAside.lateRows + setAside.earlyRows, 0);
  assert.is(inWindows + aside, times.length);
  assert.ok(aside > 100);
  for (const [index, { number, fromMs, toMs, counts, rowCount }] of closed.entries()) {
    assert.equal([number, toMs! - fromMs!], [index, 10]);
    for (const slots of counts)
      assert.is(
        slots.reduce((sum, held) => sum + held, 0),
        rowCount,
      );
    if (index > 0) assert.ok(fromMs! >= closed[index - 1]!.toMs!);
  }
});

test("a window holds its rows by hand", () => {
  const settings = settingsOf({ ms: 20, panes: 2, allowedLatenessMs: 10, aheadMs: 1_000 });
  //             the clock starts here               closes 100-120       late  none   closes what is before 160
  const times = [...new Array<number>(16).fill(101), 112, 119, 109, 125, 130, 99, Number.NaN, 171];
  const { closed, windows } = windowsOf(settings, times, [times.length]);
  const told = closed.map(({ fromMs, toMs, rowCount, emptyBefore, setAside }) => [
    fromMs,
    toMs,
    rowCount,
    emptyBefore,
    setAside.lateRows,
    setAside.untimedRows,
  ]);
  assert.equal(told, [
    [100, 120, 19, 0, 0, 0],
    [110, 130, 3, 0, 1, 1],
    [120, 140, 2, 0, 0, 0],
    [130, 150, 1, 0, 0, 0],
  ]);
  assert.is(windows.newestMs, 171);
  windows.advanceTo(1_000);
  const [first, second] = windows.close();
  assert.equal([first!.fromMs, first!.emptyBefore, second!.fromMs], [160, 2, 170]);
  assert.equal(windows.close(), []);
});

test("a gap of a lifetime passes without a step for each of its panes", () => {
  const settings = settingsOf({ ms: 1, allowedLatenessMs: 0, aheadMs: 1_000, aheadRows: 2 });
  const times = [...new Array<number>(16).fill(0), 3e12, 3e12, 3e12 + 1];
  const { closed } = windowsOf(settings, times, [5]);
  assert.equal(
    closed.map(({ fromMs, rowCount, emptyBefore }) => [fromMs, rowCount, emptyBefore]),
    [
      [0, 16, 0],
      [3e12, 2, 3e12 - 1],
    ],
  );
});

test("whether rows should wait: not those that may close a window, nor any before time is known", () => {
  const settings = settingsOf({ ms: 100, allowedLatenessMs: 10, aheadMs: 1_000 });
  const windows = new TimeWindows(settings, { capacity: 20, earlyPanes, slotCounts, bySegment: false });
  const isDue = (...times: number[]) => windows.isDue(Float64Array.from(times), 0, times.length);
  assert.ok(isDue(5), "the clock has not started");
  windows.take(new Float64Array(16).fill(5), 0, 16).shares.forEach(count);
  windows.close();
  assert.not(isDue(5, 60, 109, Number.NaN));
  assert.ok(isDue(5, 110));
  assert.not(isDue(9e9), "which would not be believed");
});

test("options out of range are refused, with both numbers", () => {
  for (const [options, pattern] of [
    [{ ms: 0 }, /a window of 0 ms in 1 panes/],
    [{ ms: 10, panes: 3 }, /10 ms in 3 panes.*multiple/],
    [{ ms: 1e15 }, /1000000000000000 ms/],
    [{ ms: Number.NaN }, /NaN ms/],
    [{ ms: 10, panes: 367 }, /367 panes/],
    [{ ms: 10, timeColumn: 5 }, /timeColumn/],
    [{ ms: 10, timeUnit: "h" }, /timeUnit is h: choose one of s, ms, us, ns/],
    [{ ms: 10, allowedLatenessMs: -1 }, /allowedLatenessMs is -1/],
    [
      { ms: 10, allowedLatenessMs: 10_000 },
      /allowedLatenessMs is 10000: choose 0 to 9670, which is 967 panes of 10 ms/,
    ],
    [{ ms: 10, aheadMs: 0 }, /aheadMs is 0/],
    [{ ms: 10, aheadRows: 1.5 }, /aheadRows is 1.5/],
  ] as const) {
    refused(
      () => checkedWindow({ timeColumn: "t", ...options } as TimeWindowOptions),
      "MENDLINE_ARGUMENT_INVALID",
      pattern,
    );
  }
  const { allowedLatenessMs, aheadMs, aheadRows, timeUnit } = settingsOf({ ms: 60_000, panes: 6 });
  assert.equal([allowedLatenessMs, aheadMs, aheadRows, timeUnit], [10_000, 86_400_000, 1_000, "ms"]);
});

test.run();
