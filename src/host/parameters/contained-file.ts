/**
 * Files that a model names, opened so that nothing outside the model's own folder is read, whatever the name says:
 *
 *   name    `part/part`: no absolute path, no "..", no drive or stream, nothing hidden, nothing that some system reads otherwise
 *   path    every folder on the way is a folder and no link; the file is a regular one, and no link either, symbolic or hard
 *   handle  opened without following links or waiting (a pipe would), and seen to be the very file that was looked at
 *
 * What is left is somebody who changes the folder twice between two calls of ours: who can do that can write the model, too.
 * Source: onnx/onnx, docs/security.md (the same four lines of defence, against GHSA-538c-55jv-c5g9 and its like).
 */
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, lstat, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../errors.js";
import { type ByteFailures, handleSource, type OpenByteSource } from "../bytes/byte-source.js";

/** Bytes that a path takes at most: below every system's limit, with room for the folder's own. */
const nameBytesMax = 400;

/** Why a file is not opened; the model's name is for the caller to add. */
export class Refusal {
  readonly problem: string;
  /** False: the name itself, or the kind of file, is not taken at all. */
  readonly isMissing: boolean;

  constructor(problem: string, isMissing = false) {
    this.problem = problem;
    this.isMissing = isMissing;
  }
}

/** On every system: a backslash, a colon, a question mark are refused everywhere, so that a model means the same everywhere. */
export function isContainedName(name: string): boolean {
  return (
    Buffer.byteLength(name) <= nameBytesMax &&
    name.split("/").every((part) => /^[^\\:*?"<>|\p{Cc}]+$/u.test(part) && !/^\.|[. ]$/.test(part))
  );
}

/**
 * @param name  one that `isContainedName` took
 * @param label  for messages
 * @throws Refusal
 */
export async function openContained(
  folder: string,
  name: string,
  label: string,
  failures?: ByteFailures,
): Promise<{ readonly source: OpenByteSource; readonly identity: string }> {
  const path = join(folder, name);
  const seen = await walkTo(folder, name);
  const handle = await openPlainly(path);
  try {
    const opened = await handle.stat({ bigint: true });
    const real = await realpath(path).catch(() => null);
    if (identityOf(opened) !== identityOf(seen) || real !== join(await realpath(folder), name))
      throw new Refusal("was put in another's place while it was opened: try again");
    return { source: await handleSource(handle, label, failures), identity: identityOf(opened) };
  } catch (thrown) {
    await handle.close();
    throw thrown;
  }
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** Looks at every part of the path, without following any. */
async function walkTo(folder: string, name: string): Promise<BigIntStats> {
  const parts = name.split("/");
  for (let at = folder, index = 0; ; index++) {
    at = join(at, parts[index]!);
    const found = await lstat(at, { bigint: true }).catch((cause: unknown) => {
      const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
      throw new Refusal(isMissing ? "is not there" : `cannot be read: ${messageOf(cause)}`, true);
    });
    if (found.isSymbolicLink()) throw isLink;
    if (index < parts.length - 1) {
      if (!found.isDirectory()) throw new Refusal("lies in no folder", true);
      continue;
    }
    if (!found.isFile()) throw new Refusal("is no regular file");
    if (found.nlink > 1n) throw isLink;
    return found;
  }
}

const isLink = new Refusal(
  "is a link, or has another name that is one, and may be any file: copy the file itself into the model's folder",
);

async function openPlainly(path: string): Promise<FileHandle> {
  // Windows has neither flag, and no pipes among its files.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  return open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((cause: unknown) => {
    throw new Refusal(`cannot be opened: ${messageOf(cause)}`, true);
  });
}
