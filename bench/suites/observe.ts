/** What does watching live rows cost? */
import { join } from "node:path";
import { DriftMonitor } from "../../src/host/drift/monitor.js";
import type { Profile } from "../../src/host/drift/profile.js";
import { type Engine, openEngine, type Row, type WindowReport } from "../../src/index.js";
import { type Columns, columnsToStream, normalColumns, writeColumns } from "../arrow-table.js";
import type { Case, Role } from "../measure.js";
import { NaiveMonitor } from "../naive-monitor.js";
import { scratchDir } from "../scratch.js";
import { type Bench, runSuite } from "../suite.js";

const columnCount = 20;
const ancestorCount = 8;
/** Long enough that windows seldom close while rows are timed. */
const longWindowRows = 1_000_000_000;

type Observe = (monitor: DriftMonitor) => void | Promise<void>;
type ObserveNaively = (monitor: NaiveMonitor) => void;

/** One batch in one form, with both ways to take it. */
interface Form {
  readonly name: string;
  readonly rowCount: number;
  readonly observe: Observe;
  readonly naively: ObserveNaively;
}

function rowsOf(columns: Columns): Row[] {
  const rowCount = columns.get("c0")!.length;
  return Array.from({ length: rowCount }, (_, row) =>
    Object.fromEntries(Array.from(columns, ([name, values]) => [name, values[row]!])),
  );
}

function formsOf(rowCounts: readonly number[]): Form[] {
  const first = rowsOf(normalColumns(columnCount, rowCounts[0]!, 42, 0.01));
  const rowForms: Form[] = [
    {
      name: "single rows, objects",
      rowCount: first.length,
      observe: (monitor) => {
        for (const row of first) monitor.observeRow(row);
      },
      naively: (monitor) => monitor.addRows(first),
    },
    {
      name: `batches of ${first.length} rows, objects`,
      rowCount: first.length,
      observe: (monitor) => monitor.observeRows(first),
      naively: (monitor) => monitor.addRows(first),
    },
  ];
  return [...rowForms, ...rowCounts.flatMap(columnForms)];
}

function columnForms(rowCount: number): Form[] {
  const data = normalColumns(columnCount, rowCount, 42, 0.01);
  const columns = Object.fromEntries(data);
  const bytes = columnsToStream(data);
  return [
    {
      name: `batches of ${rowCount} rows, typed arrays`,
      rowCount,
      observe: (monitor) => monitor.observe(columns),
      naively: (monitor) => monitor.addColumns(columns),
    },
    {
      name: `batches of ${rowCount} rows, Arrow IPC bytes`,
      rowCount,
      observe: (monitor) => monitor.observe(bytes),
      naively: (monitor) => monitor.addArrow(bytes),
    },
  ];
}

class Watching {
  readonly engine: Engine;
  readonly profile: Profile;
  readonly #ancestors: readonly Profile[];

  constructor(engine: Engine, profile: Profile, ancestors: readonly Profile[]) {
    this.engine = engine;
    this.profile = profile;
    this.#ancestors = ancestors;
  }

  monitor(rows: number, ancestors = 0): DriftMonitor {
    const watched = (profile: Profile, index: number) => ({
      id: `${index}`,
      label: `model@${index}`,
      profile,
    });
    const others = this.#ancestors.slice(0, ancestors).map(watched);
    return new DriftMonitor(this.engine.runtime, watched(this.profile, -1), others, { window: { rows } });
  }

  /** The bins of one window of these rows, as the monitor reports them. */
  async bins({ rowCount, observe }: Form, ancestors: number): Promise<number[]> {
    const monitor = this.monitor(rowCount, ancestors);
    let closed: WindowReport | undefined;
    monitor.on("window", (window) => {
      closed = window;
    });
    await observe(monitor);
    await monitor.close();
    if (closed === undefined) throw new Error("no window was closed");
    return Object.values(closed.report.features).flatMap((feature) => {
      const bins = feature.counts.current;
      return bins.slice(0, (feature.edges?.length ?? 0) + 1);
    });
  }

  /** @param windowRows  of the windows that close while it is measured */
  asCase(
    name: string,
    role: Role,
    form: Form,
    { windowRows = longWindowRows, ancestors = 0 }: { windowRows?: number; ancestors?: number } = {},
  ): Case {
    const monitor = this.monitor(windowRows, ancestors);
    const common = {
      name,
      role,
      answer: () => this.bins(form, ancestors),
      close: () => monitor.close(),
    };
    // Whether there is a promise to wait for is a form's own: rows must not pay for one.
    const isAsync = form.observe(monitor) instanceof Promise;
    if (!isAsync)
      return {
        ...common,
        run: () => {
          form.observe(monitor);
          return monitor.rowsObserved;
        },
      };
    return {
      ...common,
      runAsync: async () => {
        await form.observe(monitor);
        return monitor.rowsObserved;
      },
    };
  }

  naiveCase({ naively }: Form): Case {
    const running = new NaiveMonitor(this.profile);
    return {
      name: "plain JS, PSI bins alone",
      role: "incumbent",
      answer: () => {
        const once = new NaiveMonitor(this.profile);
        naively(once);
        return once.bins;
      },
      run: () => {
        naively(running);
        return running.sum;
      },
    };
  }
}

/** Bytes of heap that stay for every further row: 0 but for noise. Told only where node was started with --expose-gc. */
async function heapFact(bench: Bench, watching: Watching, { name, rowCount, observe }: Form): Promise<void> {
  const collect = globalThis.gc;
  if (collect === undefined) return;
  const monitor = watching.monitor(longWindowRows);
  const heapAfter = async (batches: number) => {
    for (let i = 0; i < batches; i++) await observe(monitor);
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await heapAfter(10);
  const batches = Math.ceil(bench.size(500_000, 20_000) / rowCount);
  const grown = (await heapAfter(batches)) - before;
  bench.fact(`heap kept a row, ${name}`, grown / (batches * rowCount), "bytes");
  await monitor.close();
}

async function profileOf(engine: Engine, rowCount: number, seed: number): Promise<Profile> {
  const path = join(scratchDir(), `reference-${seed}.arrow`);
  await writeColumns(path, normalColumns(columnCount, rowCount, seed, 0));
  const source = await engine.openData(path);
  const profile = await engine.profile(source);
  await source.close();
  return profile;
}

async function measureForm(bench: Bench, watching: Watching, form: Form): Promise<void> {
  await bench.measure({
    name: `${form.name}, ${columnCount} features of f32`,
    values: form.rowCount * columnCount,
    bytes: 0,
    cases: [
      watching.asCase("mendline", "ours", form),
      watching.asCase("mendline, a window closed and reported a batch", "variant", form, {
        windowRows: form.rowCount,
      }),
      watching.naiveCase(form),
    ],
  });
}

/** All ancestors' bins follow from the one count. */
async function measureAncestors(bench: Bench, watching: Watching, form: Form): Promise<void> {
  const counts = [1, 0, ancestorCount];
  await bench.measure({
    name: `${form.name}, ancestors watched on the same count`,
    values: form.rowCount * columnCount,
    bytes: 0,
    cases: counts.map((ancestors, index) =>
      watching.asCase(`mendline, ancestors: ${ancestors}`, index === 0 ? "ours" : "variant", form, {
        ancestors,
      }),
    ),
  });
}

await runSuite("What does watching live rows cost?", async (bench) => {
  const engine = await openEngine({ threads: 0 });
  // More than 10,000: below, a window's report counts lattice paths for its exact p values, which is another question.
  const referenceRows = 20_000;
  const profile = await profileOf(engine, referenceRows, 41);
  const ancestors: Profile[] = [];
  for (let index = 0; index < ancestorCount; index++)
    ancestors.push(await profileOf(engine, referenceRows, 500 + index));
  const watching = new Watching(engine, profile, ancestors);
  const forms = formsOf([1_000, 10_000]);
  for (const form of forms) await measureForm(bench, watching, form);
  // Objects and, of the largest batches, columns.
  for (const form of [forms[1]!, forms[4]!]) await measureAncestors(bench, watching, form);
  for (const form of forms) await heapFact(bench, watching, form);
  await engine.close();
});
