/**
 * Objects: immutable runs of bytes under their sha256, as files.
 *
 *     objects/ab/cdef…         62 further hex digits: the bytes as they are
 *     objects/ab/cdef….packed  or frames of them (packed-format.ts)
 *     tmp/                     where they are written before they are whole
 *
 * An object is written beside, synced, renamed, and its folder synced; only then a record may refer to it. What a crash leaves in
 * tmp/ is swept at the next opening; an object without a record does no harm. Both forms of an object may be there, after a crash while
 * one took the place of the other: each is good.
 */
import { createHash, randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { MendlineError } from "../errors.js";
import { objectWritesMax } from "../limits.js";
import { DeltaRooms, type DeltaTransform } from "./deltas.js";
import { disk, errnoOf, fileError, makeFolder, syncFolder } from "./files.js";
import {
  corruptObject,
  ObjectContent,
  type ObjectPaths,
  type ObjectPlaces,
  packedSuffix,
} from "./object-content.js";
import { type ObjectSink, type StoredObject, WholeSink } from "./object-sink.js";
import { PackedSink } from "./packed-sink.js";
import type { Packing } from "./packing.js";
import { Pins } from "./pins.js";

export interface StoredFiles {
  readonly hash: string;
  /** One, or both forms after a crash. */
  readonly paths: readonly string[];
}

export class ObjectFiles implements ObjectPlaces {
  readonly rooms: DeltaRooms | null;
  readonly pins = new Pins();
  readonly #objectsDir: string;
  readonly #tmpDir: string;
  /** The last task of each object that has one under way. */
  readonly #tasks = new Map<string, Promise<void>>();

  private constructor(dir: string, transform: DeltaTransform | null) {
    this.rooms = transform === null ? null : new DeltaRooms(transform);
    this.#objectsDir = join(dir, "objects");
    this.#tmpDir = join(dir, "tmp");
  }

  /**
   * The folder must be locked by the caller: whatever lies in its tmp/ is removed.
   *
   * @param transform  null: objects are kept as they are, and packed ones cannot be read
   */
  static async open(dir: string, transform: DeltaTransform | null = null): Promise<ObjectFiles> {
    const files = new ObjectFiles(dir, transform);
    await makeFolder(files.#objectsDir);
    await makeFolder(files.#tmpDir);
    await files.#sweep();
    // A crash may have come between the making of a folder in it and the sync.
    await syncFolder(files.#objectsDir);
    return files;
  }

  /** To read only: nothing is made or removed. */
  static at(dir: string, transform: DeltaTransform | null = null): ObjectFiles {
    return new ObjectFiles(dir, transform);
  }

  async #sweep(): Promise<void> {
    try {
      if (!(await disk.lstat(this.#tmpDir)).isDirectory()) throw new Error("it is a link, not a folder");
      for (const name of await disk.readdir(this.#tmpDir))
        await disk.rm(join(this.#tmpDir, name), { recursive: true });
    } catch (error) {
      throw fileError(this.#tmpDir, "emptied", error);
    }
  }

  pathsOf(hash: string): ObjectPaths {
    const whole = join(this.#objectsDir, hash.slice(0, 2), hash.slice(2));
    return { whole, packed: whole + packedSuffix };
  }

  stagingPath(): string {
    return join(this.#tmpDir, randomBytes(12).toString("hex"));
  }

  /** Runs after the tasks given before for the same object: who looks whether it is there and then changes that, is alone with it. */
  async exclusive(hash: string, work: () => Promise<void>): Promise<void> {
    const before = this.#tasks.get(hash) ?? Promise.resolve();
    const task = before.catch(() => undefined).then(work);
    this.#tasks.set(hash, task);
    try {
      await task;
    } finally {
      if (this.#tasks.get(hash) === task) this.#tasks.delete(hash);
    }
  }

  /** Length of the object's content as far as its file tells, or null where there is none. */
  async byteLength(hash: string): Promise<number | null> {
    const content = await ObjectContent.open(this, hash);
    await content?.close();
    return content?.byteLength ?? null;
  }

  /**
   * The object in chunks of up to `parameterChunkBytes`, the caller's to keep. The hash is known only behind the last chunk: a
   * damaged object throws instead of ending. Who needs to be sure before using the first byte must read all of it first.
   *
   * @throws MendlineError MENDLINE_STORE_UNKNOWN  no such object
   * @throws MendlineError MENDLINE_STORE_CORRUPT  the bytes do not hash to the name
   */
  async *read(hash: string): AsyncGenerator<Uint8Array> {
    const digest = createHash("sha256");
    for await (const chunk of this.readUnproven(hash)) {
      digest.update(chunk);
      yield chunk;
    }
    if (digest.digest("hex") !== hash) throw corruptObject(hash, "does not match its hash");
  }

  /** The same without the proof, for who hashes a whole of which this is a part. @param reuses  see `ObjectContent.chunks` */
  async *readUnproven(hash: string, reuses = false): AsyncGenerator<Uint8Array> {
    const content = await ObjectContent.open(this, hash);
    if (content === null) {
      throw new MendlineError("MENDLINE_STORE_UNKNOWN", `object ${hash} is not in the store`, {
        details: { hash },
      });
    }
    try {
      yield* content.chunks({ reuses });
    } finally {
      await content.close();
    }
  }

  /** Objects by folder: the hash of each, its files, and the bytes they take. Objects that come meanwhile may be among them. */
  async *list(): AsyncGenerator<readonly StoredFiles[]> {
    for (const folder of (await this.#names("")).sort()) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue;
      const objects = new Map<string, string[]>();
      for (const name of await this.#names(folder)) {
        const found = /^([0-9a-f]{62})(?:\.packed)?$/.exec(name);
        if (found === null) continue;
        const hash = folder + found[1]!;
        objects.set(hash, [...(objects.get(hash) ?? []), join(this.#objectsDir, folder, name)]);
      }
      yield Array.from(objects, ([hash, paths]) => ({ hash, paths }));
    }
  }

  async #names(folder: string): Promise<string[]> {
    const path = join(this.#objectsDir, folder);
    try {
      return await disk.readdir(path);
    } catch (error) {
      if (errnoOf(error) === "ENOTDIR" || errnoOf(error) === "ENOENT") return [];
      throw fileError(path, "read", error);
    }
  }

  async remove(path: string): Promise<void> {
    try {
      await disk.rm(path, { force: true });
    } catch (error) {
      throw fileError(path, "removed", error);
    }
  }

  /** Whether the object is there, whole and unharmed. */
  async isIntact(hash: string, byteLength: number): Promise<boolean> {
    try {
      if ((await this.byteLength(hash)) !== byteLength) return false;
      for await (const _ of this.read(hash));
      return true;
    } catch (error) {
      if (error instanceof MendlineError && error.code !== "MENDLINE_STORE_IO") return false;
      throw error;
    }
  }
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
  begin(packing: Packing = null): ObjectSink {
    const { rooms } = this.#files;
    const path = this.#files.stagingPath();
    if (packing === null || rooms === null) return new WholeSink(path);
    return new PackedSink(rooms, packing.width, packing.base, path);
  }

  /**
   * The object's name; it is durable after `flush`.
   *
   * @throws BaseFailure  the sink's base is damaged; the sink is discarded, and the object has to be written anew without it
   */
  async finish(sink: ObjectSink): Promise<StoredObject> {
    const object = await ended(sink);
    // Before anything is looked up: from here on it is not collected, and its base is still held by the sink.
    this.#files.pins.put(object.hash);
    if (sink.isKnown || this.#seen.has(object.hash)) await sink.discard();
    else {
      while (this.#pending.size >= objectWritesMax) await Promise.race(this.#pending);
      this.#start(sink, object);
    }
    this.#seen.add(object.hash);
    if (this.#failure !== null) throw this.#failure.error;
    return object;
  }

  #start(sink: ObjectSink, object: StoredObject): void {
    const task: Promise<void> = this.#files
      .exclusive(object.hash, () => this.#publish(sink, object))
      .catch(async (error: unknown) => {
        this.#failure ??= { error };
        await sink.discard().catch(() => undefined);
      })
      .finally(() => this.#pending.delete(task));
    this.#pending.add(task);
  }

  async #publish(sink: ObjectSink, { hash, byteLength }: StoredObject): Promise<void> {
    const { whole, packed } = this.#files.pathsOf(hash);
    const [path, other] = sink.isPacked ? [packed, whole] : [whole, packed];
    // An object that is there may have been renamed by a process that died before it synced the folder.
    this.#folders.add(dirname(path));
    if (await this.#files.isIntact(hash, byteLength)) return sink.discard();
    await makeFolder(dirname(path));
    // Of two forms the other was the damaged one, and would be read first.
    await this.#files.remove(other);
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

async function ended(sink: ObjectSink): Promise<StoredObject> {
  try {
    return await sink.end();
  } catch (error) {
    await sink.discard().catch(() => undefined);
    throw error;
  }
}
