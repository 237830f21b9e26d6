/**
 * Which names a reference has folded into `other`, in little room: 24 bits of a hash each, sorted, told apart from one another by
 * Golomb-Rice codes of their gaps (about 12 bits a name for 10,000 of them). A name that was never there passes for one of n with
 * probability n / 2^24, 0.06 % at the most names that are kept; one that was there is always known.
 *
 *     bits, most significant first:   a gap - 1 = quotient 2^k + remainder:   quotient ones, a zero, k bits of remainder   ...   zeros
 *     k = floor(log2(2^24 / n))
 *
 * Source: Rice, Plaunt 1971; the hash is 32-bit FNV-1a (Fowler, Noll, Vo) with the finaliser of MurmurHash3, its upper 24 bits.
 */
import { categoryNamesMax } from "../../limits.js";

const hashBits = 24;

/** Of the name's UTF-16 code units, low byte first. */
export function nameHash(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> (32 - hashBits);
}

/** Ascending, without repeats. */
export function hashesOf(names: readonly string[]): number[] {
  return [...new Set(names.map(nameHash))].sort((left, right) => left - right);
}

/** Base64. @param hashes  as `hashesOf` gives them */
export function encodeHashes(hashes: readonly number[]): string {
  const width = remainderBits(hashes.length);
  const bits = new BitWriter();
  let last = -1;
  for (const hash of hashes) {
    const gap = hash - last - 1;
    bits.ones(gap >>> width);
    bits.bits(0, 1);
    bits.bits(gap & ((1 << width) - 1), width);
    last = hash;
  }
  return Buffer.from(bits.bytes()).toString("base64");
}

/** @throws Error  not what `encodeHashes` gives for so many hashes */
export function decodeHashes(text: string, count: number): number[] {
  if (!Number.isSafeInteger(count) || count < 0 || count > categoryNamesMax)
    throw new Error(`${count} hashes`);
  const bits = new BitReader(Buffer.from(text, "base64"));
  const width = remainderBits(count);
  const hashes: number[] = [];
  let last = -1;
  for (let i = 0; i < count; i++) {
    const gap = bits.ones() * 2 ** width + bits.bits(width);
    last += gap + 1;
    if (last >= 2 ** hashBits) throw new Error("hashes out of range");
    hashes.push(last);
  }
  if (encodeHashes(hashes) !== text) throw new Error("hashes that are not written the one way there is");
  return hashes;
}

function remainderBits(count: number): number {
  return count === 0 ? 0 : Math.floor(Math.log2(2 ** hashBits / count));
}

class BitWriter {
  readonly #bytes: number[] = [];
  #bitCount = 0;

  ones(count: number): void {
    for (let i = 0; i < count; i++) this.bits(1, 1);
  }

  bits(value: number, count: number): void {
    for (let bit = count - 1; bit >= 0; bit--) {
      if ((this.#bitCount & 7) === 0) this.#bytes.push(0);
      this.#bytes[this.#bytes.length - 1]! |= ((value >>> bit) & 1) << (7 - (this.#bitCount & 7));
      this.#bitCount += 1;
    }
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

class BitReader {
  readonly #bytes: Uint8Array;
  #bitIndex = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Ones up to a zero, which is passed. */
  ones(): number {
    let count = 0;
    while (this.bits(1) === 1) count += 1;
    return count;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const byte = this.#bytes[this.#bitIndex >>> 3];
      if (byte === undefined) throw new Error("hashes that are cut off");
      value = value * 2 + ((byte >>> (7 - (this.#bitIndex & 7))) & 1);
      this.#bitIndex += 1;
    }
    return value;
  }
}
