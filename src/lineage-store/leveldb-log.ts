/**
 * LevelDB's log files: the write-ahead log, and the manifest.
 *
 *     blocks of 32 KiB; in them records, none of which leaves its block:
 *       0: u32 masked crc32c of type and data · 4: u16 length of the data · 6: u8 type: 1 whole, 2 first, 3 middle, 4 last part
 *
 * Source: google/leveldb, doc/log_format.md.
 */
import { maskedCrc32c } from "./crc32c.js";

const blockBytes = 32 * 1024;
const headBytes = 7;
const types = { whole: 1, first: 2, middle: 3, last: 4 } as const;

export interface LogCheck {
  /** Whole records in order, as far as they are sound. */
  readonly records: readonly Uint8Array[];
  /**
   * Where a damaged record stands that sound ones follow. LevelDB reads on behind it and says nothing. null: none. A damaged end is none
   * either: so a crash in the middle of a write looks, and nothing in it was acknowledged.
   */
  readonly damagedAt: number | null;
}

export function checkLog(bytes: Uint8Array): LogCheck {
  const records: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let firstBad: number | null = null;
  let damagedAt: number | null = null;
  for (let at = 0; at + headBytes <= bytes.length; ) {
    const left = blockBytes - (at % blockBytes);
    if (left < headBytes) {
      at += left;
      continue;
    }
    const end = recordEnd(bytes, at);
    if (end === null) {
      firstBad ??= at;
      parts = [];
      // LevelDB gives up the rest of the block. Whether anything sound is left in it tells a flipped bit from an end that was torn.
      if (damagedAt === null && hasSoundRecord(bytes, at + 1, at + left)) damagedAt = firstBad;
      at += left;
      continue;
    }
    if (firstBad !== null) damagedAt ??= firstBad;
    const type = bytes[at + 6]!;
    if (type === types.whole || type === types.first) parts = [];
    parts.push(bytes.subarray(at + headBytes, end));
    if (type === types.whole || type === types.last) {
      records.push(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
      parts = [];
    }
    at = end;
  }
  return { records, damagedAt };
}

/** Where the record at a place ends; null where no sound one begins there. */
function recordEnd(bytes: Uint8Array, at: number): number | null {
  const left = blockBytes - (at % blockBytes);
  if (left < headBytes || at + headBytes > bytes.length) return null;
  const end = at + headBytes + (bytes[at + 4]! | (bytes[at + 5]! << 8));
  const type = bytes[at + 6]!;
  if (end > at + left || end > bytes.length || type < types.whole || type > types.last) return null;
  const stored = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
  return maskedCrc32c(bytes.subarray(at + 6, end)) === stored ? end : null;
}

function hasSoundRecord(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (recordEnd(bytes, at) !== null) return true;
  return false;
}
