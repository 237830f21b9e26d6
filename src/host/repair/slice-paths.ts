/**
 * Where slices lie that are kept with the store. A run records them by their names alone: a store that was moved, or restored from a backup
 * elsewhere, still has its own.
 */
import { basename, dirname, join, resolve } from "node:path";
import { runFilesDir } from "../../lineage-store/folder.js";

/** No file is called so by the systems that have absolute paths. */
const keptMark = "store:";

/** @param path  of a source @returns what a run records of it; null for what is no file */
export function recordedPath(storeDir: string, path: string | undefined): string | null {
  if (path === undefined) return null;
  const isKept = dirname(resolve(path)) === resolve(runFilesDir(storeDir));
  return isKept ? `${keptMark}${basename(path)}` : path;
}

/** @param recorded  by `recordedPath` */
export function pathOf(storeDir: string, recorded: string): string {
  return recorded.startsWith(keptMark)
    ? join(runFilesDir(storeDir), recorded.slice(keptMark.length))
    : recorded;
}
