/** Repairs of safetensors models that a command judges, whose best scale is known beforehand. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rowsSource } from "../../../src/host/columns/rows.js";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { loadProfile } from "../../../src/host/models.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import { monitorAncestorsMax } from "../../../src/limits.js";
import { collect, failure } from "../../lineage-store/support.js";
import { namesIn, serving, servingDir } from "../deployment/support.js";
import { valuesOf } from "../parameters/support.js";
import { decode, floats } from "../parameters/tensors.js";
import { liveOf, rainRequest } from "../rain.js";
import { add, addPair, bytesOf, candidatesOf, control, judgedBy, rows, slices } from "./pair.js";
import { newestRun, runtime, seattle2015, stepsOf, withScene } from "./scene.js";

test("the valley's bottom is found, published and deployed", () =>
  withScene(async ({ store, repair }) => {
    const { drifted, ancestor, driftedBytes, ancestorBytes } = await addPair(store);
    const dir = servingDir();
    await deploy(store, { alias: "m", id: drifted, dir, reason: "deploy" });
    const { validator, log } = judgedBy(0.73);
    const wanted = () => ({ ...slices(), control: control(), validator, alias: "m" });
    const dry = await repair("m", { ...wanted(), dryRun: true });
    assert.equal([dry.outcome, dry.model], ["published", null], dry.reason);
    assert.is((await store.run(dry.run)).at(-1)!.step, "dry-run");
    assert.is(Buffer.compare(readFileSync(join(dir, "model.safetensors")), driftedBytes), 0);

    const report = await repair("m", wanted());
    assert.is(report.outcome, "published", report.reason);
    assert.ok(Math.abs(report.scale! - 0.73) < 0.01, String(report.scale));
    assert.equal(report.curve, dry.curve);
    assert.is(report.gate!.metric, "loss");
    assert.is(report.gate!.rows, rows);
    assert.ok(Math.abs(report.gate!.difference + 0.73 ** 2) < 0.01);
    assert.ok(report.control!.passed);
    const path = join(dir, "model.safetensors");
    assert.is(report.path, path);
    assert.equal(namesIn(dir), serving("model.card.md", "model.safetensors"));
    const published = await openParameterFile(path);
    const w = published.tensors.find(({ name }) => name === "w")!;
    assert.is(decode("F32", valuesOf(readFileSync(path), w))[0], Math.fround(report.scale!));
    // What is published is what was judged, to the byte; and 0 and 1 are the two models themselves.
    const judged = candidatesOf(log);
    const same = (at: number, bytes: Uint8Array) =>
      assert.is(Buffer.compare(judged.get(Math.fround(at))!, bytes), 0, `scale ${at}`);
    same(report.scale!, readFileSync(path));
    same(0, driftedBytes);
    same(1, ancestorBytes);
    assert.equal(
      (await store.parents(report.model!.id)).map(({ parent }) => parent),
      [drifted],
    );
    assert.is(report.ancestor!.id, ancestor);
  }));

test("a best scale of exactly 1 publishes the ancestor itself", () =>
  withScene(async ({ store, repair }) => {
    const { drifted, ancestor, ancestorBytes } = await addPair(store);
    const dir = servingDir();
    await deploy(store, { alias: "m", id: drifted, dir, reason: "deploy" });
    const { validator } = judgedBy(1);
    const report = await repair("m@2", { ...slices(), validator, alias: "m" });
    assert.equal([report.outcome, report.scale], ["published", 1], report.reason);
    assert.equal(report.model, { id: ancestor, name: "m", version: "1" });
    assert.equal(report.gate!.againstRollback.difference, 0);
    assert.is((await store.alias("m"))!.id, ancestor);
    assert.is(Buffer.compare(readFileSync(join(dir, "model.safetensors")), ancestorBytes), 0);
    assert.is((await collect(store.models())).length, 2, "no model is added");
    assert.equal(await store.parents(ancestor), []);
  }));

test("a repair of a repair counts its version on", () =>
  withScene(async ({ store, repair }) => {
    await addPair(store);
    const first = await repair("m@2", { ...slices(), ...judgedBy(0.5) });
    assert.is(first.model!.version, "2-repair.1");
    const again = { live: liveOf(runtime, seattle2015), ancestor: "m@1" };
    // Half way from 0.5 to 1.
    const second = await repair(first.model!.id, { ...slices(), ...judgedBy(0.75), ...again });
    assert.equal([second.outcome, second.scale], ["published", 0.5], second.reason);
    assert.is(second.model!.version, "2-repair.2");
    assert.equal(
      second.passedOver.map(({ label }) => label),
      ["m@2"],
    );
    const third = await repair("m@2", { ...slices(), ...judgedBy(0.6) });
    assert.is(third.model!.version, "2-repair.3");
    assert.is((await collect(store.models())).length, 5);
  }));

test("no validator, and one that fails: told, and nothing moves", () =>
  withScene(async ({ store, repair, state }) => {
    const { drifted } = await addPair(store);
    await deploy(store, { alias: "m", id: drifted, reason: "deploy" });
    const before = await state();
    const missing = await failure("MENDLINE_REPAIR_VALIDATOR", () =>
      repair("m", { ...slices(), alias: "m" }),
    );
    assert.match(
      missing.message,
      /m@2 is a safetensors file: name a command that judges it with --validator/,
    );
    assert.equal(await stepsOf(store, await newestRun(store)), [
      "started",
      "detected",
      "ancestor-chosen",
      "failed",
    ]);
    for (const validator of ["false", "echo no json", "echo '{\"loss\":[1]}'", "/no/such/program"]) {
      await failure("MENDLINE_REPAIR_VALIDATOR", () => repair("m", { ...slices(), alias: "m", validator }));
    }
    assert.equal(await state(), before);
  }));

test("one number for all rows proves nothing", () =>
  withScene(async ({ store, repair, state }) => {
    await addPair(store);
    const before = await state();
    const report = await repair("m@2", { ...slices(), ...judgedBy(0.73, "mean") });
    assert.is(report.outcome, "not-proven");
    assert.match(report.reason, /no loss of each row is known/);
    assert.is(report.gate!.interval, null);
    assert.equal(await state(), before);
  }));

test("a goal on the command's own loss", () =>
  withScene(async ({ store, repair }) => {
    await addPair(store);
    const wanted = { ...slices(), ...judgedBy(0.73), dryRun: true };
    assert.is((await repair("m@2", { ...wanted, goal: "loss<=0.35" })).outcome, "published");
    const missed = await repair("m@2", { ...wanted, ...slices(), goal: "loss<0.2" });
    assert.is(missed.outcome, "needs-labels");
    assert.match(missed.reason, /^loss of 0\.\d+ on the gate slice falls short of the goal loss<0\.2/);
  }));

test("scales without a finite loss are no candidates", () =>
  withScene(async ({ store, repair }) => {
    await addPair(store);
    const beyond = await repair("m@2", { ...slices(), ...judgedBy(0.9, "beyond=1.1"), dryRun: true });
    assert.is(beyond.outcome, "published", beyond.reason);
    assert.ok(Math.abs(beyond.scale! - 0.9) < 0.01);
    const lost = beyond.curve.filter(({ loss }) => loss === Number.POSITIVE_INFINITY);
    assert.equal(
      lost.map(({ scale }) => scale),
      [1.15, 1.3],
    );
    assert.is(beyond.barrier, 0);
    // Between the two the way is cut: keep or roll back is all that is left.
    const keep = await repair("m@2", { ...slices(), ...judgedBy(0.4, "at=0.5"), dryRun: true });
    assert.equal([keep.outcome, keep.scale, keep.barrier], ["rejected", 0, null]);
    assert.match(keep.reason, /a loss barrier lies between the two, and keeping is better/);
    const back = await repair("m@2", { ...slices(), ...judgedBy(0.7, "at=0.5"), dryRun: true });
    assert.equal([back.outcome, back.scale, back.barrier], ["published", 1, null], back.reason);
  }));

test("a scale at which a narrow type overflows is no candidate either", () =>
  withScene(async ({ store, repair }) => {
    const big = (value: number) => ({ big: floats("F16", [value, 1]) });
    // 50000 + 1.3 * 12000 is more than a half can hold.
    await addPair(store, bytesOf(0, big(50_000)), bytesOf(1, big(62_000)));
    const report = await repair("m@2", { ...slices(), ...judgedBy(0.9), dryRun: true });
    assert.is(report.outcome, "published", report.reason);
    assert.ok(Math.abs(report.scale! - 0.9) < 0.01);
    const lost = report.curve.filter(({ loss }) => loss === Number.POSITIVE_INFINITY);
    assert.equal(
      lost.map(({ scale }) => scale),
      [1.3],
    );
  }));

test("F64 weights keep their type", () =>
  withScene(async ({ store, repair }) => {
    await addPair(store, bytesOf(0, {}, "F64"), bytesOf(1, {}, "F64"));
    const dir = servingDir();
    const judge = judgedBy(0.73, "none", "f8");
    const report = await repair("m@2", { ...slices(), ...judge, alias: "m", deploy: dir });
    const published = await openParameterFile(report.path!);
    const w = published.tensors.find(({ name }) => name === "w")!;
    assert.is(w.dtype, "F64");
    assert.is(decode("F64", valuesOf(readFileSync(report.path!), w))[0], report.scale);
  }));

test("aborted while a command runs: nothing has moved", () =>
  withScene(async ({ store, repair, state }) => {
    const { drifted } = await addPair(store);
    const dir = servingDir();
    await deploy(store, { alias: "m", id: drifted, dir, reason: "deploy" });
    const before = await state();
    const controller = new AbortController();
    const { validator, log } = judgedBy(0.73);
    await failure("MENDLINE_TASK_ABORTED", () =>
      repair("m", {
        ...slices(),
        validator,
        alias: "m",
        signal: controller.signal,
        onProgress: ({ step, done }) => {
          if (step === "scale" && done === 2) setTimeout(() => controller.abort(), 20);
        },
      }),
    );
    assert.ok(candidatesOf(log).size <= 4);
    assert.equal(await state(), before);
    assert.equal(namesIn(dir), serving("model.safetensors"));
  }));

test("an ancestor far up is reached when it is asked for", () =>
  withScene(async ({ store, repair }) => {
    const { trainingData, features, label, task } = rainRequest(runtime, "rain@3");
    const known = { name: "m", features, label, task };
    const steps = (count: bigint) => ({
      steps: { dtype: "I64", shape: [1], values: new Uint8Array(BigInt64Array.of(count).buffer) },
    });
    for (let version = 0; version <= 18; version++) {
      const parents = version === 0 ? [] : [{ ref: `m@${version - 1}` }];
      const bytes = bytesOf(version === 0 ? 1 : 0, steps(BigInt(version)));
      const own = version === 18 ? { trainingData } : {};
      await add(store, bytes, { ...known, ...own, version: String(version), parents });
    }
    const near = await repair("m@18", { ...slices(), ...judgedBy(0.73), dryRun: true });
    assert.equal([near.outcome, near.passedOver.length], ["no-healthy-ancestor", monitorAncestorsMax]);
    const far = await repair("m@18", { ...slices(), ...judgedBy(0.73), ancestor: "m@0", dryRun: true });
    assert.equal([far.outcome, far.ancestor!.label, far.ancestor!.distance], ["published", "m@0", 18]);
  }));

test("the repaired model's reference keeps the kinds and bins of the drifted one's", () =>
  withScene(async ({ store, repair }) => {
    const source = (zones: number, asText: boolean, labelled: boolean, count = 400) =>
      rowsSource(
        Array.from({ length: count }, (_, i) => ({
          zone: asText ? String(i % zones) : i % zones,
          wind: ((i * 37) % 101) / 10,
          ...(labelled && { y: i % 2 }),
        })),
        "rows",
        runtime.arena,
      );
    const request = { name: "z", features: ["zone", "wind"], label: "y", bins: 7 };
    await add(store, bytesOf(1), { ...request, version: "1", trainingData: source(6, true, true) });
    const child = { ...request, version: "2", parents: [{ ref: "z@1" }] };
    await add(store, bytesOf(0), { ...child, trainingData: source(3, true, true) });
    // Numbers, as a gateway may send them: the reference says that they are names.
    const live = source(6, false, false);
    const validation = source(6, false, true, 2 * rows);
    const report = await repair("z@2", { live, validation, ...judgedBy(0.73) });
    assert.is(report.outcome, "published", report.reason);
    const profile = (await loadProfile(store, await store.get(report.model!.id)))!;
    const zone = profile.features.get("zone")!;
    assert.equal([zone.kind, zone.kind === "categorical" && zone.categories.length], ["categorical", 6]);
    const wind = profile.features.get("wind")!;
    assert.is(wind.kind === "numeric" && wind.bins, 7);
    assert.equal([...profile.features.keys()], ["zone", "wind"]);
  }));

test.run();
