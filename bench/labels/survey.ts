/** Many loops of each strategy on one scene, and what they come to. */
import { studentTIsf } from "../../src/host/drift/distributions/index.js";
import { quantile } from "../arithmetic.js";
import type { FigureTable } from "../suite.js";
import { type Arm, type LoopResult, runLoop } from "./label-loop.js";
import type { LabelScene } from "./scene.js";

export interface SurveyOptions {
  /** The first is ours: the others' labels are compared with its. */
  readonly arms: readonly Arm[];
  readonly seedCount: number;
  readonly validationCount: number;
  readonly batch: number;
  readonly labelsMax: number;
}

export interface MeanInterval {
  readonly mean: number;
  /** 95 %, by Student's t over the seeds; both ends the mean where there is one seed. */
  readonly low: number;
  readonly high: number;
}

export function meanInterval(values: readonly number[]): MeanInterval {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, low: mean, high: mean };
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  const half = studentTIsf(0.025, count - 1) * Math.sqrt(square / count);
  return { mean, low: mean - half, high: mean + half };
}

/** Loops of one seed begin with the same labels, whatever the strategy: their differences are paired. */
export async function surveyScene(scene: LabelScene, options: SurveyOptions): Promise<FigureTable> {
  const { arms, seedCount, labelsMax } = options;
  const results = new Map<Arm, LoopResult[]>();
  for (const arm of arms) {
    const ofArm: LoopResult[] = [];
    for (let seed = 0; seed < seedCount; seed++) ofArm.push(await runLoop(scene, { ...options, arm, seed }));
    results.set(arm, ofArm);
  }
  const labelsOf = (arm: Arm) => results.get(arm)!.map(({ labels }) => labels);
  const [ours] = arms as readonly [Arm, ...Arm[]];
  const rows = arms.map((arm) => {
    const labels = labelsOf(arm);
    const more = labels.map((count, seed) => count - labelsOf(ours)[seed]!);
    const ofArm = results.get(arm)!;
    return [
      arm.name,
      intervalText(meanInterval(labels)),
      quantile(
        [...labels].sort((one, other) => one - other),
        0.5,
      ).toFixed(0),
      `${ofArm.filter(({ isProven }) => isProven).length} of ${seedCount}`,
      `${ofArm.filter(({ gain }) => gain !== null && gain <= 0).length}`,
      gainText(ofArm),
      arm === ours ? "" : intervalText(meanInterval(more)),
    ];
  });
  return {
    name: `${scene.name}: ${scene.story}; ${scene.live.rowCount} live rows`,
    heads: [
      "strategy",
      `labels, at most ${labelsMax}`,
      "median",
      "proven",
      "though not better",
      "gain, nats",
      "labels more than ours",
    ],
    rows,
    data: arms.map((arm) => ({ name: arm.name, strategy: arm.strategy, loops: results.get(arm)! })),
  };
}

/** Mean over what was published, of log loss over all live rows. */
function gainText(loops: readonly LoopResult[]): string {
  const gains = loops.flatMap(({ gain }) => (gain === null ? [] : [gain]));
  return gains.length === 0 ? "" : meanInterval(gains).mean.toFixed(3);
}

function intervalText({ mean, low, high }: MeanInterval): string {
  return `${mean.toFixed(0)} [${low.toFixed(0)}, ${high.toFixed(0)}]`;
}
