/** Parquet's codecs, each bounded by the size that the page announces. */

import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { CompressionCodec } from "hyparquet";
import { compressors, decompressZstd } from "hyparquet-compressors";

/**
 * @returns exactly `byteLength` bytes
 * @throws RangeError or Error of the decompressor  damaged
 * @throws TypeError  a codec that is not read
 */
export function unpack(codec: CompressionCodec, packed: Buffer, byteLength: number): Buffer {
  const bytes = unpacked(codec, packed, byteLength);
  if (bytes.length !== byteLength) {
    throw new RangeError(`a page of ${bytes.length} bytes where its header says ${byteLength}`);
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function unpacked(codec: CompressionCodec, packed: Buffer, byteLength: number): Uint8Array {
  if (codec === "UNCOMPRESSED") return packed;
  if (byteLength === 0) return packed.subarray(0, 0);
  // Node's own are faster, and stop at the size announced.
  if (codec === "GZIP") return gunzipSync(packed, { maxOutputLength: byteLength });
  if (codec === "BROTLI") return brotliDecompressSync(packed, { maxOutputLength: byteLength });
  if (codec === "ZSTD") return decompressZstd(packed, new Uint8Array(byteLength));
  const decompress = compressors[codec];
  if (decompress === undefined) throw new TypeError(`compressed with ${codec}, which is not read`);
  return decompress(packed, byteLength);
}
