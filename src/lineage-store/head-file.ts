/**
 * `DIR/HEAD`: up to where commits were acknowledged, kept apart from the database. LevelDB takes a damaged end of its log for the trace of
 * a crash and goes on without it; here stands that there was more.
 *
 *     two lines of 96 bytes, written in turns, so that one is always whole:
 *     <sequence of the journal entry, 15 digits> <its sha256, 64 hex digits> <crc32 of both, 8 hex digits> <spaces, line feed>
 *
 * It is written after the commit is on the disk, and not synced: a crash can leave it behind the journal, never ahead of it.
 */
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { MendlineError } from "../errors.js";
import { repairRemedy } from "./codec.js";
import { disk, errnoOf, fileError, writeAll } from "./files.js";
import type { JournalHead } from "./journal.js";
import { numberMax } from "./keys.js";

const lineBytes = 96;
const pattern = /^(\d{15}) ([0-9a-f]{64}) ([0-9a-f]{8}) *\n$/;

export class HeadFile {
  readonly #path: string;
  readonly #file: FileHandle;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** @param dir  the store's, locked by the caller */
  static async open(dir: string): Promise<HeadFile> {
    const path = join(dir, "HEAD");
    try {
      return new HeadFile(path, await openOrMake(path));
    } catch (error) {
      throw fileError(path, "opened", error);
    }
  }

  /** What the file says, if there is one; it is not made, and not written. */
  static async told(dir: string): Promise<JournalHead | null> {
    const path = join(dir, "HEAD");
    try {
      const file = await disk.open(path, "r");
      try {
        return await headsIn(file);
      } finally {
        await file.close();
      }
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return null;
      throw fileError(path, "read", error);
    }
  }

  /** The last head that was written; null where none was, or both lines are damaged. */
  async read(): Promise<JournalHead | null> {
    try {
      return await headsIn(this.#file);
    } catch (error) {
      throw fileError(this.#path, "read", error);
    }
  }

  /** Never throws: the commit it tells of is done. What could not be written is made good by the next. */
  async write(head: JournalHead): Promise<void> {
    await writeAll(this.#file, lineOf(head), (head.sequence % 2) * lineBytes).catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function headsIn(file: FileHandle): Promise<JournalHead | null> {
  const bytes = Buffer.alloc(2 * lineBytes);
  await file.read(bytes, 0, bytes.length, 0);
  const heads = [headIn(bytes.subarray(0, lineBytes)), headIn(bytes.subarray(lineBytes))];
  return heads.reduce(
    (last, head) => (head !== null && head.sequence > (last?.sequence ?? -1) ? head : last),
    null,
  );
}

async function openOrMake(path: string): Promise<FileHandle> {
  try {
    return await disk.open(path, "r+");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    return disk.open(path, "w+");
  }
}

function lineOf({ sequence, hash }: JournalHead): Buffer {
  const text = `${String(sequence).padStart(15, "0")} ${hash.toString("hex")}`;
  return Buffer.from(`${`${text} ${checksum(text)}`.padEnd(lineBytes - 1)}\n`, "latin1");
}

function headIn(line: Buffer): JournalHead | null {
  const found = pattern.exec(line.toString("latin1"));
  if (found === null || checksum(`${found[1]} ${found[2]}`) !== found[3]) return null;
  if (Number(found[1]) > numberMax) return null;
  return { sequence: Number(found[1]), hash: Buffer.from(found[2]!, "hex") };
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

/** @param found  where the journal ends @param told  what HEAD says */
export function commitsLost(dir: string, found: JournalHead, told: JournalHead): MendlineError {
  const missing = told.sequence - found.sequence;
  const what =
    missing > 0
      ? `${missing === 1 ? "1 commit that was acknowledged is" : `${missing} commits that were acknowledged are`} not in its journal`
      : "its journal is not the one that it had";
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the store ${dir} is damaged: ${what}. A copy of a store's files that was made while it was in use looks so: \`mendline lineage backup\` makes one that is whole. Else ${repairRemedy}`,
    { details: { dir, lastSequence: found.sequence, acknowledgedSequence: told.sequence } },
  );
}
