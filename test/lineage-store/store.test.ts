import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Level } from "level";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import { nodeParentsMax, storePageEntriesMax } from "../../src/limits.js";
import { decodeRecord, encodeRecord } from "../../src/lineage-store/codec.js";
import { storeSchema } from "../../src/lineage-store/folder.js";
import { keyOf } from "../../src/lineage-store/keys.js";
import { nodeFrom, nodeLine } from "../../src/lineage-store/nodes.js";
import { heldBy, ownerOf } from "../../src/lineage-store/owner.js";
import type { NewModel } from "../../src/lineage-store/records.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { scratchDir } from "../support.js";
import { addAll, collect, derive, emptyModel, failNext, failure, idOf, withStore } from "./support.js";
import { type WatchedBatch, watchBatches } from "./watched-batches.js";

async function fullModel(store: LineageStore): Promise<NewModel> {
  const literal = await store.putObject(Buffer.from("header"));
  const tensor = await store.putObject(Buffer.alloc(16, 7));
  const profile = await store.putObject(Buffer.from('{"features":{}}'));
  return {
    id: idOf("full"),
    name: "rain",
    version: "1",
    format: "safetensors",
    byteLength: 22,
    fileHash: idOf("whatever"),
    createdMs: 5,
    signature: profile.hash,
    profile: profile.hash,
    task: { features: ["wind", "__proto__"], label: "rain", kind: "classification" },
    metrics: JSON.parse('{"log-loss": 0.25, "__proto__": 1}'),
    tags: { site: "seattle" },
    tensors: [
      { name: "w", dtype: "F32", shape: [2, 2], object: tensor.hash, byteLength: 16 },
      { name: "empty", dtype: "F32", shape: [0], object: null, byteLength: 0 },
    ],
    layout: [
      { object: literal.hash, byteLength: 6 },
      { object: tensor.hash, byteLength: 16 },
    ],
  };
}

test("a model comes back as it was added", () =>
  withStore(async (store, reopen) => {
    const model = await fullModel(store);
    const added = await store.commit((tx) => tx.addModel(model));
    assert.equal(added, { id: model.id, isNew: true, isNewLabel: false, ignored: [] });
    const { tensors, layout, ...rest } = model;
    const opened = await reopen();
    const record = await opened.get(model.id);
    assert.equal(record, { ...rest, tensorCount: 2, segmentCount: 2, number: 0 });
    assert.equal(JSON.stringify(record.metrics), '{"__proto__":1,"log-loss":0.25}');
    assert.equal(await opened.parameters(model.id), { tensors, layout });
    assert.equal(await opened.labelsOf(model.id), [{ name: "rain", version: "1" }]);
  }));

test("the same content is one node: again, under another label, never under a taken one", () =>
  withStore(async (store, reopen) => {
    const model = emptyModel("a");
    await addAll(store, model);
    const before = await store.verifyJournal();
    const again = await store.commit((tx) => tx.addModel({ ...model, metrics: { loss: 1 }, createdMs: 9 }));
    assert.equal(again, { id: model.id, isNew: false, isNewLabel: false, ignored: ["metrics"] });
    assert.equal(await store.verifyJournal(), before, "nothing was written");
    const label = await store.commit((tx) => tx.addModel({ ...model, name: "b", version: "2" }));
    assert.ok(label.isNewLabel);
    const taken = await failure("MENDLINE_STORE_CONFLICT", () =>
      addAll(store, emptyModel("a", "1", { id: idOf("x") })),
    );
    assert.match(taken.message, '"a@1"');
    const opened = await reopen();
    assert.is((await collect(opened.models())).length, 1);
    assert.is((await opened.get(model.id)).name, "a");
    assert.equal(await opened.labelsOf(model.id), [
      { name: "a", version: "1" },
      { name: "b", version: "2" },
    ]);
    assert.is(await opened.resolve("b@2"), model.id);
    assert.is(await opened.idOfLabel("b", "1"), null);
  }));

test("models of more than one page of tensors", () =>
  withStore(async (store, reopen) => {
    const { hash: object } = await store.putObject(Buffer.of(1));
    const tensors = Array.from({ length: 2_500 }, (_, index) => ({
      name: `t${index}`,
      dtype: "U8",
      shape: [1],
      object,
      byteLength: 1,
    }));
    const layout = Array.from({ length: 1_200 }, () => ({ object, byteLength: 1 }));
    const model = emptyModel("wide", "1", { tensors, layout, byteLength: 1_200 });
    await addAll(store, model);
    assert.equal(await (await reopen()).parameters(model.id), { tensors, layout });
  }));

test("created order, versions of a name", () =>
  withStore(async (store, reopen) => {
    const versions = ["10", "9", "2-repair.1", "é", " "];
    for (const version of versions) await addAll(store, emptyModel("rain", version));
    await addAll(store, emptyModel("rain2", "1"));
    const opened = await reopen();
    assert.equal(
      (await collect(opened.models())).map((model) => model.version),
      [...versions, "1"],
    );
    assert.equal(
      (await collect(opened.versionsOf("rain"))).map(({ version, id }) => [version, id]),
      versions.map((version) => [version, idOf(`rain@${version}`)]),
    );
    assert.equal(await collect(opened.versionsOf("rai")), []);
  }));

test("hostile names are only names; impossible ones are refused", () =>
  withStore(async (store, reopen) => {
    const hostile = [
      "__proto__",
      "constructor",
      "../../etc",
      "a/b\\c",
      "%00",
      "é",
      "e\u0301",
      "😀".repeat(100),
      "\u00ff",
      "1e9",
    ];
    for (const name of hostile) await addAll(store, emptyModel(name, name));
    const opened = await reopen();
    for (const name of hostile) assert.is(await opened.resolve(`${name}@${name}`), idOf(`${name}@${name}`));
    for (const name of ["", "a@b", "a\0b", "line\nend", "\u202eevil", "\ud800", "x".repeat(201), "\u009b"]) {
      await failure("MENDLINE_ARGUMENT_INVALID", () => addAll(opened, emptyModel(name)));
      await failure("MENDLINE_ARGUMENT_INVALID", () =>
        addAll(opened, emptyModel("ok", name, { id: idOf("ok") })),
      );
    }
  }));

test("malformed models are refused, and what is caught in a commit leaves no trace", () =>
  withStore(async (store) => {
    const bad: Partial<NewModel>[] = [
      { id: "ABC" },
      { fileHash: idOf("").toUpperCase() },
      { format: "pickle" as "onnx" },
      { byteLength: 5 },
      { byteLength: -1 },
      { metrics: { loss: Number.NaN } },
      { metrics: [] as unknown as Record<string, number> },
      { tags: { a: 1 as unknown as string } },
      { signature: "x" },
      { task: { features: [1 as unknown as string], label: null, kind: "regression" } },
      { tensors: [{ name: "w", dtype: "F32", shape: [-1], object: null, byteLength: 0 }] },
    ];
    for (const over of bad)
      await failure("MENDLINE_ARGUMENT_INVALID", () => addAll(store, emptyModel("a", "1", over)));
    const absent = emptyModel("a", "1", { layout: [{ object: idOf("no"), byteLength: 1 }], byteLength: 1 });
    await failure("MENDLINE_STORE_UNKNOWN", () => addAll(store, absent));
    const { hash } = await store.putObject(Buffer.of(1, 2));
    const wrong = emptyModel("a", "1", { layout: [{ object: hash, byteLength: 1 }], byteLength: 1 });
    await failure("MENDLINE_STORE_CORRUPT", () => addAll(store, wrong));
    const tensor = { dtype: "U8", shape: [0], object: null, byteLength: 0 };
    const tensors = Array.from({ length: storePageEntriesMax }, (_, index) => ({
      ...tensor,
      name: `t${index}`,
    }));
    tensors.push({ ...tensor, name: "the second page is too large".repeat(1_000_000) });
    await store.commit((tx) => {
      assert.throws(() => tx.addModel(emptyModel("huge", "1", { tensors })));
      assert.is(tx.find(idOf("huge@1")), null);
      tx.addModel(emptyModel("fine"));
    });
    assert.equal(
      (await collect(store.models())).map(({ name, number }) => [name, number]),
      [["fine", 0]],
    );
    assert.is((await store.verifyJournal()).recordCount, 2, "a model and its label");
  }));

test("a commit is all or nothing, and reads its own writes", () =>
  withStore(async (store, reopen) => {
    await addAll(store, emptyModel("a"));
    const before = await store.verifyJournal();
    await failure("MENDLINE_STORE_UNKNOWN", () =>
      store.commit((tx) => {
        tx.addModel(emptyModel("b"));
        tx.setAlias({ alias: "prod", id: idOf("b@1"), reason: "deploy" });
        assert.is(tx.alias("prod")?.id, idOf("b@1"));
        assert.is(tx.idOfLabel("b", "1"), idOf("b@1"));
        tx.appendRun("run", "started", {});
        tx.appendReport("prod", {});
        tx.addDerivation({ parent: idOf("a@1"), child: idOf("nobody"), transformation: "other" });
      }),
    );
    const opened = await reopen();
    assert.equal(await opened.verifyJournal(), before);
    assert.is(await opened.find(idOf("b@1")), null);
    assert.is(await opened.alias("prod"), null);
    assert.equal(await collect(opened.listRuns()), []);
    assert.equal(await collect(opened.reports("prod")), []);
  }));

test("commits at the same time run in a row", () =>
  withStore(async (store) => {
    const names = Array.from({ length: 40 }, (_, index) => `m${index}`);
    const results = await Promise.allSettled(
      names.flatMap((name) => [
        addAll(store, emptyModel(name)),
        addAll(store, emptyModel(name, "1", { id: idOf(`other ${name}`) })),
      ]),
    );
    assert.is(results.filter(({ status }) => status === "fulfilled").length, 40);
    assert.equal(
      (await collect(store.models())).map(({ number }) => number),
      names.map((_, index) => index),
    );
    await store.verifyJournal();
  }));

test("an async function and a late transaction are programmer's errors", () =>
  withStore(async (store) => {
    let late: (() => void) | undefined;
    await store.commit((tx) => {
      late = () => tx.addModel(emptyModel("late"));
    });
    assert.throws(() => late?.(), /ends when/);
    try {
      await store.commit(async (tx) => tx.addModel(emptyModel("late")));
      assert.unreachable();
    } catch (error) {
      assert.instance(error, TypeError);
    }
    assert.is(await store.find(idOf("late@1")), null);
  }));

test("a second opener is told of the lock and the service", () =>
  withStore(async (store, reopen, dir) => {
    const error = await failure("MENDLINE_STORE_LOCKED", () => LineageStore.open(dir));
    assert.match(error.message, join(dir, "db", "LOCK"));
    assert.match(error.message, "mendline serve");
    await addAll(store, emptyModel("a"));
    assert.ok(await (await reopen()).find(idOf("a@1")));
    assert.is((await ownerOf(dir))!.pid, process.pid);
  }));

test("what the owner tells is only told: damage and disks that are full keep nobody out", () =>
  withStore(async (store, reopen, dir) => {
    const path = join(dir, "OWNER");
    for (const text of ["", "{", "null", '{"pid":"x","sinceMs":1}', '{"pid":1,"sinceMs":1e300}']) {
      writeFileSync(path, text);
      assert.is(await ownerOf(dir), null, text);
    }
    writeFileSync(path, '{"pid":1,"sinceMs":0,"service":"\\u001b[2J"}');
    assert.equal(await ownerOf(dir), { pid: 1, sinceMs: 0, service: null });
    const refused = new MendlineError("MENDLINE_STORE_LOCKED", "held", { details: { lock: "LOCK" } });
    const told = (await heldBy(dir, refused)) as MendlineError;
    assert.match(
      told.message,
      "held by process 1 since 1970-01-01T00:00:00.000Z (lock LOCK): wait until it ends",
    );
    rmSync(path);
    mkdirSync(path);
    await store.announce("http://127.0.0.1:7077");
    assert.is(await ownerOf(dir), null);
    await (await reopen()).verifyJournal();
  }));

test("closed is closed", () =>
  withStore(async (store, reopen) => {
    await reopen();
    await failure("MENDLINE_STORE_IO", () => addAll(store, emptyModel("a")));
    await failure("MENDLINE_STORE_IO", () => store.find(idOf("a@1")));
    await failure("MENDLINE_STORE_IO", () => collect(store.models()));
    await failure("MENDLINE_STORE_IO", () => store.verifyJournal());
  }));

test("only a store is opened as one", async () => {
  const dir = scratchDir();
  await failure("MENDLINE_STORE_UNKNOWN", () => LineageStore.open(join(dir, "none"), { create: false }));
  assert.equal(await readdir(dir), []);
  const other = join(dir, "home");
  mkdirSync(join(other, "tmp"), { recursive: true });
  writeFileSync(join(other, "tmp", "precious"), "");
  await failure("MENDLINE_ARGUMENT_INVALID", () => LineageStore.open(other));
  assert.equal(await readdir(join(other, "tmp")), ["precious"]);
  await failure("MENDLINE_STORE_IO", () => LineageStore.open(join(other, "tmp", "precious")));

  const own = join(dir, "deep", "store");
  await (await LineageStore.open(own)).close();
  const format = readFileSync(join(own, "FORMAT"), "utf8");
  writeFileSync(join(own, "FORMAT"), format.replace(/\d+/, String(storeSchema + 1)));
  const version = await failure("MENDLINE_STORE_VERSION", () => LineageStore.open(own));
  assert.match(
    version.message,
    `has schema ${storeSchema + 1}, this mendline reads up to ${storeSchema}: use`,
  );
  writeFileSync(join(own, "FORMAT"), format.replace(/\d+/, "0"));
  await failure("MENDLINE_STORE_CORRUPT", () => LineageStore.open(own));
  writeFileSync(join(own, "FORMAT"), format.slice(0, 9));
  await failure("MENDLINE_STORE_CORRUPT", () => LineageStore.open(own));
  rmSync(join(own, "FORMAT"));
  await failure("MENDLINE_STORE_CORRUPT", () => LineageStore.open(own));
  writeFileSync(join(own, "FORMAT"), format);
  rmSync(join(own, "tmp"), { recursive: true });
  symlinkSync(join(other, "tmp"), join(own, "tmp"));
  await failure("MENDLINE_STORE_IO", () => LineageStore.open(own));
  assert.equal(await readdir(join(other, "tmp")), ["precious"]);
});

test("staging files of a crash are swept", () =>
  withStore(async (_store, reopen, dir) => {
    writeFileSync(join(dir, "tmp", "left-over"), "half");
    await reopen();
    assert.equal(await readdir(join(dir, "tmp")), []);
  }));

test("after a failed write the store works on, and says rightly what was written", () =>
  withStore(async (store, reopen) => {
    await addAll(store, emptyModel("a"));
    failNext("batch");
    await failure("MENDLINE_STORE_IO", () => addAll(store, emptyModel("b")));
    await addAll(store, emptyModel("c"));
    failNext("batch", true);
    await addAll(store, emptyModel("d"));
    failNext("batch");
    failNext("open");
    await failure("MENDLINE_STORE_IO", () => addAll(store, emptyModel("e")));
    await failure("MENDLINE_STORE_IO", () => store.find(idOf("a@1")));
    await addAll(store, emptyModel("f"));
    await derive(store, ["a", "f"]);
    const opened = await reopen();
    assert.equal(
      (await collect(opened.models())).map(({ name }) => name),
      ["a", "c", "d", "f"],
    );
    assert.is((await opened.verifyJournal()).entryCount, 5);
  }));

test("a commit is one synced batch", () =>
  withStore(async (store) => {
    const batches: WatchedBatch[] = [];
    const restore = watchBatches((run, batch) => {
      batches.push(batch);
      return run();
    });
    try {
      const model = await fullModel(store);
      await store.commit((tx) => {
        tx.addModel(model);
        tx.setAlias({ alias: "prod", id: model.id, reason: "deploy" });
        tx.appendReport("prod", {});
      });
    } finally {
      restore();
    }
    assert.is(batches.length, 1, "models, indexes, alias, report and journal");
    assert.ok(batches[0]!.length > 5);
    assert.equal(batches[0]!.options, { sync: true });
  }));

test("a damaged record is named, never served", () =>
  withStore(async (store, reopen, dir) => {
    await addAll(store, emptyModel("a"), emptyModel("b"));
    await store.close();
    const level = new Level<Buffer, Buffer>(join(dir, "db"), {
      keyEncoding: "buffer",
      valueEncoding: "buffer",
    });
    const entries = await level.iterator().all();
    for (const [key, value] of entries) {
      if (!/^(?:model|single)\//.test(key.toString("latin1"))) continue;
      value[value.length - 1]! ^= 1;
      await level.put(key, value);
    }
    await level.close();
    const opened = await reopen();
    const error = await failure("MENDLINE_STORE_CORRUPT", () => opened.get(idOf("a@1")));
    assert.match(error.message, `model ${idOf("a@1")}`);
    await failure("MENDLINE_STORE_CORRUPT", () => collect(opened.models()));
    await failure("MENDLINE_STORE_CORRUPT", () => opened.verifyJournal());
  }));

test("a journal is no good beside an index that tells of another model", () =>
  withStore(async (store, reopen, dir) => {
    await addAll(store, emptyModel("a"), emptyModel("b"));
    await store.verifyJournal();
    await store.close();
    const level = new Level<Buffer, Buffer>(join(dir, "db"), {
      keyEncoding: "buffer",
      valueEncoding: "buffer",
    });
    const key = keyOf("single", 1);
    const { model } = nodeFrom(1, decodeRecord(key, (await level.get(key))!) as string);
    await level.put(key, encodeRecord(key, nodeLine({ ...model, metrics: { auc: 1 } }, [])));
    await level.close();
    const error = await failure("MENDLINE_STORE_CORRUPT", async () => (await reopen()).verifyJournal());
    assert.match(error.message, `single 1 is not the model ${idOf("b@1")}`);
  }));

test("a walk reads a model and its first parents in one record, those that came later in its list", () =>
  withStore(async (store, reopen) => {
    const parents = Array.from({ length: nodeParentsMax + 6 }, (_, index) => emptyModel("p", String(index)));
    await addAll(store, ...parents, emptyModel("late"));
    await store.commit((tx) => {
      tx.addModel(emptyModel("merged"));
      for (const parent of parents)
        tx.addDerivation({ parent: parent.id, child: idOf("merged@1"), transformation: "other" });
    });
    await derive(store, ["late", "merged"]);
    const expected = [...parents.map(({ id }) => id), idOf("late@1")];
    const ancestors = async (from: LineageStore) =>
      (await collect(from.ancestors(idOf("merged@1")))).map(({ id }) => id);
    assert.equal(await ancestors(store), expected);
    const opened = await reopen();
    assert.equal(await ancestors(opened), expected);
    await addAll(opened, emptyModel("later"));
    await derive(opened, ["later", "merged"]);
    assert.equal(await ancestors(opened), [...expected, idOf("later@1")]);
    await opened.verifyJournal();
  }));

test.run();
