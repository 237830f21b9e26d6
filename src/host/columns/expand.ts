/** Storage that kernels have no lanes for, widened without loss. */

/** One byte a bit, least significant first: 0 or 1. */
export function expandBits(bits: Uint8Array, out: Uint8Array): void {
  for (let i = 0; i < out.length; i++) out[i] = (bits[i >>> 3]! >>> (i & 7)) & 1;
}

/** IEEE 754 binary16, little-endian, to f32: exact, with subnormals, infinities and NaN. */
export function widenHalves(halves: Uint8Array, out: Float32Array): void {
  const view = new DataView(halves.buffer, halves.byteOffset, halves.byteLength);
  for (let i = 0; i < out.length; i++) out[i] = halfToNumber(view.getUint16(i * 2, true));
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
