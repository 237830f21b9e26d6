/**
 * Small dense networks in memory: tanh between the layers, a logistic function or softmax at the end. They answer as onnxruntime does for
 * the same weights, but thousands of candidates a second, which fifty seeds of a whole labelling loop need.
 */

/** Weights are those of a model file: f32. */
export interface DenseLayer {
  readonly inCount: number;
  readonly outCount: number;
  /** [outCount, inCount], row-major. */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** In the order of depth; the last one's outputs are the logits: 1 for two classes, else one a class. */
export type Network = readonly DenseLayer[];

/** Rows as a network takes them: scaled, categories one-hot. */
export interface EncodedRows {
  readonly inCount: number;
  /** Row by row. */
  readonly values: Float64Array;
}

export function layerOf(inCount: number, outCount: number): DenseLayer {
  return {
    inCount,
    outCount,
    weight: new Float32Array(inCount * outCount),
    bias: new Float32Array(outCount),
  };
}

export function outputCountOf(network: Network): number {
  return network.at(-1)!.outCount;
}

/** drifted + scale (ancestor - drifted), each layer by its own scale. */
export function blend(drifted: Network, ancestor: Network, scaleOf: (layer: number) => number): Network {
  return drifted.map((layer, index) => {
    const scale = scaleOf(index);
    const other = ancestor[index]!;
    const mixed = (source: Float32Array, target: Float32Array) =>
      source.map((value, at) => value + scale * (target[at]! - value));
    return { ...layer, weight: mixed(layer.weight, other.weight), bias: mixed(layer.bias, other.bias) };
  });
}

/** Probabilities of the given rows, row by row: of class 1 alone where there are two, else one a class. */
export function predict(network: Network, rows: EncodedRows, indices: ArrayLike<number>): Float64Array {
  const outCount = outputCountOf(network);
  const out = new Float64Array(indices.length * outCount);
  const rooms = network.map((layer) => new Float64Array(layer.outCount));
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * rows.inCount;
    out.set(
      probabilities(forward(network, rows.values.subarray(from, from + rows.inCount), rooms)),
      i * outCount,
    );
  }
  return out;
}

/**
 * @param rooms  one a layer: gets the layer's activations, the last one logits
 * @returns the logits
 */
export function forward(network: Network, input: Float64Array, rooms: readonly Float64Array[]): Float64Array {
  let from = input;
  for (let at = 0; at < network.length; at++) {
    const { inCount, outCount, weight, bias } = network[at]!;
    const to = rooms[at]!;
    for (let out = 0; out < outCount; out++) {
      let sum = bias[out]!;
      const row = out * inCount;
      for (let k = 0; k < inCount; k++) sum += weight[row + k]! * from[k]!;
      to[out] = at === network.length - 1 ? sum : Math.tanh(sum);
    }
    from = to;
  }
  return from;
}

export function probabilities(logits: Float64Array): Float64Array {
  if (logits.length === 1) return Float64Array.of(1 / (1 + Math.exp(-logits[0]!)));
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
