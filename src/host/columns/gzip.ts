/**
 * Files packed with gzip (RFC 1952), unpacked in a stream, so that memory holds a block whatever their size. A file may be several
 * members one behind the other, as `cat a.gz b.gz` and block gzip write them.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { MendlineError, messageOf } from "../../errors.js";
import { gzipBytesMax, textBlockBytes, unpackedFreeBytes, unpackedRatioMax } from "../../limits.js";

export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/**
 * @param file  a file that begins like gzip
 * @throws MendlineError MENDLINE_DATA_MALFORMED  damaged or cut off
 * @throws MendlineError MENDLINE_DATA_LIMIT  it unpacks to more than a table would: a decompression bomb
 */
export async function* gunzipped(
  file: { readonly path: string; readonly label: string },
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const packed = createReadStream(file.path, { highWaterMark: textBlockBytes });
  const unpacked = createGunzip({ chunkSize: textBlockBytes });
  packed.on("error", (thrown) => unpacked.destroy(thrown));
  let byteLength = 0;
  try {
    const most = await unpackedBytesMax(file.path);
    packed.pipe(unpacked);
    for await (const chunk of unpacked) {
      if (signal?.aborted) throw new MendlineError("MENDLINE_TASK_ABORTED", "reading was cancelled");
      byteLength += (chunk as Buffer).byteLength;
      if (byteLength > most) throw tooLarge(file.label, byteLength, most);
      yield chunk as Buffer;
    }
  } catch (cause) {
    throw cause instanceof MendlineError ? cause : told(cause, file.label, byteLength);
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
}

async function unpackedBytesMax(path: string): Promise<number> {
  const { size } = await stat(path);
  return Math.min(gzipBytesMax, Math.max(unpackedFreeBytes, size * unpackedRatioMax));
}

function tooLarge(label: string, byteLength: number, most: number): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `${label} unpacks to ${byteLength} bytes and more, the limit is ${most}: if it is no decompression bomb, unpack it to a file and name that`,
    { details: { byteLength, limit: most } },
  );
}

function told(cause: unknown, label: string, byteLength: number): MendlineError {
  const code = String((cause as NodeJS.ErrnoException).code);
  if (code.startsWith("Z_")) {
    return new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${label}: damaged gzip data after ${byteLength} unpacked bytes: ${messageOf(cause)}; pack it again`,
      { cause, details: { byteLength } },
    );
  }
  return new MendlineError("MENDLINE_DATA_NOT_FOUND", `${label} cannot be read: ${messageOf(cause)}`, {
    cause,
  });
}
