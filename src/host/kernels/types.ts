/** The storage types that kernels read, and what the host must know about each. */

export const numericTypes = ["f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"] as const;
export type NumericType = (typeof numericTypes)[number];

export const codeTypes = ["i8", "i16", "i32", "u8", "u16", "u32"] as const;
export type CodeType = (typeof codeTypes)[number];

const widthBytes: Record<NumericType, number> = {
  f32: 4,
  f64: 8,
  i8: 1,
  i16: 2,
  i32: 4,
  i64: 8,
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
};

export function bytesOf(type: NumericType): number {
  return widthBytes[type];
}

export function isFloatType(type: NumericType): boolean {
  return type === "f32" || type === "f64";
}

/** Whether values need a BigInt: they can be past 2^53. */
export function isWideInteger(type: NumericType): boolean {
  return type === "i64" || type === "u64";
}

/** Which of three orders a type's sortable keys follow (assembly/keys.ts). */
export type KeyKind = "f64" | "i64" | "u64";

export function keyKindOf(type: NumericType): KeyKind {
  if (isFloatType(type)) return "f64";
  return type.startsWith("i") ? "i64" : "u64";
}

/** Smallest and largest finite value of a type, as the type's own host number. */
export function rangeOf(type: NumericType): { lowest: number | bigint; highest: number | bigint } {
  if (type === "f64") return { lowest: -Number.MAX_VALUE, highest: Number.MAX_VALUE };
  if (type === "f32") return { lowest: -3.4028234663852886e38, highest: 3.4028234663852886e38 };
  const bits = BigInt(widthBytes[type] * 8);
  const signed = type.startsWith("i");
  const highest = (1n << (signed ? bits - 1n : bits)) - 1n;
  const lowest = signed ? -(1n << (bits - 1n)) : 0n;
  return isWideInteger(type) ? { lowest, highest } : { lowest: Number(lowest), highest: Number(highest) };
}

export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

const arrayOf = {
  f32: Float32Array,
  f64: Float64Array,
  i8: Int8Array,
  i16: Int16Array,
  i32: Int32Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  u64: BigUint64Array,
} as const;

/** A typed view of `count` elements at `ptr`; valid until the memory grows. */
export function viewOf(
  memory: WebAssembly.Memory,
  type: NumericType,
  ptr: number,
  count: number,
): NumericArray {
  return new arrayOf[type](memory.buffer, ptr, count);
}

/** `count` elements of bytes that need not be aligned: a view where they are, a copy where not. */
export function viewOfBytes(type: NumericType, bytes: Uint8Array, count: number): NumericArray {
  const aligned =
    bytes.byteOffset % widthBytes[type] === 0 ? bytes : bytes.slice(0, count * widthBytes[type]);
  return new arrayOf[type](aligned.buffer as ArrayBuffer, aligned.byteOffset, count);
}
