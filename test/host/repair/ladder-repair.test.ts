/** Whole repairs that take more than one number, leave tensors alone, or draw on several ancestors. */
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import type { CandidateSpec } from "../../../src/host/repair/candidate-spec.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { failure } from "../../lineage-store/support.js";
import { servingDir } from "../deployment/support.js";
import { valuesOf } from "../parameters/support.js";
import { decode } from "../parameters/tensors.js";
import { labelledOf, rainRequest } from "../rain.js";
import { addLayered, judgeModule, layeredBytes, layerNames } from "./layered.js";
import { newestRun, runtime, stepsOf, window, withScene } from "./scene.js";

const zeros = [[0], [0], [0]];
const ones = [[1], [1], [1]];

async function addPair(store: LineageStore): Promise<void> {
  await addLayered(store, "1", layeredBytes(ones, 1));
  await addLayered(store, "2", layeredBytes(zeros, 0), ["m@1"]);
}

/** The first values of each layer of a published file. */
async function firstsOf(path: string, count = 1): Promise<number[][]> {
  const { tensors } = await openParameterFile(path);
  const bytes = readFileSync(path);
  return layerNames.map((name) => {
    const tensor = tensors.find((one) => one.name === name)!;
    return decode("F32", valuesOf(bytes, tensor)).slice(0, count);
  });
}

const target = (dir: string) => ({ alias: "m", deploy: dir });

test("a scale that goes with the depth is found, recorded and published", () =>
  withScene(async ({ store, repair }) => {
    await addPair(store);
    const dir = servingDir();
    const validator = judgeModule([[0.2], [0.6], [1]]);
    const report = await repair("m@2", { validator, scales: "ramp", ...target(dir) });
    assert.equal([report.outcome, report.scale], ["published", null], report.reason);
    assert.equal(
      report.rungs.map(({ rung, pays }) => [rung, pays]),
      [
        ["single", true],
        ["ramp", true],
      ],
    );
    const { first, last } = report.repaired as Extract<CandidateSpec, { kind: "ramp" }>;
    assert.ok(Math.abs(first - 0.2) < 0.1 && Math.abs(last - 1) < 0.1, `${first} ${last}`);
    const firsts = (await firstsOf(report.path!)).flat();
    [first, (first + last) / 2, last].forEach((scale, layer) => {
      assert.ok(Math.abs(firsts[layer]! - scale) < 1e-6, `layer ${layer}: ${firsts[layer]} ${scale}`);
    });
    const [edge] = await store.parents(report.model!.id);
    assert.equal(
      [edge!.parameters.scale, edge!.parameters.candidate],
      [undefined, JSON.parse(JSON.stringify(report.repaired))],
    );
  }));

test("a scale for each group of layers, where that pays; one scale where one is asked for", () =>
  withScene(async ({ store, repair }) => {
    await addPair(store);
    const dir = servingDir();
    const validator = judgeModule([[0.1], [1.2], [0.2]]);
    const report = await repair("m@2", { validator, ...target(dir) });
    assert.is(report.outcome, "published", report.reason);
    const { scales } = report.repaired as Extract<CandidateSpec, { kind: "groups" }>;
    assert.is(scales.length, 3);
    const firsts = (await firstsOf(report.path!)).flat();
    scales.forEach((scale, layer) => {
      assert.ok(Math.abs(firsts[layer]! - scale) < 1e-6);
    });
    const single = await repair("m@2", { validator, scales: "single", dryRun: true });
    assert.equal([single.rungs.length, single.repaired!.kind], [1, "blend"]);
  }));

test("two ancestors combined, on request and where it pays", () =>
  withScene(async ({ store, repair, resume }) => {
    const axes = (x: number, z: number) => layerNames.map(() => [x, z]);
    await addLayered(store, "1", layeredBytes(axes(1, 0), 1));
    await addLayered(store, "2", layeredBytes(axes(0, 1), 2));
    await addLayered(store, "3", layeredBytes(axes(0, 0), 0), ["m@1", "m@2"]);
    const validator = judgeModule(axes(0.5, 0.5));
    const alone = await repair("m@3", { validator, dryRun: true });
    assert.is(alone.repaired!.kind, "blend");
    assert.equal(
      alone.ancestors.map(({ label, reason }) => [label, reason]),
      [
        ["m@1", null],
        ["m@2", "another one comes first"],
      ],
    );
    const dir = servingDir();
    const report = await repair("m@3", { validator, combine: 2, ...target(dir) });
    assert.is(report.outcome, "published", report.reason);
    assert.equal(
      report.ancestors.map(({ label, reason, verdict }) => [label, reason, verdict]),
      [
        ["m@1", null, "stable"],
        ["m@2", "it takes part in a combination", "stable"],
      ],
    );
    const { terms } = report.repaired as Extract<CandidateSpec, { kind: "combination" }>;
    assert.is(terms.length, 2);
    for (const [x, z] of await firstsOf(report.path!, 2)) {
      assert.ok(Math.abs(x! - terms[0]!.weight) < 1e-6 && Math.abs(z! - terms[1]!.weight) < 1e-6);
      assert.ok(Math.abs(x! - 0.5) < 0.15 && Math.abs(z! - 0.5) < 0.15, `${x} ${z}`);
    }
    assert.equal(await resume(report.run), report);
    for (const combine of [0, 1.5, 99]) {
      const thrown = await failure("MENDLINE_ARGUMENT_INVALID", () => repair("m@3", { validator, combine }));
      assert.match(thrown.message, /ancestors to combine: choose 1 to 7/);
    }
  }));

test("frozen tensors stay, at every scale; at 1 the ancestor itself is no candidate then", () =>
  withScene(async ({ store, repair }) => {
    await addPair(store);
    const dir = servingDir();
    const validator = judgeModule([[1], [1], [0]]);
    const report = await repair("m@2", {
      validator,
      exclude: ["block.10.*"],
      scales: "single",
      ...target(dir),
    });
    assert.equal([report.outcome, report.scale], ["published", 1], report.reason);
    assert.equal(report.repaired!.kind, "blend");
    assert.equal((await firstsOf(report.path!)).flat(), [1, 1, 0]);
    assert.equal([report.compatibility!.frozenCount, report.compatibility!.tensorCount], [1, 2]);
    assert.ok(report.gate!.rollback > report.gate!.repaired, "the ancestor's own third layer is wrong");
    const included = await repair("m@2", {
      validator,
      include: ["block.?.*"],
      scales: "single",
      dryRun: true,
    });
    assert.equal([included.scale, included.compatibility!.frozenCount], [1, 1]);
    const none = await failure("MENDLINE_ARGUMENT_INVALID", () =>
      repair("m@2", { validator, exclude: ["nose*"] }),
    );
    assert.match(none.message, /no tensor matches "nose\*"; there are "block\.10\.weight"/);
  }));

test("the healthy ancestor of the lowest drift is a rival: where it is better as it is, it is put in place", () =>
  withScene(async ({ store, repair }) => {
    // What the window holds was the farther one's own training data.
    const seen = labelledOf(runtime, window, "seen");
    const farther = await addLayered(store, "1", layeredBytes(ones, 1), [], { trainingData: seen });
    await addLayered(store, "2", layeredBytes([[0.5], [0.5], [0.5]], 2), ["m@1"], {
      trainingData: rainRequest(runtime, "rain@1").trainingData!,
    });
    await addLayered(store, "3", layeredBytes(zeros, 0), ["m@2"]);
    await deploy(store, { alias: "m", id: (await store.idOfLabel("m", "3"))!, reason: "deploy" });
    const report = await repair("m", { validator: judgeModule(ones), scales: "single", alias: "m" });
    assert.equal([report.outcome, report.scale], ["published", null], report.reason);
    assert.equal(report.repaired, { kind: "ancestor", id: farther });
    assert.equal([report.ancestor!.label, report.model!.id], ["m@2", farther]);
    assert.equal(
      report.gate!.rivals.map(({ name, difference }) => [name, difference < 0]),
      [["what the labels chose", true]],
    );
    assert.is((await store.alias("m"))!.id, farther);
    // Where what the labels chose is better, the rival is beside it at the gate.
    const validator = judgeModule([[0.6], [0.6], [0.6]]);
    const other = await repair("m@3", { validator, scales: "single", dryRun: true });
    assert.is(other.repaired!.kind, "blend");
    assert.equal(
      other.gate!.rivals.map(({ name, difference }) => [name, difference < 0]),
      [["the lowest-drift ancestor m@1", true]],
    );
    const forced = await repair("m@3", { validator, scales: "single", ancestor: "m@2", dryRun: true });
    assert.equal(forced.gate!.rivals, [], "who asks for an ancestor has it");
  }));

test("a validator that is changed while a run is broken off is refused", () =>
  withScene(async ({ store, repair, resume }) => {
    await addPair(store);
    const validator = judgeModule(ones);
    const controller = new AbortController();
    const stopped = repair("m@2", {
      validator,
      signal: controller.signal,
      onProgress: ({ done }) => {
        if (done === 3) controller.abort();
      },
    });
    await failure("MENDLINE_TASK_ABORTED", () => stopped);
    const run = await newestRun(store);
    const source = readFileSync(validator);
    writeFileSync(validator, `${source.toString()}\n// changed`);
    const thrown = await failure("MENDLINE_REPAIR_INPUTS", () => resume(run));
    assert.match(thrown.message, /the validator .*judge-\d+\.mjs has been changed since the run began/);
    writeFileSync(validator, source);
    assert.is((await resume(run)).outcome, "published");
    assert.is((await stepsOf(store, run)).at(-1), "published");
  }));

test.run();
