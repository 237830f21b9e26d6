/** ValueInfoProto: what a graph takes and gives. Field numbers: onnx/onnx.proto, ValueInfoProto, TypeProto, TensorShapeProto. */
import { tensorRankMax } from "../../limits.js";
import { dtypeOfOnnx } from "./onnx-tensor.js";
import { type ByteRange, type Pending, Singular, type Wire, wireBytes, wireVarint } from "./onnx-wire.js";
import type { Dtype, ValueInfo } from "./tensor-index.js";

type Dimension = number | string | null;

/** Rough memory of one input or output in the index, beside its name and dimensions. */
const valueBytes = 300;

export async function readValueInfo(wire: Wire, range: ByteRange): Promise<ValueInfo> {
  wire.charge(valueBytes, range.start);
  const singular = new Singular(wire, "an input or output");
  let name = "";
  let type: ByteRange | null = null;
  await wire.walk(range, (field): Pending => {
    if (field.number > 2) return;
    singular.once(field);
    wire.expect(field, wireBytes, "an input or output");
    if (field.number === 2) type = field;
    else
      return wire.text(field, "the name of an input or output", (text) => {
        name = text;
        wire.charge(2 * text.length, field.start);
      });
  });
  return { name, ...(type === null ? untyped : await readTensorType(wire, type)) };
}

const untyped: { dtype: Dtype | null; shape: Dimension[] | null } = { dtype: null, shape: null };

/** TypeProto: only tensors have a dtype and a shape; sequences, maps and optionals come out as null. */
async function readTensorType(wire: Wire, range: ByteRange): Promise<typeof untyped> {
  let dtype: Dtype | null = null;
  let shape: Dimension[] | null = null;
  await wire.walk(range, (field) => {
    if (field.number !== 1) return;
    wire.expect(field, wireBytes, "tensor_type");
    return wire.walk(field, (part) => {
      if (part.number === 1) dtype = dtypeOfOnnx(wire.count(part, "elem_type"));
      if (part.number !== 2) return;
      wire.expect(part, wireBytes, "the shape of an input or output");
      shape = [];
      return readShape(wire, part, shape);
    });
  });
  return { dtype, shape };
}

function readShape(wire: Wire, range: ByteRange, shape: Dimension[]): Pending {
  return wire.walk(range, (field) => {
    if (field.number !== 1) return;
    wire.expect(field, wireBytes, "a dimension");
    if (shape.length === tensorRankMax)
      throw wire.unsupported(field.at, `an input or output has more than ${tensorRankMax} dimensions`);
    return readDimension(wire, field).then((dimension) => {
      shape.push(dimension);
    });
  });
}

/** dim_value, dim_param, or neither. Exporters write -1 and "" for "unknown". */
async function readDimension(wire: Wire, range: ByteRange): Promise<Dimension> {
  let dimension: Dimension = null;
  await wire.walk(range, (field): Pending => {
    if (field.number === 1) {
      wire.expect(field, wireVarint, "dim_value");
      dimension = field.high < 0 ? null : wire.count(field, "dim_value");
    } else if (field.number === 2) {
      return wire.text(field, "dim_param", (text) => {
        wire.charge(2 * text.length, field.start);
        dimension = text === "" ? null : text;
      });
    }
  });
  return dimension;
}
