import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { blendModelFiles } from "../../../src/host/models/blended-file.js";
import { blendToBytes } from "../../../src/host/parameters/blend.js";
import { assertBlendable } from "../../../src/host/parameters/compatibility.js";
import { everyTensor, pairTensors } from "../../../src/host/parameters/pairing.js";
import { Requantizer } from "../../../src/host/parameters/requantize.js";
import type { ParameterFile } from "../../../src/host/parameters/tensor-index.js";
import { OnnxValidator } from "../../../src/host/repair/onnx-validator.js";
import { candidateOfBytes } from "../../../src/host/repair/validator.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { refusal } from "../../refusals.js";
import { scratchDir } from "../../support.js";
import { labelled } from "../repair/support.js";
import {
  attribute,
  type Bytes,
  bytes,
  concat,
  f32,
  type GraphParts,
  int,
  model,
  node,
  packed,
  rawF32,
  tensor,
  text,
  valueInfo,
} from "./onnx-writer.js";
import { write } from "./safetensors-writer.js";
import { read, tensorOf, valuesOf } from "./support.js";
import { fileOf, floats, gaussians } from "./tensors.js";

const runtime = await openRuntime();

const types = { I8: 3, U8: 2 } as const;

interface Quantized {
  readonly dtype: keyof typeof types;
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly scales: readonly number[];
  /** null: none. */
  readonly zeros: readonly number[] | null;
  readonly axis?: number;
}

function stored(values: readonly number[]): Bytes {
  return Uint8Array.from(values, (value) => value & 0xff);
}

/** A number is a scalar. */
function shapeOf(values: readonly number[]): number[] {
  return values.length === 1 ? [] : [values.length];
}

function dequantize({ zeros, axis }: Quantized): Bytes {
  const inputs = ["w", "w_scale", ...(zeros === null ? [] : ["w_zero"])];
  const attributes = axis === undefined ? [] : [attribute("axis", int(3, axis), int(20, 2))];
  return node("DequantizeLinear", inputs, ["wf"], attributes);
}

function initializers({ dtype, shape, values, scales, zeros }: Quantized): Bytes[] {
  return [
    tensor("w", types[dtype], shape, bytes(9, stored(values))),
    rawF32("w_scale", shapeOf(scales), scales),
    ...(zeros === null ? [] : [tensor("w_zero", types[dtype], shapeOf(zeros), bytes(9, stored(zeros)))]),
  ];
}

function quantizedModel(weight: Quantized, over: Partial<GraphParts> = {}): Bytes {
  return model({
    nodes: [dequantize(weight), node("MatMul", ["x", "wf"], ["y"])],
    initializers: initializers(weight),
    inputs: [valueInfo("x", 1, ["rows", weight.shape[0]!])],
    outputs: [valueInfo("y", 1, ["rows", weight.shape.at(-1)!])],
    ...over,
  });
}

async function blend(drifted: Bytes, ancestor: Bytes, scale: number): Promise<Uint8Array> {
  const [own, other] = [await fileOf(drifted), await fileOf(ancestor)];
  const { pairing, requantizer } = await assertBlendable(runtime, own, other, everyTensor, {
    requantize: true,
  });
  return blendToBytes(runtime, own, other, scale, pairing.pairs, requantizer);
}

/** Without a look at whether the two are related: arithmetic by hand has few values. */
async function blendAnyhow(drifted: Bytes, ancestor: Bytes, scale: number): Promise<Uint8Array> {
  const [own, other] = [await fileOf(drifted), await fileOf(ancestor)];
  const { pairs } = pairTensors(own, other);
  return blendToBytes(runtime, own, other, scale, pairs, await Requantizer.open(own, other, pairs));
}

/** Stored integers, scales and zero points of a file. */
async function partsOf(content: Uint8Array) {
  const file = await read(content);
  const integers = (name: string) => {
    const { dtype } = tensorOf(file, name);
    const raw = new Uint8Array(valuesOf(content, tensorOf(file, name)));
    return Array.from(dtype === "I8" ? new Int8Array(raw.buffer) : raw);
  };
  return {
    values: integers("w"),
    scales: Array.from(new Float32Array(new Uint8Array(valuesOf(content, tensorOf(file, "w_scale"))).buffer)),
    zeros: file.tensors.some(({ name }) => name === "w_zero") ? integers("w_zero") : null,
  };
}

/** Independent of the code: every element by itself. */
function realsOf({ shape, axis = 1 }: Quantized, parts: Pick<Quantized, "values" | "scales" | "zeros">) {
  const at = axis < 0 ? axis + shape.length : axis;
  const inner = shape.slice(at + 1).reduce((product, size) => product * size, 1);
  return parts.values.map((value, index) => {
    const channel = parts.scales.length === 1 ? 0 : Math.floor(index / inner) % shape[at]!;
    const step = Math.fround(parts.scales[channel]!);
    return { real: (value - (parts.zeros?.[channel] ?? 0)) * step, step };
  });
}

test("known answers: int8 around 0, and uint8 with a zero point", async () => {
  const signed = { dtype: "I8", shape: [1, 3], zeros: null } as const;
  const half = await blendAnyhow(
    quantizedModel({ ...signed, values: [10, -20, 127], scales: [0.1] }),
    quantizedModel({ ...signed, values: [20, -20, 0], scales: [0.3] }),
    0.5,
  );
  // Steps 0.2; reals 3.5, -4 and 6.35: 17.5 steps go to the even 18.
  assert.equal(await partsOf(half), { values: [18, -20, 32], scales: [Math.fround(0.2)], zeros: null });
  const unsigned = { dtype: "U8", shape: [1, 2] } as const;
  const third = await blendAnyhow(
    quantizedModel({ ...unsigned, values: [10, 255], scales: [0.1], zeros: [10] }),
    quantizedModel({ ...unsigned, values: [30, 255], scales: [0.2], zeros: [30] }),
    0.5,
  );
  // Steps 0.15 from -3.5 on: 0 lies 23.3 steps above. Reals 0 and 34.75.
  assert.equal(await partsOf(third), { values: [23, 255], scales: [Math.fround(0.15)], zeros: [23] });
});

test("every value is off by half a step at most, by tensor and by axis, up to a scale of 1.3", async () => {
  const quantized = (dtype: "I8" | "U8", shape: number[], axis: number, hasZeros: boolean) => {
    const channels = axis === 9 ? 1 : shape.at(axis)!;
    const low = dtype === "I8" ? -128 : 0;
    const byte = fc.integer({ min: low, max: low + 255 });
    const size = shape.reduce((product, each) => product * each, 1);
    return fc.record({
      values: fc.array(byte, { minLength: size, maxLength: size }),
      scales: fc.array(fc.double({ min: 0.001, max: 2, noNaN: true }), {
        minLength: channels,
        maxLength: channels,
      }),
      zeros: hasZeros
        ? fc.array(byte, { minLength: channels, maxLength: channels })
        : fc.constant(dtype === "I8" ? Array<number>(channels).fill(0) : null),
    });
  };
  const pair = fc
    .record({
      dtype: fc.constantFrom("I8" as const, "U8" as const),
      shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 4 }),
      axis: fc.constantFrom(0, 1, -1, -2, 9),
      hasZeros: fc.boolean(),
      scale: fc.double({ min: 0.01, max: 1.3, noNaN: true }),
    })
    .chain(({ dtype, shape, axis, hasZeros, scale }) =>
      fc.record({
        common: fc.constant({ dtype, shape, ...(axis !== 9 && { axis }) }),
        scale: fc.constant(dtype === "U8" && !hasZeros ? Math.min(scale, 1) : scale),
        own: quantized(dtype, shape, axis, hasZeros),
        other: quantized(dtype, shape, axis, hasZeros),
      }),
    );
  await fc.assert(
    fc.asyncProperty(pair, async ({ common, scale, own, other }) => {
      const [drifted, ancestor] = [
        { ...common, ...own },
        { ...common, ...other },
      ];
      const result = await blendAnyhow(quantizedModel(drifted), quantizedModel(ancestor), scale);
      const found = realsOf(drifted, await partsOf(result));
      const [before, after] = [realsOf(drifted, own), realsOf(ancestor, other)];
      for (const [index, { real, step }] of found.entries()) {
        const wanted = (1 - scale) * before[index]!.real + scale * after[index]!.real;
        assert.ok(
          Math.abs(real - wanted) <= 0.5 * step * (1 + 1e-5),
          `${index}: ${real} is not ${wanted} within half of ${step}`,
        );
      }
    }),
    { numRuns: 300 },
  );
});

/** Related: the same values, moved. */
function weights(seed: number, shift: number): Quantized {
  const base = gaussians(64 * 3, 1);
  const by = gaussians(64 * 3, seed);
  const reals = base.map((value, index) => value + shift * by[index]!);
  const scales = [0, 1, 2].map((column) => {
    const largest = reals.filter((_, index) => index % 3 === column).map(Math.abs);
    return Math.max(...largest) / 127;
  });
  return {
    dtype: "I8",
    shape: [64, 3],
    values: reals.map((value, index) => Math.round(value / scales[index % 3]!)),
    scales,
    zeros: [0, 0, 0],
    axis: 1,
  };
}

test("0 and 1 are the two models exactly, and every byte that is no weight stays", async () => {
  const [drifted, ancestor] = [quantizedModel(weights(2, 0.2)), quantizedModel(weights(3, 0.2))];
  assert.equal(await blend(drifted, ancestor, 0), drifted);
  assert.equal(await partsOf(await blend(drifted, ancestor, 1)), await partsOf(ancestor));
  const half = await blend(drifted, ancestor, 0.5);
  const file = await read(drifted);
  const rest = (content: Uint8Array) => {
    const copy = Uint8Array.from(content);
    for (const { byteOffset, byteLength } of file.tensors) copy.fill(0, byteOffset, byteOffset + byteLength);
    return copy;
  };
  assert.equal(rest(half), rest(drifted));
  assert.not.equal(half, drifted);
});

test("onnxruntime computes with the blend as with the blended reals, within half a step a weight", async () => {
  const [own, other] = [weights(2, 0.3), weights(3, 0.3)];
  const scale = 0.6;
  const result = await blend(quantizedModel(own), quantizedModel(other), scale);
  const x = gaussians(64, 9);
  const columns = Object.fromEntries(
    x.map((value, index) => [`c${String(index).padStart(2, "0")}`, [value]]),
  );
  const validator = new OnnxValidator({ task: "regression" });
  try {
    const { values } = await validator.predict(
      candidateOfBytes(result, "onnx", "blend"),
      labelled(columns, [0]),
    );
    const [before, after] = [realsOf(own, own), realsOf(other, other)];
    const { scales } = await partsOf(result);
    for (let out = 0; out < 3; out++) {
      const wanted = x.reduce((sum, value, row) => {
        const at = row * 3 + out;
        return sum + value * ((1 - scale) * before[at]!.real + scale * after[at]!.real);
      }, 0);
      const bound = (x.reduce((sum, value) => sum + Math.abs(value), 0) * scales[out]!) / 2;
      const off = Math.abs(values[out]! - wanted);
      assert.ok(off <= bound + 1e-4, `output ${out}: off by ${off}, the bound is ${bound}`);
      assert.ok(bound < 2, "a bound that says something");
    }
  } finally {
    await validator.close();
  }
});

test("activations' scales and zero points move with the rest", async () => {
  const graph = (scale: number, zero: number, weight: Quantized) =>
    quantizedModel(weight, {
      nodes: [
        node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["xq"]),
        node("DequantizeLinear", ["xq", "x_scale", "x_zero"], ["xf"]),
        dequantize(weight),
        node("MatMul", ["xf", "wf"], ["y"]),
      ],
      initializers: [
        ...initializers(weight),
        rawF32("x_scale", [], [scale]),
        tensor("x_zero", 2, [], bytes(9, stored([zero]))),
      ],
    });
  const result = await blend(graph(0.1, 100, weights(2, 0.2)), graph(0.3, 140, weights(3, 0.2)), 0.5);
  const file = await read(result);
  assert.equal(valuesOf(result, tensorOf(file, "x_scale")), f32(0.2));
  // From -(5 + 21) = -26 on in steps of 0.2.
  assert.equal(valuesOf(result, tensorOf(file, "x_zero")), stored([130]));
});

test("it is refused unless asked for, and the refusal says how", async () => {
  const [own, other] = await Promise.all([2, 3].map((seed) => fileOf(quantizedModel(weights(seed, 0.2)))));
  await refusal(
    assertBlendable(runtime, own!, other!),
    "MENDLINE_REPAIR_INCOMPATIBLE",
    /quantised.*--requantize/,
  );
  const out = join(scratchDir(), "blend.onnx");
  const request = { drifted: own!.path, ancestor: other!.path, scale: 0.5, out };
  await refusal(blendModelFiles(runtime, request), "MENDLINE_REPAIR_INCOMPATIBLE", /--requantize/);
  await blendModelFiles(runtime, { ...request, requantize: true });
  const [left, right] = [readFileSync(own!.path), readFileSync(other!.path)];
  assert.equal(new Uint8Array(readFileSync(out)), await blend(left, right, 0.5));
});

test("weights that have nothing in common are refused", async () => {
  const strange = gaussians(64 * 3, 77);
  const unrelated = { ...weights(2, 0), values: strange.map((value) => Math.round(value * 30)) };
  await refusal(
    blend(quantizedModel(weights(2, 0.2)), quantizedModel(unrelated), 0.5),
    "MENDLINE_REPAIR_UNRELATED",
    /unrelated/,
  );
});

test("what cannot be quantised again is refused with its reason", async () => {
  const own = weights(2, 0.2);
  const other = weights(3, 0.2);
  const matmul = node("MatMul", ["x", "wf"], ["y"]);
  const one = { ...own, shape: [192, 1], scales: [0.01], zeros: null, axis: undefined } as const;
  const both = (change: (weight: Quantized) => Partial<GraphParts>): [Bytes, Bytes] => [
    quantizedModel(own, change(own)),
    quantizedModel(other, change(other)),
  ];
  const cases: [Bytes, Bytes, RegExp, number?][] = [
    [
      ...both((weight) => ({
        nodes: [dequantize(weight), matmul, node("MatMulInteger", ["a", "w"], ["b"])],
      })),
      /computes on integers \(MatMulInteger\)/,
    ],
    [
      ...both((weight) => ({ nodes: [dequantize(weight), matmul, node("Gather", ["w", "i"], ["g"])] })),
      /"w" is used by other operators too/,
    ],
    [
      ...both((weight) => ({ nodes: [dequantize(weight), matmul, node("Mul", ["w_scale", "i"], ["g"])] })),
      /"w_scale" is used by other operators too/,
    ],
    [
      ...both(() => ({
        nodes: [
          node("Transpose", ["w"], ["wt"]),
          node("DequantizeLinear", ["wt", "w_scale"], ["wf"]),
          matmul,
        ],
      })),
      /takes its integers from another operator/,
    ],
    [
      ...both(() => ({
        nodes: [
          node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["wf"], [attribute("block_size", int(3, 16))]),
          matmul,
        ],
      })),
      /quantised in blocks/,
    ],
    [...both(() => ({ nodes: [node("DequantizeLinear", ["w", "x"], ["wf"]), matmul] })), /computed/],
    [
      ...both((weight) => ({
        nodes: [
          dequantize(weight),
          node("If", ["c"], ["y"], [attribute("then_branch", bytes(6, text(2, "g")))]),
        ],
      })),
      /graphs within its nodes/,
    ],
    [...both(() => ({ extra: [bytes(14, text(1, "w"))] })), /annotations/],
    [
      ...both((weight) => ({
        nodes: [dequantize(weight), node("DequantizeLinear", ["b", "b_scale"], ["bf"])],
        initializers: [
          ...initializers(weight),
          tensor("b", 6, [1], bytes(9, new Uint8Array(4))),
          rawF32("b_scale", [], [1]),
        ],
      })),
      /int32 bias/,
    ],
    [
      ...both((weight) => ({
        nodes: [dequantize(weight), node("DequantizeLinear", ["b", "b_scale"], ["bf"])],
        initializers: [
          ...initializers(weight),
          tensor("b", 22, [2], bytes(9, stored([1]))),
          rawF32("b_scale", [], [1]),
        ],
      })),
      /quantised to I4/,
    ],
    [
      quantizedModel({ ...own, axis: 0 }),
      quantizedModel({ ...other, axis: 0 }),
      /3 scales where axis 0 of its weight has 64/,
    ],
    [quantizedModel(own), quantizedModel({ ...other, scales: [0.1, 0, 0.1] }), /has the scale 0/],
    [quantizedModel({ ...own, scales: [0.1, -1, 0.1] }), quantizedModel(other), /has the scale -1/],
    [
      quantizedModel({ ...one, dtype: "U8", values: own.values.map(Math.abs) }),
      quantizedModel({
        ...one,
        dtype: "U8",
        values: own.values.map((value) => Math.abs(value) >> 1),
        scales: [0.02],
      }),
      /has no zero point, where the blend needs another/,
      1.2,
    ],
    [
      ...([own, other].map((weight, index) =>
        quantizedModel(weight, {
          initializers: [
            ...initializers(weight).slice(0, 2),
            tensor("w_zero", 3, [3], packed(5, [1 + 20 * index, 5, 5])),
          ],
        }),
      ) as [Bytes, Bytes]),
      /stored value by value \(export it as raw_data\), where the blend needs another/,
    ],
  ];
  for (const [drifted, ancestor, message, scale = 0.5] of cases)
    await refusal(blendAnyhow(drifted, ancestor, scale), "MENDLINE_REPAIR_INCOMPATIBLE", message);
  const functions = concat(quantizedModel(own), bytes(25, text(1, "f"), text(10, "d")));
  await refusal(blend(functions, functions, 0.5), "MENDLINE_REPAIR_INCOMPATIBLE", /functions of its own/);
  const named = await fileOf(write({ "a.qweight": floats("F32", [1, 2]) }));
  const asked = (file: ParameterFile) =>
    assertBlendable(runtime, file, file, everyTensor, { requantize: true });
  await refusal(asked(named), "MENDLINE_REPAIR_INCOMPATIBLE", /is safetensors/);
});

test.after(() => runtime.close());
test.run();
