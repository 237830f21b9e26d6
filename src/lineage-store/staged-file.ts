/** A file on its way: held in memory while it is small, so that what turns out to be known already costs no file. */
import type { FileHandle } from "node:fs/promises";
import { objectHeldBytesMax } from "../limits.js";
import { disk, fileError, writeAll } from "./files.js";

export class StagedFile {
  readonly #path: string;
  #held: Uint8Array[] = [];
  #opening: Promise<FileHandle> | null = null;
  readonly #writes = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | null = null;
  #byteLength = 0;

  /** @param path  where nothing is; the folder is there */
  constructor(path: string) {
    this.#path = path;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /**
   * Appends without waiting for what was appended before.
   *
   * @returns when the chunk is no longer needed
   */
  async append(chunk: Uint8Array): Promise<void> {
    const position = this.#byteLength;
    this.#byteLength += chunk.length;
    if (this.#opening === null && this.#byteLength <= objectHeldBytesMax)
      this.#held.push(new Uint8Array(chunk));
    else await this.#track(this.#write(chunk, position));
  }

  async #write(chunk: Uint8Array, position: number): Promise<void> {
    try {
      await writeAll(await this.#file(), chunk, position);
    } catch (error) {
      throw fileError(this.#path, "written", error);
    }
  }

  #file(): Promise<FileHandle> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<FileHandle> {
    const held = this.#held;
    this.#held = [];
    const file = await disk.open(this.#path, "wx");
    try {
      let position = 0;
      for (const chunk of held) {
        await writeAll(file, chunk, position);
        position += chunk.length;
      }
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  #track(write: Promise<void>): Promise<void> {
    this.#writes.add(write);
    write
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#writes.delete(write));
    return write;
  }

  async #settle(): Promise<void> {
    while (this.#writes.size > 0) await Promise.allSettled(this.#writes);
  }

  /** Syncs the content and gives it its name. */
  async moveTo(path: string): Promise<void> {
    await this.#settle();
    if (this.#failure !== null) throw this.#failure.error;
    try {
      const file = await this.#file();
      await file.sync();
      await this.#close();
      await disk.rename(this.#path, path);
    } catch (error) {
      throw fileError(path, "written", error);
    }
  }

  /** Removes what was written, whatever became of it. What cannot be removed is swept at the next opening. */
  async discard(): Promise<void> {
    await this.#settle();
    this.#held = [];
    if (this.#opening === null) return;
    await this.#close().catch(() => undefined);
    await disk.rm(this.#path, { force: true }).catch(() => undefined);
  }

  async #close(): Promise<void> {
    const opening = this.#opening;
    // Stays set, so that `discard` knows that there may be a file; a handle is closed once.
    this.#opening = Promise.reject(new Error("the staged file is closed"));
    this.#opening.catch(() => undefined);
    const file = await opening?.catch(() => undefined);
    await file?.close();
  }
}
