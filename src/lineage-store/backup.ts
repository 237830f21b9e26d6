/**
 * Writes a store into one file (backup-format.ts) while others read and write it: the commits up to the one that was the last at the
 * beginning, and every object that their models need. Records are written once and objects never change, so that nothing has to be held
 * still; the logs that drop their oldest entries keep them for that long (commits.ts), and collections wait (store.ts).
 *
 * Indexes are not in it: a restore makes them anew, and proves all by that. Memory: one frame, and 40 to 48 bytes an object.
 */
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { backupRecordsBytes, parameterChunkBytes } from "../limits.js";
import { BackupWriter, packRecord } from "./backup-format.js";
import type { Database } from "./database.js";
import { disk, errnoOf, fileError, readAll, replaceFile } from "./files.js";
import { isRunFileName, runFilesDir, storeSchema } from "./folder.js";
import { type JournalHead, journalCommit } from "./journal.js";
import { keyOf, parseKey } from "./keys.js";
import { MarkSet } from "./mark-set.js";
import { requireModel } from "./models.js";
import { baseOfFile, corruptObject } from "./object-content.js";
import type { ObjectFiles } from "./objects.js";
import { hasPages, objectsOf, presenceOf } from "./presence.js";
import { checkSignal } from "./walk.js";

export interface Backup {
  readonly byteLength: number;
  /** Of the whole file's frames: written down elsewhere, it tells this backup from any other. */
  readonly hash: string;
  readonly records: number;
  readonly objects: number;
  /** Slices of labelled rows that runs come back to. */
  readonly files: number;
  /** The last commit that is in it: its place in the journal, and its hash. */
  readonly sequence: number;
  readonly head: string;
}

export interface BackupOptions {
  readonly signal?: AbortSignal | undefined;
}

export class StoreBackup {
  readonly #database: Database;
  readonly #files: ObjectFiles;
  readonly #head: JournalHead;
  readonly #nowMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #taken = new MarkSet();
  #records = 0;
  #objects = 0;
  #runFiles = 0;

  /** @param head  the journal's, below which nothing changes any more */
  constructor(
    database: Database,
    files: ObjectFiles,
    head: JournalHead,
    nowMs: number,
    signal: AbortSignal | undefined,
  ) {
    this.#database = database;
    this.#files = files;
    this.#head = head;
    this.#nowMs = nowMs;
    this.#signal = signal;
  }

  /**
   * The path shows what was there or the whole backup.
   *
   * @throws MendlineError MENDLINE_STORE_CORRUPT  a record or an object is damaged: a backup of it would be none
   * @throws MendlineError MENDLINE_DATA_WRITE     the file cannot be written
   * @throws MendlineError MENDLINE_TASK_ABORTED   by the signal, or because the store is closed
   */
  async write(path: string): Promise<Backup> {
    return replaceFile(path, (file) => this.#fill(new BackupWriter(file)), "MENDLINE_DATA_WRITE");
  }

  async #fill(writer: BackupWriter): Promise<Backup> {
    const { sequence } = this.#head;
    const head = this.#head.hash.toString("hex");
    await writer.begin();
    await writer.addJson("head", { schema: storeSchema, createdMs: this.#nowMs, sequence, head });
    await this.#addRecords(writer);
    for (let entry = 0; entry <= sequence; entry++)
      for (const { key } of journalCommit(this.#database, entry).changes)
        await this.#addObjectsOf(writer, key);
    await this.#addRunFiles(writer);
    const counts = { records: this.#records, objects: this.#objects, files: this.#runFiles };
    await writer.addJson("end", counts);
    const { byteLength, hash } = writer;
    return { byteLength, hash, ...counts, sequence, head };
  }

  async #addRecords(writer: BackupWriter): Promise<void> {
    let packed: Buffer[] = [];
    let byteLength = 0;
    const flush = async () => {
      if (byteLength > 0) await writer.add("records", Buffer.concat(packed));
      [packed, byteLength] = [[], 0];
    };
    for (const record of this.#rawRecords()) {
      const bytes = packRecord(record);
      if (byteLength + bytes.length > backupRecordsBytes) await flush();
      packed.push(bytes);
      byteLength += bytes.length;
      this.#records++;
    }
    await flush();
  }

  /** Each journal entry, and what it wrote. A restore proves them; what is damaged is told here already. */
  *#rawRecords(): Generator<{ readonly key: Buffer; readonly bytes: Buffer }> {
    for (let sequence = 0; sequence <= this.#head.sequence; sequence++) {
      checkSignal(this.#signal, "the backup");
      const commit = journalCommit(this.#database, sequence);
      yield { key: keyOf("journal", sequence), bytes: commit.bytes };
      for (const { key, check } of commit.changes) {
        const bytes = check === null ? undefined : this.#database.bytes(key);
        if (bytes === undefined) continue;
        this.#database.read(key);
        yield { key, bytes };
      }
    }
  }

  async #addObjectsOf(writer: BackupWriter, key: Buffer): Promise<void> {
    const parsed = parseKey(key)!;
    if (parsed.kind !== "model") return;
    const model = requireModel(this.#database, parsed.parts[0] as string);
    const { state } = presenceOf(this.#database, model);
    for (const { object } of objectsOf(this.#database, model, state === "kept"))
      await this.#addObject(writer, object, state !== "lost");
    // Dropped since the beginning: what is there is taken, for nothing is collected meanwhile.
    if (state !== "kept" && hasPages(this.#database, model))
      for (const { object } of objectsOf(this.#database, model, true))
        await this.#addObject(writer, object, false);
  }

  /** An object, and what its deltas stand against. */
  async #addObject(writer: BackupWriter, object: string, isNeeded: boolean): Promise<void> {
    for (let wanted: string | null = object; wanted !== null; ) {
      checkSignal(this.#signal, "the backup");
      if (!this.#taken.add(wanted)) return;
      // Read through first: a damaged object in it would make the whole backup worthless.
      const byteLength = await this.#files.byteLength(wanted);
      if (byteLength === null && !isNeeded) return;
      if (byteLength === null) throw corruptObject(wanted, "is lost");
      for await (const _ of this.#files.read(wanted)) checkSignal(this.#signal, "the backup");
      wanted = await this.#addFile(writer, wanted);
    }
  }

  /** @returns the object that its deltas stand against, or null */
  async #addFile(writer: BackupWriter, hash: string): Promise<string | null> {
    const release = this.#files.pins.hold(hash);
    const { whole, packed } = this.#files.pathsOf(hash);
    try {
      // The form may change between two looks: the new one is there before the old one goes.
      for (const path of [whole, packed, whole]) {
        const file = await openIfThere(path);
        if (file === null) continue;
        try {
          const byteLength = await sizeOf(path, file);
          await writer.addJson("object", { hash, isPacked: path === packed, byteLength });
          const cut = () => corruptObject(hash, "was cut while it was read");
          await this.#addBytes(writer, path, file, byteLength, cut);
          this.#objects++;
        } finally {
          await file.close();
        }
        return await baseOfFile(hash, path);
      }
      throw corruptObject(hash, "is lost");
    } finally {
      release();
    }
  }

  /** They are there before a run names them, and never change; one that is removed meanwhile, no run comes back to. */
  async #addRunFiles(writer: BackupWriter): Promise<void> {
    const dir = runFilesDir(dirname(this.#database.path));
    for (const name of await runFileNames(dir)) {
      const path = join(dir, name);
      const file = await openIfThere(path);
      if (file === null) continue;
      try {
        const byteLength = await sizeOf(path, file);
        await writer.addJson("file", { name, byteLength });
        const cut = () => fileError(path, "read", new Error("it was cut while it was read"));
        await this.#addBytes(writer, path, file, byteLength, cut);
        this.#runFiles++;
      } finally {
        await file.close();
      }
    }
  }

  async #addBytes(
    writer: BackupWriter,
    path: string,
    file: FileHandle,
    byteLength: number,
    cut: () => Error,
  ): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(byteLength, parameterChunkBytes));
    for (let at = 0; at < byteLength; at += parameterChunkBytes) {
      checkSignal(this.#signal, "the backup");
      const part = buffer.subarray(0, Math.min(parameterChunkBytes, byteLength - at));
      let filled: number;
      try {
        filled = await readAll(file, part, at);
      } catch (error) {
        throw fileError(path, "read", error);
      }
      if (filled < part.length) throw cut();
      await writer.add("bytes", part);
    }
  }
}

async function sizeOf(path: string, file: FileHandle): Promise<number> {
  try {
    return (await file.stat()).size;
  } catch (error) {
    throw fileError(path, "read", error);
  }
}

/** By name; files that somebody else put there are none of the store's. */
async function runFileNames(dir: string): Promise<string[]> {
  try {
    const entries = await disk.readdir(dir);
    return entries.filter(isRunFileName).sort();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw fileError(dir, "read", error);
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await disk.open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw fileError(path, "read", error);
  }
}
