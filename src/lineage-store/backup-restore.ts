/**
 * A store out of its backup. It is put together beside its place, proven as a whole (every frame, record, journal entry and object), and
 * renamed: what is not the store that was backed up, to the last byte, never becomes visible.
 */
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { MendlineError } from "../errors.js";
import { type BackupFrame, BackupReader, unpackRecords } from "./backup-format.js";
import { Database } from "./database.js";
import type { DeltaTransform } from "./deltas.js";
import { disk, errnoOf, fileError, makeFolder, stagingPrefix, syncFolder, writeAll } from "./files.js";
import { databaseDir, isRunFileName, runFilesDir, storeSchema, writeFormat } from "./folder.js";
import { type JournalSummary, verifyJournal } from "./journal.js";
import { rebuildJournal } from "./journal-rebuild.js";
import { rebuildObjectIndex } from "./object-index.js";
import { ObjectFiles } from "./objects.js";
import { RecordRebuild } from "./record-rebuild.js";
import { RecordBatch, SalvagedRecords } from "./record-salvage.js";
import { RepairFindings } from "./repair-findings.js";
import { checkSignal } from "./walk.js";

export interface RestoreBackupOptions {
  /** To prove packed objects with. */
  readonly deltas?: DeltaTransform;
  readonly signal?: AbortSignal | undefined;
}

export interface RestoredBackup {
  readonly records: number;
  readonly objects: number;
  readonly files: number;
  readonly models: number;
  readonly hash: string;
  readonly sequence: number;
  readonly head: string;
  /** When the backup was begun. */
  readonly createdMs: number;
}

interface BackupHead {
  readonly schema: number;
  readonly createdMs: number;
  readonly sequence: number;
  readonly head: string;
}

/**
 * @param dir  missing or empty
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  there is something in the folder
 * @throws MendlineError MENDLINE_DATA_MALFORMED    the file is no backup, or damaged
 * @throws MendlineError MENDLINE_STORE_VERSION     a later mendline wrote it
 */
export async function restoreBackup(
  path: string,
  dir: string,
  options: RestoreBackupOptions = {},
): Promise<RestoredBackup> {
  const target = resolve(dir);
  await refuseUsed(target);
  // One name for each place: what a crash has left goes when the restore is tried again.
  const staged = join(dirname(target), `${stagingPrefix}restore-${basename(target)}`);
  await removed(staged);
  const file = await openBackup(path);
  try {
    await makeFolder(staged);
    const restored = await new Restore(new BackupReader(path, file), staged, options).run();
    await publish(staged, target);
    return restored;
  } catch (error) {
    await removed(staged).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

class Restore {
  readonly #reader: BackupReader;
  readonly #dir: string;
  readonly #options: RestoreBackupOptions;
  readonly #counts = { records: 0, objects: 0, files: 0 };

  constructor(reader: BackupReader, dir: string, options: RestoreBackupOptions) {
    this.#reader = reader;
    this.#dir = dir;
    this.#options = options;
  }

  async run(): Promise<RestoredBackup> {
    const workDir = join(this.#dir, `${stagingPrefix}repair`);
    const scratch = await openIn(join(workDir, "scratch"));
    let head: BackupHead;
    let journal: JournalSummary & { readonly models: number };
    try {
      head = await this.#read(scratch);
      journal = await this.#rebuild(scratch, head);
    } finally {
      await scratch.close();
    }
    await removed(workDir);
    await writeFormat(this.#dir);
    const { hash } = this.#reader;
    return { ...this.#counts, models: journal.models, hash, ...position(head), createdMs: head.createdMs };
  }

  /** Records into the scratch database, objects into their place. */
  async #read(scratch: Database): Promise<BackupHead> {
    const batch = new RecordBatch(scratch);
    const files = new FileWriter(this.#dir, this.#reader);
    try {
      return await this.#readFrames(batch, files);
    } finally {
      await files.close();
    }
  }

  async #readFrames(batch: RecordBatch, files: FileWriter): Promise<BackupHead> {
    let head: BackupHead | null = null;
    let end: Record<string, unknown> | null = null;
    for await (const frame of this.#reader.frames()) {
      checkSignal(this.#options.signal, "the restore");
      if ((frame.kind === "head") !== (head === null))
        throw this.#malformed("has its parts in another order");
      if (frame.kind === "head") head = this.#headOf(frame);
      else if (frame.kind === "records") await this.#addRecords(frame, batch);
      else if (frame.kind === "object") {
        await files.beginObject(this.#reader.json(frame));
        this.#counts.objects++;
      } else if (frame.kind === "file") {
        await files.beginRunFile(this.#reader.json(frame));
        this.#counts.files++;
      } else if (frame.kind === "bytes") await files.write(frame.content);
      else end = this.#reader.json(frame);
    }
    await files.end();
    await files.sync();
    await batch.flush();
    const { records, objects, files: runFiles } = this.#counts;
    if (end?.records !== records || end.objects !== objects || (end.files ?? 0) !== runFiles)
      throw this.#malformed(
        `says that it has ${end?.records} records, ${end?.objects} objects and ${end?.files ?? 0} files, and has ${records}, ${objects} and ${runFiles}`,
      );
    return head!;
  }

  #headOf(frame: BackupFrame): BackupHead {
    const { schema, createdMs, sequence, head } = this.#reader.json(frame);
    const numbers = [schema, createdMs, sequence].every((value) => Number.isSafeInteger(value));
    if (!numbers || typeof head !== "string" || !/^[0-9a-f]{64}$/.test(head))
      throw this.#malformed("has a head that says nothing");
    if ((schema as number) > storeSchema)
      throw new MendlineError(
        "MENDLINE_STORE_VERSION",
        `the backup has schema ${schema}, this mendline reads up to ${storeSchema}: use the version that wrote it, or a later one`,
        { details: { schema, supported: storeSchema } },
      );
    return { schema, createdMs, sequence, head } as BackupHead;
  }

  async #addRecords(frame: BackupFrame, batch: RecordBatch): Promise<void> {
    const records = unpackRecords(frame.content);
    if (records === null) throw this.#malformed("has records without an end");
    for (const { key, bytes } of records) {
      if (!SalvagedRecords.takes(key, bytes)) throw this.#malformed("has a record that is none");
      await batch.put(Buffer.from(key), Buffer.from(bytes));
      this.#counts.records++;
    }
  }

  async #rebuild(scratch: Database, head: BackupHead): Promise<JournalSummary & { readonly models: number }> {
    const { signal, deltas } = this.#options;
    const findings = new RepairFindings();
    const salvaged = new SalvagedRecords(scratch, findings, signal);
    await salvaged.judge({ sequence: head.sequence, hash: Buffer.from(head.head, "hex") });
    const target = await openIn(this.#dir);
    try {
      const rebuild = new RecordRebuild(salvaged, target, findings, signal);
      await rebuild.rebuild();
      const files = await ObjectFiles.open(this.#dir, deltas);
      await rebuildObjectIndex(rebuild, files, findings, {
        checkObjects: true,
        atMs: head.createdMs,
        signal,
      });
      await rebuildJournal(salvaged, target, findings, head.createdMs);
      const journal = await verifyJournal(target);
      this.#refuseLoss(findings, journal, head);
      return { ...journal, models: rebuild.modelCount };
    } finally {
      await target.close();
    }
  }

  #refuseLoss(findings: RepairFindings, journal: JournalSummary, head: BackupHead): void {
    const [lost] = findings.lost;
    if (lost !== undefined) throw this.#malformed(`is not whole: ${lost.record} ${lost.problem}`);
    const isSame = head.sequence < 0 ? journal.entryCount === 0 : journal.head === head.head;
    if (findings.isJournalRewritten || findings.parametersLost.length > 0 || !isSame)
      throw this.#malformed("is not whole: its journal does not lead to where it says");
  }

  #malformed(problem: string): MendlineError {
    return this.#reader.malformed(problem);
  }
}

function position({ sequence, head }: BackupHead): { readonly sequence: number; readonly head: string } {
  return { sequence, head };
}

/** Files of a store, one at a time, as they lie in it. What objects hold is proven when all are there: deltas need their bases. */
class FileWriter {
  readonly #dir: string;
  readonly #reader: BackupReader;
  readonly #folders = new Set<string>();
  #open: { readonly file: FileHandle; readonly path: string; left: number } | null = null;

  constructor(dir: string, reader: BackupReader) {
    this.#dir = dir;
    this.#reader = reader;
  }

  async beginObject({ hash, isPacked, byteLength }: Record<string, unknown>): Promise<void> {
    if (typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash) || typeof isPacked !== "boolean")
      throw this.#reader.malformed("has an object that says nothing");
    const folder = join(this.#dir, "objects", hash.slice(0, 2));
    await this.#begin(folder, `${hash.slice(2)}${isPacked ? ".packed" : ""}`, byteLength, `object ${hash}`);
  }

  async beginRunFile({ name, byteLength }: Record<string, unknown>): Promise<void> {
    if (typeof name !== "string" || !isRunFileName(name))
      throw this.#reader.malformed("has a file that says nothing");
    await this.#begin(runFilesDir(this.#dir), name, byteLength, `file ${name}`);
  }

  async #begin(folder: string, name: string, byteLength: unknown, what: string): Promise<void> {
    await this.end();
    if (!Number.isSafeInteger(byteLength) || (byteLength as number) < 0)
      throw this.#reader.malformed(`does not say how long the ${what} is`);
    await makeFolder(folder);
    this.#folders.add(folder);
    const path = join(folder, name);
    try {
      this.#open = { file: await disk.open(path, "wx"), path, left: byteLength as number };
    } catch (error) {
      if (errnoOf(error) === "EEXIST") throw this.#reader.malformed(`has the ${what} twice`);
      throw fileError(path, "written", error);
    }
  }

  async write(bytes: Buffer): Promise<void> {
    const open = this.#open;
    if (open === null || bytes.length > open.left) throw this.#reader.malformed("has bytes of no file");
    open.left -= bytes.length;
    try {
      await writeAll(open.file, bytes);
    } catch (error) {
      throw fileError(open.path, "written", error);
    }
  }

  async end(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    this.#open = null;
    try {
      await open.file.sync();
    } catch (error) {
      throw fileError(open.path, "written", error);
    } finally {
      await open.file.close();
    }
    if (open.left > 0) throw this.#reader.malformed("has a file without its end");
  }

  async sync(): Promise<void> {
    for (const folder of this.#folders) await syncFolder(folder);
  }

  /** After a failure. */
  async close(): Promise<void> {
    await this.#open?.file.close();
    this.#open = null;
  }
}

async function refuseUsed(dir: string): Promise<void> {
  let names: string[] = [];
  try {
    names = await disk.readdir(dir);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw fileError(dir, "read", error);
  }
  if (names.length === 0) return;
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `${dir} is not empty (${names.slice(0, 3).join(", ")}…): restore into a new or an empty folder`,
    { details: { dir } },
  );
}

async function openBackup(path: string): Promise<FileHandle> {
  try {
    return await disk.open(path, "r");
  } catch (error) {
    throw fileError(path, "read", error, "MENDLINE_DATA_NOT_FOUND");
  }
}

async function openIn(dir: string): Promise<Database> {
  await makeFolder(dir);
  return Database.open(databaseDir(dir));
}

async function removed(path: string): Promise<void> {
  try {
    await disk.rm(path, { recursive: true, force: true });
  } catch (error) {
    throw fileError(path, "removed", error);
  }
}

/** Over an empty folder, too. */
async function publish(staged: string, target: string): Promise<void> {
  try {
    await syncFolder(staged);
    await disk.rename(staged, target);
    await syncFolder(dirname(target));
  } catch (error) {
    throw fileError(target, "made", error);
  }
}
