/**
 * The versions that a served folder keeps: DIR/versions/<n>-<beginning of the model's id>/model.onnx, with its data files if it has any,
 * and the card of the repair that made it, if one did. Each appears whole and is never written again. The one served and the one served before it are kept, so that a roll
 * back finds its files where they were.
 */
import { join } from "node:path";
import { disk, errnoOf, makeFolder, stagingPrefix, syncFolder } from "../../lineage-store/files.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { cardName, holdsModel, placeModel } from "./published-files.js";

const versionForm = /^([1-9]\d{0,14})-[0-9a-f]{12}$/;

export function versionsDir(dir: string): string {
  return join(dir, "versions");
}

/** Newest first. */
export async function versionsIn(dir: string): Promise<string[]> {
  const names = await disk.readdir(versionsDir(dir)).catch(() => []);
  return names
    .filter((name) => versionForm.test(name))
    .sort((left, right) => numberOf(right) - numberOf(left));
}

/** The newest that holds this very model, every byte of it read; null where there is none. */
export async function keptVersion(dir: string, model: ModelRecord): Promise<string | null> {
  for (const name of await versionsIn(dir)) {
    if (name.endsWith(idPart(model)) && (await holdsModel(join(versionsDir(dir), name), model))) return name;
  }
  return null;
}

/**
 * Puts a version beside those that are there.
 *
 * @param card  of the repair that made it
 * @returns its name
 */
export async function addVersion(
  store: LineageStore,
  dir: string,
  model: ModelRecord,
  card: string | null,
): Promise<string> {
  const versions = versionsDir(dir);
  const staged = join(versions, `${stagingPrefix}${model.id.slice(0, 16)}`);
  try {
    await makeFolder(versions);
    await disk.rm(staged, { recursive: true, force: true });
    await placeModel(store, model, staged);
    if (card !== null) await writeSynced(join(staged, cardName), card);
    await syncFolder(staged);
    const name = `${numberOf((await versionsIn(dir))[0] ?? "0") + 1}-${idPart(model)}`;
    await disk.rename(staged, join(versions, name));
    await syncFolder(versions);
    return name;
  } catch (cause) {
    await disk.rm(staged, { recursive: true, force: true }).catch(() => undefined);
    await removeEmpty(versions);
    throw cause;
  }
}

/** Takes a version away that was never served, and the folder of versions with the last one. */
export async function removeVersion(dir: string, name: string): Promise<void> {
  await disk.rm(join(versionsDir(dir), name), { recursive: true, force: true });
  await removeEmpty(versionsDir(dir));
}

/** All but these, and what a crash left half-written. */
export async function removeOtherVersions(dir: string, kept: readonly (string | undefined)[]): Promise<void> {
  for (const name of await disk.readdir(versionsDir(dir))) {
    const isOurs = versionForm.test(name) || name.startsWith(stagingPrefix);
    if (isOurs && !kept.includes(name))
      await disk.rm(join(versionsDir(dir), name), { recursive: true, force: true });
  }
}

/** The card of a version; null where it has none. */
export async function cardOf(dir: string, version: string): Promise<string | null> {
  return readText(join(versionsDir(dir), version, cardName));
}

/** Null where there is no such file. */
export async function readText(path: string): Promise<string | null> {
  try {
    return await disk.readFile(path, "utf8");
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return null;
    throw cause;
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await disk.open(path, "wx");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function removeEmpty(dir: string): Promise<void> {
  await disk.rmdir(dir).catch(() => undefined);
}

function numberOf(name: string): number {
  return Number(name.split("-")[0]);
}

function idPart({ id }: Pick<ModelRecord, "id">): string {
  return id.slice(0, 12);
}
