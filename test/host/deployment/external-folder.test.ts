/** ONNX with external data in a served folder: graph and weights change in one step, to and from models of one file. */
import { once } from "node:events";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import * as ort from "onnxruntime-web";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy, reconcile, rollback } from "../../../src/host/deployment/deployments.js";
import { folderTarget, isServing } from "../../../src/host/deployment/folder-target.js";
import { addModel } from "../../../src/host/models.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { codeOf } from "../../lineage-store/operations.js";
import { failure, freshDir, withStore } from "../../lineage-store/support.js";
import { Faults, watchDisk } from "../../lineage-store/watched-disk.js";
import { packageRoot } from "../../support.js";
import { writeExternalised } from "../parameters/externalised.js";
import type { GraphReaderData } from "./graph-reader.js";
import type { Readings } from "./reader.js";
import {
  type AddedFiles,
  addExternal,
  addRain,
  dataFiles,
  namesIn,
  servedId,
  serving,
  servingDir,
} from "./support.js";

const runtime = await openRuntime();

/** By DIR/model.onnx and by `current`, and nothing is left over. */
async function serves(dir: string, { id, files }: AddedFiles, ...others: string[]): Promise<void> {
  assert.is(await servedId(dir), id);
  for (const [name, content] of Object.entries(files))
    assert.ok(readFileSync(join(dir, "current", name)).equals(content), name);
  assert.equal(namesIn(dir), serving(...others, "model.onnx"));
  assert.ok(namesIn(join(dir, "versions")).length <= 2);
}

function deployTo(store: LineageStore, id: string, dir: string, card?: string) {
  return deploy(store, { alias: "a", id, dir, reason: "deploy", ...(card !== undefined && { card }) });
}

test("deployed, deployed again, rolled back, to and from models of one file", () =>
  withStore(async (store) => {
    const [first, second] = [await addExternal(store, "1"), await addExternal(store, "3")];
    const single = await addRain(store, "2");
    const dir = servingDir();
    const { path } = await deployTo(store, first.id, dir, "its card");
    assert.is(path, join(dir, "model.onnx"));
    await serves(dir, first, "model.card.md");
    await deployTo(store, second.id, dir);
    await serves(dir, second);
    await rollback(store, "a");
    await serves(dir, first, "model.card.md");
    await deployTo(store, single.id, dir);
    assert.ok(readFileSync(join(dir, "model.onnx")).equals(single.bytes));
    assert.equal(namesIn(dir), serving("model.onnx"));
    await rollback(store, "a");
    await serves(dir, first, "model.card.md");
    await rollback(store, "a");
    assert.ok(readFileSync(join(dir, "model.onnx")).equals(single.bytes));
  }));

test("a reader that has the old graph finds the old weights until the publication after the next", () =>
  withStore(async (store) => {
    const models = [
      await addExternal(store, "1"),
      await addExternal(store, "2"),
      await addExternal(store, "3"),
    ];
    const dir = servingDir();
    await deployTo(store, models[0]!.id, dir);
    const old = await openParameterFile(join(dir, "model.onnx"), { externalData: true });
    const [, ...data] = old.shards!.map(({ name }) => name);
    assert.equal(
      data,
      dataFiles.map((name) => `versions/1-${models[0]!.id.slice(0, 12)}/${name}`),
    );
    await deployTo(store, models[1]!.id, dir);
    for (const [index, name] of data.entries())
      assert.ok(readFileSync(join(dir, name)).equals(models[0]!.files[dataFiles[index]!]!));
    await deployTo(store, models[2]!.id, dir);
    assert.not(existsSync(join(dir, data[0]!)), "an error, and no other model's weights");
  }));

test("onnxruntime gives the answers of the same model in one file", () =>
  withStore(async (store) => {
    const { id } = await addExternal(store, "3");
    const dir = servingDir();
    await deployTo(store, id, dir);
    const path = join(dir, "model.onnx");
    const { shards } = await openParameterFile(path, { externalData: true });
    const externalData = shards!
      .slice(1)
      .map(({ name }) => ({ path: name, data: readFileSync(join(dir, name)) }));
    const rain = readFileSync(join(packageRoot, "examples", "rain", "models", "rain-3.onnx"));
    const answers: number[][] = [];
    for (const session of [
      await ort.InferenceSession.create(readFileSync(path), { externalData }),
      await ort.InferenceSession.create(rain),
    ]) {
      const input = new ort.Tensor("float32", Float32Array.from([100, 3, 12, 4]), [1, 4]);
      const outputs = await session.run({ [session.inputNames[0]!]: input });
      answers.push([...(outputs[session.outputNames[0]!]!.data as Float32Array)]);
      await session.release();
    }
    assert.ok(answers[0]!.length > 0);
    assert.equal(answers[0], answers[1]);
  }));

test("in sync only with every byte of every file; deploying it again mends each damage", () =>
  withStore(async (store) => {
    const added = await addExternal(store, "1");
    const model = await store.get(added.id);
    const dir = servingDir();
    await deployTo(store, added.id, dir);
    assert.ok(await isServing(model, dir));
    assert.is(await reconcile(store, "a"), false);
    const version = () => join(dir, "versions", namesIn(join(dir, "versions")).at(-1)!);
    const damages: (() => void)[] = [
      () => writeFileSync(join(version(), "weights.bin"), "damaged"),
      () => renameSync(join(version(), "more"), join(version(), "less")),
      // The graph as it was added leads to files that are not beside it.
      () => writeFileSync(join(dir, "model.onnx"), added.files["model.onnx"]!),
      () => renameSync(join(dir, "current"), join(dir, "former")),
    ];
    for (const damage of damages) {
      damage();
      assert.is(await isServing(model, dir), false);
      assert.is(await reconcile(store, "a"), true);
      assert.is(await servedId(dir), added.id);
      assert.ok(await isServing(model, dir));
    }
  }));

test("a model under another name is model.onnx there; a data file must not lie where the card does", () =>
  withStore(async (store) => {
    const source = join(packageRoot, "examples", "rain", "models", "rain-1.onnx");
    const add = async (version: string, own: string, location: string) => {
      const folder = freshDir();
      const file = join(folder, own);
      renameSync(writeExternalised(source, folder, [location]), file);
      const request = { file, externalData: true, name: "named", version };
      return (await addModel(runtime, store, request)).id;
    };
    const dir = servingDir();
    const id = await add("1", "graph.onnx", "w/weights.bin");
    await deployTo(store, id, dir);
    assert.is(await servedId(dir), id);
    assert.equal(namesIn(join(dir, "current")), ["model.onnx", "w"]);
    await withStore(async (other) => {
      const file = writeExternalised(source, freshDir(), ["model.card.md/w.bin"]);
      const taken = await addModel(runtime, other, { file, externalData: true, name: "taken", version: "1" });
      const record = await other.get(taken.id);
      const empty = servingDir();
      const error = await failure("MENDLINE_DEPLOY_FAILED", () => deployTo(other, taken.id, empty));
      assert.match(error.message, /data files of taken@1 lies at model\.card\.md, which has another meaning/);
      await failure("MENDLINE_DEPLOY_FAILED", async () => folderTarget(empty).assertTakes(record));
      assert.equal([namesIn(empty), await other.alias("a")], [[], null]);
    });
  }));

const swaps = 20;

test(`readers meet one of two whole models, never one's graph with the other's weights, during ${swaps} swaps`, () =>
  withStore(async (store) => {
    const models = [await addExternal(store, "1"), await addExternal(store, "3")];
    const dir = servingDir();
    await deployTo(store, models[0]!.id, dir);
    const state = new SharedArrayBuffer(8);
    const words = new Int32Array(state);
    const workerData: GraphReaderData = { dir, state };
    const reader = new Worker(new URL("./graph-reader.js", import.meta.url), { workerData });
    const readings = once(reader, "message") as Promise<[Readings]>;
    for (let swap = 1; swap <= swaps; swap++) {
      const seen = Atomics.load(words, 1);
      await deployTo(store, models[swap % 2]!.id, dir);
      // A reader that began before this swap has ended before the next.
      while (Atomics.load(words, 1) < seen + 2) await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(words, 0, 1);
    const [found] = await readings;
    await reader.terminate();
    assert.equal(Object.keys(found).sort(), models.map(({ id }) => id).sort());
  }));

test("every step of a deployment fails in turn: old or new, and the next attempt gets through", () =>
  withStore(async (store) => {
    const models = [await addExternal(store, "1"), await addExternal(store, "3")] as const;
    let at = 0;
    for (; ; at++) {
      const dir = servingDir();
      const alias = `prod${at}`;
      const to = (id: string) => deploy(store, { alias, id, dir, reason: "deploy" });
      await to(models[0].id);
      const faults = new Faults(at, false);
      const mend = watchDisk(faults);
      faults.isArmed = true;
      const code = await codeOf(() => to(models[1].id)).finally(mend);
      if (!faults.isReached) break;
      const hasMoved = (await store.alias(alias))?.id === models[1].id;
      const served = await servedId(dir);
      assert.ok(served === models[0].id || (hasMoved && served === models[1].id), faults.hit);
      if (code === null) assert.ok(hasMoved && served === models[1].id, faults.hit);
      await to(models[1].id);
      await serves(dir, models[1]);
    }
    assert.ok(at > 20, `${at} steps`);
  }));

test.after(() => runtime.close());
test.run();
