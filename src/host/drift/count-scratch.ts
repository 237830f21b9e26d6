/** Where inline counting, which happens one column after the other, leaves its results. */
import type { Arena } from "../memory/arena.js";

export class CountScratch {
  readonly #arena: Arena;
  #byteLength = 0;
  #ptr = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  get ptr(): number {
    return this.#ptr;
  }

  /** The results begin here. */
  words = new Uint32Array(0);

  /** Has room for so many bytes from now on. */
  reserve(byteLength: number): void {
    if (byteLength <= this.#byteLength) return;
    const ptr = this.#arena.allocate(byteLength);
    this.close();
    this.#ptr = ptr;
    this.#byteLength = byteLength;
    // Shared memory may grow under a view: what the view shows stays where it is.
    this.words = new Uint32Array(this.#arena.memory.buffer, ptr, byteLength / 4);
  }

  close(): void {
    if (this.#byteLength > 0) this.#arena.release(this.#ptr);
    this.#byteLength = 0;
  }
}
