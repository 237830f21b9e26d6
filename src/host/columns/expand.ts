/** One byte a bit, least significant first: 0 or 1. */
export function expandBits(bits: Uint8Array, out: Uint8Array): void {
  for (let i = 0; i < out.length; i++) out[i] = (bits[i >>> 3]! >>> (i & 7)) & 1;
}
