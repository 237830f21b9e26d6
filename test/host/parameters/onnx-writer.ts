/** A protobuf writer, just enough to make ONNX models of every shape the reader must take or refuse. */

export type Bytes = Uint8Array;

export function concat(...parts: Bytes[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}

export function varint(value: number | bigint): Bytes {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

export function tag(number: number, type: number): Bytes {
  return varint(number * 8 + type);
}

export function int(number: number, value: number | bigint): Bytes {
  return concat(tag(number, 0), varint(value));
}

export function bytes(number: number, ...parts: Bytes[]): Bytes {
  const body = concat(...parts);
  return concat(tag(number, 2), varint(body.length), body);
}

export function text(number: number, value: string): Bytes {
  return bytes(number, Buffer.from(value, "utf8"));
}

export function fixed32(number: number, value: number): Bytes {
  return concat(tag(number, 5), f32(value));
}

export function fixed64(number: number, value: number): Bytes {
  return concat(tag(number, 1), f64(value));
}

export function packed(number: number, values: readonly (number | bigint)[]): Bytes {
  return bytes(number, ...values.map(varint));
}

export function f32(...values: number[]): Bytes {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function f64(...values: number[]): Bytes {
  return new Uint8Array(Float64Array.from(values).buffer);
}

export function i64(...values: number[]): Bytes {
  return new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
}

/** TensorProto's body: dims, data_type, name, then whatever holds the values. */
export function tensor(name: string, type: number, dims: readonly number[], ...values: Bytes[]): Bytes {
  return concat(
    ...dims.map((size) => int(1, size)),
    int(2, type),
    name === "" ? concat() : text(8, name),
    ...values,
  );
}

export function rawF32(name: string, dims: readonly number[], values: readonly number[]): Bytes {
  return tensor(name, 1, dims, bytes(9, f32(...values)));
}

/** TensorProto's external_data. */
export type ExternalEntries = readonly (readonly [key: string, value: string])[];

/** A tensor whose values lie in another file. */
export function externalTensor(
  name: string,
  type: number,
  dims: readonly number[],
  entries: ExternalEntries,
  ...more: Bytes[]
): Bytes {
  const stated = entries.map(([key, value]) => bytes(13, text(1, key), text(2, value)));
  return tensor(name, type, dims, ...stated, int(14, 1), ...more);
}

export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Bytes[] = [],
  domain = "",
): Bytes {
  return concat(
    ...inputs.map((input) => text(1, input)),
    ...outputs.map((output) => text(2, output)),
    text(4, opType),
    ...attributes.map((attribute) => bytes(5, attribute)),
    domain === "" ? concat() : text(7, domain),
  );
}

export function attribute(name: string, ...values: Bytes[]): Bytes {
  return concat(text(1, name), ...values);
}

export function valueInfo(
  name: string,
  elementType: number,
  dims: readonly (number | string | null)[],
): Bytes {
  const shape = dims.map((size) =>
    bytes(1, size === null ? concat() : typeof size === "number" ? int(1, size) : text(2, size)),
  );
  return concat(text(1, name), bytes(2, bytes(1, int(1, elementType), bytes(2, ...shape))));
}

export interface GraphParts {
  readonly nodes?: readonly Bytes[];
  readonly initializers?: readonly Bytes[];
  readonly inputs?: readonly Bytes[];
  readonly outputs?: readonly Bytes[];
  readonly extra?: readonly Bytes[];
}

export function graph({
  nodes = [],
  initializers = [],
  inputs = [],
  outputs = [],
  extra = [],
}: GraphParts): Bytes {
  return concat(
    ...nodes.map((body) => bytes(1, body)),
    text(2, "main"),
    ...initializers.map((body) => bytes(5, body)),
    ...inputs.map((body) => bytes(11, body)),
    ...outputs.map((body) => bytes(12, body)),
    ...extra,
  );
}

export function model(parts: GraphParts, ...extra: Bytes[]): Bytes {
  return concat(int(1, 8), text(2, "writer"), bytes(7, graph(parts)), bytes(8, int(2, 17)), ...extra);
}

/** Two layers, a scale in a Constant, and one batch dimension by name. */
export function smallModel(): Bytes {
  return model({
    nodes: [
      node(
        "Constant",
        [],
        ["scale"],
        [attribute("value", bytes(5, tensor("", 1, [2], bytes(4, f32(0.5, 0.25)))))],
      ),
      node("Mul", ["x", "scale"], ["scaled"]),
      node("Gemm", ["scaled", "w1", "b1"], ["h"]),
      node("Relu", ["h"], ["r"]),
      node("Gemm", ["r", "w2", "b2"], ["y"]),
    ],
    initializers: [
      rawF32("w1", [2, 3], [1, 2, 3, 4, 5, 6]),
      rawF32("b1", [3], [0.1, 0.2, 0.3]),
      tensor("w2", 1, [3, 1], bytes(4, f32(7, 8, 9))),
      tensor("b2", 7, [1], packed(7, [-5n])),
    ],
    inputs: [valueInfo("x", 1, ["batch", 2])],
    outputs: [valueInfo("y", 1, ["batch", 1])],
  });
}
