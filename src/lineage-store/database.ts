/** LevelDB as the store uses it: verified records in, verified records out, errors with codes. */
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { Level } from "level";
import { MendlineError, messageOf } from "../errors.js";
import { decodeRecord, repairRemedy, type Stored } from "./codec.js";
import { refuseDamaged, whileLocked } from "./database-check.js";
import type { KeyRange } from "./keys.js";

/** Where records are read from: the database, or a transaction that lays its own writes over it. */
export interface RecordReader {
  /** undefined: no such record. */
  read(key: Buffer): Stored | undefined;
  /** Whether there is one, sound or not. */
  has(key: Buffer): boolean;
}

export interface RecordEntry {
  readonly key: Buffer;
  readonly value: Stored;
}

export interface RecordWrite {
  readonly key: Buffer;
  /** null deletes. */
  readonly bytes: Buffer | null;
}

export interface ScanOptions extends KeyRange {
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** Keys and records read at a time. Between pages no iterator stays open, so that a slow reader holds no LevelDB snapshot. */
const keyPage = 1_000;
const recordPage = 64;

/**
 * Folders that this process has open. A second opening must be refused before LevelDB sees it: in refusing it, LevelDB (1.20) closes
 * the LOCK file once more, on which POSIX drops the process's lock, and another process could open the store beside this one.
 */
const openFolders = new Set<string>();

export class Database implements RecordReader {
  readonly path: string;
  readonly #folder: string;
  readonly #level: Level<Buffer, Buffer>;
  #ownsFolder = true;

  private constructor(path: string, folder: string) {
    this.path = path;
    this.#folder = folder;
    this.#level = new Level<Buffer, Buffer>(path, { keyEncoding: "buffer", valueEncoding: "buffer" });
  }

  /**
   * @param path  in a folder that exists
   * @throws MendlineError MENDLINE_STORE_LOCKED  another process, or this one, has it open
   * @throws MendlineError MENDLINE_STORE_CORRUPT its files are not what was written
   * @throws MendlineError MENDLINE_STORE_IO      LevelDB cannot open its folder
   */
  static async open(path: string): Promise<Database> {
    const folder = realpathSync(dirname(path));
    if (openFolders.has(folder)) throw lockedError(path, "this process");
    openFolders.add(folder);
    try {
      await refuseDamaged(path, (beside) => Database.#openBeside(beside));
      // Not before: it begins to open by itself.
      const database = new Database(path, folder);
      await database.#open();
      return database;
    } catch (error) {
      openFolders.delete(folder);
      throw error;
    }
  }

  /**
   * Work on the files of a database that nobody has open meanwhile, without opening it.
   *
   * @param elsewhere  see whileLocked in database-check.ts
   * @throws MendlineError MENDLINE_STORE_LOCKED  somebody has it open
   */
  static async whileLocked<T>(path: string, work: () => Promise<T>, elsewhere?: string): Promise<T> {
    const folder = realpathSync(dirname(path));
    if (openFolders.has(folder)) throw lockedError(path, "this process");
    openFolders.add(folder);
    try {
      return await whileLocked(path, (beside) => Database.#openBeside(beside), work, elsewhere);
    } finally {
      openFolders.delete(folder);
    }
  }

  /** @returns what closes it again */
  static async #openBeside(path: string): Promise<() => Promise<void>> {
    const database = new Database(path, path);
    await database.#open();
    return () => database.#level.close();
  }

  async #open(): Promise<void> {
    try {
      await this.#level.open();
    } catch (error) {
      throw this.#openError(error instanceof Error && error.cause !== undefined ? error.cause : error);
    }
  }

  #openError(cause: unknown): MendlineError {
    return codeOf(cause) === "LEVEL_LOCKED"
      ? lockedError(this.path, "another process", cause)
      : this.#error("opened", cause);
  }

  bytes(key: Buffer): Buffer | undefined {
    try {
      return this.#level.getSync(key);
    } catch (error) {
      throw this.#error("read", error);
    }
  }

  read(key: Buffer): Stored | undefined {
    const bytes = this.bytes(key);
    return bytes === undefined ? undefined : decodeRecord(key, bytes);
  }

  has(key: Buffer): boolean {
    return this.bytes(key) !== undefined;
  }

  async *keys({ gte, lt, reverse = false, limit = Infinity }: ScanOptions): AsyncGenerator<Buffer> {
    let range: KeyRange = { gte, lt };
    for (let left = limit; left > 0; ) {
      const page = Math.min(left, keyPage);
      const keys = await this.#scan(() => this.#level.keys({ ...range, reverse, limit: page }).all());
      yield* keys;
      if (keys.length < page) return;
      left -= keys.length;
      range = rest(range, keys.at(-1)!, reverse);
    }
  }

  async *entries({ gte, lt, reverse = false, limit = Infinity }: ScanOptions): AsyncGenerator<RecordEntry> {
    let range: KeyRange = { gte, lt };
    for (let left = limit; left > 0; ) {
      const page = Math.min(left, recordPage);
      const entries = await this.#scan(() => this.#level.iterator({ ...range, reverse, limit: page }).all());
      for (const [key, bytes] of entries) yield { key, value: decodeRecord(key, bytes) };
      if (entries.length < page) return;
      left -= entries.length;
      range = rest(range, entries.at(-1)![0], reverse);
    }
  }

  async lastKey(range: KeyRange): Promise<Buffer | undefined> {
    for await (const key of this.keys({ ...range, reverse: true, limit: 1 })) return key;
    return undefined;
  }

  async #scan<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      throw this.#error("read", error);
    }
  }

  /** All or nothing, and on the disk when it returns. */
  async write(writes: readonly RecordWrite[]): Promise<void> {
    try {
      // Operation by operation: given as one array, Level copies each of them first, four times as slow.
      const batch = this.#level.batch();
      for (const { key, bytes } of writes) {
        if (bytes === null) batch.del(key);
        else batch.put(key, bytes);
      }
      await batch.write({ sync: true });
    } catch (error) {
      throw this.#error("written", error);
    }
  }

  /**
   * After a failed write the log's tail is unknown: it may end in half a record, behind which later ones would be lost.
   * Opening anew recovers the log and begins another.
   */
  async reopen(): Promise<void> {
    await this.#level.close();
    await this.#open();
  }

  async close(): Promise<void> {
    await this.#level.close();
    // Once: the folder may have been opened anew since.
    if (this.#ownsFolder) openFolders.delete(this.#folder);
    this.#ownsFolder = false;
  }

  #error(action: "opened" | "read" | "written", cause: unknown): MendlineError {
    const code = codeOf(cause);
    if (code === "LEVEL_DATABASE_NOT_OPEN")
      return new MendlineError("MENDLINE_STORE_IO", `the store ${this.path} is closed: open it again`, {
        cause,
      });
    return new MendlineError(
      code === "LEVEL_CORRUPTION" ? "MENDLINE_STORE_CORRUPT" : "MENDLINE_STORE_IO",
      `the store's database ${this.path} could not be ${action}: ${messageOf(cause)}${code === "LEVEL_CORRUPTION" ? `: ${repairRemedy}` : ""}`,
      { details: { path: this.path }, cause },
    );
  }
}

function lockedError(path: string, holder: string, cause?: unknown): MendlineError {
  const lock = join(path, "LOCK");
  return new MendlineError(
    "MENDLINE_STORE_LOCKED",
    `the store is held by ${holder} (lock ${lock}): wait until it ends, or let one process own the store with ` +
      "`mendline serve` and use its service",
    { details: { lock }, cause },
  );
}

function rest({ gte, lt }: KeyRange, last: Buffer, reverse: boolean): KeyRange {
  return reverse ? { gte, lt: last } : { gte: Buffer.concat([last, Buffer.of(0)]), lt };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
