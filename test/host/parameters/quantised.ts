/** A model's matrices as int8 behind DequantizeLinear, with one scale each, as quantisation of weights alone leaves them. */

import { changed, fieldsOf } from "./externalised.js";
import { type Bytes, bytes, concat, node, rawF32, tensor } from "./onnx-writer.js";

const utf8 = new TextDecoder();

interface Matrix {
  readonly name: string;
  readonly shape: readonly [number, number];
  readonly values: Float32Array;
}

/** An initializer that is a matrix of floats in raw_data; its dimensions are below 128, a byte each. */
function matrixOf(initializer: Bytes): Matrix | null {
  const fields = fieldsOf(initializer);
  const bodyOf = (number: number) => fields.find((field) => field.number === number)?.body ?? null;
  const dims = fields
    .filter(({ number }) => number === 1)
    .flatMap(({ whole, body }) => (body === null ? [whole[1]!] : [...body]));
  const raw = bodyOf(9);
  if (dims.length !== 2 || raw === null) return null;
  const values = new Float32Array(Uint8Array.from(raw).buffer);
  return { name: utf8.decode(bodyOf(8)!), shape: dims as unknown as [number, number], values };
}

function quantise({ name, shape, values }: Matrix): Bytes[] {
  const scale = Math.fround(values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127);
  const stored = Int8Array.from(values, (value) => Math.round(value / scale));
  return [
    tensor(`${name}.q`, 3, shape, bytes(9, new Uint8Array(stored.buffer))),
    rawF32(`${name}.scale`, [], [scale]),
  ];
}

export function quantised(model: Bytes): Bytes {
  return changed(model, 7, (graph) => {
    const nodes: Bytes[] = [];
    const parts = fieldsOf(graph).map(({ number, whole, body }) => {
      const matrix = number === 5 ? matrixOf(body!) : null;
      if (matrix === null) return whole;
      const { name } = matrix;
      nodes.push(bytes(1, node("DequantizeLinear", [`${name}.q`, `${name}.scale`], [name])));
      return concat(...quantise(matrix).map((initializer) => bytes(5, initializer)));
    });
    return concat(...nodes, ...parts);
  });
}
