/** Random access to bytes, in a file or in memory: what the binary formats read from. */
import { type FileHandle, open } from "node:fs/promises";
import { MendlineError, messageOf } from "../../errors.js";

export interface ByteSource {
  readonly label: string;
  readonly byteLength: number;
  /** Fills `target` from `byteOffset`. @throws MendlineError MENDLINE_DATA_MALFORMED  the source ends before */
  read(target: Uint8Array, byteOffset: number): Promise<void>;
  close(): Promise<void>;
}

export async function openByteSource(path: string, label: string = path): Promise<ByteSource> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (cause) {
    throw new MendlineError("MENDLINE_DATA_NOT_FOUND", `${label}: ${messageOf(cause)}`, { cause });
  }
  const { size: byteLength } = await handle.stat();
  return {
    label,
    byteLength,
    async read(target, byteOffset) {
      for (let done = 0; done < target.byteLength; ) {
        const { bytesRead } = await handle.read(target, done, target.byteLength - done, byteOffset + done);
        if (bytesRead === 0) throw endsEarly(label, byteOffset + target.byteLength, byteOffset + done);
        done += bytesRead;
      }
    },
    close: () => handle.close(),
  };
}

export function bytesAsSource(bytes: Uint8Array, label: string): ByteSource {
  return {
    label,
    byteLength: bytes.byteLength,
    async read(target, byteOffset) {
      const end = byteOffset + target.byteLength;
      if (end > bytes.byteLength) throw endsEarly(label, end, bytes.byteLength);
      target.set(bytes.subarray(byteOffset, end));
    },
    async close() {},
  };
}

function endsEarly(label: string, wanted: number, byteLength: number): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${label} is cut off: it needs ${wanted} bytes and has ${byteLength}; write it again`,
    { details: { wanted, byteLength } },
  );
}
