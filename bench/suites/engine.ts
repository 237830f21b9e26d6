/** What do the engine's start and a round trip to a worker cost? */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openRuntime } from "../../src/scheduler/runtime.js";
import { spreadOf } from "../arithmetic.js";
import { normalColumns, writeColumns } from "../arrow-table.js";
import { coreCount } from "../cores.js";
import { ColumnCounting } from "../counter.js";
import { fillNormal, quantileEdges } from "../data.js";
import type { Case, Role } from "../measure.js";
import { scratchDir } from "../scratch.js";
import { type Bench, runSuite } from "../suite.js";

const run = promisify(execFile);
const childPath = fileURLToPath(new URL("../children/first-report.js", import.meta.url));

interface FirstReport {
  readonly psi: readonly number[];
  readonly importedMs: number;
  readonly engineMs: number;
  readonly processMs: number;
  readonly residentPeakBytes: number;
}

async function inNode(...args: string[]): Promise<{ wallMs: number; stdout: string }> {
  const began = performance.now();
  const { stdout } = await run(process.execPath, args);
  return { wallMs: performance.now() - began, stdout };
}

/** Processes that start, report and end; a sample each. */
async function measureStart(bench: Bench): Promise<void> {
  const rowCount = bench.size(10_000, 1_000);
  const paths = ["reference.arrow", "current.arrow"].map((name) => join(scratchDir(), name));
  for (const [index, path] of paths.entries()) {
    await writeColumns(path, normalColumns(20, rowCount, 51 + index, index / 100));
  }
  const reports: FirstReport[] = [];
  const start = async () => {
    const { stdout } = await inNode(childPath, ...paths);
    const report = JSON.parse(stdout) as FirstReport;
    reports.push(report);
    return report;
  };
  const answer = async () => (await start()).psi;
  await bench.measure({
    name: `first report on 20 columns, ${rowCount} rows, threads 0`,
    values: 0,
    bytes: 0,
    cases: [
      {
        name: "engine open to report, modules loaded",
        role: "ours",
        answer,
        time: async () => [(await start()).engineMs],
      },
      {
        name: "process start to report, node's own included",
        role: "variant",
        answer,
        time: async () => [(await start()).processMs],
      },
      {
        name: "node with an empty script",
        role: "limit",
        time: async () => [(await inNode("-e", "0")).wallMs],
      },
    ],
  });
  const medianOf = (pick: (report: FirstReport) => number) => spreadOf(reports.map(pick)).median;
  bench.fact(
    "loading mendline's modules",
    medianOf(({ importedMs }) => importedMs),
    "ms",
  );
  const resident = medianOf(({ residentPeakBytes }) => residentPeakBytes);
  bench.fact("peak resident memory up to the first report", resident / 1e6, "MB");
}

const values = fillNormal(new Float32Array(1024 * 1024), 71);
const edges = quantileEdges(values, 9);

/** Memory, kernels, and workers that have done something. */
async function measureOpening(bench: Bench): Promise<void> {
  const opening = (threads: number, role: Role): Case => {
    const count = async () => {
      const runtime = await openRuntime({ threads });
      const counting = new ColumnCounting(runtime, { values, edges });
      const prepared = counting.prepare(values.length);
      await runtime.scheduler.run(prepared.tasks);
      const bins = prepared.bins();
      await runtime.close();
      return bins;
    };
    return {
      name: `threads ${threads}`,
      role,
      answer: async () => [...(await count())],
      runAsync: async () => (await count())[0]!,
    };
  };
  await bench.measure({
    name: `runtime opened, ${values.length} values counted, closed`,
    values: 0,
    bytes: 0,
    cases: [opening(0, "ours"), opening(coreCount, "variant")],
  });
}

/** A task of 16 values: all that it costs is the way there and back. */
async function measureLatency(bench: Bench): Promise<void> {
  const runtime = await openRuntime({ threads: 1 });
  const counting = new ColumnCounting(runtime, { values, edges });
  const prepared = counting.prepare(16);
  const trip = async (isPosted: boolean) => {
    const tasks = isPosted ? prepared.tasks.map(asLarge) : prepared.tasks;
    await runtime.scheduler.run(tasks);
    return prepared.bins();
  };
  const asCase = (name: string, role: Role, isPosted: boolean): Case => ({
    name,
    role,
    answer: async () => [...(await trip(isPosted))],
    runAsync: async () => (await trip(isPosted))[0]!,
  });
  await bench.measure({
    name: "a task of 16 values",
    values: 0,
    bytes: 0,
    cases: [asCase("inline", "ours", false), asCase("round trip to a worker", "variant", true)],
  });
  await runtime.close();
}

/** Said to be large, so that it is sent to a worker. */
function asLarge<T>(task: T): T {
  return { ...task, workBytes: 1024 ** 3 };
}

await runSuite(
  "What do the engine's start and a round trip to a worker cost?",
  async (bench) => {
    await measureStart(bench);
    await measureOpening(bench);
    await measureLatency(bench);
  },
  { cores: "all" },
);
