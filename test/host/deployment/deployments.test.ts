import { mkdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy, reconcile, rollback } from "../../../src/host/deployment/deployments.js";
import { isServing } from "../../../src/host/deployment/folder-target.js";
import { disk } from "../../../src/lineage-store/files.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { collect, failure, freshDir, idOf, withStore } from "../../lineage-store/support.js";
import type { ReaderData, Readings } from "./reader.js";
import { type Added, addLarge, addRain, digestOf, namesIn, serving, servingDir } from "./support.js";

function deployed(dir: string, format = "onnx"): Buffer {
  return readFileSync(join(dir, `model.${format}`));
}

function serves(dir: string, { bytes }: Added, format = "onnx"): void {
  assert.is(Buffer.compare(deployed(dir, format), bytes), 0, "the very bytes that were added");
  assert.equal(namesIn(dir), serving(`model.${format}`));
  assert.ok(readFileSync(join(dir, "current", `model.${format}`)).equals(bytes));
  const kept = namesIn(join(dir, "versions"));
  assert.ok(kept.length <= 2 && kept.every((name) => /^\d+-[0-9a-f]{12}$/.test(name)), kept.join(" "));
}

async function historyOf(store: LineageStore, alias: string): Promise<string[]> {
  return (await collect(store.aliasHistory(alias))).map(({ id }) => id).reverse();
}

test("deploy, deploy, roll back: the exact bytes each time", () =>
  withStore(async (store) => {
    const [first, second] = [await addRain(store, "1"), await addRain(store, "3")];
    const dir = servingDir();
    const before = await deploy(store, { alias: "prod", id: first.id, dir, reason: "deploy" });
    serves(dir, first);
    assert.equal(
      { ...before, atMs: 0 },
      {
        alias: "prod",
        id: first.id,
        name: "rain",
        version: "1",
        previous: null,
        path: join(dir, "model.onnx"),
        atMs: 0,
      },
    );
    const after = await deploy(store, { alias: "prod", id: second.id, reason: "deploy", run: "run-1" });
    serves(dir, second);
    assert.equal([after.previous, after.path], [first.id, join(dir, "model.onnx")]);
    assert.is((await store.alias("prod"))?.run, "run-1");

    const back = await rollback(store, "prod");
    serves(dir, first);
    assert.equal([back.id, back.version, back.previous], [first.id, "1", second.id]);
    assert.is((await store.alias("prod"))?.reason, "rollback");
    // What it served before is now the second again.
    await rollback(store, "prod");
    serves(dir, second);
    assert.equal(await historyOf(store, "prod"), [first.id, second.id, first.id, second.id]);
  }));

test("versions: the one served and the one before; a roll back takes the kept one, card and all, unless it was tampered with", () =>
  withStore(async (store) => {
    const models = [await addRain(store, "1"), await addRain(store, "2"), await addRain(store, "3")] as const;
    const dir = servingDir();
    const card = (path: string) => readFileSync(join(dir, path, "model.card.md"), "utf8");
    const shorten = ({ id }: Added) => id.slice(0, 12);
    for (const { id } of models)
      await deploy(store, { alias: "a", id, dir, reason: "repair", card: `card of ${id}` });
    const names = [`2-${shorten(models[1])}`, `3-${shorten(models[2])}`];
    assert.equal(namesIn(join(dir, "versions")), names);
    assert.is(readlinkSync(join(dir, "current")), join("versions", names[1]!));
    const inode = statSync(join(dir, "versions", names[0]!, "model.onnx")).ino;

    await rollback(store, "a");
    assert.equal([card("."), card("current")], [`card of ${models[1].id}`, `card of ${models[1].id}`]);
    assert.is(statSync(join(dir, "model.onnx")).ino, inode, "nothing was written anew");
    assert.equal(namesIn(join(dir, "versions")), names);

    const kept = join(dir, "versions", names[1]!, "model.onnx");
    const bytes = Buffer.from(models[2].bytes);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(kept, bytes);
    await rollback(store, "a");
    assert.ok(readFileSync(join(dir, "model.onnx")).equals(models[2].bytes), "restored from the store");
    assert.equal(namesIn(join(dir, "versions")), [names[0], `4-${shorten(models[2])}`].sort());
  }));

test("a folder that the alias served from before it kept versions, and file systems without hard links", async () =>
  withStore(async (store) => {
    const model = await addRain(store, "1");
    const dir = servingDir();
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "model.onnx"), "an older file");
    const { link } = disk;
    disk.link = () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" }));
    try {
      await deploy(store, { alias: "a", id: model.id, dir, reason: "deploy" });
    } finally {
      disk.link = link;
    }
    serves(dir, model);
    assert.is(await reconcile(store, "a"), false);
  }));

test("what stands in the way is found out before the alias moves", () =>
  withStore(async (store) => {
    const { id } = await addRain(store, "1");
    for (const [name, message] of [
      ["current", /current is no link/],
      ["model.card.md", /model.card.md is a folder/],
      ["model.onnx", /model.onnx is a folder/],
    ] as const) {
      const dir = servingDir();
      mkdirSync(join(dir, name), { recursive: true });
      const thrown = await failure("MENDLINE_DEPLOY_FAILED", () =>
        deploy(store, { alias: "a", id, dir, reason: "deploy" }),
      );
      assert.match(thrown.message, message);
      assert.equal([await store.alias("a"), namesIn(dir)], [null, [name]]);
    }
  }));

test("deploying what is deployed changes nothing, and mends the folder", () =>
  withStore(async (store) => {
    const model = await addRain(store, "2");
    const dir = servingDir();
    const request = { alias: "prod", id: model.id, dir, reason: "deploy" };
    const first = await deploy(store, request);
    assert.equal(await deploy(store, request), first);
    const path = join(dir, "model.onnx");
    const damages: (() => void)[] = [
      () => writeFileSync(path, model.bytes.subarray(0, 100)),
      () => rmSync(path),
      () => rmSync(dir, { recursive: true }),
      () => writeFileSync(join(dir, "model.safetensors"), "another format's"),
    ];
    for (const damage of damages) {
      damage();
      assert.equal(await deploy(store, request), first);
      serves(dir, model);
    }
    assert.equal(await historyOf(store, "prod"), [model.id]);
  }));

test("an alias without a folder, and one that gets a folder later", () =>
  withStore(async (store) => {
    const [first, second] = [await addRain(store, "1"), await addRain(store, "2")];
    assert.is((await deploy(store, { alias: "a", id: first.id, reason: "deploy" })).path, null);
    assert.is(await reconcile(store, "a"), false);
    assert.is((await deploy(store, { alias: "a", id: second.id, reason: "deploy" })).path, null);
    assert.is((await rollback(store, "a")).id, first.id);
    const dir = servingDir();
    await deploy(store, { alias: "a", id: first.id, dir, reason: "deploy" });
    serves(dir, first);
    assert.equal(await historyOf(store, "a"), [first.id, second.id, first.id, first.id]);
    // The same model in another place is not what it served before.
    await rollback(store, "a");
    serves(dir, second);
  }));

test("a relative folder is kept as it was meant", () =>
  withStore(async (store) => {
    const model = await addRain(store, "1");
    const dir = servingDir();
    const { path } = await deploy(store, {
      alias: "a",
      id: model.id,
      dir: relative(process.cwd(), dir),
      reason: "deploy",
    });
    assert.is(path, join(dir, "model.onnx"));
    assert.is((await store.alias("a"))?.target, dir);
  }));

test("another folder: the new one is served, the old one is left to its readers", () =>
  withStore(async (store) => {
    const [first, second] = [await addRain(store, "1"), await addRain(store, "2")];
    const [left, right] = [servingDir(), servingDir()];
    await deploy(store, { alias: "a", id: first.id, dir: left, reason: "deploy" });
    await deploy(store, { alias: "a", id: second.id, dir: right, reason: "deploy" });
    serves(left, first);
    serves(right, second);
    await rollback(store, "a");
    serves(right, first);
  }));

test("a change of format takes the stale file away, both ways", () =>
  withStore(async (store) => {
    const [onnx, tensors] = [await addRain(store, "1"), await addLarge(store, "1", 10, 1)];
    const dir = servingDir();
    mkdirSync(dir, { recursive: true });
    for (const name of ["config.json", "model.onnx.bak", "my-model.onnx"])
      writeFileSync(join(dir, name), name);
    await deploy(store, { alias: "a", id: onnx.id, dir, reason: "deploy" });
    const others = ["config.json", "model.onnx.bak", "my-model.onnx"];
    assert.equal(namesIn(dir), serving(...others, "model.onnx"));
    const { path } = await deploy(store, { alias: "a", id: tensors.id, reason: "deploy" });
    assert.is(path, join(dir, "model.safetensors"));
    assert.equal(namesIn(dir), serving(...others, "model.safetensors"));
    assert.is(Buffer.compare(deployed(dir, "safetensors"), tensors.bytes), 0);
    await rollback(store, "a");
    assert.equal(namesIn(dir), serving(...others, "model.onnx"));
    assert.is(Buffer.compare(deployed(dir), onnx.bytes), 0);
  }));

test("an alias that moved meanwhile: refused, and all is as it was", () =>
  withStore(async (store) => {
    const [first, second, third] = [
      await addRain(store, "1"),
      await addRain(store, "2"),
      await addRain(store, "3"),
    ];
    const dir = servingDir();
    await deploy(store, { alias: "a", id: first.id, dir, reason: "deploy" });
    for (const expectedId of [second.id, null]) {
      const request = { alias: "a", id: third.id, dir, reason: "repair", expectedId };
      await failure("MENDLINE_STORE_CONFLICT", () => deploy(store, request));
      serves(dir, first);
      assert.equal(await historyOf(store, "a"), [first.id]);
    }
    await deploy(store, { alias: "a", id: third.id, reason: "repair", expectedId: first.id });
    serves(dir, third);
    const other = servingDir();
    const unborn = { alias: "b", id: first.id, dir: other, reason: "repair" };
    await failure("MENDLINE_STORE_CONFLICT", () => deploy(store, { ...unborn, expectedId: first.id }));
    assert.is(await store.alias("b"), null);
    assert.equal(namesIn(other), []);
    await deploy(store, { ...unborn, expectedId: null });
    serves(other, first);
  }));

test("what is not there: a model, an alias, anything to roll back to", () =>
  withStore(async (store) => {
    const dir = servingDir();
    await failure("MENDLINE_STORE_UNKNOWN", () =>
      deploy(store, { alias: "a", id: idOf("no model"), dir, reason: "deploy" }),
    );
    assert.equal(namesIn(dir), []);
    const unknown = await failure("MENDLINE_STORE_UNKNOWN", () => rollback(store, "a"));
    assert.match(unknown.message, /no alias "a".*mendline deploy REF --alias a/);
    assert.is(await reconcile(store, "a"), false);
    const { id } = await addRain(store, "1");
    await deploy(store, { alias: "a", id, dir, reason: "deploy" });
    const only = await failure("MENDLINE_STORE_UNKNOWN", () => rollback(store, "a"));
    assert.match(only.message, /one model only/);
  }));

test("a folder that cannot be written: the alias does not move", () =>
  withStore(async (store) => {
    const [first, second] = [await addRain(store, "1"), await addRain(store, "2")];
    const file = join(freshDir(), "..", "a-file");
    writeFileSync(file, "no folder");
    const blocked = servingDir();
    mkdirSync(join(blocked, "model.onnx"), { recursive: true });
    const good = servingDir();
    for (const dir of [file, join(file, "below"), blocked]) {
      const request = { alias: "a", id: first.id, dir, reason: "deploy" };
      const thrown = await failure("MENDLINE_DEPLOY_FAILED", () => deploy(store, request));
      assert.ok(thrown.message.includes(dir), thrown.message);
      assert.is(await store.alias("a"), null);
    }
    await deploy(store, { alias: "a", id: first.id, dir: good, reason: "deploy" });
    for (const dir of [join(file, "below"), blocked]) {
      const request = { alias: "a", id: second.id, dir, reason: "deploy" };
      await failure("MENDLINE_DEPLOY_FAILED", () => deploy(store, request));
      assert.equal(await historyOf(store, "a"), [first.id]);
      serves(good, first);
    }
    assert.equal(namesIn(blocked), ["model.onnx"]);
  }));

test("a folder that is lost does not hold an alias back from another", () =>
  withStore(async (store) => {
    const [first, second] = [await addRain(store, "1"), await addRain(store, "2")];
    const [lost, good] = [servingDir(), servingDir()];
    await deploy(store, { alias: "a", id: first.id, dir: lost, reason: "deploy" });
    rmSync(lost, { recursive: true });
    writeFileSync(lost, "a file in its place");
    await failure("MENDLINE_DEPLOY_FAILED", () => reconcile(store, "a"));
    await deploy(store, { alias: "a", id: second.id, dir: good, reason: "deploy" });
    serves(good, second);
    assert.is(readFileSync(lost, "utf8"), "a file in its place");
  }));

test("a damaged model is not deployed", () =>
  withStore(async (store, _reopen, storeDir) => {
    const [first, second] = [await addRain(store, "1"), await addRain(store, "2")];
    const dir = servingDir();
    await deploy(store, { alias: "a", id: first.id, dir, reason: "deploy" });
    const weights = (await store.parameters(second.id)).tensors.find(
      ({ name }) => name === "hidden2.weight",
    )!;
    const object = join(storeDir, "objects", weights.object!.slice(0, 2), weights.object!.slice(2));
    const bytes = readFileSync(object);
    bytes[5]! ^= 1;
    rmSync(object);
    writeFileSync(object, bytes);
    await failure("MENDLINE_STORE_CORRUPT", () =>
      deploy(store, { alias: "a", id: second.id, reason: "deploy" }),
    );
    serves(dir, first);
    assert.equal(await historyOf(store, "a"), [first.id]);
  }));

test("many at once: folder and alias agree in the end, and nothing is left over", () =>
  withStore(async (store) => {
    const models = [await addRain(store, "1"), await addRain(store, "2"), await addRain(store, "3")];
    const dir = servingDir();
    const wanted = Array.from({ length: 12 }, (_, i) => models[i % 3]!);
    const results = await Promise.all([
      ...wanted.map(({ id }) => deploy(store, { alias: "a", id, dir, reason: "deploy" })),
      reconcile(store, "a"),
    ]);
    assert.is(results.length, 13);
    assert.equal(
      await historyOf(store, "a"),
      wanted.map(({ id }) => id),
    );
    serves(dir, wanted.at(-1)!);
    // One that fails does not stop those behind it.
    const outcomes = await Promise.allSettled([
      deploy(store, { alias: "a", id: idOf("no model"), dir, reason: "deploy" }),
      deploy(store, { alias: "a", id: models[0]!.id, dir, reason: "deploy" }),
    ]);
    assert.equal(
      outcomes.map(({ status }) => status),
      ["rejected", "fulfilled"],
    );
    serves(dir, models[0]!);
  }));

test("a folder serves a model only with its exact bytes, and alone", () =>
  withStore(async (store) => {
    const { id, bytes } = await addRain(store, "1");
    const model = await store.get(id);
    const dir = servingDir();
    assert.is(await isServing(model, dir), false);
    mkdirSync(dir, { recursive: true });
    assert.is(await isServing(model, dir), false);
    writeFileSync(join(dir, "model.onnx"), bytes);
    assert.is(await isServing(model, dir), false, "no version is current");
    await deploy(store, { alias: "a", id, dir, reason: "deploy" });
    assert.is(await isServing(model, dir), true);
    for (const name of ["model.safetensors", "model.card.md"]) {
      writeFileSync(join(dir, name), "");
      assert.is(await isServing(model, dir), false, name);
      rmSync(join(dir, name));
    }
    assert.is(await isServing(model, dir), true);
    writeFileSync(join(dir, "model.onnx"), Buffer.concat([bytes, Buffer.of(0)]));
    assert.is(await isServing(model, dir), false);
  }));

const swaps = 100;

test(`readers meet one of two whole files, never anything else, during ${swaps} swaps`, () =>
  withStore(async (store) => {
    const models = [await addLarge(store, "a", 150_000, 1), await addLarge(store, "b", 260_001, 2)];
    const dir = servingDir();
    await deploy(store, { alias: "a", id: models[0]!.id, dir, reason: "deploy" });
    const state = new SharedArrayBuffer(8);
    const words = new Int32Array(state);
    const data: ReaderData = { path: join(dir, "model.safetensors"), state };
    const reader = new Worker(new URL("./reader.js", import.meta.url), { workerData: data });
    const readings = new Promise<Readings>((resolve, reject) => {
      reader.once("message", resolve).once("error", reject);
    });
    for (let swap = 1; swap <= swaps; swap++) {
      const seen = Atomics.load(words, 1);
      await deploy(store, { alias: "a", id: models[swap % 2]!.id, reason: "deploy" });
      // Each content is read at least once, however fast the swaps are.
      while (Atomics.load(words, 1) < seen + 2) await new Promise((resolve) => setImmediate(resolve));
    }
    Atomics.store(words, 0, 1);
    const found = await readings;
    await reader.terminate();
    assert.equal(Object.keys(found).sort(), models.map(({ bytes }) => digestOf(bytes)).sort());
    assert.ok(Object.values(found).reduce((sum, count) => sum + count, 0) >= 2 * swaps);
    assert.is((await historyOf(store, "a")).length, swaps + 1);
  }));

test.run();
