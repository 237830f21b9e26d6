import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ExternalName, externalId, type NewExternal } from "../../src/lineage-store/declared.js";
import type { LineageStore } from "../../src/lineage-store/store.js";
import { addAll, collect, emptyModel, failure, idOf, withStore } from "./support.js";

const document = idOf("a document");

function hub(name: string, version: string | null = null): ExternalName {
  return { source: "huggingface", name, version };
}

async function say(store: LineageStore, ...externals: Partial<NewExternal & { name: string }>[]) {
  return store.commit((tx) =>
    externals.map((external) => tx.addExternal({ ...hub(external.name!), document, ...external })),
  );
}

async function declare(store: LineageStore, child: string, parent: string): Promise<boolean> {
  return store.commit((tx) =>
    tx.addDeclaration({ child: hub(child), parent: hub(parent), transformation: "fine-tuning", document }),
  );
}

async function standsFor(store: LineageStore, name: ExternalName) {
  return store.resolutionOf((await store.external(externalId(name)))!);
}

test("what is said of a model is kept, merged, and said once", () =>
  withStore(async (store, reopen) => {
    const id = externalId(hub("org/a"));
    assert.equal(await say(store, { name: "org/a" }), [{ id, isNew: true }]);
    const before = await store.verifyJournal();
    assert.equal(await say(store, { name: "org/a", document: idOf("another") }), [{ id, isNew: false }]);
    assert.equal(await store.verifyJournal(), before, "nothing was written");
    await say(store, { name: "org/a", metrics: { loss: 1 }, tags: { license: "mit" }, createdMs: 7 });
    await say(store, { name: "org/a", metrics: { auc: 0.5 }, hash: idOf("x") });
    assert.equal((await say(store, { name: "org/a", tags: { license: "mit" } }))[0]!.isNew, false);
    const opened = await reopen();
    const { atMs: _at, ...external } = (await opened.external(id))!;
    assert.equal(external, {
      id,
      ...hub("org/a"),
      hash: idOf("x"),
      metrics: { auc: 0.5, loss: 1 },
      tags: { license: "mit" },
      createdMs: 7,
      document,
    });
    assert.is((await collect(opened.externals())).length, 1);
    assert.is((await opened.verifyJournal()).recordCount, 3);
    assert.is(await opened.external(idOf("nobody")), null);
  }));

test("names differ by who gave them and by version", () => {
  const ids = [hub("a"), hub("a", "1"), { ...hub("a"), source: "mlflow" } as const, hub("b")].map(externalId);
  assert.is(new Set(ids).size, 4);
});

test("a declaration is said once, and corrected by a later one", () =>
  withStore(async (store) => {
    const child = externalId(hub("org/child"));
    assert.ok(await declare(store, "org/child", "org/base"));
    assert.not.ok(await declare(store, "org/child", "org/base"));
    await declare(store, "org/child", "org/other");
    await store.commit((tx) =>
      tx.addDeclaration({
        child: hub("org/child"),
        parent: hub("org/base"),
        transformation: "quantization",
        parameters: { bits: 4 },
        document,
      }),
    );
    const told = (await store.declarations(child)).map(({ parent, transformation }) => [
      parent,
      transformation,
    ]);
    assert.equal(told, [
      [externalId(hub("org/base")), "quantization"],
      [externalId(hub("org/other")), "fine-tuning"],
    ]);
    assert.is((await collect(store.externals())).length, 3, "both ends have a record");
    await store.verifyJournal();
  }));

test("circles are refused, and leave nothing", () =>
  withStore(async (store) => {
    await declare(store, "b", "a");
    await declare(store, "c", "b");
    const before = await store.verifyJournal();
    await failure("MENDLINE_STORE_CYCLE", () => declare(store, "a", "c"));
    await failure("MENDLINE_ARGUMENT_INVALID", () => declare(store, "a", "a"));
    assert.equal(await store.verifyJournal(), before);
    assert.ok(await declare(store, "c", "a"), "a shortcut is no circle");
  }));

test("an external model stands for one of the store, by hash before name, now or later", () =>
  withStore(async (store) => {
    await say(
      store,
      { name: "org/a", hash: idOf("org/b@1") },
      { name: "org/b" },
      { name: "org/b", version: "1" },
    );
    for (const name of [hub("org/a"), hub("org/b"), hub("org/b", "1")])
      assert.is(await standsFor(store, name), null);
    await addAll(store, emptyModel("org/b"));
    const id = idOf("org/b@1");
    assert.equal(await standsFor(store, hub("org/a")), { id, by: "hash" });
    assert.equal(await standsFor(store, hub("org/b")), { id, by: "name" });
    assert.equal(await standsFor(store, hub("org/b", "1")), { id, by: "name" });
    assert.equal(
      (await store.externalsOf(id)).map(({ name, version }) => [name, version]),
      [
        ["org/a", null],
        ["org/b", "1"],
        ["org/b", null],
      ],
    );
    await addAll(store, emptyModel("org/b", "2"));
    assert.is(await standsFor(store, hub("org/b")), null, "two versions could be meant");
    assert.equal(await standsFor(store, hub("org/b", "1")), { id, by: "name" });
    assert.is((await store.externalsOf(id)).length, 2);
  }));

test("a corrected hash moves what the name stands for", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("x"), emptyModel("y"));
    await say(store, { name: "org/m", hash: idOf("x@1") });
    await say(store, { name: "org/m", hash: idOf("y@1") });
    assert.equal(await standsFor(store, hub("org/m")), { id: idOf("y@1"), by: "hash" });
    assert.equal(await store.externalsOf(idOf("x@1")), []);
    assert.is((await store.externalsOf(idOf("y@1"))).length, 1);
  }));

test("no walk of the lineage follows what is declared", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("base"), emptyModel("child"));
    await declare(store, "child", "base");
    assert.equal(await standsFor(store, hub("child")), { id: idOf("child@1"), by: "name" });
    assert.equal(await collect(store.ancestors(idOf("child@1"))), []);
    assert.equal(await store.parents(idOf("child@1")), []);
    assert.not.ok(await store.isAncestor(idOf("base@1"), idOf("child@1")));
    assert.is((await collect(store.models())).length, 2);
  }));

test("impossible statements are refused", () =>
  withStore(async (store) => {
    const refused: Partial<NewExternal>[] = [
      { name: "" },
      { name: "a\nb" },
      { name: "x".repeat(1_001) },
      { source: "rumour" as "mlflow" },
      { hash: "12" },
      { document: "no hash" },
      { metrics: { loss: Number.NaN } },
      { tags: { a: 1 as unknown as string } },
      { createdMs: -1 },
    ];
    for (const fields of refused)
      await failure("MENDLINE_ARGUMENT_INVALID", () => say(store, { name: "a", ...fields }));
    await failure("MENDLINE_ARGUMENT_INVALID", () =>
      store.commit((tx) =>
        tx.addDeclaration({
          child: hub("a"),
          parent: hub("b"),
          transformation: "magic" as "merge",
          document,
        }),
      ),
    );
    assert.is((await collect(store.externals())).length, 0);
  }));

test.run();
