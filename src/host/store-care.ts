/** Looking after a store that is not open: an engine could not open what is damaged, or not there yet. */
import type { RestoreBackupOptions, RestoredBackup } from "../lineage-store/backup-restore.js";
import type { StoreRepair } from "../lineage-store/repair-findings.js";
import type { StoreCheck, StoreCheckOptions } from "../lineage-store/store-check.js";
import type { StoreRepairOptions } from "../lineage-store/store-repair.js";
import { openRuntime } from "../scheduler/runtime.js";
import { kernelDeltas } from "./parameters/delta-rooms.js";

/**
 * Saves what can be read of a damaged store, makes every index anew, and tells what is lost. The database that was there is kept aside.
 * See store-repair.ts for what it throws.
 */
export async function repairStore(
  dir: string,
  options: Omit<StoreRepairOptions, "deltas"> = {},
): Promise<StoreRepair> {
  const { repairStore: repair } = await import("../lineage-store/store-repair.js");
  if (options.checkObjects !== true) return repair(dir, options);
  const runtime = await openRuntime({ threads: 0 });
  try {
    return await repair(dir, { ...options, deltas: kernelDeltas(runtime.module) });
  } finally {
    await runtime.close();
  }
}

/**
 * Makes a store in a new or an empty folder from a backup, after everything in it is proven. See backup-restore.ts for what it throws.
 */
export async function restoreBackup(
  path: string,
  dir: string,
  options: Omit<RestoreBackupOptions, "deltas"> = {},
): Promise<RestoredBackup> {
  const { restoreBackup: restore } = await import("../lineage-store/backup-restore.js");
  const runtime = await openRuntime({ threads: 0 });
  try {
    return await restore(path, dir, { ...options, deltas: kernelDeltas(runtime.module) });
  } finally {
    await runtime.close();
  }
}

/**
 * Checks every record, and every byte of the objects of all models or one, and lists all that is damaged, with what is lost by it. Nothing
 * is changed. See store-check.ts for what it throws.
 */
export async function checkStore(
  dir: string,
  options: Omit<StoreCheckOptions, "deltas"> = {},
): Promise<StoreCheck> {
  const { checkStore: check } = await import("../lineage-store/store-check.js");
  const runtime = await openRuntime({ threads: 0 });
  try {
    return await check(dir, { ...options, deltas: kernelDeltas(runtime.module) });
  } finally {
    await runtime.close();
  }
}

/** Removes the databases that repairs have set aside. @returns their paths */
export async function discardSetAside(dir: string): Promise<string[]> {
  const { discardSetAside: discard } = await import("../lineage-store/store-repair.js");
  return discard(dir);
}
