import { test } from "uvu";
import * as assert from "uvu/assert";
import { compareParameters } from "../../../src/host/parameters/comparison.js";
import { parameterChunkBytes } from "../../../src/limits.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { decode, encode, floats, gaussians, safetensorsFile } from "./tensors.js";

const runtime = await openRuntime();

test("the figures: cosine, relative norm and changed share against plain sums", async () => {
  const source = gaussians(1_001, 41);
  const target = source.map((value, i) => (i % 4 === 0 ? value : value * 1.5 + 0.01));
  for (const dtype of ["F32", "F64", "F16", "BF16"] as const) {
    const [left, right] = [source, target].map((values) => decode(dtype, encode(dtype, values))) as [
      number[],
      number[],
    ];
    const sum = (of: (l: number, r: number) => number) =>
      left.reduce((total, l, i) => total + of(l, right[i]!), 0);
    const cosine = sum((l, r) => l * r) / Math.sqrt(sum((l) => l * l) * sum((_, r) => r * r));
    const norm = Math.sqrt(sum((l, r) => (r - l) ** 2) / sum((l) => l * l));
    const { tensors } = await compareParameters(
      runtime,
      await safetensorsFile({ w: floats(dtype, source) }),
      await safetensorsFile({ w: floats(dtype, target) }),
    );
    const found = tensors[0]!;
    assert.ok(Math.abs(found.cosine! - cosine) < 1e-12, `${dtype}: ${found.cosine}, not ${cosine}`);
    assert.ok(Math.abs(found.relativeNorm! - norm) < 1e-12, `${dtype}: ${found.relativeNorm}`);
    assert.is(found.changedShare, sum((l, r) => (l === r ? 0 : 1)) / 1_001);
  }
});

test("zeros, empty tensors, and what lies beyond a chunk", async () => {
  const zeros = new Array<number>(8).fill(0);
  const ones = new Array<number>(8).fill(1);
  const count = parameterChunkBytes / 4 + 3;
  const long = (last: number) => {
    const values = new Float32Array(count).fill(1);
    values[count - 1] = last;
    return { dtype: "F32", shape: [count], values: new Uint8Array(values.buffer) };
  };
  const flags = (last: number) => {
    const values = new Uint8Array(parameterChunkBytes + 5);
    values[values.length - 1] = last;
    return { dtype: "BOOL", shape: [values.length], values };
  };
  const net = (list: readonly number[], last: number) => ({
    a: floats("F32", list),
    b: floats("F32", zeros),
    c: floats("F64", [], [0, 3]),
    d: long(last),
    e: flags(last),
  });
  const { tensors } = await compareParameters(
    runtime,
    await safetensorsFile(net(zeros, 1)),
    await safetensorsFile(net(ones, 0)),
  );
  const byName = new Map(tensors.map((one) => [one.name, one]));
  assert.equal(byName.get("a"), {
    name: "a",
    elementCount: 8,
    cosine: 0,
    relativeNorm: Number.POSITIVE_INFINITY,
    changedShare: 1,
    sourceNorm: 0,
    targetNorm: Math.sqrt(8),
  });
  const zero = { cosine: 1, relativeNorm: 0, changedShare: 0, sourceNorm: 0, targetNorm: 0 };
  assert.equal(byName.get("b"), { name: "b", elementCount: 8, ...zero });
  assert.equal(byName.get("c"), { name: "c", elementCount: 0, ...zero });
  assert.is(byName.get("d")!.changedShare, 1 / count);
  assert.is(byName.get("d")!.relativeNorm, Math.sqrt(1 / count));
  assert.is(byName.get("e")!.changedShare, 1 / (parameterChunkBytes + 5));
});

test("of values that are no floats the share of elements whose bytes differ", async () => {
  const widths: [string, number][] = [
    ["I8", 1],
    ["U16", 2],
    ["I32", 4],
    ["I64", 8],
    ["C64", 8],
  ];
  for (const [dtype, width] of widths) {
    const count = 40;
    const source = new Uint8Array(count * width);
    const target = source.slice();
    // Every byte of three elements, one byte of a fourth.
    target.fill(1, 5 * width, 8 * width);
    target[20 * width + width - 1] = 1;
    const { tensors } = await compareParameters(
      runtime,
      await safetensorsFile({ w: { dtype, shape: [count], values: source } }),
      await safetensorsFile({ w: { dtype, shape: [count], values: target } }),
    );
    assert.equal(tensors[0], {
      name: "w",
      elementCount: count,
      cosine: null,
      relativeNorm: null,
      changedShare: 0.1,
      sourceNorm: null,
      targetNorm: null,
    });
  }
});

test.run();
