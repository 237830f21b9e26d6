/**
 * A set of hashes in 8 bytes each, for collections over millions of objects: it holds the first 52 bits, as numbers. Two hashes that share
 * them are taken for one, so that it may say of a hash that it is in, never that it is not.
 */
import { MendlineError } from "../errors.js";
import { marksMax } from "../limits.js";

const digits = 13;
/** Slots are filled up to this share before there are twice as many. */
const loadMax = 0.5;

export class MarkSet {
  /** Open addressing; -1 is a free slot. */
  #slots = new Float64Array(1_024).fill(-1);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param hash  hex digits @returns whether it was not in */
  add(hash: string): boolean {
    const mark = markOf(hash);
    const slot = this.#slotOf(mark);
    if (this.#slots[slot] === mark) return false;
    if (this.#size === marksMax)
      throw new MendlineError(
        "MENDLINE_DATA_LIMIT",
        `more than ${marksMax} different objects or records: keep them in several stores`,
        { details: { marksMax } },
      );
    this.#slots[slot] = mark;
    this.#size++;
    if (this.#size > this.#slots.length * loadMax) this.#grow();
    return true;
  }

  has(hash: string): boolean {
    const mark = markOf(hash);
    return this.#slots[this.#slotOf(mark)] === mark;
  }

  #slotOf(mark: number): number {
    const last = this.#slots.length - 1;
    // The upper bits of a sha256 are as good as any.
    let slot = mark % this.#slots.length;
    while (this.#slots[slot] !== -1 && this.#slots[slot] !== mark) slot = (slot + 1) & last;
    return slot;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Float64Array(old.length * 2).fill(-1);
    for (const mark of old) if (mark !== -1) this.#slots[this.#slotOf(mark)] = mark;
  }
}

function markOf(hash: string): number {
  return Number.parseInt(hash.slice(0, digits), 16);
}
