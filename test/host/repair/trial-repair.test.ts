/** Repairs whose candidate is tried on live rows, both real ONNX models run by the engine: shadow before the alias moves, guard after. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Engine, openEngine, type RepairReport, type RepairRequest } from "../../../src/index.js";
import { collect, failure, freshDir } from "../../lineage-store/support.js";
import { packageRoot } from "../../support.js";
import { servingDir } from "../deployment/support.js";
import { addRain, days, labelledOf, liveOf } from "../rain.js";
import { labelledDays, seattle2015, window } from "./scene.js";

const rain3 = readFileSync(join(packageRoot, "examples", "rain", "models", "rain-3.onnx"));
/** Live rows like those of the repair, and labelled ones that it never saw. */
const later = window.slice(1);
const years = days("New York", "2012-01-01", "2014-12-31");
/** Those that the deployed model was made for, and the repaired one gave up. */
const seattle = days("Seattle", "2012-01-01", "2015-12-31");

interface Scene {
  readonly engine: Engine;
  readonly dir: string;
  /** Another process: the engine is closed, and the store opened again. */
  reopen(): Promise<Engine>;
}

async function withGateway(work: (scene: Scene) => Promise<void>): Promise<void> {
  const store = freshDir();
  const dir = servingDir();
  let engine = await openEngine({ store, threads: 0 });
  await addRain(engine.runtime, engine.store, ["rain@1", "rain@2", "rain@3"]);
  await engine.deploy("rain@3", { alias: "gateway", dir });
  const scene = {
    dir,
    get engine() {
      return engine;
    },
    async reopen() {
      await engine.close();
      engine = await openEngine({ store, threads: 0 });
      return engine;
    },
  };
  try {
    await work(scene);
  } finally {
    await engine.close();
  }
}

function repair(engine: Engine, over: Partial<RepairRequest>): Promise<RepairReport> {
  const { runtime } = engine;
  const sources = { live: liveOf(runtime, window), validation: labelledOf(runtime, labelledDays) };
  return engine.repair("gateway", { ...sources, alias: "gateway", seed: 0, ...over });
}

const served = ({ dir }: Scene) => readFileSync(join(dir, "model.onnx"));
const trial = { period: "shadow", rowsMin: 100 } as const;

test("shadow: nothing moves until live rows show the candidate to be better, over a restart; each batch counts once", () =>
  withGateway(async (scene) => {
    const report = await repair(scene.engine, { trial });
    assert.equal([report.outcome, report.model?.version, report.path], ["on-trial", "3-repair.1", null]);
    assert.ok(served(scene).equals(rain3));
    const busy = await failure("MENDLINE_REPAIR_BUSY", () => repair(scene.engine, {}));
    assert.match(busy.message, /has a candidate on trial, of run-.*mendline trial gateway --end/);
    const listed = await collect(scene.engine.runs());
    assert.equal([listed[0]!.state, listed[0]!.outcome], ["on-trial", "on-trial"]);

    const first = await scene.engine.trial("gateway");
    const { runtime } = scene.engine;
    const live = () => liveOf(scene.engine.runtime, later, "later");
    const seen = await first.observe({ live: live() });
    assert.is(seen.verdict, "open", seen.reason ?? "");
    assert.equal([seen.rows, seen.labelled, seen.nonFinite], [later.length, 0, 0]);
    assert.ok(seen.disagreements > 0 && seen.disagreements < later.length, `${seen.disagreements}`);
    const early = await first.observe({ labelled: labelledOf(runtime, years.slice(0, 60), "60") });
    assert.equal([early.verdict, early.labelled], ["open", 60]);

    const engine = await scene.reopen();
    const second = await engine.trial("gateway");
    assert.equal(second.state, early, "to the last row, options and all");
    const { commit } = engine.store;
    engine.store.commit = () => Promise.reject(new Error("the disk is full"));
    const lost = await second.observe({ labelled: labelledOf(engine.runtime, years, "years") }).catch(String);
    engine.store.commit = commit;
    assert.match(String(lost), /the disk is full/);
    assert.equal(second.state, early, "what could not be kept is not counted");
    const again = await failure("MENDLINE_REPAIR_INPUTS", () => second.observe({ live: live() }));
    assert.match(again.message, /has counted the rows of later already/);
    assert.equal(second.state, early);
    const status = await engine.status();
    assert.equal(
      status.trials.map(({ alias, candidate }) => [alias, candidate]),
      [["gateway", report.model!.id]],
    );

    const end = await second.observe({ labelled: labelledOf(engine.runtime, years, "years") });
    assert.is(end.verdict, "better", end.reason ?? "");
    assert.is((await engine.model("gateway")).id, report.model!.id);
    assert.not(served(scene).equals(rain3));
    const { outcome, reason, path } = (await engine.run(report.run)).report!;
    assert.equal([outcome, path], ["published", join(scene.dir, "model.onnx")]);
    assert.match(reason, /^on trial: the candidate's loss is lower: -/);
    assert.is((await engine.store.alias("gateway"))!.run, report.run);
    const card = readFileSync(join(scene.dir, "model.card.md"), "utf8");
    assert.is(card, await engine.repairCard(report.run));
    assert.equal((await engine.status()).trials, []);
    await engine.rollback("gateway");
    assert.ok(served(scene).equals(rain3));
  }));

test("shadow: a candidate that loses on the rows that come is rejected, and the alias is free", () =>
  withGateway(async (scene) => {
    const { engine } = scene;
    const report = await repair(engine, { trial });
    const tried = await engine.trial("gateway");
    const end = await tried.observe({ labelled: labelledOf(engine.runtime, seattle, "Seattle again") });
    assert.is(end.verdict, "worse", end.reason ?? "");
    assert.ok(served(scene).equals(rain3));
    assert.is((await engine.run(report.run)).outcome, "rejected");
    // A trial that has ended counts nothing more, and another repair may begin.
    assert.equal(await tried.observe({ labelled: labelledOf(engine.runtime, years, "more") }), end);
    assert.is((await repair(engine, { trial })).outcome, "on-trial");
    const ended = await (await engine.trial("gateway")).end();
    assert.is(ended.verdict, "undecided");
    assert.is((await collect(engine.runs()))[0]!.outcome, "not-proven");
  }));

test("guard: the alias moves at once, and goes back when the new model drifts or is worse, whichever process sees it", async () => {
  for (const show of [
    async ({ engine }: Scene) => {
      const tried = await engine.trial("gateway");
      const first = await tried.observe({ live: liveOf(engine.runtime, seattle2015, "Seattle") });
      assert.equal([first.verdict, first.drifts], ["open", [true]], "one odd batch is no drift");
      await tried.observe({ live: liveOf(engine.runtime, days("Seattle", "2014-01-01", "2014-12-31")) });
    },
    async ({ engine }: Scene) =>
      (await engine.trial("gateway")).observe({
        labelled: labelledOf(engine.runtime, seattle, "Seattle again"),
      }),
    async ({ engine }: Scene) => {
      const back = new Promise((resolve) => engine.once("tried", resolve));
      const monitor = await engine.monitor("gateway", {
        window: { rows: 365 },
        trigger: { windowsNeeded: 1, windowsConsidered: 1 },
      });
      await monitor.observe(liveOf(engine.runtime, seattle2015, "Seattle"));
      await engine.checkpoint();
      await back;
    },
  ]) {
    await withGateway(async (scene) => {
      const report = await repair(scene.engine, { trial: "guard" });
      assert.is(report.outcome, "published", report.reason);
      assert.not(served(scene).equals(rain3));
      await scene.reopen();
      await show(scene);
      assert.ok(served(scene).equals(rain3), "the very bytes");
      const state = (await scene.engine.lastTrial("gateway"))!;
      assert.equal([state.verdict, state.run], ["worse", report.run]);
      assert.match(
        (await scene.engine.store.alias("gateway"))!.reason,
        /^rollback: the candidate('s loss is higher| drifts)/,
      );
    });
  }
});

test("a trial needs an alias that serves something", () =>
  withGateway(async ({ engine }) => {
    for (const [over, message] of [
      [{ alias: undefined }, /name the alias/],
      [{ alias: "other" }, /serves nothing yet/],
      [{ trial: { period: "shadow", rowsMin: 1 } }, /rowsMin/],
    ] as const) {
      const { alias, ...rest } = { alias: "gateway", trial, ...over } as Partial<RepairRequest>;
      const { live, validation } = {
        live: liveOf(engine.runtime, window),
        validation: labelledOf(engine.runtime, labelledDays),
      };
      const thrown = await failure("MENDLINE_ARGUMENT_INVALID", () =>
        engine.repair("rain@3", { live, validation, ...rest, ...(alias !== undefined && { alias }) }),
      );
      assert.match(thrown.message, message);
    }
    assert.equal(await collect(engine.runs()), []);
  }));

test.run();
