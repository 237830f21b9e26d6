/** A deployment whose every step fails in turn: the folder serves the old model or the new one, whole, and the next attempt gets through. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { codeOf } from "../../lineage-store/operations.js";
import { withStore } from "../../lineage-store/support.js";
import { Faults, watchDisk } from "../../lineage-store/watched-disk.js";
import { addRain, namesIn, serving, servingDir } from "./support.js";

test("every step of a deployment fails in turn", () =>
  withStore(async (store) => {
    const models = [await addRain(store, "1"), await addRain(store, "2")] as const;
    let at = 0;
    for (; ; at++) {
      const [alias, dir] = [`prod${at}`, servingDir()];
      await deploy(store, { alias, id: models[0].id, dir, reason: "deploy" });
      const again = () => deploy(store, { alias, id: models[1].id, dir, reason: "deploy" });
      const faults = new Faults(at, false);
      const mend = watchDisk(faults);
      faults.isArmed = true;
      const code = await codeOf(again).finally(mend);
      if (!faults.isReached) break;
      const served = readFileSync(`${dir}/model.onnx`);
      assert.ok(
        models.some(({ bytes }) => bytes.equals(served)),
        faults.hit,
      );
      const isMoved = (await store.alias(alias))?.id === models[1].id;
      if (code === null) assert.ok(isMoved && served.equals(models[1].bytes), faults.hit);
      else if (!isMoved) assert.ok(served.equals(models[0].bytes), faults.hit);
      await again();
      assert.is((await store.alias(alias))?.id, models[1].id);
      assert.ok(readFileSync(`${dir}/model.onnx`).equals(models[1].bytes), faults.hit);
      assert.equal(namesIn(dir), serving("model.onnx"), faults.hit);
      assert.ok(readFileSync(`${dir}/current/model.onnx`).equals(models[1].bytes), faults.hit);
    }
    assert.ok(at > 10, `${at} steps`);
  }));

test.run();
