// Windows by time, segments and predictions at once: the same reports whatever the form of the rows, and their cut.
import { TimestampMicrosecond, vectorFromArray } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ArrowTable } from "../../../src/host/columns/arrow-table.js";
import type { ColumnBatch } from "../../../src/host/columns/held.js";
import { type Row, rowsSource } from "../../../src/host/columns/rows.js";
import { compareToProfile } from "../../../src/host/drift/compare.js";
import { DriftMonitor, type MonitorOptions } from "../../../src/host/drift/monitor.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { refusal } from "../../refusals.js";
import { arrowBytes, rawVector, recordBatch } from "../columns/reading.js";
import {
  asRecordBatch,
  asTableRows,
  asTypedArrays,
  collect,
  liveRows,
  refused,
  type Told,
  watched,
} from "./monitored.js";
import { openTable } from "./tables.js";

const runtime = await openRuntime();
const model = await watched(runtime, "child", 0, 700);
const parent = await watched(runtime, "parent", 0.2, 300);
const predicted = await profileData(
  runtime,
  await openTable(runtime, {
    score: { type: "f64", cells: Array.from({ length: 500 }, (_, i) => (i % 97) / 97) },
    label: { type: "text", cells: Array.from({ length: 500 }, (_, i) => (i % 3 === 0 ? "rain" : "dry")) },
  }),
);
const usedBytes = runtime.arena.use.usedBytes;

const numbered = (count: number) => Array.from({ length: count }, (_, index) => String(index));

const hourMs = 3_600_000;
const beginMs = Date.UTC(2024, 4, 1);

/** Rows about a second apart, some late, some far off, some without a time, with what the model made of them. */
function timedRows(count: number, seed: number): Row[] {
  const next = random(seed);
  return liveRows(count, 0.2, seed).map((row, index) => {
    const kind = next();
    let at: number | null = beginMs + index * 1_000 - Math.floor(next() ** 6 * 200_000);
    if (kind < 0.01) at = null;
    else if (kind < 0.02) at += 400 * 24 * hourMs;
    const label = next() < 0.05 ? null : next() < 0.5 ? "rain" : "snow";
    return { ...row, at, score: next() < 0.02 ? Number.NaN : next() ** 2, label };
  });
}

const options: MonitorOptions = {
  window: { ms: 600_000, panes: 5, timeColumn: "at", allowedLatenessMs: 60_000 },
  predictions: { profile: predicted },
  segments: { column: "city", names: ["city 0", "city 1", "city 2"] },
};

const times = (rows: readonly Row[]) => rows.map(({ at }) => at as number | null);

function withTimes(rows: readonly Row[], batch: ColumnBatch, at: ColumnBatch[string]): ColumnBatch {
  const scores = Float64Array.from(rows, ({ score }) => score as number);
  return { ...batch, at, score: scores, label: rows.map(({ label }) => label) };
}

function timedBatch(rows: readonly Row[]) {
  const inputs = asRecordBatch(rows);
  const named = inputs.schema.fields.map(({ name }, i) => [name, inputs.getChildAt(i)!] as const);
  const micros = times(rows).map((ms) => (ms === null ? null : BigInt(ms) * 1_000n + 999n));
  return recordBatch([
    ["at", rawVector(new TimestampMicrosecond(), micros)],
    ...named,
    ["score", vectorFromArray(rows.map(({ score }) => score as number))],
    ["label", vectorFromArray(rows.map(({ label }) => label as string | null))],
  ]);
}

const forms: readonly ((monitor: DriftMonitor, rows: readonly Row[]) => unknown)[] = [
  (monitor, rows) => monitor.observe(rows),
  (monitor, rows) => {
    for (const row of rows) monitor.observe(row);
  },
  (monitor, rows) =>
    monitor.observe(
      rows.map((row) => ({ ...row, at: row.at == null ? "" : new Date(row.at as number).toISOString() })),
    ),
  (monitor, rows) =>
    monitor.observe(
      withTimes(
        rows,
        asTypedArrays(rows),
        Float64Array.from(times(rows), (ms) => ms ?? Number.NaN),
      ),
    ),
  (monitor, rows) => monitor.observe(timedBatch(rows) as unknown as ArrowTable),
  (monitor, rows) => monitor.observe(arrowBytes([timedBatch(rows)])),
  (monitor, rows) => monitor.observe(arrowBytes([timedBatch(rows)], "file")),
  (monitor, rows) => monitor.observe(rowsSource(asTableRows(rows), "live", runtime.arena)),
];

/** Without what only the columns of a table can tell. */
async function comparedTo(...[on, profile, source, some]: Parameters<typeof compareToProfile>) {
  const { schema: _, ...report } = await compareToProfile(on, profile, source, some);
  return report;
}

function toldBy(some: MonitorOptions, give: (monitor: DriftMonitor) => unknown): Promise<Told[]> {
  const monitor = new DriftMonitor(runtime, model, [parent], some);
  const told = collect(monitor);
  return Promise.resolve(give(monitor)).then(async () => {
    await monitor.close();
    assert.is(runtime.arena.use.usedBytes, usedBytes);
    return told;
  });
}

test("by time, by segment and with predictions: the same windows from every form and cut", async () => {
  const rows = timedRows(2_500, 5);
  const expected = await toldBy(options, (monitor) => monitor.observe(rows));
  assert.ok(expected.length > 10);
  const aside = expected.reduce((sum, { window }) => sum + window.lateRows + window.untimedRows, 0);
  assert.ok(aside > 10, `${aside} set aside`);
  for (const form of forms) assert.equal(await toldBy(options, (monitor) => form(monitor, rows)), expected);
  const next = random(6);
  for (let round = 0; round < 4; round++) {
    const found = await toldBy(options, async (monitor) => {
      for (let from = 0; from < rows.length; ) {
        const piece = rows.slice(from, from + 1 + Math.floor(next() ** 3 * 1_500));
        from += piece.length;
        await forms[Math.floor(next() * forms.length)]!(monitor, piece);
        if (next() < 0.1) monitor.flush();
        assert.is(monitor.rowsObserved, from);
      }
    });
    assert.equal(found, expected);
  }
});

test("a window's reports are those of its very rows, of each segment's, and of their predictions", async () => {
  const rows = timedRows(3_000, 7);
  const own = await watched(runtime, "city", 0.4, 200);
  const segments = {
    column: "city",
    profiles: new Map([["city 3", own.profile]]),
    names: ["city 3", "city 4"],
  };
  const window = { ...options.window, allowedLatenessMs: 200_000 } as MonitorOptions["window"];
  const told = await toldBy({ ...options, window, segments }, (monitor) => monitor.observe(rows));
  const source = (some: readonly Row[]) => {
    const held = asTableRows(some).map((row) => ({
      ...row,
      narrow: typeof row.narrow === "number" ? Math.fround(row.narrow) : row.narrow,
    }));
    return rowsSource(held, "window", runtime.arena);
  };
  for (const { window: at, report, predictions, segments: parts, ancestors } of told.slice(0, 12)) {
    const within = rows.filter(
      (row) => row.at !== null && Number(row.at) >= at.fromMs! && Number(row.at) < at.toMs!,
    );
    assert.is(at.rowCount, within.length);
    assert.equal(report, await comparedTo(runtime, model.profile, source(within)));
    assert.equal(ancestors[0]!.report, await comparedTo(runtime, parent.profile, source(within)));
    assert.equal(predictions, await comparedTo(runtime, predicted, source(within)));
    assert.is(
      parts.reduce((sum, { rowCount }) => sum + rowCount, 0),
      at.rowCount,
    );
    for (const { name, kind, rowCount, reference, report: part } of parts) {
      const isMissing = ({ city }: Row) => city === null || city === undefined || Number.isNaN(city);
      const of = within.filter((row) => {
        if (kind === "missing") return isMissing(row);
        if (kind === "named") return !isMissing(row) && String(row.city) === name;
        return !isMissing(row) && !["city 3", "city 4"].includes(String(row.city));
      });
      assert.equal([rowCount, reference], [of.length, name === "city 3" ? "segment" : "whole"]);
      const features = ["temperature", "narrow", "whole", "flag"];
      const profile = name === "city 3" ? own.profile : model.profile;
      assert.equal(part, await comparedTo(runtime, profile, source(of), { features }));
    }
  }
  const compared = told.slice(0, 6).map(({ segments: parts }) => parts.map(({ name, kind }) => name ?? kind));
  assert.ok(told.length > 12);
  assert.equal(compared[4], ["city 3", "city 4", "other", "missing"]);
});

test("windows by rows have segments too, and rows beyond the last segment are others", async () => {
  const rows = liveRows(1_000, 0, 9);
  const { features } = model.profile;
  const city = features.get("city")!;
  const names = city.kind === "categorical" ? city.categories : [];
  const told = await toldBy({ window: { rows: 250 }, segments: { column: "city" } }, (monitor) =>
    monitor.observe(rows),
  );
  assert.is(told.length, 4);
  for (const { segments, window, report } of told) {
    for (const { name, kind } of segments) assert.is(kind === "named", name !== null && names.includes(name));
    assert.is(
      segments.reduce((sum, { rowCount }) => sum + rowCount, 0),
      250,
    );
    assert.equal([window.fromMs, window.lateRows], [null, 0]);
    const counts = segments.map((segment) => segment.report.features.temperature!.counts.current);
    const whole = report.features.temperature!.counts.current;
    assert.equal(
      whole,
      whole.map((_, slot) => counts.reduce((sum, slots) => sum + slots[slot]!, 0)),
    );
  }
});

test("a clock of this machine that jumps loses and doubles nothing", async () => {
  const rows = timedRows(1_500, 11);
  const expected = await toldBy(options, (monitor) => monitor.observe(rows));
  const { now } = Date;
  let jumps = 0;
  try {
    const closedMs: number[] = [];
    const found = await toldBy(options, (monitor) => {
      monitor.on("window", ({ window }) => closedMs.push(window.closedMs));
      for (const [index, row] of rows.entries()) {
        if (index % 100 === 0) {
          const jumped = (jumps++ % 2 === 0 ? 1 : -1) * 1e11 * jumps;
          Date.now = () => now() + jumped;
        }
        monitor.observe(row);
      }
    });
    assert.equal(found, expected);
    assert.ok(
      closedMs.some((ms, index) => index > 0 && ms < closedMs[index - 1]!),
      "it did jump",
    );
  } finally {
    Date.now = now;
  }
});

test("hostile times, segments and predictions have an answer", async () => {
  const monitor = new DriftMonitor(runtime, model, [], options);
  const told = collect(monitor);
  const [good] = timedRows(1, 3);
  const odd: Row[] = [
    1e300,
    -1e300,
    Number.NaN,
    Infinity,
    "yesterday",
    null,
    undefined,
    true,
    10n ** 30n,
  ].map((at) => ({ ...good, at }));
  for (let i = 0; i < 20; i++) monitor.observe({ ...good, at: beginMs + i });
  monitor.observe(odd);
  for (const [row, pattern] of [
    [{ ...good, at: {} }, /"at" of row 0 is no number/],
    [{ ...good, city: ["a"] }, /"city" of row 0 is no number/],
    [
      { ...good, score: "high" },
      /"score" of row 0 is "high", a text, where the model was trained on numbers/,
    ],
    [{ ...good, label: new Date() }, /"label" of row 0/],
  ] as const)
    refused(() => monitor.observeRow(row as unknown as Row), "MENDLINE_DATA_SCHEMA", pattern);
  monitor.observe({ ...good, city: 17, label: 5, score: "Infinity", at: beginMs + 21 });
  await refusal(
    monitor.observe(rowsSource(asTableRows(liveRows(1, 0, 1)), "t", runtime.arena)),
    "MENDLINE_DATA_SCHEMA",
    /no column "score"/,
  );
  monitor.advanceTo(beginMs + 10 * hourMs);
  assert.equal(
    told.map(({ window }) => [window.rowCount, window.untimedRows, window.lateRows]),
    [[21, odd.length, 0]],
  );
  assert.is(monitor.rowsObserved, 21 + odd.length);
  monitor.observe({ ...good, at: beginMs });
  assert.is(told.length, 1);
  for (const ms of [Number.NaN, Infinity, 9e15])
    refused(() => monitor.advanceTo(ms), "MENDLINE_ARGUMENT_INVALID", /no time/);
  await monitor.close();
});

test("what cannot be watched so is refused when the monitor is made", () => {
  const window = { rows: 10 };
  const cases: [Partial<MonitorOptions>, RegExp][] = [
    [
      { segments: { column: "temperature" } },
      /"temperature", of which the model's profile holds no categories/,
    ],
    [{ segments: { column: "x", names: [] } }, /0 segments by "x": name 1 to 64/],
    [{ segments: { column: "x", names: numbered(65) } }, /65 segments by "x"/],
    [
      { segments: { column: "x", names: ["a"], profiles: new Map([["b", model.profile]]) } },
      /a profile for "b", which is none of the segments/,
    ],
    [{ segments: { column: "city" }, features: ["city"] }, /no features to watch beside "city"/],
    [{ predictions: { profile: predicted, columns: [] } }, /no features of the profile of predictions/],
    [{ predictions: { profile: predicted, drift: { threshold: -1 } } }, /threshold is -1/],
    [
      { window: { ms: 10, timeColumn: "narrow" } },
      /"narrow" is watched as f32, which cannot tell times apart/,
    ],
    [
      {
        window: { ms: 366, panes: 366, timeColumn: "at", allowedLatenessMs: 600 },
        segments: { column: "city", names: numbered(64) },
      },
      /would hold 968 panes of \d+ counts each, which is more than 16777216/,
    ],
  ];
  for (const [some, pattern] of cases) {
    refused(
      () => new DriftMonitor(runtime, model, [], { window, ...some }),
      "MENDLINE_ARGUMENT_INVALID",
      pattern,
    );
  }
  refused(
    () =>
      new DriftMonitor(runtime, model, [], { window, predictions: { profile: predicted, columns: ["x"] } }),
    "MENDLINE_DATA_SCHEMA",
    /the profile of predictions was not trained on "x"; its profile has score, label/,
  );
  const clash = { ...predicted, features: new Map([["city", predicted.features.get("score")!]]) };
  refused(
    () => new DriftMonitor(runtime, model, [], { window, predictions: { profile: clash } }),
    "MENDLINE_DATA_SCHEMA",
    /"city" holds categories as an input and numbers as a prediction/,
  );
  refused(
    () => {
      const monitor = new DriftMonitor(runtime, model, [], { window });
      try {
        monitor.advanceTo(0);
      } finally {
        void monitor.close();
      }
    },
    "MENDLINE_ARGUMENT_INVALID",
    /windows by rows have no time/,
  );
});

test.run();
