/**
 * LevelDB's table files, checked block by block. Through classic-level LevelDB reads without looking at its checksums: a flipped bit in a
 * key, a filter or a block's structure makes a record missing, and nothing would say so.
 *
 *     block …           data, u8 compression (0 none, 1 Snappy), u32 masked crc32c of both
 *     metaindex, index  blocks too: key -> where a block is
 *     footer, 48 bytes  where those two are, padding, magic
 *
 * Source: google/leveldb, doc/table_format.md.
 */
import type { FileHandle } from "node:fs/promises";
import { findingsMax, leveldbBlockBytesMax } from "../limits.js";
import { maskedCrc32c } from "./crc32c.js";
import { readAll } from "./files.js";
import { unsnappy, varint } from "./snappy.js";

export const footerBytes = 48;
export const trailerBytes = 5;
export const magic = Buffer.from("57fb808b247547db", "hex");

export interface Place {
  readonly offset: number;
  readonly byteLength: number;
}

/** @returns the first things that are wrong with the table; none where every block is sound */
export async function tableProblems(file: FileHandle, fileBytes: number): Promise<string[]> {
  const footer = await bytesAt(file, Math.max(0, fileBytes - footerBytes), footerBytes);
  if (footer === null || !footer.subarray(-8).equals(magic)) return ["has no table's footer"];
  const metaindex = placeAt(footer, 0);
  const index = metaindex === null ? null : placeAt(footer, metaindex.end);
  if (metaindex === null || index === null) return ["has a damaged footer"];
  const problems: string[] = [];
  for (const place of [metaindex.place, index.place]) {
    const block = await soundBlock(file, place, fileBytes);
    const listed = block === null ? null : placesIn(block);
    if (listed === null) problems.push(`has a damaged index at byte ${place.offset}`);
    for (const { offset, byteLength } of listed ?? []) {
      if (problems.length >= findingsMax) return problems;
      if ((await soundBlock(file, { offset, byteLength }, fileBytes)) === null)
        problems.push(`has a damaged block at byte ${offset}`);
    }
  }
  return problems;
}

/** null where the file ends before. */
export async function bytesAt(file: FileHandle, offset: number, byteLength: number): Promise<Buffer | null> {
  const bytes = Buffer.allocUnsafe(byteLength);
  return (await readAll(file, bytes, offset)) === byteLength ? bytes : null;
}

export function placeAt(
  bytes: Uint8Array,
  at: number,
): { readonly place: Place; readonly end: number } | null {
  const offset = varint(bytes, at);
  const length = offset === null ? null : varint(bytes, offset.end);
  if (offset === null || length === null) return null;
  return { place: { offset: offset.value, byteLength: length.value }, end: length.end };
}

/** The block's stored bytes, the mark of their compression, and its checksum; null where it is none that could be in the file. */
export async function blockAt(
  file: FileHandle,
  { offset, byteLength }: Place,
  fileBytes: number,
): Promise<Buffer | null> {
  if (byteLength > leveldbBlockBytesMax || offset + byteLength + trailerBytes > fileBytes) return null;
  return bytesAt(file, offset, byteLength + trailerBytes);
}

/** The block's stored bytes and the mark of their compression, proven; null where they are not what was written. */
export async function soundBlock(file: FileHandle, place: Place, fileBytes: number): Promise<Buffer | null> {
  const bytes = await blockAt(file, place, fileBytes);
  if (bytes === null || maskedCrc32c(bytes.subarray(0, -4)) !== bytes.readUInt32LE(place.byteLength + 1))
    return null;
  return bytes.subarray(0, -4);
}

/** @param block  as stored, with the mark of its compression @returns null where it cannot be unpacked */
export function blockContent(block: Buffer): Uint8Array | null {
  const stored = block.subarray(0, -1);
  return block[block.length - 1] === 1 ? unsnappy(stored, leveldbBlockBytesMax) : stored;
}

/** Values of an index block, as places of blocks. Entries: shared, unshared and value lengths as varints, rest of the key, value. */
export function placesIn(block: Buffer): Place[] | null {
  const content = blockContent(block);
  if (content === null || content.length < 4) return null;
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  const end = content.length - 4 - 4 * view.getUint32(content.length - 4, true);
  const places: Place[] = [];
  for (let at = 0; at < end; ) {
    const shared = varint(content, at);
    const unshared = shared === null ? null : varint(content, shared.end);
    const length = unshared === null ? null : varint(content, unshared.end);
    if (length === null) return null;
    const value = length.end + unshared!.value;
    const found = placeAt(content, value);
    if (found === null) return null;
    places.push(found.place);
    at = value + length.value;
  }
  return places;
}
