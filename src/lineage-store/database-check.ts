/** Refuses to let LevelDB open files that are damaged: it would read past the damage, say nothing, and write the rest anew. */
import { join, resolve } from "node:path";
import { MendlineError } from "../errors.js";
import { openCheckBytesMax } from "../limits.js";
import { repairRemedy } from "./codec.js";
import { disk, errnoOf, fileError, stagingPrefix } from "./files.js";
import { databaseBytes, databaseProblems, type FileProblem } from "./leveldb-files.js";

/**
 * @param path  LevelDB's folder, not open in this process
 * @param openAt  opens another database, until the returned function is called
 * @throws MendlineError MENDLINE_STORE_LOCKED   another process has it open
 * @throws MendlineError MENDLINE_STORE_CORRUPT  naming the files
 */
export async function refuseDamaged(
  path: string,
  openAt: (dir: string) => Promise<() => Promise<void>>,
): Promise<void> {
  // Another process may be writing, and removing files, just now: looked at again when that is out of the question.
  if (await seemsSound(path).catch(() => false)) return;
  const problems = await whileLocked(path, openAt, () => databaseProblems(path));
  if (problems.length > 0) throw damaged(problems);
}

async function seemsSound(path: string): Promise<boolean> {
  return (await databaseBytes(path)) > openCheckBytesMax || (await databaseProblems(path)).length === 0;
}

export function damaged(problems: readonly FileProblem[]): MendlineError {
  const named = problems.slice(0, 3).map(({ path, problem }) => `${path} ${problem}`);
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the store's database is damaged: ${named.join("; ")}${problems.length > 3 ? "; and more" : ""}: ${repairRemedy}`,
    { details: { problems: problems.slice(0, 100) } },
  );
}

/**
 * LevelDB cannot lock a database without opening it. A database beside, whose LOCK is the same file under another name, takes the very
 * same lock.
 *
 * @param elsewhere  a folder for it outside of the store, of which then nothing is touched; where left out, it lies beside the database
 */
export async function whileLocked<T>(
  path: string,
  openAt: (dir: string) => Promise<() => Promise<void>>,
  work: () => Promise<T>,
  elsewhere?: string,
): Promise<T> {
  const beside = join(elsewhere ?? join(path, ".."), `${stagingPrefix}lock-${process.pid}`);
  try {
    await disk.rm(beside, { recursive: true, force: true });
    await disk.mkdir(beside);
    await linkLock(path, beside, elsewhere !== undefined);
    const close = await openAt(beside);
    try {
      return await work();
    } finally {
      await close();
    }
  } catch (error) {
    throw fileError(beside, "locked", error);
  } finally {
    // What stays is removed by the next of the same process id, and is no harm until then.
    await disk.rm(beside, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Without a LOCK nobody has it open. @param isFar  a hard link does not reach to another disk, and changes the file's entry */
async function linkLock(path: string, beside: string, isFar: boolean): Promise<void> {
  const lock = join(path, "LOCK");
  try {
    if (!isFar) return await disk.link(lock, join(beside, "LOCK"));
    await disk.lstat(lock);
    await disk.symlink(resolve(lock), join(beside, "LOCK"));
  } catch (error) {
    if (isFar && errnoOf(error) !== "ENOENT") throw error;
  }
}
