import { test } from "uvu";
import * as assert from "uvu/assert";
import { keyOf } from "../../src/lineage-store/keys.js";
import { nextPlace } from "../../src/lineage-store/walk.js";
import { addAll, collect, derive, emptyModel, failure, idOf, withStore } from "./support.js";

const id = (name: string) => idOf(`${name}@1`);
const names = new Map<string, string>();
for (const name of "abcdefgh") names.set(id(name), name);
const shown = (relatives: { id: string; distance: number }[]) =>
  relatives.map(({ id: relative, distance }) => `${names.get(relative)}${distance}`).join(" ");

test("the first free place of a list of any length", () => {
  for (let length = 0; length < 200; length++) {
    const reader = { read: (key: Buffer) => (key.readUIntBE(key.length - 6, 6) < length ? null : undefined) };
    assert.is(
      nextPlace(reader, (place) => keyOf("parent", 7, place)),
      length,
    );
  }
});

test("derivations come back with what they say, both ways", () =>
  withStore(async (store, reopen) => {
    await addAll(store, emptyModel("a"), emptyModel("b"), emptyModel("c"));
    const merge = {
      parent: id("a"),
      child: id("c"),
      transformation: "merge" as const,
      parameters: { weights: [0.25, 0.75], nested: { deep: [null, true] } },
      metrics: { loss: 0.5 },
      distribution: { wind: { mean: 3, drift: Infinity } },
      createdMs: 77,
    };
    assert.ok(await store.commit((tx) => tx.addDerivation(merge)));
    await derive(store, ["b", "c"]);
    const opened = await reopen();
    const [first, second, ...more] = await opened.parents(id("c"));
    assert.equal(first, merge);
    assert.equal(second!.parent, id("b"));
    assert.equal(second!.parameters, {});
    assert.is(second!.distribution, null);
    assert.is(more.length, 0);
    assert.equal(await collect(opened.children(id("a"))), [merge]);
    assert.equal(await opened.parents(id("a")), []);
  }));

test("an edge is written once", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("a"), emptyModel("b"));
    const edge = {
      parent: id("a"),
      child: id("b"),
      transformation: "pruning" as const,
      parameters: { sparsity: 0.5, by: "norm" },
    };
    assert.ok(await store.commit((tx) => tx.addDerivation(edge)));
    const reordered = { ...edge, parameters: { by: "norm", sparsity: 0.5 } };
    assert.not.ok(await store.commit((tx) => tx.addDerivation(reordered)));
    for (const other of [
      { parameters: { sparsity: 0.6 } },
      { transformation: "repair" as const },
      { metrics: { loss: 1 } },
    ])
      await failure("MENDLINE_STORE_CONFLICT", () =>
        store.commit((tx) => tx.addDerivation({ ...edge, ...other })),
      );
    assert.is((await store.parents(id("b"))).length, 1);
  }));

test("malformed and dangling edges are refused", () =>
  withStore(async (store) => {
    await addAll(store, emptyModel("a"), emptyModel("b"));
    const edge = { parent: id("a"), child: id("b"), transformation: "other" as const };
    const refuse = (code: Parameters<typeof failure>[0], over: object) =>
      failure(code, () => store.commit((tx) => tx.addDerivation({ ...edge, ...over })));
    await refuse("MENDLINE_STORE_UNKNOWN", { parent: id("nobody") });
    await refuse("MENDLINE_STORE_UNKNOWN", { child: id("nobody") });
    await refuse("MENDLINE_ARGUMENT_INVALID", { transformation: "magic" });
    await refuse("MENDLINE_ARGUMENT_INVALID", { parent: "a@1" });
    await refuse("MENDLINE_ARGUMENT_INVALID", { metrics: { loss: Infinity } });
    await refuse("MENDLINE_ARGUMENT_INVALID", { distribution: { bytes: Uint8Array.of(1) } });
    await refuse("MENDLINE_ARGUMENT_INVALID", { parameters: [] });
  }));

test("no circles, not even within one commit", () =>
  withStore(async (store) => {
    await addAll(store, ..."abcdef".split("").map((name) => emptyModel(name)));
    await failure("MENDLINE_STORE_CYCLE", () => derive(store, ["a", "a"]));
    await derive(store, ["a", "b"], ["b", "c"], ["c", "d"], ["a", "d"], ["e", "c"]);
    const circles: [string, string][] = [
      ["b", "a"],
      ["d", "a"],
      ["c", "b"],
      ["d", "e"],
    ];
    for (const circle of circles) await failure("MENDLINE_STORE_CYCLE", () => derive(store, circle));
    await failure("MENDLINE_STORE_CYCLE", () => derive(store, ["d", "f"], ["f", "a"]));
    await derive(store, ["f", "a"], ["b", "d"]);
    await failure("MENDLINE_STORE_CYCLE", () => derive(store, ["d", "f"]));
    await store.verifyJournal();
  }));

test("breadth first, each once, by distance and created order", () =>
  withStore(async (store, reopen) => {
    await addAll(store, ..."abcdefgh".split("").map((name) => emptyModel(name)));
    // h has the parents g, b; both come from d; d from f and a. Distances are the shortest.
    await derive(
      store,
      ["g", "h"],
      ["b", "h"],
      ["d", "g"],
      ["d", "b"],
      ["f", "d"],
      ["a", "d"],
      ["a", "h"],
      ["c", "f"],
    );
    const opened = await reopen();
    assert.is(shown(await collect(opened.ancestors(id("h")))), "a1 b1 g1 d2 f3 c4");
    assert.is(shown(await collect(opened.ancestors(id("h"), { maxDistance: 2 }))), "a1 b1 g1 d2");
    assert.is(shown(await collect(opened.ancestors(id("h"), { maxDistance: 0 }))), "");
    assert.is(shown(await collect(opened.descendants(id("f")))), "d1 b2 g2 h3");
    assert.is(shown(await collect(opened.ancestors(id("e")))), "");
    assert.ok(await opened.isAncestor(id("c"), id("h")));
    assert.not.ok(await opened.isAncestor(id("h"), id("c")));
    assert.not.ok(await opened.isAncestor(id("h"), id("h")));
    assert.not.ok(await opened.isAncestor(id("e"), id("h")));
    await failure("MENDLINE_STORE_UNKNOWN", () => collect(opened.ancestors(id("nobody"))));
  }));

test("ten thousand generations, bounded and cancellable", () =>
  withStore(async (store) => {
    const length = 10_000;
    const chain = Array.from({ length }, (_, index) => `n${index}`);
    await store.commit((tx) => {
      for (const name of chain) tx.addModel(emptyModel(name));
      for (let index = 1; index < length; index++)
        tx.addDerivation({
          parent: id(chain[index - 1]!),
          child: id(chain[index]!),
          transformation: "fine-tuning",
        });
    });
    const [first, last] = [id("n0"), id(`n${length - 1}`)];
    const ancestors = await collect(store.ancestors(last));
    assert.equal(
      ancestors,
      Array.from({ length: length - 1 }, (_, index) => ({
        id: id(`n${length - 2 - index}`),
        distance: index + 1,
      })),
    );
    assert.ok(await store.isAncestor(first, last));
    await failure("MENDLINE_STORE_CYCLE", () => derive(store, [`n${length - 1}`, "n0"]));
    const limit = await failure("MENDLINE_DATA_LIMIT", () =>
      collect(store.ancestors(last, { nodesMax: 100 })),
    );
    assert.match(limit.message, "100");
    assert.is((await collect(store.ancestors(last, { nodesMax: 100, maxDistance: 100 }))).length, 100);

    const controller = new AbortController();
    let seen = 0;
    await failure("MENDLINE_TASK_ABORTED", async () => {
      for await (const _ of store.descendants(first, { signal: controller.signal })) {
        if (++seen === 50) controller.abort();
      }
    });
    assert.is(seen, 50);
  }));

test.run();
