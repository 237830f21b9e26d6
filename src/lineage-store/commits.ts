/** Writers in a row: one commit at a time is checked against what stands, and written as one synced batch. */
import { dirname } from "node:path";
import { MendlineError } from "../errors.js";
import { monitorReportsMax, monitorStatesMax, objectWritesMax, recoverRetryMs } from "../limits.js";
import { encodeRecord } from "./codec.js";
import type { Database, RecordReader, RecordWrite } from "./database.js";
import { Fields } from "./fields.js";
import { commitsLost, type HeadFile } from "./head-file.js";
import { isInJournal, type JournalHead, journalEntry, journalHead } from "./journal.js";
import { keyOf, partsOf, prefixOf, rangeOf } from "./keys.js";
import { nodeCount } from "./nodes.js";
import { corruptObject } from "./object-content.js";
import type { ObjectFiles } from "./objects.js";
import { type CappedEntry, type Counters, Transaction, type TransactionResult } from "./transaction.js";

/** An object that a model refers to. How it is kept stands in its file, which is changed without changing a record. */
export interface ObjectRecord {
  readonly byteLength: number;
}

/** null where no model refers to the object (yet). */
export function objectRecord(reader: RecordReader, hash: string): ObjectRecord | null {
  const key = keyOf("object", hash);
  const value = reader.read(key);
  if (value === undefined) return null;
  return { byteLength: new Fields(key, value).number("byteLength") };
}

const cappedMax = { report: monitorReportsMax, monitor: monitorStatesMax } as const;

export class Commits {
  readonly #database: Database;
  readonly #files: ObjectFiles;
  readonly #nowMs: () => number;
  readonly #headFile: HeadFile;
  #head: JournalHead = { sequence: -1, hash: Buffer.alloc(0) };
  #counters: Counters = { models: 0, runs: 0, requests: 0 };
  #last: Promise<unknown> = Promise.resolve();
  #isSuspect = false;
  #logHolders = 0;
  #retry: NodeJS.Timeout | null = null;

  private constructor(database: Database, files: ObjectFiles, headFile: HeadFile, nowMs: () => number) {
    this.#database = database;
    this.#files = files;
    this.#headFile = headFile;
    this.#nowMs = nowMs;
  }

  /** @throws MendlineError MENDLINE_STORE_CORRUPT  the journal does not reach as far as was acknowledged */
  static async open(
    database: Database,
    files: ObjectFiles,
    headFile: HeadFile,
    nowMs: () => number,
  ): Promise<Commits> {
    const commits = new Commits(database, files, headFile, nowMs);
    await commits.#load();
    const told = await headFile.read();
    if (told !== null && !isInJournal(database, told))
      throw commitsLost(dirname(database.path), commits.#head, told);
    if (told === null && commits.#head.sequence >= 0) await headFile.write(commits.#head);
    return commits;
  }

  async #load(): Promise<void> {
    this.#head = await journalHead(this.#database);
    this.#counters = {
      models: await nodeCount(this.#database),
      runs: await this.#countOf("runs"),
      requests: await this.#countOf("requests"),
    };
  }

  async #countOf(kind: "runs" | "requests"): Promise<number> {
    const last = await this.#database.lastKey(rangeOf(prefixOf(kind)));
    return last === undefined ? 0 : partsOf(kind, last)[0] + 1;
  }

  /** Sequence of the journal's last entry; -1 before the first. */
  get lastSequence(): number {
    return this.#head.sequence;
  }

  /** Runs after every task given before, and before every later one. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(task);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  commit<T>(work: (transaction: Transaction) => T): Promise<T> {
    return this.exclusive(() => this.#commit(work));
  }

  /** Work to which nothing that was committed before it may be missing: logs keep their oldest entries until it ends. */
  async holdingLogs<T>(work: (head: JournalHead) => Promise<T>): Promise<T> {
    const head = await this.exclusive(async () => {
      if (this.#isSuspect) await this.#recover();
      this.#logHolders++;
      return this.#head;
    });
    try {
      return await work(head);
    } finally {
      this.#logHolders--;
    }
  }

  /** A commit that has to look at more than a transaction can: no other commit comes between the two. */
  commitAfter<P, T>(
    prepare: () => Promise<P>,
    work: (transaction: Transaction, prepared: P) => T,
  ): Promise<T> {
    return this.exclusive(async () => {
      const prepared = await prepare();
      return this.#commit((transaction) => work(transaction, prepared));
    });
  }

  /** Runs the work on a transaction that is then thrown away. */
  async rehearse<T>(work: (transaction: Transaction) => T): Promise<T> {
    return this.exclusive(async () => {
      if (this.#isSuspect) await this.#recover();
      const transaction = new Transaction(
        this.#database,
        this.#counters,
        this.#head.sequence + 1,
        this.#nowMs(),
      );
      return run(transaction, work).value;
    });
  }

  async #commit<T>(work: (transaction: Transaction) => T): Promise<T> {
    if (this.#isSuspect) await this.#recover();
    const atMs = this.#nowMs();
    const transaction = new Transaction(this.#database, this.#counters, this.#head.sequence + 1, atMs);
    const { value, result } = run(transaction, work);
    const writes = [
      ...result.writes,
      ...(await this.#objectWrites(result.objects)),
      ...(await this.#cappedWrites(result.capped)),
    ];
    if (writes.length === 0) return value;
    const entry = journalEntry(this.#head, writes, atMs);
    await this.#write([...writes, entry.write], entry.head);
    this.#head = entry.head;
    this.#counters = result.counters;
    this.#files.pins.committed(result.objects.keys());
    await this.#headFile.write(entry.head);
    return value;
  }

  /** Records of objects that get their first reference; every one must lie there, synced by `putObject`. */
  async #objectWrites(objects: ReadonlyMap<string, number | null>): Promise<RecordWrite[]> {
    const writes: RecordWrite[] = [];
    const wanted = [...objects];
    for (let begin = 0; begin < wanted.length; begin += objectWritesMax) {
      const some = wanted.slice(begin, begin + objectWritesMax);
      const found = await Promise.all(some.map(([hash, byteLength]) => this.#objectWrite(hash, byteLength)));
      for (const write of found) if (write !== null) writes.push(write);
    }
    return writes;
  }

  async #objectWrite(hash: string, byteLength: number | null): Promise<RecordWrite | null> {
    const known = objectRecord(this.#database, hash);
    const found = known?.byteLength ?? (await this.#files.byteLength(hash));
    if (found === null) {
      throw new MendlineError(
        "MENDLINE_STORE_UNKNOWN",
        `object ${hash} is not in the store: put it before the commit`,
        {
          details: { hash },
        },
      );
    }
    if (byteLength !== null && byteLength !== found)
      throw corruptObject(hash, `has ${found} bytes instead of ${byteLength}`);
    if (known !== null) return null;
    const key = keyOf("object", hash);
    return { key, bytes: encodeRecord(key, { byteLength: found } satisfies ObjectRecord) };
  }

  async #cappedWrites(entries: readonly CappedEntry[]): Promise<RecordWrite[]> {
    const logs = new Map<string, CappedEntry[]>();
    for (const entry of entries) {
      const log = prefixOf(entry.kind, entry.monitorKey).toString("latin1");
      logs.set(log, [...(logs.get(log) ?? []), entry]);
    }
    const writes: RecordWrite[] = [];
    for (const log of logs.values()) writes.push(...(await this.#logWrites(log)));
    return writes;
  }

  /** Entries of one log, and the removal of what is older than the newest `cappedMax`. */
  async #logWrites(entries: readonly CappedEntry[]): Promise<RecordWrite[]> {
    const { kind, monitorKey } = entries[0]!;
    const last = await this.#database.lastKey(rangeOf(prefixOf(kind, monitorKey)));
    const first = last === undefined ? 0 : partsOf(kind, last)[1] + 1;
    const keepFrom = Math.max(0, first + entries.length - cappedMax[kind]);
    const writes: RecordWrite[] = entries
      .map(({ value }, index) => ({ key: keyOf(kind, monitorKey, first + index), value }))
      .slice(Math.max(0, keepFrom - first))
      .map(({ key, value }) => ({ key, bytes: encodeRecord(key, value) }));
    if (this.#logHolders > 0) return writes;
    const old = { gte: prefixOf(kind, monitorKey), lt: keyOf(kind, monitorKey, keepFrom) };
    for await (const key of this.#database.keys(old)) writes.push({ key, bytes: null });
    return writes;
  }

  /**
   * Deletes records that no journal tells of, in a turn of its own (`exclusive`).
   *
   * @throws MendlineError MENDLINE_STORE_IO  some or all of them may still be there
   */
  async erase(keys: readonly Buffer[]): Promise<void> {
    if (this.#isSuspect) await this.#recover();
    try {
      await this.#database.write(keys.map((key) => ({ key, bytes: null })));
    } catch (error) {
      await this.#distrust();
      throw error;
    }
  }

  async #write(writes: readonly RecordWrite[], head: JournalHead): Promise<void> {
    try {
      await this.#database.write(writes);
    } catch (error) {
      await this.#distrust();
      // A write can fail after its bytes were logged; what was recovered from the log is on the disk, and the commit done.
      if (this.#isSuspect || !this.#head.hash.equals(head.hash)) throw error;
    }
  }

  /** After a failed write. Until the database could be opened again nobody can read either: it is tried on, also while nobody commits. */
  async #distrust(): Promise<void> {
    this.#isSuspect = true;
    await this.#recover().catch(() => this.#recoverLater());
  }

  async #recover(): Promise<void> {
    await this.#database.reopen();
    await this.#load();
    this.#isSuspect = false;
  }

  #recoverLater(): void {
    clearTimeout(this.#retry ?? undefined);
    this.#retry = setTimeout(() => {
      void this.exclusive(async () => {
        if (this.#isSuspect && this.#retry !== null) await this.#recover();
      }).catch(() => this.#recoverLater());
    }, recoverRetryMs).unref();
  }

  /** In the last turn (`exclusive`): nothing is opened again from here on. */
  end(): void {
    clearTimeout(this.#retry ?? undefined);
    this.#retry = null;
  }
}

function run<T>(
  transaction: Transaction,
  work: (transaction: Transaction) => T,
): { value: T; result: TransactionResult } {
  try {
    const value = work(transaction);
    if (value instanceof Promise) {
      value.catch(() => undefined);
      throw new TypeError("the function given to commit must not be async: others wait for it");
    }
    return { value, result: transaction.close() };
  } finally {
    transaction.close();
  }
}
