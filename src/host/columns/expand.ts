/** One byte a bit from `bitOffset` on, least significant first: 0 or 1. */
export function expandBits(bits: Uint8Array, out: Uint8Array, bitOffset = 0): void {
  for (let i = 0; i < out.length; i++) {
    const bit = bitOffset + i;
    out[i] = (bits[bit >>> 3]! >>> (bit & 7)) & 1;
  }
}
