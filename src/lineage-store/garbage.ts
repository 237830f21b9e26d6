/**
 * The collector: drops the parameters of models that a policy does not keep, then removes the objects that nothing needs.
 *
 * Needed is what a model with parameters refers to, what lies between the tensors of one without, what a needed object's deltas stand
 * against, and what is pinned (pins.ts). Dropping is a commit; removing comes after it, records first, so that a crash leaves at worst
 * files that the next collection finds. Readers and writers go on meanwhile. Memory: twice 40 to 48 bytes a needed object (mark-set.ts), and a
 * byte a model.
 */
import { MendlineError } from "../errors.js";
import { dropBatchModels, findingsMax } from "../limits.js";
import type { Commits } from "./commits.js";
import type { Database } from "./database.js";
import { disk, errnoOf, fileError } from "./files.js";
import { changedKeys } from "./journal.js";
import { keyOf } from "./keys.js";
import { MarkSet } from "./mark-set.js";
import { allModels } from "./models.js";
import { baseOfFile } from "./object-content.js";
import type { ObjectFiles, StoredFiles } from "./objects.js";
import { objectsOf, presenceOf } from "./presence.js";
import type { ModelRecord } from "./records.js";
import {
  bearsOnRetention,
  checkPolicy,
  droppable,
  type KeepReason,
  type Kept,
  keepReasons,
  keptBy,
  type RetentionPolicy,
} from "./retention.js";

export interface CollectOptions extends RetentionPolicy {
  /** Tells what would be dropped and removed, and does neither. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Collection {
  readonly dryRun: boolean;
  readonly models: {
    /** Models whose parameters are kept, by the first reason that applies; without a policy all are kept by `policy`. */
    readonly kept: Readonly<Record<KeepReason | "policy" | "reading", number>>;
    readonly dropped: number;
    /** Whose parameters were gone before. */
    readonly gone: number;
  };
  /** The first of the models that were dropped. */
  readonly dropped: readonly { readonly id: string; readonly name: string; readonly version: string }[];
  readonly objects: {
    readonly kept: number;
    readonly keptBytes: number;
    readonly removed: number;
    readonly removedBytes: number;
  };
}

export class Collector {
  readonly #database: Database;
  readonly #files: ObjectFiles;
  readonly #commits: Commits;
  readonly #options: CollectOptions;
  readonly #counts = { ...zeroCounts(), policy: 0, reading: 0, dropped: 0, gone: 0 };
  readonly #dropped: ModelRecord[] = [];
  readonly #objects = { kept: 0, keptBytes: 0, removed: 0, removedBytes: 0 };

  constructor(database: Database, files: ObjectFiles, commits: Commits, options: CollectOptions) {
    this.#database = database;
    this.#files = files;
    this.#commits = commits;
    this.#options = options;
  }

  /**
   * @throws MendlineError MENDLINE_STORE_CORRUPT  a record or an object that tells what is needed is damaged; nothing is removed
   * @throws MendlineError MENDLINE_TASK_ABORTED   by the signal; what was done until then stands
   */
  async collect(): Promise<Collection> {
    checkPolicy(this.#options);
    const { dryRun = false } = this.#options;
    await this.#files.pins.collecting(async () => {
      const kept = await this.#drop(dryRun);
      await this.#sweep(await this.#marks(dryRun ? kept : null), dryRun);
    });
    const { dropped, gone, ...keptCounts } = this.#counts;
    const named = this.#dropped.map(({ id, name, version }) => ({ id, name, version }));
    return { dryRun, models: { kept: keptCounts, dropped, gone }, dropped: named, objects: this.#objects };
  }

  #checkSignal(): void {
    const { signal } = this.#options;
    if (!signal?.aborted) return;
    throw new MendlineError("MENDLINE_TASK_ABORTED", "the collection was cancelled", {
      cause: signal.reason,
    });
  }

  // Models

  async #drop(dryRun: boolean): Promise<Kept | null> {
    let asked = this.#commits.lastSequence;
    let kept = await keptBy(this.#database, this.#options);
    await this.#countKept(kept);
    if (kept === null) return null;
    const dropBatch = async (batch: readonly ModelRecord[]): Promise<void> => {
      this.#checkSignal();
      if (dryRun) return this.#note(batch);
      const dropped = await this.#commits.commitAfter(
        async () => {
          if (await this.#isStale(asked)) kept = await keptBy(this.#database, this.#options);
          asked = this.#commits.lastSequence;
          return batch.filter(({ number }) => kept!.reasonOf(number) === null);
        },
        (tx, models) =>
          models.filter(({ id }) => !this.#files.pins.isPinned(id) && tx.setGone(id, "dropped")),
      );
      this.#counts.reading += batch.length - dropped.length;
      this.#note(dropped);
    };
    let batch: ModelRecord[] = [];
    for await (const model of droppable(this.#database, kept)) {
      if (!this.#isThere(model) || batch.push(model) < dropBatchModels) continue;
      await dropBatch(batch);
      batch = [];
    }
    if (batch.length > 0) await dropBatch(batch);
    return kept;
  }

  #isThere(model: ModelRecord): boolean {
    return presenceOf(this.#database, model).state === "kept";
  }

  async #countKept(kept: Kept | null): Promise<void> {
    for await (const model of allModels(this.#database)) {
      this.#checkSignal();
      const reason = kept === null ? "policy" : kept.reasonOf(model.number);
      if (!this.#isThere(model)) this.#counts.gone++;
      else if (reason !== null) this.#counts[reason]++;
    }
  }

  #note(models: readonly ModelRecord[]): void {
    this.#counts.dropped += models.length;
    this.#dropped.push(...models.slice(0, findingsMax - this.#dropped.length));
  }

  /** Whether a commit since then may have given a model a reason to be kept. */
  async #isStale(sequence: number): Promise<boolean> {
    for (let next = sequence + 1; next <= this.#commits.lastSequence; next++)
      if (changedKeys(this.#database, next).some(bearsOnRetention)) return true;
    return false;
  }

  // Objects

  /** @param kept  of a dry run: models that it does not keep count as dropped */
  async #marks(kept: Kept | null): Promise<MarkSet> {
    const marks = new MarkSet();
    for await (const model of allModels(this.#database)) {
      this.#checkSignal();
      const stays = this.#isThere(model) && (kept === null || kept.reasonOf(model.number) !== null);
      for (const { object } of objectsOf(this.#database, model, stays)) marks.add(object);
    }
    await this.#markBases(marks);
    return marks;
  }

  /** Until a look through all needed files finds no base that was not needed before: a few times, for chains are short. */
  async #markBases(marks: MarkSet): Promise<void> {
    const looked = new MarkSet();
    for (let found = true; found; ) {
      found = false;
      for await (const objects of this.#files.list()) {
        this.#checkSignal();
        for (const { hash, paths } of objects) {
          if (!marks.has(hash) && !this.#files.pins.isPinned(hash)) continue;
          if (!looked.add(hash)) continue;
          for (const path of paths) {
            const base = await baseOfFile(hash, path);
            if (base !== null && marks.add(base)) found = true;
          }
        }
      }
    }
  }

  async #sweep(marks: MarkSet, dryRun: boolean): Promise<void> {
    for await (const objects of this.#files.list()) {
      this.#checkSignal();
      const garbage: StoredFiles[] = [];
      for (const object of objects) {
        if (!marks.has(object.hash) && !this.#files.pins.isPinned(object.hash)) garbage.push(object);
        else await this.#countFiles(object, "kept");
      }
      if (garbage.length === 0) continue;
      if (dryRun) for (const object of garbage) await this.#countFiles(object, "removed");
      else await this.#commits.exclusive(() => this.#remove(garbage));
    }
  }

  /** In a turn of its own among the commits: none of them can come to refer to an object that is on its way out. */
  async #remove(garbage: readonly StoredFiles[]): Promise<void> {
    const { pins } = this.#files;
    const unpinned = garbage.filter(({ hash }) => !pins.isPinned(hash));
    await this.#commits.erase(unpinned.map(({ hash }) => keyOf("object", hash)));
    for (const object of unpinned) {
      await this.#files.exclusive(object.hash, async () => {
        // It may have been put again since; then it stays, and gets its record from the commit that needs it.
        if (pins.isPinned(object.hash)) return;
        await this.#countFiles(object, "removed");
        for (const path of object.paths) await this.#files.remove(path);
      });
    }
  }

  async #countFiles({ paths }: StoredFiles, as: "kept" | "removed"): Promise<void> {
    this.#objects[as]++;
    for (const path of paths) this.#objects[`${as}Bytes`] += await bytesOf(path);
  }
}

function zeroCounts(): Record<KeepReason, number> {
  return Object.fromEntries(keepReasons.map((reason) => [reason, 0])) as Record<KeepReason, number>;
}

async function bytesOf(path: string): Promise<number> {
  try {
    return (await disk.stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw fileError(path, "read", error);
  }
}
