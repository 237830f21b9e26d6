/** The gateway of the story: it serves whatever model lies in its folder, with onnxruntime, as any gateway would. */
import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";
import { type Day, featureNames } from "./weather.js";

ort.env.wasm.numThreads = 1;

export class Gateway {
  readonly #path: string;
  #session: ort.InferenceSession | null = null;

  /** @param path  the published file */
  constructor(path: string) {
    this.#path = path;
  }

  /** Takes the file that is there now. */
  async load(): Promise<void> {
    const next = await ort.InferenceSession.create(await readFile(this.#path), {
      executionProviders: ["wasm"],
    });
    const last = this.#session;
    this.#session = next;
    await last?.release();
  }

  /** The probability of rain, for each day. */
  async serve(days: readonly Day[]): Promise<number[]> {
    const inputs = Float32Array.from(days.flatMap((day) => featureNames.map((name) => day[name])));
    const tensor = new ort.Tensor("float32", inputs, [days.length, featureNames.length]);
    const { probability } = await this.#session!.run({ features: tensor });
    return Array.from(probability!.data as Float32Array);
  }

  async close(): Promise<void> {
    await this.#session?.release();
    this.#session = null;
  }
}

/** Mean log loss of probabilities against what happened, in nats. */
export function logLoss(days: readonly Day[], probabilities: readonly number[]): number {
  const losses = days.map((day, index) => {
    const p = Math.min(Math.max(probabilities[index]!, 1e-7), 1 - 1e-7);
    return -Math.log(day.rains === 1 ? p : 1 - p);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

export function accuracy(days: readonly Day[], probabilities: readonly number[]): number {
  const right = days.filter((day, index) => (probabilities[index]! > 0.5 ? 1 : 0) === day.rains);
  return right.length / days.length;
}
