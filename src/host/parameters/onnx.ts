/**
 * ONNX -> tensor index, without a protobuf library and without reading the weights.
 *
 * What counts as parameters, and under which name:
 *   initializers of the graph                        their own name
 *   Constant nodes (value, value_float(s), _int(s))  the node's output
 *   tensors in other nodes' attributes               `<first output>@<attribute>`, in a list `…@<attribute>[i]`
 *   lists of numbers in nodes of domain ai.onnx.ml   the same (they hold those operators' coefficients and trees)
 *   all of these in a graph inside an attribute      the above behind `<op type>#<ordinal>.<attribute>/`
 *   Constant nodes and the like in model functions   the above behind `function <domain>::<name>/`
 * The ordinal counts a graph's nodes of one op type in graph order; slots are built from the same.
 *
 * Refused with their reason: sparse tensors, segments, duplicate names, a second graph; external data where the caller did not allow it
 * (external-data.ts). Training information is no part of the deployed model and is left alone, as every byte that is no parameter.
 * Field numbers: onnx/onnx.proto.
 */
import { onnxDepthMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { ExternalFiles } from "./external-data.js";
import { type Attribute, listOfFloats, listOfIntegers, readAttribute, scalarOf } from "./onnx-attribute.js";
import { readTensor, type TensorValues } from "./onnx-tensor.js";
import { readValueInfo } from "./onnx-values.js";
import {
  after,
  type ByteRange,
  type Pending,
  Singular,
  Wire,
  type WireField,
  wireBytes,
} from "./onnx-wire.js";
import {
  modelError,
  type ParameterFile,
  quoted,
  sortByName,
  type TensorEntry,
  type ValueInfo,
} from "./tensor-index.js";

const modelField = { irVersion: 1, graph: 7, functions: 25 } as const;
const graphField = {
  node: 1,
  initializer: 5,
  input: 11,
  output: 12,
  quantizationAnnotation: 14,
  sparseInitializer: 15,
} as const;
const nodeField = { input: 1, output: 2, opType: 4, attribute: 5, domain: 7 } as const;
const attributeField = { tensors: 10, graphs: 11 } as const;
const functionField = { name: 1, node: 7, domain: 10, overload: 13 } as const;

const classicalDomain = "ai.onnx.ml";

/** Operators that compute on integers standing for reals, by name or by how their families' names begin. */
const quantizedOps: ReadonlySet<string> = new Set([
  "QuantizeLinear",
  "DequantizeLinear",
  "MatMulInteger",
  "MatMulIntegerToFloat",
  "ConvInteger",
  "MatMulNBits",
  "MatMulBnb4",
  "MatMulFpQ4",
  "GatherBlockQuantized",
  "DequantizeBFP",
  "QuantizeBFP",
  "DequantizeWithOrder",
  "QuantizeWithOrder",
  "QAttention",
  "QEmbedLayerNormalization",
  "QGemm",
  "QMoE",
]);
const quantizedFamily = /^(QLinear|QOrdered|DynamicQuantize)/;

export function isQuantizing(opType: string): boolean {
  return quantizedOps.has(opType) || quantizedFamily.test(opType);
}

/**
 * @param allowsExternal  values may lie in other files of the model's folder; the source's label is then its path
 * @throws MendlineError MENDLINE_MODEL_MALFORMED (with the byte offset), MENDLINE_MODEL_FORMAT
 */
export async function readOnnx(source: ByteSource, allowsExternal = false): Promise<ParameterFile> {
  const external = allowsExternal ? new ExternalFiles(source) : null;
  const reader = new ModelReader(new Wire(source, external));
  await reader.model(source);
  const shards = external?.finish() ?? null;
  const last = shards?.at(-1);
  return {
    path: source.label,
    ...(shards !== null && { shards }),
    format: "onnx",
    byteLength: last === undefined ? source.byteLength : last.byteOffset + last.byteLength,
    tensors: sortByName([...reader.tensors.values()].map(toEntry)),
    quantized: reader.quantized,
    inputs: reader.inputs,
    outputs: reader.outputs,
  };
}

/** A tensor whose first consumer may not have been met yet. */
interface FoundTensor {
  readonly name: string;
  readonly values: TensorValues;
  slot: string | null;
  order: number | null;
}

function toEntry({ name, values, slot, order }: FoundTensor): TensorEntry {
  return { name, ...values, slot, order };
}

/** A graph's own tensors by the name its nodes know them by; inner graphs see those of outer ones. */
class Scope {
  readonly found = new Map<string, FoundTensor>();
  readonly prefix: string;
  readonly depth: number;
  private readonly outer: Scope | null;

  constructor(prefix: string, depth: number, outer: Scope | null) {
    this.prefix = prefix;
    this.depth = depth;
    this.outer = outer;
  }

  find(name: string): FoundTensor | undefined {
    for (let scope: Scope | null = this; scope !== null; scope = scope.outer) {
      const tensor = scope.found.get(name);
      if (tensor !== undefined) return tensor;
    }
    return undefined;
  }
}

interface NodeHead {
  opType: string;
  domain: string;
  /** "" where the node has none. */
  firstOutput: string;
}

class ModelReader {
  readonly tensors = new Map<string, FoundTensor>();
  readonly inputs: ValueInfo[] = [];
  readonly outputs: ValueInfo[] = [];
  quantized = false;
  private nodeCount = 0;
  private readonly wire: Wire;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  async model(source: ByteSource): Promise<void> {
    const singular = new Singular(this.wire, "the model");
    let hasGraph = false;
    await this.wire.walk({ start: 0, end: source.byteLength }, (field): Pending => {
      switch (field.number) {
        case modelField.irVersion:
          singular.once(field);
          this.wire.count(field, "ir_version");
          return;
        case modelField.graph:
          singular.once(field);
          hasGraph = true;
          this.wire.expect(field, wireBytes, "graph");
          return this.graph(field, new Scope("", 1, null));
        case modelField.functions:
          this.wire.expect(field, wireBytes, "functions");
          return this.modelFunction(field);
      }
    });
    if (!hasGraph)
      throw modelError(
        "MENDLINE_MODEL_FORMAT",
        source.label,
        "is protobuf without an ONNX graph (a TensorFlow saved model or Core ML model looks like that); export the model to ONNX or safetensors",
      );
  }

  /**
   * Two passes over a graph, because nodes stand before the initializers that they consume: first what there is, then
   * who uses it. Only names of tensors are held, however many nodes there are.
   */
  private async graph(range: ByteRange, scope: Scope): Promise<void> {
    if (scope.depth > onnxDepthMax)
      throw this.wire.unsupported(range.start, `graphs are nested more than ${onnxDepthMax} deep`);
    await this.wire.walk(range, (field) => this.declaration(field, scope));
    await this.consumers(range, graphField.node, scope);
    if (scope.depth === 1) this.dropFilledInputs(scope);
  }

  private declaration(field: WireField, scope: Scope): Pending {
    switch (field.number) {
      case graphField.node:
        this.wire.expect(field, wireBytes, "node");
        return this.constantNode(field, scope);
      case graphField.initializer:
        this.wire.expect(field, wireBytes, "initializer");
        return this.initializer(field, scope);
      case graphField.input:
        this.wire.expect(field, wireBytes, "input");
        return scope.depth === 1 ? this.valueInfo(field, this.inputs) : undefined;
      case graphField.output:
        this.wire.expect(field, wireBytes, "output");
        return scope.depth === 1 ? this.valueInfo(field, this.outputs) : undefined;
      case graphField.quantizationAnnotation:
        this.quantized = true;
        return;
      case graphField.sparseInitializer:
        throw this.wire.unsupported(
          field.at,
          "the graph has a sparse initializer, whose zeros have no bytes to blend; save it dense",
        );
    }
  }

  private async valueInfo(field: WireField, into: ValueInfo[]): Promise<void> {
    into.push(await readValueInfo(this.wire, field));
  }

  /** Before IR version 4 every initializer was listed as an input too. */
  private dropFilledInputs(scope: Scope): void {
    const open = this.inputs.filter(({ name }) => !scope.found.has(name));
    this.inputs.splice(0, this.inputs.length, ...open);
  }

  private async initializer(field: WireField, scope: Scope): Promise<void> {
    const { name, values } = await readTensor(this.wire, field, `the initializer at byte ${field.at}`);
    if (name === null || name === "") throw this.wire.malformed(field.at, "an initializer has no name");
    this.declare(name, values, scope, field.at);
  }

  private constantNode(field: WireField, scope: Scope): Pending {
    const head = emptyHead();
    return after(this.nodeHead(field, head), (): Pending => {
      if (isConstant(head)) return this.constant(field, head.firstOutput, scope);
    });
  }

  private async constant(field: WireField, output: string, scope: Scope): Promise<void> {
    if (output === "") throw this.wire.malformed(field.at, "a Constant node has no output");
    const what = `the Constant ${quoted(output)}`;
    await this.wire.walk(field, async (part) => {
      if (part.number !== nodeField.attribute) return;
      const attribute = await readAttribute(this.wire, part);
      const values = await this.constantValues(attribute, what);
      if (values !== null) this.declare(output, values, scope, part.at);
    });
  }

  private async constantValues(attribute: Attribute, what: string): Promise<TensorValues | null> {
    switch (attribute.name) {
      case "value":
        return attribute.tensor && (await readTensor(this.wire, attribute.tensor, what)).values;
      case "value_float":
      case "value_int":
        return scalarOf(attribute);
      case "value_floats":
        return listOfFloats(this.wire, attribute, what);
      case "value_ints":
        return listOfIntegers(this.wire, attribute, what);
      default:
        return null;
    }
  }

  private declare(name: string, values: TensorValues, scope: Scope, at: number): void {
    scope.found.set(name, this.add(scope.prefix + name, values, null, at));
  }

  private add(name: string, values: TensorValues, slot: string | null, at: number): FoundTensor {
    this.wire.chargeTensor(name, at);
    if (this.tensors.has(name)) throw this.wire.malformed(at, `two tensors are named ${quoted(name)}`);
    const tensor = { name, values, slot, order: slot === null ? null : this.nodeCount };
    this.tensors.set(name, tensor);
    return tensor;
  }

  private async consumers(range: ByteRange, nodeNumber: number, scope: Scope): Promise<void> {
    const counts = new Map<string, number>();
    await this.wire.walk(range, (field): Pending => {
      if (field.number !== nodeNumber) return;
      const head = emptyHead();
      return after(this.nodeHead(field, head), () => this.consumer(field, head, counts, scope));
    });
  }

  private consumer(field: WireField, head: NodeHead, counts: Map<string, number>, scope: Scope): Pending {
    const { opType } = head;
    this.wire.chargeNode(field.at);
    this.nodeCount += 1;
    if (isQuantizing(opType)) this.quantized = true;
    const ordinal = counts.get(opType) ?? 0;
    if (ordinal === 0) this.wire.charge(2 * opType.length + 100, field.at);
    counts.set(opType, ordinal + 1);
    const place = `${opType}#${ordinal}`;
    let inputIndex = 0;
    return this.wire.walk(field, (part): Pending => {
      if (part.number === nodeField.input) return this.consume(part, `${place}/`, inputIndex++, scope);
      if (part.number === nodeField.attribute && !isConstant(head))
        return this.attribute(part, head, place, scope);
    });
  }

  private consume(part: WireField, place: string, inputIndex: number, scope: Scope): Pending {
    return this.wire.text(part, "the input of a node", (name) => {
      const tensor = scope.find(name);
      if (tensor === undefined || tensor.slot !== null) return;
      tensor.slot = `${scope.prefix}${place}${inputIndex}`;
      tensor.order = this.nodeCount;
    });
  }

  private async attribute(field: WireField, head: NodeHead, place: string, scope: Scope): Promise<void> {
    const attribute = await readAttribute(this.wire, field);
    const { name: label, tensor, graph } = attribute;
    const name = `${scope.prefix}${head.firstOutput === "" ? place : head.firstOutput}@${label}`;
    const slot = `${scope.prefix}${place}/@${label}`;
    const inner = `${scope.prefix}${place}.${label}`;
    if (tensor !== null)
      this.add(name, (await readTensor(this.wire, tensor, quoted(name))).values, slot, field.at);
    if (graph !== null) await this.graph(graph, new Scope(`${inner}/`, scope.depth + 1, scope));
    if (attribute.hasMany) await this.attributeLists(field, name, slot, inner, scope);
    if (head.domain === classicalDomain) await this.classicalLists(attribute, name, slot, field.at);
  }

  private attributeLists(range: ByteRange, name: string, slot: string, inner: string, scope: Scope): Pending {
    let tensorCount = 0;
    let graphCount = 0;
    return this.wire.walk(range, async (field) => {
      if (field.number === attributeField.tensors) {
        const mark = `[${tensorCount++}]`;
        const { values } = await readTensor(this.wire, field, quoted(name + mark));
        this.add(name + mark, values, slot + mark, field.at);
      } else if (field.number === attributeField.graphs) {
        await this.graph(field, new Scope(`${inner}[${graphCount++}]/`, scope.depth + 1, scope));
      }
    });
  }

  private async classicalLists(attribute: Attribute, name: string, slot: string, at: number): Promise<void> {
    const values =
      (await listOfFloats(this.wire, attribute, quoted(name))) ??
      (await listOfIntegers(this.wire, attribute, quoted(name)));
    if (values !== null) this.add(name, values, slot, at);
  }

  /** A function's body is a graph of nodes alone; its parameters are not tensors of the model. */
  private async modelFunction(range: ByteRange): Promise<void> {
    const parts = new Map<number, string>();
    const singular = new Singular(this.wire, "a function");
    await this.wire.walk(range, (field) => {
      const { number } = field;
      if (
        number !== functionField.name &&
        number !== functionField.domain &&
        number !== functionField.overload
      )
        return;
      singular.once(field);
      return this.wire.text(field, "the name of a function", (text) => {
        parts.set(number, text);
      });
    });
    const part = (number: number): string => parts.get(number) ?? "";
    const overload = part(functionField.overload);
    const name = `${part(functionField.domain)}::${part(functionField.name)}${overload === "" ? "" : `:${overload}`}`;
    const scope = new Scope(`function ${name}/`, 1, null);
    await this.wire.walk(range, (field) => {
      if (field.number !== functionField.node) return;
      this.wire.expect(field, wireBytes, "node");
      return this.constantNode(field, scope);
    });
    await this.consumers(range, functionField.node, scope);
  }

  private nodeHead(range: ByteRange, head: NodeHead): Pending {
    const singular = new Singular(this.wire, "a node");
    let outputCount = 0;
    const walked = this.wire.walk(range, (field): Pending => {
      switch (field.number) {
        case nodeField.output:
          if (outputCount++ > 0) return;
          return this.wire.text(field, "the output of a node", (text) => {
            head.firstOutput = text;
          });
        case nodeField.opType:
          singular.once(field);
          return this.wire.text(field, "op_type", (text) => {
            head.opType = text;
          });
        case nodeField.domain:
          singular.once(field);
          return this.wire.text(field, "the domain of a node", (text) => {
            head.domain = text;
          });
        case nodeField.attribute:
          return this.wire.expect(field, wireBytes, "attribute");
      }
    });
    return after(walked, () => {
      if (head.opType === "") throw this.wire.malformed(range.start, "a node has no op_type");
    });
  }
}

function emptyHead(): NodeHead {
  return { opType: "", domain: "", firstOutput: "" };
}

function isConstant({ opType, domain }: NodeHead): boolean {
  return opType === "Constant" && (domain === "" || domain === "ai.onnx");
}
