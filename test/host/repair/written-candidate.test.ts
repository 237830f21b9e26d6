/** What was judged is what is published: the written model is read back and known by its content. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { refusal } from "../../refusals.js";
import { servingDir } from "../deployment/support.js";
import { addRain } from "../rain.js";
import { runtime, withScene } from "./scene.js";

test("parameters that change between the gate and the publication are not published", () =>
  withScene(async ({ store, scratch, repair, state }) => {
    const [, , deployed] = await addRain(runtime, store, ["rain@1", "rain@2", "rain@3"]);
    const dir = servingDir();
    await deploy(store, { alias: "gateway", id: deployed!.id, dir, reason: "deploy" });
    const before = await state();
    const served = readFileSync(join(dir, "model.onnx"));
    const { path, tensors } = await scratch.file(await store.get(deployed!.id));
    const { byteOffset } = tensors.find(({ name }) => name === "hidden1.weight")!;
    // The candidate's file has been written and read back when the gate is asked. The next is made of another weight, by its last bit.
    const damage = () => {
      const bytes = readFileSync(path);
      bytes[byteOffset]! ^= 1;
      writeFileSync(path, bytes);
    };
    const asked = repair("gateway", {
      alias: "gateway",
      onProgress: ({ step }) => {
        if (step === "gate") damage();
      },
    });
    await refusal(
      asked,
      "MENDLINE_REPAIR_INCOMPATIBLE",
      /the parameters to publish .* are not those that the gate saw .* nothing was published/,
    );
    assert.equal(await state(), before);
    assert.equal(readFileSync(join(dir, "model.onnx")), served);
  }));

test.after(() => runtime.close());
test.run();
