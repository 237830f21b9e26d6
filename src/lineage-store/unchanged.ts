/**
 * Looking into a store's files without changing any, not even the time of a folder: the lock is taken under another name, and scratch lies
 * in the system's temporary folder, where it takes up to twice the bytes of the database.
 */
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "./database.js";
import { presentDatabaseDir } from "./database-swap.js";
import { disk, fileError } from "./files.js";
import { heldBy } from "./owner.js";

export interface UnchangedStore {
  readonly databaseDir: string;
  /** Empty, and removed at the end. */
  readonly workDir: string;
}

/** @throws MendlineError MENDLINE_STORE_LOCKED  somebody has it open */
export async function whileUnchanged<T>(
  dir: string,
  work: (store: UnchangedStore) => Promise<T>,
): Promise<T> {
  const workDir = join(tmpdir(), `mendline-${randomBytes(8).toString("hex")}`);
  try {
    await disk.mkdir(workDir, { mode: 0o700 });
  } catch (error) {
    throw fileError(workDir, "made", error);
  }
  try {
    const databaseDir = await presentDatabaseDir(dir);
    return await Database.whileLocked(databaseDir, () => work({ databaseDir, workDir }), workDir);
  } catch (error) {
    throw await heldBy(dir, error);
  } finally {
    await disk.rm(workDir, { recursive: true, force: true }).catch(() => undefined);
  }
}
