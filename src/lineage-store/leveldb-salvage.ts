/**
 * Reads what can be read of a LevelDB's files without LevelDB: of a damaged one it would skip more than is damaged, and write the rest anew.
 * Nothing here is proven: a table's block is read although its checksum does not hold, for each record has a hash of its own. A log's
 * batch counts as a whole or not at all, so that no half commit comes back.
 *
 * Deletions are not told, and values that were deleted come back: whoever reads must know which keys are written once.
 */
import { join } from "node:path";
import { leveldbBlockBytesMax } from "../limits.js";
import { maskedCrc32cPlace } from "./crc32c.js";
import { disk, errnoOf, fileError } from "./files.js";
import { checkLog } from "./leveldb-log.js";
import {
  blockContent,
  footerBytes,
  magic,
  type Place,
  placeAt,
  placesIn,
  trailerBytes,
} from "./leveldb-table.js";
import { varint } from "./snappy.js";

export interface StoredEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** In the order in which the files were made, so that of several values of a key the last is likely to be the newest. */
export async function* salvagedEntries(dir: string): AsyncGenerator<StoredEntry> {
  for (const name of await fileNames(dir)) {
    const path = join(dir, name);
    let bytes: Buffer;
    try {
      bytes = await disk.readFile(path);
    } catch (error) {
      throw fileError(path, "read", error);
    }
    yield* name.endsWith(".log") ? logEntries(bytes) : tableEntries(bytes);
  }
}

async function fileNames(dir: string): Promise<string[]> {
  try {
    const names = await disk.readdir(dir);
    return names.filter((name) => /^\d+\.(?:ldb|sst|log)$/.test(name)).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw fileError(dir, "read", error);
  }
}

/** A batch: u64 sequence, u32 count, then puts (1, key, value) and deletions (0, key). Source: google/leveldb, db/write_batch.cc. */
function* logEntries(bytes: Buffer): Generator<StoredEntry> {
  for (const record of checkLog(bytes).records) yield* batchEntries(Buffer.from(record));
}

function* batchEntries(batch: Buffer): Generator<StoredEntry> {
  for (let at = 12; at < batch.length; ) {
    const isPut = batch[at] === 1;
    const key = slice(batch, at + 1);
    const value = key !== null && isPut ? slice(batch, key.end) : key;
    if (key === null || value === null) return;
    if (isPut) yield { key: key.bytes, value: value.bytes };
    at = value.end;
  }
}

function slice(bytes: Buffer, at: number): { readonly bytes: Buffer; readonly end: number } | null {
  const length = varint(bytes, at);
  if (length === null || length.end + length.value > bytes.length) return null;
  const end = length.end + length.value;
  return { bytes: bytes.subarray(length.end, end), end };
}

function* tableEntries(bytes: Buffer): Generator<StoredEntry> {
  for (const place of indexedBlocks(bytes) ?? blocksInARow(bytes)) {
    const block = blockAt(bytes, place);
    const content = block === null ? null : blockContent(block);
    if (content !== null) yield* blockEntries(Buffer.from(content));
  }
}

function blockAt(bytes: Buffer, { offset, byteLength }: Place): Buffer | null {
  if (byteLength > leveldbBlockBytesMax || offset + byteLength + trailerBytes > bytes.length) return null;
  return bytes.subarray(offset, offset + byteLength + 1);
}

/** null where the footer or the index is not readable. */
function indexedBlocks(bytes: Buffer): Place[] | null {
  const footer = bytes.subarray(-footerBytes);
  if (footer.length < footerBytes || !footer.subarray(-8).equals(magic)) return null;
  const metaindex = placeAt(footer, 0);
  const index = metaindex === null ? null : placeAt(footer, metaindex.end);
  const block = index === null ? null : blockAt(bytes, index.place);
  if (index === null || block === null) return null;
  const end = index.place.offset + index.place.byteLength + 1;
  // An index is worth more than a block: one that does not hold is not followed.
  return maskedCrc32cPlace(bytes, index.place.offset, end) === end ? placesIn(block) : null;
}

/** Without an index: each block ends where its checksum stands, and the next begins there. Up to the first that is damaged. */
function* blocksInARow(bytes: Buffer): Generator<Place> {
  for (let offset = 0; offset + trailerBytes < bytes.length; ) {
    const end = maskedCrc32cPlace(bytes, offset, Math.min(bytes.length, offset + leveldbBlockBytesMax));
    if (end === null) return;
    yield { offset, byteLength: end - 1 - offset };
    offset = end + 4;
  }
}

/** At every restart a key stands whole: behind damage reading goes on there. */
function* blockEntries(content: Buffer): Generator<StoredEntry> {
  const restarts = restartsOf(content);
  for (const [index, start] of restarts.places.entries())
    yield* entriesBetween(content, start, restarts.places[index + 1] ?? restarts.end);
}

function restartsOf(content: Buffer): { readonly places: readonly number[]; readonly end: number } {
  const count = content.length < 4 ? 0 : content.readUInt32LE(content.length - 4);
  const end = content.length - 4 - 4 * count;
  if (count === 0 || end < 0) return { places: [0], end: content.length };
  const places = Array.from({ length: count }, (_, index) => content.readUInt32LE(end + 4 * index));
  return { places: places.filter((place) => place < end).sort((left, right) => left - right), end };
}

/** Entries: shared, unshared and value lengths as varints, rest of the key, value. A key ends in u64: sequence and kind (1: a value). */
function* entriesBetween(content: Buffer, start: number, end: number): Generator<StoredEntry> {
  let key = Buffer.alloc(0);
  for (let at = start; at < end; ) {
    const shared = varint(content, at);
    const unshared = shared === null ? null : varint(content, shared.end);
    const length = unshared === null ? null : varint(content, unshared.end);
    if (length === null || shared!.value > key.length) return;
    const value = length.end + unshared!.value;
    const next = value + length.value;
    if (next > end) return;
    key = Buffer.concat([key.subarray(0, shared!.value), content.subarray(length.end, value)]);
    if (key.length > 8 && key[key.length - 8] === 1)
      yield { key: key.subarray(0, -8), value: content.subarray(value, next) };
    at = next;
  }
}
