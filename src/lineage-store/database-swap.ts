/**
 * Puts a rebuilt database in the place of the one that was there.
 *
 *     DIR/db            the database
 *     DIR/db.rebuilt    a whole one that is to take its place
 *     DIR/db.damaged    the one that was there; db.damaged-2 and so on for later ones
 *
 * First the old one goes aside; from then on the new one is all there is, and whoever opens the store next finishes what a crash cut off.
 * HEAD goes in between: it tells of the journal that was there.
 */
import { join } from "node:path";
import { disk, errnoOf, fileError, syncFolder } from "./files.js";
import { databaseDir } from "./folder.js";

const rebuiltName = "db.rebuilt";
const damagedPattern = /^db\.damaged(?:-\d+)?$/;

export function rebuiltDir(dir: string): string {
  return join(dir, rebuiltName);
}

/** @param dir  the store's, locked by the caller @returns where the old database lies */
export async function swapDatabase(dir: string): Promise<string> {
  try {
    const taken = (await setAsideNames(dir)).length;
    const aside = join(dir, taken === 0 ? "db.damaged" : `db.damaged-${await freeNumber(dir)}`);
    await disk.rename(databaseDir(dir), aside);
    await syncFolder(dir);
    await finishSwap(dir);
    return aside;
  } catch (error) {
    throw fileError(databaseDir(dir), "replaced", error);
  }
}

async function freeNumber(dir: string): Promise<number> {
  const names = new Set(await setAsideNames(dir));
  let number = 2;
  while (names.has(`db.damaged-${number}`)) number++;
  return number;
}

/** Does nothing where no swap was cut off. */
export async function finishSwap(dir: string): Promise<void> {
  try {
    if ((await exists(databaseDir(dir))) || !(await exists(rebuiltDir(dir)))) return;
    await disk.rm(join(dir, "HEAD"), { force: true });
    await syncFolder(dir);
    await disk.rename(rebuiltDir(dir), databaseDir(dir));
    await syncFolder(dir);
  } catch (error) {
    // Another process that opens the store may have been faster.
    if (errnoOf(error) !== "ENOENT") throw fileError(rebuiltDir(dir), "put in its place", error);
  }
}

/** Where the store's database lies now: a swap that was cut off may have left the new one beside its place. */
export async function presentDatabaseDir(dir: string): Promise<string> {
  try {
    const isCutOff = !(await exists(databaseDir(dir))) && (await exists(rebuiltDir(dir)));
    return isCutOff ? rebuiltDir(dir) : databaseDir(dir);
  } catch (error) {
    throw fileError(databaseDir(dir), "read", error);
  }
}

/** Names of databases that repairs have set aside. */
export async function setAsideNames(dir: string): Promise<string[]> {
  try {
    return (await disk.readdir(dir)).filter((name) => damagedPattern.test(name)).sort();
  } catch (error) {
    throw fileError(dir, "read", error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await disk.lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}
