/** Runs that are broken off and gone on with: nothing recorded is done again, and the end is that of an unbroken run. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { rowsSource } from "../../../src/host/columns/rows.js";
import { deploy, rollback } from "../../../src/host/deployment/deployments.js";
import type { RepairReport } from "../../../src/host/repair/report.js";
import { cancelRun, describeRun, listRuns, onlyResumable } from "../../../src/host/repair/runs.js";
import { collect, failure } from "../../lineage-store/support.js";
import { servingDir } from "../deployment/support.js";
import { addRain, labelledOf, liveOf } from "../rain.js";
import { addPair, candidatesOf, judgedBy, slices } from "./pair.js";
import {
  breakAt,
  labelledDays,
  newestRun,
  runtime,
  type Scene,
  seattle2015,
  stepsOf,
  window,
  withScene,
} from "./scene.js";

const lineage = ["rain@1", "rain@2", "rain@3"];
const control = () => labelledOf(runtime, seattle2015, "Seattle 2015");

/** What two runs of the same request must agree on. */
function decided({ run: _, ...report }: RepairReport): unknown {
  return JSON.parse(JSON.stringify(report));
}

async function unbroken(): Promise<unknown> {
  let report: RepairReport | undefined;
  await withScene(async ({ store, repair }) => {
    const [, , deployed] = await addRain(runtime, store, lineage);
    await deploy(store, { alias: "gateway", id: deployed!.id, reason: "deploy" });
    report = await repair("gateway", { control: control(), alias: "gateway" });
  });
  return decided(report!);
}

const breaks: readonly [step: string, nth?: number][] = [
  ["detected"],
  ["ancestor-chosen"],
  ["checked"],
  ["scale-judged", 1],
  ["scale-judged", 8],
  ["scale-searched"],
  ["gated"],
  ["published"],
];

test("broken off at each step: the run says failed, the alias has not moved, and resumed it ends as an unbroken one", async () => {
  const whole = await unbroken();
  for (const [step, nth] of breaks) {
    await withScene(async ({ store, repair, resume }) => {
      const [, , deployed] = await addRain(runtime, store, lineage);
      await deploy(store, { alias: "gateway", id: deployed!.id, reason: "deploy" });
      breakAt(store, step, nth);
      await failure("MENDLINE_STORE_IO", () => repair("gateway", { control: control(), alias: "gateway" }));
      const run = await newestRun(store);
      assert.is((await store.alias("gateway"))!.id, deployed!.id);
      const broken = await describeRun(store, run);
      assert.equal(
        [broken.state, broken.step, broken.outcome, broken.report],
        ["failed", "failed", null, null],
      );
      assert.equal(broken.steps.at(-1)!.data, {
        reason: `the disk was full at ${step}`,
        code: "MENDLINE_STORE_IO",
      });
      const before = broken.steps.map(({ step: name }) => name);

      const report = await resume(run, { control: control() });
      assert.equal(decided(report), whole, step);
      assert.is(report.run, run);
      const after = (await store.run(run)).map(({ step: name }) => name);
      assert.equal(after.slice(0, before.length + 1), [...before, "resumed"]);
      for (const once of ["detected", "ancestor-chosen", "checked", "scale-searched", "gated", "published"]) {
        assert.is(after.filter((name) => name === once).length, 1, `${once} after ${step}`);
      }
      const history = await collect(store.aliasHistory("gateway"));
      assert.equal(
        history.map(({ id, run: by }) => [id, by]),
        [
          [report.model!.id, run],
          [deployed!.id, null],
        ],
      );
    });
  }
});

test("scales that were judged are not judged again", () =>
  withScene(async ({ store, repair, resume }) => {
    await addPair(store);
    const whole = judgedBy(0.73);
    await repair("m@2", { ...slices(), validator: whole.validator, dryRun: true });
    const { validator, log } = judgedBy(0.73);
    breakAt(store, "scale-judged", 6);
    await failure("MENDLINE_STORE_IO", () => repair("m@2", { ...slices(), validator, dryRun: true }));
    assert.is(candidatesOf(log).size, 6, "the sixth was judged, and not recorded");
    for (const name of readdirSync(log)) rmSync(join(log, name));
    const report = await resume(await newestRun(store), slices());
    const scales = (await store.run(report.run)).filter(({ step }) => step === "scale-judged");
    assert.is(scales.length, report.curve.length);
    const again = [...candidatesOf(log).keys()];
    for (const known of [0.125, 0.25, 0.375, 0.5]) assert.not.ok(again.includes(known), String(known));
    // Keep is judged on the gate slice.
    assert.equal(again.length, report.curve.length - 4);
    assert.ok([0, 1, Math.fround(report.scale!)].every((scale) => again.includes(scale)));
  }));

test("other data is refused, and told which; the very data in another order of columns is not", () =>
  withScene(async ({ store, repair, resume }) => {
    await addRain(runtime, store, lineage);
    breakAt(store, "scale-searched");
    await failure("MENDLINE_STORE_IO", () => repair("rain@3", { control: control() }));
    const run = await newestRun(store);
    const steps = await stepsOf(store, run);
    const inputs = "MENDLINE_REPAIR_INPUTS";
    for (const [given, message] of [
      [
        { live: liveOf(runtime, window.slice(1)) },
        /the live data live is not what it began with, but has 363 rows where there were 364/,
      ],
      [
        { validation: labelledOf(runtime, labelledDays.toReversed()) },
        /the validation data labelled .* has other values/,
      ],
      [
        { control: labelledOf(runtime, seattle2015.slice(0, 300)) },
        /the control data .* 300 rows where there were 365/,
      ],
      [{ control: undefined }, /the control data \(Seattle 2015\) was no file .*: give it with --control/],
    ] as const) {
      const thrown = await failure(inputs, () => resume(run, { control: control(), ...given }));
      assert.match(thrown.message, message);
    }
    assert.equal(await stepsOf(store, run), steps, "a refusal leaves no trace");
    const turned = labelledDays.map((day) => {
      const { wind, rains, ...rest } = day;
      return { rains, ...rest, wind };
    });
    const validation = rowsSource(turned, "turned", runtime.arena);
    assert.is((await resume(run, { validation, control: control() })).outcome, "published");
  }));

test("at most one run an alias: a living one and a dead one are both named", () =>
  withScene(async ({ store, repair, resume }) => {
    await addRain(runtime, store, lineage);
    const busy = "MENDLINE_REPAIR_BUSY";
    const both = await Promise.allSettled([
      repair("rain@3", { alias: "gateway" }),
      repair("rain@3", { alias: "gateway" }),
    ]);
    const refusal = both.find(({ status }) => status === "rejected") as PromiseRejectedResult;
    assert.is((refusal.reason as MendlineError).code, busy);
    const done = both.find(({ status }) => status === "fulfilled") as PromiseFulfilledResult<RepairReport>;
    assert.match((refusal.reason as Error).message, new RegExp(`already, by ${done.value.run}`));
    assert.is((await collect(store.listRuns())).length, 1, "the second one was not begun");

    // Dead: no end is recorded, because the store failed for good.
    const { commit } = store;
    const dying = repair("rain@3", {
      alias: "gateway",
      onProgress: ({ step }) => {
        if (step === "gate")
          store.commit = () => Promise.reject(new MendlineError("MENDLINE_STORE_IO", "gone"));
      },
    });
    await failure("MENDLINE_STORE_IO", () => dying);
    store.commit = commit;
    const dead = await newestRun(store);
    assert.is((await describeRun(store, dead)).state, "interrupted");
    const thrown = await failure(busy, () => repair("rain@3", { alias: "gateway" }));
    assert.match(thrown.message, new RegExp(`${dead}: go on with \`mendline resume ${dead}\``));
    assert.equal(thrown.details, { run: dead });
    // Other aliases, and none, are free.
    await repair("rain@3", { alias: "other" });
    await repair("rain@3");
    assert.is(await onlyResumable(store), dead);
    assert.is((await resume(dead)).outcome, "published");
    assert.is((await repair("rain@3", { alias: "gateway" })).outcome, "published");
  }));

test("a run that has ended tells its end again, and mends a folder that did not follow", () =>
  withScene(async ({ store, repair, resume }) => {
    const [, , deployed] = await addRain(runtime, store, lineage);
    const dir = servingDir();
    await deploy(store, { alias: "gateway", id: deployed!.id, dir, reason: "deploy" });
    const served = readFileSync(join(dir, "model.onnx"));
    const report = await repair("gateway", { alias: "gateway" });
    const published = readFileSync(join(dir, "model.onnx"));
    assert.is.not(Buffer.compare(published, served), 0);
    const state = await collect(store.aliasHistory("gateway"));
    assert.equal(await resume(report.run), report);
    assert.equal(await collect(store.aliasHistory("gateway")), state);
    // Whoever rolled back knew something that the run does not: it does not publish a second time.
    await rollback(store, "gateway");
    assert.equal(await resume(report.run), report);
    assert.is((await store.alias("gateway"))!.id, deployed!.id);
    assert.is(Buffer.compare(readFileSync(join(dir, "model.onnx")), served), 0);
  }));

test("a run can be ended by hand; then its alias is free, and it can still be resumed", () =>
  withScene(async ({ store, scratch, repair, resume }) => {
    await addRain(runtime, store, lineage);
    const context = { runtime, store, scratch };
    const controller = new AbortController();
    const aborted = repair("rain@3", {
      alias: "gateway",
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done === 4) controller.abort();
      },
    });
    await failure("MENDLINE_TASK_ABORTED", () => aborted);
    const run = await newestRun(store);
    assert.equal(
      (await collect(listRuns(store))).map(({ state, alias, step }) => [state, alias, step]),
      [["cancelled", "gateway", "cancelled"]],
    );
    assert.is((await cancelRun(context, run)).state, "cancelled", "once is enough");
    const other = await repair("rain@3", { alias: "gateway", dryRun: true });
    assert.equal([other.outcome, (await describeRun(store, other.run)).outcome], ["published", "published"]);
    assert.is((await cancelRun(context, other.run)).state, "ended");
    const report = await resume(run);
    assert.equal([report.outcome, report.run], ["published", run]);
    assert.is((await describeRun(store, run)).state, "ended");
    await failure("MENDLINE_STORE_UNKNOWN", () => onlyResumable(store));
    await failure("MENDLINE_STORE_UNKNOWN", () => resume("run-none"));
  }));

test("steps of an earlier mendline are listed, and not resumed", () =>
  withScene(async ({ store, resume }: Scene) => {
    await store.commit((tx) => {
      tx.appendRun("run-old", "detected", { model: "m" });
    });
    const [run] = await collect(listRuns(store));
    assert.equal([run!.run, run!.state, run!.alias, run!.model], ["run-old", "interrupted", null, null]);
    const thrown = await failure("MENDLINE_STORE_VERSION", () => resume("run-old"));
    assert.match(thrown.message, /recorded in format 0 of runs, this mendline has 1/);
    await failure("MENDLINE_STORE_UNKNOWN", () => onlyResumable(store));
  }));

test.run();
