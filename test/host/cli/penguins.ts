/**
 * The sex of penguins by their beaks, flippers and mass (vega-datasets, penguins.json; Gorman, Williams, Fraser 2014): a model of all
 * three species, its child fine-tuned on Adélies, and Gentoos that come along. Nothing of mendline was tuned for it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../support.js";
import { model, node, rawF32, valueInfo } from "../parameters/onnx-writer.js";

export interface Penguin {
  readonly beak_length: number;
  readonly beak_depth: number;
  readonly flipper: number;
  readonly mass: number;
  /** 0: female, 1: male. */
  readonly male: number;
}

const measures = {
  beak_length: "Beak Length (mm)",
  beak_depth: "Beak Depth (mm)",
  flipper: "Flipper Length (mm)",
  mass: "Body Mass (g)",
} as const;
export const features = ["beak_length", "beak_depth", "flipper", "mass"] as const;

/** Those with all measures and a sex, in the order of the file. */
export function penguins(...species: readonly string[]): Penguin[] {
  const path = join(packageRoot, "node_modules", "vega-datasets", "data", "penguins.json");
  const all = JSON.parse(readFileSync(path, "utf8")) as Record<string, string | number | null>[];
  return all.flatMap((one) => {
    const values = features.map((name) => one[measures[name]]);
    const isMale = one.Sex === "MALE";
    if (!species.includes(String(one.Species)) || !(isMale || one.Sex === "FEMALE")) return [];
    if (!values.every((value) => typeof value === "number")) return [];
    const row = Object.fromEntries(features.map((name, index) => [name, values[index]]));
    return [{ ...(row as unknown as Omit<Penguin, "male">), male: isMale ? 1 : 0 }];
  });
}

export function writePenguins(path: string, rows: readonly Penguin[], withSex: boolean): void {
  const names: (keyof Penguin)[] = [...features, ...(withSex ? (["male"] as const) : [])];
  writeFileSync(
    path,
    [names.join(","), ...rows.map((row) => names.map((name) => row[name]).join(",")), ""].join("\n"),
  );
}

/** About the means and deviations of all penguins: the same for both models, so that their weights are of one space. */
const center = [44, 17.2, 201, 4_210];
const spread = [5.5, 2, 14, 805];

export type Weights = readonly [number, number, number, number, number];

/** Logistic regression by gradient descent from `start`: weights of the four measures, and the bias. */
export function fitted(rows: readonly Penguin[], start: Weights, steps: number): Weights {
  const inputs = rows.map((row) =>
    features.map((name, index) => (row[name] - center[index]!) / spread[index]!),
  );
  const weights = [...start];
  for (let step = 0; step < steps; step++) {
    const slope = [0, 0, 0, 0, 0];
    inputs.forEach((x, row) => {
      const z = x.reduce((sum, value, index) => sum + value * weights[index]!, weights[4]!);
      const error = (1 / (1 + Math.exp(-z)) - rows[row]!.male) / rows.length;
      x.forEach((value, index) => {
        slope[index]! += error * value;
      });
      slope[4]! += error;
    });
    slope.forEach((value, index) => {
      weights[index]! -= 0.5 * value;
    });
  }
  return weights as unknown as Weights;
}

/** Standardises, and gives the probability of a male. */
export function writeNetwork(path: string, weights: Weights): void {
  const bytes = model({
    nodes: [
      node("Sub", ["x", "center"], ["centered"]),
      node("Div", ["centered", "spread"], ["standard"]),
      node("Gemm", ["standard", "weight", "bias"], ["logit"]),
      node("Sigmoid", ["logit"], ["male"]),
    ],
    initializers: [
      rawF32("center", [4], center),
      rawF32("spread", [4], spread),
      rawF32("weight", [4, 1], weights.slice(0, 4)),
      rawF32("bias", [1], weights.slice(4)),
    ],
    inputs: [valueInfo("x", 1, ["batch", 4])],
    outputs: [valueInfo("male", 1, ["batch", 1])],
  });
  writeFileSync(path, bytes);
}
