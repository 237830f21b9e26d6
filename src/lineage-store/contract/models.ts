/** Contract: models, their labels and their content. */
import assert from "node:assert/strict";
import type { NewModel } from "../records.js";
import type { ContractOptions, ContractStore } from "./store.js";
import { addPlain, collect, id, idOf, plain, refusal, registrar } from "./support.js";

async function fullModel(store: ContractStore): Promise<NewModel> {
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
    metrics: { "log-loss": 0.25 },
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

export function modelContract(options: ContractOptions): void {
  const check = registrar(options);

  check("a model comes back as it was added", async (store, reopen) => {
    const model = await fullModel(store);
    const added = await store.commit((tx) => tx.addModel(model));
    assert.deepEqual(added, { id: model.id, isNew: true, isNewLabel: false, ignored: [] });
    const { tensors, layout, ...rest } = model;
    const opened = await reopen();
    assert.deepEqual(await opened.get(model.id), { ...rest, tensorCount: 2, segmentCount: 2, number: 0 });
    assert.deepEqual(await opened.find(model.id), await opened.get(model.id));
    assert.deepEqual(await opened.parameters(model.id), { tensors, layout });
    assert.equal(await opened.find(idOf("nobody")), null);
    await refusal("MENDLINE_STORE_UNKNOWN", () => opened.get(idOf("nobody")));
    await refusal("MENDLINE_ARGUMENT_INVALID", () => opened.get("rain@1"));
  });

  check("an object that was not put before is no part of a model", async (store) => {
    const model = await fullModel(store);
    const layout = [{ object: idOf("missing"), byteLength: 22 }];
    await refusal("MENDLINE_STORE_UNKNOWN", () => store.commit((tx) => tx.addModel({ ...model, layout })));
    assert.equal(await store.find(model.id), null);
  });

  check("the same content is one node, with every label that it was given", async (store, reopen) => {
    await addPlain(store, "a");
    const again = await store.commit((tx) => tx.addModel(plain("a", "1", { metrics: { loss: 1 } })));
    assert.deepEqual(again, { id: id("a"), isNew: false, isNewLabel: false, ignored: ["metrics"] });
    const label = await store.commit((tx) => tx.addModel(plain("b", "2", { id: id("a") })));
    assert.deepEqual(label, { id: id("a"), isNew: false, isNewLabel: true, ignored: [] });
    const opened = await reopen();
    assert.equal((await collect(opened.models())).length, 1);
    assert.deepEqual(await opened.labelsOf(id("a")), [
      { name: "a", version: "1" },
      { name: "b", version: "2" },
    ]);
    assert.equal(await opened.idOfLabel("b", "2"), id("a"));
    assert.equal(await opened.idOfLabel("b", "1"), null);
    assert.equal((await opened.get(id("a"))).name, "a");
  });

  check("name@version is one model's for ever", async (store) => {
    await addPlain(store, "a");
    const taken = plain("a", "1", { id: idOf("other") });
    await refusal("MENDLINE_STORE_CONFLICT", () => store.commit((tx) => tx.addModel(taken)));
    assert.equal(await store.find(idOf("other")), null);
    assert.equal(await store.resolve("a@1"), id("a"));
  });

  check("models in created order, versions in the order in which they were added", async (store, reopen) => {
    const versions = ["10", "9", "2-repair.1", "é", " "];
    for (const version of versions.slice(0, 2))
      await store.commit((tx) => tx.addModel(plain("rain", version)));
    await store.commit((tx) => {
      for (const version of versions.slice(2)) tx.addModel(plain("rain", version));
      tx.addModel(plain("rain2"));
      tx.addModel(plain("rain", "0", { id: id("rain", "9") }));
    });
    const opened = await reopen();
    const models = await collect(opened.models());
    assert.deepEqual(
      models.map(({ version }) => version),
      [...versions, "1"],
    );
    assert.deepEqual(
      models.map(({ number }) => number),
      models.map((_, index) => index),
    );
    assert.deepEqual(
      (await collect(opened.versionsOf("rain"))).map(({ version, id: model }) => [version, model]),
      [...versions.map((version) => [version, id("rain", version)]), ["0", id("rain", "9")]],
    );
    assert.deepEqual(await collect(opened.versionsOf("rai")), []);
  });

  check("references: ids, their beginnings, labels, aliases", async (store, reopen) => {
    const alike = [`abcdef01${"0".repeat(56)}`, `abcdef01${"1".repeat(56)}`];
    await store.commit((tx) => {
      tx.addModel(plain("a", "1", { id: alike[0]! }));
      tx.addModel(plain("b", "1", { id: alike[1]! }));
      tx.setAlias({ alias: "prod", id: alike[1]!, reason: "test" });
    });
    const opened = await reopen();
    const refs = [alike[0]!, alike[0]!.slice(0, 9), alike[0]!.toUpperCase(), "a@1"];
    for (const ref of refs) assert.equal(await opened.resolve(ref), alike[0], ref);
    assert.equal(await opened.resolve("prod"), alike[1]);
    await refusal("MENDLINE_STORE_AMBIGUOUS", () => opened.resolve("abcdef01"));
    for (const ref of ["abcdef0", "a", "a@2", "", "@", "prod@1", "99999999"])
      await refusal("MENDLINE_STORE_UNKNOWN", () => opened.resolve(ref));
  });

  check(
    "a commit is whole or not at all; what is refused within it leaves no trace",
    async (store, reopen) => {
      await addPlain(store, "a");
      const before = await collect(store.models());
      await assert.rejects(
        store.commit((tx) => {
          tx.addModel(plain("b"));
          tx.setAlias({ alias: "prod", id: id("b"), reason: "test" });
          throw new RangeError("changed my mind");
        }),
        RangeError,
      );
      await store.commit((tx) => {
        assert.throws(() => tx.addModel(plain("c", "1", { metrics: { loss: Number.NaN } })));
        assert.throws(() => tx.addModel(plain("a", "1", { id: idOf("x") })));
      });
      assert.equal(await store.rehearse((tx) => tx.addModel(plain("d")).isNew), true);
      const opened = await reopen();
      assert.deepEqual(await collect(opened.models()), before);
      assert.equal(await opened.alias("prod"), null);
      await addPlain(opened, "e");
      assert.equal((await opened.get(id("e"))).number, 1);
    },
  );

  check("a transaction reads what it has written", async (store) => {
    await store.commit((tx) => {
      assert.equal(tx.find(id("a")), null);
      tx.addModel(plain("a"));
      assert.equal(tx.find(id("a"))?.name, "a");
      assert.equal(tx.idOfLabel("a", "1"), id("a"));
      tx.setAlias({ alias: "prod", id: id("a"), reason: "test" });
      assert.equal(tx.alias("prod")?.id, id("a"));
    });
  });

  check("times come from the caller, else from the clock", async (store) => {
    await store.commit((tx) => {
      tx.addModel(plain("a"));
      tx.addModel(plain("b", "1", { createdMs: 12 }));
    });
    assert.equal((await store.get(id("a"))).createdMs, 1_700_000_000_000);
    assert.equal((await store.get(id("b"))).createdMs, 12);
  });

  check("objects by their hashes", async (store, reopen) => {
    const bytes = Buffer.from("some bytes");
    const { hash, byteLength } = await store.putObject(bytes);
    assert.deepEqual([hash, byteLength], [idOf("some bytes"), bytes.length]);
    async function* pieces() {
      yield Buffer.from("some ");
      yield Buffer.from("bytes");
    }
    assert.deepEqual(await store.putObject(pieces()), { hash, byteLength });
    const opened = await reopen();
    assert.equal(await opened.hasObject(hash), true);
    assert.equal(await opened.hasObject(idOf("other")), false);
    assert.deepEqual(Buffer.concat(await collect(opened.readObject(hash))), bytes);
    assert.deepEqual(Buffer.from(await opened.readObjectBytes(hash, 10)), bytes);
    await refusal("MENDLINE_DATA_LIMIT", () => opened.readObjectBytes(hash, 9));
    await refusal("MENDLINE_STORE_UNKNOWN", () => collect(opened.readObject(idOf("other"))));
  });
}
