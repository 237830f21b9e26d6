/** Contract: what changes, kept as a history: aliases, runs, reports and states of monitors. */
import assert from "node:assert/strict";
import type { ContractOptions } from "./store.js";
import { addPlain, collect, id, refusal, registrar } from "./support.js";

export function historyContract(options: ContractOptions): void {
  const check = registrar(options);

  check("an alias stands for its last entry, and keeps the others", async (store, reopen) => {
    await addPlain(store, "a b");
    const change = { alias: "prod", id: id("a"), reason: "deploy", target: "/srv" };
    const first = await store.commit((tx) => tx.setAlias(change));
    assert.deepEqual(first, { ...change, sequence: 0, atMs: first.atMs, run: null, previous: null });
    const repair = { alias: "prod", id: id("b"), reason: "repair", run: "r", expectedId: id("a") };
    await store.commit((tx) => tx.setAlias(repair));
    const stale = { ...repair, id: id("a") };
    await refusal("MENDLINE_STORE_CONFLICT", () => store.commit((tx) => tx.setAlias(stale)));
    await refusal("MENDLINE_STORE_UNKNOWN", () =>
      store.commit((tx) => tx.setAlias({ ...change, id: id("nobody") })),
    );
    for (const alias of ["", "a@1", "two words", "abcdef01"])
      await refusal("MENDLINE_ARGUMENT_INVALID", () =>
        store.commit((tx) => tx.setAlias({ ...change, alias })),
      );
    await store.commit((tx) => tx.setAlias({ ...change, alias: "edge", expectedId: null }));
    const opened = await reopen();
    const history = await collect(opened.aliasHistory("prod"));
    assert.deepEqual(
      history.map(({ sequence, id: model, previous, run, target }) => [
        sequence,
        model,
        previous,
        run,
        target,
      ]),
      [
        [1, id("b"), id("a"), "r", null],
        [0, id("a"), null, null, "/srv"],
      ],
    );
    assert.deepEqual(await opened.alias("prod"), history[0]);
    assert.equal(await opened.alias("none"), null);
    assert.deepEqual(
      (await collect(opened.aliases())).map(({ alias, id: model }) => [alias, model]),
      [
        ["edge", id("a")],
        ["prod", id("b")],
      ],
    );
  });

  check("runs step by step, the newest run first", async (store, reopen) => {
    assert.equal(await store.commit((tx) => tx.appendRun("one", "started", { n: 1 })), 0);
    await store.commit((tx) => tx.appendRun("two", "started", null));
    assert.equal(await store.commit((tx) => tx.appendRun("one", "done", [true])), 1);
    const opened = await reopen();
    assert.deepEqual(
      (await opened.run("one")).map(({ index, step, data }) => [index, step, data]),
      [
        [0, "started", { n: 1 }],
        [1, "done", [true]],
      ],
    );
    const runs = await collect(opened.listRuns());
    assert.deepEqual(
      runs.map(({ runId, step, stepCount }) => [runId, step, stepCount]),
      [
        ["two", "started", 1],
        ["one", "done", 2],
      ],
    );
    assert.ok(runs[1]!.updatedMs > runs[1]!.createdMs);
    assert.equal((await collect(opened.listRuns({ limit: 1 }))).length, 1);
    await refusal("MENDLINE_STORE_UNKNOWN", () => opened.run("three"));
  });

  check("reports newest first, and a monitor's last state", async (store, reopen) => {
    for (let n = 0; n < 3; n++) {
      await store.commit((tx) => {
        tx.appendReport("prod", { n });
        tx.putMonitor("prod", { n });
      });
    }
    await store.commit((tx) => tx.putMonitor("edge", "calm"));
    const opened = await reopen();
    assert.deepEqual(
      (await collect(opened.reports("prod"))).map(({ sequence, report }) => [sequence, report]),
      [
        [2, { n: 2 }],
        [1, { n: 1 }],
        [0, { n: 0 }],
      ],
    );
    assert.equal((await collect(opened.reports("prod", { limit: 2 }))).length, 2);
    assert.deepEqual(await collect(opened.reports("none")), []);
    assert.deepEqual((await opened.monitor("prod"))?.state, { n: 2 });
    assert.equal(await opened.monitor("none"), null);
    assert.deepEqual(
      (await collect(opened.listMonitors())).map(({ monitorKey, state }) => [monitorKey, state]),
      [
        ["edge", "calm"],
        ["prod", { n: 2 }],
      ],
    );
  });
}
