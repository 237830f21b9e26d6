/** The forward pass of the networks with batch norm in f64, straight from their weights and the operators' definitions. */
import { memorySource } from "../../../src/host/parameters/model-bytes.js";
import { readParameters } from "../../../src/host/parameters/parameter-file.js";
import { valuesOf } from "../parameters/support.js";
import { decode } from "../parameters/tensors.js";
import { sensors } from "./norms.js";

export interface Statistics {
  readonly mean: number[];
  readonly variance: number[];
}

const epsilon = 1e-5;

async function weightsOf(bytes: Uint8Array): Promise<(name: string) => number[]> {
  const { tensors } = await readParameters(memorySource(bytes));
  const byName = new Map(tensors.map((one) => [one.name, decode("F32", valuesOf(bytes, one))]));
  return (name) => byName.get(name)!;
}

/** What the file holds, by layer. */
export async function statisticsOf(bytes: Uint8Array): Promise<Statistics[]> {
  const weights = await weightsOf(bytes);
  return [1, 2].map((layer) => ({ mean: weights(`mean${layer}`), variance: weights(`var${layer}`) }));
}

/** What each batch norm is given for these rows, when it normalises by that itself. */
export async function activations(
  bytes: Uint8Array,
  rows: readonly Readonly<Record<string, number>>[],
): Promise<Statistics[]> {
  const weights = await weightsOf(bytes);
  const [centre, spread] = [weights("input_mean"), weights("input_std")];
  let values = rows.map((row) => sensors.map((name, i) => (row[name]! - centre[i]!) / spread[i]!));
  const found: Statistics[] = [];
  for (const layer of [1, 2]) {
    const [matrix, bias] = [weights(`w${layer}`), weights(`b${layer}`)];
    const sums = values.map((row) =>
      bias.map((start, unit) => row.reduce((sum, x, i) => sum + x * matrix[unit * row.length + i]!, start)),
    );
    const mean = bias.map((_, unit) => meanOf(sums.map((row) => row[unit]!)));
    const variance = bias.map((_, unit) => meanOf(sums.map((row) => (row[unit]! - mean[unit]!) ** 2)));
    found.push({ mean, variance });
    const [scale, shift] = [weights(`scale${layer}`), weights(`shift${layer}`)];
    values = sums.map((row) =>
      row.map((x, unit) =>
        Math.max(0, ((x - mean[unit]!) / Math.sqrt(variance[unit]! + epsilon)) * scale[unit]! + shift[unit]!),
      ),
    );
  }
  return found;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
