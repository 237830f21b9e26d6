/** What do more workers gain, and from what size on? */
import { rowRanges } from "../../src/scheduler/partition.js";
import { openRuntime, type Runtime } from "../../src/scheduler/runtime.js";
import type { Task } from "../../src/scheduler/tasks.js";
import { coreCount } from "../cores.js";
import { ColumnCounting } from "../counter.js";
import { fillNormal, picked, quantileEdges } from "../data.js";
import type { Case, Role } from "../measure.js";
import { type Bench, runSuite } from "../suite.js";

/** Workers of one runtime that are compared: powers of two, and one a core. */
const workerCounts = [1, 2, 4, 8, 16, 32, 64].filter((count) => count < coreCount).concat(coreCount);
const spareBytes = 64 * 1024 * 1024;

/** The same work over one runtime's memory. */
interface Work {
  readonly runtime: Runtime;
  readonly tasks: readonly Task[];
  result(): number[];
}

function workCase(name: string, role: Role, { runtime, tasks, result }: Work): Case {
  const once = async () => {
    await runtime.scheduler.run(tasks);
    return result();
  };
  return { name, role, answer: once, runAsync: async () => (await once())[0]! };
}

function workersText(threads: number): string {
  if (threads === 0) return "inline, threads 0";
  return `${threads} ${threads === 1 ? "worker" : "workers"}`;
}

interface Kind {
  readonly name: string;
  readonly memoryBytes: number;
  readonly values: number;
  readonly bytes: number;
  work(runtime: Runtime): Work;
}

/** 255 edges: several nanoseconds a cache line, so that cores and not the memory decide. */
function countingKind(values: Float32Array): Kind {
  const edges = quantileEdges(values, 255);
  return {
    name: `compute-bound: 255-edge counts of ${values.length} f32`,
    memoryBytes: values.byteLength + spareBytes,
    values: values.length,
    bytes: values.byteLength,
    work: (runtime) => {
      const counting = new ColumnCounting(runtime, { values, edges });
      const { tasks, bins } = counting.prepare(values.length);
      return { runtime, tasks, result: () => [...bins()] };
    },
  };
}

/** Two vectors read and one written, a few instructions for each 16 bytes: the memory decides, and its workers share it. */
function blendKind(count: number): Kind {
  const byteLength = count * 4;
  return {
    name: `memory-bound: blend of ${count} f32`,
    memoryBytes: 3 * byteLength + spareBytes,
    values: count,
    bytes: 3 * byteLength,
    work: (runtime) => {
      const { arena } = runtime;
      const [sourcePtr, targetPtr, outPtr] = [0, 1, 2].map(() => arena.allocate(byteLength)) as [
        number,
        number,
        number,
      ];
      fillNormal(new Float32Array(arena.memory.buffer, sourcePtr, count), 63);
      fillNormal(new Float32Array(arena.memory.buffer, targetPtr, count), 64);
      const tasks = rowRanges(count).map(({ from, rowCount }): Task => {
        const at = from * 4;
        const args = ["f32", sourcePtr + at, targetPtr + at, rowCount, 0.75, outPtr + at] as const;
        return { kernel: "blend", args: [...args], workBytes: 2 * rowCount * 4 };
      });
      const result = () => picked(new Float32Array(arena.memory.buffer, outPtr, count));
      return { runtime, tasks, result };
    },
  };
}

async function measureKind(bench: Bench, { name, memoryBytes, values, bytes, work }: Kind): Promise<void> {
  const runtimes: Runtime[] = [];
  const cases: Case[] = [];
  for (const threads of [coreCount, ...workerCounts.slice(0, -1).reverse(), 0]) {
    const runtime = await openRuntime({ threads, memoryBytes });
    runtimes.push(runtime);
    cases.push(workCase(workersText(threads), cases.length === 0 ? "ours" : "variant", work(runtime)));
  }
  await bench.measure({ name, values, bytes, cases });
  for (const runtime of runtimes) await runtime.close();
}

const sweepSizes = [1, 4, 16, 64, 256, 1024, 4096, 16384].map((thousands) => thousands * 1024);

/** The engine decides by itself whether work is worth a worker: it must never lose by it. */
async function measureSweep(bench: Bench, values: Float32Array, edgeCount: number): Promise<void> {
  const edges = quantileEdges(values, edgeCount);
  const memoryBytes = values.byteLength + spareBytes;
  const pooled = await openRuntime({ threads: coreCount, memoryBytes });
  const inline = await openRuntime({ threads: 0, memoryBytes });
  const countings = [pooled, inline].map((runtime) => new ColumnCounting(runtime, { values, edges }));
  const ratios: { readonly size: number; readonly ratio: number }[] = [];
  for (const size of sweepSizes.filter((size) => size <= values.length)) {
    const [ours, alone] = [pooled, inline].map((runtime, index) => {
      const { tasks, bins } = countings[index]!.prepare(size);
      return { runtime, tasks, result: () => [...bins()] };
    }) as [Work, Work];
    const { cases } = await bench.measure({
      name: `${edgeCount}-edge counts of ${size} f32`,
      values: size,
      bytes: size * 4,
      cases: [
        workCase(`threads ${coreCount}`, "ours", ours),
        workCase("inline, threads 0", "variant", alone),
      ],
    });
    ratios.push({ size, ratio: cases[1]!.ratio ?? 0 });
  }
  for (const { size, ratio } of ratios)
    bench.fact(
      `${edgeCount} edges, ${size} values: threads ${coreCount} over inline`,
      ratio,
      "times as fast",
    );
  await pooled.close();
  await inline.close();
}

await runSuite(
  "What do more workers gain, and from what size on?",
  async (bench) => {
    const values = fillNormal(new Float32Array(bench.size(16 * 1024 * 1024, 256 * 1024)), 61);
    await measureKind(bench, countingKind(values));
    await measureKind(bench, blendKind(bench.size(16 * 1024 * 1024, 2 * 1024 * 1024)));
    for (const edgeCount of [9, 255]) await measureSweep(bench, values, edgeCount);
  },
  { cores: "all" },
);
