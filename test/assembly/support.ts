/** A memory with the kernels over it, guarded outputs, and values that hurt. */

import { compileKernels, instantiateKernels } from "../../src/host/kernels/module.js";
import {
  isFloatType,
  isWideInteger,
  type NumericType,
  rangeOf,
  viewOf,
} from "../../src/host/kernels/types.js";
import { xorshift32 } from "../random.js";
import type { Presence, Value } from "./oracle.js";

const pages = 64;
export const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
export const kernels = instantiateKernels(await compileKernels(), memory);
export const memoryEnd = pages * 65_536;

/** Where tests lay things out: far enough from each other for a few thousand 8-byte values. */
export const place = {
  values: 1 << 17,
  others: 1 << 18,
  validity: 3 << 18,
  edges: 1 << 20,
  out: 3 << 19,
  scratch: 1 << 21,
} as const;

const bytes = new Uint8Array(memory.buffer);
const guardBytes = 64;
const guardByte = 0xa5;

/** Seeded, so that a failure repeats. @returns from 0 to 1 */
export function random(seed: number): () => number {
  const next = xorshift32(seed | 1);
  return () => next() / 2 ** 32;
}

/** Surrounds an output with guard bytes, and fills it with others, so that a kernel has to write all of it. */
export function guard(ptr: number, byteLength: number): void {
  bytes.fill(guardByte, ptr - guardBytes, ptr);
  bytes.fill(0x5a, ptr, ptr + byteLength);
  bytes.fill(guardByte, ptr + byteLength, ptr + byteLength + guardBytes);
}

export function isGuardWhole(ptr: number, byteLength: number): boolean {
  for (let i = 1; i <= guardBytes; i++) {
    if (bytes[ptr - i] !== guardByte || bytes[ptr + byteLength + i - 1] !== guardByte) return false;
  }
  return true;
}

export function put(type: NumericType, ptr: number, values: readonly Value[]): number {
  const view = viewOf(memory, type, ptr, values.length);
  values.forEach((value, index) => {
    view[index] = value;
  });
  return ptr;
}

export function get(type: NumericType, ptr: number, count: number): Value[] {
  return Array.from(viewOf(memory, type, ptr, count) as ArrayLike<Value>);
}

export function words(ptr: number, count: number): number[] {
  return Array.from(new Uint32Array(memory.buffer, ptr, count));
}

/** Random validity bits at `ptr`; the presence they mean from `bitOffset` on. */
export function putValidity(
  ptr: number,
  byteLength: number,
  next: () => number,
): (bitOffset: number) => Presence {
  for (let i = 0; i < byteLength; i++) bytes[ptr + i] = next() * 256;
  const bits = bytes.slice(ptr, ptr + byteLength);
  return (bitOffset) => (row) => ((bits[(bitOffset + row) >>> 3]! >>> ((bitOffset + row) & 7)) & 1) === 1;
}

const floats = [
  0,
  -0,
  1,
  -1,
  0.1,
  -2.5,
  3,
  1e-3,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

/** The values where comparisons, signs and widths go wrong. */
export function hardValues(type: NumericType): Value[] {
  const { lowest, highest } = rangeOf(type);
  if (type === "f32") {
    return [...floats.map(Math.fround), lowest, highest, 2 ** -149, -(2 ** -149), 2 ** -126, -(2 ** -126)];
  }
  if (type === "f64") return [...floats, lowest, highest, 5e-324, -5e-324, 2 ** -1022, 2 ** 53 + 2];
  const middle = type.startsWith("i") ? [-1, 0, 1, -7] : [0, 1, 2, 7];
  if (!isWideInteger(type)) return [lowest, highest, Number(lowest) + 1, Number(highest) - 1, ...middle];
  const wide = [
    lowest,
    highest,
    BigInt(lowest) + 1n,
    BigInt(highest) - 1n,
    2n ** 53n + 1n,
    2n ** 62n,
    ...middle,
  ];
  return wide.map(BigInt);
}

/** A value anywhere in the type's range, every bit pattern alike; in floats NaN and infinities too. */
export function anyValue(type: NumericType, next: () => number): Value {
  const scratch = new DataView(new ArrayBuffer(8));
  scratch.setUint32(0, next() * 2 ** 32, true);
  scratch.setUint32(4, next() * 2 ** 32, true);
  return (viewOfBuffer(type, scratch.buffer) as ArrayLike<Value>)[0]!;
}

function viewOfBuffer(type: NumericType, buffer: ArrayBuffer) {
  return viewOf({ buffer } as WebAssembly.Memory, type, 0, 1);
}

/** Half of them hard, a quarter near zero, a quarter anywhere. */
export function mixedValues(type: NumericType, count: number, next: () => number): Value[] {
  const hard = hardValues(type);
  return Array.from({ length: count }, () => {
    const kind = next();
    if (kind < 0.5) return hard[Math.floor(next() * hard.length)]!;
    if (kind < 0.75) return anyValue(type, next);
    const small = Math.floor(next() * 40) - (type.startsWith("u") ? 0 : 20);
    if (isWideInteger(type)) return BigInt(small);
    return isFloatType(type) ? small / 4 : small;
  });
}

/** `count` ascending edges out of mixed values, never NaN, infinite or -0; distinct while the type has room. */
export function edgesOf(type: NumericType, count: number, next: () => number): Value[] {
  const edges = new Set<Value>();
  const repeated: Value[] = [];
  while (edges.size + repeated.length < count) {
    const [value] = mixedValues(type, 1, next);
    if (typeof value === "number" && !Number.isFinite(value)) continue;
    const edge = value === 0 ? 0 : value!;
    if (!edges.has(edge)) edges.add(edge);
    else if (edges.size >= 250 || (type.endsWith("8") && edges.size >= 200)) repeated.push(edge);
  }
  return [...edges, ...repeated].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
}
