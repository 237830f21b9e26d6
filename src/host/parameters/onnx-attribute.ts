/** AttributeProto: where its tensor, graph or numbers are. Field numbers: onnx/onnx.proto, message AttributeProto. */
import {
  decodeVarints,
  noteValues,
  noValues,
  placeFixed,
  type StoredValues,
  type TensorValues,
} from "./onnx-tensor.js";
import {
  type ByteRange,
  type Pending,
  Singular,
  type Wire,
  type WireField,
  wireBytes,
  wireFixed32,
  wireVarint,
} from "./onnx-wire.js";

const field = {
  name: 1,
  float: 2,
  integer: 3,
  tensor: 5,
  graph: 6,
  floats: 7,
  integers: 8,
  tensors: 10,
  graphs: 11,
  sparseTensor: 22,
  sparseTensors: 23,
} as const;

export interface Attribute {
  name: string;
  readonly range: ByteRange;
  tensor: ByteRange | null;
  graph: ByteRange | null;
  /** A repeated tensor or graph is in it: walk the range again. */
  hasMany: boolean;
  float: ByteRange | null;
  integer: WireField | null;
  readonly floats: StoredValues;
  readonly integers: StoredValues;
}

export async function readAttribute(wire: Wire, range: ByteRange): Promise<Attribute> {
  const attribute: Attribute = {
    name: "",
    range,
    tensor: null,
    graph: null,
    hasMany: false,
    float: null,
    integer: null,
    floats: noValues(field.floats),
    integers: noValues(field.integers),
  };
  const singular = new Singular(wire, "an attribute");
  await wire.walk(range, (part) => notePart(wire, attribute, singular, part));
  return attribute;
}

function notePart(wire: Wire, attribute: Attribute, singular: Singular, part: WireField): Pending {
  switch (part.number) {
    case field.name:
      singular.once(part);
      return wire.text(part, "the name of an attribute", (text) => {
        attribute.name = text;
      });
    case field.float:
      singular.once(part);
      wire.expect(part, wireFixed32, "a float attribute");
      attribute.float = part;
      return;
    case field.integer:
      singular.once(part);
      wire.expect(part, wireVarint, "an integer attribute");
      attribute.integer = part;
      return;
    case field.tensor:
      singular.once(part);
      wire.expect(part, wireBytes, "a tensor attribute");
      attribute.tensor = part;
      return;
    case field.graph:
      singular.once(part);
      wire.expect(part, wireBytes, "a graph attribute");
      attribute.graph = part;
      return;
    case field.tensors:
    case field.graphs:
      wire.expect(part, wireBytes, "a list of tensors or graphs");
      attribute.hasMany = true;
      return;
    case field.floats:
      return noteValues(wire, attribute.floats, part, wireFixed32, "floats");
    case field.integers:
      return noteValues(wire, attribute.integers, part, wireVarint, "ints");
    case field.sparseTensor:
    case field.sparseTensors:
      throw wire.unsupported(
        part.at,
        "a node has a sparse tensor, whose zeros have no bytes to blend; save it dense",
      );
  }
}

/** `f` is four bytes of the file as they are; `i` is a varint. Shape []. */
export function scalarOf({ float, integer }: Attribute): TensorValues | null {
  if (float !== null)
    return { dtype: "F32", shape: [], byteOffset: float.start, byteLength: 4, inline: null };
  if (integer === null) return null;
  const inline = new Uint8Array(8);
  const view = new DataView(inline.buffer);
  view.setInt32(0, integer.low, true);
  view.setInt32(4, integer.high, true);
  return { dtype: "I64", shape: [], byteOffset: -1, byteLength: 8, inline };
}

/** null where the attribute holds no floats. */
export async function listOfFloats(
  wire: Wire,
  { range, floats }: Attribute,
  what: string,
): Promise<TensorValues | null> {
  if (floats.byteCount === 0) return null;
  return placeFixed(wire, range, "F32", [floats.byteCount / 4], floats.byteCount, floats, what);
}

/** null where the attribute holds no integers. */
export async function listOfIntegers(
  wire: Wire,
  { range, integers }: Attribute,
  what: string,
): Promise<TensorValues | null> {
  if (integers.byteCount === 0) return null;
  const count = await countVarints(wire, range, field.integers);
  const byteLength = 8 * count;
  const inline = await decodeVarints(wire, range, "I64", byteLength, integers, what);
  return { dtype: "I64", shape: [count], byteOffset: -1, byteLength, inline };
}

async function countVarints(wire: Wire, range: ByteRange, number: number): Promise<number> {
  let count = 0;
  await wire.walk(range, (part): Pending => {
    if (part.number !== number) return;
    if (part.type === wireBytes)
      return wire.walkPacked(part, () => {
        count++;
      });
    count++;
  });
  return count;
}
