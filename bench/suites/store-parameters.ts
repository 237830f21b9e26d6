/** What does it cost to keep a model's exact parameters: time beside a copy with a hash, bytes beside what people use today? */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import type { Engine } from "../../src/index.js";
import { openEngine } from "../../src/index.js";
import type { Case } from "../measure.js";
import { scratchDir } from "../scratch.js";
import { type Bench, runSuite } from "../suite.js";

const tensorCount = 16;
const chunkBytes = 4 * 1024 * 1024;
/** Quality 4 is the last that keeps up with a disk; 11 takes minutes for what is measured here, and gains little on floats. */
const brotliQuality = 4;

/** Weights as training leaves them: normally distributed about 0 with a deviation of 0.02 (GPT-2's initialisation), f32. */
function baseWeights(count: number): Float32Array {
  const weights = new Float32Array(count);
  const random = numbers(1);
  for (let index = 0; index < count; index++) weights[index] = 0.02 * normal(random);
  return weights;
}

/** xorshift32, Marsaglia 2003. @returns numbers from 0 to 1 */
function numbers(seed: number): () => number {
  let state = seed * 0x9e3779b1 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Box and Muller 1958. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Children of one model, and the weight of each. */
const children: Readonly<Record<string, (base: Float32Array) => Float32Array>> = {
  /** Every weight moved, by a thousandth of the weights' deviation: some steps at a small rate. */
  "dense fine-tune": (base) => {
    const random = numbers(2);
    return base.map((weight) => weight + 2e-5 * normal(random));
  },
  /** The last of the 16 tensors alone was trained. */
  "head only": (base) => {
    const random = numbers(3);
    const first = base.length - base.length / tensorCount;
    return base.map((weight, index) => (index < first ? weight : weight + 2e-3 * normal(random)));
  },
  /** The half of least magnitude is zero: 0.6745 deviations is the normal distribution's median magnitude. */
  "pruned by half": (base) => base.map((weight) => (Math.abs(weight) < 0.6745 * 0.02 ? 0 : weight)),
  /** 0.75 of the way from a fine-tuned model back to its ancestor, which is the base. */
  "repair, scale 0.75": (base) => {
    const random = numbers(4);
    return base.map((weight) => {
      const drifted = Math.fround(weight + 2e-5 * normal(random));
      return drifted + Math.fround(0.75 * Math.fround(weight - drifted));
    });
  },
};

function writeWeights(name: string, weights: Float32Array): string {
  const path = join(scratchDir(), `${name.replaceAll(/\W+/g, "-")}.safetensors`);
  const [count, bytes] = [weights.length / tensorCount, weights.byteLength / tensorCount];
  const tensors = Array.from({ length: tensorCount }, (_, index) => [
    `layer.${index}.weight`,
    { dtype: "F32", shape: [count], data_offsets: [index * bytes, (index + 1) * bytes] },
  ]);
  const text = JSON.stringify(Object.fromEntries(tensors));
  const header = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, "w");
  const content = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  for (const part of [length, header]) writeSync(file, part);
  for (let at = 0; at < content.length; )
    at += writeSync(file, content, at, Math.min(2 ** 26, content.length - at));
  fsyncSync(file);
  closeSync(file);
  return path;
}

function bytesIn(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** What nobody can be spared who keeps a model and knows what it keeps: read, sha256, write, sync; the next read and the write meanwhile. */
async function copyHashed(from: string, to: string): Promise<number> {
  const hash = createHash("sha256");
  const [source, target] = [await open(from, "r"), await open(to, "w")];
  const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)];
  let reading = source.read(buffers[0]!, 0, chunkBytes, 0);
  let position = 0;
  for (let turn = 0; ; turn++) {
    const { bytesRead, buffer } = await reading;
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    const written = target.write(chunk, 0, bytesRead, position);
    position += bytesRead;
    reading = source.read(buffers[(turn + 1) % 2]!, 0, chunkBytes, position);
    hash.update(chunk);
    await written;
  }
  await target.sync();
  await source.close();
  await target.close();
  rmSync(to);
  return position + hash.digest()[0]!;
}

/** A store of its own a sample: what is there already would not be written again. */
function addCase(path: string): Case {
  return {
    name: "mendline, model added to a store",
    role: "ours",
    time: async () => {
      const dir = join(scratchDir(), "add");
      const engine = await openEngine({ store: dir });
      const start = performance.now();
      await engine.addModel({ file: path, name: "base", version: "1" });
      const elapsed = performance.now() - start;
      await engine.close();
      rmSync(dir, { recursive: true });
      return [elapsed];
    },
  };
}

function copyCase(path: string): Case {
  return {
    name: "copy with sha256, synced",
    role: "limit",
    time: async () => {
      const start = performance.now();
      await copyHashed(path, join(scratchDir(), "copied"));
      return [performance.now() - start];
    },
  };
}

async function measureSpeed(bench: Bench, path: string): Promise<void> {
  const byteLength = statSync(path).size;
  const mb = Math.round(byteLength / 1e6);
  const effort = { rounds: bench.size(3, 1), secondsMax: 0.01, warmSeconds: 0.01 };
  const sizes = { values: byteLength / 4, bytes: byteLength * 2, effort };
  const cases = [addCase(path), copyCase(path)];
  await bench.measure({ name: `a model of ${mb} MB into a new store`, ...sizes, cases });
  const dir = join(scratchDir(), "restore");
  const engine = await openEngine({ store: dir });
  await engine.addModel({ file: path, name: "base", version: "1" });
  const out = join(scratchDir(), "restored.safetensors");
  const restore = async () => {
    const start = performance.now();
    await engine.restore("base@1", out);
    const elapsed = performance.now() - start;
    rmSync(out);
    return [elapsed];
  };
  await bench.measure({
    name: `a model of ${mb} MB out of a store, every byte verified`,
    ...sizes,
    cases: [{ name: "mendline, model restored", role: "ours", time: restore }, copyCase(path)],
  });
  await engine.close();
  rmSync(dir, { recursive: true });
}

/** Bytes that a command makes of its input; null where the machine has none. */
function commandBytes(command: string, args: readonly string[], input: Uint8Array): number | null {
  const { status, stdout } = spawnSync(command, args, { input, maxBuffer: 2 ** 31 - 1 });
  return status === 0 ? stdout.length : null;
}

const brotli = promisify(brotliCompress);

async function brotliBytes(input: Uint8Array): Promise<number> {
  const params = { [constants.BROTLI_PARAM_QUALITY]: brotliQuality };
  return (await brotli(input, { params })).length;
}

function xored(one: Uint8Array, other: Uint8Array): Uint8Array {
  return one.map((byte, index) => byte ^ other[index]!);
}

/** How many times smaller than the child's file each way keeps it. */
async function ratios(
  bench: Bench,
  engine: Engine,
  dir: string,
  basePath: string,
  childName: string,
): Promise<void> {
  const path = writeWeights(childName, children[childName]!(weightsOf(basePath)));
  const [content, base] = [readFileSync(path), readFileSync(basePath)];
  const before = bytesIn(dir);
  const start = performance.now();
  const parents = [{ ref: "base@1", transformation: "fine-tuning" as const }];
  const version = childName.replaceAll(/\W+/g, "-");
  await engine.addModel({ file: path, name: "child", version, parents });
  const seconds = (performance.now() - start) / 1e3;
  const told = (way: string, bytes: number | null) => {
    if (bytes !== null) bench.fact(`${childName}: ${way}`, content.length / bytes, "x");
  };
  told("mendline", bytesIn(dir) - before);
  bench.fact(`${childName}: mendline, added at`, content.length / 1e6 / seconds, "MB/s");
  const difference = xored(content, base);
  for (const [what, bytes] of [
    ["whole file", content],
    ["XOR with the parent", difference],
  ] as const) {
    told(`${what}, brotli ${brotliQuality}`, await brotliBytes(bytes));
    told(`${what}, zstd -3`, commandBytes("zstd", ["-3", "-c", "-q"], bytes));
    told(`${what}, gzip -6`, commandBytes("gzip", ["-6", "-c"], bytes));
  }
  rmSync(path);
}

function weightsOf(path: string): Float32Array {
  const content = readFileSync(path);
  const begin = 8 + Number(content.readBigUInt64LE(0));
  return new Float32Array(
    content.buffer.slice(content.byteOffset + begin, content.byteOffset + content.length),
  );
}

await runSuite(
  "What does it cost to keep a model's exact parameters?",
  async (bench) => {
    const large = writeWeights("large", baseWeights(bench.size(125_000_000, 64 * 1024)));
    await measureSpeed(bench, large);
    rmSync(large);
    const dir = join(scratchDir(), "ratios");
    const basePath = writeWeights("base", baseWeights(bench.size(16 * 1024 * 1024, 64 * 1024)));
    const engine = await openEngine({ store: dir });
    await engine.addModel({ file: basePath, name: "base", version: "1" });
    bench.fact("the base itself: mendline", statSync(basePath).size / bytesIn(join(dir, "objects")), "x");
    for (const name of Object.keys(children)) await ratios(bench, engine, dir, basePath, name);
    await engine.close();
  },
  { cores: "all" },
);
