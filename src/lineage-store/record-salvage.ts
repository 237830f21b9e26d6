/**
 * The records that a damaged database still holds, brought into a scratch database, and what its journal says of them.
 *
 *     scratch   journaled records and journal entries under their own keys, each proven by its hash
 *               "mark/" key -> the place in the journal (u48 commit, u32 change), the check that the journal names (16 bytes)
 *               "index/" key -> null: index records that are sound, where a check asks for them
 *               "bad/" key -> null: other records under a key that can be read, that are not
 *
 * Memory: a batch of `repairBatchBytes`, one entry of the journal, a number for each monitor, and what salvagedEntries takes.
 */
import { MendlineError } from "../errors.js";
import {
  journalEntriesLostMax,
  migrationBatchRecords,
  repairBatchBytes,
  storeKeyBytesMax,
} from "../limits.js";
import { checkOf, decodeRecord } from "./codec.js";
import type { Database, RecordWrite } from "./database.js";
import {
  entryHash,
  isCapped,
  isJournaled,
  type JournalHead,
  journalCommit,
  noteDropped,
  wasDropped,
} from "./journal.js";
import { journaledKinds, keyOf, parseKey, partsOf, prefixOf, type RecordKind, rangeOf } from "./keys.js";
import { salvagedEntries } from "./leveldb-salvage.js";
import type { RepairFindings } from "./repair-findings.js";
import { checkSignal } from "./walk.js";

const markPrefix = Buffer.from("mark/", "latin1");
const indexPrefix = Buffer.from("index/", "latin1");
const badPrefix = Buffer.from("bad/", "latin1");
const orderBytes = 10;
const damagedText = "is damaged or missing";

/** Collects writes into batches of a bounded size. */
export class RecordBatch {
  readonly #database: Database;
  #pending = new Map<string, RecordWrite>();
  #byteLength = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  async put(key: Buffer, bytes: Buffer | null): Promise<void> {
    this.#pending.set(key.toString("latin1"), { key, bytes });
    this.#byteLength += key.length + (bytes?.length ?? 0);
    if (this.#pending.size >= migrationBatchRecords || this.#byteLength >= repairBatchBytes)
      await this.flush();
  }

  /** Whether the key was put, flushed or not. */
  has(key: Buffer): boolean {
    return this.#pending.has(key.toString("latin1")) || this.#database.has(key);
  }

  async flush(): Promise<void> {
    if (this.#pending.size > 0) await this.#database.write([...this.#pending.values()]);
    this.#pending = new Map();
    this.#byteLength = 0;
  }
}

/** Where in the journal a record stands; of one that no entry names, behind all others. */
export interface RecordOrder {
  readonly bytes: Buffer;
  readonly sequence: number | null;
}

export class SalvagedRecords {
  readonly scratch: Database;
  readonly #findings: RepairFindings;
  readonly #signal: AbortSignal | undefined;
  readonly #dropped = new Map<string, number>();
  /** Sequence of the last journal entry that was found or is told of; -1 without any. */
  lastSequence = -1;
  isChainWhole = true;

  constructor(scratch: Database, findings: RepairFindings, signal: AbortSignal | undefined) {
    this.scratch = scratch;
    this.#findings = findings;
    this.#signal = signal;
  }

  /**
   * @param dir  LevelDB's folder, locked by the caller
   * @param told  up to where commits were acknowledged, where that is known
   * @param notesAll  whether sound index records, and damaged ones of other kinds, are remembered for `hasIndex` and `unnamedDamage`
   * @throws MendlineError MENDLINE_STORE_VERSION  a sound record of a later mendline
   */
  async read(dir: string, told: JournalHead | null, notesAll = false): Promise<void> {
    const batch = new RecordBatch(this.scratch);
    const toldKey = told === null ? null : keyOf("journal", told.sequence);
    for await (const { key, value } of salvagedEntries(dir)) {
      checkSignal(this.#signal, "the repair of the store");
      if (SalvagedRecords.takes(key, value)) {
        // A commit that failed and was tried again may have left another entry in that place. The acknowledged one counts.
        const isTold = toldKey?.equals(key) === true;
        if (isTold && batch.has(key) && !entryHash(value).equals(told!.hash)) continue;
        await batch.put(Buffer.from(key), Buffer.from(value));
      } else if (notesAll) {
        if (isPrimary(key)) await batch.put(Buffer.concat([badPrefix, key]), Buffer.of());
        else if (isIndex(key) && isSound(key, value))
          await batch.put(Buffer.concat([indexPrefix, key]), Buffer.of());
      }
    }
    await batch.flush();
    await this.judge(told);
  }

  /** Whether a sound record of an index was found. */
  hasIndex(key: Buffer): boolean {
    return this.scratch.has(Buffer.concat([indexPrefix, key]));
  }

  /** Whether one was found whose key begins so. */
  async hasIndexBelow(prefix: Buffer): Promise<boolean> {
    return (await this.scratch.lastKey(rangeOf(Buffer.concat([indexPrefix, prefix])))) !== undefined;
  }

  /** Keys of damaged records that no entry of the journal that is left names, so that nothing else tells of them. */
  async *unnamedDamage(): AsyncGenerator<Buffer> {
    for await (const bad of this.scratch.keys(rangeOf(badPrefix))) {
      const key = bad.subarray(badPrefix.length);
      const { kind, parts } = parseKey(key)!;
      if (this.scratch.has(key) || this.scratch.has(markKey(key)) || this.isDropped(key)) continue;
      if (kind !== "journal" || (parts[0] as number) > this.lastSequence) yield key;
    }
  }

  /** Whether these bytes are a proven record of a kind that is not an index. @throws MendlineError MENDLINE_STORE_VERSION */
  static takes(key: Buffer, bytes: Buffer): boolean {
    return isPrimary(key) && isSound(key, bytes);
  }

  /** Compares what lies in the scratch database with what its journal says. @param told  see `read` */
  async judge(told: JournalHead | null): Promise<void> {
    await this.#readJournal(told);
    await this.#compare();
    await this.#judgeUnnamed();
  }

  async #readJournal(told: JournalHead | null): Promise<void> {
    const batch = new RecordBatch(this.scratch);
    let previous: Buffer | null = null;
    let found = 0;
    for await (const key of this.scratch.keys(rangeOf(prefixOf("journal")))) {
      checkSignal(this.#signal, "the repair of the store");
      const [sequence] = partsOf("journal", key);
      const commit = readableCommit(this.scratch, sequence);
      if (commit === null) {
        await batch.put(key, null);
        continue;
      }
      this.#findings.loseEntries(this.lastSequence + 1, sequence);
      if (sequence !== this.lastSequence + 1) previous = null;
      if (previous !== null && !previous.equals(commit.previous)) this.isChainWhole = false;
      for (const [index, change] of commit.changes.entries()) {
        if (change.check === null) noteDropped(this.#dropped, change.key);
        else await batch.put(markKey(change.key), Buffer.concat([orderOf(sequence, index), change.check]));
      }
      previous = entryHash(commit.bytes);
      this.lastSequence = sequence;
      found++;
    }
    await batch.flush();
    const expected = Math.max(this.lastSequence, await this.#lastLabelled(), told?.sequence ?? -1) + 1;
    const isOther = told !== null && this.#isAnother(told);
    // Another entry in the place of the acknowledged one: of that, nothing is known either.
    this.#findings.lostEntries = expected - found + (isOther ? 1 : 0);
    if (expected - found > journalEntriesLostMax) throw tooManyLost(found, expected);
    this.#findings.loseEntries(this.lastSequence + 1, expected);
    // The next commit must come behind all that are told of, or its labels would take the places of theirs.
    this.lastSequence = expected - 1;
  }

  /** Whether the journal has, where the last acknowledged entry stood, one that is not it. */
  #isAnother({ sequence, hash }: JournalHead): boolean {
    if (sequence < 0) return false;
    const key = keyOf("journal", sequence);
    const bytes = this.scratch.bytes(key);
    if (bytes === undefined || entryHash(bytes).equals(hash)) return false;
    this.#findings.lose(key, "is not the one that was acknowledged");
    return true;
  }

  async #lastLabelled(): Promise<number> {
    let last = -1;
    for await (const { value } of this.scratch.entries(rangeOf(prefixOf("label")))) {
      const sequence = (value as { readonly sequence?: unknown } | null)?.sequence;
      if (Number.isSafeInteger(sequence)) last = Math.max(last, sequence as number);
    }
    return last;
  }

  /** What the journal names and is not there, or is another. */
  async #compare(): Promise<void> {
    const batch = new RecordBatch(this.scratch);
    for await (const mark of this.scratch.keys(rangeOf(markPrefix))) {
      const key = mark.subarray(markPrefix.length);
      const bytes = this.scratch.bytes(key);
      if (this.isDropped(key)) continue;
      if (bytes === undefined) this.#findings.lose(key, damagedText);
      else if (!checkOf(bytes).equals(this.scratch.bytes(mark)!.subarray(orderBytes))) {
        this.#findings.lose(key, "is not the one that the journal names");
        await batch.put(key, null);
      }
    }
    await batch.flush();
  }

  /** With a whole journal, a record that it does not name came from elsewhere. Else it may belong to a commit whose entry is lost. */
  async #judgeUnnamed(): Promise<void> {
    if (this.#findings.lostEntries > 0) return;
    const batch = new RecordBatch(this.scratch);
    for (const kind of journaledKinds) {
      for await (const key of this.scratch.keys(rangeOf(prefixOf(kind)))) {
        if (this.isDropped(key) || this.scratch.has(markKey(key))) continue;
        this.#findings.lose(key, "is named by no commit: something else wrote it");
        await batch.put(key, null);
      }
    }
    await batch.flush();
  }

  /** Whether a record of a log that keeps its newest only has been dropped since. */
  isDropped(key: Buffer): boolean {
    return isCapped(parseKey(key)!.kind) && wasDropped(this.#dropped, key);
  }

  /** The check of a record as the journal names it; null where it does not. */
  namedCheck(key: Buffer): Buffer | null {
    return this.scratch.bytes(markKey(key))?.subarray(orderBytes) ?? null;
  }

  orderOf(key: Buffer): RecordOrder {
    const mark = this.scratch.bytes(markKey(key));
    if (mark === undefined) return { bytes: Buffer.alloc(orderBytes, 0xff), sequence: null };
    return { bytes: mark.subarray(0, orderBytes), sequence: mark.readUIntBE(0, 6) };
  }
}

/** A sound entry may still say nothing sensible. */
function readableCommit(scratch: Database, sequence: number): ReturnType<typeof journalCommit> | null {
  try {
    return journalCommit(scratch, sequence);
  } catch (error) {
    if (error instanceof MendlineError && error.code === "MENDLINE_STORE_CORRUPT") return null;
    throw error;
  }
}

function isPrimary(key: Buffer): boolean {
  const kind = kindOf(key);
  return kind === "journal" || (kind !== null && isJournaled(kind));
}

function isIndex(key: Buffer): boolean {
  const kind = kindOf(key);
  return kind !== null && kind !== "journal" && !isJournaled(kind);
}

/** null for a key that is none of the store's. */
function kindOf(key: Buffer): RecordKind | null {
  return key.length > storeKeyBytesMax ? null : (parseKey(key)?.kind ?? null);
}

export function isSound(key: Buffer, value: Buffer): boolean {
  try {
    decodeRecord(key, value);
    return true;
  } catch (error) {
    if (error instanceof MendlineError && error.code === "MENDLINE_STORE_CORRUPT") return false;
    throw error;
  }
}

function markKey(key: Buffer): Buffer {
  return Buffer.concat([markPrefix, key]);
}

function orderOf(sequence: number, index: number): Buffer {
  const bytes = Buffer.alloc(orderBytes);
  bytes.writeUIntBE(sequence, 0, 6);
  bytes.writeUInt32BE(index, 6);
  return bytes;
}

function tooManyLost(found: number, expected: number): MendlineError {
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `${found} journal entries are readable of ${expected}, and a repair makes up for ${journalEntriesLostMax} at most: restore the store from a copy`,
    { details: { found, expected, lostMax: journalEntriesLostMax } },
  );
}
