/** Whole repairs of the rain example's networks, judged by onnxruntime. Those that a command judges: command-repair.test.ts. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy, rollback } from "../../../src/host/deployment/deployments.js";
import { profileSignature } from "../../../src/host/drift/profile.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { addModel } from "../../../src/host/models.js";
import { blendToBytes } from "../../../src/host/parameters/blend.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import { neededByRepairs } from "../../../src/host/repair/needed.js";
import { failure } from "../../lineage-store/support.js";
import { scratchDir } from "../../support.js";
import { namesIn, serving, servingDir } from "../deployment/support.js";
import { encode, gaussians } from "../parameters/tensors.js";
import { addRain, days, labelledOf, liveOf, rainFeatures, rainPath, rainRequest } from "../rain.js";
import { newestRun, runtime, seattle2014, seattle2015, stepsOf, window, withScene } from "./scene.js";

const lineage = ["rain@1", "rain@2", "rain@3"];
const control = () => labelledOf(runtime, seattle2015, "Seattle 2015");

test("the rain scenario: a dry run, the publication, the same again, and the way back", () =>
  withScene(async ({ store, scratch, repair, state }) => {
    const [base, middle, deployed] = await addRain(runtime, store, lineage);
    const dir = servingDir();
    await deploy(store, { alias: "gateway", id: deployed!.id, dir, reason: "deploy" });
    const before = await state();
    const served = readFileSync(join(dir, "model.onnx"));
    const wanted = () => ({ control: control(), alias: "gateway" });

    const dry = await repair("gateway", { ...wanted(), dryRun: true });
    assert.equal([dry.outcome, dry.dryRun, dry.model, dry.path], ["published", true, null, null]);
    assert.equal(await state(), before, "a dry run publishes nothing");
    assert.is(Buffer.compare(readFileSync(join(dir, "model.onnx")), served), 0);
    assert.is((await stepsOf(store, dry.run)).at(-1), "dry-run");

    const said: string[] = [];
    const report = await repair("gateway", { ...wanted(), onProgress: ({ step }) => said.push(step) });
    assert.equal(
      [report.outcome, report.dryRun, report.labelRequest],
      ["published", false, null],
      report.reason,
    );
    assert.equal(
      { ...report, run: "", dryRun: true, model: null, path: null },
      { ...dry, run: "" },
      "as decided dry",
    );
    assert.equal(
      said.filter((step, i) => step !== said[i - 1]),
      ["drift", "ancestor", "scale", "gate", "published"],
    );

    assert.equal(
      [report.ancestor!.id, report.ancestor!.label, report.ancestor!.distance],
      [base!.id, "rain@1", 2],
    );
    assert.equal(
      report.passedOver.map(({ id, label, distance }) => [id, label, distance]),
      [[middle!.id, "rain@2", 1]],
    );
    assert.match(report.passedOver[0]!.reason, /drifted from the live data too: .*wind \(PSI 0\.\d\d\)/);
    assert.is(report.drift.verdict, "drift");
    assert.equal(Object.keys(report.drift.features), [...rainFeatures]);

    const { curve, gate, scale } = report;
    const scales = curve.map((point) => point.scale);
    assert.equal(
      scales,
      [...scales].sort((left, right) => left - right),
    );
    assert.ok(scales.includes(0) && scales.includes(1) && scales.length > 11, "grid and refinements");
    assert.is(curve.find((point) => point.scale === scale)!.loss, Math.min(...curve.map(({ loss }) => loss)));
    assert.ok(scale! > 0.5 && scale! <= 1.3, String(scale));
    assert.is(gate!.metric, "log-loss");
    assert.ok(Math.abs(gate!.difference - (gate!.repaired - gate!.keep)) < 1e-12);
    assert.ok(gate!.difference < -0.05 && gate!.interval![1] < 0, JSON.stringify(gate));
    assert.ok(gate!.interval![0] < gate!.difference && gate!.difference < gate!.interval![1]);
    assert.is(gate!.rows, 235 - Math.round(235 / 2));
    assert.ok(report.control!.passed && report.control!.rows === 365);
    assert.ok(Math.abs(report.control!.margin - 0.05 * report.control!.keep) < 1e-12);

    // What was published is the blend at the chosen scale, byte for byte.
    const [drifted, ancestor] = await Promise.all(
      [rainPath("rain-3"), rainPath("rain-1")].map((path) => openParameterFile(path)),
    );
    const blend = await blendToBytes(runtime, drifted!, ancestor!, scale!);
    assert.is(report.path, join(dir, "model.onnx"));
    assert.is(Buffer.compare(readFileSync(report.path!), blend), 0);
    assert.equal(namesIn(dir), serving("model.card.md", "model.onnx"));
    const alias = (await store.alias("gateway"))!;
    assert.equal(
      [alias.id, alias.reason, alias.run, alias.previous, alias.target],
      [report.model!.id, "repair", report.run, deployed!.id, dir],
    );

    const model = await store.get(report.model!.id);
    assert.equal([model.name, model.version], ["rain", "3-repair.1"]);
    assert.equal(model.task, (await store.get(deployed!.id)).task);
    assert.equal(model.metrics, { "log-loss": gate!.repaired });
    const live = await profileData(runtime, liveOf(runtime, window), { features: rainFeatures });
    assert.is(model.signature, profileSignature(live), "its reference is the live data");
    const edges = await store.parents(model.id);
    assert.equal(
      edges.map(({ parent, transformation }) => [parent, transformation]),
      [[deployed!.id, "repair"]],
    );
    const { barrier } = report;
    assert.equal(edges[0]!.parameters, {
      scale,
      ancestor: base!.id,
      candidate: report.repaired,
      barrier,
      run: report.run,
      gate: JSON.parse(JSON.stringify(gate)) as object,
      control: JSON.parse(JSON.stringify(report.control)) as object,
    });
    const steps = [
      "started",
      "detected",
      "ancestor-chosen",
      "checked",
      "scale-judged",
      "scale-searched",
      "gated",
      "published",
    ];
    assert.equal(await stepsOf(store, report.run), steps);
    const judged = (await store.run(report.run)).filter(({ step }) => step === "scale-judged");
    // The curve, and the ramp that was tried beside it.
    assert.ok(judged.length > curve.length);
    assert.equal(
      report.rungs.map(({ rung, pays }) => [rung, pays]),
      [
        ["single", true],
        ["ramp", false],
      ],
    );

    // Nothing of the run is left in the scratch folder, only the two models that it read.
    assert.equal(
      readdirSync(dirname(await scratch.path("any"))).sort(),
      [base!, deployed!].map(({ id }) => `${id}.onnx`).sort(),
    );

    const published = await state();
    const again = await repair("rain@3", wanted());
    assert.equal(again.model, report.model, "the same seed, the same model");
    assert.equal(await state(), published, "it is in the store, and deployed");
    await rollback(store, "gateway");
    assert.is(Buffer.compare(readFileSync(join(dir, "model.onnx")), served), 0);
  }));

test("another seed: other slices, another curve", () =>
  withScene(async ({ store, repair }) => {
    await addRain(runtime, store, lineage);
    const [first, second] = [
      await repair("rain@3", { dryRun: true }),
      await repair("rain@3", { dryRun: true, seed: 1 }),
    ];
    assert.equal(
      first.curve.slice(0, 3).map(({ scale }) => scale),
      second.curve.slice(0, 3).map(({ scale }) => scale),
    );
    assert.not.equal(first.curve, second.curve);
    assert.not.equal(first.gate!.keep, second.gate!.keep);
    assert.is(first.control, null);
  }));

test("no drift: Seattle's own year", () =>
  withScene(async ({ store, repair, state }) => {
    await addRain(runtime, store, lineage);
    const before = await state();
    const report = await repair("rain@3", { live: liveOf(runtime, seattle2015), alias: "gateway" });
    assert.equal([report.outcome, report.drift.verdict], ["no-drift", "stable"], report.reason);
    assert.equal([report.ancestor, report.scale, report.gate, report.model], [null, null, null, null]);
    assert.equal(report.curve, []);
    assert.equal(await state(), before);
    assert.equal(await stepsOf(store, report.run), ["started", "detected", "no-drift"]);
    const fewDays = seattle2015.filter((_, i) => i % 40 === 0);
    const few = await repair("rain@3", { live: liveOf(runtime, fewDays) });
    assert.equal([few.outcome, few.drift.verdict], ["no-drift", "insufficient-data"]);
    assert.match(few.reason, /too little to tell/);
  }));

test("no healthy ancestor: none at all, or every one drifted, or one without a profile", () =>
  withScene(async ({ store, repair, state }) => {
    await addModel(runtime, store, { ...rainRequest(runtime, "rain@2"), parents: [] });
    await addModel(runtime, store, rainRequest(runtime, "rain@3"));
    const before = await state();
    const all = await repair("rain@3", { alias: "gateway" });
    assert.equal([all.outcome, all.ancestor], ["no-healthy-ancestor", null]);
    assert.equal(
      all.passedOver.map(({ label }) => label),
      ["rain@2"],
    );
    assert.equal(await stepsOf(store, all.run), [
      "started",
      "detected",
      "ancestor-chosen",
      "no-healthy-ancestor",
    ]);
    const none = await repair("rain@2");
    assert.equal([none.outcome, none.passedOver], ["no-healthy-ancestor", []]);
    assert.match(none.reason, /no ancestor/);
    assert.equal(await state(), before);
  }));

test("an ancestor without a profile is passed over, unless it is asked for", () =>
  withScene(async ({ store, repair }) => {
    await addModel(runtime, store, { file: rainPath("rain-1"), name: "rain", version: "1" });
    await addModel(runtime, store, { ...rainRequest(runtime, "rain@3"), parents: [{ ref: "rain@1" }] });
    const report = await repair("rain@3");
    assert.is(report.outcome, "no-healthy-ancestor");
    assert.match(report.passedOver[0]!.reason, /no reference profile/);
    const asked = await repair("rain@3", { ancestor: "rain@1", dryRun: true });
    assert.equal([asked.outcome, asked.ancestor!.label], ["published", "rain@1"], asked.reason);
  }));

test("keeping is better: live data of New York, labels of Seattle", () =>
  withScene(async ({ store, repair, state }) => {
    await addRain(runtime, store, lineage);
    const before = await state();
    const report = await repair("rain@3", { validation: labelledOf(runtime, seattle2014), alias: "gateway" });
    assert.equal(
      [report.outcome, report.scale, report.gate, report.model],
      ["rejected", 0, null, null],
      report.reason,
    );
    assert.match(report.reason, /no scale is better than keeping/);
    assert.equal(await state(), before);
    assert.is((await stepsOf(store, report.run)).at(-1), report.outcome);
  }));

test("an ancestor whose parameters were dropped is passed over; those of an open repair are not dropped", () =>
  withScene(async ({ store, repair }) => {
    const [base] = await addRain(runtime, store, lineage);
    await store.commit((tx) => tx.setGone(base!.id, "dropped"));
    const report = await repair("rain@3");
    assert.equal([...(await neededByRepairs(store))], []);
    assert.is(report.outcome, "no-healthy-ancestor");
    assert.match(report.passedOver.at(-1)!.reason, /parameters of rain@1 were dropped by retention/);
    const drifted = await store.resolve("rain@3");
    await store.commit((tx) => tx.appendRun("r1", "started", { plan: { model: drifted } }));
    assert.equal([...(await neededByRepairs(store))], [drifted]);
  }));

test("a forced ancestor, whatever its own drift; its tensors must fit", () =>
  withScene(async ({ store, repair }) => {
    await addRain(runtime, store, [...lineage, "rain-distilled@1"]);
    const drifted = await repair("rain@3", { ancestor: "rain@2", dryRun: true });
    assert.equal([drifted.ancestor!.label, drifted.passedOver], ["rain@2", []]);
    const base = await repair("rain@3", { ancestor: "rain@1", dryRun: true });
    assert.equal(
      base.passedOver.map(({ label, reason }) => [label, reason]),
      [["rain@2", "another ancestor was asked for"]],
    );
    assert.is(base.ancestor!.label, "rain@1");
    const other = await repair("rain-distilled@1", {
      ancestor: "rain@1",
      live: liveOf(runtime, days("New York", "2015-06-01", "2015-09-30")),
    });
    assert.is(other.outcome, "no-healthy-ancestor");
    assert.match(other.passedOver[0]!.reason, /types or shapes differ/);
    const runs = await newestRun(store);
    for (const [ancestor, code] of [
      ["rain@3", "MENDLINE_ARGUMENT_INVALID"],
      ["rain-distilled@1", "MENDLINE_ARGUMENT_INVALID"],
      ["rain@9", "MENDLINE_STORE_UNKNOWN"],
    ] as const) {
      await failure(code, () => repair("rain@3", { ancestor }));
    }
    assert.is(await newestRun(store), runs, "no run was begun");
  }));

test("the lowest drift first", () =>
  withScene(async ({ store, repair }) => {
    await addRain(runtime, store, lineage);
    const report = await repair("rain@3", { select: "lowest-drift", dryRun: true });
    assert.equal([report.ancestor!.label, report.passedOver], ["rain@1", []]);
  }));

/** rain-1 with all weights drawn anew: the very shapes, and nothing else in common. */
async function randomRain(): Promise<string> {
  const { tensors } = await openParameterFile(rainPath("rain-1"));
  const bytes = new Uint8Array(readFileSync(rainPath("rain-1")));
  for (const [seed, { name, byteOffset, byteLength }] of tensors.entries()) {
    if (/weight|bias/.test(name)) bytes.set(encode("F32", gaussians(byteLength / 4, seed + 50)), byteOffset);
  }
  const path = join(scratchDir(), "random.onnx");
  writeFileSync(path, bytes);
  return path;
}

test("unrelated weights of equal shapes are passed over, and told why", () =>
  withScene(async ({ store, repair }) => {
    await addRain(runtime, store, ["rain@1", "rain@2"]);
    const path = await randomRain();
    // Trained on the same data, and a derivation nearer than rain@1, if the records are to be believed.
    await addModel(runtime, store, { ...rainRequest(runtime, "rain@1"), file: path, name: "random" });
    const parents = [{ ref: "random@1" }, { ref: "rain@2" }];
    await addModel(runtime, store, { ...rainRequest(runtime, "rain@3"), parents });
    const report = await repair("rain@3", { dryRun: true });
    assert.equal(report.passedOver.map(({ label }) => label).sort(), ["rain@2", "random@1"]);
    const { reason } = report.passedOver.find(({ label }) => label === "random@1")!;
    assert.match(reason, /the weights are unrelated: cosine -?0\.\d+ over \d+ elements/);
    assert.is(report.ancestor!.label, "rain@1");
  }));

test.run();
