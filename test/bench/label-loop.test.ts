/** The labels suite's loop in memory beside the durable engine: model files, onnxruntime, store, requests, answers and refinements. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { drawnRows, type LoopOptions, requestSeed, runLoop } from "../../bench/labels/label-loop.js";
import { rainScene } from "../../bench/labels/rain-scene.js";
import { contentOf } from "../../src/host/labels/point-side.js";
import { addAnswers } from "../../src/host/labels/requests.js";
import type { Strategy } from "../../src/host/labels/strategies.js";
import { ScratchModels } from "../../src/host/models.js";
import { askLabels } from "../../src/host/repair/ask-labels.js";
import { repairModel } from "../../src/host/repair/pipeline.js";
import { refineRepair } from "../../src/host/repair/refine.js";
import { openRuntime } from "../../src/scheduler/runtime.js";
import { addRain, days, labelledOf, liveOf, rainFeatures } from "../host/rain.js";
import { withStore } from "../lineage-store/support.js";

const runtime = await openRuntime();
const scene = await rainScene();
const newYork = days("New York", "2014-01-01", "2015-12-31");
const truth = new Map(
  newYork.map((day) => [contentOf(rainFeatures.map((name) => day[name])), day.rains] as const),
);

/** The same loop through the engine: labels asked for until a repair is published. */
async function labelsByEngine({ arm, seed, batch, validationCount, labelsMax }: LoopOptions) {
  let found = { labels: 0, isProven: false };
  await withStore(async (store) => {
    const scratch = new ScratchModels(store);
    const context = { runtime, store, scratch };
    try {
      await addRain(runtime, store, ["rain@1", "rain@2", "rain@3", "rain-pruned@1"]);
      const model = await store.get(await store.resolve("rain@3"));
      const drawn = Array.from(drawnRows(scene, seed), (row) => newYork[row]!);
      const live = () => liveOf(runtime, newYork);
      const validation = labelledOf(runtime, drawn.slice(0, validationCount));
      let { report } = await repairModel(context, model, { live: live(), validation, seed });
      for (let round = 0; report.outcome !== "published" && found.labels < labelsMax; round++) {
        const pool = liveOf(runtime, drawn.slice(validationCount), "pool");
        const strategy = arm.strategy;
        const asked = await askLabels(context, model, {
          pool,
          strategy,
          count: batch,
          run: report.run,
          seed: requestSeed(seed, round),
        });
        const answers = asked.question.points.map(({ pointId, content }) => ({
          pointId,
          annotator: "noaa",
          label: truth.get(content)!,
          annotation: null,
        }));
        const source = { kind: "csv", name: null, sha256: null } as const;
        await addAnswers(store, asked, source, answers);
        found = { ...found, labels: found.labels + answers.length };
        const first = labelledOf(runtime, drawn.slice(0, validationCount));
        const given = round === 0 ? { live: live(), validation: first } : { live: live() };
        ({ report } = await refineRepair(context, asked.id, given));
      }
      found = { ...found, isProven: report.outcome === "published" };
    } finally {
      await scratch.close();
    }
  });
  return found;
}

// Rounds of a real loop take seconds: two of them show whether draws of one round still count right in the next.
for (const [strategy, seed, labelsMax] of [
  ["weighed", 1, 64],
  ["mixed", 2, 32],
] as const satisfies readonly (readonly [Strategy, number, number])[]) {
  test(`${strategy}, seed ${seed}: as many labels as the engine asks for`, async () => {
    const arm = { name: strategy, strategy };
    const options = { arm, seed, validationCount: 40, batch: 32, labelsMax };
    const { labels, isProven } = await runLoop(scene, options);
    assert.ok(labels > 0, "the loop goes at least once");
    assert.equal(await labelsByEngine(options), { labels, isProven });
  });
}

test.run();
