/**
 * The journal of a repaired store. Where nothing was lost it is the one that was there, to the byte. Else it is written anew: the same
 * commits at the same places, naming what is left of them, and behind them what the repair found without a commit or wrote itself.
 */
import { journalChangesMax } from "../limits.js";
import { checkOf } from "./codec.js";
import type { Database } from "./database.js";
import { entryOf, type JournalChange, type JournalHead, journalCommit, noHead } from "./journal.js";
import { keyOf, rangeOf } from "./keys.js";
import { latePrefix } from "./rebuild-target.js";
import { RecordBatch, type SalvagedRecords } from "./record-salvage.js";
import type { RepairFindings } from "./repair-findings.js";

export async function rebuildJournal(
  salvaged: SalvagedRecords,
  target: Database,
  findings: RepairFindings,
  atMs: number,
): Promise<void> {
  const { scratch, lastSequence } = salvaged;
  const isWhole =
    salvaged.isChainWhole &&
    findings.lostEntries === 0 &&
    findings.counts.lost === 0 &&
    (await scratch.lastKey(rangeOf(latePrefix))) === undefined;
  const writer = new JournalWriter(target);
  for (let sequence = 0; sequence <= lastSequence; sequence++) {
    const key = keyOf("journal", sequence);
    const bytes = scratch.bytes(key);
    if (isWhole) await writer.copy(key, bytes!);
    else if (bytes === undefined) await writer.add([], atMs);
    else {
      const commit = journalCommit(scratch, sequence);
      await writer.add(
        commit.changes.filter((change) => stands(target, change)),
        commit.atMs,
      );
    }
  }
  if (!isWhole) await addLate(writer, salvaged, target, atMs);
  await writer.flush();
  findings.isJournalRewritten = !isWhole;
}

/** Deletions stay: they tell which entries of a log have gone their way. */
function stands(target: Database, { key, check }: JournalChange): boolean {
  const bytes = check === null ? undefined : target.bytes(key);
  return check === null || (bytes !== undefined && checkOf(bytes).equals(check));
}

/** At least one entry: the journal's end is not one that the store had before. */
async function addLate(
  writer: JournalWriter,
  salvaged: SalvagedRecords,
  target: Database,
  atMs: number,
): Promise<void> {
  let changes: JournalChange[] = [];
  let isAdded = false;
  for await (const late of salvaged.scratch.keys(rangeOf(latePrefix))) {
    const key = late.subarray(latePrefix.length);
    const check = Buffer.from(checkOf(target.bytes(key)!));
    // What was made again to the very byte stands in its commit already.
    if (salvaged.namedCheck(key)?.equals(check)) continue;
    if (changes.push({ key, check }) < journalChangesMax) continue;
    await writer.add(changes, atMs);
    isAdded = true;
    changes = [];
  }
  if (changes.length > 0 || !isAdded) await writer.add(changes, atMs);
}

class JournalWriter {
  readonly #out: RecordBatch;
  #head: JournalHead = noHead;

  constructor(target: Database) {
    this.#out = new RecordBatch(target);
  }

  async copy(key: Buffer, bytes: Buffer): Promise<void> {
    await this.#out.put(key, bytes);
  }

  async add(changes: readonly JournalChange[], atMs: number): Promise<void> {
    const { write, head } = entryOf(this.#head, changes, atMs);
    await this.#out.put(write.key, write.bytes);
    this.#head = head;
  }

  async flush(): Promise<void> {
    await this.#out.flush();
  }
}
