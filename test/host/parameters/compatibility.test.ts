import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  areUnrelated,
  compareParameters,
  type ParameterComparison,
  relatedCosineMin,
} from "../../../src/host/parameters/comparison.js";
import { assertBlendable } from "../../../src/host/parameters/compatibility.js";
import type { ParameterFile } from "../../../src/host/parameters/tensor-index.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { refusal } from "../../refusals.js";
import { f32, model, rawF32, tensor } from "./onnx-writer.js";
import { type Stated, write } from "./safetensors-writer.js";
import { decode, encode, fileOf, floats, gaussians, moved, rainFile, safetensorsFile } from "./tensors.js";

const runtime = await openRuntime();

async function refused(
  drifted: ParameterFile | Readonly<Record<string, Stated>>,
  ancestor: ParameterFile | Readonly<Record<string, Stated>>,
  code: "MENDLINE_REPAIR_INCOMPATIBLE" | "MENDLINE_REPAIR_UNRELATED",
  message: RegExp,
): Promise<void> {
  const used = runtime.arena.use.usedBytes;
  await refusal(assertBlendable(runtime, await opened(drifted), await opened(ancestor)), code, message);
  assert.is(runtime.arena.use.usedBytes, used);
}

async function passes(
  drifted: ParameterFile | Readonly<Record<string, Stated>>,
  ancestor: ParameterFile | Readonly<Record<string, Stated>>,
): Promise<ParameterComparison> {
  const used = runtime.arena.use.usedBytes;
  const comparison = await assertBlendable(runtime, await opened(drifted), await opened(ancestor));
  assert.is(runtime.arena.use.usedBytes, used);
  return comparison;
}

function opened(model: ParameterFile | Readonly<Record<string, Stated>>): Promise<ParameterFile> {
  return "format" in model
    ? Promise.resolve(model as ParameterFile)
    : safetensorsFile(model as Readonly<Record<string, Stated>>);
}

const incompatible = "MENDLINE_REPAIR_INCOMPATIBLE";
const unrelated = "MENDLINE_REPAIR_UNRELATED";

test("the rain models: each fine-tuned child passes against its ancestors", async () => {
  for (const [child, ancestor] of [
    ["rain-2", "rain-1"],
    ["rain-3", "rain-2"],
    ["rain-3", "rain-1"],
    ["rain-pruned-1", "rain-2"],
  ] as const) {
    const comparison = await passes(await rainFile(child), await rainFile(ancestor));
    assert.ok(comparison.cosine > 0.5, `${child}: ${comparison.cosine}`);
    assert.ok(comparison.isFinite);
  }
});

test("identical weights pass, and nothing of them is compared", async () => {
  const { cosine, comparedElements, tensors } = await passes(
    await rainFile("rain-3"),
    await rainFile("rain-3"),
  );
  assert.equal([cosine, comparedElements], [1, 0]);
  for (const one of tensors) {
    assert.is(one.changedShare, 0);
    assert.is(one.relativeNorm, 0);
  }
});

test("a distilled child has other shapes", async () => {
  await refused(
    await rainFile("rain-distilled-1"),
    await rainFile("rain-1"),
    incompatible,
    /types or shapes differ in "hidden1\.bias"/,
  );
});

const weights = gaussians(256, 1);

test("names that only one of the two has are counted and named", async () => {
  await refused(
    { a: floats("F32", weights), b: floats("F32", weights), c: floats("F32", weights) },
    { a: floats("F32", weights), "d\n": floats("F32", weights) },
    incompatible,
    /2 are only in the drifted model \("b", "c"\), 1 only in the ancestor \("d\\n"\)/,
  );
});

test("another type, another shape of as many elements, another rank", async () => {
  const one = { w: floats("F32", weights) };
  for (const other of [
    { w: floats("F16", weights) },
    { w: floats("F32", weights, [16, 16]) },
    { w: floats("F32", weights, [256, 1]) },
    { w: { dtype: "I32", shape: [256], values: encode("F32", weights) } },
  ]) {
    await refused(one, other, incompatible, /types or shapes differ in "w"/);
  }
});

test("another format", async () => {
  const onnx = await fileOf(model({ initializers: [rawF32("w", [2], [1, 2])] }));
  await refused(onnx, { w: floats("F32", [1, 2]) }, incompatible, /is onnx, the ancestor safetensors/);
});

test("quantised weights, on either side", async () => {
  const quantised = {
    "w.weight": { dtype: "I8", shape: [4, 4], values: new Uint8Array(16).fill(3) },
    "w.scale": floats("F32", [0.5]),
  };
  const plain = { "w.weight": floats("F32", weights.slice(0, 16), [4, 4]), "w.scale": floats("F32", [0.5]) };
  assert.ok((await safetensorsFile(quantised)).quantized);
  await refused(quantised, plain, incompatible, /quantised/);
  await refused(plain, quantised, incompatible, /quantised/);
});

test("narrow and complex floats, which do not blend", async () => {
  for (const [dtype, width] of [
    ["F8_E4M3", 1],
    ["C64", 8],
  ] as const) {
    const tensors = {
      w: floats("F32", weights),
      odd: { dtype, shape: [2], values: new Uint8Array(2 * width) },
    };
    await refused(tensors, tensors, incompatible, new RegExp(`"odd" is ${dtype}, which does not blend`));
  }
});

for (const [name, bad] of [
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
] as const) {
  test(`${name} in the drifted, in the ancestor, in both, opposite zeros`, async () => {
    const clean = { w: floats("F32", weights) };
    const dirty = { w: floats("F32", [...weights.slice(1), bad]) };
    const zeros = {
      w: floats(
        "F32",
        weights.map(() => 0),
      ),
    };
    for (const [drifted, ancestor] of [
      [dirty, clean],
      [clean, dirty],
      [dirty, dirty],
      [dirty, zeros],
      [zeros, dirty],
    ] as const) {
      await refused(drifted, ancestor, incompatible, /NaN or Inf/);
    }
  });
}

test("integers may differ: they are copied", async () => {
  const steps = (value: bigint) => ({
    dtype: "I64",
    shape: [1],
    values: new Uint8Array(BigInt64Array.of(value).buffer),
  });
  const { tensors } = await passes(
    { w: floats("F32", weights), steps: steps(5n) },
    { w: floats("F32", moved(weights, 0.1, 2)), steps: steps(9n) },
  );
  assert.equal(
    tensors.find(({ name }) => name === "steps"),
    {
      name: "steps",
      elementCount: 1,
      ...{ cosine: null, relativeNorm: null, changedShare: 1, sourceNorm: null, targetNorm: null },
    },
  );
});

test("independent random weights of equal shapes are unrelated, whatever the seed", async () => {
  for (let seed = 0; seed < 40; seed++) {
    const net = (offset: number) => ({
      "hidden.weight": floats("F32", gaussians(384, seed * 10 + offset), [24, 16]),
      "hidden.bias": floats("F32", gaussians(16, seed * 10 + offset + 1)),
      "output.weight": floats("F32", gaussians(16, seed * 10 + offset + 2), [1, 16]),
    });
    const comparison = await compareParameters(runtime, await opened(net(0)), await opened(net(5)));
    assert.is(comparison.comparedElements, 416);
    assert.ok(Math.abs(comparison.cosine) < 0.2, `${comparison.cosine}`);
  }
  const net = (seed: number) => ({ w: floats("F32", gaussians(10_000, seed)) });
  await refused(
    net(1),
    net(2),
    unrelated,
    /cosine -?0\.0\d\d over 10000 elements; is the recorded parent right\?/,
  );
});

test("the rain model's weights in another order are unrelated", async () => {
  const drifted = await rainFile("rain-3");
  const shuffled = new Uint8Array(readFileSync(drifted.path));
  for (const { name, byteOffset, byteLength } of drifted.tensors) {
    if (!name.includes("weight")) continue;
    const range = shuffled.subarray(byteOffset, byteOffset + byteLength);
    const values = decode("F32", range);
    range.set(encode("F32", [...values.slice(5), ...values.slice(0, 5)]));
  }
  await refused(await fileOf(shuffled), drifted, unrelated, /unrelated/);
});

test("fine-tuned weights pass in every float type, far moved ones as well", async () => {
  for (const dtype of ["F32", "F64", "F16", "BF16"] as const) {
    for (const share of [0.01, 0.5, 1.5]) {
      const { cosine } = await passes(
        { w: floats(dtype, weights) },
        { w: floats(dtype, moved(weights, share, 3)) },
      );
      const expected = 1 / Math.sqrt(1 + share * share);
      assert.ok(Math.abs(cosine - expected) < 0.12, `${dtype} ${share}: ${cosine}, not ${expected}`);
    }
  }
});

test("single elements never decide", async () => {
  const tensors = (scalar: number, list: readonly number[]) => ({
    "a.scale": floats("F32", [scalar], []),
    "b.bias": floats("F32", [-scalar]),
    w: floats("F32", list),
  });
  // They point the other way, and the weights do not; and the other way round.
  const { comparedElements } = await passes(tensors(1, weights), tensors(-1, moved(weights, 0.1, 4)));
  assert.is(comparedElements, weights.length);
  await refused(tensors(1, weights), tensors(1.1, gaussians(256, 99)), unrelated, /over 256 elements/);
  // Nothing but single elements, and nothing else that differs.
  assert.is((await passes({ s: floats("F32", [1]) }, { s: floats("F32", [-1]) })).comparedElements, 0);
  assert.is((await passes(tensors(1, weights), tensors(-1, weights))).comparedElements, 0);
});

test("of a handful of elements chance reaches any cosine: only those far off are refused", async () => {
  const pair = (list: readonly number[]) => ({ w: floats("F32", list) });
  await passes(pair([1, 2]), pair([1.2, 1.9]));
  await passes(pair([0.3, -1, 2]), pair([0.1, -0.5, 1]));
  await refused(pair([1, 2]), pair([2, -1.5]), unrelated, /over 2 elements/);
});

test("the threshold: twice the noise, between its bounds", () => {
  const at = (comparedElements: number, cosine: number) =>
    areUnrelated({
      tensors: [
        {
          name: "w",
          elementCount: comparedElements,
          ...{ cosine, relativeNorm: 1, changedShare: 1, sourceNorm: 1, targetNorm: 1 },
        },
      ],
      cosine,
      comparedElements,
    });
  assert.is(relatedCosineMin, 0.1);
  for (const [elements, needed] of [
    [2, 0.5],
    [16, 0.5],
    [64, 0.25],
    [400, 0.1],
    [1e9, 0.1],
  ] as const) {
    assert.is(at(elements, needed - 0.001), true, `${elements} below`);
    assert.is(at(elements, needed + 0.001), false, `${elements} above`);
    assert.is(at(elements, -1), true);
  }
  assert.is(at(0, 1), false);
});

test("a bias that was zero has no direction, and does not speak against the rest", async () => {
  const tensors = (bias: readonly number[], list: readonly number[]) => ({
    bias: floats("F32", bias),
    w: floats("F32", list),
  });
  const zeros = new Array<number>(64).fill(0);
  await passes(tensors(gaussians(64, 5), weights), tensors(zeros, weights));
  const { comparedElements, tensors: found } = await passes(
    tensors(gaussians(64, 5), weights),
    tensors(zeros, moved(weights, 0.1, 6)),
  );
  assert.is(comparedElements, 256);
  assert.is(found.find(({ name }) => name === "bias")!.cosine, 0);
});

test("a new head on a frozen body is related; a frozen body of less than half is not enough", async () => {
  const net = (head: number, size: number) => ({
    body: floats("F32", weights),
    head: floats("F32", gaussians(size, head)),
  });
  await passes(net(7, 200), net(8, 200));
  await refused(net(7, 257), net(8, 257), unrelated, /over 257 elements/);
});

/** An initializer whose `float_data` is not packed: every value has a tag of its own, and the index holds them. */
function listed(name: string, values: readonly number[]): Uint8Array {
  return tensor(
    name,
    1,
    [values.length],
    ...values.map((value) => Uint8Array.from([4 * 8 + 5, ...f32(value)])),
  );
}

test("values that cannot be patched are refused where they differ, and only there", async () => {
  const net = (scale: number, w: readonly number[]) =>
    fileOf(model({ initializers: [listed("scale", [scale, 1]), rawF32("w", [16, 16], w)] }));
  const drifted = await net(0.5, weights);
  assert.ok(drifted.tensors.some(({ inline }) => inline !== null));
  await passes(drifted, await net(0.5, moved(weights, 0.1, 8)));
  await refused(
    drifted,
    await net(0.75, moved(weights, 0.1, 8)),
    incompatible,
    /"scale" is stored value by value and cannot be patched: export it as raw_data/,
  );
});

test("an ancestor's values may lie in its index", async () => {
  const raw = await fileOf(model({ initializers: [rawF32("w", [256], weights)] }));
  const other = await fileOf(model({ initializers: [listed("w", weights)] }));
  assert.is.not(other.tensors[0]!.inline, null);
  assert.is((await passes(raw, other)).tensors[0]!.changedShare, 0);
});

test("the smallest arena is enough for models of any size, says the same, and is left empty", async () => {
  const small = await openRuntime({ memoryBytes: 8 * 1024 * 1024 });
  await assertBlendable(small, await rainFile("rain-3"), await rainFile("rain-1"));
  const large = (seed: number) => {
    const next = random(seed);
    const values = Float32Array.from({ length: 1_500_001 }, () => next() - 0.3);
    return fileOf(
      write({ w: { dtype: "F32", shape: [values.length], values: new Uint8Array(values.buffer) } }),
    );
  };
  const [source, target] = [await large(3), await large(5)];
  assert.equal(
    await compareParameters(small, source, target),
    await compareParameters(runtime, source, target),
  );
  const taken = small.arena.allocate(small.arena.availableBytes);
  await refusal(compareParameters(small, source, target), "MENDLINE_MEMORY_EXHAUSTED", /no room/);
  small.arena.release(taken);
  assert.is(small.arena.use.usedBytes, 0);
  await small.close();
});

test.run();
