import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mixFiles, mixTermsMax } from "../../../src/host/parameters/mix.js";
import { pairTensors } from "../../../src/host/parameters/pairing.js";
import type { ParameterFile } from "../../../src/host/parameters/tensor-index.js";
import { parameterChunkBytes } from "../../../src/limits.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { refusal } from "../../refusals.js";
import { valuesOf } from "./support.js";
import {
  decode,
  encode,
  type FloatDtype,
  floats,
  gaussians,
  rainFile,
  safetensorsFile,
  tables,
} from "./tensors.js";

const runtime = await openRuntime();

async function mixed(
  drifted: ParameterFile,
  ancestors: readonly ParameterFile[],
  weights: readonly number[],
): Promise<Buffer> {
  const used = runtime.arena.use.usedBytes;
  const terms = ancestors.map((file, i) => ({
    file,
    pairs: pairTensors(drifted, file).pairs,
    weight: weights[i]!,
  }));
  const pieces: Uint8Array[] = [];
  for await (const piece of mixFiles(runtime, drifted, terms)) pieces.push(piece);
  assert.is(runtime.arena.use.usedBytes, used);
  return Buffer.concat(pieces);
}

const round: Readonly<Record<FloatDtype, (value: number) => number>> = {
  F32: Math.fround,
  F64: (value) => value,
  F16: Math.fround,
  BF16: Math.fround,
};

/** The sum in the order of the vectors, each step rounded to the type that is summed in. */
function oracle(dtype: FloatDtype, vectors: readonly number[][], weights: readonly number[]): number[] {
  const step = round[dtype];
  const factors = [1 - weights.reduce((sum, one) => sum + one, 0), ...weights].map(step);
  return vectors[0]!.map((_, i) =>
    vectors.reduce((sum, values, term) => {
      const product = step(factors[term]! * values[i]!);
      return term === 0 ? product : step(sum + product);
    }, 0),
  );
}

test("every type: the weighted sum, and all other bytes as they were", async () => {
  const weights = [0.3, 0.45];
  for (const dtype of ["F32", "F64", "F16", "BF16"] as const) {
    const [own, first, second] = [1, 2, 3].map((seed) =>
      decode(dtype, encode(dtype, gaussians(37, seed))),
    ) as [number[], number[], number[]];
    const steps = { dtype: "I64", shape: [1], values: new Uint8Array(8).fill(7) };
    const file = (values: number[]) =>
      safetensorsFile({ w: floats(dtype, values), steps }, { of: "x".repeat(values.length) });
    const drifted = await file(own);
    const bytes = await mixed(drifted, [await file(first), await file(second)], weights);
    const expected = new Uint8Array(readFileSync(drifted.path));
    const w = drifted.tensors.find(({ name }) => name === "w")!;
    const sum = oracle(dtype, [own, first, second], weights);
    expected.set(encode(dtype, sum), w.byteOffset);
    const got = decode(dtype, valuesOf(bytes, w));
    const want = decode(dtype, valuesOf(expected, w));
    const slack = dtype === "F64" ? 1e-15 : dtype === "F32" ? 1e-6 : 2 ** -7;
    const isNear = (value: number, i: number) =>
      Math.abs(value - want[i]!) <= slack * (1 + Math.abs(want[i]!));
    assert.ok(got.every(isNear), dtype);
    bytes.set(valuesOf(expected, w), w.byteOffset);
    assert.is(Buffer.compare(bytes, expected), 0, dtype);
  }
});

test("one term is a blend; weights of 0 are the drifted model; more than a chunk", async () => {
  const count = parameterChunkBytes / 4 + 5;
  const values = (factor: number) => Array.from({ length: count }, (_, i) => factor * (i % 1_000));
  const [drifted, ancestor] = [
    await safetensorsFile({ w: floats("F32", values(1)) }),
    await safetensorsFile({ w: floats("F32", values(3)) }),
  ];
  const w = drifted.tensors[0]!;
  assert.is(Buffer.compare(await mixed(drifted, [ancestor], [0]), readFileSync(drifted.path)), 0);
  const half = decode("F32", valuesOf(await mixed(drifted, [ancestor], [0.5]), w));
  assert.ok(half.every((value, i) => value === 2 * (i % 1_000)));
});

test("a tensor that one of them lacks stays; an overflow is told", async () => {
  const drifted = await safetensorsFile({ a: floats("F16", [50_000]), b: floats("F32", [1]) });
  const other = await safetensorsFile({ a: floats("F16", [60_000]), b: floats("F32", [3]) });
  const lacking = await safetensorsFile({ b: floats("F32", [5]) });
  const bytes = await mixed(drifted, [other, lacking], [0.5, 0.25]);
  const [a, b] = drifted.tensors;
  assert.equal(decode("F16", valuesOf(bytes, a!)), [
    tables.F16[new Uint16Array(encode("F16", [50_000]).buffer)[0]!],
  ]);
  assert.equal(decode("F32", valuesOf(bytes, b!)), [0.25 + 1.5 + 1.25]);
  await refusal(
    mixed(drifted, [other, other], [0.8, 0.8]),
    "MENDLINE_REPAIR_INCOMPATIBLE",
    /"a": a combination is not finite in F16/,
  );
});

test("as many terms as the kernel takes, and no more", async () => {
  const rain = await rainFile("rain-3");
  const many = new Array<ParameterFile>(mixTermsMax).fill(rain);
  const bytes = await mixed(
    rain,
    many,
    many.map(() => 0.1),
  );
  const before = readFileSync(rain.path);
  for (const tensor of rain.tensors.filter(({ dtype }) => dtype === "F32")) {
    const [got, want] = [decode("F32", valuesOf(bytes, tensor)), decode("F32", valuesOf(before, tensor))];
    assert.ok(got.every((value, i) => Math.abs(value - want[i]!) < 1e-5 * (1 + Math.abs(want[i]!))));
  }
  let thrown: unknown;
  await mixed(
    rain,
    [...many, rain],
    [...many, rain].map(() => 0.1),
  ).catch((error: unknown) => {
    thrown = error;
  });
  assert.instance(thrown, RangeError);
});

test.run();
