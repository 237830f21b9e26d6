/**
 * Repair of a store whose database is damaged: all records that can still be read and proven go into a new database, every index is made
 * anew, and the new database takes the place of the old one, which is kept aside. What is lost is told.
 *
 *     DIR/.mendline-repair/   scratch, and the new database on its way; removed at the end, and by the next repair
 *
 * Until the swap (database-swap.ts) nothing of the store is changed; a crash before it leaves the store as it was. A dry run changes nothing
 * at all (unchanged.ts). FORMAT is written anew at the end, whatever was there (format-proof.ts). Memory, whatever is damaged: what record-salvage.ts and repair-findings.ts name, and the marks of missing objects.
 */
import { join } from "node:path";
import { Database } from "./database.js";
import { finishSwap, rebuiltDir, setAsideNames, swapDatabase } from "./database-swap.js";
import { disk, fileError, makeFolder, stagingPrefix, syncFolder } from "./files.js";
import { databaseDir, formatProblem, prepareFolder, writeFormat } from "./folder.js";
import { proveStore } from "./format-proof.js";
import { HeadFile } from "./head-file.js";
import { databaseProblems } from "./leveldb-files.js";
import { ObjectFiles } from "./objects.js";
import { heldBy } from "./owner.js";
import { RepairFindings, type StoreRepair } from "./repair-findings.js";
import { newStoreDir, type RebuildOptions, type RebuildSource, rebuildDatabase } from "./store-rebuild.js";
import { whileUnchanged } from "./unchanged.js";

export interface StoreRepairOptions extends RebuildOptions {
  /** Tells what would be lost, and changes nothing. */
  readonly dryRun?: boolean;
  readonly nowMs?: () => number;
}

/**
 * @throws MendlineError MENDLINE_STORE_UNKNOWN   there is no store
 * @throws MendlineError MENDLINE_STORE_LOCKED    somebody has it open
 * @throws MendlineError MENDLINE_STORE_VERSION   a later mendline wrote it
 * @throws MendlineError MENDLINE_STORE_CORRUPT   more is lost than a repair can make up for
 * @throws MendlineError MENDLINE_STORE_IO, MENDLINE_TASK_ABORTED  the store is as it was
 */
export async function repairStore(dir: string, options: StoreRepairOptions = {}): Promise<StoreRepair> {
  const format = await formatProblem(dir);
  // Before anything is done to a folder that may be somebody else's.
  if (format !== null) await proveStore(databaseDir(dir), format, options.signal);
  const repaired = await (options.dryRun === true
    ? dryRun(dir, options)
    : locked(dir, () => repair(dir, options)));
  return format === null ? repaired : { ...repaired, files: [format, ...repaired.files] };
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

function dryRun(dir: string, options: StoreRepairOptions): Promise<StoreRepair> {
  return whileUnchanged(dir, async (unchanged) => {
    const files = ObjectFiles.at(dir, options.deltas);
    return { ...(await rebuild(dir, { ...unchanged, files }, options)), dryRun: true };
  });
}

async function repair(dir: string, options: StoreRepairOptions): Promise<StoreRepair> {
  const workDir = join(dir, `${stagingPrefix}repair`);
  await removeFolder(workDir);
  await removeFolder(rebuiltDir(dir));
  try {
    const files = await ObjectFiles.open(dir, options.deltas);
    const rebuilt = await rebuild(dir, { databaseDir: databaseDir(dir), workDir, files }, options);
    return { ...rebuilt, setAside: await publish(dir, workDir) };
  } finally {
    await removeFolder(workDir).catch(() => undefined);
  }
}

async function rebuild(
  dir: string,
  source: Pick<RebuildSource, "databaseDir" | "workDir" | "files">,
  options: StoreRepairOptions,
): Promise<StoreRepair> {
  const files = await databaseProblems(source.databaseDir);
  const [told, atMs] = [await HeadFile.told(dir), (options.nowMs ?? Date.now)()];
  const findings = new RepairFindings();
  const journal = await rebuildDatabase(
    { ...source, told, atMs },
    findings,
    options,
    (rebuilt) => rebuilt.journal,
  );
  return {
    dryRun: false,
    files,
    records: findings.counts,
    lost: findings.lost,
    parametersLost: findings.parametersLost,
    parametersLostCount: findings.parametersLostCount,
    journal: {
      lostEntries: findings.lostEntries,
      isRewritten: findings.isJournalRewritten,
      entryCount: journal.entryCount,
      head: journal.head,
    },
    objects: { checked: options.checkObjects === true, ...findings.objects },
    setAside: null,
  };
}

/** @returns where the database that was there lies now */
async function publish(dir: string, workDir: string): Promise<string> {
  const made = databaseDir(newStoreDir(workDir));
  // All indexes are of this schema; what is made anew needs no migration.
  try {
    await syncFolder(made);
    await disk.rename(made, rebuiltDir(dir));
    await syncFolder(dir);
  } catch (error) {
    throw fileError(rebuiltDir(dir), "written", error);
  }
  const aside = await swapDatabase(dir);
  await writeFormat(dir);
  return aside;
}

async function removeFolder(path: string): Promise<void> {
  try {
    await disk.rm(path, { recursive: true, force: true });
  } catch (error) {
    throw fileError(path, "removed", error);
  }
}
