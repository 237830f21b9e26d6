/**
 * Reads what can be read of a LevelDB's files without LevelDB: of a damaged one it would skip more than is damaged, and write the rest anew.
 * Nothing here is proven: a table's block is read although its checksum does not hold, for each record has a hash of its own. A log's
 * batch counts as a whole or not at all, so that no half commit comes back.
 *
 * Deletions are not told, and values that were deleted come back: whoever reads must know which keys are written once.
 */
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { leveldbBlockBytesMax, storeKeyBytesMax, storeRecordBytesMax } from "../limits.js";
import { maskedCrc32cPlace } from "./crc32c.js";
import { disk, errnoOf, fileError, readAll } from "./files.js";
import { LogScan, logRecords } from "./leveldb-log.js";
import {
  blockAt,
  blockContent,
  bytesAt,
  footerBytes,
  magic,
  type Place,
  placeAt,
  placesIn,
  soundBlock,
  trailerBytes,
} from "./leveldb-table.js";
import { PlacesReader } from "./places-reader.js";
import { varint } from "./snappy.js";

export interface StoredEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

const varintBytesMax = 8;
/** What is read of a table without an index, until a block turns out to be larger. */
const windowBytes = 1024 * 1024;

/**
 * In the order in which the files were made, so that of several values of a key the last is likely to be the newest. A key and its value
 * hold until the next are asked for. Memory: a block of a table, `leveldbBlockBytesMax`, twice where it is packed; of a log a record and
 * a window of a megabyte.
 */
export async function* salvagedEntries(dir: string): AsyncGenerator<StoredEntry> {
  for (const name of await fileNames(dir)) {
    const path = join(dir, name);
    try {
      const file = await disk.open(path, "r");
      try {
        const { size } = await file.stat();
        yield* name.endsWith(".log") ? logEntries(file, size) : tableEntries(file, size);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw fileError(path, "read", error);
    }
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
async function* logEntries(file: FileHandle, fileBytes: number): AsyncGenerator<StoredEntry> {
  for await (const places of logRecords(file, fileBytes, new LogScan()))
    yield* batchEntries(new PlacesReader(file, places));
}

async function* batchEntries(batch: PlacesReader): AsyncGenerator<StoredEntry> {
  await batch.skip(12);
  for (;;) {
    const [kind] = await batch.take(1);
    if (kind === undefined) return;
    const key = await slice(batch, storeKeyBytesMax);
    if (key === null) return;
    if (kind !== 1) continue;
    // The next piece is read over this one.
    const kept = Buffer.from(key);
    const value = await slice(batch, storeRecordBytesMax);
    if (value === null) return;
    if (kept.length > 0 && value.length > 0) yield { key: kept, value };
  }
}

/** A length and so many bytes; null behind the last, empty for what is longer than anything that a store writes. */
async function slice(batch: PlacesReader, byteLengthMax: number): Promise<Buffer | null> {
  const length = varint(await batch.peek(varintBytesMax), 0);
  if (length === null) return null;
  await batch.skip(length.end);
  if (length.value > byteLengthMax) {
    await batch.skip(length.value);
    return Buffer.alloc(0);
  }
  const bytes = await batch.take(length.value);
  return bytes.length < length.value ? null : bytes;
}

async function* tableEntries(file: FileHandle, fileBytes: number): AsyncGenerator<StoredEntry> {
  const places = await indexedBlocks(file, fileBytes);
  if (places === null) {
    for await (const block of blocksInARow(file, fileBytes)) yield* entriesOf(block);
    return;
  }
  for (const place of places) {
    const block = await blockAt(file, place, fileBytes);
    if (block !== null) yield* entriesOf(block.subarray(0, -4));
  }
}

/** @param block  as stored, with the mark of its compression */
function* entriesOf(block: Buffer): Generator<StoredEntry> {
  const content = blockContent(block);
  if (content !== null)
    yield* blockEntries(Buffer.from(content.buffer, content.byteOffset, content.byteLength));
}

/** null where the footer or the index is not readable. */
async function indexedBlocks(file: FileHandle, fileBytes: number): Promise<Place[] | null> {
  const footer = await bytesAt(file, Math.max(0, fileBytes - footerBytes), footerBytes);
  if (footer === null || !footer.subarray(-8).equals(magic)) return null;
  const metaindex = placeAt(footer, 0);
  const index = metaindex === null ? null : placeAt(footer, metaindex.end);
  // An index is worth more than a block: one that does not hold is not followed.
  const block = index === null ? null : await soundBlock(file, index.place, fileBytes);
  return block === null ? null : placesIn(block);
}

/** Without an index: each block ends where its checksum stands, and the next begins there. Up to the first that is damaged. */
async function* blocksInARow(file: FileHandle, fileBytes: number): AsyncGenerator<Buffer> {
  let length = windowBytes;
  for (let start = 0; start + trailerBytes < fileBytes; ) {
    const window = Buffer.allocUnsafe(Math.min(length, fileBytes - start));
    const filled = await readAll(file, window, start);
    let offset = 0;
    for (;;) {
      const end = maskedCrc32cPlace(window.subarray(0, filled), offset, filled);
      if (end === null) break;
      yield window.subarray(offset, end);
      offset = end + 4;
    }
    start += offset;
    if (offset > 0) length = windowBytes;
    else if (length > leveldbBlockBytesMax || start + length >= fileBytes) return;
    else length *= 2;
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
