/** Random access to bytes, in a file or in memory: what the binary formats of data and of models read from. */
import { type FileHandle, open } from "node:fs/promises";
import { MendlineError, messageOf } from "../../errors.js";

export interface ByteSource {
  /** For messages: mostly a path. */
  readonly label: string;
  readonly byteLength: number;
  /** Fills the whole of `target` with the bytes from `byteOffset` on. @throws MendlineError  the source ends before, or cannot be read */
  read(target: Uint8Array, byteOffset: number): Promise<void>;
}

/** One that is its user's to close. */
export interface OpenByteSource extends ByteSource {
  close(): Promise<void>;
}

/** What is said of bytes that are not there: of data, if not told otherwise. */
export interface ByteFailures {
  unreadable(label: string, cause: unknown): MendlineError;
  /** `wanted` bytes were asked for, the source has `byteLength`. */
  endsEarly(label: string, wanted: number, byteLength: number): MendlineError;
}

const dataFailures: ByteFailures = {
  unreadable: (label, cause) =>
    new MendlineError("MENDLINE_DATA_NOT_FOUND", `${label}: ${messageOf(cause)}`, { cause }),
  endsEarly: (label, wanted, byteLength) =>
    new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${label} is cut off: it needs ${wanted} bytes and has ${byteLength}; write it again`,
      { details: { wanted, byteLength } },
    ),
};

/** @throws MendlineError MENDLINE_DATA_NOT_FOUND */
export async function openByteSource(
  path: string,
  label: string = path,
  failures: ByteFailures = dataFailures,
): Promise<OpenByteSource> {
  const handle = await open(path, "r").catch((cause: unknown) => {
    throw failures.unreadable(label, cause);
  });
  return handleSource(handle, label, failures);
}

/** The same of a file that is open already. @param handle  closed with the source */
export async function handleSource(
  handle: FileHandle,
  label: string,
  failures: ByteFailures = dataFailures,
): Promise<OpenByteSource> {
  const refused = (cause: unknown): never => {
    throw failures.unreadable(label, cause);
  };
  const { size: byteLength } = await handle.stat();
  return {
    label,
    byteLength,
    async read(target, byteOffset) {
      for (let done = 0; done < target.byteLength; ) {
        const left = target.byteLength - done;
        const { bytesRead } = await handle.read(target, done, left, byteOffset + done).catch(refused);
        if (bytesRead === 0)
          throw failures.endsEarly(label, byteOffset + target.byteLength, byteOffset + done);
        done += bytesRead;
      }
    },
    close: () => handle.close(),
  };
}

/** The bytes are not copied. */
export function bytesAsSource(
  bytes: Uint8Array,
  label: string,
  failures: ByteFailures = dataFailures,
): OpenByteSource {
  return {
    label,
    byteLength: bytes.byteLength,
    async read(target, byteOffset) {
      const end = byteOffset + target.byteLength;
      if (end > bytes.byteLength) throw failures.endsEarly(label, end, bytes.byteLength);
      target.set(bytes.subarray(byteOffset, end));
    },
    async close() {},
  };
}
