/** How fast are parameters blended in memory? */
import { parameterChunkBytes } from "../../src/limits.js";
import { openRuntime } from "../../src/scheduler/runtime.js";
import type { Case } from "../measure.js";
import { memcpyCase, nativeCase } from "../native.js";
import { type Bench, runSuite } from "../suite.js";

const scale = 0.75;
/** Beside the three vectors. */
const spareBytes = 16 * 1024 * 1024;

/** In [-0.5, 0.5), exact in f32, the same in native.ts. */
function parameter(index: number, factor: number): number {
  return (Math.imul(index + 1, factor) >>> 8) / 16_777_216 - 0.5;
}

/** 64 of them, evenly. */
function picked(out: Float32Array): number[] {
  const every = Math.floor(out.length / 64);
  const answer: number[] = [];
  for (let i = 0; i < out.length; i += every) answer.push(out[i]!);
  return answer;
}

function blendPlain(source: Float32Array, target: Float32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = source[i]! + scale * (target[i]! - source[i]!);
}

async function measure(bench: Bench, count: number): Promise<void> {
  const byteLength = count * 4;
  const runtime = await openRuntime({ memoryBytes: 3 * byteLength + spareBytes });
  const { kernels, arena } = runtime;
  const [sourcePtr, targetPtr, outPtr] = [0, 1, 2].map(() => arena.allocate(byteLength)) as [
    number,
    number,
    number,
  ];
  const view = (ptr: number) => new Float32Array(arena.memory.buffer, ptr, count);
  const [source, target, out] = [view(sourcePtr), view(targetPtr), view(outPtr)];
  for (let i = 0; i < count; i++) {
    source[i] = parameter(i, 2_654_435_761);
    target[i] = parameter(i, 2_246_822_519);
  }
  const inChunks = () => {
    let finite = 1;
    for (let at = 0; at < byteLength; at += parameterChunkBytes) {
      const chunk = Math.min(parameterChunkBytes, byteLength - at) / 4;
      finite &= Number(kernels.blend("f32", sourcePtr + at, targetPtr + at, chunk, scale, outPtr + at));
    }
    return finite;
  };
  const plainSource = Float32Array.from(source);
  const plainTarget = Float32Array.from(target);
  const plainOut = new Float32Array(count);
  const cases: Case[] = [
    {
      name: "mendline, in chunks, finite check included",
      role: "ours",
      answer: () => {
        if (inChunks() !== 1) throw new Error("the blend is not finite");
        return picked(out);
      },
      run: inChunks,
    },
    {
      name: "plain JS, Float32Array",
      role: "incumbent",
      answer: () => {
        blendPlain(plainSource, plainTarget, plainOut);
        return picked(plainOut);
      },
      run: () => {
        blendPlain(plainSource, plainTarget, plainOut);
        return plainOut[count - 1]!;
      },
    },
    nativeCase("C++", "limit", "blend", "f32", [String(count), String(scale)]),
    memcpyCase(byteLength),
  ];
  // Plain JS rounds once, at the store, and C++ may fuse: the last place differs.
  await bench.measure({
    name: `f32, ${count} parameters`,
    values: count,
    bytes: byteLength * 3,
    tolerance: 1e-6,
    cases,
  });
  await runtime.close();
}

await runSuite("How fast are parameters blended in memory?", async (bench) => {
  for (const millions of [16, 64]) await measure(bench, bench.size(millions * 1024 * 1024, millions * 1024));
});
