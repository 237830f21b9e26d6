/**
 * Weighted sums and the stored-history transform once more, as plain as they can be written: numbers and bigints, one element at a
 * time. Half-width floats are converted by src/host/kernels/halves.ts, which is tested against tables of all their values.
 */
import { narrow, widen } from "../../src/host/kernels/halves.js";

export type HalfType = "f16" | "bf16";
const dtypes = { f16: "F16", bf16: "BF16" } as const;

export function widened(type: HalfType, patterns: readonly number[]): number[] {
  const values = new Float32Array(patterns.length);
  widen(dtypes[type], new Uint8Array(Uint16Array.from(patterns).buffer), values);
  return Array.from(values);
}

export function narrowed(type: HalfType, values: readonly number[]): number[] {
  const bytes = new Uint8Array(values.length * 2);
  narrow(dtypes[type], Float32Array.from(values), bytes);
  return Array.from(new Uint16Array(bytes.buffer));
}

/** w_0 x_0 + w_1 x_1 + ..., every product and every sum rounded. */
export function weightedSum(
  vectors: readonly (readonly number[])[],
  weights: readonly number[],
  round: (x: number) => number,
): number[] {
  const [first, ...others] = vectors;
  return first!.map((x, i) =>
    others.reduce(
      (sum, vector, k) => round(sum + round(round(weights[k + 1]!) * vector[i]!)),
      round(round(weights[0]!) * x),
    ),
  );
}

/** Position of a bit pattern in the order of the floats: negative ones count down, the others up from the middle. */
function rankOf(pattern: bigint, bits: bigint): bigint {
  const middle = 1n << (bits - 1n);
  return pattern < middle ? middle + pattern : 2n * middle - 1n - pattern;
}

function zigzagOf(from: bigint, to: bigint, bits: bigint): bigint {
  const delta = BigInt.asIntN(Number(bits), rankOf(to, bits) - rankOf(from, bits));
  return delta >= 0n ? 2n * delta : -2n * delta - 1n;
}

/** Of all zigzags the two that make a zero come first after 0, that of the source's sign before the other; the rest keeps its order. */
function codeOf(zigzag: bigint, source: bigint, bits: bigint): bigint {
  const sign = 1n << (bits - 1n);
  const magnitude = source & (sign - 1n);
  if (magnitude === 0n || magnitude === sign - 1n) return zigzag;
  const same = zigzagOf(source, source & sign, bits);
  const other = zigzagOf(source, (source & sign) ^ sign, bits);
  if (zigzag === 0n) return 0n;
  if (zigzag === same) return 1n;
  if (zigzag === other) return 2n;
  return zigzag + (zigzag < same ? 1n : 0n) + (zigzag < other ? 1n : 0n);
}

/** The planes of bytes, lowest first, of the codes of the rank differences modulo 2^bits. */
export function deltaPlanes(source: readonly bigint[], target: readonly bigint[], width: number): number[] {
  const bits = BigInt(width * 8);
  const codes = source.map((pattern, i) => codeOf(zigzagOf(pattern, target[i]!, bits), pattern, bits));
  return Array.from({ length: width }, (_, plane) =>
    codes.map((code) => Number((code >> BigInt(8 * plane)) & 255n)),
  ).flat();
}
