import { test } from "uvu";
import * as assert from "uvu/assert";
import { keyOf } from "../../src/lineage-store/keys.js";
import { nextPlace } from "../../src/lineage-store/walk.js";
import { collect, derive, emptyModel, failure, idOf, withStore } from "./support.js";

const id = (name: string) => idOf(`${name}@1`);

test("the first free place of a list of any length", () => {
  for (let length = 0; length < 200; length++) {
    const has = (key: Buffer) => key.readUIntBE(key.length - 6, 6) < length;
    const reader = { has, read: (key: Buffer) => (has(key) ? null : undefined) };
    assert.is(
      nextPlace(reader, (place) => keyOf("parent", 7, place)),
      length,
    );
  }
});

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
