import { readdirSync, readFileSync, readlinkSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { blendFiles, blendToBytes } from "../../../src/host/parameters/blend.js";
import type { ParameterFile, TensorEntry } from "../../../src/host/parameters/tensor-index.js";
import { parameterChunkBytes } from "../../../src/limits.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { refusal } from "../../refusals.js";
import { f32, model, rawF32, tensor } from "./onnx-writer.js";
import { write } from "./safetensors-writer.js";
import { valuesOf } from "./support.js";
import {
  decode,
  encode,
  type FloatDtype,
  fileOf,
  floats,
  gaussians,
  moved,
  rainFile,
  safetensorsFile,
} from "./tensors.js";

const runtime = await openRuntime();
const scales = [0.1, 0.125, 0.5, 0.9999, 1.15, 1.3, -0.5];
const floatDtypes: readonly string[] = ["F32", "F64", "F16", "BF16"];

/** The formula, each step rounded to f32 (to f64 for F64), stored in the original type. */
function blended(dtype: FloatDtype, drifted: Uint8Array, ancestor: Uint8Array, scale: number): Uint8Array {
  const round = dtype === "F64" ? (value: number) => value : Math.fround;
  const toward = decode(dtype, ancestor);
  const values = decode(dtype, drifted).map((value, i) => {
    const step = round(round(scale) * round(toward[i]! - value));
    return round(value + step);
  });
  return encode(dtype, values);
}

function sameBytes(left: Uint8Array, right: Uint8Array, what: string): void {
  assert.is(Buffer.compare(left, right), 0, what);
}

function isFloat({ dtype, byteOffset }: TensorEntry): boolean {
  return floatDtypes.includes(dtype) && byteOffset >= 0;
}

/** Float tensors hold what the oracle says, and every other byte of the drifted file is as it was. */
async function check(drifted: ParameterFile, ancestor: ParameterFile, scale: number): Promise<void> {
  const before = readFileSync(drifted.path);
  const other = readFileSync(ancestor.path);
  const expected = new Uint8Array(before);
  for (const entry of drifted.tensors.filter(isFloat)) {
    const toward = ancestor.tensors.find(({ name }) => name === entry.name)!;
    const values = blended(
      entry.dtype as FloatDtype,
      valuesOf(before, entry),
      valuesOf(other, toward),
      scale,
    );
    expected.set(values, entry.byteOffset);
  }
  const used = runtime.arena.use.usedBytes;
  sameBytes(await blendToBytes(runtime, drifted, ancestor, scale), expected, `scale ${scale}`);
  assert.is(runtime.arena.use.usedBytes, used);
}

/** As `check`, where the result is the drifted file with the ancestor's bytes for its float tensors. */
async function checkEnd(drifted: ParameterFile, ancestor: ParameterFile): Promise<void> {
  const before = readFileSync(drifted.path);
  const other = readFileSync(ancestor.path);
  sameBytes(await blendToBytes(runtime, drifted, ancestor, 0), before, "scale 0");
  const expected = new Uint8Array(before);
  for (const entry of drifted.tensors.filter(isFloat)) {
    const toward = ancestor.tensors.find(({ name }) => name === entry.name)!;
    expected.set(valuesOf(other, toward), entry.byteOffset);
  }
  sameBytes(await blendToBytes(runtime, drifted, ancestor, 1), expected, "scale 1");
}

async function mixedPair(): Promise<[ParameterFile, ParameterFile]> {
  const values = (seed: number) => gaussians(37, seed);
  const bool = (...flags: number[]) => ({
    dtype: "BOOL",
    shape: [flags.length],
    values: Uint8Array.from(flags),
  });
  const whole = (...numbers: bigint[]) => ({
    dtype: "I64",
    shape: [numbers.length],
    values: new Uint8Array(BigInt64Array.from(numbers).buffer),
  });
  // Three and five bytes before the floats: nothing after them is aligned.
  const drifted = await safetensorsFile(
    {
      mask: bool(1, 0, 1),
      single: floats("F32", values(1)),
      flag: bool(1, 1, 0, 0, 1),
      double: floats("F64", values(2)),
      steps: whole(7n, -1n, 2n ** 60n),
      half: floats("F16", values(3)),
      brain: floats("BF16", values(4)),
      scalar: floats("F32", [0.25], []),
      empty: floats("F32", [], [0, 4]),
    },
    { note: "drifted" },
  );
  // Another order, other integers, other metadata.
  const ancestor = await safetensorsFile(
    {
      empty: floats("F32", [], [0, 4]),
      brain: floats("BF16", moved(values(4), 0.3, 14)),
      half: floats("F16", moved(values(3), 0.3, 13)),
      scalar: floats("F32", [0.75], []),
      flag: bool(0, 0, 0, 0, 0),
      steps: whole(1n, 2n, 3n),
      double: floats("F64", moved(values(2), 0.3, 12)),
      mask: bool(0, 1, 0),
      single: floats("F32", moved(values(1), 0.3, 11)),
    },
    { note: "ancestor, with a longer text" },
  );
  return [drifted, ancestor];
}

test("ONNX: the formula step by step, and no other byte of the file", async () => {
  const [drifted, ancestor] = [await rainFile("rain-3"), await rainFile("rain-1")];
  for (const scale of scales) await check(drifted, ancestor, scale);
});

test("safetensors of all types, at odd offsets", async () => {
  const [drifted, ancestor] = await mixedPair();
  assert.ok(drifted.tensors.some(({ byteOffset }) => byteOffset % 2 === 1));
  for (const scale of scales) await check(drifted, ancestor, scale);
});

test("scale 0 is the drifted file, scale 1 the ancestor's very values", async () => {
  await checkEnd(await rainFile("rain-3"), await rainFile("rain-1"));
  const [drifted, ancestor] = await mixedPair();
  await checkEnd(drifted, ancestor);
});

test("weights that do not differ stay bit for bit", async () => {
  const file = await rainFile("rain-2");
  sameBytes(await blendToBytes(runtime, file, file, 1.3), readFileSync(file.path), "itself");
});

for (const [dtype, width] of [
  ["F32", 4],
  ["F64", 8],
  ["F16", 2],
  ["BF16", 2],
] as const) {
  test(`${dtype} over several chunks: the borders are seamless, the pieces bounded`, async () => {
    // One byte ahead of the tensor, two and a bit chunks of it, and another tensor behind. A period that divides no chunk.
    const count = (2 * parameterChunkBytes) / width + 13;
    const period = gaussians(4_099, 21);
    const toward = moved(period, 0.25, 22);
    const tiled = (values: Uint8Array) => new Uint8Array(Buffer.alloc(count * width, values));
    const bytesOf = (values: readonly number[], small: readonly number[]) =>
      write({
        lead: { dtype: "BOOL", shape: [1], values: Uint8Array.of(1) },
        big: { dtype, shape: [count], values: tiled(encode(dtype, values)) },
        small: floats(dtype, small),
      });
    const drifted = await fileOf(bytesOf(period, [1, 2, 3]));
    const ancestor = await fileOf(bytesOf(toward, [2, 2, 2]));
    const expected = new Uint8Array(readFileSync(drifted.path));
    const one = blended(dtype, encode(dtype, period), encode(dtype, toward), 0.3);
    const last = blended(dtype, encode(dtype, [1, 2, 3]), encode(dtype, [2, 2, 2]), 0.3);
    expected.set(tiled(one), drifted.tensors.find(({ name }) => name === "big")!.byteOffset);
    expected.set(last, drifted.tensors.find(({ name }) => name === "small")!.byteOffset);
    sameBytes(await blendToBytes(runtime, drifted, ancestor, 0.3), expected, "scale 0.3");
    const lengths: number[] = [];
    for await (const piece of blendFiles(runtime, drifted, ancestor, 0.3)) lengths.push(piece.byteLength);
    assert.is(Math.max(...lengths), parameterChunkBytes);
    assert.is(
      lengths.reduce((sum, length) => sum + length, 0),
      drifted.byteLength,
    );
  });
}

test("who stops in the middle, or whose file ends early, leaves the arena as it was while more is being read", async () => {
  const count = parameterChunkBytes / 2 + 100_000;
  const values = gaussians(997, 31);
  const long = (seed: number) =>
    write({
      w: floats(
        "F32",
        Array.from({ length: count }, (_, i) => values[(i + seed) % 997]!),
      ),
    });
  const [drifted, ancestor] = [await fileOf(long(0)), await fileOf(long(1))];
  const used = runtime.arena.use.usedBytes;
  for await (const piece of blendFiles(runtime, drifted, ancestor, 0.5)) {
    if (piece.byteLength > 1000) break;
  }
  assert.is(runtime.arena.use.usedBytes, used);
  const pieces = blendFiles(runtime, drifted, ancestor, 0.5);
  await pieces.next();
  await pieces.next();
  truncateSync(ancestor.path, ancestor.byteLength - 100);
  const rest = async () => {
    for await (const _ of pieces);
  };
  await refusal(rest(), "MENDLINE_MODEL_MALFORMED", /ends at byte/);
  assert.is(runtime.arena.use.usedBytes, used);
});

test("an ancestor whose values lie in the index, not in a range of its file", async () => {
  const drifted = await fileOf(model({ initializers: [rawF32("w", [5], [1, 2, 3, 4, 5])] }));
  const ancestor = await fileOf(
    model({ initializers: [tensor("w", 1, [5], ...[2, 0, 4, 3, -5].map((value) => floatEntry(value)))] }),
  );
  const entry = ancestor.tensors[0]!;
  assert.is.not(entry.inline, null, "the values are inline");
  await check(drifted, ancestor, 0.5);
  await checkEnd(drifted, ancestor);
});

/** One element of `float_data`, unpacked: every one with a tag of its own. */
function floatEntry(value: number): Uint8Array {
  return Uint8Array.from([4 * 8 + 5, ...f32(value)]);
}

test("values that are in the index of both are left to the drifted file", async () => {
  const packed = (...values: number[]) =>
    model({ initializers: [tensor("w", 1, [values.length], ...values.map(floatEntry))] });
  const drifted = await fileOf(packed(1, 2));
  const ancestor = await fileOf(packed(3, 4));
  sameBytes(await blendToBytes(runtime, drifted, ancestor, 0.5), packed(1, 2), "unchanged");
});

const overflowing: readonly [string, FloatDtype, number[], number[], number][] = [
  ["NaN in the drifted", "F32", [1, Number.NaN], [1, 1], 0.5],
  ["NaN in the ancestor", "F64", [1, 1], [Number.NaN, 1], 0.5],
  ["infinity in both", "F32", [Number.POSITIVE_INFINITY], [Number.POSITIVE_INFINITY], 0.5],
  ["f32 overflow", "F32", [-3e38, 0], [3e38, 0], 1.3],
  ["f64 overflow", "F64", [0], [1.7e308], 1.3],
  ["what fits f32 and overflows a half", "F16", [0, 0, 0], [1, 2, 60_000], 1.3],
  ["what rounds to infinity in bf16", "BF16", [1e38], [3.3e38], 1.15],
  ["NaN in a half", "BF16", [Number.NaN], [1], 0.25],
];

for (const [name, dtype, from, to, scale] of overflowing) {
  test(`not finite is refused: ${name}`, async () => {
    const bits = (values: number[]) =>
      values.some(Number.isNaN) && dtype === "BF16"
        ? { dtype, shape: [1], values: Uint8Array.of(0xc0, 0x7f) }
        : floats(dtype, values);
    const drifted = await safetensorsFile({ "net.bad": bits(from) });
    const ancestor = await safetensorsFile({ "net.bad": bits(to) });
    const used = runtime.arena.use.usedBytes;
    const thrown = await refusal(
      blendToBytes(runtime, drifted, ancestor, scale),
      "MENDLINE_REPAIR_INCOMPATIBLE",
      new RegExp(`"net\\.bad".*scale ${scale} is not finite in ${dtype}`),
    );
    assert.equal(thrown.details, { tensor: "net.bad", scale });
    assert.is(runtime.arena.use.usedBytes, used);
  });
}

test("F16 at the very end of its range still blends", async () => {
  const drifted = await safetensorsFile({ w: floats("F16", [65_504, -65_504]) });
  const ancestor = await safetensorsFile({ w: floats("F16", [65_000, -65_504]) });
  await check(drifted, ancestor, 0.5);
});

/** Descriptors of this process that are open on the file; -1 where that cannot be told. */
function openOn(path: string): number {
  if (process.platform !== "linux") return -1;
  return readdirSync("/proc/self/fd").filter((fd) => linkOf(fd) === path).length;
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}

test("a consumer that stops early, or throws, leaves nothing allocated and nothing open", async () => {
  const [drifted, ancestor] = await mixedPair();
  const used = runtime.arena.use.usedBytes;
  for (const stopAfter of [1, 2, 5]) {
    for (const ends of ["break", "throw"] as const) {
      let pieces = 0;
      const consume = async () => {
        for await (const piece of blendFiles(runtime, drifted, ancestor, 0.5)) {
          assert.ok(piece.byteLength > 0);
          assert.is.not(openOn(drifted.path), 0, "open while it is read");
          if (++pieces < stopAfter) continue;
          if (ends === "break") break;
          throw new Error("enough");
        }
      };
      if (ends === "break") await consume();
      else assert.is(await consume().catch((error: Error) => error.message), "enough");
      assert.is(pieces, stopAfter);
      assert.is(runtime.arena.use.usedBytes, used);
      assert.ok(openOn(drifted.path) <= 0 && openOn(ancestor.path) <= 0, "closed when the loop has ended");
    }
  }
  const unused = blendFiles(runtime, drifted, ancestor, 0.5);
  await unused.return(undefined);
  assert.is(runtime.arena.use.usedBytes, used);
});

test("no descriptor is left after many blends", async () => {
  const [drifted, ancestor] = [await rainFile("rain-3"), await rainFile("rain-1")];
  const count = () => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0);
  const before = count();
  for (let i = 0; i < 50; i++) await blendToBytes(runtime, drifted, ancestor, i / 40);
  assert.is(count(), before);
});

test("a file that is gone, either of them", async () => {
  const [drifted, ancestor] = await mixedPair();
  const [other] = await mixedPair();
  const used = runtime.arena.use.usedBytes;
  rmSync(other.path);
  await refusal(blendToBytes(runtime, drifted, other, 0.5), "MENDLINE_DATA_NOT_FOUND", /cannot be read/);
  await refusal(blendToBytes(runtime, other, ancestor, 0.5), "MENDLINE_DATA_NOT_FOUND", /cannot be read/);
  assert.is(runtime.arena.use.usedBytes, used);
  assert.ok(openOn(drifted.path) <= 0 && openOn(ancestor.path) <= 0);
});

test("a file that was cut since it was indexed", async () => {
  const [drifted, ancestor] = await mixedPair();
  writeFileSync(ancestor.path, readFileSync(ancestor.path).subarray(0, ancestor.byteLength - 40));
  const used = runtime.arena.use.usedBytes;
  await refusal(blendToBytes(runtime, drifted, ancestor, 0.5), "MENDLINE_MODEL_MALFORMED", /ends at byte/);
  assert.is(runtime.arena.use.usedBytes, used);
});

test("models of any size blend in the smallest arena, with the same bytes; where all of it is taken, nothing is left behind", async () => {
  const small = await openRuntime({ memoryBytes: 8 * 1024 * 1024 });
  const values = (seed: number) => {
    const next = random(seed);
    return new Uint8Array(Float32Array.from({ length: 1_500_001 }, () => next() - 0.5).buffer);
  };
  const large = (seed: number) =>
    fileOf(write({ w: { dtype: "F32", shape: [1_500_001], values: values(seed) } }));
  const pairs = [
    [await rainFile("rain-3"), await rainFile("rain-1")],
    [await large(3), await large(5)],
  ] as const;
  for (const [drifted, ancestor] of pairs) {
    sameBytes(
      await blendToBytes(small, drifted, ancestor, 0.5),
      await blendToBytes(runtime, drifted, ancestor, 0.5),
      "the same",
    );
  }
  assert.is(small.arena.use.usedBytes, 0);
  const taken = small.arena.allocate(small.arena.availableBytes);
  const { usedBytes } = small.arena.use;
  await refusal(blendToBytes(small, ...pairs[1], 0.5), "MENDLINE_MEMORY_EXHAUSTED", /no room/);
  assert.is(small.arena.use.usedBytes, usedBytes);
  small.arena.release(taken);
  await small.close();
});

test.run();
