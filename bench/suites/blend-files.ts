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
import { pickedIndexes, sourceFactor, targetFactor } from "../data.js";
import type { Case, Role } from "../measure.js";
import { pythonCase } from "../python.js";
import { writeModel } from "../safetensors-file.js";
import { scratchDir } from "../scratch.js";
import { runSuite } from "../suite.js";

const scale = 0.75;
const tensorCount = 16;
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
function fileCase(name: string, role: Role, models: Models, write: (path: string) => Promise<void>): Case {
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
    answer: () => once(() => answerOf(path, models)),
    runAsync: () => once(async () => statSync(path).size),
  };
}

async function blend(runtime: Runtime, models: Models, path: string, isHashed: boolean): Promise<void> {
  const hash = createHash("sha256");
  const out = await open(path, "w");
  try {
    for await (const piece of blendFiles(runtime, models.drifted, models.ancestor, scale)) {
      if (isHashed) hash.update(piece);
      await out.writeFile(piece);
    }
  } finally {
    await out.close();
  }
  if (isHashed) hash.digest("hex");
}

/** What no writer of a model can be spared: its bytes read once, hashed and written. */
function copyCase(path: string): Case {
  const outPath = join(scratchDir(), "copied.safetensors");
  return {
    name: "copy of one file with sha256 (node streams)",
    role: "limit",
    runAsync: async () => {
      const hash = createHash("sha256");
      const input = createReadStream(path, { highWaterMark: chunkBytes });
      input.on("data", (piece) => hash.update(piece));
      await pipeline(input, createWriteStream(outPath, { highWaterMark: chunkBytes }));
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

async function writeModels(valueCount: number): Promise<Models> {
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

await runSuite("How fast is a repaired model written, from two files to a third?", async (bench) => {
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
      fileCase("mendline, blendFiles, sha256", "ours", models, (path) => blend(runtime, models, path, true)),
      fileCase("mendline, blendFiles", "variant", models, (path) => blend(runtime, models, path, false)),
      numpyCase(models, "sha256"),
      numpyCase(models, "none"),
      copyCase(models.drifted.path),
    ],
  });
  bench.fact("memory of the engine at its peak", runtime.arena.use.peakBytes / 1e6, "MB");
  await runtime.close();
});
