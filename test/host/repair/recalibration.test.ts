import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rowsSource } from "../../../src/host/columns/rows.js";
import { addModel } from "../../../src/host/models.js";
import { blendFiles } from "../../../src/host/parameters/blend.js";
import { everyTensor, pairTensors } from "../../../src/host/parameters/pairing.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import type { ParameterFile } from "../../../src/host/parameters/tensor-index.js";
import { readLabelled } from "../../../src/host/repair/labelled-data.js";
import { readLiveRows } from "../../../src/host/repair/live-rows.js";
import { OnnxValidator } from "../../../src/host/repair/onnx-validator.js";
import { Recalibration } from "../../../src/host/repair/recalibration.js";
import { type Candidate, candidateOfBytes } from "../../../src/host/repair/validator.js";
import { recalibrationRowsMax } from "../../../src/limits.js";
import { fixturePath, scratchDir } from "../../support.js";
import { write } from "../parameters/safetensors-writer.js";
import { floats } from "../parameters/tensors.js";
import { addNorms, normPath, readingsOf, sensorSource, sensors } from "./norms.js";
import { activations, statisticsOf } from "./norms-oracle.js";
import { runtime, type Scene, withScene } from "./scene.js";
import { nearAll } from "./support.js";

const { memory } = runtime.arena;

async function withRecalibration(
  scene: Scene,
  ref: string,
  work: (recalibration: Recalibration, baseline: Candidate, drifted: ParameterFile) => Promise<void>,
  over: { live?: ReturnType<typeof sensorSource>; features?: readonly string[] } = {},
): Promise<void> {
  const { store, scratch } = scene;
  const model = await store.get(await store.resolve(ref));
  const drifted = await scratch.file(model);
  const baseline = candidateOfBytes(readFileSync(drifted.path), drifted.format, ref);
  const live = over.live ?? sensorSource("live");
  const { features = sensors } = over;
  const options = { model, drifted, filter: everyTensor, features, live };
  const recalibration = await Recalibration.open({ runtime, store, scratch }, baseline, options);
  try {
    await work(recalibration, baseline, drifted);
  } finally {
    await recalibration.close();
  }
}

test("statistics are those of the model's own activations, later layers behind earlier ones, and nothing else is touched", () =>
  withScene(async (scene) => {
    await addNorms(scene.store);
    await withRecalibration(scene, "norm@2", async (recalibration, baseline, drifted) => {
      const before = new Uint8Array(await baseline.bytes());
      const after = await recalibration.apply(baseline);
      const expected = await activations(before, readingsOf("live"));
      const found = await statisticsOf(after);
      for (const layer of [0, 1]) {
        nearAll(found[layer]!.mean, expected[layer]!.mean, 1e-4);
        nearAll(found[layer]!.variance, expected[layer]!.variance, 1e-3);
      }
      assert.equal(await baseline.bytes(), Buffer.from(before), "the candidate itself is as it was");
      const patched = new Uint8Array(after);
      for (const { name, byteOffset, byteLength } of drifted.tensors) {
        if (/^(mean|var)\d/.test(name))
          patched.set(before.subarray(byteOffset, byteOffset + byteLength), byteOffset);
      }
      assert.equal(Buffer.from(patched), Buffer.from(before));
    });
  }));

test("blends of trained networks lose less with statistics of their own than with blended ones", () =>
  withScene(async (scene) => {
    await addNorms(scene.store);
    const validator = new OnnxValidator({ task: "classification" });
    try {
      await withRecalibration(scene, "norm@2", async (recalibration, baseline, drifted) => {
        const labelled = await readLabelled(sensorSource("labelled"), {
          features: sensors,
          label: "fault",
          memory,
        });
        await validator.prepare(baseline, labelled);
        const ancestor = await openParameterFile(normPath(1));
        const { pairs } = pairTensors(drifted, ancestor);
        for (const scale of [0.25, 0.5]) {
          const pieces: Uint8Array[] = [];
          for await (const piece of blendFiles(runtime, drifted, ancestor, scale, pairs))
            pieces.push(piece.slice());
          const blend = candidateOfBytes(new Uint8Array(Buffer.concat(pieces)), "onnx", `scale ${scale}`);
          const own = candidateOfBytes(
            await recalibration.apply(blend),
            "onnx",
            `scale ${scale}, recalibrated`,
          );
          const plain = (await validator.evaluate(blend, labelled)).meanLoss;
          const recalibrated = (await validator.evaluate(own, labelled)).meanLoss;
          assert.ok(recalibrated < plain / 2, `scale ${scale}: ${recalibrated} ${plain}`);
        }
      });
    } finally {
      await validator.close();
    }
  }));

test("what cannot be recalibrated is told, with the reason", () =>
  withScene(async (scene) => {
    await addNorms(scene.store, { tags: { note: "nothing" } });
    const told = async (over: Parameters<typeof withRecalibration>[3]) => {
      let reason: string | null = null;
      await withRecalibration(
        scene,
        "norm@2",
        async (recalibration) => {
          assert.is(recalibration.isPossible, recalibration.report!.reason === null);
          reason = recalibration.report!.reason;
        },
        over,
      );
      return reason;
    };
    assert.is(await told({}), null);
    assert.is(await told({ features: ["a", "b", "c", "e"] }), "the live data has no column e");
    const texts = readingsOf("live").map((row) => ({ ...row, d: `site ${row.d}` }));
    assert.is(await told({ live: rowsSource(texts, "texts", runtime.arena) }), "feature d is text");
    const few = rowsSource(readingsOf("live").slice(0, 99), "few", runtime.arena);
    assert.match(String(await told({ live: few })), /: 99 live rows .* 100 rows are needed/);
    // Rows whose activations are not finite do not count.
    const gaps = readingsOf("live").map((row, i) => ({ ...row, a: i < 301 ? null : row.a! }));
    assert.match(String(await told({ live: rowsSource(gaps, "gaps", runtime.arena) })), /: 99 live rows /);
  }));

test("batch norm that the graph does not show: by the names of a safetensors file, and by what was recorded", () =>
  withScene(async (scene) => {
    const { store } = scene;
    const path = join(scratchDir(), "named.safetensors");
    const four = (value: number) => floats("F32", [value, 2, 3, 4], [4]);
    writeFileSync(
      path,
      write({
        "bn1.running_mean": four(1),
        "bn1.running_var": four(5),
        "fc.weight": four(9),
        "fc.running_variance": four(7),
      }),
    );
    const common = {
      name: "m",
      features: sensors,
      label: "fault",
      trainingData: sensorSource("first"),
    } as const;
    await addModel(runtime, store, { ...common, file: path, version: "1" });
    await withRecalibration(scene, "m@1", async ({ report, isPossible }) => {
      assert.is(isPossible, false);
      assert.is(report!.layers, 1);
      assert.match(report!.reason!, /a safetensors file has no graph/);
    });
    const plain = fixturePath("networks", "plain-1.onnx");
    await addModel(runtime, store, { ...common, file: plain, version: "2" });
    await withRecalibration(scene, "m@2", async ({ report }) => assert.is(report, null));
    const tags = { exporter: "torch, fuse_batch_norm" };
    await addModel(runtime, store, {
      ...common,
      file: fixturePath("networks", "plain-2.onnx"),
      version: "3",
      tags,
    });
    await withRecalibration(scene, "m@3", async ({ report }) => {
      assert.is(report!.layers, 0);
      assert.match(report!.reason!, /folded into the weights/);
    });
  }));

test("of many live rows every n-th is read, over all batches", async () => {
  const rows = Array.from({ length: 3 * recalibrationRowsMax - 5 }, (_, i) => ({ a: i, b: -i }));
  const read = await readLiveRows(rowsSource(rows, "many", runtime.arena), { features: ["b"], memory });
  assert.is(read.rowCount, Math.ceil(rows.length / 3));
  assert.equal(
    [...read.columns[0]!],
    rows.filter((_, i) => i % 3 === 0).map(({ b }) => b),
  );
  assert.equal([...read.rowNumbers.subarray(0, 3)], [1, 4, 7]);
});

test.run();
