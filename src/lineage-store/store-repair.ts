/**
 * Repair of a store whose database is damaged: all records that can still be read and proven go into a new database, every index is made
 * anew, and the new database takes the place of the old one, which is kept aside. What is lost is told.
 *
 *     DIR/.mendline-repair/   scratch, and the new database on its way; removed at the end, and by the next repair
 *
 * Until the swap (database-swap.ts) nothing of the store is changed; a crash before it leaves the store as it was.
 */
import { join } from "node:path";
import { Database } from "./database.js";
import { finishSwap, rebuiltDir, setAsideNames, swapDatabase } from "./database-swap.js";
import type { DeltaTransform } from "./deltas.js";
import { disk, fileError, makeFolder, stagingPrefix, syncFolder } from "./files.js";
import { databaseDir, prepareFolder, writeFormat } from "./folder.js";
import { HeadFile } from "./head-file.js";
import { verifyJournal } from "./journal.js";
import { rebuildJournal } from "./journal-rebuild.js";
import { databaseProblems } from "./leveldb-files.js";
import { rebuildObjectIndex } from "./object-index.js";
import { ObjectFiles } from "./objects.js";
import { heldBy } from "./owner.js";
import { RecordRebuild } from "./record-rebuild.js";
import { SalvagedRecords } from "./record-salvage.js";
import { RepairFindings, type StoreRepair } from "./repair-findings.js";

export interface StoreRepairOptions {
  /** Tells what would be lost, and changes nothing. */
  readonly dryRun?: boolean;
  /** Reads every byte of every object, too. */
  readonly checkObjects?: boolean;
  /** To read packed objects with; only `checkObjects` needs it. */
  readonly deltas?: DeltaTransform;
  readonly nowMs?: () => number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @throws MendlineError MENDLINE_STORE_UNKNOWN   there is no store
 * @throws MendlineError MENDLINE_STORE_LOCKED    somebody has it open
 * @throws MendlineError MENDLINE_STORE_VERSION   a later mendline wrote it
 * @throws MendlineError MENDLINE_STORE_CORRUPT   more is lost than a repair can make up for
 * @throws MendlineError MENDLINE_STORE_IO, MENDLINE_TASK_ABORTED  the store is as it was
 */
export async function repairStore(dir: string, options: StoreRepairOptions = {}): Promise<StoreRepair> {
  await prepareFolder(dir, false);
  return locked(dir, () => new StoreRepairRun(dir, options).run());
}

/** Removes the databases that repairs have set aside. @returns their paths */
export async function discardSetAside(dir: string): Promise<string[]> {
  await prepareFolder(dir, false);
  return locked(dir, async () => {
    const paths = (await setAsideNames(dir)).map((name) => join(dir, name));
    for (const path of paths) await removeFolder(path);
    return paths;
  });
}

async function locked<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    await finishSwap(dir);
    await makeFolder(databaseDir(dir));
    return await Database.whileLocked(databaseDir(dir), work);
  } catch (error) {
    throw await heldBy(dir, error);
  }
}

class StoreRepairRun {
  readonly #dir: string;
  readonly #options: StoreRepairOptions;
  readonly #workDir: string;
  readonly #findings = new RepairFindings();
  readonly #atMs: number;

  constructor(dir: string, options: StoreRepairOptions) {
    this.#dir = dir;
    this.#options = options;
    this.#workDir = join(dir, `${stagingPrefix}repair`);
    this.#atMs = (options.nowMs ?? Date.now)();
  }

  async run(): Promise<StoreRepair> {
    const { dryRun = false } = this.#options;
    const files = await databaseProblems(databaseDir(this.#dir));
    await removeFolder(this.#workDir);
    await removeFolder(rebuiltDir(this.#dir));
    try {
      const scratch = await openIn(join(this.#workDir, "scratch"));
      const journal = await this.#rebuild(scratch).finally(() => scratch.close());
      const setAside = dryRun ? null : await this.#publish();
      const findings = this.#findings;
      return {
        dryRun,
        files,
        records: findings.counts,
        lost: findings.lost,
        parametersLost: findings.parametersLost,
        journal: {
          lostEntries: findings.lostEntries,
          isRewritten: findings.isJournalRewritten,
          entryCount: journal.entryCount,
          head: journal.head,
        },
        objects: { checked: this.#options.checkObjects === true, ...findings.objects },
        setAside,
      };
    } finally {
      await removeFolder(this.#workDir).catch(() => undefined);
    }
  }

  /** Puts the new database together, and proves it. */
  async #rebuild(scratch: Database) {
    const { signal, checkObjects = false, deltas } = this.#options;
    const salvaged = new SalvagedRecords(scratch, this.#findings, signal);
    await salvaged.read(databaseDir(this.#dir), await this.#toldHead());
    const target = await openIn(join(this.#workDir, "new"));
    try {
      const rebuild = new RecordRebuild(salvaged, target, this.#findings, signal);
      await rebuild.rebuild();
      const files = await ObjectFiles.open(this.#dir, deltas);
      await rebuildObjectIndex(rebuild, files, this.#findings, { checkObjects, atMs: this.#atMs, signal });
      await rebuildJournal(salvaged, target, this.#findings, this.#atMs);
      return await verifyJournal(target);
    } finally {
      await target.close();
    }
  }

  async #toldHead() {
    const file = await HeadFile.open(this.#dir);
    try {
      return await file.read();
    } finally {
      await file.close();
    }
  }

  async #publish(): Promise<string> {
    // All indexes are of this schema; what is made anew needs no migration.
    try {
      await syncFolder(databaseDir(join(this.#workDir, "new")));
      await disk.rename(databaseDir(join(this.#workDir, "new")), rebuiltDir(this.#dir));
      await syncFolder(this.#dir);
    } catch (error) {
      throw fileError(rebuiltDir(this.#dir), "written", error);
    }
    const aside = await swapDatabase(this.#dir);
    await writeFormat(this.#dir);
    return aside;
  }
}

async function openIn(dir: string): Promise<Database> {
  await makeFolder(dir);
  return Database.open(databaseDir(dir));
}

async function removeFolder(path: string): Promise<void> {
  try {
    await disk.rm(path, { recursive: true, force: true });
  } catch (error) {
    throw fileError(path, "removed", error);
  }
}
