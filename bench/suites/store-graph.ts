/** How fast is a lineage of a million models: its way into the store, the nearest healthy ancestor, reading all of it? */
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ModelRecord, NewModel } from "../../src/lineage-store/records.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import type { Transaction } from "../../src/lineage-store/transaction.js";
import type { Case, Role } from "../measure.js";
import { scratchDir } from "../scratch.js";
import { runSuite } from "../suite.js";

/** Versions in a line, each a fine-tuning of the one before. */
const chainLength = 1_000;
/** Of a line's models, every other one was also distilled, from a teacher that two lines share. */
const teacherStride = 2;
const modelsPerCommit = 1_000;

interface Lineage {
  readonly dir: string;
  readonly chainCount: number;
  readonly teacherCount: number;
}

const idOf = (name: string) => createHash("sha256").update(name).digest("hex");
const chainId = (chain: number, depth: number) => idOf(`model ${chain} ${depth}`);
const teacherId = (teacher: number) => idOf(`teacher ${teacher}`);

function modelOf(id: string, name: string, version: string, auc: number): NewModel {
  const file = { format: "onnx", byteLength: 0, fileHash: id, tensors: [], layout: [] } as const;
  return { id, name, version, ...file, metrics: { auc }, tags: { site: name } };
}

/** Only the first of a line is healthy: the nearest healthy ancestor of its last is as far away as it can be. */
function addVersion(tx: Transaction, { teacherCount }: Lineage, chain: number, depth: number): void {
  const id = chainId(chain, depth);
  tx.addModel(modelOf(id, `line-${chain}`, String(depth), depth === 0 ? 0.9 : 0.6));
  if (depth > 0)
    tx.addDerivation({ parent: chainId(chain, depth - 1), child: id, transformation: "fine-tuning" });
  if (depth % teacherStride > 0 || teacherCount === 0) return;
  const teacher = teacherId(
    ((chain >> 1) * (chainLength / teacherStride) + depth / teacherStride) % teacherCount,
  );
  tx.addDerivation({ parent: teacher, child: id, transformation: "distillation", parameters: { teacher } });
}

async function load(store: LineageStore, lineage: Lineage): Promise<void> {
  for (let first = 0; first < lineage.teacherCount; first += modelsPerCommit)
    await store.commit((tx) => {
      for (let teacher = first; teacher < Math.min(first + modelsPerCommit, lineage.teacherCount); teacher++)
        tx.addModel(modelOf(teacherId(teacher), `teacher-${teacher}`, "1", 0.6));
    });
  for (let chain = 0; chain < lineage.chainCount; chain++)
    await store.commit((tx) => {
      for (let depth = 0; depth < chainLength; depth++) addVersion(tx, lineage, chain, depth);
    });
}

function bytesIn(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

const isHealthy = ({ metrics }: ModelRecord) => metrics.auc! > 0.8;

async function nearest(store: LineageStore, chain: number): Promise<number> {
  const found = await store.nearestAncestor(chainId(chain, chainLength - 1), isHealthy);
  if (found?.distance !== chainLength - 1) throw new Error(`found at distance ${found?.distance}`);
  return found.distance;
}

/** Each sample in a store that has just been opened, of a line that nobody has looked at; the machine may have its files in memory. */
function coldCase({ dir, chainCount }: Lineage): Case {
  return {
    name: "the first time after opening",
    role: "ours",
    time: async () => {
      const samples: number[] = [];
      for (let sample = 0; sample < 3; sample++) {
        const store = await LineageStore.open(dir);
        const start = performance.now();
        await nearest(store, (sample * 7 + Math.floor(Math.random() * chainCount)) % chainCount);
        samples.push(performance.now() - start);
        await store.close();
      }
      return samples;
    },
  };
}

/** Every sample of another line, in a store that has answered others. */
function freshCase(store: LineageStore, { chainCount }: Lineage): Case {
  let chain = 0;
  // Neighbours share their teachers: every other line has models that nobody has looked at.
  const next = () => nearest(store, (chain += 2) % chainCount);
  return {
    name: "another line each time",
    role: "ours",
    time: async () => {
      const samples: number[] = [];
      for (let sample = 0; sample < 10; sample++) {
        const start = performance.now();
        await next();
        samples.push(performance.now() - start);
      }
      return samples;
    },
  };
}

function iteration(name: string, role: Role, items: () => AsyncIterable<unknown>): Case {
  return {
    name,
    role,
    runAsync: async () => {
      let count = 0;
      for await (const _ of items()) count++;
      return count;
    },
  };
}

// All cores, as a store has them: LevelDB merges its files in a thread of its own, and V8 compiles and collects in others.
await runSuite(
  "How fast is a lineage of a million models?",
  async (bench) => {
    const chainCount = bench.size(800, 2);
    const lineage: Lineage = { dir: join(scratchDir(), "store"), chainCount, teacherCount: chainCount * 250 };
    let store = await LineageStore.open(lineage.dir);
    const start = performance.now();
    await load(store, lineage);
    const seconds = (performance.now() - start) / 1e3;
    const modelCount = chainCount * chainLength + lineage.teacherCount;
    const edgeCount = chainCount * (chainLength - 1 + chainLength / teacherStride);
    bench.fact("models", modelCount, "");
    bench.fact("derivations", edgeCount, "");
    bench.fact(`loading, ${modelsPerCommit} models a commit, each synced`, seconds, "s");
    bench.fact("models a second", modelCount / seconds, "");
    await store.close();
    const opening = performance.now();
    store = await LineageStore.open(lineage.dir);
    bench.fact("opening", performance.now() - opening, "ms");
    bench.fact("on disk", bytesIn(lineage.dir) / 1e6, "MB");
    bench.fact("on disk, a model with its derivations", bytesIn(lineage.dir) / modelCount, "B");
    await store.close();
    const effort = { rounds: bench.size(5, 1), secondsMax: 0.01, warmSeconds: 0.01 };
    await bench.measure({
      name: `nearest ancestor by predicate, ${chainLength - 1} derivations away`,
      values: chainLength,
      bytes: 0,
      effort,
      cases: [coldCase(lineage)],
    });
    store = await LineageStore.open(lineage.dir);
    await bench.measure({
      name: `nearest ancestor by predicate, ${chainLength - 1} derivations away, of a line not asked before`,
      values: chainLength,
      bytes: 0,
      effort: { ...effort, rounds: bench.size(10, 1) },
      cases: [freshCase(store, lineage)],
    });
    await bench.measure({
      name: `nearest ancestor by predicate, ${chainLength - 1} derivations away, asked before`,
      values: chainLength,
      bytes: 0,
      cases: [{ name: "warm", role: "ours", runAsync: () => nearest(store, 1) }],
    });
    await bench.measure({
      name: `everything as a stream, ${modelCount} models`,
      values: modelCount,
      bytes: 0,
      effort: { ...effort, rounds: 1 },
      cases: [iteration("models", "ours", () => store.models())],
    });
    await bench.measure({
      name: `everything as a stream, ${edgeCount} derivations`,
      values: edgeCount,
      bytes: 0,
      effort: { ...effort, rounds: 1 },
      cases: [iteration("derivations", "ours", () => store.derivations())],
    });
    bench.fact("memory of the process", process.memoryUsage.rss() / 1e6, "MB");
    await store.close();
  },
  { cores: "all" },
);
