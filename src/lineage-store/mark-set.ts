/**
 * A set of hashes, exact, for collections over millions of objects: all 32 bytes of each, and 8 to 16 more to find it by. What takes one
 * hash for another would leave an object out of a backup, or not look at what a needed one stands on.
 *
 *     rows    hashes in the order in which they came, 32 bytes each, in chunks: nothing of them is copied as the set grows
 *     slots   open addressing: 1 + row, 0 for a free slot; at most half of them are taken
 */
import { MendlineError } from "../errors.js";
import { marksMax } from "../limits.js";

const hashBytes = 32;
const chunkRows = 32_768;
/** Slots are filled up to this share before there are twice as many. */
const loadMax = 0.5;

export class MarkSet {
  readonly #rows: Buffer[] = [];
  #slots = new Uint32Array(1_024);
  #size = 0;
  /** The hash that is looked for. */
  readonly #wanted = Buffer.alloc(hashBytes);

  get size(): number {
    return this.#size;
  }

  /** @param hash  64 hex digits @returns whether it was not in */
  add(hash: string): boolean {
    const slot = this.#slotOf(this.#parse(hash));
    if (this.#slots[slot] !== 0) return false;
    if (this.#size === marksMax)
      throw new MendlineError(
        "MENDLINE_DATA_LIMIT",
        `more than ${marksMax} different objects or records: keep them in several stores`,
        { details: { marksMax } },
      );
    const place = this.#size % chunkRows;
    if (place === 0) this.#rows.push(Buffer.allocUnsafeSlow(chunkRows * hashBytes));
    this.#rows.at(-1)!.set(this.#wanted, place * hashBytes);
    this.#slots[slot] = ++this.#size;
    if (this.#size > this.#slots.length * loadMax) this.#grow();
    return true;
  }

  has(hash: string): boolean {
    return this.#slots[this.#slotOf(this.#parse(hash))] !== 0;
  }

  #parse(hash: string): Buffer {
    if (this.#wanted.write(hash, "hex") !== hashBytes) throw new RangeError(`"${hash}" is no hash`);
    return this.#wanted;
  }

  /** Where it is, or the free slot that it would get. */
  #slotOf(hash: Buffer): number {
    const last = this.#slots.length - 1;
    // The first bits of a sha256 are as good as any.
    let slot = hash.readUInt32LE(0) & last;
    for (let row = this.#slots[slot]!; row !== 0; row = this.#slots[slot]!) {
      if (this.#row(row - 1).equals(hash)) return slot;
      slot = (slot + 1) & last;
    }
    return slot;
  }

  #row(index: number): Buffer {
    const start = (index % chunkRows) * hashBytes;
    return this.#rows[Math.floor(index / chunkRows)]!.subarray(start, start + hashBytes);
  }

  #grow(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    for (let row = 0; row < this.#size; row++) this.#slots[this.#slotOf(this.#row(row))] = row + 1;
  }
}
