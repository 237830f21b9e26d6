/** The file system as the store needs it: writes that are on the disk when they return, and errors with codes. */
import { randomBytes } from "node:crypto";
import fs, { type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ErrorCode, MendlineError, messageOf } from "../errors.js";

/**
 * Every call that the store makes on files of its own goes through this table (LevelDB's go through LevelDB). Tests put calls in their
 * place that fail, forget, or end the process.
 */
export const disk = {
  open: fs.open,
  mkdir: fs.mkdir,
  rename: fs.rename,
  rm: fs.rm,
  rmdir: fs.rmdir,
  readdir: fs.readdir,
  readFile: fs.readFile,
  writeFile: fs.writeFile,
  stat: fs.stat,
  lstat: fs.lstat,
  link: fs.link,
  symlink: fs.symlink,
  readlink: fs.readlink,
};

/** Beginning of the names of half-written files, beside their targets. */
export const stagingPrefix = ".mendline-";

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** @param done  past participle, for the message: "written" */
export function fileError(
  path: string,
  done: string,
  cause: unknown,
  code: ErrorCode = "MENDLINE_STORE_IO",
): MendlineError {
  if (cause instanceof MendlineError) return cause;
  return new MendlineError(code, `${path} could not be ${done}: ${messageOf(cause)}`, {
    details: { path },
    cause,
  });
}

/** Makes the names in a folder durable: a renamed file is safe only after that. */
export async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | undefined;
  try {
    folder = await disk.open(path, "r");
    await folder.sync();
  } catch (error) {
    // Windows has no such call and needs none: NTFS journals names.
    if (process.platform !== "win32") throw fileError(path, "synced", error);
  } finally {
    await folder?.close();
  }
}

/** Folders that are being made: who needs one of them too waits until its name is durable. */
const making = new Map<string, Promise<void>>();
/** Folders that were made and whose names could not be synced: they are there, and a crash could still take them away. */
const unsynced = new Set<string>();

/** Makes a folder and, if it was not there, its name durable. */
export function makeFolder(path: string): Promise<void> {
  const made = making.get(path) ?? makeDurable(path).finally(() => making.delete(path));
  making.set(path, made);
  return made;
}

async function makeDurable(path: string): Promise<void> {
  try {
    const first = await disk.mkdir(path, { recursive: true });
    if (first !== undefined) for (const made of upwards(path, first)) unsynced.add(made);
    for (const made of upwards(path)) {
      if (!unsynced.has(made)) continue;
      await syncFolder(dirname(made));
      unsynced.delete(made);
    }
  } catch (error) {
    throw fileError(path, "created", error);
  }
}

/** A path and the folders that it lies in, up to the last or the root. */
function* upwards(path: string, last?: string): Generator<string> {
  for (let at = path; ; at = dirname(at)) {
    yield at;
    if (at === last || at === dirname(at)) return;
  }
}

/**
 * Writes a file so that its path shows the old content or the whole new one, at any moment and after a crash.
 *
 * @param fill  writes the content; whatever it throws leaves the path as it was
 * @throws MendlineError with the given code
 */
export async function replaceFile<T>(
  path: string,
  fill: (file: FileHandle) => Promise<T>,
  code: ErrorCode = "MENDLINE_STORE_IO",
): Promise<T> {
  const staging = join(dirname(path), `${stagingPrefix}${randomBytes(8).toString("hex")}`);
  try {
    const result = await fillAndSync(staging, fill);
    await disk.rename(staging, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await disk.rm(staging, { force: true }).catch(() => undefined);
    throw fileError(path, "written", error, code);
  }
}

async function fillAndSync<T>(path: string, fill: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await disk.open(path, "wx");
  try {
    const result = await fill(file);
    await file.sync();
    return result;
  } finally {
    await file.close();
  }
}

/** `FileHandle.write` may write less than it was given. @param position  where; where the last write ended, if left out */
export async function writeAll(file: FileHandle, chunk: Uint8Array, position?: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const at = position === undefined ? null : position + written;
    written += (await file.write(chunk, written, chunk.length - written, at)).bytesWritten;
  }
}

/** Fills the target from there on. @returns bytes read, fewer only where the file ends */
export async function readAll(file: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const { bytesRead } = await file.read(target, filled, target.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
