import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rowsSource } from "../../../src/host/columns/rows.js";
import { type ModelDifference, modelDifference } from "../../../src/host/models/difference.js";
import { type AddModelRequest, addModel, ScratchModels } from "../../../src/host/models.js";
import { compareParameters } from "../../../src/host/parameters/comparison.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import { parameterChunkBytes } from "../../../src/limits.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { failure, withStore } from "../../lineage-store/support.js";
import { scratchDir } from "../../support.js";
import { model, packed, rawF32, tensor } from "../parameters/onnx-writer.js";
import { type Stated, write } from "../parameters/safetensors-writer.js";
import { floats, gaussians } from "../parameters/tensors.js";

const runtime = await openRuntime();
const scratch = scratchDir();
let files = 0;

function fileOf(bytes: Uint8Array, ending = "safetensors"): string {
  const path = join(scratch, `${files++}.${ending}`);
  writeFileSync(path, bytes);
  return path;
}

async function add(store: LineageStore, name: string, file: string, over: Partial<AddModelRequest> = {}) {
  return store.get((await addModel(runtime, store, { file, name, version: "1", ...over })).id);
}

async function difference(store: LineageStore, source: string, target: string): Promise<ModelDifference> {
  const models = new ScratchModels(store);
  try {
    const [left, right] = [await store.resolve(source), await store.resolve(target)];
    return await modelDifference(runtime, store, models, await store.get(left), await store.get(right));
  } finally {
    await models.close();
  }
}

function net(seed: number, change: number): Record<string, Stated> {
  const long = new Float32Array(parameterChunkBytes / 4 + 1_000).fill(0.5);
  long[long.length - 1] = change;
  return {
    long: { dtype: "F32", shape: [long.length], values: new Uint8Array(long.buffer) },
    w: floats("F16", gaussians(300, seed)),
    same: floats("F32", gaussians(50, 3)),
    count: { dtype: "I64", shape: [2], values: new Uint8Array(BigInt64Array.of(1n, BigInt(seed)).buffer) },
    empty: floats("F32", [], [0]),
  };
}

test("tensors as a comparison of the two files gives them, straight from the store", () =>
  withStore(async (store) => {
    const [left, right] = [
      fileOf(write(net(1, 0))),
      fileOf(write({ ...net(2, 9), extra: floats("F32", [1]) })),
    ];
    await add(store, "left", left);
    await add(store, "right", right);
    const found = await difference(store, "left@1", "right@1");
    const expected = await compareParameters(
      runtime,
      await openParameterFile(left),
      await openParameterFile(right),
    );
    for (const [name, value] of Object.entries(expected))
      assert.equal(found[name as keyof ModelDifference], value, name);
    const changed = new Map(found.tensors.map(({ name, changedShare }) => [name, changedShare]));
    assert.equal(
      ["count", "empty", "same"].map((name) => changed.get(name)),
      [0.5, 0, 0],
    );
    assert.equal(found.added, ["extra"]);
    assert.equal([found.source.name, found.target.name], ["left", "right"]);
    assert.is(runtime.arena.use.usedBytes, 0);
  }));

test("tensors that are written out value by value are compared too", () =>
  withStore(async (store) => {
    const onnx = (values: (number | bigint)[], weight: number) =>
      model({
        initializers: [tensor("n", 7, [values.length], packed(7, values)), rawF32("w", [2], [1, weight])],
      });
    await add(store, "left", fileOf(onnx([1, 2, 3, 4], 2), "onnx"));
    await add(store, "right", fileOf(onnx([1, 2, 3, 5], 2), "onnx"));
    const { tensors } = await difference(store, "left@1", "right@1");
    assert.equal(
      tensors.map(({ name, changedShare }) => [name, changedShare]),
      [
        ["n", 0.25],
        ["w", 0],
      ],
    );
  }));

test("metrics and training data side by side, and the drift that was recorded", () =>
  withStore(async (store) => {
    const rows = (shift: number) =>
      Array.from({ length: 400 }, (_, index) => ({
        wind: index % 10 === 0 ? null : (index % 100) / 50 + shift,
        site: index % 2 === 0 ? "north" : "south",
      }));
    const data = (shift: number) => rowsSource(rows(shift), "rows", runtime.arena);
    const file = (seed: number) => fileOf(write({ w: floats("F32", gaussians(100, seed)) }));
    await add(store, "left", file(1), { metrics: { auc: 0.75, loss: 1 }, trainingData: data(0) });
    await add(store, "right", file(2), {
      metrics: { auc: 0.875, __proto__: 3 } as Record<string, number>,
      trainingData: data(3),
      parents: [{ ref: "left@1" }],
    });
    const found = await difference(store, "left@1", "right@1");
    assert.equal(found.metrics, [
      { name: "auc", source: 0.75, target: 0.875, difference: 0.125 },
      { name: "loss", source: 1, target: null, difference: null },
    ]);
    assert.equal(found.data.rows, { source: 400, target: 400 });
    const [wind, site] = found.data.features;
    assert.is(wind!.name, "wind");
    assert.is(wind!.source!.missing, 0.1);
    assert.ok(Math.abs(wind!.target!.mean! - wind!.source!.mean! - 3) < 1e-9);
    assert.ok(Math.abs(wind!.shift! - 3 / wind!.source!.deviation!) < 1e-9);
    assert.equal(site!.source, {
      kind: "categorical",
      missing: 0,
      mean: null,
      deviation: null,
      categories: 2,
    });
    assert.is(site!.shift, null);
    assert.is((found.data.recorded as { verdict: string }).verdict, "drift");
    assert.equal((await difference(store, "right@1", "left@1")).data.recorded, found.data.recorded);
    const same = await difference(store, "left@1", "left@1");
    assert.equal([same.data.recorded, same.tensors[0]!.changedShare, same.cosine], [null, 0, 1]);
  }));

test("a damaged object is told, not compared", () =>
  withStore(async (store) => {
    const { id } = await add(store, "left", fileOf(write(net(1, 0))));
    await add(store, "right", fileOf(write(net(2, 9))));
    const { tensors } = await store.parameters(id);
    const object = tensors.find(({ name }) => name === "w")!.object!;
    const path = join(store.dir, "objects", object.slice(0, 2), object.slice(2));
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
    await failure("MENDLINE_STORE_CORRUPT", () => difference(store, "left@1", "right@1"));
    assert.is(runtime.arena.use.usedBytes, 0);
    assert.ok(readdirSync(scratch).length > 0);
  }));

test.run();
