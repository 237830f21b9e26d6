/**
 * A model's files as a published folder holds them: the model itself is model.onnx or model.safetensors, its data files (ONNX with
 * external data) have the names that the model knows them by.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { disk, syncFolder } from "../../lineage-store/files.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";

/** Beside the model that a repair made: of another model it would tell lies. */
export const cardName = "model.card.md";

export interface PublishedFile {
  /** Path below the folder, with `/`. */
  readonly name: string;
  readonly byteLength: number;
  readonly sha256: string;
}

export function modelFileName({ format }: Pick<ModelRecord, "format">): string {
  return `model.${format}`;
}

/** The model itself first. */
export function publishedFiles(model: ModelRecord): PublishedFile[] {
  const { files, byteLength, fileHash } = model;
  const [own, ...others] = files ?? [{ byteLength, sha256: fileHash }];
  return [{ ...own!, name: modelFileName(model) }, ...(others as PublishedFile[])];
}

/** Why a model has no place in such a folder; null where it has. */
export function noPlaceFor(model: ModelRecord): string | null {
  const [own, ...others] = publishedFiles(model).map(({ name }) => name);
  const taken = [own!, cardName].find((name) => others.some((other) => other.split("/")[0] === name));
  if (taken === undefined) return null;
  return `one of the data files of ${model.name}@${model.version} lies at ${taken}, which has another meaning there: save it under another name`;
}

/**
 * Restores a model into a folder that is not there, every byte verified and synced.
 *
 * @throws as `LineageStore.restoreFile`
 */
export async function placeModel(store: LineageStore, model: ModelRecord, folder: string): Promise<void> {
  const name = modelFileName(model);
  if (model.files === undefined) {
    await disk.mkdir(folder);
    await store.restoreFile(model.id, join(folder, name));
    return;
  }
  const own = await store.restoreFile(model.id, folder);
  if (own !== join(folder, name)) await disk.rename(own, join(folder, name));
  await syncFolder(folder);
}

/** Whether a folder holds the model, byte for byte. */
export async function holdsModel(folder: string, model: ModelRecord): Promise<boolean> {
  for (const { name, ...content } of publishedFiles(model))
    if (!(await holdsBytes(join(folder, name), content))) return false;
  return true;
}

/** Whether a file has that content; not where it cannot be read. */
export async function holdsBytes(
  path: string,
  { byteLength, sha256 }: Omit<PublishedFile, "name">,
): Promise<boolean> {
  try {
    return (await disk.stat(path)).size === byteLength && (await hashOf(createReadStream(path))) === sha256;
  } catch {
    return false;
  }
}

export async function hashOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}
