/**
 * LevelDB's log files: the write-ahead log, and the manifest.
 *
 *     blocks of 32 KiB; in them fragments of records, none of which leaves its block:
 *       0: u32 masked crc32c of type and data · 4: u16 length of the data · 6: u8 type: 1 whole, 2 first, 3 middle, 4 last part
 *
 * Source: google/leveldb, doc/log_format.md.
 */
import type { FileHandle } from "node:fs/promises";
import { findingsMax } from "../limits.js";
import { maskedCrc32c } from "./crc32c.js";
import { readAll } from "./files.js";
import type { Place } from "./leveldb-table.js";

const blockBytes = 32 * 1024;
const headBytes = 7;
const types = { whole: 1, first: 2, middle: 3, last: 4 } as const;
/** Read at a time. */
const windowBytes = 32 * blockBytes;

/** Goes through a log block by block, and finds the whole records and the damage in it. Memory: the places of one record. */
export class LogScan {
  /**
   * The first places where something damaged stands that sound fragments follow. LevelDB reads on behind it, gives up what is left of its
   * block, and says nothing.
   */
  readonly damagedAt: number[] = [];
  /** Where the end is damaged: so a crash in the middle of a write looks, and nothing in it was acknowledged. null: it is not. */
  tornAt: number | null = null;
  /** Fragments of a record of which the last is still to come; null outside of one. */
  #parts: Place[] | null = null;

  /**
   * @param block  up to 32 KiB, fewer only at the end
   * @param start  where it stands in the file
   * @returns for each record that ends in it, where its data lies
   */
  *records(block: Uint8Array, start: number): Generator<readonly Place[]> {
    for (let at = 0; at < block.length; ) {
      if (blockBytes - at < headBytes) return;
      const end = fragmentEnd(block, at);
      if (end === null) {
        this.#parts = null;
        this.tornAt ??= start + at;
        at = soundPlace(block, at + 1) ?? block.length;
        continue;
      }
      this.#endDamage();
      const record = this.#take(block[at + 6]!, {
        offset: start + at + headBytes,
        byteLength: end - at - headBytes,
      });
      if (record !== null) yield record;
      at = end;
    }
  }

  /** What looked like a torn end was none: something sound stands behind it. */
  #endDamage(): void {
    if (this.tornAt !== null && this.damagedAt.length < findingsMax) this.damagedAt.push(this.tornAt);
    this.tornAt = null;
  }

  /** @returns the record that this fragment ends; of one whose beginning is lost nothing counts */
  #take(type: number, place: Place): readonly Place[] | null {
    if (type === types.whole || type === types.first) this.#parts = [];
    const parts = this.#parts;
    parts?.push(place);
    if (type === types.first || type === types.middle) return null;
    this.#parts = null;
    return parts;
  }
}

/** Where the fragment at a place ends; null where no sound one begins there. */
function fragmentEnd(block: Uint8Array, at: number): number | null {
  if (at + headBytes > block.length) return null;
  const end = at + headBytes + (block[at + 4]! | (block[at + 5]! << 8));
  const type = block[at + 6]!;
  if (end > block.length || type < types.whole || type > types.last) return null;
  const stored = new DataView(block.buffer, block.byteOffset + at, 4).getUint32(0, true);
  return maskedCrc32c(block.subarray(at + 6, end)) === stored ? end : null;
}

/** Whether anything sound is left in a block tells a flipped bit from an end that was torn. */
function soundPlace(block: Uint8Array, from: number): number | null {
  for (let at = from; at + headBytes <= block.length; at++) if (fragmentEnd(block, at) !== null) return at;
  return null;
}

/** Whole records of a log file in order: where their data lies. Memory: a window of a megabyte. */
export async function* logRecords(
  file: FileHandle,
  byteLength: number,
  scan: LogScan,
): AsyncGenerator<readonly Place[]> {
  const window = Buffer.allocUnsafe(Math.min(windowBytes, byteLength));
  for (let start = 0; start < byteLength; start += windowBytes) {
    const filled = await readAll(file, window, start);
    for (let at = 0; at < filled; at += blockBytes)
      yield* scan.records(window.subarray(at, Math.min(at + blockBytes, filled)), start + at);
  }
}

/** Where something damaged stands in a log, and where its end is torn. */
export async function checkLog(file: FileHandle, byteLength: number): Promise<LogScan> {
  const scan = new LogScan();
  for await (const _ of logRecords(file, byteLength, scan));
  return scan;
}
