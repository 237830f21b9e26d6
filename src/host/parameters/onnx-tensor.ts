/**
 * TensorProto: a shape, a type, and values in one of seven fields. Where the values lie in the file as they would lie in
 * memory (raw_data, or one packed run of floats or doubles) the entry is a byte range; elsewhere (varints, scattered
 * floats, strings) they are decoded to canonical bytes. Values in other files are external-data.ts's to place.
 *
 * Field numbers and storage rules: onnx/onnx.proto, message TensorProto.
 */
import { tensorRankMax } from "../../limits.js";
import { isExternal, readEntry } from "./onnx-external.js";
import {
  type ByteRange,
  type Pending,
  Singular,
  type Wire,
  type WireField,
  wireBytes,
  wireFixed32,
  wireFixed64,
  wireVarint,
} from "./onnx-wire.js";
import { byteLengthOf, type Dtype, dtypeBits, elementCountOf } from "./tensor-index.js";

const tensorField = {
  dims: 1,
  dataType: 2,
  segment: 3,
  floatData: 4,
  int32Data: 5,
  stringData: 6,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  uint64Data: 11,
  externalData: 13,
  dataLocation: 14,
} as const;

const { floatData, doubleData, int32Data, int64Data, uint64Data, stringData, rawData } = tensorField;

/** TensorProto.DataType -> our dtype and the typed field that may hold it instead of raw_data. */
const onnxTypes: ReadonlyMap<number, { readonly dtype: Dtype; readonly storage: number }> = new Map(
  (
    [
      [1, "F32", floatData],
      [2, "U8", int32Data],
      [3, "I8", int32Data],
      [4, "U16", int32Data],
      [5, "I16", int32Data],
      [6, "I32", int32Data],
      [7, "I64", int64Data],
      [8, "STRING", stringData],
      [9, "BOOL", int32Data],
      [10, "F16", int32Data],
      [11, "F64", doubleData],
      [12, "U32", uint64Data],
      [13, "U64", uint64Data],
      [14, "C64", floatData],
      [15, "C128", doubleData],
      [16, "BF16", int32Data],
      [17, "F8_E4M3", int32Data],
      [18, "F8_E4M3FNUZ", int32Data],
      [19, "F8_E5M2", int32Data],
      [20, "F8_E5M2FNUZ", int32Data],
      [21, "U4", int32Data],
      [22, "I4", int32Data],
      [23, "F4", int32Data],
      [24, "F8_E8M0", int32Data],
      [25, "U2", int32Data],
      [26, "I2", int32Data],
    ] as const
  ).map(([code, dtype, storage]) => [code, { dtype, storage }]),
);

export function dtypeOfOnnx(code: number): Dtype | null {
  return onnxTypes.get(code)?.dtype ?? null;
}

export interface TensorValues {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly byteOffset: number;
  readonly byteLength: number;
  readonly inline: Uint8Array | null;
}

/** One field of values, which protobuf may have cut into several runs, packed or not. */
export interface StoredValues {
  readonly field: number;
  /** Bytes of values: of packed runs their lengths, of single values their widths. */
  byteCount: number;
  fieldCount: number;
  /** The run, where there is exactly one packed run. */
  run: ByteRange | null;
}

export function noValues(field: number): StoredValues {
  return { field, byteCount: 0, fieldCount: 0, run: null };
}

/** Notes one occurrence of a repeated field of values whose unpacked wire type is that. */
export function noteValues(
  wire: Wire,
  stored: StoredValues,
  field: WireField,
  type: number,
  what: string,
): void {
  if (field.type !== wireBytes) wire.expect(field, type, what);
  const byteCount = field.end - field.start;
  const width = type === wireFixed32 ? 4 : type === wireFixed64 ? 8 : 1;
  if (byteCount % width !== 0)
    throw wire.malformed(field.at, `${what}: ${byteCount} bytes are no multiple of ${width}`);
  stored.run = stored.fieldCount === 0 && field.type === wireBytes ? field : null;
  stored.fieldCount++;
  stored.byteCount += byteCount;
}

interface TensorFacts {
  readonly dims: number[];
  readonly stored: Map<number, StoredValues>;
  name: string | null;
  dataType: number | null;
  raw: ByteRange | null;
  isExternal: boolean;
  /** Keys and values of external_data. */
  readonly external: Map<string, string>;
}

/** @returns the tensor's own name (null where it has none) and where its values are. */
export async function readTensor(
  wire: Wire,
  range: ByteRange,
  what: string,
): Promise<{ name: string | null; values: TensorValues }> {
  const facts = await readFacts(wire, range, what);
  const type = onnxTypes.get(facts.dataType ?? 0);
  if (type === undefined) {
    if (facts.dataType === null || facts.dataType === 0)
      throw wire.malformed(range.start, `${what} has no data_type`);
    throw wire.unsupported(
      range.start,
      `${what} has data_type ${facts.dataType}, which mendline does not know`,
    );
  }
  if (facts.isExternal) {
    const values = await placeExternal(wire, range, facts, type.dtype, what);
    return { name: facts.name, values };
  }
  if (facts.external.size > 0)
    throw wire.malformed(range.start, `${what} has external data, and a data_location that says otherwise`);
  const storage = pickStorage(wire, range, facts, type, what);
  const values = await placeValues(wire, range, type.dtype, facts.dims, storage, what);
  return { name: facts.name, values };
}

async function readFacts(wire: Wire, range: ByteRange, what: string): Promise<TensorFacts> {
  const facts: TensorFacts = {
    dims: [],
    stored: new Map(),
    name: null,
    dataType: null,
    raw: null,
    isExternal: false,
    external: new Map(),
  };
  const singular = new Singular(wire, what);
  await wire.walk(range, (field) => {
    switch (field.number) {
      case tensorField.dims:
        return readDims(wire, field, facts.dims, what);
      case tensorField.dataType:
        singular.once(field);
        facts.dataType = wire.count(field, `data_type of ${what}`);
        return;
      case tensorField.name:
        singular.once(field);
        return wire.text(field, `the name of ${what}`, (name) => {
          facts.name = name;
        });
      case rawData:
        singular.once(field);
        wire.expect(field, wireBytes, `raw_data of ${what}`);
        facts.raw = field;
        return;
      case tensorField.segment:
        throw wire.unsupported(field.at, `${what} is a segment of a tensor; save it in one piece`);
      case tensorField.dataLocation:
        singular.once(field);
        facts.isExternal = isExternal(wire, field, what);
        return;
      case tensorField.externalData:
        return readEntry(wire, field, facts.external, what);
      default:
        noteTypedData(wire, field, facts.stored, what);
    }
  });
  return facts;
}

async function placeExternal(
  wire: Wire,
  range: ByteRange,
  { dims: shape, stored, raw, external: entries }: TensorFacts,
  dtype: Dtype,
  what: string,
): Promise<TensorValues> {
  const hasOwn = raw !== null || [...stored.values()].some(({ fieldCount }) => fieldCount > 0);
  if (hasOwn) throw wire.malformed(range.start, `${what} has values of its own, and others in external data`);
  if (dtype === "STRING")
    throw wire.malformed(range.start, `${what} is STRING, which external data cannot hold`);
  const byteLength = byteLengthOfShape(wire, range, dtype, shape, what);
  const byteOffset = await wire.external!.place(entries, byteLength, what);
  return { dtype, shape, byteOffset, byteLength, inline: null };
}

function byteLengthOfShape(
  wire: Wire,
  range: ByteRange,
  dtype: Dtype,
  shape: readonly number[],
  what: string,
): number {
  const elementCount = elementCountOf(shape);
  const byteLength = elementCount === null ? null : byteLengthOf(dtype, elementCount);
  if (byteLength !== null) return byteLength;
  throw wire.malformed(range.start, `${what} has a shape whose size overflows: [${shape.join(", ")}]`);
}

/** Dimensions are repeated int64, packed or not. */
function readDims(wire: Wire, field: WireField, dims: number[], what: string): Pending {
  const push = (low: number, high: number): void => {
    const size = wire.count({ ...field, type: wireVarint, low, high }, `a dimension of ${what}`);
    if (dims.length === tensorRankMax)
      throw wire.unsupported(field.at, `${what} has more than ${tensorRankMax} dimensions`);
    dims.push(size);
  };
  if (field.type === wireBytes) return wire.walkPacked(field, push);
  push(field.low, field.high);
}

function noteTypedData(wire: Wire, field: WireField, stored: Map<number, StoredValues>, what: string): void {
  const type = unpackedTypes.get(field.number);
  if (type === undefined) return;
  const values = stored.get(field.number) ?? noValues(field.number);
  stored.set(field.number, values);
  noteValues(wire, values, field, type, `field ${field.number} of ${what}`);
}

/** The wire type of one value outside a packed run. string_data is bytes and never packed. */
const unpackedTypes: ReadonlyMap<number, number> = new Map<number, number>([
  [floatData, wireFixed32],
  [int32Data, wireVarint],
  [stringData, wireBytes],
  [int64Data, wireVarint],
  [doubleData, wireFixed64],
  [uint64Data, wireVarint],
]);

function pickStorage(
  wire: Wire,
  range: ByteRange,
  facts: TensorFacts,
  type: { dtype: Dtype; storage: number },
  what: string,
): StoredValues {
  const filled = [...facts.stored.values()].filter(({ byteCount, fieldCount, field }) =>
    field === stringData ? fieldCount > 0 : byteCount > 0,
  );
  const foreign = filled.find(({ field }) => field !== type.storage);
  if (foreign !== undefined)
    throw wire.malformed(range.start, `${what} is ${type.dtype} but has values in field ${foreign.field}`);
  const [typed] = filled;
  if (facts.raw === null) return typed ?? noValues(type.storage);
  if (typed !== undefined)
    throw wire.malformed(range.start, `${what} has values in raw_data and in field ${typed.field}`);
  if (type.dtype === "STRING")
    throw wire.malformed(range.start, `${what} is STRING, which raw_data cannot hold`);
  const { start, end } = facts.raw;
  return { field: rawData, byteCount: end - start, fieldCount: 1, run: { start, end } };
}

async function placeValues(
  wire: Wire,
  range: ByteRange,
  dtype: Dtype,
  shape: readonly number[],
  stored: StoredValues,
  what: string,
): Promise<TensorValues> {
  const byteLength = byteLengthOfShape(wire, range, dtype, shape, what);
  if (stored.field === stringData)
    return readStrings(wire, range, shape, elementCountOf(shape)!, stored, what);
  if (stored.field === rawData || stored.field === floatData || stored.field === doubleData)
    return placeFixed(wire, range, dtype, shape, byteLength, stored, what);
  const inline = await decodeVarints(wire, range, dtype, byteLength, stored, what);
  return { dtype, shape, byteOffset: -1, byteLength, inline };
}

/** raw_data, and floats or doubles in runs: bytes of the file as they are. */
export async function placeFixed(
  wire: Wire,
  range: ByteRange,
  dtype: Dtype,
  shape: readonly number[],
  byteLength: number,
  stored: StoredValues,
  what: string,
): Promise<TensorValues> {
  if (stored.byteCount !== byteLength)
    throw wire.malformed(
      range.start,
      `${what} has ${stored.byteCount} bytes of values where ${dtype} [${shape.join(", ")}] needs ${byteLength}`,
    );
  if (stored.run !== null) return { dtype, shape, byteOffset: stored.run.start, byteLength, inline: null };
  wire.charge(byteLength, range.start);
  const inline = new Uint8Array(byteLength);
  let filled = 0;
  await wire.walk(range, (field) => {
    if (field.number !== stored.field) return;
    const target = inline.subarray(filled);
    filled += field.end - field.start;
    return wire.copy(field, target);
  });
  return { dtype, shape, byteOffset: -1, byteLength, inline };
}

/**
 * Varints to little-endian elements of the dtype's width. Halves, bytes and pairs of nibbles are stored as int32 that hold
 * their bits; a value that does not fit its width is refused, as the runtimes' truncations differ.
 */
export async function decodeVarints(
  wire: Wire,
  range: ByteRange,
  dtype: Dtype,
  byteLength: number,
  stored: StoredValues,
  what: string,
): Promise<Uint8Array> {
  const width = Math.max(1, dtypeBits[dtype] / 8);
  const valueCount = byteLength / width;
  const wrongCount = (found: string): Error =>
    wire.malformed(range.start, `${what} has ${found} values where its shape needs ${valueCount}`);
  // A varint takes a byte at least: checked before anything is allocated.
  if (valueCount > stored.byteCount) throw wrongCount(`at most ${stored.byteCount}`);
  wire.charge(byteLength, range.start);
  const inline = new Uint8Array(byteLength);
  const view = new DataView(inline.buffer);
  let index = 0;
  const emit = (low: number, high: number): void => {
    if (index === valueCount) throw wrongCount("more");
    if (!fits(dtype, low, high))
      throw wire.malformed(range.start, `value ${index} of ${what} does not fit ${dtype}`);
    writeInteger(view, index++ * width, width, low, high);
  };
  await wire.walk(range, (field): Pending => {
    if (field.number !== stored.field) return;
    if (field.type === wireBytes) return wire.walkPacked(field, emit);
    emit(field.low, field.high);
  });
  if (index !== valueCount) throw wrongCount(String(index));
  return inline;
}

function writeInteger(view: DataView, at: number, width: number, low: number, high: number): void {
  if (width === 1) view.setUint8(at, low & 0xff);
  else if (width === 2) view.setUint16(at, low & 0xffff, true);
  else {
    view.setInt32(at, low, true);
    if (width === 8) view.setInt32(at + 4, high, true);
  }
}

/** Whether 64 bits of a varint are a value of that type. */
function fits(dtype: Dtype, low: number, high: number): boolean {
  switch (dtype) {
    case "I64":
    case "U64":
      return true;
    case "U32":
      return high === 0;
    case "BOOL":
      return high === 0 && (low === 0 || low === 1);
    case "I32":
      // protobuf's int32 is sign-extended to 64 bits; readers drop the upper half.
      return true;
    case "I16":
      return low >= -0x8000 && low <= 0x7fff;
    case "I8":
      return low >= -0x80 && low <= 0x7f;
    default:
      return high === 0 && low >= 0 && low < 2 ** Math.max(8, dtypeBits[dtype]);
  }
}

async function readStrings(
  wire: Wire,
  range: ByteRange,
  shape: readonly number[],
  elementCount: number,
  stored: StoredValues,
  what: string,
): Promise<TensorValues> {
  if (stored.fieldCount !== elementCount)
    throw wire.malformed(
      range.start,
      `${what} has ${stored.fieldCount} texts where its shape needs ${elementCount}`,
    );
  const byteLength = stored.byteCount + 4 * elementCount;
  wire.charge(byteLength, range.start);
  const inline = new Uint8Array(byteLength);
  const view = new DataView(inline.buffer);
  let filled = 0;
  await wire.walk(range, (field) => {
    if (field.number !== stringData) return;
    const textLength = field.end - field.start;
    view.setUint32(filled, textLength, true);
    const target = inline.subarray(filled + 4);
    filled += 4 + textLength;
    return wire.copy(field, target);
  });
  return { dtype: "STRING", shape, byteOffset: -1, byteLength, inline };
}
