/** Random access to the bytes of a model, from a file or from memory, in bounded memory. */
import type { FileHandle } from "node:fs/promises";
import { open, stat } from "node:fs/promises";
import { MendlineError, messageOf } from "../../errors.js";
import { parameterWindowBytes } from "../../limits.js";
import { modelError } from "./tensor-index.js";

export interface ByteSource {
  /** For messages. */
  readonly path: string;
  readonly byteLength: number;
  /** Fills the whole of `target` with the bytes from `byteOffset` on. */
  read(target: Uint8Array, byteOffset: number): Promise<void>;
}

/**
 * Opens a file for the time of `use`.
 *
 * @throws MendlineError MENDLINE_DATA_NOT_FOUND  missing, unreadable, or no regular file (a pipe would block for ever)
 */
export async function withFile<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const handle = await openRegular(path);
  try {
    const { size } = await handle.stat();
    return await use({
      path,
      byteLength: size,
      read: (target, byteOffset) => readFully(handle, path, target, byteOffset),
    });
  } finally {
    await handle.close();
  }
}

async function openRegular(path: string): Promise<FileHandle> {
  const found = await stat(path).catch((cause: unknown) => {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw unreadable(path, isMissing ? "it does not exist" : messageOf(cause), cause);
  });
  if (!found.isFile()) {
    throw unreadable(
      path,
      found.isDirectory() ? "it is a folder, give the file in it" : "it is no regular file",
    );
  }
  return open(path, "r").catch((cause: unknown) => {
    throw unreadable(path, messageOf(cause), cause);
  });
}

function unreadable(path: string, problem: string, cause?: unknown): MendlineError {
  return new MendlineError("MENDLINE_DATA_NOT_FOUND", `${path}: the model cannot be read: ${problem}`, {
    details: { path },
    cause,
  });
}

async function readFully(
  handle: FileHandle,
  path: string,
  target: Uint8Array,
  byteOffset: number,
): Promise<void> {
  let filled = 0;
  while (filled < target.length) {
    const { bytesRead } = await handle
      .read(target, filled, target.length - filled, byteOffset + filled)
      .catch((cause: unknown) => {
        throw unreadable(path, messageOf(cause), cause);
      });
    if (bytesRead === 0) throw endedEarly(path, byteOffset + filled, byteOffset + target.length);
    filled += bytesRead;
  }
}

function endedEarly(path: string, end: number, wanted: number): MendlineError {
  return modelError(
    "MENDLINE_MODEL_MALFORMED",
    path,
    `ends at byte ${end} where ${wanted} are needed: it was cut or rewritten while it was read; read it again`,
    { end, wanted },
  );
}

/** A model that is held in memory: a candidate that was never written. The bytes are not copied. */
export function memorySource(bytes: Uint8Array, path = "(memory)"): ByteSource {
  return {
    path,
    byteLength: bytes.length,
    read(target, byteOffset) {
      const end = byteOffset + target.length;
      if (end > bytes.length) return Promise.reject(endedEarly(path, bytes.length, end));
      target.set(bytes.subarray(byteOffset, end));
      return Promise.resolve();
    },
  };
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
