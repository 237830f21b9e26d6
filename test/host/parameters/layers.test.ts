import { test } from "uvu";
import * as assert from "uvu/assert";
import { groupLayers, layersOf } from "../../../src/host/parameters/layers.js";
import type { ParameterFile } from "../../../src/host/parameters/tensor-index.js";
import { model, node, rawF32, valueInfo } from "./onnx-writer.js";
import { fileOf, floats, rainFile, safetensorsFile } from "./tensors.js";

const all = ({ tensors }: ParameterFile) => new Set(tensors.map(({ name }) => name));

test("ONNX: in the order of computation, a matrix and the vectors behind it", async () => {
  const rain = await rainFile("rain-3");
  assert.equal(
    layersOf(rain, all(rain)).map((layer) => [...layer].sort()),
    [
      ["hidden1.bias", "hidden1.weight", "input_mean", "input_std", "season_rate"],
      ["hidden2.bias", "hidden2.weight"],
      ["output.bias", "output.weight"],
    ],
  );
  const file = await fileOf(
    model({
      // Names sort the other way round, and stand the other way round in the file.
      nodes: [
        node("MatMul", ["x", "z"], ["m"]),
        node("Add", ["m", "y"], ["h"]),
        node("MatMul", ["h", "b"], ["n"]),
        node("Add", ["n", "a"], ["out"]),
      ],
      initializers: [
        rawF32("a", [2], [1, 2]),
        rawF32("b", [2, 2], [1, 2, 3, 4]),
        rawF32("y", [2], [1, 2]),
        rawF32("z", [2, 2], [1, 2, 3, 4]),
      ],
      inputs: [valueInfo("x", 1, ["rows", 2])],
      outputs: [valueInfo("out", 1, ["rows", 2])],
    }),
  );
  assert.equal(layersOf(file, all(file)), [
    ["z", "y"],
    ["b", "a"],
  ]);
  assert.equal(layersOf(file, new Set(["b", "z"])), [["z"], ["b"]]);
});

test("safetensors: by prefix, numbers in names as numbers", async () => {
  const names = ["layers.10.w", "layers.9.w", "layers.9.b", "norm", "layers.2.w"];
  const file = await safetensorsFile(Object.fromEntries(names.map((name) => [name, floats("F32", [1])])));
  assert.equal(layersOf(file, all(file)), [
    ["norm"],
    ["layers.2.w"],
    ["layers.9.b", "layers.9.w"],
    ["layers.10.w"],
  ]);
});

test("groups of neighbours, each layer in one", () => {
  const layers = Array.from({ length: 7 }, (_, i) => [`w${i}`, `b${i}`]);
  const groups = groupLayers(layers, 3);
  assert.equal(
    groups.map(({ length }) => length / 2),
    [2, 3, 2],
  );
  assert.equal(groups.flat(), layers.flat());
  assert.equal(groupLayers(layers, 20), layers);
});

test.run();
