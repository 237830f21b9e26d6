/** What a repair of the store finds out: what is lost, and what with it. */
import { findingsMax } from "../limits.js";
import type { FileProblem } from "./leveldb-files.js";

export interface LostRecord {
  /** What it was: `model 41c2…`, `alias "prod" 3`, `object 9b1f…`. */
  readonly record: string;
  readonly problem: string;
}

/** What a model lost, if not itself. */
export interface LostParameters {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly problem: string;
}

export interface StoreRepair {
  readonly dryRun: boolean;
  /** The database's files that are not what was written. */
  readonly files: readonly FileProblem[];
  readonly records: {
    readonly kept: number;
    readonly lost: number;
    /** Kept in a place or a form of their own, because what stood before them, or they themselves, had been lost. */
    readonly rewritten: number;
    /** Of the indexes: all are made anew. */
    readonly indexed: number;
  };
  /** The first of the lost ones; with a lost model, what cannot be without it. */
  readonly lost: readonly LostRecord[];
  /** Models that stay, without their parameters, until their file is added again. */
  readonly parametersLost: readonly LostParameters[];
  readonly journal: {
    /** Of commits, of which nothing is known but what their records tell. */
    readonly lostEntries: number;
    /** false: it is the one that was there, to the byte. */
    readonly isRewritten: boolean;
    readonly entryCount: number;
    readonly head: string;
  };
  readonly objects: { readonly checked: boolean; readonly found: number; readonly missing: number };
  /** Where the database that was there lies now; null where nothing was swapped. */
  readonly setAside: string | null;
}

export class RepairFindings {
  readonly lost: LostRecord[] = [];
  readonly parametersLost: LostParameters[] = [];
  readonly counts = { kept: 0, lost: 0, rewritten: 0, indexed: 0 };
  readonly objects = { found: 0, missing: 0 };
  lostEntries = 0;
  isJournalRewritten = false;

  lose(record: string, problem: string): void {
    this.counts.lost++;
    if (this.lost.length < findingsMax) this.lost.push({ record, problem });
  }

  /** What was thought lost could be made again from others. */
  regain(record: string): void {
    const index = this.lost.findIndex((lost) => lost.record === record);
    if (index < 0) return;
    this.lost.splice(index, 1);
    this.counts.lost--;
  }

  loseParameters(lost: LostParameters): void {
    if (this.parametersLost.length < findingsMax) this.parametersLost.push(lost);
  }
}
