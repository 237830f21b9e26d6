/**
 * A model's file out of the store, byte for byte; see file-reader.ts for the way in. Memory: a few chunks, whatever the model's size.
 * A model in several files goes into a folder of its own, which appears whole.
 */
import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MendlineError } from "../errors.js";
import { disk, fileError, replaceFile, stagingPrefix, syncFolder, writeAll } from "./files.js";
import { type ModelFile, ModelHash } from "./model-parts.js";
import { corruptObject } from "./object-content.js";
import type { ObjectFiles } from "./objects.js";
import type { LayoutRecord, ModelRecord } from "./records.js";

/**
 * Writes a model's file anew: beside the target, the whole verified, then renamed over it. The file's hash proves every object in it;
 * only where it does not match are the objects asked one by one, for the message.
 *
 * @param target  of a model in several files, a folder that is not there
 * @returns the path of the model's own file
 * @throws MendlineError MENDLINE_STORE_CORRUPT  an object or the whole does not match; the target is as it was
 * @throws MendlineError MENDLINE_DATA_WRITE     the target cannot be written
 */
export async function restoreFile(
  files: ObjectFiles,
  model: ModelRecord,
  layout: readonly LayoutRecord[],
  target: string,
): Promise<string> {
  if (model.files !== undefined) return restoreFolder(files, model, model.files, layout, target);
  const write = (file: FileHandle) => writeModel(files, model, layout, (chunk) => writeAll(file, chunk));
  await replaceFile(target, write, "MENDLINE_DATA_WRITE");
  return target;
}

async function restoreFolder(
  files: ObjectFiles,
  model: ModelRecord,
  parts: readonly ModelFile[],
  layout: readonly LayoutRecord[],
  target: string,
): Promise<string> {
  const staged = join(dirname(target), `${stagingPrefix}${randomBytes(8).toString("hex")}`);
  const folder = new PartWriter(staged, parts);
  try {
    if ((await disk.lstat(target).catch(() => null)) !== null)
      throw new Error(`it exists already: a model in ${parts.length} files goes into a new folder`);
    await writeModel(files, model, layout, (chunk) => folder.write(chunk));
    await folder.finish();
    await disk.rename(staged, target);
    await syncFolder(dirname(target));
    return join(target, parts[0]!.name);
  } catch (error) {
    await folder.discard();
    throw fileError(target, "written", error, "MENDLINE_DATA_WRITE");
  }
}

/** One file after the other, each synced when it is full, and their folders at the end. */
class PartWriter {
  readonly #folder: string;
  readonly #parts: readonly ModelFile[];
  readonly #folders = new Set<string>();
  #file: FileHandle | null = null;
  #index = 0;
  #missing = 0;

  constructor(folder: string, parts: readonly ModelFile[]) {
    this.#folder = folder;
    this.#parts = parts;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      while (this.#missing === 0) await this.#next();
      const taken = chunk.subarray(at, at + this.#missing);
      await writeAll(this.#file!, taken);
      this.#missing -= taken.length;
      at += taken.length;
    }
  }

  async #next(): Promise<void> {
    await this.#closeFile();
    const { name, byteLength } = this.#parts[this.#index++]!;
    const path = join(this.#folder, name);
    await disk.mkdir(dirname(path), { recursive: true });
    // From the outermost on; the order in which they are made is that of the set.
    const inner = name.split("/").slice(0, -1);
    for (let depth = 0; depth <= inner.length; depth++)
      this.#folders.add(join(this.#folder, ...inner.slice(0, depth)));
    this.#file = await disk.open(path, "wx");
    this.#missing = byteLength;
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    try {
      await file?.sync();
    } finally {
      await file?.close();
    }
  }

  /** Those behind the last byte are empty. */
  async finish(): Promise<void> {
    while (this.#index < this.#parts.length) await this.#next();
    await this.#closeFile();
    for (const folder of [...this.#folders].toReversed()) await syncFolder(folder);
  }

  async discard(): Promise<void> {
    await this.#file?.close().catch(() => undefined);
    this.#file = null;
    await disk.rm(this.#folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function writeModel(
  files: ObjectFiles,
  model: ModelRecord,
  layout: readonly LayoutRecord[],
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<void> {
  const hash = new ModelHash(model.files ?? null);
  for (const { object, byteLength } of layout) {
    const written = await copyObject(write, hash, readKnown(files, object));
    if (written !== byteLength)
      throw corruptObject(object, `has ${written} bytes, its model says ${byteLength}`);
  }
  if (hash.end().fileHash === model.fileHash) return;
  for (const object of new Set(layout.map((segment) => segment.object)))
    for await (const _ of files.read(object));
  throw new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the pieces of ${model.name}@${model.version} do not make up the file that was added: add it again, or restore the store from a copy`,
    { details: { id: model.id, fileHash: model.fileHash } },
  );
}

/** An object that a model refers to and that is not there is damage, and no question of knowing it. */
async function* readKnown(files: ObjectFiles, hash: string): AsyncGenerator<Uint8Array> {
  try {
    yield* files.readUnproven(hash, true);
  } catch (error) {
    if (error instanceof MendlineError && error.code === "MENDLINE_STORE_UNKNOWN")
      throw corruptObject(hash, "is lost");
    throw error;
  }
}

/** A chunk is hashed while it is written and the next is read. */
async function copyObject(
  write: (chunk: Uint8Array) => Promise<void>,
  hash: ModelHash,
  chunks: AsyncIterable<Uint8Array>,
): Promise<number> {
  let byteLength = 0;
  for await (const chunk of chunks) {
    const written = write(chunk);
    // Awaited below; the hash cannot fail.
    written.catch(() => undefined);
    hash.update(chunk);
    await written;
    byteLength += chunk.length;
  }
  return byteLength;
}
