/**
 * Objects: immutable runs of bytes under their sha256, as files.
 *
 *     objects/ab/cdef…   62 further hex digits
 *     tmp/               where they are written before they are whole
 *
 * An object is written beside, synced, renamed, and its folder synced; only then a record may refer to it. What a crash leaves in
 * tmp/ is swept at the next opening; an object without a record does no harm.
 */
import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, lstat, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MendlineError } from "../errors.js";
import { objectHeldBytesMax, objectWritesMax, parameterChunkBytes } from "../limits.js";
import { errnoOf, fileError, makeFolder, syncFolder, writeAll } from "./files.js";

export interface StoredObject {
  /** sha256, 64 hex digits. */
  readonly hash: string;
  readonly byteLength: number;
}

export class ObjectFiles {
  readonly #objectsDir: string;
  readonly #tmpDir: string;

  private constructor(dir: string) {
    this.#objectsDir = join(dir, "objects");
    this.#tmpDir = join(dir, "tmp");
  }

  /** The folder must be locked by the caller: whatever lies in its tmp/ is removed. */
  static async open(dir: string): Promise<ObjectFiles> {
    const files = new ObjectFiles(dir);
    await makeFolder(files.#objectsDir);
    await makeFolder(files.#tmpDir);
    await files.#sweep();
    // A crash may have come between the making of a folder in it and the sync.
    await syncFolder(files.#objectsDir);
    return files;
  }

  async #sweep(): Promise<void> {
    try {
      if (!(await lstat(this.#tmpDir)).isDirectory()) throw new Error("it is a link, not a folder");
      for (const name of await readdir(this.#tmpDir)) await rm(join(this.#tmpDir, name), { recursive: true });
    } catch (error) {
      throw fileError(this.#tmpDir, "emptied", error);
    }
  }

  pathOf(hash: string): string {
    return join(this.#objectsDir, hash.slice(0, 2), hash.slice(2));
  }

  stagingPath(): string {
    return join(this.#tmpDir, randomBytes(12).toString("hex"));
  }

  /** Length of the object's file, or null where there is none. */
  async byteLength(hash: string): Promise<number | null> {
    try {
      return (await stat(this.pathOf(hash))).size;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return null;
      throw fileError(this.pathOf(hash), "read", error);
    }
  }

  /**
   * The object in chunks of up to `parameterChunkBytes`, the caller's to keep. The hash is known only behind the last chunk: a
   * damaged object throws instead of ending. Who needs to be sure before using the first byte must read all of it first.
   *
   * @throws MendlineError MENDLINE_STORE_UNKNOWN  no such object
   * @throws MendlineError MENDLINE_STORE_CORRUPT  the bytes do not hash to the name
   */
  async *read(hash: string): AsyncGenerator<Uint8Array> {
    const file = await this.#openObject(hash);
    const digest = createHash("sha256");
    try {
      for (let position = 0; ; ) {
        const chunk = await this.#readChunk(file, hash, position);
        if (chunk.length === 0) break;
        digest.update(chunk);
        position += chunk.length;
        yield chunk;
      }
    } finally {
      await file.close();
    }
    if (digest.digest("hex") !== hash) throw corruptObject(hash, "does not match its hash");
  }

  async #openObject(hash: string): Promise<FileHandle> {
    try {
      return await open(this.pathOf(hash), "r");
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw fileError(this.pathOf(hash), "read", error);
      throw new MendlineError("MENDLINE_STORE_UNKNOWN", `object ${hash} is not in the store`, {
        details: { hash },
      });
    }
  }

  async #readChunk(file: FileHandle, hash: string, position: number): Promise<Uint8Array> {
    try {
      const left = (await file.stat()).size - position;
      const chunk = Buffer.allocUnsafe(Math.max(0, Math.min(parameterChunkBytes, left)));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      return chunk.subarray(0, bytesRead);
    } catch (error) {
      throw fileError(this.pathOf(hash), "read", error);
    }
  }

  /** Whether the object is there, whole and unharmed. */
  async isIntact(hash: string, byteLength: number): Promise<boolean> {
    if ((await this.byteLength(hash)) !== byteLength) return false;
    try {
      for await (const _ of this.read(hash));
      return true;
    } catch (error) {
      if (error instanceof MendlineError && error.code !== "MENDLINE_STORE_IO") return false;
      throw error;
    }
  }
}

export function corruptObject(hash: string, problem: string): MendlineError {
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the store's object ${hash} ${problem}: add the model again from its file, or restore the store from a copy`,
    { details: { hash } },
  );
}

/** Several objects made durable together: folders are synced once, files side by side. */
export class ObjectBatch {
  readonly #files: ObjectFiles;
  readonly #folders = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #pending = new Set<Promise<void>>();
  #failure: { error: unknown } | null = null;

  constructor(files: ObjectFiles) {
    this.#files = files;
  }

  /** Takes the bytes of one object. `finish` or `discard` it. */
  begin(): ObjectSink {
    return new ObjectSink(this.#files);
  }

  /** The object's name; it is durable after `flush`. */
  async finish(sink: ObjectSink): Promise<StoredObject> {
    const object = sink.end();
    if (this.#seen.has(object.hash)) await sink.discard();
    else {
      this.#seen.add(object.hash);
      while (this.#pending.size >= objectWritesMax) await Promise.race(this.#pending);
      this.#start(sink, object);
    }
    if (this.#failure !== null) throw this.#failure.error;
    return object;
  }

  #start(sink: ObjectSink, object: StoredObject): void {
    const task: Promise<void> = this.#publish(sink, object)
      .catch(async (error: unknown) => {
        this.#failure ??= { error };
        await sink.discard().catch(() => undefined);
      })
      .finally(() => this.#pending.delete(task));
    this.#pending.add(task);
  }

  async #publish(sink: ObjectSink, { hash, byteLength }: StoredObject): Promise<void> {
    const path = this.#files.pathOf(hash);
    // An object that is there may have been renamed by a process that died before it synced the folder.
    this.#folders.add(dirname(path));
    if (await this.#files.isIntact(hash, byteLength)) return sink.discard();
    await makeFolder(dirname(path));
    await sink.moveTo(path);
  }

  /** Waits until everything finished so far is on the disk. */
  async flush(): Promise<void> {
    await this.settle();
    if (this.#failure !== null) throw this.#failure.error;
    for (const folder of this.#folders) await syncFolder(folder);
    this.#folders.clear();
  }

  /** Waits until nothing is under way, whatever came of it. */
  async settle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}

/** The bytes of one object on their way: in memory while they are few, so that known small objects cost no file. */
export class ObjectSink {
  readonly #files: ObjectFiles;
  readonly #hash = createHash("sha256");
  #held: Uint8Array[] = [];
  #path: string | null = null;
  #file: FileHandle | null = null;
  #byteLength = 0;

  constructor(files: ObjectFiles) {
    this.#files = files;
  }

  /** @param chunk  may be reused by the caller afterwards */
  async write(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    this.#byteLength += chunk.length;
    if (this.#file === null && this.#byteLength <= objectHeldBytesMax) this.#held.push(new Uint8Array(chunk));
    else await this.#toFile(chunk);
  }

  async #toFile(chunk: Uint8Array): Promise<void> {
    const path = (this.#path ??= this.#files.stagingPath());
    try {
      const file = (this.#file ??= await open(path, "wx"));
      for (const held of this.#held) await writeAll(file, held);
      this.#held = [];
      await writeAll(file, chunk);
    } catch (error) {
      throw fileError(path, "written", error);
    }
  }

  end(): StoredObject {
    return { hash: this.#hash.digest("hex"), byteLength: this.#byteLength };
  }

  /** Syncs the content and gives it its name. */
  async moveTo(path: string): Promise<void> {
    if (this.#file === null) await this.#toFile(new Uint8Array(0));
    try {
      await this.#file!.sync();
      await this.#close();
      await rename(this.#path!, path);
    } catch (error) {
      throw fileError(path, "written", error);
    }
    this.#path = null;
  }

  async discard(): Promise<void> {
    this.#held = [];
    await this.#close();
    if (this.#path !== null) await rm(this.#path, { force: true });
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }
}
