/** What do the engine's start, a round trip to the pool and a second worker cost or gain? */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { rowRanges } from "../../src/scheduler/partition.js";
import { openRuntime, type Runtime } from "../../src/scheduler/runtime.js";
import type { Task } from "../../src/scheduler/tasks.js";
import { spreadOf } from "../arithmetic.js";
import { normalColumns, writeColumns } from "../arrow-table.js";
import { fillNormal, quantileEdges } from "../data.js";
import type { Case, Role } from "../measure.js";
import { scratchDir } from "../scratch.js";
import { type Bench, runSuite } from "../suite.js";

const run = promisify(execFile);
const childPath = fileURLToPath(new URL("../children/first-report.js", import.meta.url));
const startRuns = 5;

interface FirstReport {
  readonly psi: readonly number[];
  readonly importedMs: number;
  readonly engineMs: number;
  readonly processMs: number;
  readonly residentBytes: number;
}

async function inNode(...args: string[]): Promise<{ wallMs: number; stdout: string }> {
  const began = performance.now();
  const { stdout } = await run(process.execPath, args);
  return { wallMs: performance.now() - began, stdout };
}

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
  const runs = bench.isQuick ? 1 : startRuns;
  const timesOf = async (time: () => Promise<number>) => {
    const samples: number[] = [];
    for (let i = 0; i < runs; i++) samples.push(await time());
    return samples;
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
        time: () => timesOf(async () => (await start()).engineMs),
      },
      {
        name: "process start to report, node's own included",
        role: "variant",
        answer,
        time: () => timesOf(async () => (await start()).processMs),
      },
      {
        name: "node with an empty script",
        role: "limit",
        time: () => timesOf(async () => (await inNode("-e", "0")).wallMs),
      },
    ],
  });
  if (reports.length === 0) return;
  bench.fact(
    "loading mendline's modules",
    spreadOf(reports.map(({ importedMs }) => importedMs)).median,
    "ms",
  );
  const resident = spreadOf(reports.map(({ residentBytes }) => residentBytes)).median;
  bench.fact("resident memory after the first report", resident / 1e6, "MB");
}

/** Counting by 255 edges, cut as the engine cuts it, over one runtime's memory. */
class Counting {
  readonly runtime: Runtime;
  readonly tasks: readonly Task[];
  readonly #countPtrs: readonly number[];
  readonly #edgeCount: number;

  constructor(runtime: Runtime, values: Float32Array, edges: Float32Array) {
    const { arena, kernels } = runtime;
    this.runtime = runtime;
    this.#edgeCount = edges.length;
    const valuesPtr = arena.allocate(values.byteLength);
    const edgesPtr = arena.allocate(edges.byteLength);
    const tablePtr = arena.allocate(kernels.cellTableBytes("f32", edges.length));
    const ranges = rowRanges(values.length);
    this.#countPtrs = ranges.map(() => arena.allocate(kernels.countWorkBytes(edges.length)));
    new Float32Array(arena.memory.buffer, valuesPtr, values.length).set(values);
    new Float32Array(arena.memory.buffer, edgesPtr, edges.length).set(edges);
    kernels.buildCellTable("f32", edgesPtr, edges.length, tablePtr);
    this.tasks = ranges.map(({ from, rowCount }, index) => {
      const slice = { valuesPtr: valuesPtr + from * 4, rowCount, validityPtr: 0, validityBitOffset: 0 };
      const args = ["f32", slice, tablePtr, edges.length, this.#countPtrs[index]!] as const;
      return { kernel: "countByCells", args: [...args], workBytes: rowCount * 4 };
    });
  }

  async count(): Promise<number[]> {
    await this.runtime.scheduler.run(this.tasks);
    const total = new Array<number>(this.#edgeCount + 1).fill(0);
    for (const ptr of this.#countPtrs) {
      const counts = new Uint32Array(this.runtime.arena.memory.buffer, ptr, total.length);
      for (let bin = 0; bin < total.length; bin++) total[bin]! += counts[bin]!;
    }
    return total;
  }

  asCase(name: string, role: Role): Case {
    return { name, role, answer: () => this.count(), runAsync: async () => (await this.count())[0]! };
  }
}

async function measureScaling(bench: Bench): Promise<void> {
  const count = bench.size(16_000_000, 600_000);
  const values = fillNormal(new Float32Array(count), 61);
  const edges = quantileEdges(values, 255);
  const countings: Counting[] = [];
  for (const threads of [2, 1, 0])
    countings.push(new Counting(await openRuntime({ threads }), values, edges));
  const [two, one, inline] = countings as [Counting, Counting, Counting];
  await bench.measure({
    name: `255-edge counts of ${count} f32 by workers`,
    values: count,
    bytes: count * 4,
    cases: [
      two.asCase("2 workers", "ours"),
      one.asCase("1 worker", "variant"),
      inline.asCase("inline, threads 0", "variant"),
    ],
  });
  for (const { runtime } of countings) await runtime.close();
}

/** A task of 16 values: all that it costs is the way there and back. */
async function measureLatency(bench: Bench): Promise<void> {
  const runtime = await openRuntime({ threads: 1 });
  const values = fillNormal(new Float32Array(16), 71);
  const counting = new Counting(runtime, values, Float32Array.of(-1, 0.5, 1));
  const task = counting.tasks[0]!;
  const trip = async (workBytes: number) => {
    await runtime.scheduler.run([{ ...task, workBytes } as Task]);
    return 1;
  };
  const asCase = (name: string, role: Role, workBytes: number): Case => ({
    name,
    role,
    answer: async () => [await trip(workBytes), ...(await counting.count())],
    runAsync: () => trip(workBytes),
  });
  await bench.measure({
    name: "a task of 16 values",
    values: 0,
    bytes: 0,
    cases: [
      asCase("inline", "ours", 0),
      // Said to be large, so that it is sent to a worker.
      asCase("round trip to a worker", "variant", 1e9),
    ],
  });
  await runtime.close();
}

await runSuite("What do the start, a round trip and a second worker cost or gain?", async (bench) => {
  await measureStart(bench);
  await measureLatency(bench);
  await measureScaling(bench);
});
