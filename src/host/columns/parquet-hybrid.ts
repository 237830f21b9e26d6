/**
 * Parquet's hybrid of run lengths and bit packing, read on demand: levels, dictionary codes and booleans. A run of two billion values
 * takes five bytes on disk, so nothing is unpacked that was not asked for.
 *
 *     run:     header = length << 1         then one value in ceil(width / 8) bytes
 *     packed:  header = groups << 1 | 1     then groups * 8 values of `width` bits, least significant first
 *
 * Source: Parquet format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
 */
export class HybridReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #width: number;
  readonly #mask: number;
  #at: number;
  /** Values left in the run; where `#bit` is not negative, it is bit-packed and the next one begins there. */
  #left = 0;
  #value = 0;
  #bit = -1;

  /** @param width  bits of a value, 0 to 32 */
  constructor(bytes: Uint8Array, offset: number, end: number, width: number) {
    if (width > 32) throw new RangeError(`values of ${width} bits`);
    if (end > bytes.length || offset > end)
      throw new RangeError(`runs end at ${end}, the page at ${bytes.length}`);
    this.#bytes = bytes;
    this.#at = offset;
    this.#end = end;
    this.#width = width;
    this.#mask = width === 32 ? 0xffffffff : (1 << width) - 1;
  }

  /** @throws RangeError  the bytes end before `count` values */
  read(out: Uint8Array | Int32Array, outIndex: number, count: number): void {
    const stop = outIndex + count;
    for (let at = outIndex; at < stop; ) {
      if (this.#left === 0) this.#begin();
      const taken = Math.min(this.#left, stop - at);
      if (this.#bit < 0) out.fill(this.#value, at, at + taken);
      else this.#unpack(out, at, taken);
      this.#left -= taken;
      at += taken;
    }
  }

  #begin(): void {
    if (this.#width === 0) {
      this.#left = Number.MAX_SAFE_INTEGER;
      return;
    }
    if (this.#bit >= 0) this.#at = Math.min(this.#at, this.#end);
    const header = this.#header();
    const count = header >>> 1;
    if ((header & 1) === 0) {
      this.#beginRun(count);
      return;
    }
    // Writers may leave out the padding of the last group.
    const available = Math.floor(((this.#end - this.#at) * 8) / this.#width);
    this.#bit = this.#at * 8;
    this.#left = Math.min(count * 8, available);
    this.#at += count * this.#width;
    if (this.#left === 0) throw new RangeError("a bit-packed run without bytes");
  }

  #beginRun(count: number): void {
    const byteLength = (this.#width + 7) >>> 3;
    if (this.#at + byteLength > this.#end) throw new RangeError("a run without its value");
    let value = 0;
    for (let i = 0; i < byteLength; i++) value |= this.#bytes[this.#at + i]! << (i * 8);
    this.#at += byteLength;
    this.#value = value;
    this.#bit = -1;
    this.#left = count;
  }

  #header(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#at >= this.#end) throw new RangeError("the runs end early");
      const byte = this.#bytes[this.#at++]!;
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value >>> 0;
    }
    throw new RangeError("a run's header of more than 5 bytes");
  }

  /** Bytes behind the page's end read as undefined, which the bit operations take as 0; no value asked for lies there. */
  #unpack(out: Uint8Array | Int32Array, from: number, count: number): void {
    const bytes = this.#bytes;
    const width = this.#width;
    const mask = this.#mask;
    let bit = this.#bit;
    for (let i = from; i < from + count; i++, bit += width) {
      const at = Math.floor(bit / 8);
      const shift = bit & 7;
      const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      let value = word >>> shift;
      if (shift + width > 32) value |= bytes[at + 4]! << (32 - shift);
      out[i] = value & mask;
    }
    this.#bit = bit;
  }
}
