/** What does watching live rows cost? */
import { DriftMonitor } from "../../src/host/drift/monitor.js";
import type { NumericFeatureProfile, Profile } from "../../src/host/drift/profile.js";
import { type Engine, openEngine, type Row, type WindowReport } from "../../src/index.js";
import { type Columns, normalColumns } from "../arrow-table.js";
import type { Case } from "../measure.js";
import { type Bench, runSuite } from "../suite.js";

const columnCount = 20;
const batchRows = 1_000;
/** Long enough that windows seldom close while rows are timed. */
const windowRows = 10_000_000;

function rowsOf(columns: Columns): Row[] {
  const rowCount = columns.get("c0")!.length;
  return Array.from({ length: rowCount }, (_, row) =>
    Object.fromEntries(Array.from(columns, ([name, values]) => [name, values[row]!])),
  );
}

/** PSI bins alone, by a scan of the edges: less than the monitor does, which keeps the KS grid, missing and infinite values too. */
class NaiveHistograms {
  readonly #features: { name: string; edges: Float64Array; counts: Float64Array }[];

  constructor(profile: Profile) {
    this.#features = Array.from(profile.features, ([name, feature]) => {
      const edges = Float64Array.from((feature as NumericFeatureProfile).psi.edges, Number);
      return { name, edges, counts: new Float64Array(edges.length + 1) };
    });
  }

  add(rows: readonly Row[]): number {
    for (const row of rows) {
      for (const { name, edges, counts } of this.#features) {
        const value = Number(row[name]);
        let bin = 0;
        while (bin < edges.length && value >= edges[bin]!) bin++;
        counts[bin]!++;
      }
    }
    return this.#features[0]!.counts[0]!;
  }

  get answer(): number[] {
    return this.#features.flatMap(({ counts }) => [...counts]);
  }
}

function monitorOf(engine: Engine, profile: Profile, rows: number): DriftMonitor {
  const watched = { id: "watched", label: "watched@1", profile };
  return new DriftMonitor(engine.runtime, watched, [], { window: { rows } });
}

/** The bins of one window of these rows, as the monitor reports them. */
async function windowAnswer(
  engine: Engine,
  profile: Profile,
  rows: readonly Row[],
  observe: (monitor: DriftMonitor, rows: readonly Row[]) => void,
): Promise<number[]> {
  const monitor = monitorOf(engine, profile, rows.length);
  let closed: WindowReport | undefined;
  monitor.on("window", (window) => {
    closed = window;
  });
  observe(monitor, rows);
  await monitor.close();
  if (closed === undefined) throw new Error("no window was closed");
  return Object.values(closed.report.features).flatMap((feature) => {
    const bins = feature.counts.current;
    return bins.slice(0, (feature.edges?.length ?? 0) + 1);
  });
}

function naiveCase(profile: Profile, rows: readonly Row[]): Case {
  const running = new NaiveHistograms(profile);
  return {
    name: "naive JS, PSI bins alone",
    role: "incumbent",
    answer: () => {
      const once = new NaiveHistograms(profile);
      once.add(rows);
      return once.answer;
    },
    run: () => running.add(rows),
  };
}

const observers = {
  "single rows, observeRow": (monitor: DriftMonitor, rows: readonly Row[]) => {
    for (const row of rows) monitor.observeRow(row);
  },
  "batches of 1,000, observeRows": (monitor: DriftMonitor, rows: readonly Row[]) => monitor.observeRows(rows),
} as const;

/** Bytes of heap that stay for every further row: 0 but for noise. Told only where node was started with --expose-gc. */
function heapFact(bench: Bench, engine: Engine, profile: Profile, rows: readonly Row[]): void {
  const collect = globalThis.gc;
  if (collect === undefined) return;
  const monitor = monitorOf(engine, profile, windowRows);
  const heapAfter = (batches: number) => {
    for (let i = 0; i < batches; i++) monitor.observeRows(rows);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heapAfter(10);
  const batches = bench.size(1_000, 50);
  const grown = heapAfter(batches) - before;
  bench.fact("heap kept a row", grown / (batches * rows.length), "bytes");
}

await runSuite("What does watching live rows cost?", async (bench) => {
  const engine = await openEngine({ threads: 0 });
  const reference = engine.openRows(rowsOf(normalColumns(columnCount, bench.size(20_000, 2_000), 41, 0)));
  const profile = await engine.profile(reference);
  await reference.close();
  const rows = rowsOf(normalColumns(columnCount, batchRows, 42, 0.01));
  for (const [name, observe] of Object.entries(observers)) {
    const monitor = monitorOf(engine, profile, windowRows);
    await bench.measure({
      name: `${name}, ${columnCount} features`,
      values: batchRows * columnCount,
      bytes: 0,
      cases: [
        {
          name: "mendline",
          role: "ours",
          answer: () => windowAnswer(engine, profile, rows, observe),
          run: () => {
            observe(monitor, rows);
            return monitor.rowsObserved;
          },
        },
        naiveCase(profile, rows),
      ],
    });
    await monitor.close();
  }
  heapFact(bench, engine, profile, rows);
  await engine.close();
});
