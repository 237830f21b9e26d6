/**
 * Which integers of an ONNX graph stand for reals, and by which scale and zero point:
 *
 *   real = (stored - zero) * scale     DequantizeLinear(x, x_scale, x_zero_point), by tensor, or by slice of `axis`
 *
 * Only what can be blended and quantised again in place is taken; the rest is refused with its reason (MENDLINE_REPAIR_INCOMPATIBLE):
 *   weights      I8 or U8 initializers that go straight into DequantizeLinear, and nowhere else
 *   activations  pairs of QuantizeLinear and DequantizeLinear, whose scales and zero points are initializers too
 *   not taken    int32 biases (their scale is the product of two others), blocks, 4 and 16 bits, operators that compute on integers,
 *                annotations, graphs within graphs and functions
 * Source: ONNX operators QuantizeLinear and DequantizeLinear, opset 10 to 25.
 */
import { MendlineError } from "../../errors.js";
import { onnxNodesMax } from "../../limits.js";
import { withFile } from "./model-bytes.js";
import { isQuantizing } from "./onnx.js";
import { readAttribute } from "./onnx-attribute.js";
import { Wire, type WireField } from "./onnx-wire.js";
import { type ParameterFile, quoted, type TensorEntry } from "./tensor-index.js";

/** What one QuantizeLinear or DequantizeLinear node works with. */
export interface Quantizer {
  /** The stored integers; null where they are computed. */
  readonly weight: TensorEntry | null;
  readonly scale: TensorEntry;
  readonly zero: TensorEntry | null;
  readonly dtype: "I8" | "U8";
  /** Slices along which scale and zero point differ: 1 for a whole tensor. */
  readonly channels: number;
  /** Elements of a weight that lie side by side in one slice; Infinity for a whole tensor. */
  readonly inner: number;
}

const modelField = { graph: 7, functions: 25 } as const;
const graphField = { node: 1, quantizationAnnotation: 14 } as const;
const nodeField = { input: 1, output: 2, opType: 4, attribute: 5 } as const;

interface QuantNode {
  readonly op: "QuantizeLinear" | "DequantizeLinear";
  readonly inputs: readonly string[];
  readonly output: string;
  readonly axis: number;
}

export function cannotRequantize(problem: string): MendlineError {
  return new MendlineError(
    "MENDLINE_REPAIR_INCOMPATIBLE",
    `${problem}: it cannot be blended and quantised again; repair the float model and quantise it anew`,
  );
}

/** @throws MendlineError MENDLINE_REPAIR_INCOMPATIBLE */
export async function quantizersOf(file: ParameterFile): Promise<Quantizer[]> {
  if (file.format !== "onnx")
    throw cannotRequantize(`${file.path} is safetensors, which does not tell scales and zero points`);
  const graph = await withFile(file.path, async (source) => {
    const reader = new GraphReader(new Wire(source));
    await reader.read();
    return reader;
  });
  return new Resolver(file, graph).quantizers();
}

class GraphReader {
  readonly nodes: QuantNode[] = [];
  /** Values that other nodes take, or that quantising ones take as what they work on. */
  readonly uses = new Map<string, number>();
  readonly #wire: Wire;
  #nodeCount = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  async read(): Promise<void> {
    const wire = this.#wire;
    await wire.walk({ start: 0, end: wire.source.byteLength }, (field) => {
      if (field.number === modelField.functions) throw cannotRequantize("the model has functions of its own");
      if (field.number === modelField.graph) return wire.walk(field, (part) => this.#part(part));
    });
  }

  #part(part: WireField): void | Promise<void> {
    if (part.number === graphField.quantizationAnnotation)
      throw cannotRequantize("the graph has quantisation annotations");
    if (part.number === graphField.node) return this.#node(part);
  }

  async #node(range: WireField): Promise<void> {
    const wire = this.#wire;
    if (++this.#nodeCount > onnxNodesMax) throw wire.unsupported(range.at, `more than ${onnxNodesMax} nodes`);
    const inputs: string[] = [];
    const node = { op: "", output: "", axis: 1, blockSize: 0 };
    await wire.walk(range, (field) => {
      switch (field.number) {
        case nodeField.input:
          return wire.text(field, "the input of a node", (text) => void inputs.push(text));
        case nodeField.output:
          return wire.text(field, "the output of a node", (text) => {
            node.output ||= text;
          });
        case nodeField.opType:
          return wire.text(field, "op_type", (text) => void (node.op = text));
        case nodeField.attribute:
          return this.#attribute(field, node);
      }
    });
    this.#take(node, inputs);
  }

  async #attribute(field: WireField, node: { axis: number; blockSize: number }): Promise<void> {
    const { name, graph, hasMany, integer } = await readAttribute(this.#wire, field);
    if (graph !== null || hasMany) throw cannotRequantize("the graph has graphs within its nodes");
    if (integer === null) return;
    // An axis may be negative, which fits the lower half.
    if (name === "axis") node.axis = integer.low;
    if (name === "block_size") node.blockSize = integer.low;
  }

  #take(
    { op, output, axis, blockSize }: { op: string; output: string; axis: number; blockSize: number },
    inputs: string[],
  ): void {
    const isOurs = op === "QuantizeLinear" || op === "DequantizeLinear";
    if (!isOurs && isQuantizing(op)) throw cannotRequantize(`the graph computes on integers (${op})`);
    for (const name of isOurs ? inputs.slice(0, 1) : inputs) {
      this.#wire.charge(2 * name.length + 60, 0);
      this.uses.set(name, (this.uses.get(name) ?? 0) + 1);
    }
    if (!isOurs) return;
    if (blockSize !== 0) throw cannotRequantize(`${quoted(output)} is quantised in blocks`);
    this.nodes.push({ op, inputs, output, axis });
  }
}

class Resolver {
  readonly #tensors: ReadonlyMap<string, TensorEntry>;
  readonly #graph: GraphReader;

  constructor(file: ParameterFile, graph: GraphReader) {
    this.#tensors = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
    this.#graph = graph;
  }

  quantizers(): Quantizer[] {
    const { nodes } = this.#graph;
    const quantized = new Set(nodes.filter(({ op }) => op === "QuantizeLinear").map(({ output }) => output));
    const found = nodes.map((node) => this.#quantizer(node, quantized));
    this.#refuseOtherUses(found);
    return found;
  }

  #quantizer(node: QuantNode, quantized: ReadonlySet<string>): Quantizer {
    const [x = "", scaleName = "", zeroName = ""] = node.inputs;
    const what = quoted(node.output);
    const scale = this.#tensors.get(scaleName);
    const zero = zeroName === "" ? null : this.#tensors.get(zeroName);
    if (scale === undefined || zero === undefined)
      throw cannotRequantize(`${what} has a scale or a zero point that is computed`);
    if (scale.dtype !== "F32" || scale.inline !== null || scale.shape.length > 1)
      throw cannotRequantize(`${what} has a scale ${scale.dtype} [${scale.shape.join(", ")}]`);
    const weight = node.op === "DequantizeLinear" ? (this.#tensors.get(x) ?? null) : null;
    if (weight === null && node.op === "DequantizeLinear" && !quantized.has(x))
      throw cannotRequantize(`${what} takes its integers from another operator`);
    const dtype = weight?.dtype ?? zero?.dtype ?? "U8";
    if (dtype === "I32")
      throw cannotRequantize(`${what} is an int32 bias, whose scale follows from two others`);
    if (dtype !== "I8" && dtype !== "U8") throw cannotRequantize(`${what} is quantised to ${dtype}`);
    if (zero !== null && (zero.dtype !== dtype || `${zero.shape}` !== `${scale.shape}`))
      throw cannotRequantize(`${what} has a zero point of another type or shape than its scale`);
    if (weight !== null && weight.inline !== null)
      throw cannotRequantize(`${quoted(weight.name)} is stored value by value: export it as raw_data`);
    return { weight, scale, zero, dtype, ...slices(weight, scale, node.axis, what) };
  }

  /** An integer that something else computes with would mean something else with another scale. */
  #refuseOtherUses(found: readonly Quantizer[]): void {
    const own = new Map<string, number>();
    for (const { weight } of found)
      if (weight !== null) own.set(weight.name, (own.get(weight.name) ?? 0) + 1);
    for (const quantizer of found) {
      for (const tensor of [quantizer.weight, quantizer.scale, quantizer.zero]) {
        if (tensor === null) continue;
        if ((this.#graph.uses.get(tensor.name) ?? 0) > (own.get(tensor.name) ?? 0))
          throw cannotRequantize(`${quoted(tensor.name)} is used by other operators too`);
      }
    }
  }
}

function slices(
  weight: TensorEntry | null,
  scale: TensorEntry,
  axis: number,
  what: string,
): { channels: number; inner: number } {
  const channels = scale.shape[0] ?? 1;
  if (weight === null || channels === 1) return { channels, inner: Number.POSITIVE_INFINITY };
  const { shape } = weight;
  const at = axis < 0 ? axis + shape.length : axis;
  if (shape[at] !== channels)
    throw cannotRequantize(
      `${what} has ${channels} scales where axis ${axis} of its weight has ${shape[at]}`,
    );
  return { channels, inner: shape.slice(at + 1).reduce((product, size) => product * size, 1) };
}
