/**
 * What an object holds, however it is kept: its own file, and those of the objects that its deltas stand against. Nothing read here is
 * proven: whoever takes it hashes it. Memory: a few frames, or two chunks.
 */
import type { FileHandle } from "node:fs/promises";
import { MendlineError } from "../errors.js";
import { deltaDepthReadMax, packFrameBytes, packRoomsMax, parameterChunkBytes } from "../limits.js";
import type { DeltaRoom, DeltaRooms } from "./deltas.js";
import { disk, errnoOf, fileError, readAll } from "./files.js";
import { applyFrame, Damage, PackedFile, WholeFile } from "./packed-file.js";
import { frameKinds, type PackedFrame } from "./packed-format.js";
import type { Pins } from "./pins.js";

/** Where the two forms of an object lie. */
export interface ObjectPaths {
  readonly whole: string;
  readonly packed: string;
}

/** Ending of the names of packed files. */
export const packedSuffix = ".packed";

export interface ObjectPlaces {
  /** null where the store was opened without a transform. */
  readonly rooms: DeltaRooms | null;
  readonly pins: Pins;
  pathsOf(hash: string): ObjectPaths;
}

interface Level {
  readonly hash: string;
  readonly path: string;
  readonly stored: WholeFile | PackedFile;
  /** Gives up the pin that keeps the object from being collected. */
  readonly release: () => void;
}

export function corruptObject(hash: string, problem: string): MendlineError {
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the store's object ${hash} ${problem}: add the model again from its file, or restore the store from a copy`,
    { details: { hash } },
  );
}

export class ObjectContent {
  readonly hash: string;
  readonly byteLength: number;
  readonly #rooms: DeltaRooms | null;
  /** The object's own file, then its base's, and so on. */
  readonly #levels: readonly Level[];

  private constructor(hash: string, rooms: DeltaRooms | null, levels: readonly Level[]) {
    this.hash = hash;
    this.#rooms = rooms;
    this.#levels = levels;
    this.byteLength = lengthOf(levels[0]!.stored);
  }

  /**
   * `close` it.
   *
   * @returns null where there is no such object
   * @throws MendlineError MENDLINE_STORE_CORRUPT  the file is damaged, or a base is lost
   */
  static async open(places: ObjectPlaces, hash: string): Promise<ObjectContent | null> {
    const levels: Level[] = [];
    try {
      for (let wanted: string | null = hash; wanted !== null; ) {
        const level: Level | null = await openLevel(places, wanted);
        if (level === null && levels.length === 0) return null;
        if (level === null)
          throw corruptObject(levels.at(-1)!.hash, `stands on the object ${wanted}, which is lost`);
        levels.push(level);
        checkChain(levels);
        wanted = baseOf(level.stored);
      }
      return new ObjectContent(hash, places.rooms, levels);
    } catch (error) {
      await closeAll(levels);
      throw error;
    }
  }

  async close(): Promise<void> {
    await closeAll(this.#levels);
  }

  /** Objects between this one and one without a base. */
  get depth(): number {
    return this.#levels.length - 1;
  }

  /** The object's own name, its base's, and so on. */
  get chain(): readonly string[] {
    return this.#levels.map(({ hash }) => hash);
  }

  get frameCount(): number {
    return Math.ceil(this.byteLength / packFrameBytes);
  }

  /** Puts a frame of the content into `room.source`. @returns its bytes */
  async readFrame(index: number, room: DeltaRoom): Promise<number> {
    const frames: { level: Level; frame: PackedFrame }[] = [];
    let byteLength = 0;
    for (const level of this.#levels) {
      const { stored } = level;
      if (stored instanceof WholeFile) {
        byteLength = await told(level, () => stored.readFrame(index, room.source));
        break;
      }
      const frame = await told(level, () => stored.frame(index));
      frames.push({ level, frame });
      byteLength = frame.byteLength;
      if (frame.kind !== frameKinds.delta) break;
    }
    for (const { level, frame } of frames.toReversed()) await told(level, () => applyFrame(frame, room));
    return byteLength;
  }

  /**
   * All of it in order.
   *
   * @param reuses  whether a chunk may be overwritten once the next but one is asked for
   */
  chunks({ reuses = false } = {}): AsyncGenerator<Uint8Array> {
    const { stored } = this.#levels[0]!;
    return stored instanceof WholeFile ? this.#wholeChunks(stored, reuses) : this.#frames();
  }

  /** The next chunk is read while this one is used. */
  async *#wholeChunks({ file, byteLength }: WholeFile, reuses: boolean): AsyncGenerator<Uint8Array> {
    const size = Math.min(parameterChunkBytes, byteLength);
    const chunkCount = Math.ceil(byteLength / parameterChunkBytes);
    const buffers: Buffer[] = [];
    const load = async (index: number) => {
      const slot = index % 3;
      const buffer = reuses ? (buffers[slot] ??= Buffer.allocUnsafeSlow(size)) : Buffer.allocUnsafeSlow(size);
      const start = index * parameterChunkBytes;
      const part = buffer.subarray(0, Math.min(size, byteLength - start));
      const filled = await told(this.#levels[0]!, () => readAll(file, part, start));
      if (filled < part.length) throw corruptObject(this.hash, "was cut while it was read");
      return part;
    };
    yield* ahead(chunkCount, 2, load);
  }

  /** No room is kept while a chunk is used: its user may need some. */
  async *#frames(): AsyncGenerator<Uint8Array> {
    const rooms = this.#rooms;
    if (rooms === null) throw noTransform(this.hash);
    yield* ahead(this.frameCount, packRoomsMax, async (index) => {
      const room = await rooms.acquire();
      try {
        const byteLength = await this.readFrame(index, room);
        return Buffer.from(room.source.subarray(0, byteLength));
      } finally {
        rooms.release(room);
      }
    });
  }
}

function noTransform(hash: string): MendlineError {
  return new MendlineError(
    "MENDLINE_STORE_IO",
    `object ${hash} is packed: open the store through the engine, or give it the transform of deltas`,
    { details: { hash } },
  );
}

/** Results in order, some of them loaded ahead. */
async function* ahead<T>(
  count: number,
  aheadMax: number,
  load: (index: number) => Promise<T>,
): AsyncGenerator<T> {
  const loading: Promise<T>[] = [];
  let next = 0;
  const begin = () => {
    const result = load(next++);
    // Awaited in its turn; an earlier failure may come first.
    result.catch(() => undefined);
    loading.push(result);
  };
  try {
    while (next < Math.min(aheadMax, count)) begin();
    for (let result = loading.shift(); result !== undefined; result = loading.shift()) {
      const value = await result;
      if (next < count) begin();
      yield value;
    }
  } finally {
    // Files may be closed only when nobody reads them any more.
    await Promise.allSettled(loading);
  }
}

function lengthOf(stored: WholeFile | PackedFile): number {
  return stored instanceof WholeFile ? stored.byteLength : stored.footer.byteLength;
}

function baseOf(stored: WholeFile | PackedFile): string | null {
  return stored instanceof WholeFile ? null : stored.footer.base;
}

function checkChain(levels: readonly Level[]): void {
  const [first, last] = [levels[0]!, levels.at(-1)!];
  if (lengthOf(last.stored) !== lengthOf(first.stored))
    throw corruptObject(first.hash, `stands on the object ${last.hash}, which has another length`);
  if (levels.length - 1 > deltaDepthReadMax) throw corruptObject(first.hash, "stands on too many others");
}

/**
 * The object that a file's deltas stand against, or null: for one kept whole, or gone meanwhile.
 *
 * @throws MendlineError MENDLINE_STORE_CORRUPT  the file does not say
 */
export async function baseOfFile(hash: string, path: string): Promise<string | null> {
  if (!path.endsWith(packedSuffix)) return null;
  const file = await openIfThere(path);
  if (file === null) return null;
  try {
    return (await PackedFile.open(file)).footer.base;
  } catch (error) {
    throw damageOf(hash, path, error);
  } finally {
    await file.close();
  }
}

async function openLevel(places: ObjectPlaces, hash: string): Promise<Level | null> {
  const { whole, packed } = places.pathsOf(hash);
  const release = places.pins.hold(hash);
  // The form may change between two looks: the new one is there before the old one goes.
  try {
    for (const path of [whole, packed, whole]) {
      const stored = await openStored(hash, path);
      if (stored !== null) return { hash, path, stored, release };
    }
  } catch (error) {
    release();
    throw error;
  }
  release();
  return null;
}

async function openStored(hash: string, path: string): Promise<Level["stored"] | null> {
  const file = await openIfThere(path);
  if (file === null) return null;
  try {
    if (path.endsWith(packedSuffix)) return await PackedFile.open(file);
    return new WholeFile(file, (await file.stat()).size);
  } catch (error) {
    await file.close();
    throw damageOf(hash, path, error);
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await disk.open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw fileError(path, "read", error);
  }
}

async function told<T>({ hash, path }: Level, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw damageOf(hash, path, error);
  }
}

function damageOf(hash: string, path: string, error: unknown): MendlineError {
  return error instanceof Damage ? corruptObject(hash, error.problem) : fileError(path, "read", error);
}

async function closeAll(levels: readonly Level[]): Promise<void> {
  for (const { release } of levels) release();
  for (const { stored } of levels) await stored.file.close();
}
