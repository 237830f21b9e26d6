/** How fast is a repaired model written, from two files to a third? */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, readSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { blendFiles } from "../../src/host/parameters/blend.js";
import { openParameterFile } from "../../src/host/parameters/parameter-file.js";
import type { ParameterFile } from "../../src/host/parameters/tensor-index.js";
import { openRuntime, type Runtime } from "../../src/scheduler/runtime.js";
import { residentPeakBytes } from "../children/resident.js";
import { pickedIndexes, sourceFactor, targetFactor } from "../data.js";
import type { Case, Role } from "../measure.js";
import { pythonCase } from "../python.js";
import { writeModel } from "../safetensors-file.js";
import { scratchDir } from "../scratch.js";
import { type Bench, runSuite } from "../suite.js";

/** `BENCH_BLEND_BYTES=4294967296`: two files of so many bytes, on all cores, besides three times that room on the disk. */
const largeBytes = Number(process.env.BENCH_BLEND_BYTES ?? 0);

const scale = 0.75;
const chunkBytes = 4 * 1024 * 1024;

interface Models {
  readonly drifted: ParameterFile;
  readonly ancestor: ParameterFile;
  readonly valuesOffset: number;
  readonly valueCount: number;
}

/** About 64 values of the file, evenly. Half an ulp may lie between one rounding and two. */
async function answerOf(path: string, { valuesOffset, valueCount }: Models): Promise<number[]> {
  const file = await open(path, "r");
  try {
    const value = new Float32Array(1);
    return pickedIndexes(valueCount).map((index) => {
      readSync(file.fd, value, 0, 4, valuesOffset + index * 4);
      return value[0]!;
    });
  } finally {
    await file.close();
  }
}

/** The file is removed after each run: what is to be written to the disk later must not slow what is measured next. */
function fileCase(
  name: string,
  role: Role,
  models: Models,
  write: (path: string) => Promise<void>,
  answer: typeof answerOf = answerOf,
): Case {
  const path = join(scratchDir(), "blended.safetensors");
  const once = async <R>(read: () => Promise<R>) => {
    try {
      await write(path);
      return await read();
    } finally {
      rmSync(path, { force: true });
    }
  };
  return {
    name,
    role,
    answer: () => once(() => answer(path, models)),
    runAsync: () => once(async () => statSync(path).size),
  };
}

interface WriteOptions {
  readonly isHashed: boolean;
  readonly isSynced: boolean;
}

async function blend(
  runtime: Runtime,
  models: Models,
  path: string,
  { isHashed, isSynced }: WriteOptions,
): Promise<void> {
  const hash = createHash("sha256");
  const out = await open(path, "w");
  try {
    for await (const piece of blendFiles(runtime, models.drifted, models.ancestor, scale)) {
      const written = out.writeFile(piece);
      if (isHashed) hash.update(piece);
      await written;
    }
    if (isSynced) await out.sync();
  } finally {
    await out.close();
  }
  if (isHashed) hash.digest("hex");
}

/** What no writer of a model can be spared: its bytes read once, hashed and written. */
function copyCase(path: string, isSynced = false): Case {
  const outPath = join(scratchDir(), "copied.safetensors");
  return {
    name: `copy of one file with sha256 (node streams)${isSynced ? ", synced" : ""}`,
    role: "limit",
    runAsync: async () => {
      const hash = createHash("sha256");
      const input = createReadStream(path, { highWaterMark: chunkBytes });
      input.on("data", (piece) => hash.update(piece));
      await pipeline(input, createWriteStream(outPath, { highWaterMark: chunkBytes, flush: isSynced }));
      const size = statSync(outPath).size;
      rmSync(outPath);
      return size + hash.digest()[0]!;
    },
  };
}

const numpyScript = `
import hashlib, os
drifted, ancestor, out, offset, scale = sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), np.float32(sys.argv[6])
def work():
    with open(drifted, "rb") as file:
        header = file.read(offset)
        source = np.fromfile(file, dtype=np.float32)
    target = np.fromfile(ancestor, dtype=np.float32, offset=offset)
    result = source + scale * (target - source)
    with open(out, "wb") as file:
        file.write(header)
        result.tofile(file)
    if sys.argv[7] == "sha256":
        hash = hashlib.sha256(header)
        hash.update(result)
        hash.digest()
    os.remove(out)
    return result[:: len(result) // 64 | 1]
`;

function numpyCase(models: Models, hash: "sha256" | "none"): Case {
  const { drifted, ancestor, valuesOffset } = models;
  const out = join(scratchDir(), `numpy-${hash}.safetensors`);
  const args = [drifted.path, ancestor.path, out, String(valuesOffset), String(scale), hash];
  const name = `numpy: read, blend, write${hash === "sha256" ? ", sha256" : ""}`;
  return pythonCase({ name, script: numpyScript, args });
}

async function writeModels(valueCount: number, tensorCount = 16): Promise<Models> {
  const shape = { tensorCount, parameterCount: valueCount / tensorCount };
  const [driftedPath, ancestorPath] = ["drifted", "ancestor"].map((name) =>
    join(scratchDir(), `${name}.safetensors`),
  ) as [string, string];
  const valuesOffset = writeModel(driftedPath, shape, sourceFactor);
  writeModel(ancestorPath, shape, targetFactor);
  return {
    drifted: await openParameterFile(driftedPath),
    ancestor: await openParameterFile(ancestorPath),
    valuesOffset,
    valueCount,
  };
}

/** Where there is nobody else who blends: by the formula, from the two files. Where the two cancel out, their own roundings remain. */
async function checkedAnswer(path: string, models: Models): Promise<number[]> {
  const paths = [path, models.drifted.path, models.ancestor.path];
  const [found, source, target] = (await Promise.all(paths.map((each) => answerOf(each, models)))) as [
    number[],
    number[],
    number[],
  ];
  for (const [i, value] of found.entries()) {
    const expected = source[i]! + scale * (target[i]! - source[i]!);
    const isNear = Math.abs(value - expected) <= 1e-6 * (Math.abs(source[i]!) + Math.abs(target[i]!));
    if (!isNear) throw new Error(`value ${i} of the blend is ${value}, not ${expected}`);
  }
  return found;
}

/** Memory is that of the whole process, Node's own 50 MB and what makes the files included. */
async function measureLarge(bench: Bench): Promise<void> {
  bench.useCores("all");
  // Tensors of 16 MB, as a large model's are: what writes them here holds one of them.
  const models = await writeModels(largeBytes / 4, Math.max(1, Math.round(largeBytes / 2 ** 24)));
  const runtime = await openRuntime();
  const { byteLength, path } = models.drifted;
  for (const isSynced of [false, true]) {
    const synced = isSynced ? "synced" : "not synced";
    await bench.measure({
      name: `f32, two files of ${Math.round(byteLength / 1e6)} MB, all cores, ${synced}`,
      values: models.valueCount,
      bytes: byteLength * 3,
      tolerance: 1e-6,
      effort: { rounds: 3, secondsMax: 0.01, warmSeconds: 0.01 },
      cases: [
        fileCase(
          `mendline, blendFiles, sha256, ${synced}`,
          "ours",
          models,
          (out) => blend(runtime, models, out, { isHashed: true, isSynced }),
          checkedAnswer,
        ),
        copyCase(path, isSynced),
      ],
    });
  }
  bench.fact("memory of the arena at its peak", runtime.arena.use.peakBytes / 1e6, "MB");
  bench.fact("memory of the process at its peak", residentPeakBytes() / 1e6, "MB");
  await runtime.close();
}

await runSuite("How fast is a repaired model written, from two files to a third?", async (bench) => {
  if (largeBytes > 0) {
    await measureLarge(bench);
    return;
  }
  const models = await writeModels(bench.size(64 * 1024 * 1024, 64 * 1024));
  const runtime = await openRuntime();
  const byteLength = models.drifted.byteLength;
  await bench.measure({
    name: `f32, ${models.valueCount} parameters, two files of ${Math.round(byteLength / 1e6)} MB, none synced`,
    values: models.valueCount,
    bytes: byteLength * 3,
    tolerance: 1e-6,
    effort: { rounds: 3, secondsMax: 0.01, warmSeconds: 0.01 },
    cases: [
      fileCase("mendline, blendFiles, sha256", "ours", models, (path) =>
        blend(runtime, models, path, { isHashed: true, isSynced: false }),
      ),
      fileCase("mendline, blendFiles", "variant", models, (path) =>
        blend(runtime, models, path, { isHashed: false, isSynced: false }),
      ),
      numpyCase(models, "sha256"),
      numpyCase(models, "none"),
      copyCase(models.drifted.path),
    ],
  });
  bench.fact("memory of the engine at its peak", runtime.arena.use.peakBytes / 1e6, "MB");
  await runtime.close();
});
