/** Files that a command reads whole or writes: a written file is there as a whole or not at all. */
import { randomBytes } from "node:crypto";
import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { MendlineError, messageOf } from "../../errors.js";
import type { Profile } from "../../index.js";
import { keyFileBytesMax, profileBytesMax, signatureBytesMax } from "../../limits.js";

/**
 * Fails before the work instead of after it.
 *
 * @throws MendlineError MENDLINE_DATA_WRITE  the folder of `path` is not there, or `path` is a folder
 */
export async function checkTarget(path: string): Promise<void> {
  const folder = dirname(resolve(path));
  if (!(await isFolder(folder)))
    throw cannotWrite(path, `the folder ${folder} does not exist; make it first`);
  if (await isFolder(path)) throw cannotWrite(path, "it is a folder; name a file in it");
}

/** Beside the target, synced, then renamed over it. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const target = resolve(path);
  const staged = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(staged, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(staged, target);
  } catch (cause) {
    await rm(staged, { force: true }).catch(() => undefined);
    throw cannotWrite(path, messageOf(cause), cause);
  }
}

/** The profile in a file; null where the file holds something else, or can be read only once (a pipe, standard input). */
export async function profileIn(path: string): Promise<Profile | null> {
  if (path === "-") return null;
  const stats = await stat(path).catch((cause) => {
    throw cannotRead(path, cause);
  });
  if (!stats.isFile()) return null;
  const { looksLikeProfile, profileFromBytes } = await import("../../index.js");
  if (!looksLikeProfile(await headOf(path))) return null;
  if (stats.size > profileBytesMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${path} has ${stats.size} bytes, a profile has ${profileBytesMax} at most`,
    );
  }
  const bytes = await readFile(path).catch((cause) => {
    throw cannotRead(path, cause);
  });
  return profileFromBytes(bytes, path);
}

/** @throws MendlineError MENDLINE_DATA_FORMAT  no profile */
export async function readProfile(path: string): Promise<Profile> {
  const profile = await profileIn(path);
  if (profile !== null) return profile;
  throw new MendlineError(
    "MENDLINE_DATA_FORMAT",
    `${path} is no profile; make one with \`mendline profile\`, or give the data as --training-data`,
  );
}

/** A key in PEM. @throws MendlineError MENDLINE_DATA_NOT_FOUND, MENDLINE_DATA_LIMIT */
export function readKey(path: string): Promise<string> {
  return readSmall(path, "a key's file", keyFileBytesMax);
}

/** A Sigstore bundle. @throws MendlineError MENDLINE_DATA_NOT_FOUND, MENDLINE_DATA_LIMIT */
export function readSignature(path: string): Promise<string> {
  return readSmall(path, "a signature", signatureBytesMax);
}

async function readSmall(path: string, what: string, bytesMax: number): Promise<string> {
  const stats = await stat(path).catch((cause) => {
    throw cannotRead(path, cause);
  });
  if (stats.size > bytesMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${path} has ${stats.size} bytes, ${what} has ${bytesMax} at most`,
    );
  }
  return readFile(path, "utf8").catch((cause) => {
    throw cannotRead(path, cause);
  });
}

async function headOf(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function cannotRead(path: string, cause: unknown): MendlineError {
  const isAbsent = (cause as NodeJS.ErrnoException).code === "ENOENT";
  const what = isAbsent ? "does not exist" : `cannot be read: ${messageOf(cause)}`;
  return new MendlineError("MENDLINE_DATA_NOT_FOUND", `${path} ${what}`, { cause });
}

function cannotWrite(path: string, why: string, cause?: unknown): MendlineError {
  return new MendlineError("MENDLINE_DATA_WRITE", `cannot write ${path}: ${why}`, { cause });
}
