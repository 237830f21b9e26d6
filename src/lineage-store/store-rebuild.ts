/** A new database from what the files of a damaged one still hold, put together in a folder of its own and proven. */
import { join } from "node:path";
import { Database } from "./database.js";
import type { DeltaTransform } from "./deltas.js";
import { makeFolder } from "./files.js";
import { databaseDir as databaseIn } from "./folder.js";
import type { JournalHead, JournalSummary } from "./journal.js";
import { verifyJournal } from "./journal.js";
import { rebuildJournal } from "./journal-rebuild.js";
import { rebuildObjectIndex } from "./object-index.js";
import type { ObjectFiles } from "./objects.js";
import { RecordRebuild } from "./record-rebuild.js";
import { SalvagedRecords } from "./record-salvage.js";
import type { RepairFindings } from "./repair-findings.js";

export interface RebuildOptions {
  /** Reads every byte of every object, too. */
  readonly checkObjects?: boolean;
  /** To read packed objects with; only `checkObjects` needs it. */
  readonly deltas?: DeltaTransform;
  readonly signal?: AbortSignal | undefined;
}

export interface RebuildSource {
  /** LevelDB's folder, locked by the caller. */
  readonly databaseDir: string;
  /** Up to where commits were acknowledged, where that is known. */
  readonly told: JournalHead | null;
  readonly files: ObjectFiles;
  /** A folder for scratch and for the new database. */
  readonly workDir: string;
  /** Of what the repair itself writes. */
  readonly atMs: number;
}

export interface RebuildParts {
  /** See SalvagedRecords.read. */
  readonly notesAll?: boolean;
  /** Whether objects are looked for, and indexed; models without theirs are marked. */
  readonly indexesObjects?: boolean;
}

export interface Rebuilt {
  readonly salvaged: SalvagedRecords;
  readonly target: Database;
  readonly journal: JournalSummary;
}

/** The folder in which the new database lies, as a store has it. */
export function newStoreDir(workDir: string): string {
  return join(workDir, "new");
}

/**
 * @param look  looks into both databases before they are closed
 * @throws MendlineError MENDLINE_STORE_CORRUPT  more is lost than a repair can make up for
 */
export async function rebuildDatabase<T>(
  { databaseDir, told, files, workDir, atMs }: RebuildSource,
  findings: RepairFindings,
  { checkObjects = false, signal, notesAll = false, indexesObjects = true }: RebuildOptions & RebuildParts,
  look: (rebuilt: Rebuilt) => T | Promise<T>,
): Promise<T> {
  const scratch = await openIn(join(workDir, "scratch"));
  try {
    const salvaged = new SalvagedRecords(scratch, findings, signal);
    await salvaged.read(databaseDir, told, notesAll);
    const target = await openIn(newStoreDir(workDir));
    try {
      const rebuild = new RecordRebuild(salvaged, target, findings, signal);
      await rebuild.rebuild();
      if (indexesObjects) await rebuildObjectIndex(rebuild, files, findings, { checkObjects, atMs, signal });
      await rebuildJournal(salvaged, target, findings, atMs);
      return await look({ salvaged, target, journal: await verifyJournal(target) });
    } finally {
      await target.close();
    }
  } finally {
    await scratch.close();
  }
}

async function openIn(dir: string): Promise<Database> {
  await makeFolder(dir);
  return Database.open(databaseIn(dir));
}
