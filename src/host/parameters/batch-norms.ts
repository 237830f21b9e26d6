/**
 * Batch norm in a model file: where running statistics are, and what feeds them. A blend's running statistics are those of no model: the
 * activations of blended weights have other ones, and beyond scale 1 a variance can even turn negative.
 *
 * ONNX: BatchNormalization(X, scale, B, mean, variance), channels on axis 1. Source: ONNX operators, opset 9 to 15.
 */
import type { ByteSource } from "../bytes/byte-source.js";
import { withFile } from "./model-bytes.js";
import { Wire, type WireField, wireBytes } from "./onnx-wire.js";
import type { ParameterFile, TensorEntry } from "./tensor-index.js";

/** One node whose statistics can be put in place. */
export interface BatchNorm {
  /** Name of the value that it normalises. */
  readonly input: string;
  /** Of one type and length, F32 or F64, with bytes of their own in the file. */
  readonly mean: TensorEntry;
  readonly variance: TensorEntry;
}

export interface BatchNorms {
  /** In the order of computation. */
  readonly nodes: readonly BatchNorm[];
  /** Layers with running statistics, those that cannot be put in place among them. */
  readonly layerCount: number;
}

const modelGraph = 7;
const graphNode = 1;
const graphOutput = 12;
const nodeInput = 1;
const nodeOpType = 4;
const valueName = 1;

const opType = "BatchNormalization";
/** Frameworks' names (PyTorch; Keras, TensorFlow) of a running variance. */
const runningVariance = /(^|[./])(running_var|moving_variance)$/;

export async function onnxBatchNorms(file: ParameterFile): Promise<BatchNorms> {
  if (!file.tensors.some(({ slot }) => slot?.startsWith(`${opType}#`))) return { nodes: [], layerCount: 0 };
  const found = await withFile(file.path, readNodes);
  const tensors = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const uses = new Map<string, number>();
  for (const name of found.flatMap((inputs) => inputs.slice(3, 5))) uses.set(name, (uses.get(name) ?? 0) + 1);
  const nodes: BatchNorm[] = [];
  for (const [input, , , meanName, varianceName] of found) {
    const mean = tensors.get(meanName ?? "");
    const variance = tensors.get(varianceName ?? "");
    // Statistics that two nodes share fit neither; those that are computed are no parameters.
    const isOwn = uses.get(meanName!) === 1 && uses.get(varianceName!) === 1;
    if (input !== undefined && isOwn && isPatchable(mean) && isPatchable(variance)) {
      nodes.push({ input, mean: mean!, variance: variance! });
    }
  }
  return { nodes, layerCount: found.length };
}

/** Layers of a safetensors file that have running statistics, by their names: there is no graph that could tell. */
export function namedBatchNorms(file: ParameterFile): number {
  return file.tensors.filter(({ name }) => runningVariance.test(name)).length;
}

function isPatchable(tensor: TensorEntry | undefined): boolean {
  return (
    tensor !== undefined &&
    (tensor.dtype === "F32" || tensor.dtype === "F64") &&
    tensor.byteOffset >= 0 &&
    tensor.shape.length === 1
  );
}

/** The inputs of the outermost graph's batch norm nodes, in order. */
async function readNodes(source: ByteSource): Promise<string[][]> {
  const wire = new Wire(source);
  const found: string[][] = [];
  await wire.walk({ start: 0, end: source.byteLength }, (graph) =>
    graph.number !== modelGraph
      ? undefined
      : wire.walk(graph, async (node) => {
          if (node.number !== graphNode) return;
          const { op, inputs } = await readNode(wire, node);
          if (op === opType) found.push(inputs);
        }),
  );
  return found;
}

async function readNode(wire: Wire, node: WireField): Promise<{ op: string; inputs: string[] }> {
  const inputs: string[] = [];
  let op = "";
  await wire.walk(node, (field) => {
    if (field.number === nodeInput)
      return wire.text(field, "the input of a node", (text) => void inputs.push(text));
    if (field.number === nodeOpType) return wire.text(field, "op_type", (text) => void (op = text));
  });
  return { op, inputs };
}

/**
 * The model with one more output: a value that a node computes. Nothing in the file is changed; what stands behind it is a second piece of
 * the same message, whose graph a protobuf reader merges with the first one's. Source: protobuf.dev, "Last One Wins".
 *
 * @param end  where the model ends and its external data begin
 */
export function withExtraOutput(bytes: Uint8Array, value: string, end = bytes.length): Uint8Array {
  const piece = message(
    modelGraph,
    message(graphOutput, message(valueName, new TextEncoder().encode(value))),
  );
  const out = new Uint8Array(bytes.length + piece.length);
  out.set(bytes.subarray(0, end));
  out.set(piece, end);
  out.set(bytes.subarray(end), end + piece.length);
  return out;
}

function message(field: number, content: Uint8Array): Uint8Array {
  return Uint8Array.of(...varint((field << 3) | wireBytes), ...varint(content.length), ...content);
}

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128);
  return [...out, rest];
}
