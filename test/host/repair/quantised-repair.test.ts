/** Repairs of the rain networks with int8 weights. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { addModel } from "../../../src/host/models.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import type { RepairReport } from "../../../src/host/repair/report.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { refusal } from "../../refusals.js";
import { scratchDir } from "../../support.js";
import { quantised } from "../parameters/quantised.js";
import { addRain, rainPath, rainRequest } from "../rain.js";
import { runtime, withScene } from "./scene.js";

const root = scratchDir();
const refs = ["rain@1", "rain@2", "rain@3"];

async function addQuantised(store: LineageStore): Promise<void> {
  for (const [index, ref] of refs.entries()) {
    const name = `rain-${index + 1}`;
    const file = join(root, `${name}.onnx`);
    writeFileSync(file, quantised(readFileSync(rainPath(name))));
    await addModel(runtime, store, { ...rainRequest(runtime, ref), file });
  }
}

test("int8 weights are repaired on request, nearly as the floats that they came from", async () => {
  let float: RepairReport | null = null;
  await withScene(async ({ store, repair }) => {
    await addRain(runtime, store, refs);
    float = await repair("rain@3", { scales: "single" });
  });
  await withScene(async ({ store, repair }) => {
    await addQuantised(store);
    const refused = await repair("rain@3");
    assert.is(refused.outcome, "no-healthy-ancestor");
    assert.ok(refused.passedOver.some(({ reason }) => /quantised.*--requantize/.test(reason)));
    const report = await repair("rain@3", { requantize: true });
    assert.is(report.outcome, "published", report.reason);
    assert.ok(Math.abs(report.gate!.repaired - float!.gate!.repaired) < 0.02, "losses are near each other");
    assert.ok(report.scale! > 0.5 && report.scale! !== 1, `scale ${report.scale}`);
    const out = join(root, "published.onnx");
    await store.restoreFile(report.model!.id, out);
    const { tensors, quantized } = await openParameterFile(out);
    const drifted = await openParameterFile(join(root, "rain-3.onnx"));
    const form = ({ name, dtype, byteOffset }: (typeof tensors)[number]) => [name, dtype, byteOffset];
    assert.ok(quantized);
    assert.equal(tensors.map(form), drifted.tensors.map(form));
    const stored = (path: string) => {
      const { byteOffset, byteLength } = tensors.find(({ name }) => name === "hidden1.weight.q")!;
      return readFileSync(path).subarray(byteOffset, byteOffset + byteLength);
    };
    assert.not.equal(stored(out), stored(join(root, "rain-3.onnx")));
    assert.not.equal(stored(out), stored(join(root, "rain-1.onnx")));
  });
});

test("scales by layer and combinations are not for quantised weights", () =>
  withScene(async ({ store, repair }) => {
    await addRain(runtime, store, refs);
    for (const over of [{ combine: 2 }, { scales: "groups" as const }]) {
      const asked = repair("rain@3", { requantize: true, ...over });
      await refusal(asked, "MENDLINE_ARGUMENT_INVALID", /one ancestor and one scale/);
    }
  }));

test.after(() => runtime.close());
test.run();
