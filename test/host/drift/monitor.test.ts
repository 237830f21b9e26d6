// The monitor: however rows come, the windows are those of the rows; nothing that fails loses or doubles any.
import { Table, tableFromIPC } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ArrowTable } from "../../../src/host/columns/arrow-table.js";
import type { DataSource } from "../../../src/host/columns/column.js";
import type { ColumnBatch } from "../../../src/host/columns/held.js";
import { type Row, rowsSource } from "../../../src/host/columns/rows.js";
import { compareToProfile } from "../../../src/host/drift/compare.js";
import { DriftMonitor, type MonitorOptions } from "../../../src/host/drift/monitor.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { totalPsi } from "../../../src/host/drift/report.js";
import type { Watched, WindowReport } from "../../../src/host/drift/window-report.js";
import { type NumericType, numericTypes, viewOf } from "../../../src/host/kernels/types.js";
import { openRuntime, type Runtime } from "../../../src/scheduler/runtime.js";
import { mixedValues, random } from "../../assembly/support.js";
import { refusal } from "../../refusals.js";
import { arrowBytes, packedArrowBytes } from "../columns/reading.js";
import {
  asLists,
  asRecordBatch,
  asTableRows,
  asTypedArrays,
  collect,
  featureNames,
  liveRows,
  refused,
  type Told,
  validityOf,
  watched,
} from "./monitored.js";
import { openTable, tableBytes } from "./tables.js";

const runtime = await openRuntime();
const model = await watched(runtime, "child", 0, 700);
const parent = await watched(runtime, "parent", 0.2, 300);
const base = await watched(runtime, "base", 0.5, 500);
const usedBytes = runtime.arena.use.usedBytes;

function monitorOf(options: MonitorOptions, ancestors: Watched[] = [], on: Runtime = runtime): DriftMonitor {
  return new DriftMonitor(on, model, ancestors, options);
}

const tableOf = (rows: readonly Row[]): DataSource => rowsSource(asTableRows(rows), "live", runtime.arena);

const shapes = [
  { window: { rows: 400 }, total: 5_000 },
  { window: { rows: 600, panes: 6 }, total: 5_000 },
  { window: { rows: 3_000, panes: 2 }, total: 7_000 },
  { window: { rows: 12, panes: 4 }, total: 150 },
  { window: { rows: 1 }, total: 20 },
] satisfies { window: MonitorOptions["window"]; total: number }[];

/** Every way to give rows to a monitor. */
const forms: readonly ((monitor: DriftMonitor, rows: readonly Row[]) => unknown)[] = [
  (monitor, rows) => monitor.observeRows(rows),
  (monitor, rows) => monitor.observe(rows),
  (monitor, rows) => {
    for (const row of rows) monitor.observeRow(row);
  },
  (monitor, rows) => {
    for (const row of rows) monitor.observe(row);
  },
  (monitor, rows) => monitor.observeColumns(asLists(rows)),
  (monitor, rows) => monitor.observe(asTypedArrays(rows, rows.length % 11)),
  (monitor, rows) => monitor.observe(asRecordBatch(rows) as unknown as ArrowTable),
  (monitor, rows) => monitor.observe(new Table([asRecordBatch(rows)]) as unknown as ArrowTable),
  (monitor, rows) => monitor.observe(arrowBytes([asRecordBatch(rows)])),
  (monitor, rows) => monitor.observe(arrowBytes([asRecordBatch(rows)], "file")),
  (monitor, rows) => monitor.observe(packedArrowBytes([asRecordBatch(rows)])),
  (monitor, rows) => monitor.observe(tableOf(rows)),
  // One after the other, though the second could be counted at once.
  (monitor, rows) => {
    const half = (rows.length + 1) >> 1;
    const parts = [tableOf(rows.slice(0, half)), arrowBytes([asRecordBatch(rows.slice(half))])];
    return Promise.all(parts.map((part) => monitor.observe(part)));
  },
];

test("rows, columns, Arrow and tables in any mixture and cut: the same windows", async () => {
  const next = random(12);
  for (const { window, total } of shapes) {
    const rows = liveRows(total, 0.1, 11);
    const whole = monitorOf({ window }, [parent, base]);
    const expected = collect(whole);
    whole.observeRows(rows);
    await whole.close();
    const { panes = 1 }: MonitorOptions["window"] = window;
    const paneRows = window.rows / panes;
    assert.is(expected.length, Math.floor(rows.length / paneRows) - panes + 1);
    for (let round = 0; round < 5; round++) {
      const mixed = monitorOf({ window }, [parent, base]);
      const found = collect(mixed);
      for (let from = 0; from < rows.length; ) {
        const kind = Math.floor(next() * forms.length);
        const piece = rows.slice(from, from + 1 + Math.floor(next() ** 3 * rows.length * 0.4));
        from += piece.length;
        await forms[kind]!(mixed, piece);
        if (next() < 0.1) mixed.flush();
        assert.is(mixed.rowsObserved, from);
      }
      await mixed.close();
      assert.equal(found, expected, JSON.stringify(window));
    }
  }
  assert.is(runtime.arena.use.usedBytes, usedBytes);
});

test("numbers of every type for a model of every type: the same bins from arrays, Arrow and tables", async () => {
  const next = random(51);
  const holed = (type: NumericType, count: number) =>
    mixedValues(type, count, next).map((cell) => (next() < 0.1 ? null : cell));
  const trained = Object.fromEntries(numericTypes.map((type) => [type, { type, cells: holed(type, 300) }]));
  const profile = await profileData(runtime, await openTable(runtime, trained));
  const odd = { id: "odd", label: "odd@1", profile };
  for (const type of numericTypes) {
    const cells = holed(type, 500);
    const live = Object.fromEntries(numericTypes.map((name) => [name, { type, cells }]));
    const values = viewOf(runtime.arena.memory, type, 65_536, 0).constructor as Float64ArrayConstructor;
    const isWide = type.endsWith("64") && type !== "f64";
    const validity = validityOf(cells, 5);
    const array = values.from(cells.map((cell) => cell ?? (isWide ? 7n : 7)) as number[]);
    const column = { values: array, validity, validityBitOffset: 5 };
    const columns = Object.fromEntries(numericTypes.map((name) => [name, column])) as ColumnBatch;
    const told: Told[][] = [];
    for (const give of [
      (monitor: DriftMonitor) => monitor.observe(columns),
      (monitor: DriftMonitor) => monitor.observe(tableBytes(live, { batchRows: 123 })),
      (monitor: DriftMonitor) => monitor.observe(tableFromIPC(tableBytes(live)) as unknown as ArrowTable),
      async (monitor: DriftMonitor) => monitor.observe(await openTable(runtime, live, { batchRows: 77 })),
    ]) {
      const monitor = new DriftMonitor(runtime, odd, [], { window: { rows: 250 } });
      told.push(collect(monitor));
      await give(monitor);
      await monitor.close();
    }
    assert.is(told[0]!.length, 2);
    for (const one of told.slice(1)) assert.equal(one, told[0], type);
    const { counts, missing } = told[0]![0]!.report.features[type]!;
    const absent = cells.slice(0, 250).filter((cell) => cell === null || Number.isNaN(cell)).length;
    assert.equal([counts.current.at(-1), missing.current], [absent, absent / 250]);
  }
});

test("a window's report is that of its very rows against the profile, and an ancestor's that of its own monitor", async () => {
  const rows = liveRows(3_000, 0.1, 13);
  const window = { rows: 1_000, panes: 4 };
  const monitor = monitorOf({ window }, [parent, base]);
  const found = collect(monitor);
  monitor.observeRows(rows);
  await monitor.close();
  assert.is(found.length, 9);
  for (const { window: at, report, ancestors } of found) {
    // The model was trained on f32 there: live doubles are compared as what it is given.
    const held = asTableRows(rows.slice(at.fromRow!, at.fromRow! + at.rowCount)).map((row) => ({
      ...row,
      narrow: typeof row.narrow === "number" ? Math.fround(row.narrow) : row.narrow,
    }));
    const source = rowsSource(held, "window", runtime.arena);
    // Of tables alone it is told which columns differ.
    const { schema: _, ...expected } = await compareToProfile(runtime, model.profile, source);
    assert.equal(report, expected);
    for (const [index, ancestor] of [parent, base].entries()) {
      const { schema: _, ...own } = await compareToProfile(runtime, ancestor.profile, source);
      const { id, label, verdict, totalPsi: total, report: told } = ancestors[index]!;
      assert.equal(told, own);
      assert.equal([id, label, verdict, total], [ancestor.id, ancestor.label, own.verdict, totalPsi(own)]);
    }
  }
  for (const ancestor of [parent, base]) {
    const alone = new DriftMonitor(runtime, ancestor, [], { window });
    const own = collect(alone);
    alone.observeRows(rows);
    await alone.close();
    assert.equal(
      own.map(({ report }) => report),
      found.map(({ ancestors }) => ancestors.find(({ id }) => id === ancestor.id)!.report),
    );
  }
});

test("numbers of every kind go to the bins that the profile's type gives them", async () => {
  const source = await openTable(runtime, {
    f32: { type: "f32", cells: [0.1, 0.1, 0.1, 0.2, 0.3, 0.4].map(Math.fround) },
    i64: { type: "i64", cells: [1n, 1n, 1n, 2n, 3n, 4n] },
    bool: { type: "bool", cells: [true, true, true, false, false, false] },
  });
  const profile = await profileData(runtime, source, { bins: 4 });
  const odd = { id: "odd", label: "odd@1", profile };
  const cases: [string, unknown[], (number | null)[]][] = [
    // Edges 0.1 and its f32 successor, 0.2: JSON's 0.1 is the atom, as it was in training.
    ["f32", [0.1, Math.fround(0.1), 0.05, 0.2, 1e300, "Infinity", "-inf", null, "NaN"], [2, 2, 1, 2]],
    ["i64", [1, 1.5, 0.5, 2n, 2.000001, 1e300, -(10n ** 30n), true, false], [3, 3, 2, 1]],
    ["bool", [true, 1, false, 0, 0.5, 2, null, undefined, Number.NaN], [0, 3, 3]],
  ];
  for (const [name, cells, bins] of cases) {
    const monitor = new DriftMonitor(runtime, odd, [], { window: { rows: cells.length }, features: [name] });
    const found = collect(monitor);
    monitor.observeRows(cells.map((cell) => ({ [name]: cell }) as Row));
    await monitor.close();
    const { edges, counts } = found[0]!.report.features[name]!;
    const missing = cells.length - bins.reduce((total: number, count) => total + count!, 0);
    assert.equal(counts.current, [...bins, missing], `${name}: ${JSON.stringify(edges)}`);
  }
});

test("a row that does not fit refuses the whole call, and nothing of it is counted", async () => {
  const monitor = monitorOf({ window: { rows: 10 } });
  const found = collect(monitor);
  const good = liveRows(25, 0, 17);
  monitor.observeRows(good.slice(0, 3));
  const bad: [unknown, RegExp][] = [
    [{ temperature: "warm" }, /"temperature" of row 20 is "warm", a text/],
    [{ whole: "12" }, /"whole" of row 20 is "12"/],
    [{ narrow: { value: 1 } }, /"narrow" of row 20 is no number/],
    [{ city: ["a"] }, /"city" of row 20 is no number/],
    [{ flag: () => true }, /"flag" of row 20/],
    [{ city: Symbol("a") }, /"city" of row 20/],
    [{ temperature: new Date() }, /"temperature" of row 20/],
    [null, /row 20 is null/],
    [undefined, /row 20 is undefined/],
    [7, /row 20 is 7/],
    ["text", /row 20 is text/],
    [[1, 2], /row 20 is a list/],
  ];
  for (const [row, pattern] of bad) {
    refused(
      () => monitor.observeRows([...good.slice(0, 20), row as Row, ...good.slice(20)]),
      "MENDLINE_DATA_SCHEMA",
      pattern,
    );
    assert.is(monitor.rowsObserved, 3);
  }
  refused(
    () => monitor.observeRow({ temperature: "x".repeat(10_000_000) }),
    "MENDLINE_DATA_SCHEMA",
    /^.{0,200}$/,
  );
  assert.is(found.length, 0);
  monitor.observeRows(good.slice(3, 10));
  const expected = monitorOf({ window: { rows: 10 } });
  const told = collect(expected);
  expected.observeRows(good.slice(0, 10));
  assert.equal(found, told);
  await Promise.all([monitor.close(), expected.close()]);
});

test("features may be called __proto__ or constructor: what a row inherits is not its value", async () => {
  const cells = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const training = cells.map(
    (cell) => JSON.parse(`{"__proto__": ${cell}, "constructor": "c${cell % 2}"}`) as Row,
  );
  const profile = await profileData(runtime, rowsSource(training, "training", runtime.arena));
  assert.equal([...profile.features.keys()], ["__proto__", "constructor"]);
  const odd = { id: "odd", label: "odd@1", profile };
  const monitor = new DriftMonitor(runtime, odd, [], { window: { rows: 6 } });
  const found = collect(monitor);
  const live = ['{"__proto__": 1}', '{"constructor": "c1"}', '{"__proto__": null}', "{}"].map(
    (text) => JSON.parse(text) as Row,
  );
  monitor.observeRows([...live, Object.create(null) as Row]);
  await monitor.observe(
    rowsSource([JSON.parse('{"__proto__": 4, "constructor": "c0"}') as Row], "t", runtime.arena),
  );
  await monitor.close();
  const { features } = found[0]!.report;
  assert.equal(Object.keys(features), ["__proto__", "constructor"]);
  const missing = Object.values(features).map(({ missing: { current } }) => current);
  assert.equal(missing, [4 / 6, 4 / 6]);
});

test("some features only, each once; none, unknown ones and too many ancestors are refused", async () => {
  const features = ["city", "whole", "city"];
  const monitor = monitorOf({ window: { rows: 50 }, features }, [parent]);
  const found = collect(monitor);
  const rows = liveRows(100, 0, 19);
  monitor.observeRows(rows.slice(0, 50));
  const onlyThose = rows.slice(50).map(({ city = null, whole = null }) => ({ city, whole }));
  await monitor.observe(rowsSource(onlyThose, "t", runtime.arena));
  await monitor.close();
  for (const { report, ancestors } of found) {
    assert.equal(Object.keys(report.features), ["city", "whole"]);
    assert.equal(Object.keys(ancestors[0]!.report.features), ["city", "whole"]);
  }
  const window = { rows: 10 };
  refused(() => monitorOf({ window, features: [] }), "MENDLINE_ARGUMENT_INVALID", /no features of child@1/);
  refused(
    () => monitorOf({ window, features: ["wind"] }),
    "MENDLINE_DATA_SCHEMA",
    /not trained on "wind".*city/,
  );
  const many = new Array<Watched>(17).fill(parent);
  refused(() => monitorOf({ window }, many), "MENDLINE_ARGUMENT_INVALID", /17 ancestors.*16/);
  refused(() => monitorOf({ window: { rows: 10, panes: 3 } }), "MENDLINE_ARGUMENT_INVALID");
  refused(() => monitorOf({ window, threshold: -1 }), "MENDLINE_ARGUMENT_INVALID");
  refused(() => monitorOf({ window, trigger: { windowsNeeded: 9 } }), "MENDLINE_ARGUMENT_INVALID");
  assert.is(runtime.arena.use.usedBytes, usedBytes);
});

test("the alarm: two of three drifted windows, then quiet for three", async () => {
  const monitor = monitorOf({ window: { rows: 500 }, features: ["temperature", "flag"] });
  const alarms: WindowReport[] = [];
  const windows: WindowReport[] = [];
  monitor.on("window", (window) => windows.push(window));
  monitor.on("drift", (window) => alarms.push(window));
  monitor.observeRows(liveRows(1_000, 0, 23));
  assert.is(alarms.length, 0);
  monitor.observeRows(liveRows(3_000, 1, 29));
  await monitor.close();
  const verdicts = windows.map(({ report }) => report.verdict);
  assert.equal(verdicts, [...new Array<string>(2).fill("stable"), ...new Array<string>(6).fill("drift")]);
  assert.equal(
    alarms.map(({ window }) => window.number),
    [3, 7],
  );
  assert.equal(
    windows.filter(({ alarm }) => alarm),
    alarms,
  );
  assert.ok(windows.every((window) => window.model === "child"));
});

test("a closed monitor takes nothing; closing counts what is staged, once", async () => {
  const monitor = monitorOf({ window: { rows: 7 } });
  const found = collect(monitor);
  let closes = 0;
  monitor.on("close", () => {
    closes += 1;
  });
  monitor.observeRows(liveRows(6, 0, 31));
  const under = monitor.observe(tableOf(liveRows(1, 0, 32)));
  const closing = monitor.close();
  assert.is(monitor.close(), closing);
  refused(() => monitor.observeRow({}), "MENDLINE_ARGUMENT_INVALID", /closed/);
  await refusal(monitor.observe(tableOf([])), "MENDLINE_ARGUMENT_INVALID", /closed/);
  await Promise.all([under, closing]);
  assert.equal([found.length, closes, monitor.rowsObserved], [1, 1, 7]);
  monitor.flush();
  assert.is(runtime.arena.use.usedBytes, usedBytes);
});

/** A source that gives some of its rows, and then fails. */
function failing(rows: readonly Row[], goodBatches: number): DataSource {
  const source = tableOf(rows);
  return {
    ...source,
    async *read(options) {
      let left = goodBatches;
      for (let from = 0; from < rows.length; from += 100) {
        if (left-- === 0) throw new Error("the disk is gone");
        yield* tableOf(rows.slice(from, from + 100)).read(options);
      }
    },
  };
}

test("a table that fails half way leaves the monitor as it was before the batch that failed", async () => {
  const rows = liveRows(1_000, 0.1, 37);
  const monitor = monitorOf({ window: { rows: 60, panes: 3 } });
  const found = collect(monitor);
  await monitor.observe(failing(rows, 3)).then(
    () => assert.unreachable(),
    (thrown: Error) => {
      assert.is(thrown.message, "the disk is gone");
    },
  );
  assert.is(monitor.rowsObserved, 300);
  const aborted = new AbortController();
  aborted.abort();
  await refusal(
    monitor.observe(tableOf(rows.slice(300)), { signal: aborted.signal }),
    "MENDLINE_TASK_ABORTED",
  );
  await refusal(monitor.observe(rowsSource([{ city: "a" }], "t", runtime.arena)), "MENDLINE_DATA_SCHEMA");
  const damaged = damagedBatch(rows.slice(300, 450));
  await refusal(monitor.observe(damaged), "MENDLINE_DATA_MALFORMED");
  assert.is(monitor.rowsObserved, 300);
  await monitor.observe(tableOf(rows.slice(300)));
  await monitor.close();
  const expected = await windowsOf(rows, { rows: 60, panes: 3 });
  assert.equal(found, expected);
  assert.is(runtime.arena.use.usedBytes, usedBytes);
});

async function windowsOf(rows: readonly Row[], window: MonitorOptions["window"]): Promise<Told[]> {
  const monitor = monitorOf({ window });
  const found = collect(monitor);
  monitor.observeRows(rows);
  await monitor.close();
  return found;
}

/** Codes beyond the dictionary, as damaged Arrow data holds them: found only when they are counted. */
function damagedBatch(rows: readonly Row[]): DataSource {
  const source = tableOf(rows);
  return {
    ...source,
    async *read(options) {
      for await (const batch of source.read(options)) {
        const city = batch.columns.get("city")!;
        assert.is(city.kind, "text");
        const columns = new Map(batch.columns);
        columns.set("city", { ...city, names: [] } as typeof city);
        yield { rowCount: batch.rowCount, columns };
      }
    },
  };
}

test("no room to count: the rows stay staged, and are counted when there is", async () => {
  const small = await openRuntime({ memoryBytes: 8 * 1024 * 1024 });
  const monitor = new DriftMonitor(small, model, [parent], { window: { rows: 64 } });
  const found = collect(monitor);
  const rows = liveRows(128, 0, 41);
  const scope = small.arena.scope();
  for (let byteLength = 4 * 1024 * 1024; byteLength >= 64; byteLength /= 2) {
    while (small.arena.availableBytes >= byteLength) scope.allocate(byteLength);
  }
  monitor.observeRows(rows.slice(0, 63));
  refused(() => monitor.observeRow(rows[63]!), "MENDLINE_MEMORY_EXHAUSTED");
  refused(() => monitor.observeRow(rows[64]!), "MENDLINE_MEMORY_EXHAUSTED");
  refused(() => monitor.flush(), "MENDLINE_MEMORY_EXHAUSTED");
  assert.equal([monitor.rowsObserved, found.length], [64, 0]);
  scope.close();
  monitor.observeRows(rows.slice(64));
  const expected = new DriftMonitor(small, model, [parent], { window: { rows: 64 } });
  const told = collect(expected);
  expected.observeRows(rows);
  await Promise.all([monitor.close(), expected.close()]);
  assert.equal(found, told);
  assert.is(small.arena.use.usedBytes, 0);
  await small.close();
});

test("a listener that throws stops no counting: its error comes out when the rows are taken", async () => {
  const rows = liveRows(1_000, 0, 43);
  const monitor = monitorOf({ window: { rows: 50, panes: 5 } });
  const found = collect(monitor);
  let calls = 0;
  monitor.on("window", ({ window }) => {
    calls += 1;
    throw new Error(`listener at ${window.number}`);
  });
  const throws = (work: () => void, message: string) =>
    assert.throws(work, (thrown: Error) => thrown.message === message);
  throws(() => monitor.observeRows(rows.slice(0, 95)), "listener at 0");
  assert.equal([monitor.rowsObserved, calls], [95, 5]);
  monitor.observeRows(rows.slice(95, 98));
  await monitor.observe(tableOf(rows.slice(98, 500))).then(
    () => assert.unreachable(),
    (thrown: Error) => {
      assert.is(thrown.message, "listener at 5");
    },
  );
  throws(() => monitor.observeRows(rows.slice(500)), "listener at 46");
  await monitor.close();
  assert.equal(found, await windowsOf(rows, { rows: 50, panes: 5 }));
});

test("rows and tables at the same time, over two threads: every row is in one window, once", async () => {
  const pooled = await openRuntime({ threads: 2 });
  const own = await watched(pooled, "child", 0);
  const next = random(47);
  const tableRows = 400_000;
  const cities = (prefix: string) =>
    Array.from({ length: tableRows }, () => `${prefix}city ${Math.floor(next() * 20)}`);
  const numbers = (count: number) => Array.from({ length: count }, () => Math.floor(next() * 30) / 10);
  const table = (prefix: string) =>
    openTable(
      pooled,
      {
        temperature: { type: "f64", cells: numbers(tableRows) },
        city: { type: "text", cells: cities(prefix) },
      },
      { batchRows: 150_000 },
    );
  const tables = [await table(""), await table("other "), await table("")];
  // Panes larger than a batch: what is counted at once is worth a worker.
  const windowRows = 200_000;
  const features = ["temperature", "city"];
  const monitor = new DriftMonitor(pooled, own, [], { window: { rows: windowRows }, features });
  const found = collect(monitor);
  const rows = Array.from({ length: 4_000 }, (_, i) => ({ temperature: i % 9, city: `city ${i % 17}` }));
  const observing = Promise.all(tables.map((source) => monitor.observe(source)));
  let isDone = false;
  const noteEnd = () => {
    isDone = true;
  };
  observing.then(noteEnd, noteEnd);
  let rowsGiven = 0;
  while (!isDone) {
    monitor.observeRows(rows);
    rowsGiven += rows.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await observing;
  const total = 3 * tableRows + rowsGiven;
  const rest = Array.from({ length: windowRows - (total % windowRows) }, () => ({
    temperature: null,
    city: null,
  }));
  monitor.observeRows(rest);
  await monitor.close();
  const totalRows = total + rest.length;
  assert.is(monitor.rowsObserved, totalRows);
  assert.equal(
    found.map(({ window }) => window.number),
    Array.from({ length: totalRows / windowRows }, (_, number) => number),
  );
  const apart = found.map(({ report }) => report.features);
  const once = new DriftMonitor(pooled, own, [], { window: { rows: totalRows }, features });
  const all = collect(once);
  for (const source of tables) await once.observe(source);
  for (let given = 0; given < rowsGiven; given += rows.length) once.observeRows(rows);
  once.observeRows(rest);
  await once.close();
  for (const name of features) {
    const expected = all[0]!.report.features[name]!.counts.current;
    const summed = expected.map((_, slot) =>
      apart.reduce((sum, held) => sum + held[name]!.counts.current[slot]!, 0),
    );
    assert.equal(summed, expected, name);
  }
  for (const source of tables) await source.close();
  assert.is(pooled.arena.use.usedBytes, 0);
  await pooled.close();
});

test("the features' names cover every kind", () => {
  assert.equal([...model.profile.features.keys()], [...featureNames]);
  const kinds = Array.from(model.profile.features.values(), (feature) =>
    feature.kind === "numeric" ? feature.type : feature.kind,
  );
  assert.equal(kinds, ["f64", "f32", "i64", "u8", "categorical"]);
});

test.run();
