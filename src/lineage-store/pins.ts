/**
 * What the collector of garbage must leave alone although no record says so: objects that were put and wait for their commit, objects and
 * models that somebody reads. It looks here, and removes, without a turn of the event loop in between.
 */
import { orphanAgeMsMin } from "../limits.js";

export class Pins {
  readonly #held = new Map<string, number>();
  /** Objects put since the opening, and when. */
  readonly #put = new Map<string, number>();
  #collections = 0;

  /** An object or a model, until the returned function is called. */
  hold(id: string): () => void {
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = this.#held.get(id)! - 1;
      if (left === 0) this.#held.delete(id);
      else this.#held.set(id, left);
    };
  }

  put(object: string): void {
    this.#put.set(object, performance.now());
  }

  /** Records refer to these now. A collection under way may have read the records before. */
  committed(objects: Iterable<string>): void {
    if (this.#collections > 0) return;
    for (const object of objects) this.#put.delete(object);
  }

  isPinned(id: string): boolean {
    return this.#held.has(id) || this.#put.has(id);
  }

  /** For the time of a collection. Additions that were given up long ago are forgotten. */
  async collecting<T>(work: () => Promise<T>): Promise<T> {
    const oldest = performance.now() - orphanAgeMsMin;
    for (const [object, atMs] of this.#put) if (atMs < oldest) this.#put.delete(object);
    this.#collections++;
    try {
      return await work();
    } finally {
      this.#collections--;
    }
  }
}
