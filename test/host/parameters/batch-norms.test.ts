import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type BatchNorms,
  onnxBatchNorms,
  withExtraOutput,
} from "../../../src/host/parameters/batch-norms.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import { scratchDir } from "../../support.js";
import * as onnx from "./onnx-writer.js";

const scratch = scratchDir();

async function normsOf(
  nodes: readonly (readonly string[])[],
  initializers: readonly string[],
): Promise<BatchNorms> {
  const path = join(scratch, "model.onnx");
  const bytes = onnx.model({
    nodes: nodes.map((inputs, i) => onnx.node("BatchNormalization", inputs, [`out${i}`])),
    initializers: initializers.map((name) => onnx.rawF32(name, [2], [1, 2])),
    inputs: [onnx.valueInfo("x", 1, ["rows", 2])],
    outputs: [onnx.valueInfo("out0", 1, ["rows", 2])],
  });
  writeFileSync(path, bytes);
  return onnxBatchNorms(await openParameterFile(path));
}

test("nodes in the order of computation, with what feeds them", async () => {
  const { nodes, layerCount } = await normsOf(
    [
      ["x", "s", "b", "m", "v"],
      ["out0", "s", "b", "m2", "v2"],
    ],
    ["v2", "s", "b", "m", "v", "m2"],
  );
  assert.is(layerCount, 2);
  assert.equal(
    nodes.map(({ input, mean, variance }) => [input, mean.name, variance.name]),
    [
      ["x", "m", "v"],
      ["out0", "m2", "v2"],
    ],
  );
});

test("statistics that two nodes share, or that are no initializers, are counted and not given", async () => {
  const shared = [
    ["x", "s", "b", "m", "v"],
    ["out0", "s", "b", "m", "v"],
  ];
  assert.equal(await normsOf(shared, ["s", "b", "m", "v"]), { nodes: [], layerCount: 2 });
  assert.equal(await normsOf([["x", "s", "b", "m", "v"]], ["s", "b", "m"]), { nodes: [], layerCount: 1 });
  assert.equal(await normsOf([], ["s"]), { nodes: [], layerCount: 0 });
});

test("one more output stands behind the model, which is not changed", () => {
  const before = onnx.smallModel();
  const after = withExtraOutput(before, "h".repeat(200));
  assert.equal(after.subarray(0, before.length), before);
  const piece = onnx.bytes(7, onnx.bytes(12, onnx.text(1, "h".repeat(200))));
  assert.equal(Buffer.from(after.subarray(before.length)), Buffer.from(piece));
});

test.run();
