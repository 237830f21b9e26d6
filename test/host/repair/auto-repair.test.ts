/** Repairs that alarms set off: one at a time, none in the cool-down, cancelled when the engine closes. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inputsOf, withLabels } from "../../../examples/rain/weather.js";
import type { WatchOptions } from "../../../src/host/engine/watches.js";
import { type Engine, openEngine } from "../../../src/host/engine.js";
import type { AutoRepairOptions } from "../../../src/host/repair/auto-repair.js";
import type { RepairReport } from "../../../src/host/repair/report.js";
import { collect, freshDir } from "../../lineage-store/support.js";
import { addRain, days } from "../rain.js";
import { labelledDays, seattle2015, window as seenAtAlarm } from "./scene.js";

const newYork = days("New York", "2015-01-01", "2015-12-31");
const window = { rows: 364, panes: 13 };

async function withGateway(
  work: (
    engine: Engine,
    watch: (repair: AutoRepairOptions, over?: Partial<WatchOptions>) => ReturnType<Engine["monitor"]>,
  ) => Promise<void>,
): Promise<void> {
  const engine = await openEngine({ store: freshDir() });
  await addRain(engine.runtime, engine.store, ["rain@1", "rain@2", "rain@3"]);
  await engine.deploy("rain@3", { alias: "gateway" });
  try {
    await work(engine, (repair, over) =>
      engine.monitor("gateway", { window, trigger: { coolDownWindows: 0 }, ...over, repair }),
    );
  } finally {
    await engine.close();
  }
}

function requestOf(engine: Engine) {
  return {
    live: engine.openRows(inputsOf(seenAtAlarm), "live"),
    validation: engine.openRows(withLabels(labelledDays), "labelled"),
    alias: "gateway",
  };
}

/** Seattle's year, then New York's: the alarm comes within it. */
async function move(monitor: Awaited<ReturnType<Engine["monitor"]>>): Promise<void> {
  monitor.observeRows(inputsOf(seattle2015));
  monitor.observeRows(inputsOf(newYork));
}

/** A pane at a time: an alarm each. */
async function observeUntil(
  monitor: Awaited<ReturnType<Engine["monitor"]>>,
  isSo: () => boolean,
): Promise<void> {
  while (!isSo()) {
    monitor.observeRows(inputsOf(newYork.slice(0, 28)));
    await sleep(20);
  }
}

test("an alarm repairs the alias; further alarms meet the repair under way, then the cool-down", () =>
  withGateway(async (engine, watch) => {
    const skipped: string[] = [];
    let asked = 0;
    engine.on("repairSkipped", ({ monitor, reason }) => skipped.push(`${monitor}: ${reason}`));
    const monitor = await watch({
      request: () => {
        asked += 1;
        return requestOf(engine);
      },
    });
    const repaired = once(engine, "repaired") as Promise<[RepairReport]>;
    await move(monitor);
    const [report] = await repaired;
    assert.equal([report.outcome, report.model?.version], ["published", "3-repair.1"], report.reason);
    assert.is((await engine.store.alias("gateway"))!.id, report.model!.id);
    assert.is(asked, 1);
    assert.ok(skipped.length > 0);
    assert.ok(
      skipped.every((told) => told === "gateway: a repair is under way"),
      skipped.join("\n"),
    );
    skipped.length = 0;
    // Its monitor still looks with the old model's eyes; an hour is not over yet.
    await observeUntil(monitor, () => skipped.some((told) => told.includes("cool-down")));
    const coolDown = /^gateway: the last repair of gateway ended less than the cool-down ago$/;
    assert.ok(skipped.some((told) => coolDown.test(told)));
    assert.is((await collect(engine.runs())).length, 1);
  }));

test("without a cool-down the next alarm asks again: the repaired model has not drifted", () =>
  withGateway(async (engine, watch) => {
    const monitor = await watch({ request: () => requestOf(engine), coolDownMs: 0 });
    const outcomes: string[] = [];
    engine.on("repaired", ({ outcome }) => outcomes.push(outcome));
    await move(monitor);
    await observeUntil(monitor, () => outcomes.length >= 2);
    assert.equal(outcomes.slice(0, 2), ["published", "no-drift"]);
  }));

test("an alarm while the alias is on trial is skipped; when the trial has ended the next one repairs again", () =>
  withGateway(async (engine, watch) => {
    const skipped: string[] = [];
    const outcomes: string[] = [];
    engine.on("repairSkipped", ({ monitor, reason }) => skipped.push(`${monitor}: ${reason}`));
    engine.on("repaired", ({ outcome }) => outcomes.push(outcome));
    const monitor = await watch({
      request: () => ({ ...requestOf(engine), trial: "shadow" as const }),
      coolDownMs: 0,
    });
    await move(monitor);
    await observeUntil(monitor, () => outcomes.length > 0);
    assert.equal(outcomes, ["on-trial"]);
    const served = (await engine.store.alias("gateway"))!.id;
    const [run] = await collect(engine.runs());
    await observeUntil(monitor, () => skipped.some((told) => told.includes("on trial")));
    const told = skipped.find((reason) => reason.includes("on trial"))!;
    assert.ok(told.startsWith(`gateway: alias "gateway" has a candidate on trial, of ${run!.run}: `), told);
    assert.equal(
      (await collect(engine.runs())).map(({ run }) => run),
      [run!.run],
      "no run was begun",
    );
    assert.is((await engine.store.alias("gateway"))!.id, served);
    await (await engine.trial("gateway")).end();
    await observeUntil(monitor, () => outcomes.length >= 2);
    assert.is(outcomes[1], "on-trial");
  }));

test("null leaves the alarm alone; a request that fails is told as an error", () =>
  withGateway(async (engine, watch) => {
    const quiet = await watch({ request: () => null });
    await move(quiet);
    const other = await watch(
      { request: () => Promise.reject(new Error("no labels today")) },
      { name: "other" },
    );
    const failed = once(engine, "error") as Promise<[Error]>;
    await move(other);
    assert.is((await failed)[0].message, "no labels today");
    assert.equal(await collect(engine.runs()), []);
  }));

test("a run that a dead process left is ended first; closing the engine cancels the one under way", async () => {
  let run = "";
  let dead = "";
  const dir = freshDir();
  const engine = await openEngine({ store: dir });
  await addRain(engine.runtime, engine.store, ["rain@1", "rain@2", "rain@3"]);
  const { commit } = engine.store;
  const dying = engine.repair("rain@3", {
    ...requestOf(engine),
    alias: "gateway",
    onProgress: ({ step }) => {
      if (step === "gate") engine.store.commit = () => Promise.reject(new Error("gone"));
    },
  });
  await dying.catch(() => undefined);
  engine.store.commit = commit;
  dead = (await collect(engine.runs()))[0]!.run;
  const monitor = await engine.monitor("rain@3", {
    window,
    repair: {
      request: () => ({
        ...requestOf(engine),
        onProgress: ({ done }) => {
          if (done === 3) void engine.close();
        },
      }),
    },
  });
  await move(monitor);
  while ((await collect(engine.runs()).catch(() => [1, 2])).length < 2) await sleep(20);
  await engine.close();
  const again = await openEngine({ store: dir });
  const states = (await collect(again.runs())).map((one) => [one.run, one.state]);
  run = states[0]![0]!;
  assert.equal(states, [
    [run, "cancelled"],
    [dead, "cancelled"],
  ]);
  await again.close();
});

test.run();
