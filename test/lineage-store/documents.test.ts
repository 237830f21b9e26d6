import { test } from "uvu";
import * as assert from "uvu/assert";
import { monitorReportsMax } from "../../src/limits.js";
import { collect, failure, withStore } from "./support.js";

test("a run is its steps in order; runs come newest first", () =>
  withStore(async (store, reopen) => {
    await store.commit((tx) => assert.is(tx.appendRun("first", "started", { scale: null }), 0));
    await store.commit((tx) => tx.appendRun("__proto__", "started", [1]));
    await store.commit((tx) => {
      assert.is(
        tx.appendRun("first", "searched", { scale: 1.1, curve: [{ scale: 0, loss: Number.NaN }] }),
        1,
      );
      assert.is(tx.appendRun("first", "published", undefined), 2);
    });
    const opened = await reopen();
    assert.equal(
      (await opened.run("first")).map(({ index, step, data }) => [index, step, data]),
      [
        [0, "started", { scale: null }],
        [1, "searched", { scale: 1.1, curve: [{ scale: 0, loss: Number.NaN }] }],
        [2, "published", null],
      ],
    );
    const runs = await collect(opened.listRuns());
    assert.equal(
      runs.map(({ runId, step, stepCount }) => [runId, step, stepCount]),
      [
        ["__proto__", "started", 1],
        ["first", "published", 3],
      ],
    );
    assert.ok(runs[1]!.updatedMs > runs[1]!.createdMs);
    assert.is((await collect(opened.listRuns({ limit: 1 }))).length, 1);
    await failure("MENDLINE_STORE_UNKNOWN", () => opened.run("firs"));
    await failure("MENDLINE_ARGUMENT_INVALID", () => opened.commit((tx) => tx.appendRun("", "step", {})));
    await failure("MENDLINE_ARGUMENT_INVALID", () =>
      opened.commit((tx) => tx.appendRun("r", "step", new Date(0))),
    );
  }));

test("a monitor keeps its newest reports, to the number", () =>
  withStore(async (store, reopen) => {
    const append = (key: string, from: number, to: number) =>
      store.commit((tx) => {
        for (let report = from; report < to; report++) tx.appendReport(key, { report });
      });
    await append("prod", 0, monitorReportsMax - 1);
    await append("prod2", 0, 1);
    await append("prod", monitorReportsMax - 1, monitorReportsMax);
    assert.is((await collect(store.reports("prod"))).length, monitorReportsMax);
    await append("prod", monitorReportsMax, monitorReportsMax + 3);
    const opened = await reopen();
    const reports = await collect(opened.reports("prod"));
    assert.equal(
      reports.map(({ report }) => report),
      Array.from({ length: monitorReportsMax }, (_, index) => ({ report: monitorReportsMax + 2 - index })),
    );
    assert.equal(
      (await collect(opened.reports("prod", { limit: 2 }))).map(({ sequence }) => sequence),
      [monitorReportsMax + 2, monitorReportsMax + 1],
    );
    assert.is((await collect(opened.reports("prod2"))).length, 1);
    assert.equal(await collect(opened.reports("pro")), []);
    await opened.verifyJournal();
    // More at once than are kept: the same end.
    await opened.commit((tx) => {
      for (let report = 0; report < monitorReportsMax + 5; report++) tx.appendReport("prod", report);
    });
    const after = await collect(opened.reports("prod"));
    assert.equal(
      [after.length, after[0]!.report, after.at(-1)!.report],
      [monitorReportsMax, monitorReportsMax + 4, 5],
    );
    await opened.verifyJournal();
  }));

test("a report is what it was when it was given", () =>
  withStore(async (store) => {
    await store.commit((tx) => {
      const report = { verdict: "drift", counts: [1, 2] };
      tx.appendReport("prod", report);
      report.counts[0] = 9;
    });
    assert.equal((await collect(store.reports("prod")))[0]!.report, { verdict: "drift", counts: [1, 2] });
    await failure("MENDLINE_ARGUMENT_INVALID", () =>
      store.commit((tx) => tx.appendReport("prod", { counts: new Float64Array(2) })),
    );
  }));

test("of a monitor's states the last counts", () =>
  withStore(async (store, reopen) => {
    for (let window = 0; window < 5; window++) await store.commit((tx) => tx.putMonitor("prod", { window }));
    await store.commit((tx) => tx.putMonitor("edge 7", null));
    const opened = await reopen();
    assert.equal((await opened.monitor("prod"))?.state, { window: 4 });
    assert.equal(
      (await collect(opened.listMonitors())).map(({ monitorKey, state, sequence }) => [
        monitorKey,
        state,
        sequence,
      ]),
      [
        ["edge 7", null, 0],
        ["prod", { window: 4 }, 4],
      ],
    );
    assert.is(await opened.monitor("nobody"), null);
    await opened.verifyJournal();
  }));

test.run();
