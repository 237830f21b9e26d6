// Rows on their way into the arena: what is staged for each cell, and that a stream of rows takes no memory.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Row } from "../../../src/host/columns/rows.js";
import { counterFor } from "../../../src/host/drift/counter.js";
import { DriftMonitor } from "../../../src/host/drift/monitor.js";
import { StagedRows } from "../../../src/host/drift/staged-rows.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { cellsOfColumn } from "../columns/reading.js";
import { liveRows, refused, watched } from "./monitored.js";

const runtime = await openRuntime();
const { profile } = await watched(runtime, "child", 0, 200);

function staged(capacity: number, names: readonly string[] = [...profile.features.keys()]) {
  const profiles = names.map((name) => profile.features.get(name)!);
  const counters = names.map((name, index) => counterFor(runtime, name, [profiles[index]!]));
  return new StagedRows(runtime.arena, profiles, counters, capacity);
}

function cells(rows: StagedRows, name: string) {
  return cellsOfColumn(runtime.arena, rows.batch().columns.get(name)!);
}

test("each cell is staged as the profile's kind has it", () => {
  const rows = staged(20);
  const given: Row[] = [
    { temperature: 1.5, narrow: 0.1, whole: 3, flag: true, city: "city 1" },
    { temperature: 7n, narrow: "Infinity", whole: -2.5, flag: 0, city: "city 99" },
    { temperature: true, narrow: 1e300, whole: 2n ** 60n, flag: false, city: "another" },
    { temperature: "NaN", narrow: Number.NaN, whole: null, flag: undefined, city: Number.NaN },
    {},
  ];
  rows.check(given);
  for (const row of given) rows.add(row);
  assert.is(rows.rowCount, 5);
  assert.equal(cells(rows, "temperature"), [1.5, 7, 1, null, null]);
  assert.equal(cells(rows, "narrow"), [Math.fround(0.1), Infinity, Infinity, null, null]);
  assert.equal(cells(rows, "whole"), [3, -2.5, 2 ** 60, null, null]);
  assert.equal(cells(rows, "flag"), [1, 0, 0, null, null]);
  const city = cells(rows, "city");
  assert.is(city[0], "city 1");
  assert.is(city[1], city[2], "names that the profile does not know become one");
  assert.not.equal(city[1], "city 1");
  assert.equal(city.slice(3), [null, null]);
  rows.reset();
  assert.is(rows.rowCount, 0);
  rows.add({ temperature: 2 });
  assert.equal(cells(rows, "temperature"), [2]);
  assert.equal(cells(rows, "city"), [null]);
  rows.close();
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("the name of unseen categories is never one that the profile knows", () => {
  const known = ["unseen", "unseen?", "unseen??"];
  const own = {
    kind: "categorical",
    logical: "text",
    rows: 3,
    missing: 0,
    categories: known,
    counts: [1, 1, 1],
    other: null,
  } as const;
  const counter = counterFor(runtime, "x", [own]);
  const rows = new StagedRows(runtime.arena, [own], [counter], 8);
  for (const x of [...known, "unseen???", "new"]) rows.add({ x });
  const found = cells(rows, "x");
  assert.equal(found.slice(0, 3), known);
  assert.is(found[3], found[4]);
  assert.not(known.includes(String(found[3])));
  rows.close();
});

test("a check that refuses names the row and the feature, and stages nothing", () => {
  const rows = staged(4);
  refused(
    () => rows.check([{ temperature: 1 }, { temperature: "hot" }]),
    "MENDLINE_DATA_SCHEMA",
    /observed rows: "temperature" of row 1 is "hot", a text, where the model was trained on numbers/,
  );
  assert.is(rows.rowCount, 0);
  rows.check([{ temperature: 1, whole: "inf", unknown: "not looked at" }]);
  rows.close();
});

test("a million rows, a new category in each: heap and arena stay as they were", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const heapBytes = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const model = await watched(runtime, "child", 0, 200);
  const monitor = new DriftMonitor(runtime, model, [], { window: { rows: 50_000, panes: 2 } });
  const batch = liveRows(1_000, 0, 5) as Record<string, Row[string]>[];
  let windows = 0;
  monitor.on("window", () => {
    windows += 1;
  });
  const observe = (rowCount: number) => {
    for (let given = 0; given < rowCount; given += batch.length) {
      for (const [index, row] of batch.entries()) row.city = `visitor ${monitor.rowsObserved + index}`;
      monitor.observeRows(batch);
    }
  };
  observe(200_000);
  const before = { heap: heapBytes(), arena: runtime.arena.use };
  observe(800_000);
  const after = { heap: heapBytes(), arena: runtime.arena.use };
  assert.is(windows, 39);
  assert.equal(after.arena, before.arena);
  assert.ok(after.heap - before.heap < 2 ** 20, `${after.heap - before.heap} bytes more`);
  await monitor.close();
  assert.is(runtime.arena.use.usedBytes, 0);
});

test.run();
