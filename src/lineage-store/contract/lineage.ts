/** Contract: derivations, and walks along them. */
import assert from "node:assert/strict";
import type { NewDerivation } from "../records.js";
import type { ContractOptions } from "./store.js";
import { addPlain, collect, derive, id, Names, plain, refusal, registrar } from "./support.js";

export function lineageContract(options: ContractOptions): void {
  const check = registrar(options);

  check("derivations come back with what they say, both ways", async (store, reopen) => {
    await addPlain(store, "a b c");
    const merge = {
      parent: id("a"),
      child: id("c"),
      transformation: "merge" as const,
      parameters: { weights: [0.25, 0.75], nested: { deep: [null, true] } },
      metrics: { loss: 0.5 },
      distribution: { wind: { mean: 3, drift: Infinity } },
      createdMs: 77,
    };
    assert.equal(await store.commit((tx) => tx.addDerivation(merge)), true);
    await derive(store, "b>c");
    const opened = await reopen();
    const [first, second, ...more] = await opened.parents(id("c"));
    assert.deepEqual(first, merge);
    assert.equal(second!.parent, id("b"));
    assert.deepEqual([second!.parameters, second!.metrics, second!.distribution], [{}, {}, null]);
    assert.equal(more.length, 0);
    assert.deepEqual(await collect(opened.children(id("a"))), [merge]);
    assert.deepEqual(await opened.parents(id("a")), []);
    assert.deepEqual(await collect(opened.derivations()), [first, second]);
  });

  check("an edge is written once", async (store) => {
    await addPlain(store, "a b");
    const edge: NewDerivation = {
      parent: id("a"),
      child: id("b"),
      transformation: "pruning",
      parameters: { sparsity: 0.5, by: "norm" },
    };
    assert.equal(await store.commit((tx) => tx.addDerivation(edge)), true);
    const reordered = { ...edge, parameters: { by: "norm", sparsity: 0.5 } };
    assert.equal(await store.commit((tx) => tx.addDerivation(reordered)), false);
    const others: Partial<NewDerivation>[] = [
      { parameters: { sparsity: 0.6 } },
      { transformation: "quantization" },
      { metrics: { loss: 1 } },
    ];
    for (const other of others)
      await refusal("MENDLINE_STORE_CONFLICT", () =>
        store.commit((tx) => tx.addDerivation({ ...edge, ...other })),
      );
    assert.equal((await store.parents(id("b"))).length, 1);
  });

  check("dangling and malformed edges, and parameters out of range, are refused", async (store) => {
    await addPlain(store, "a b");
    const edge = { parent: id("a"), child: id("b"), transformation: "other" as const };
    const refuse = (code: Parameters<typeof refusal>[0], over: object) =>
      refusal(code, () => store.commit((tx) => tx.addDerivation({ ...edge, ...over })));
    await refuse("MENDLINE_STORE_UNKNOWN", { parent: id("nobody") });
    await refuse("MENDLINE_STORE_UNKNOWN", { child: id("nobody") });
    await refuse("MENDLINE_ARGUMENT_INVALID", { transformation: "magic" });
    await refuse("MENDLINE_ARGUMENT_INVALID", { parent: "a@1" });
    await refuse("MENDLINE_ARGUMENT_INVALID", { metrics: { loss: Infinity } });
    await refuse("MENDLINE_ARGUMENT_INVALID", { distribution: { bytes: Uint8Array.of(1) } });
    await refuse("MENDLINE_ARGUMENT_INVALID", { transformation: "pruning", parameters: { sparsity: 2 } });
    assert.deepEqual(await collect(store.derivations()), []);
  });

  check("no circles, not even within one commit", async (store) => {
    await addPlain(store, "a b c d e f");
    await refusal("MENDLINE_STORE_CYCLE", () => derive(store, "a>a"));
    await derive(store, "a>b b>c c>d a>d e>c");
    for (const circle of ["b>a", "d>a", "c>b", "d>e"])
      await refusal("MENDLINE_STORE_CYCLE", () => derive(store, circle));
    await refusal("MENDLINE_STORE_CYCLE", () => derive(store, "d>f f>a"));
    await derive(store, "f>a b>d");
    await refusal("MENDLINE_STORE_CYCLE", () => derive(store, "d>f"));
  });

  check("breadth first, each once, by distance and created order", async (store, reopen) => {
    const names = new Names("a b c d e f g h");
    await addPlain(store, "a b c d e f g h");
    // h has the parents g, b; both come from d; d from f and a. Distances are the shortest.
    await derive(store, "g>h b>h d>g d>b f>d a>d a>h c>f");
    const opened = await reopen();
    assert.equal(await names.relatives(opened.ancestors(id("h"))), "a1 b1 g1 d2 f3 c4");
    assert.equal(await names.relatives(opened.ancestors(id("h"), { maxDistance: 2 })), "a1 b1 g1 d2");
    assert.equal(await names.relatives(opened.ancestors(id("h"), { maxDistance: 0 })), "");
    assert.equal(await names.relatives(opened.ancestors(id("h"), { limit: 3 })), "a1 b1 g1");
    assert.equal(await names.relatives(opened.ancestors(id("h"), { limit: 0 })), "");
    assert.equal(await names.relatives(opened.descendants(id("f"))), "d1 b2 g2 h3");
    assert.equal(await names.relatives(opened.ancestors(id("e"))), "");
    const pairs: [string, string, boolean][] = [
      ["c", "h", true],
      ["h", "c", false],
      ["h", "h", false],
      ["e", "h", false],
    ];
    for (const [ancestor, descendant, expected] of pairs)
      assert.equal(await opened.isAncestor(id(ancestor), id(descendant)), expected, ancestor + descendant);
    await refusal("MENDLINE_STORE_UNKNOWN", () => collect(opened.ancestors(id("nobody"))));
  });

  check("edges that were added since the last walk are walked", async (store) => {
    const names = new Names("a b c d");
    await addPlain(store, "a b c d");
    await derive(store, "a>c");
    assert.equal(await names.relatives(store.ancestors(id("c"))), "a1");
    assert.equal(await names.relatives(store.descendants(id("a"))), "c1");
    await derive(store, "b>c");
    await derive(store, "d>b");
    await derive(store, "a>d");
    assert.equal(await names.relatives(store.ancestors(id("c"))), "a1 b1 d2");
    assert.equal(await names.relatives(store.descendants(id("a"))), "c1 d1 b2");
  });

  check("walks along some kinds of derivations, and to some models", async (store, reopen) => {
    const names = new Names("a b c d e f");
    await store.commit((tx) => {
      for (const [index, name] of ["a", "b", "c", "d", "e", "f"].entries()) {
        const tags: Record<string, string> = index % 2 === 0 ? { even: "yes" } : {};
        tx.addModel(plain(name, "1", { tags, metrics: { auc: index / 10 } }));
      }
      tx.addModel(plain("also", "b", { id: id("b") }));
    });
    await derive(store, "a>b b>c", { transformation: "pruning" });
    await derive(store, "a>c c>d d>e");
    await derive(store, "b>f", { transformation: "distillation" });
    const opened = await reopen();
    const walked = (start: string, how: Parameters<typeof opened.ancestors>[1]) =>
      names.relatives(opened.ancestors(id(start), how));
    assert.equal(await walked("e", {}), "d1 c2 a3 b3");
    assert.equal(await walked("e", { transformations: ["fine-tuning"] }), "d1 c2 a3");
    assert.equal(await walked("e", { transformations: ["pruning"] }), "");
    assert.equal(await walked("e", { transformations: ["fine-tuning", "pruning"] }), "d1 c2 a3 b3");
    // Filters pick among what is walked; they stop no walk.
    assert.equal(await walked("e", { tags: { even: "yes" } }), "c2 a3");
    assert.equal(await walked("e", { name: "b" }), "b3");
    assert.equal(await walked("e", { name: "also" }), "b3");
    assert.equal(await walked("e", { metrics: [{ metric: "auc", comparison: "<", value: 0.2 }] }), "a3 b3");
    assert.equal(await walked("e", { tags: { even: "yes" }, limit: 1, maxDistance: 3 }), "c2");
    const below = opened.descendants(id("b"), { transformations: ["distillation", "fine-tuning"] });
    assert.equal(await names.relatives(below), "f1");
    const made = await collect(opened.children(id("a"), { transformation: "pruning" }));
    assert.deepEqual(
      made.map(({ child }) => names.of(child)),
      ["b"],
    );
    await refusal("MENDLINE_ARGUMENT_INVALID", () =>
      collect(opened.ancestors(id("e"), { transformations: ["magic" as "merge"] })),
    );
    await refusal("MENDLINE_ARGUMENT_INVALID", () => collect(opened.ancestors(id("e"), { name: "a@1" })));
  });

  check("the nearest that a predicate accepts", async (store, reopen) => {
    await addPlain(store, "a b c d");
    await derive(store, "a>b b>c a>c c>d");
    const opened = await reopen();
    const seen: [string, number][] = [];
    const found = await opened.nearestAncestor(id("d"), ({ name }, distance) => {
      seen.push([name, distance]);
      return name === "b";
    });
    assert.deepEqual([found?.model.name, found?.distance], ["b", 2]);
    assert.deepEqual(seen, [
      ["c", 1],
      ["a", 2],
      ["b", 2],
    ]);
    const later = await opened.nearestAncestor(id("d"), async ({ name }) => name === "a");
    assert.equal(later?.distance, 2);
    assert.equal(await opened.nearestAncestor(id("d"), () => false), null);
    assert.equal(await opened.nearestAncestor(id("d"), ({ name }) => name === "d"), null, "not the start");
    assert.equal((await opened.nearestDescendant(id("a"), ({ name }) => name === "d"))?.distance, 2);
    const named = await opened.nearestAncestor(id("d"), () => true, { name: "a" });
    assert.deepEqual([named?.model.name, named?.distance], ["a", 2]);
    assert.equal(await opened.nearestAncestor(id("d"), () => true, { name: "a", maxDistance: 1 }), null);
  });

  check("walks are bounded and can be cancelled", async (store) => {
    const length = 400;
    await store.commit((tx) => {
      for (let index = 0; index < length; index++) {
        tx.addModel(plain(`n${index}`));
        if (index === 0) continue;
        const edge = { parent: id(`n${index - 1}`), child: id(`n${index}`) };
        tx.addDerivation({ ...edge, transformation: "fine-tuning" });
      }
    });
    const [first, last] = [id("n0"), id(`n${length - 1}`)];
    assert.equal((await collect(store.ancestors(last))).length, length - 1);
    await refusal("MENDLINE_STORE_CYCLE", () => derive(store, `n${length - 1}>n0`));
    await refusal("MENDLINE_DATA_LIMIT", () => collect(store.ancestors(last, { nodesMax: 100 })));
    assert.equal((await collect(store.ancestors(last, { nodesMax: 100, maxDistance: 100 }))).length, 100);
    const controller = new AbortController();
    let seen = 0;
    const { signal } = controller;
    await refusal("MENDLINE_TASK_ABORTED", async () => {
      for await (const _ of store.descendants(first, { signal })) if (++seen === 50) controller.abort();
    });
    assert.equal(seen, 50);
    await refusal("MENDLINE_TASK_ABORTED", () => store.nearestAncestor(last, () => false, { signal }));
    await refusal("MENDLINE_TASK_ABORTED", () => collect(store.models({ signal })));
    await refusal("MENDLINE_TASK_ABORTED", () => collect(store.derivations({ signal })));
    await refusal("MENDLINE_TASK_ABORTED", () => collect(store.children(first, { signal })));
    await refusal("MENDLINE_TASK_ABORTED", () => collect(store.versionsOf("n1", { signal })));
    await refusal("MENDLINE_TASK_ABORTED", () => collect(store.search({ name: "n1" }, { signal })));
    await refusal("MENDLINE_TASK_ABORTED", () => store.path(first, last, { signal }));
    await refusal("MENDLINE_TASK_ABORTED", () => store.commonAncestors([first, last], { signal }));
  });
}
