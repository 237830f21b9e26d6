/**
 * The journal: one entry a commit, in which stands what the commit wrote, chained by hashes. A record that was lost,
 * replaced or slipped in, and an entry that was changed or left out, all break it.
 *
 *     entry n = { previous: sha256 of entry n-1's stored bytes (32 zero bytes at n = 0), atMs,
 *                 changes: [[key, the record's check | null for a deletion], …] }
 */
import { hash } from "node:crypto";
import { MendlineError } from "../errors.js";
import { checkOf, corrupt, decodeRecord, encodeRecord, repairRemedy } from "./codec.js";
import type { Database, RecordWrite } from "./database.js";
import { Fields } from "./fields.js";
import {
  cappedKinds,
  journaledKinds,
  keyOf,
  kindOf,
  parseKey,
  partsOf,
  prefixOf,
  type RecordKind,
  rangeOf,
} from "./keys.js";
import { verifyNode } from "./nodes.js";
import { modelFrom } from "./records.js";

import { checkSignal } from "./walk.js";

/** The last entry: its sequence (-1 before the first), and its hash, which the next entry holds. */
export interface JournalHead {
  readonly sequence: number;
  readonly hash: Buffer;
}

export interface JournalSummary {
  readonly entryCount: number;
  /** Hex, of the last entry: written down elsewhere, it proves later that no commit was taken away. */
  readonly head: string;
  readonly recordCount: number;
}

/** Before the first entry. */
export const noHead: JournalHead = { sequence: -1, hash: Buffer.alloc(32) };
export const isJournaled = (kind: RecordKind) => (journaledKinds as readonly RecordKind[]).includes(kind);
export const isCapped = (kind: RecordKind) => (cappedKinds as readonly RecordKind[]).includes(kind);

export async function journalHead(database: Database): Promise<JournalHead> {
  const key = await database.lastKey(rangeOf(prefixOf("journal")));
  if (key === undefined) return noHead;
  return { sequence: partsOf("journal", key)[0], hash: entryHash(database.bytes(key)!) };
}

/** Whether the journal has the very entry that was its last once. */
export function isInJournal(database: Database, { sequence, hash: expected }: JournalHead): boolean {
  const bytes = database.bytes(keyOf("journal", sequence));
  return bytes !== undefined && entryHash(bytes).equals(expected);
}

/** The entry for these writes, and the head once it is written. */
export function journalEntry(
  head: JournalHead,
  writes: readonly RecordWrite[],
  atMs: number,
): { write: RecordWrite; head: JournalHead } {
  const changes = writes
    .filter((write) => isJournaled(kindOf(write.key)!))
    .map(({ key, bytes }) => ({ key, check: bytes === null ? null : checkOf(bytes) }));
  return entryOf(head, changes, atMs);
}

export function entryOf(
  head: JournalHead,
  changes: readonly JournalChange[],
  atMs: number,
): { write: { key: Buffer; bytes: Buffer }; head: JournalHead } {
  const sequence = head.sequence + 1;
  const key = keyOf("journal", sequence);
  const rows = changes.map((change) => [change.key, change.check]);
  const bytes = encodeRecord(key, { previous: head.hash, atMs, changes: rows });
  return { write: { key, bytes }, head: { sequence, hash: entryHash(bytes) } };
}

export function entryHash(bytes: Buffer): Buffer {
  return hash("sha256", bytes, "buffer");
}

export interface JournalChange {
  readonly key: Buffer;
  /** null for a deletion. */
  readonly check: Buffer | null;
}

/**
 * Reads the whole journal and every record it names. Memory: one entry, and a number for each monitor.
 *
 * @throws MendlineError MENDLINE_STORE_CORRUPT  naming the first entry or record that does not fit
 */
export async function verifyJournal(database: Database, signal?: AbortSignal): Promise<JournalSummary> {
  const head = await journalHead(database);
  const dropped = await verifyChain(database, head, signal);
  const counts = await verifyRecords(database, head, dropped, signal);
  let recordCount = 0;
  for (const kind of journaledKinds) {
    recordCount += await verifyCount(database, kind, counts.get(kind) ?? 0, dropped);
  }
  return { entryCount: head.sequence + 1, head: head.hash.toString("hex"), recordCount };
}

/** Returns up to where each capped log has been dropped, by the log's prefix. */
async function verifyChain(
  database: Database,
  head: JournalHead,
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const dropped = new Map<string, number>();
  let previous: Buffer = noHead.hash;
  for (let sequence = 0; sequence <= head.sequence; sequence++) {
    const { key, bytes, fields } = entryAt(database, sequence);
    if (!previous.equals(fields.bytes("previous")))
      throw corrupt(key, "does not continue the entry before it");
    previous = entryHash(bytes);
    for (const change of changesOf(key, fields)) {
      if (change.check === null) noteDropped(dropped, change.key);
    }
    if (sequence % 256 === 255) await nextTurn(signal);
  }
  return dropped;
}

/** What one commit did and when, as its entry says. @throws MendlineError MENDLINE_STORE_CORRUPT */
export function journalCommit(
  database: Database,
  sequence: number,
): {
  readonly bytes: Buffer;
  readonly previous: Buffer;
  readonly atMs: number;
  readonly changes: JournalChange[];
} {
  const { key, bytes, fields } = entryAt(database, sequence);
  const previous = Buffer.from(fields.bytes("previous"));
  return { bytes, previous, atMs: fields.number("atMs"), changes: changesOf(key, fields) };
}

/** Keys that a commit wrote or deleted, as its entry says. */
export function changedKeys(database: Database, sequence: number): Buffer[] {
  const { key, fields } = entryAt(database, sequence);
  return changesOf(key, fields).map((change) => change.key);
}

function entryAt(database: Database, sequence: number): { key: Buffer; bytes: Buffer; fields: Fields } {
  const key = keyOf("journal", sequence);
  const bytes = database.bytes(key);
  if (bytes === undefined) throw corrupt(key, "is missing");
  return { key, bytes, fields: new Fields(key, decodeRecord(key, bytes)) };
}

function changesOf(entryKey: Buffer, fields: Fields): JournalChange[] {
  return fields.rows("changes").map((row) => {
    const key = Buffer.from(row.bytes(0));
    const kind = parseKey(key)?.kind;
    if (kind === undefined || !isJournaled(kind)) throw corrupt(entryKey, "names an unknown record");
    const check = row.isNull(1) ? null : Buffer.from(row.bytes(1));
    if (check === null && !isCapped(kind))
      throw corrupt(entryKey, `deletes a ${kind}, which is never deleted`);
    return { key, check };
  });
}

function logOf(key: Buffer): { log: string; sequence: number } {
  const [name, sequence] = parseKey(key)!.parts as [string, number];
  return { log: `${parseKey(key)!.kind}/${name}`, sequence };
}

export function noteDropped(dropped: Map<string, number>, key: Buffer): void {
  const { log, sequence } = logOf(key);
  dropped.set(log, Math.max(dropped.get(log) ?? -1, sequence));
}

async function verifyRecords(
  database: Database,
  head: JournalHead,
  dropped: ReadonlyMap<string, number>,
  signal: AbortSignal | undefined,
): Promise<Map<RecordKind, number>> {
  const counts = new Map<RecordKind, number>();
  for (let sequence = 0; sequence <= head.sequence; sequence++) {
    const { key, fields } = entryAt(database, sequence);
    for (const change of changesOf(key, fields)) {
      const { kind } = parseKey(change.key)!;
      if (change.check === null || (isCapped(kind) && wasDropped(dropped, change.key))) continue;
      verifyRecord(database, change.key, change.check);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    if (sequence % 64 === 63) await nextTurn(signal);
  }
  return counts;
}

async function nextTurn(signal: AbortSignal | undefined): Promise<void> {
  await new Promise(setImmediate);
  checkSignal(signal, "the check of the journal");
}

export function wasDropped(dropped: ReadonlyMap<string, number>, key: Buffer): boolean {
  const { log, sequence } = logOf(key);
  return sequence <= (dropped.get(log) ?? -1);
}

function verifyRecord(database: Database, key: Buffer, check: Buffer): void {
  const bytes = database.bytes(key);
  if (bytes === undefined) throw corrupt(key, "is missing, though the journal names it");
  const value = decodeRecord(key, bytes);
  if (!checkOf(bytes).equals(check)) throw corrupt(key, "is not the one that the journal names");
  if (kindOf(key) === "model") verifyNode(database, modelFrom(partsOf("model", key)[0], key, value));
}

/** Every journaled key was found; if there are more, they came from elsewhere. */
async function verifyCount(
  database: Database,
  kind: RecordKind,
  expected: number,
  dropped: ReadonlyMap<string, number>,
): Promise<number> {
  let found = 0;
  for await (const key of database.keys(rangeOf(prefixOf(kind)))) {
    // LevelDB may bring a dropped entry back (keys.ts); that is no sign of tampering.
    if (!isCapped(kind) || !wasDropped(dropped, key)) found++;
  }
  if (found === expected) return found;
  throw new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the store holds ${found} records of kind ${kind}, its journal names ${expected}: something else wrote into it; ${repairRemedy}`,
    { details: { kind, found, expected } },
  );
}
