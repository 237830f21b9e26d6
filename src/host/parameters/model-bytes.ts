/** The bytes of a model, from a file or from memory, in bounded memory. */
import { stat } from "node:fs/promises";
import { MendlineError, messageOf } from "../../errors.js";
import { parameterWindowBytes } from "../../limits.js";
import { type ByteFailures, type ByteSource, bytesAsSource, openByteSource } from "../bytes/byte-source.js";
import { modelError } from "./tensor-index.js";

export const modelFailures: ByteFailures = {
  unreadable: (path, cause) => unreadable(path, messageOf(cause), cause),
  endsEarly: (path, wanted, end) =>
    modelError(
      "MENDLINE_MODEL_MALFORMED",
      path,
      `ends at byte ${end} where ${wanted} are needed: it was cut or rewritten while it was read; read it again`,
      { end, wanted },
    ),
};

/**
 * Opens a file for the time of `use`.
 *
 * @throws MendlineError MENDLINE_DATA_NOT_FOUND  missing, unreadable, or no regular file (a pipe would block for ever)
 */
export async function withFile<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  await assertRegular(path);
  const source = await openByteSource(path, path, modelFailures);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

async function assertRegular(path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw unreadable(path, isMissing ? "it does not exist" : messageOf(cause), cause);
  });
  if (found.isFile()) return;
  throw unreadable(
    path,
    found.isDirectory() ? "it is a folder, give the file in it" : "it is no regular file",
  );
}

function unreadable(path: string, problem: string, cause?: unknown): MendlineError {
  return new MendlineError("MENDLINE_DATA_NOT_FOUND", `${path}: the model cannot be read: ${problem}`, {
    details: { path },
    cause,
  });
}

/** A model that is held in memory: a candidate that was never written. */
export function memorySource(bytes: Uint8Array, path = "(memory)"): ByteSource {
  return bytesAsSource(bytes, path, modelFailures);
}

/** A small window that moves over a source, so that many small reads near each other cost one. */
export class ByteWindow {
  readonly source: ByteSource;
  /** Bytes `start` … `end` of the source are bytes[0] … bytes[end - start]. */
  readonly bytes = new Uint8Array(parameterWindowBytes);
  start = 0;
  end = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Whether the bytes from there on, or those up to the source's end where that comes first, are at hand. */
  covers(byteOffset: number, byteCount: number): boolean {
    const last = Math.min(byteOffset + byteCount, this.source.byteLength);
    return byteOffset >= this.start && last <= this.end;
  }

  async load(byteOffset: number): Promise<void> {
    const count = Math.min(this.bytes.length, this.source.byteLength - byteOffset);
    // Invalid while it is filled: a failed read must not leave old bytes under a new offset.
    this.end = this.start;
    await this.source.read(this.bytes.subarray(0, count), byteOffset);
    this.start = byteOffset;
    this.end = byteOffset + count;
  }

  /** The bytes there, at most a window's length, as a view that lives until the next `load`. */
  async view(byteOffset: number, byteCount: number): Promise<Uint8Array> {
    if (!this.covers(byteOffset, byteCount)) await this.load(byteOffset);
    return this.bytes.subarray(byteOffset - this.start, byteOffset - this.start + byteCount);
  }
}
