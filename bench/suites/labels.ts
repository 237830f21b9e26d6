/**
 * How many labels does a proven repair take, by the strategy that asks for them? Three real drifts; every strategy has the same budget
 * and the same split between both slices, and differs in how it finds its points. `BENCH_SEEDS=200` looks longer.
 */
import { birdsScene } from "../labels/birds-scene.js";
import { flightsScene } from "../labels/flights-scene.js";
import type { Arm } from "../labels/label-loop.js";
import { rainScene } from "../labels/rain-scene.js";
import { surveyScene } from "../labels/survey.js";
import { runSuite } from "../suite.js";

const arms: readonly Arm[] = [
  { name: "mixed (ours)", strategy: "mixed" },
  { name: "random", strategy: "random" },
  { name: "margin alone", strategy: "margin" },
  { name: "entropy alone", strategy: "entropy" },
  { name: "weighed", strategy: "weighed" },
];

const seedsDefault = 50;
/** The least that slices are cut from: twenty rows each. */
const validationCount = 40;
const batch = 32;

await runSuite("How many labels does a proven repair take?", async (bench) => {
  const epochsMax = bench.size(Number.POSITIVE_INFINITY, 1);
  const scenes = [await rainScene(), await flightsScene(epochsMax), birdsScene(epochsMax)];
  const options = {
    arms,
    seedCount: bench.size(seedsFrom(process.env.BENCH_SEEDS), 1),
    validationCount,
    batch,
    labelsMax: bench.size(640, batch),
  };
  for (const scene of scenes) bench.table(await surveyScene(scene, options));
});

function seedsFrom(text: string | undefined): number {
  const seeds = text === undefined ? seedsDefault : Number(text);
  if (Number.isSafeInteger(seeds) && seeds > 0) return seeds;
  throw new RangeError(`BENCH_SEEDS is ${text}: give a whole number above 0`);
}
