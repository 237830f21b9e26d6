/**
 * One tensor index for every format of parameters: which bytes of the file are whose values. Whoever blends, hashes or
 * patches a model works on this index and never learns which format it came from.
 */
import { type ErrorCode, MendlineError } from "../../errors.js";

/**
 * Bits of one element. The names are those of safetensors; those it lacks (4 and 2 bits, C128, STRING) come from ONNX.
 * STRING has no width: each value is a 4-byte little-endian length and its bytes, and such tensors are always inline.
 */
export const dtypeBits = {
  F64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F8_E8M0: 8,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F4: 4,
  I64: 64,
  I32: 32,
  I16: 16,
  I8: 8,
  I4: 4,
  I2: 2,
  U64: 64,
  U32: 32,
  U16: 16,
  U8: 8,
  U4: 4,
  U2: 2,
  BOOL: 8,
  C64: 64,
  C128: 128,
  STRING: 0,
} as const;

export type Dtype = keyof typeof dtypeBits;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Where the values begin in the file: little-endian, contiguous, not aligned. -1 where they are inline. */
  readonly byteOffset: number;
  /** product(shape) * width, rounded up to whole bytes for widths below 8 bits. */
  readonly byteLength: number;
  /** The values as canonical little-endian bytes where the file has no such range; such tensors are never patched. */
  readonly inline: Uint8Array | null;
  /**
   * ONNX only: `<op type>#<ordinal among the graph's nodes of that op type>/<input index>` of the first consumer, with the
   * path of its graph before it. Values held in an attribute have `…/@<attribute>`. It survives exporters' renamings.
   */
  readonly slot: string | null;
  /** ONNX only: the place of that first consumer among all nodes, which stand in the order of computation. */
  readonly order: number | null;
}

/** An input or output of an ONNX graph. */
export interface ValueInfo {
  readonly name: string;
  /** null where it is no tensor (a sequence, a map). */
  readonly dtype: Dtype | null;
  /** Numbers, names of symbolic dimensions, null for an unknown dimension; null as a whole where the rank is unknown. */
  readonly shape: readonly (number | string | null)[] | null;
}

/** One file of a model that is spread over several. */
export interface Shard {
  /** Of the file, in the folder of the index, or of the ONNX model that names it; of that, the name may have folders. */
  readonly name: string;
  /** Where its bytes begin when all shards are read as one file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface ParameterFile {
  /** Of a model in shards: that of its index. */
  readonly path: string;
  /**
   * A model in several files: safetensors in shards, or ONNX and its external data, of which the first is the model at `path`. They are
   * read one behind the other, and every offset here counts from the first one's beginning.
   */
  readonly shards?: readonly Shard[];
  readonly format: "safetensors" | "onnx";
  readonly byteLength: number;
  /** Sorted by the UTF-8 bytes of their names, which are unique. */
  readonly tensors: readonly TensorEntry[];
  /** Whether weights are quantised: quantising operators in ONNX; in safetensors told by dtype, rank and name. */
  readonly quantized: boolean;
  /** ONNX only, else empty. Inputs that an initializer fills are left out: no caller has to give them. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface Segment {
  readonly kind: "literal" | "tensor";
  /** The tensor's name; null for bytes that are copied as they are. */
  readonly tensor: string | null;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/**
 * The whole file as a partition in file order: every byte is in exactly one segment, no segment is empty. Inline
 * tensors lie inside literals; tensors without elements have no segment.
 */
export function segments(file: ParameterFile): Segment[] {
  const ranged = file.tensors
    .filter((tensor) => tensor.byteOffset >= 0 && tensor.byteLength > 0)
    .sort((left, right) => left.byteOffset - right.byteOffset);
  const parts: Segment[] = [];
  let position = 0;
  for (const { name, byteOffset, byteLength } of ranged) {
    pushLiteral(parts, position, byteOffset);
    parts.push({ kind: "tensor", tensor: name, byteOffset, byteLength });
    position = byteOffset + byteLength;
  }
  pushLiteral(parts, position, file.byteLength);
  return parts;
}

function pushLiteral(parts: Segment[], begin: number, end: number): void {
  if (end > begin) parts.push({ kind: "literal", tensor: null, byteOffset: begin, byteLength: end - begin });
}

/** Elements of a shape, multiplied in order; null where a product exceeds what a double counts exactly. */
export function elementCountOf(shape: readonly number[]): number | null {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (count > Number.MAX_SAFE_INTEGER) return null;
  }
  return count;
}

/** Bytes of that many elements, rounded up to whole bytes; null on overflow. */
export function byteLengthOf(dtype: Dtype, elementCount: number): number | null {
  const bits = dtypeBits[dtype];
  const byteLength = Math.ceil(elementCount * (bits / 8));
  return byteLength > Number.MAX_SAFE_INTEGER ? null : byteLength;
}

/** Order of the UTF-8 bytes of two strings, told from their UTF-16 units without encoding them. */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const leftUnit = left.charCodeAt(index);
    const rightUnit = right.charCodeAt(index);
    if (leftUnit !== rightUnit) return utf8Rank(leftUnit) - utf8Rank(rightUnit);
  }
  return left.length - right.length;
}

/** Surrogates stand for code points above every single unit, so they move behind U+E000 … U+FFFF. */
function utf8Rank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}

export function sortByName<T extends { readonly name: string }>(entries: T[]): T[] {
  return entries.sort((left, right) => compareUtf8(left.name, right.name));
}

/** A name out of a hostile file, fit for one line of a terminal. */
export function quoted(name: string): string {
  const short = name.length > 80 ? `${name.slice(0, 80)}…` : name;
  // DEL and the C1 controls pass JSON.stringify but not every terminal.
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

export function modelError(
  code: Extract<ErrorCode, "MENDLINE_MODEL_FORMAT" | "MENDLINE_MODEL_MALFORMED">,
  path: string,
  problem: string,
  details: Record<string, unknown> = {},
): MendlineError {
  return new MendlineError(code, `${path}: ${problem}`, { details: { path, ...details } });
}
