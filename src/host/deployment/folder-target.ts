/**
 * A folder that a gateway reads its model from: DIR/model.onnx or DIR/model.safetensors, always one whole file.
 *
 *     stage    DIR/.model.onnx.staged-<id>     restored, every byte verified, synced
 *     commit   the alias moves in the store    from here on the new model is the deployed one
 *     swap     rename over DIR/model.onnx      readers see the old file or the new one, never a mixture
 *
 * A crash between commit and swap leaves the old file under an alias that has moved; `reconcile` finishes the swap.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { MendlineError, messageOf } from "../../errors.js";
import { disk, makeFolder, syncFolder } from "../../lineage-store/files.js";
import type { ModelRecord } from "../../lineage-store/records.js";
import type { LineageStore } from "../../lineage-store/store.js";
import type { DeployTarget } from "./target.js";

export function folderTarget(dir: string): DeployTarget {
  return {
    text: dir,
    path: (model) => Promise.resolve(deployedPath(dir, model)),
    async stage(store, model) {
      const staged = await stage(store, model, dir);
      return {
        swap: () => swap(staged, model, dir),
        discard: () => discard(staged),
      };
    },
    isServing: (model) => isServing(model, dir),
  };
}

function deployedPath(dir: string, model: Pick<ModelRecord, "format">): string {
  return join(dir, `model.${model.format}`);
}

/** @throws MendlineError MENDLINE_DEPLOY_FAILED  the folder cannot be written; MENDLINE_STORE_CORRUPT  the model is damaged */
async function stage(store: LineageStore, model: ModelRecord, dir: string): Promise<string> {
  const staged = join(dir, `.model.${model.format}.staged-${model.id.slice(0, 16)}`);
  try {
    await makeFolder(dir);
    // Found out now, it does not stop the swap after the alias has moved.
    if (await isFolder(deployedPath(dir, model))) throw new Error(`model.${model.format} is a folder`);
    await store.restoreFile(model.id, staged);
    return staged;
  } catch (cause) {
    await disk.rm(staged, { force: true }).catch(() => undefined);
    if (cause instanceof MendlineError && cause.code === "MENDLINE_STORE_CORRUPT") throw cause;
    throw failed(dir, cause);
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await disk.stat(path).catch(() => null);
  return found?.isDirectory() === true;
}

async function swap(staged: string, model: ModelRecord, dir: string): Promise<void> {
  const path = deployedPath(dir, model);
  try {
    await disk.rename(staged, path);
    await removeOthers(dir, model);
    await syncFolder(dir);
  } catch (cause) {
    throw failed(dir, cause);
  }
}

/** What cannot be removed goes with the next swap. */
async function discard(staged: string): Promise<void> {
  await disk.rm(staged, { force: true }).catch(() => undefined);
}

/** Whether the folder serves this very model, and no other beside it. */
export async function isServing(model: ModelRecord, dir: string): Promise<boolean> {
  const hash = createHash("sha256");
  try {
    if ((await disk.readdir(dir)).some((name) => isOther(name, model))) return false;
    for await (const chunk of createReadStream(deployedPath(dir, model))) hash.update(chunk as Buffer);
  } catch {
    return false;
  }
  return hash.digest("hex") === model.fileHash;
}

/** A model in another format than the deployed one. */
function isOther(name: string, model: ModelRecord): boolean {
  return /^model\.(onnx|safetensors)$/.test(name) && name !== `model.${model.format}`;
}

/** Staged files, whole (`stage`) or half-written (the store's `replaceFile`). */
const leftover = /^\.(model\.(onnx|safetensors)\.staged-|mendline-)[0-9a-f]{16}$/;

/** Beside the model that a repair made (card.ts): of another model it would tell lies. */
export const cardName = "model.card.md";

/** Files of a model in another format, the card of the one before, and what a crash left behind. */
async function removeOthers(dir: string, model: ModelRecord): Promise<void> {
  for (const name of await disk.readdir(dir)) {
    if (isOther(name, model) || name === cardName || leftover.test(name))
      await disk.rm(join(dir, name), { force: true });
  }
}

function failed(dir: string, cause: unknown): MendlineError {
  return new MendlineError("MENDLINE_DEPLOY_FAILED", `cannot deploy to ${dir}: ${messageOf(cause)}`, {
    cause,
  });
}
