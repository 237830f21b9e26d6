/** Reads through places of a file as if they were one run of bytes. Memory: a window of a megabyte, or what is taken at once. */
import type { FileHandle } from "node:fs/promises";
import { readAll } from "./files.js";
import type { Place } from "./leveldb-table.js";

const windowBytes = 1024 * 1024;

export class PlacesReader {
  readonly #file: FileHandle;
  readonly #places: readonly Place[];
  /** Next place to read from, and how far it has been read. */
  #next = 0;
  #within = 0;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;

  /** @param places  in the order of the file */
  constructor(file: FileHandle, places: readonly Place[]) {
    this.#file = file;
    this.#places = places;
  }

  /** Up to so many bytes, fewer only at the end; good until the next call. */
  async peek(byteLength: number): Promise<Buffer> {
    if (this.#buffer.length - this.#at < byteLength) await this.#fill(byteLength);
    return this.#buffer.subarray(this.#at, this.#at + byteLength);
  }

  async take(byteLength: number): Promise<Buffer> {
    const bytes = await this.peek(byteLength);
    this.#at += bytes.length;
    return bytes;
  }

  async skip(byteLength: number): Promise<void> {
    for (let left = byteLength; left > 0; ) {
      const { length } = await this.take(Math.min(left, windowBytes));
      if (length === 0) return;
      left -= length;
    }
  }

  /** What is left, and as much more as makes up a window or what is wanted. */
  async #fill(wanted: number): Promise<void> {
    const left = this.#buffer.subarray(this.#at);
    const filled = Buffer.allocUnsafe(Math.max(windowBytes, wanted));
    filled.set(left);
    let length = left.length;
    while (length < filled.length && this.#next < this.#places.length) {
      const place = this.#places[this.#next]!;
      const byteLength = Math.min(place.byteLength - this.#within, filled.length - length);
      const part = filled.subarray(length, length + byteLength);
      const read = await readAll(this.#file, part, place.offset + this.#within);
      length += read;
      this.#within += read;
      if (this.#within < place.byteLength && read === byteLength) break;
      this.#next++;
      this.#within = 0;
    }
    this.#buffer = filled.subarray(0, length);
    this.#at = 0;
  }
}
