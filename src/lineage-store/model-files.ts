/** A model's file out of the store, byte for byte; see file-reader.ts for the way in. Memory: a few chunks, whatever the model's size. */
import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { MendlineError } from "../errors.js";
import { replaceFile, writeAll } from "./files.js";
import { corruptObject } from "./object-content.js";
import type { ObjectFiles } from "./objects.js";
import type { LayoutRecord, ModelRecord } from "./records.js";

/**
 * Writes a model's file anew: beside the target, the whole verified, then renamed over it. The file's hash proves every object in it;
 * only where it does not match are the objects asked one by one, for the message.
 *
 * @throws MendlineError MENDLINE_STORE_CORRUPT  an object or the whole does not match; the target is as it was
 * @throws MendlineError MENDLINE_DATA_WRITE     the target cannot be written
 */
export async function restoreFile(
  files: ObjectFiles,
  model: ModelRecord,
  layout: readonly LayoutRecord[],
  target: string,
): Promise<void> {
  await replaceFile(target, (file) => writeModel(file, files, model, layout), "MENDLINE_DATA_WRITE");
}

async function writeModel(
  file: FileHandle,
  files: ObjectFiles,
  model: ModelRecord,
  layout: readonly LayoutRecord[],
): Promise<void> {
  const fileHash = createHash("sha256");
  for (const { object, byteLength } of layout) {
    const written = await copyObject(file, fileHash, readKnown(files, object));
    if (written !== byteLength)
      throw corruptObject(object, `has ${written} bytes, its model says ${byteLength}`);
  }
  if (fileHash.digest("hex") === model.fileHash) return;
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
  file: FileHandle,
  fileHash: Hash,
  chunks: AsyncIterable<Uint8Array>,
): Promise<number> {
  let byteLength = 0;
  for await (const chunk of chunks) {
    const written = writeAll(file, chunk);
    // Awaited below; the hash cannot fail.
    written.catch(() => undefined);
    fileHash.update(chunk);
    await written;
    byteLength += chunk.length;
  }
  return byteLength;
}
