/** A scene whose two models are trained here: a base on every place, fine-tuned on one, then sent to another. */
import { encode, type Input } from "./encoding.js";
import { type LabelScene, labelledFrom, type RawRow } from "./scene.js";
import { freshNetwork, type TrainingSettings, trained } from "./train.js";

export interface TrainedScene {
  readonly name: string;
  readonly story: string;
  readonly inputs: readonly Input[];
  readonly features: readonly string[];
  readonly label: string;
  readonly classCount: number;
  readonly base: readonly RawRow[];
  readonly tuned: readonly RawRow[];
  readonly live: readonly RawRow[];
}

/** The rain example's networks and rates (examples/rain/train.py), not tuned for these data; the base needs more epochs for more rows. */
const hidden = [16, 16];
const baseSettings: TrainingSettings = { epochs: 120, learningRate: 0.01, weightDecay: 1e-3 };
const tunedSettings: TrainingSettings = { epochs: 100, learningRate: 0.003, weightDecay: 0 };

/** @param epochsMax  fewer make models that are good for nothing but to see that all runs */
export function trainedScene(scene: TrainedScene, epochsMax: number): LabelScene {
  const { name, story, inputs, features, label, classCount, base, tuned, live } = scene;
  const data = (rows: readonly RawRow[]) => ({
    rows: encode(rows, inputs),
    labels: Float64Array.from(rows, (row) => Number(row[label])),
  });
  const ofBase = data(base);
  const outputs = classCount === 2 ? 1 : classCount;
  const settings = (full: TrainingSettings) => ({ ...full, epochs: Math.min(full.epochs, epochsMax) });
  const fresh = freshNetwork([ofBase.rows.inCount, ...hidden, outputs], 0);
  const ancestor = trained(fresh, ofBase, settings(baseSettings));
  const deployed = trained(ancestor, data(tuned), settings(tunedSettings));
  return {
    name,
    story,
    live: labelledFrom(name, live, features, label),
    encoded: encode(live, inputs),
    deployed,
    ancestor,
    relatives: [ancestor],
  };
}
