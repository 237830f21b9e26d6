/** A stream that can be read once, kept in a temporary file, because a profile takes several passes. */
import { rmSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addAbortSignal, Readable } from "node:stream";
import { MendlineError, messageOf } from "../../errors.js";
import { spoolBytesMax } from "../../limits.js";

export interface Spool {
  readonly path: string;
  /** Removes the file. May be called again. */
  remove(): Promise<void>;
}

export interface SpoolOptions {
  /** For messages. */
  readonly label: string;
  readonly signal?: AbortSignal | undefined;
  readonly bytesMax?: number;
}

const folders = new Set<string>();
let watchesExit = false;

/**
 * Writes `input` to a file of its own, readable by this user only. The file goes away with `remove`, or when the process exits.
 *
 * @throws MendlineError MENDLINE_DATA_LIMIT  more than `bytesMax` bytes
 * @throws MendlineError MENDLINE_DATA_WRITE  the temporary folder is full or read-only
 * @throws MendlineError MENDLINE_TASK_ABORTED  the signal fired
 */
export async function spool(input: AsyncIterable<Uint8Array>, options: SpoolOptions): Promise<Spool> {
  const folder = await makeFolder();
  const path = join(folder, "data");
  const remove = async (): Promise<void> => {
    await rm(folder, { recursive: true, force: true });
    folders.delete(folder);
  };
  try {
    await write(input, path, options);
    return { path, remove };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

async function makeFolder(): Promise<string> {
  let folder: string;
  try {
    folder = await mkdtemp(join(tmpdir(), "mendline-"));
  } catch (cause) {
    throw cannotWrite(tmpdir(), cause);
  }
  folders.add(folder);
  if (!watchesExit) {
    watchesExit = true;
    process.on("exit", () => {
      for (const left of folders) rmSync(left, { recursive: true, force: true });
    });
  }
  return folder;
}

async function write(input: AsyncIterable<Uint8Array>, path: string, options: SpoolOptions): Promise<void> {
  const { label, signal, bytesMax = spoolBytesMax } = options;
  const file = await open(path, "wx", 0o600).catch((cause) => {
    throw cannotWrite(path, cause);
  });
  // A stream that stays silent is only left when the signal ends it.
  if (signal !== undefined && input instanceof Readable) addAbortSignal(signal, input);
  try {
    let byteLength = 0;
    for await (const chunk of input) {
      if (signal?.aborted) throw cancelled();
      byteLength += chunk.byteLength;
      if (byteLength > bytesMax) throw tooLarge(label, byteLength, bytesMax);
      await file.writeFile(chunk).catch((cause) => {
        throw cannotWrite(path, cause);
      });
    }
  } catch (cause) {
    if (cause instanceof MendlineError) throw cause;
    if (signal?.aborted) throw cancelled();
    throw new MendlineError("MENDLINE_DATA_NOT_FOUND", `${label} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  } finally {
    await file.close();
  }
}

function cancelled(): MendlineError {
  return new MendlineError("MENDLINE_TASK_ABORTED", "reading was cancelled");
}

function tooLarge(label: string, byteLength: number, limit: number): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `${label} gave ${byteLength} bytes, more than ${limit}; save it to a file and name that`,
    { details: { byteLength, limit } },
  );
}

function cannotWrite(path: string, cause: unknown): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_WRITE",
    `${path}: ${messageOf(cause)}; set TMPDIR to a folder with room`,
    {
      cause,
    },
  );
}
