/** The bytes of one object on their way into the store, to be kept as they are. */
import { createHash } from "node:crypto";
import { StagedFile } from "./staged-file.js";

export interface StoredObject {
  /** sha256, 64 hex digits. */
  readonly hash: string;
  readonly byteLength: number;
}

/** Takes the bytes of one object. `end` it and publish it, or `discard` it. */
export interface ObjectSink {
  readonly isPacked: boolean;
  /** Returns when the chunk may be reused. Chunks may be written without waiting for the ones before. */
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<StoredObject>;
  /** Whether an object of the same content lies in the store and was just read and found whole; told after `end`. */
  readonly isKnown: boolean;
  /** Syncs the content and gives it its name. */
  moveTo(path: string): Promise<void>;
  discard(): Promise<void>;
}

export class WholeSink implements ObjectSink {
  readonly isPacked = false;
  readonly isKnown = false;
  readonly #hash = createHash("sha256");
  readonly #staged: StagedFile;

  constructor(stagingPath: string) {
    this.#staged = new StagedFile(stagingPath);
  }

  write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    return this.#staged.append(chunk);
  }

  async end(): Promise<StoredObject> {
    return { hash: this.#hash.digest("hex"), byteLength: this.#staged.byteLength };
  }

  moveTo(path: string): Promise<void> {
    return this.#staged.moveTo(path);
  }

  discard(): Promise<void> {
    return this.#staged.discard();
  }
}
