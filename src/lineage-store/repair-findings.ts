/** What a repair of the store finds out: what is lost, and what with it. */
import { findingsMax } from "../limits.js";
import { describeKey } from "./keys.js";
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
  /** The first of the models that stay, without their parameters, until their file is added again. */
  readonly parametersLost: readonly LostParameters[];
  readonly parametersLostCount: number;
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

/** Memory: `findingsMax` of each, whatever there is. */
export class RepairFindings {
  readonly lost: LostRecord[] = [];
  /** Keys of the lost records, in the same order, and whether they themselves are damaged. */
  readonly lostKeys: { readonly key: Buffer; readonly isDamaged: boolean }[] = [];
  /** What was thought lost and could be made again from others. */
  readonly regained: Buffer[] = [];
  readonly parametersLost: LostParameters[] = [];
  readonly lostSequences: number[] = [];
  readonly counts = { kept: 0, lost: 0, rewritten: 0, indexed: 0 };
  readonly objects = { found: 0, missing: 0 };
  parametersLostCount = 0;
  lostEntries = 0;
  isJournalRewritten = false;

  lose(key: Buffer, problem: string, isDamaged = true): void {
    this.counts.lost++;
    if (this.lost.length >= findingsMax) return;
    this.lost.push({ record: describeKey(key), problem });
    this.lostKeys.push({ key, isDamaged });
  }

  /** A record that cannot be without another. */
  loseWith(key: Buffer, needed: string): void {
    this.lose(key, `needs ${needed}, which is lost`, false);
  }

  loseObject(object: string): void {
    this.counts.lost++;
    this.objects.missing++;
    // A record that is none: its key is left empty.
    if (this.lost.length >= findingsMax) return;
    this.lost.push({ record: `object ${object}`, problem: "is damaged or missing" });
    this.lostKeys.push({ key: Buffer.of(), isDamaged: true });
  }

  /** @param wasTold  whether it was told as lost, within the first ones or behind them */
  regain(key: Buffer, wasTold: boolean): void {
    const index = this.lostKeys.findIndex((lost) => lost.key.equals(key));
    if (index < 0 && !wasTold) return;
    if (index >= 0) {
      this.lost.splice(index, 1);
      this.lostKeys.splice(index, 1);
    }
    this.counts.lost--;
    if (this.regained.length < findingsMax) this.regained.push(key);
  }

  /** @param end  behind the last */
  loseEntries(first: number, end: number): void {
    for (let lost = first; lost < end && this.lostSequences.length < findingsMax; lost++)
      this.lostSequences.push(lost);
  }

  loseParameters(lost: LostParameters): void {
    this.parametersLostCount++;
    if (this.parametersLost.length < findingsMax) this.parametersLost.push(lost);
  }
}
