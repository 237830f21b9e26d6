// Windows against a naive model that keeps every row.
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import type { PaneShare } from "../../../src/host/drift/panes.js";
import { RowWindows } from "../../../src/host/drift/row-windows.js";
import { type ClosedWindow, checkedWindow, type RowWindowSettings } from "../../../src/host/drift/window.js";

const slotCounts = [3, 2];
/** Slots of a row: any function of its name will do. */
const slotsOf = (row: number) => [row % 3, (row * 7 + (row >> 2)) % 2];

function addRow(row: number, counts: readonly { [slot: number]: number }[]): void {
  for (const [feature, slot] of slotsOf(row).entries()) counts[feature]![slot]! += 1;
}

function countRows(rows: readonly number[]): number[][] {
  const counts = slotCounts.map((slots) => new Array<number>(slots).fill(0));
  for (const row of rows) addRow(row, counts);
  return counts;
}

const noTime = {
  fromMs: null,
  toMs: null,
  segments: [],
  setAside: { lateRows: 0, earlyRows: 0, untimedRows: 0 },
  emptyBefore: 0,
};

function windowsOf(shape: { rows: number; panes?: number }, slots: readonly number[]): RowWindows {
  return new RowWindows(checkedWindow(shape) as RowWindowSettings, slots);
}

/** Shares of so many rows. */
function takeAll(windows: RowWindows, rowCount: number): PaneShare[] {
  const shares: PaneShare[] = [];
  for (let from = 0; from < rowCount; from += shares.at(-1)!.rowCount)
    shares.push(windows.take(from, rowCount));
  return shares;
}

/** What windows must have closed once the rows of these positions are counted. */
function naiveWindows(rows: number, panes: number, taken: readonly number[], isCounted: boolean[]) {
  const paneRows = rows / panes;
  const closed: ClosedWindow[] = [];
  for (let number = 0; (number + panes) * paneRows <= taken.length; number++) {
    const fromRow = number * paneRows;
    if (!isCounted.slice(0, fromRow + rows).every(Boolean)) break;
    const counts = countRows(taken.slice(fromRow, fromRow + rows)).map((slots) => Float64Array.from(slots));
    closed.push({ ...noTime, number, fromRow, rowCount: rows, counts });
  }
  return closed;
}

function count(share: PaneShare, firstRow: number): void {
  for (let row = firstRow; row < firstRow + share.rowCount; row++) {
    addRow(row, share.pane.segment(0).counts);
  }
}

const shapes = fc
  .record({ paneRows: fc.integer({ min: 1, max: 9 }), panes: fc.integer({ min: 1, max: 5 }) })
  .map(({ paneRows, panes }) => ({ rows: paneRows * panes, panes }));
const runs = { numRuns: 300, seed: 20 };

test("any cut of the rows, counted in any order, gives the windows of a model that keeps every row", () => {
  fc.assert(
    fc.property(
      shapes,
      fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 20 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 50 }),
      (shape, cuts, picks) => {
        const window = windowsOf(shape, slotCounts);
        const pending: { share: PaneShare; firstRow: number }[] = [];
        const isCounted: boolean[] = [];
        const closed: ClosedWindow[] = [];
        let taken = 0;
        let turn = 0;
        const settleOne = () => {
          const { share, firstRow } = pending.splice(picks[turn++ % picks.length]! % pending.length, 1)[0]!;
          count(share, firstRow);
          closed.push(...window.counted(share));
          isCounted.fill(true, firstRow, firstRow + share.rowCount);
          const names = Array.from({ length: taken }, (_, row) => row);
          assert.equal(closed, naiveWindows(shape.rows, shape.panes, names, isCounted));
        };
        for (const cut of cuts) {
          const shares = takeAll(window, cut);
          let at = 0;
          for (const share of shares) {
            assert.is(share.from, at);
            assert.ok(share.rowCount > 0 && share.rowCount <= window.paneRows);
            pending.push({ share, firstRow: taken + at });
            at += share.rowCount;
          }
          assert.is(at, cut);
          taken += cut;
          isCounted.push(...new Array<boolean>(cut).fill(false));
          assert.is(window.rowsTaken, taken);
          const filled = taken % window.paneRows;
          assert.is(window.paneRoom, window.paneRows - filled);
          if (turn % 2 === 0 && pending.length > 0) settleOne();
        }
        while (pending.length > 0) settleOne();
      },
    ),
    runs,
  );
});

test("one row at a time and all rows at once close the same windows", () => {
  for (const [rows, panes] of [
    [1, 1],
    [6, 1],
    [6, 2],
    [6, 6],
    [12, 3],
  ] as const) {
    const total = 50;
    const names = Array.from({ length: total }, (_, row) => row);
    const expected = naiveWindows(rows, panes, names, new Array<boolean>(total).fill(true));
    assert.ok(expected.length > 0);
    for (const cut of [1, 7, total]) {
      const window = windowsOf({ rows, panes }, slotCounts);
      const closed: ClosedWindow[] = [];
      for (let taken = 0; taken < total; taken += cut) {
        for (const share of takeAll(window, Math.min(cut, total - taken))) {
          count(share, taken + share.from);
          closed.push(...window.counted(share));
        }
      }
      assert.equal(closed, expected, `${rows} rows, ${panes} panes, cut by ${cut}`);
    }
  }
});

test("shares whose counting failed are filled by later rows, and no window waits for ever", () => {
  fc.assert(
    fc.property(
      shapes,
      fc.array(fc.record({ rows: fc.integer({ min: 1, max: 20 }), fails: fc.nat(3), later: fc.boolean() }), {
        maxLength: 25,
      }),
      (shape, steps) => {
        const window = windowsOf(shape, slotCounts);
        const closed: ClosedWindow[] = [];
        const late: { share: PaneShare; firstRow: number }[] = [];
        let next = 0;
        let kept = 0;
        let opened = 0;
        const settle = ({ share, firstRow }: { share: PaneShare; firstRow: number }) => {
          count(share, firstRow);
          closed.push(...window.counted(share));
        };
        for (const { rows, fails, later } of steps) {
          for (const [index, share] of takeAll(window, rows).entries()) {
            opened = Math.max(opened, share.pane.number + 1);
            if (index % 4 === fails) {
              window.giveBack(share);
              continue;
            }
            const one = { share, firstRow: next };
            next += share.rowCount;
            kept += share.rowCount;
            if (later) late.push(one);
            else settle(one);
          }
          assert.is(window.rowsTaken, kept);
        }
        late.forEach(settle);
        // Fill up what is open: every row that was counted is then in a window.
        const total = Math.max(opened, shape.panes) * window.paneRows;
        while (window.rowsTaken < total) {
          for (const share of takeAll(window, Math.min(window.paneRoom, total - window.rowsTaken))) {
            settle({ share, firstRow: next });
            next += share.rowCount;
          }
        }
        assert.equal(
          closed.map(({ number }) => number),
          closed.map((_, index) => index),
        );
        assert.is(closed.length, total / window.paneRows - window.paneCount + 1);
        for (const { counts } of closed) {
          for (const slots of counts) {
            assert.is(
              slots.reduce((sum, held) => sum + held, 0),
              shape.rows,
            );
          }
        }
        if (shape.panes > 1) return;
        const all = countRows(Array.from({ length: next }, (_, row) => row));
        const summed = slotCounts.map((slots, feature) =>
          Array.from({ length: slots }, (_, slot) =>
            closed.reduce((sum, { counts }) => sum + counts[feature]![slot]!, 0),
          ),
        );
        assert.equal(summed, all);
      },
    ),
    runs,
  );
});

test("a closed window's counts are the caller's to keep", () => {
  const window = windowsOf({ rows: 4, panes: 2 }, [1]);
  const closed: ClosedWindow[] = [];
  for (let row = 0; row < 8; row++) {
    const [share] = takeAll(window, 1);
    share!.pane.segment(0).counts[0]![0]! += 1;
    for (const one of window.counted(share!)) {
      closed.push(one);
      one.counts[0]!.fill(-1_000);
    }
  }
  assert.is(closed.length, 3);
  const [share] = takeAll(window, 2);
  share!.pane.segment(0).counts[0]![0]! += 2;
  assert.equal(window.counted(share!)[0]!.counts, [Float64Array.of(4)]);
});

test("shapes that are none are refused", () => {
  for (const options of [
    { rows: 0 },
    { rows: -5 },
    { rows: 2.5 },
    { rows: Number.NaN },
    { rows: 5_000_000_000 },
    { rows: 10, panes: 0 },
    { rows: 10, panes: 3 },
    { rows: 10, panes: 20 },
    { rows: 734, panes: 367 },
    { rows: 10, panes: Number.NaN },
  ]) {
    assert.throws(
      () => windowsOf(options, [1]),
      (thrown: unknown) =>
        thrown instanceof MendlineError &&
        thrown.code === "MENDLINE_ARGUMENT_INVALID" &&
        thrown.message.includes(String(options.rows)),
      JSON.stringify(options),
    );
  }
  assert.is(windowsOf({ rows: 366, panes: 366 }, []).paneRows, 1);
});

test.run();
