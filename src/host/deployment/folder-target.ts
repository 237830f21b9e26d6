/**
 * A folder that a gateway reads its model from:
 *
 *     DIR/model.onnx               or model.safetensors; always one whole file
 *     DIR/model.card.md            of the repair that made it, if one did
 *     DIR/current                  link to the folder of the version that is served: model and card together
 *     DIR/versions/3-5b0a94e11c7d  that folder, and beside it the one of the version served before (folder-versions.ts)
 *
 *     stage    the version's folder    restored, every byte verified, synced; or found, every byte verified, where it is kept
 *     commit   the alias moves         from here on the new model is the deployed one
 *     swap     model.onnx, then current, then the card, each renamed over: readers see the old one or the new one, never a mixture
 *
 * model.onnx is a hard link to the version's file, or a copy where the file system has none. A crash between commit and swap leaves the
 * old model under an alias that has moved; `reconcile` finishes the swap.
 *
 * Of an ONNX model with external data, DIR/model.onnx looks for it in its own version's folder (onnx-locations.ts): the same rename changes
 * the graph and the files that it leads to. A reader that had the old graph finds the old data until the publication after the next.
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { MendlineError, messageOf } from "../../errors.js";
import { disk, errnoOf, makeFolder, replaceFile, syncFolder, writeAll } from "../../lineage-store/files.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { withFile } from "../parameters/model-bytes.js";
import { relocated } from "../parameters/onnx-locations.js";
import {
  addVersion,
  cardOf,
  keptVersion,
  readText,
  removeOtherVersions,
  removeVersion,
  versionsDir,
  versionsIn,
} from "./folder-versions.js";
import { cardName, hashOf, holdsBytes, holdsModel, modelFileName, noPlaceFor } from "./published-files.js";
import type { DeployTarget, StagedModel } from "./target.js";

const currentName = "current";

export function folderTarget(dir: string): DeployTarget {
  return {
    text: dir,
    path: (model) => Promise.resolve(join(dir, modelFileName(model))),
    assertTakes: (model) => assertTakes(model, dir),
    stage: (store, model, card) => stage(store, model, dir, card),
    isServing: (model) => isServing(model, dir),
  };
}

/** @throws MendlineError MENDLINE_DEPLOY_FAILED  the folder cannot be written; MENDLINE_STORE_CORRUPT  the model is damaged */
async function stage(
  store: LineageStore,
  model: ModelRecord,
  dir: string,
  card: string | null,
): Promise<StagedModel> {
  assertTakes(model, dir);
  const staged = join(dir, `.${modelFileName(model)}.staged-${model.id.slice(0, 16)}`);
  let added: string | null = null;
  const takeBack = async () => {
    await disk.rm(staged, { force: true });
    if (added !== null) await removeVersion(dir, added);
  };
  try {
    await makeFolder(dir);
    await refuseObstacles(dir, model);
    const kept = card === null ? await keptVersion(dir, model) : null;
    if (kept === null) added = await addVersion(store, dir, model, card);
    const version = kept ?? added!;
    await disk.rm(staged, { force: true });
    if (model.files === undefined) await linkOrCopy(store, model, ownFile(dir, version, model), staged);
    else await writeRelocated(dir, version, model, staged);
    return {
      swap: () => swap(staged, model, dir, version),
      discard: () => takeBack().catch(() => undefined),
    };
  } catch (cause) {
    await takeBack().catch(() => undefined);
    if (cause instanceof MendlineError && cause.code === "MENDLINE_STORE_CORRUPT") throw cause;
    throw failed(dir, cause);
  }
}

function assertTakes(model: ModelRecord, dir: string): void {
  const problem = noPlaceFor(model);
  if (problem !== null) throw failed(dir, new Error(problem));
}

/** What stands in the way of the swap is found out before the alias moves. */
async function refuseObstacles(dir: string, model: ModelRecord): Promise<void> {
  const find = (name: string) => disk.lstat(join(dir, name)).catch(() => null);
  const file = modelFileName(model);
  for (const name of [file, cardName]) {
    if ((await find(name))?.isDirectory() === true) throw new Error(`${name} is a folder`);
  }
  const current = await find(currentName);
  if (current !== null && !current.isSymbolicLink())
    throw new Error(`${currentName} is no link of mendline's`);
}

async function linkOrCopy(
  store: LineageStore,
  model: ModelRecord,
  source: string,
  target: string,
): Promise<void> {
  try {
    await disk.link(source, target);
  } catch (cause) {
    if (!noLinks.has(errnoOf(cause) ?? "")) throw cause;
    await store.restoreFile(model.id, target);
  }
}

/** What file systems say that have no hard links, such as FAT. */
const noLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

function ownFile(dir: string, version: string, model: ModelRecord): string {
  return join(versionsDir(dir), version, modelFileName(model));
}

/** Where a version's data files lie, as seen from DIR. */
function dataFolder(version: string): string {
  return `versions/${version}/`;
}

async function writeRelocated(
  dir: string,
  version: string,
  model: ModelRecord,
  target: string,
): Promise<void> {
  const file = await disk.open(target, "wx");
  try {
    await withFile(ownFile(dir, version, model), async (source) => {
      for await (const piece of relocated(source, dataFolder(version))) await writeAll(file, piece);
    });
    await file.sync();
  } finally {
    await file.close();
  }
}

async function swap(staged: string, model: ModelRecord, dir: string, version: string): Promise<void> {
  try {
    const before = await currentVersion(dir);
    await disk.rename(staged, join(dir, modelFileName(model)));
    await pointTo(dir, version);
    const card = await cardOf(dir, version);
    if (card !== null) await replaceFile(join(dir, cardName), (file) => file.writeFile(card));
    await removeStale(dir, model, card !== null);
    // After a crash it may be the current one already: then the one before it is the newest of the others.
    const others = (await versionsIn(dir)).filter((name) => name !== version);
    await removeOtherVersions(dir, [version, others.find((name) => name === before) ?? others[0]]);
    await syncFolder(dir);
  } catch (cause) {
    throw failed(dir, cause);
  }
}

async function pointTo(dir: string, version: string): Promise<void> {
  const staged = join(dir, `.${currentName}.staged`);
  await disk.rm(staged, { force: true });
  await disk.symlink(join("versions", version), staged, "dir");
  await disk.rename(staged, join(dir, currentName));
}

/** The name of the version that `current` leads to; null where there is none. */
async function currentVersion(dir: string): Promise<string | null> {
  const target = await disk.readlink(join(dir, currentName)).catch(() => null);
  return target === null ? null : (/^versions[/\\]([^/\\]+)$/.exec(target)?.[1] ?? null);
}

/** Whether the folder serves this very model, no other beside it, and `current` and the card go with it. */
export async function isServing(model: ModelRecord, dir: string): Promise<boolean> {
  try {
    if ((await disk.readdir(dir)).some((name) => isOther(name, model))) return false;
    const version = await currentVersion(dir);
    if (version === null || (await readText(join(dir, cardName))) !== (await cardOf(dir, version)))
      return false;
    if (!(await holdsModel(join(versionsDir(dir), version), model))) return false;
    return await isPublished(dir, version, model);
  } catch {
    return false;
  }
}

/** Whether DIR/model.onnx is the version's, which is known to be whole. */
async function isPublished(dir: string, version: string, model: ModelRecord): Promise<boolean> {
  const path = join(dir, modelFileName(model));
  const source = ownFile(dir, version, model);
  if (model.files !== undefined) {
    const hash = await withFile(source, (own) => hashOf(relocated(own, dataFolder(version))));
    return hash === (await hashOf(createReadStream(path)));
  }
  const [published, kept] = [await disk.stat(path), await disk.stat(source)];
  if (published.ino === kept.ino && published.dev === kept.dev) return true;
  return holdsBytes(path, { byteLength: model.byteLength, sha256: model.fileHash });
}

/** A model in another format than the deployed one. */
function isOther(name: string, model: ModelRecord): boolean {
  return /^model\.(onnx|safetensors)$/.test(name) && name !== modelFileName(model);
}

/** Staged files, whole (`stage`) or half-written (the store's `replaceFile`). */
const leftover = /^\.(model\.(onnx|safetensors)\.staged-[0-9a-f]{16}|mendline-[0-9a-f]{16}|current\.staged)$/;

/** Files of a model in another format, the card of the one before, and what a crash left behind. */
async function removeStale(dir: string, model: ModelRecord, hasCard: boolean): Promise<void> {
  for (const name of await disk.readdir(dir)) {
    const isStale = isOther(name, model) || leftover.test(name) || (name === cardName && !hasCard);
    if (isStale) await disk.rm(join(dir, name), { force: true });
  }
}

function failed(dir: string, cause: unknown): MendlineError {
  return new MendlineError("MENDLINE_DEPLOY_FAILED", `cannot deploy to ${dir}: ${messageOf(cause)}`, {
    cause,
  });
}
