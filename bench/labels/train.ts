/** Trains the benchmark's networks: full-batch Adam on log loss, as examples/rain/train.py does it; the same weights for a seed. */
import { Random } from "../../src/host/repair/random.js";
import {
  type DenseLayer,
  type EncodedRows,
  forward,
  layerOf,
  type Network,
  probabilities,
} from "./network.js";

export interface TrainingData {
  readonly rows: EncodedRows;
  /** Class indices. */
  readonly labels: Float64Array;
}

export interface TrainingSettings {
  readonly epochs: number;
  readonly learningRate: number;
  /** L2, added to the gradient. */
  readonly weightDecay: number;
}

/** Kingma, Ba 2015, with its default moments. */
const adam = { first: 0.9, second: 0.999, epsilon: 1e-8 };

/** Uniform within 1 / sqrt(inputs), as PyTorch's Linear begins. */
export function freshNetwork(sizes: readonly number[], seed: number): Network {
  const random = new Random(seed, 21);
  return sizes.slice(1).map((outCount, at) => {
    const layer = layerOf(sizes[at]!, outCount);
    const limit = 1 / Math.sqrt(sizes[at]!);
    for (const values of [layer.weight, layer.bias])
      for (let i = 0; i < values.length; i++) values[i] = limit * (2 * random.unit() - 1);
    return layer;
  });
}

/** @returns a trained copy */
export function trained(network: Network, data: TrainingData, settings: TrainingSettings): Network {
  const { epochs, learningRate, weightDecay } = settings;
  const values = network.flatMap(({ weight, bias }) => [weight, bias]).map((part) => Float64Array.from(part));
  const firsts = values.map((part) => new Float64Array(part.length));
  const seconds = values.map((part) => new Float64Array(part.length));
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const current = withValues(network, values);
    gradients(current, data).forEach((gradient, part) => {
      for (let i = 0; i < gradient.length; i++) {
        const slope = gradient[i]! + weightDecay * values[part]![i]!;
        firsts[part]![i] = adam.first * firsts[part]![i]! + (1 - adam.first) * slope;
        seconds[part]![i] = adam.second * seconds[part]![i]! + (1 - adam.second) * slope ** 2;
        const mean = firsts[part]![i]! / (1 - adam.first ** epoch);
        const square = seconds[part]![i]! / (1 - adam.second ** epoch);
        values[part]![i]! -= (learningRate * mean) / (Math.sqrt(square) + adam.epsilon);
      }
    });
  }
  return withValues(network, values);
}

function withValues(network: Network, values: readonly Float64Array[]): DenseLayer[] {
  return network.map((layer, at) => ({
    ...layer,
    weight: Float32Array.from(values[2 * at]!),
    bias: Float32Array.from(values[2 * at + 1]!),
  }));
}

/** Of the mean log loss: weights and biases of each layer in turn. */
function gradients(network: Network, { rows, labels }: TrainingData): Float64Array[] {
  const sums = network.flatMap(({ weight, bias }) => [
    new Float64Array(weight.length),
    new Float64Array(bias.length),
  ]);
  const rooms = network.map(({ outCount }) => new Float64Array(outCount));
  const slopes = network.map(({ outCount }) => new Float64Array(outCount));
  for (let row = 0; row < labels.length; row++) {
    const input = rows.values.subarray(row * rows.inCount, (row + 1) * rows.inCount);
    const shares = probabilities(forward(network, input, rooms));
    const label = labels[row]!;
    const last = slopes.at(-1)!;
    if (shares.length === 1) last[0] = shares[0]! - label;
    else for (let k = 0; k < shares.length; k++) last[k] = shares[k]! - (k === label ? 1 : 0);
    for (let at = network.length - 1; at >= 0; at--) {
      const layer = network[at]!;
      const below = at === 0 ? input : rooms[at - 1]!;
      addOuter(sums[2 * at]!, slopes[at]!, below);
      for (let out = 0; out < layer.outCount; out++) sums[2 * at + 1]![out]! += slopes[at]![out]!;
      if (at > 0) backward(layer, slopes[at]!, below, slopes[at - 1]!);
    }
  }
  for (const part of sums) for (let i = 0; i < part.length; i++) part[i]! /= labels.length;
  return sums;
}

function addOuter(sums: Float64Array, slopes: Float64Array, below: Float64Array): void {
  for (let out = 0; out < slopes.length; out++) {
    const slope = slopes[out]!;
    const row = out * below.length;
    for (let k = 0; k < below.length; k++) sums[row + k]! += slope * below[k]!;
  }
}

/** Through the layer's weights and the tanh below it. */
function backward(
  { inCount, outCount, weight }: DenseLayer,
  slopes: Float64Array,
  below: Float64Array,
  into: Float64Array,
): void {
  for (let k = 0; k < inCount; k++) {
    let sum = 0;
    for (let out = 0; out < outCount; out++) sum += slopes[out]! * weight[out * inCount + k]!;
    into[k] = sum * (1 - below[k]! ** 2);
  }
}
