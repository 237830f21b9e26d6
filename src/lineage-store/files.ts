/** The file system as the store needs it: writes that are on the disk when they return, and errors with codes. */
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ErrorCode, MendlineError, messageOf } from "../errors.js";

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
    folder = await open(path, "r");
    await folder.sync();
  } catch (error) {
    // Windows has no such call and needs none: NTFS journals names.
    if (process.platform !== "win32") throw fileError(path, "synced", error);
  } finally {
    await folder?.close();
  }
}

/** Makes a folder and, if it was not there, its name durable. */
export async function makeFolder(path: string): Promise<void> {
  try {
    const first = await mkdir(path, { recursive: true });
    for (let made = path; first !== undefined; made = dirname(made)) {
      await syncFolder(dirname(made));
      if (made === first) return;
    }
  } catch (error) {
    throw fileError(path, "created", error);
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
    await rename(staging, path);
    await syncFolder(dirname(path));
    return result;
  } catch (error) {
    await rm(staging, { force: true }).catch(() => undefined);
    throw fileError(path, "written", error, code);
  }
}

async function fillAndSync<T>(path: string, fill: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, "wx");
  try {
    const result = await fill(file);
    await file.sync();
    return result;
  } finally {
    await file.close();
  }
}

/** `FileHandle.write` may write less than it was given. */
export async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    written += (await file.write(chunk, written)).bytesWritten;
  }
}
