/** TensorProto.external_data: where it says that values lie. What may lie where: external-data.ts. Field numbers: onnx/onnx.proto. */
import { Singular, type Wire, type WireField, wireBytes } from "./onnx-wire.js";

/** TensorProto.DataLocation. */
const dataLocations = { default: 0, external: 1 } as const;

/** Whether a tensor's values lie in another file, by its data_location. */
export function isExternal(wire: Wire, field: WireField, what: string): boolean {
  const location = wire.count(field, `data_location of ${what}`);
  if (location === dataLocations.default) return false;
  if (location !== dataLocations.external)
    throw wire.unsupported(field.at, `${what} has data_location ${location}, which mendline does not know`);
  if (wire.external === null) throw offByDefault(wire, field, what);
  return true;
}

function offByDefault(wire: Wire, field: WireField, what: string): Error {
  return wire.unsupported(
    field.at,
    `${what} keeps its values in another file (external data), which is off by default: the model says which files are read. Allow it with --external-data (externalData: true in code), or save the model as one file, as onnx.save(model, path) does after onnx.load`,
  );
}

/** One entry of external_data, a StringStringEntryProto: key 1, value 2. */
export async function readEntry(
  wire: Wire,
  field: WireField,
  entries: Map<string, string>,
  what: string,
): Promise<void> {
  const { external } = wire;
  if (external === null) throw offByDefault(wire, field, what);
  const message = `external_data of ${what}`;
  wire.expect(field, wireBytes, message);
  const parts = ["", ""];
  const singular = new Singular(wire, message);
  await wire.walk(field, (part) => {
    if (part.number !== 1 && part.number !== 2) return;
    singular.once(part);
    return wire.text(part, message, (text) => {
      parts[part.number - 1] = text;
    });
  });
  external.note(entries, parts[0]!, parts[1]!, what);
}
