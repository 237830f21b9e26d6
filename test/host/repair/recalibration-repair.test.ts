/** Batch norm in whole repairs: a blend's statistics are measured on live data, and so are those of the drifted model alone. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Evaluation } from "../../../src/host/repair/evaluations.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { failure } from "../../lineage-store/support.js";
import { servingDir } from "../deployment/support.js";
import { addNorms, readingsOf, sensorSource } from "./norms.js";
import { activations, statisticsOf } from "./norms-oracle.js";
import { newestRun, withScene } from "./scene.js";
import { nearAll } from "./support.js";

const data = () => ({ live: sensorSource("live"), validation: sensorSource("labelled") });
// Its training data is of both sites, so that it has drifted from the second one too.
const request = () => ({ ...data(), ancestor: "norm@1" });

async function judgedOf(store: LineageStore, run: string): Promise<Evaluation[]> {
  const steps = await store.run(run);
  return steps.filter(({ step }) => step === "scale-judged").map(({ data }) => data as unknown as Evaluation);
}

test("what is published between two models with batch norm has statistics of its own activations", () =>
  withScene(async ({ store, repair }) => {
    await addNorms(store);
    const dir = servingDir();
    const report = await repair("norm@2", { ...request(), alias: "norm", deploy: dir });
    assert.is(report.outcome, "published", report.reason);
    assert.equal(report.batchNorm, { layers: 2, recalibrated: 2, rows: 400, reason: null });
    assert.is(report.repaired!.kind, "recalibrated");
    const bytes = readFileSync(report.path!);
    const expected = await activations(bytes, readingsOf("live"));
    const found = await statisticsOf(bytes);
    for (const layer of [0, 1]) {
      nearAll(found[layer]!.mean, expected[layer]!.mean, 1e-4);
      nearAll(found[layer]!.variance, expected[layer]!.variance, 1e-3);
    }
    assert.equal(
      report.gate!.rivals.map(({ name }) => name),
      ["the deployed model, recalibrated"],
    );
    const judged = await judgedOf(store, report.run);
    const blends = judged.filter(({ candidate }) => candidate.kind === "blend");
    assert.is(blends.length, 1, "the blend as it is, too");
    assert.ok(blends[0]!.loss > 2 * judged.find(({ candidate }) => candidate.kind === "recalibrated")!.loss);
  }));

test("a run that broke off ends in the very parameters of an unbroken one", () =>
  withScene(async ({ store, repair, resume }) => {
    await addNorms(store);
    const unbroken = await repair("norm@2", { ...request(), dryRun: true });
    const controller = new AbortController();
    const aborted = repair("norm@2", {
      ...request(),
      signal: controller.signal,
      onProgress: ({ step }) => {
        if (step === "gate") controller.abort();
      },
    });
    await failure("MENDLINE_TASK_ABORTED", () => aborted);
    const resumed = await resume(await newestRun(store), data());
    assert.is(resumed.outcome, "published", resumed.reason);
    assert.equal(resumed.repaired, unbroken.repaired);
    assert.equal(resumed.batchNorm, unbroken.batchNorm);
    assert.equal(resumed.gate!.repaired, unbroken.gate!.repaired);
  }));

test("statistics that are frozen are left as they are, and the report says why", () =>
  withScene(async ({ store, repair }) => {
    await addNorms(store);
    const report = await repair("norm@2", { ...request(), exclude: ["mean*", "var*"], dryRun: true });
    assert.is(report.batchNorm!.recalibrated, 0);
    assert.match(report.batchNorm!.reason!, /2 of its 2 batch norm layers are frozen/);
    assert.ok(
      (await judgedOf(store, report.run)).every(({ candidate }) => candidate.kind !== "recalibrated"),
    );
  }));

test.run();
