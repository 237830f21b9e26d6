import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { blendToBytes } from "../../../src/host/parameters/blend.js";
import { assertBlendable } from "../../../src/host/parameters/compatibility.js";
import { globToRegExp } from "../../../src/host/parameters/globs.js";
import { pairTensors, type TensorFilter } from "../../../src/host/parameters/pairing.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { refusal } from "../../refusals.js";
import { model, node, rawF32, valueInfo } from "./onnx-writer.js";
import { valuesOf } from "./support.js";
import { decode, fileOf, floats, gaussians, moved, rainFile, safetensorsFile } from "./tensors.js";

const runtime = await openRuntime();

const only = (filter: Partial<TensorFilter>): TensorFilter => ({ include: [], exclude: [], ...filter });
const namesOf = (pairs: readonly { drifted: { name: string }; ancestor: { name: string } }[]) =>
  pairs.map(({ drifted, ancestor }) => `${drifted.name}=${ancestor.name}`);

/** Two Gemms whose tensors have these names. */
function net(names: readonly [string, string, string, string], seed: number, from = 1) {
  const [w1, b1, w2, b2] = names;
  const value = (count: number, part: number) =>
    moved(gaussians(count, part), from === 1 ? 0 : 0.1, seed + part);
  return fileOf(
    model({
      nodes: [
        node("Gemm", ["x", w1, b1], ["h"]),
        node("Tanh", ["h"], ["t"]),
        node("Gemm", ["t", w2, b2], ["y"]),
      ],
      initializers: [
        rawF32(w1, [4, 4], value(16, 1)),
        rawF32(b1, [4], value(4, 2)),
        rawF32(w2, [4, 4], value(16, 3)),
        rawF32(b2, [4], value(4, 4)),
      ],
      inputs: [valueInfo("x", 1, ["rows", 4])],
      outputs: [valueInfo("y", 1, ["rows", 4])],
    }),
  );
}

test("patterns: * and ? are wild, all else is itself", () => {
  const matches = (pattern: string, name: string) => globToRegExp(pattern).test(name);
  assert.ok(matches("*", "any.thing/at all"));
  assert.ok(matches("head.*", "head.weight") && !matches("head.*", "my.head.weight"));
  assert.ok(matches("*.bias", "a/b.bias") && !matches("*.bias", "bias"));
  assert.ok(matches("layer.?.w", "layer.3.w") && !matches("layer.?.w", "layer.12.w"));
  assert.ok(matches("a+(b)[c]|^$.", "a+(b)[c]|^$.") && !matches("a.c", "abc"));
});

test("by name, whatever the order; what has no counterpart or another form is told", async () => {
  const drifted = await safetensorsFile({
    a: floats("F32", [1, 2]),
    b: floats("F32", [3]),
    c: floats("F32", [4]),
  });
  const ancestor = await safetensorsFile({
    c: floats("F32", [4, 4]),
    b: floats("F16", [3]),
    a: floats("F32", [5, 6]),
    d: floats("F32", [1]),
  });
  const pairing = pairTensors(drifted, ancestor);
  assert.equal(namesOf(pairing.pairs), ["a=a"]);
  assert.equal([pairing.onlyDrifted, pairing.onlyAncestor, pairing.reshaped], [[], ["d"], ["b", "c"]]);
  assert.equal([pairing.frozen, pairing.renamedCount], [[], 0]);
});

test("renamed by the exporter: node and input slot tell; the blend takes the very tensors", async () => {
  const drifted = await net(["w1", "b1", "w2", "b2"], 0);
  const ancestor = await net(["onnx::Gemm_9", "b1", "onnx::Gemm_11", "fc.bias"], 5, 0);
  const { pairing, cosine } = await assertBlendable(runtime, drifted, ancestor);
  assert.equal(namesOf(pairing.pairs).sort(), ["b1=b1", "b2=fc.bias", "w1=onnx::Gemm_9", "w2=onnx::Gemm_11"]);
  assert.is(pairing.renamedCount, 3);
  assert.ok(cosine > 0.9);
  const blend = await blendToBytes(runtime, drifted, ancestor, 0.5, pairing.pairs);
  const [before, after] = [readFileSync(drifted.path), readFileSync(ancestor.path)];
  for (const pair of pairing.pairs) {
    const [own, other] = [
      decode("F32", valuesOf(before, pair.drifted)),
      decode("F32", valuesOf(after, pair.ancestor)),
    ];
    const half = own.map((value, i) =>
      Math.fround(value + Math.fround(0.5 * Math.fround(other[i]! - value))),
    );
    decode("F32", valuesOf(blend, pair.drifted)).forEach((value, i) => {
      assert.ok(Math.abs(value - half[i]!) < 1e-6, `${pair.drifted.name}[${i}]`);
    });
  }
});

test("numbered names that moved on: all slots agree, so that no name is believed", async () => {
  const drifted = await net(["m_1", "v_1", "m_2", "v_2"], 0);
  // m_2 is now the first layer's matrix.
  const ancestor = await net(["m_2", "v_2", "m_3", "v_3"], 5, 0);
  const { pairing } = await assertBlendable(runtime, drifted, ancestor);
  assert.equal(namesOf(pairing.pairs).sort(), ["m_1=m_2", "m_2=m_3", "v_1=v_2", "v_2=v_3"]);
});

test("slots that do not agree leave names, and what has none", async () => {
  const drifted = await net(["w1", "b1", "w2", "b2"], 0);
  const ancestor = await fileOf(
    model({
      nodes: [
        node("MatMul", ["x", "w1"], ["m"]),
        node("Add", ["m", "b1"], ["h"]),
        node("Gemm", ["h", "w2", "other"], ["y"]),
      ],
      initializers: [
        rawF32("w1", [4, 4], gaussians(16, 1)),
        rawF32("b1", [4], gaussians(4, 2)),
        rawF32("w2", [4, 4], gaussians(16, 3)),
        rawF32("other", [4], gaussians(4, 4)),
      ],
      inputs: [valueInfo("x", 1, ["rows", 4])],
      outputs: [valueInfo("y", 1, ["rows", 4])],
    }),
  );
  const pairing = pairTensors(drifted, ancestor);
  // b2 is Gemm#1's third input; the ancestor's Gemm is its first.
  assert.equal([namesOf(pairing.pairs), pairing.onlyDrifted], [["b1=b1", "w1=w1", "w2=w2"], ["b2"]]);
  assert.equal(pairing.onlyAncestor, ["other"]);
  await refusal(
    assertBlendable(runtime, drifted, ancestor),
    "MENDLINE_REPAIR_INCOMPATIBLE",
    /tensors differ/,
  );
});

test("excluded tensors stay as they are, fit or not; included ones alone take part", async () => {
  const body = gaussians(32, 1);
  const drifted = await safetensorsFile({
    "body.weight": floats("F32", body),
    "head.weight": floats("F32", gaussians(8, 2)),
  });
  const ancestor = await safetensorsFile({
    "body.weight": floats("F32", moved(body, 0.1, 3)),
    "head.weight": floats("F32", gaussians(4, 4)),
    "old.weight": floats("F32", [1]),
  });
  await refusal(assertBlendable(runtime, drifted, ancestor), "MENDLINE_REPAIR_INCOMPATIBLE", /differ/);
  for (const filter of [only({ exclude: ["head.*"] }), only({ include: ["body*"] })]) {
    const { pairing, tensors } = await assertBlendable(runtime, drifted, ancestor, filter);
    assert.equal([namesOf(pairing.pairs), pairing.frozen], [["body.weight=body.weight"], ["head.weight"]]);
    assert.equal(
      tensors.map(({ name }) => name),
      ["body.weight"],
    );
    const blend = await blendToBytes(runtime, drifted, ancestor, 1, pairing.pairs);
    const head = drifted.tensors.find(({ name }) => name === "head.weight")!;
    const untouched = valuesOf(readFileSync(drifted.path), head);
    assert.is(Buffer.compare(valuesOf(blend, head), untouched), 0);
    assert.is.not(Buffer.compare(blend, readFileSync(drifted.path)), 0);
  }
});

test("patterns that match nothing, or leave nothing, are refused", async () => {
  const rain = await rainFile("rain-3");
  await refusal(
    (async () => pairTensors(rain, rain, only({ exclude: ["hidden3.*"] })))(),
    "MENDLINE_ARGUMENT_INVALID",
    /no tensor matches "hidden3\.\*"; there are "hidden1\.bias", .* and \d more/,
  );
  await refusal(
    (async () => pairTensors(rain, rain, only({ include: ["hidden*"], exclude: ["hidden*"] })))(),
    "MENDLINE_ARGUMENT_INVALID",
    /leave none/,
  );
});

test("each tensor's own scale", async () => {
  const [drifted, ancestor] = [await rainFile("rain-3"), await rainFile("rain-1")];
  const scaleOf = (name: string) => (name.startsWith("hidden1") ? 0.25 : name.startsWith("output") ? 1 : 0);
  const blend = await blendToBytes(runtime, drifted, ancestor, scaleOf);
  for (const [scale, prefix] of [
    [0.25, "hidden1"],
    [1, "output"],
    [0, "hidden2"],
  ] as const) {
    const whole = await blendToBytes(runtime, drifted, ancestor, scale);
    for (const tensor of drifted.tensors.filter(({ name }) => name.startsWith(prefix))) {
      assert.is(Buffer.compare(valuesOf(blend, tensor), valuesOf(whole, tensor)), 0, tensor.name);
    }
  }
});

test.run();
