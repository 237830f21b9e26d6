/** How fast are parameters blended in memory? */
import { parameterChunkBytes } from "../../src/limits.js";
import { openRuntime, type Runtime } from "../../src/scheduler/runtime.js";
import { parameter, picked, sourceFactor, targetFactor } from "../data.js";
import type { Case } from "../measure.js";
import { memcpyCase, nativeCases } from "../native.js";
import { pythonCase } from "../python.js";
import { type Bench, runSuite } from "../suite.js";

type BlendType = "f32" | "bf16" | "f16";
/** What the memory holds: halves are told by their bits. */
type Stored = Float32Array | Uint16Array;

const scale = 0.75;
/** Beside the three vectors. */
const spareBytes = 16 * 1024 * 1024;
const fillCount = 1024 * 1024;

/** Source, target and result in the arena. */
class Vectors {
  readonly runtime: Runtime;
  readonly type: BlendType;
  readonly count: number;
  readonly width: number;
  readonly #ptrs: readonly [number, number, number];

  constructor(runtime: Runtime, type: BlendType, count: number) {
    this.runtime = runtime;
    this.type = type;
    this.count = count;
    this.width = type === "f32" ? 4 : 2;
    const allocate = () => runtime.arena.allocate(count * this.width);
    this.#ptrs = [allocate(), allocate(), allocate()];
    this.#fill(this.#ptrs[0], sourceFactor);
    this.#fill(this.#ptrs[1], targetFactor);
  }

  /** As files are blended: in chunks, each with its finite check. */
  blend(): number {
    const [sourcePtr, targetPtr, outPtr] = this.#ptrs;
    const { kernels } = this.runtime;
    const byteLength = this.count * this.width;
    let finite = 1;
    for (let at = 0; at < byteLength; at += parameterChunkBytes) {
      const chunk = Math.min(parameterChunkBytes, byteLength - at) / this.width;
      finite &= Number(kernels.blend(this.type, sourcePtr + at, targetPtr + at, chunk, scale, outPtr + at));
    }
    return finite;
  }

  get views(): readonly [Stored, Stored, Stored] {
    return this.#ptrs.map((ptr) => this.#view(ptr)) as [Stored, Stored, Stored];
  }

  #view(ptr: number): Stored {
    const { buffer } = this.runtime.arena.memory;
    return this.type === "f32"
      ? new Float32Array(buffer, ptr, this.count)
      : new Uint16Array(buffer, ptr, this.count);
  }

  #fill(ptr: number, factor: number): void {
    const { arena, kernels } = this.runtime;
    const scope = arena.scope();
    const widePtr = scope.allocate(fillCount * 4);
    for (let from = 0; from < this.count; from += fillCount) {
      const count = Math.min(fillCount, this.count - from);
      const wide = new Float32Array(
        arena.memory.buffer,
        this.type === "f32" ? ptr + from * 4 : widePtr,
        count,
      );
      for (let i = 0; i < count; i++) wide[i] = parameter(from + i, factor);
      if (this.type !== "f32") kernels.narrow(this.type, widePtr, count, ptr + from * 2);
    }
    scope.close();
  }
}

function blendFloats(source: Float32Array, target: Float32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = source[i]! + scale * (target[i]! - source[i]!);
}

const bits = new Uint32Array(2);
const floats = new Float32Array(bits.buffer);

/** bf16 is the upper half of an f32; what is left is rounded to nearest, ties to even. Weights are no NaN. */
function blendBf16(source: Uint16Array, target: Uint16Array, out: Uint16Array): void {
  for (let i = 0; i < out.length; i++) {
    bits[0] = source[i]! << 16;
    bits[1] = target[i]! << 16;
    floats[0] = floats[0]! + Math.fround(scale * Math.fround(floats[1]! - floats[0]!));
    out[i] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) >>> 16;
  }
}

/** In the memory of JavaScript, not ours. f16 has no plain loop that anyone would write: Node 20 has no type for it. */
function plainCases(vectors: Vectors): Case[] {
  const { type, count } = vectors;
  if (type === "f16") return [];
  const [source, target, out] = vectors.views.map((view) => view.slice()) as [Stored, Stored, Stored];
  const blend = (type === "f32" ? blendFloats : blendBf16) as (...stored: Stored[]) => void;
  return [
    {
      name: `plain JS, ${type === "f32" ? "Float32Array" : "Uint16Array"}`,
      role: "incumbent",
      answer: () => {
        blend(source, target, out);
        return picked(out);
      },
      run: () => {
        blend(source, target, out);
        return out[count - 1]!;
      },
    },
  ];
}

const numpyScript = `
count, scale, half = int(sys.argv[2]), np.float32(sys.argv[3]), sys.argv[4] == "f16"
def parameters(factor):
    words = (np.arange(1, count + 1, dtype=np.uint32) * np.uint32(factor)) >> np.uint32(8)
    values = words.astype(np.float32) / np.float32(16777216) - np.float32(0.5)
    return values.astype(np.float16) if half else values
source, target = parameters(sys.argv[5]), parameters(sys.argv[6])
every = count // 64 | 1
if half:
    def work():
        wide = source.astype(np.float32)
        return (wide + scale * (target.astype(np.float32) - wide)).astype(np.float16).view(np.uint16)[::every]
else:
    def work():
        return (source + scale * (target - source))[::every]
`;

/** numpy has no bf16. */
function numpyCases({ type, count }: Vectors): Case[] {
  if (type === "bf16") return [];
  const args = [count, scale, type, sourceFactor, targetFactor].map(String);
  return [
    pythonCase({ name: `numpy, ${type === "f16" ? "through f32" : "f32"}`, script: numpyScript, args }),
  ];
}

async function measure(bench: Bench, type: BlendType, count: number): Promise<void> {
  const byteLength = count * (type === "f32" ? 4 : 2);
  const runtime = await openRuntime({ memoryBytes: 3 * byteLength + spareBytes });
  const vectors = new Vectors(runtime, type, count);
  await bench.measure({
    name: `${type}, ${count} parameters`,
    values: count,
    bytes: byteLength * 3,
    // f32 may be fused to one rounding by C++, and plain JS computes in f64: the last place differs.
    tolerance: type === "f32" ? 1e-6 : 0,
    cases: [
      {
        name: "mendline, in chunks, finite check included",
        role: "ours",
        answer: () => {
          if (vectors.blend() !== 1) throw new Error("the blend is not finite");
          return picked(vectors.views[2]);
        },
        run: () => vectors.blend(),
      },
      ...plainCases(vectors),
      ...numpyCases(vectors),
      ...nativeCases({
        name: "one loop",
        program: "vectors",
        args: ["blend", type, String(count), String(scale)],
      }),
      // Two vectors are read and one is written: a copy of one and a half moves as many bytes.
      memcpyCase((byteLength * 3) / 2, "memcpy that moves as many bytes"),
    ],
  });
  await runtime.close();
}

await runSuite("How fast are parameters blended in memory?", async (bench) => {
  const million = bench.size(1024 * 1024, 1024);
  // 64 million come from memory, one million from the caches.
  for (const type of ["f32", "bf16", "f16"] as const) await measure(bench, type, 64 * million);
  for (const type of ["f32", "bf16"] as const) await measure(bench, type, million);
});
