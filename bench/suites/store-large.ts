/** What memory does a model take on its way into a store and out again, whatever its size? `BENCH_LARGE_GB=3` for larger ones. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sourceFactor } from "../data.js";
import type { Case } from "../measure.js";
import { writeModel } from "../safetensors-file.js";
import { scratchDir } from "../scratch.js";
import { type Bench, runSuite } from "../suite.js";

const childPath = fileURLToPath(new URL("../children/store-file.js", import.meta.url));
/** Of the model. Of the disk it takes three times as much. */
const gigabytes = Number(process.env.BENCH_LARGE_GB ?? 0.5);

interface Told {
  readonly ms: number;
  readonly residentPeakBytes: number;
}

/** In a process of its own, whose peak of memory is that of this work. */
function inChild(...args: readonly string[]): Told {
  const { status, stdout, stderr } = spawnSync(process.execPath, [childPath, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${args[0]}: ${stderr}`);
  return JSON.parse(stdout) as Told;
}

async function hashOf(path: string): Promise<string> {
  const digest = createHash("sha256");
  for await (const chunk of createReadStream(path)) digest.update(chunk as Buffer);
  return digest.digest("hex");
}

const tensorBytesOf = (bench: Bench) => bench.size(128 * 1024 * 1024, 16 * 1024);
const tensorCountOf = (bench: Bench) =>
  bench.size(Math.max(1, Math.round((gigabytes * 1e9) / tensorBytesOf(bench))), 2);

function writeParent(bench: Bench): string {
  const path = join(scratchDir(), "parent.safetensors");
  const shape = { tensorCount: tensorCountOf(bench), parameterCount: tensorBytesOf(bench) / 4 };
  writeModel(path, shape, sourceFactor);
  return path;
}

/** Fine-tuned: the lowest byte of every parameter is another, so that each tensor is kept as a delta. */
function writeTuned(bench: Bench, parent: string): string {
  const path = join(scratchDir(), "child.safetensors");
  const [source, target] = [openSync(parent, "r"), openSync(path, "w")];
  const chunk = Buffer.alloc(4 * 1024 * 1024);
  const begin = statSync(parent).size - tensorCountOf(bench) * tensorBytesOf(bench);
  for (
    let at = 0, read = 0;
    (read = readSync(source, chunk, 0, at < begin ? begin : chunk.length, at)) > 0;
    at += read
  ) {
    if (at >= begin) for (let byte = 0; byte < read; byte += 4) chunk[byte]! ^= (byte >> 2) % 251;
    writeSync(target, chunk, 0, read);
  }
  for (const file of [source, target]) closeSync(file);
  return path;
}

async function measureChild(
  bench: Bench,
  what: string,
  bytes: number,
  args: readonly string[],
): Promise<void> {
  let peak = 0;
  const ours: Case = {
    name: "mendline, a process of its own",
    role: "ours",
    time: async () => {
      const { ms, residentPeakBytes } = inChild(...args);
      peak = Math.max(peak, residentPeakBytes);
      return [ms];
    },
  };
  // Once: a store that has the model would not write it again.
  const effort = { rounds: 1, samplesMin: 1, secondsMax: 0.001, warmSeconds: 0 };
  await bench.measure({ name: what, values: bytes / 4, bytes: bytes * 2, effort, cases: [ours] });
  bench.fact(`${what}: memory of the process at most`, peak / 1e6, "MB");
}

await runSuite(
  "What memory does a model take on its way into a store and out again?",
  async (bench) => {
    const store = join(scratchDir(), "store");
    const parent = writeParent(bench);
    const bytes = statSync(parent).size;
    const size = bench.isQuick ? `${bytes} bytes` : `${(bytes / 1e9).toFixed(2)} GB`;
    await measureChild(bench, `a model of ${size} into a store`, bytes, ["add", store, parent, "1"]);
    const hash = await hashOf(parent);
    const out = join(scratchDir(), "out.safetensors");
    await measureChild(bench, `a model of ${size} out of a store`, bytes, ["restore", store, out, "1"]);
    if ((await hashOf(out)) !== hash) throw new Error("another file came back");
    rmSync(out);
    const child = writeTuned(bench, parent);
    rmSync(parent);
    await measureChild(bench, `a child of ${size}, packed, into a store`, bytes, [
      "add",
      store,
      child,
      "2",
      "large@1",
    ]);
  },
  { cores: "all" },
);
