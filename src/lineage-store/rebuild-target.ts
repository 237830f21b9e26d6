/**
 * What a rebuild writes, and what it notes on the way.
 *
 *     scratch   "sort/" kind, group, order, … -> what the entry of a list will be, until all of the list is known
 *               "taken/" number -> id: models that were taken over
 *               "late/" key -> null: records that the journal that was there does not name as they now are
 */
import { MendlineError } from "../errors.js";
import { decodeRecord, encodeRecord, type Stored } from "./codec.js";
import type { Database, RecordWrite } from "./database.js";
import { type KeyParts, keyOf, prefixOf, type RecordKind, rangeOf } from "./keys.js";
import { findModel } from "./models.js";
import { RecordBatch, type SalvagedRecords } from "./record-salvage.js";
import type { ModelRecord } from "./records.js";
import type { RepairFindings } from "./repair-findings.js";
import { checkSignal } from "./walk.js";

export const latePrefix = Buffer.from("late/", "latin1");
export const takenPrefix = Buffer.from("taken/", "latin1");

export class RebuildTarget {
  readonly salvaged: SalvagedRecords;
  /** What was saved. */
  readonly scratch: Database;
  /** What is made of it. */
  readonly database: Database;
  readonly findings: RepairFindings;
  readonly out: RecordBatch;
  readonly notes: RecordBatch;
  readonly #signal: AbortSignal | undefined;

  constructor(
    salvaged: SalvagedRecords,
    database: Database,
    findings: RepairFindings,
    signal: AbortSignal | undefined,
  ) {
    this.salvaged = salvaged;
    this.scratch = salvaged.scratch;
    this.database = database;
    this.findings = findings;
    this.out = new RecordBatch(database);
    this.notes = new RecordBatch(salvaged.scratch);
    this.#signal = signal;
  }

  checkSignal(): void {
    checkSignal(this.#signal, "the repair of the store");
  }

  /** Takes a record over as it is. */
  async keep(key: Buffer): Promise<void> {
    await this.out.put(key, this.scratch.bytes(key)!);
    this.findings.counts.kept++;
    if (this.salvaged.orderOf(key).sequence === null) await this.#late(key);
  }

  async #late(key: Buffer): Promise<void> {
    await this.notes.put(Buffer.concat([latePrefix, key]), Buffer.of());
  }

  async rewrite(key: Buffer, value: unknown): Promise<void> {
    await this.out.put(key, encodeRecord(key, value));
    this.findings.counts.rewritten++;
    await this.#late(key);
  }

  async index<K extends RecordKind>(kind: K, parts: KeyParts<K>, value: unknown): Promise<void> {
    const key = keyOf(kind, ...parts);
    await this.out.put(key, encodeRecord(key, value));
    this.findings.counts.indexed++;
  }

  async *keys(kind: RecordKind): AsyncGenerator<Buffer> {
    for await (const key of this.scratch.keys(rangeOf(prefixOf(kind)))) {
      this.checkSignal();
      yield key;
    }
  }

  /** null, and told, where a sound record does not say what its kind says. */
  told<T>(key: Buffer, read: (value: Stored) => T): T | null {
    try {
      return read(decodeRecord(key, this.scratch.bytes(key)!));
    } catch (error) {
      if (!(error instanceof MendlineError) || error.code !== "MENDLINE_STORE_CORRUPT") throw error;
      this.findings.lose(key, "does not say what it should");
      return null;
    }
  }

  async indexWrites(writes: Iterable<RecordWrite>): Promise<void> {
    for (const { key, bytes } of writes) {
      await this.out.put(key, bytes);
      this.findings.counts.indexed++;
    }
  }

  modelOf(id: string): ModelRecord | null {
    return findModel(this.scratch, id);
  }

  // Lists

  async list(kind: RecordKind, key: readonly Buffer[], value: string): Promise<void> {
    await this.notes.put(Buffer.concat([sortPrefix(kind), ...key]), Buffer.from(value));
  }

  /** Entries of lists, by their group and their order in it. */
  async *sorted(
    kind: RecordKind,
    groupBytes: number,
  ): AsyncGenerator<{ readonly group: string; readonly value: string }> {
    const prefix = sortPrefix(kind);
    for await (const key of this.scratch.keys(rangeOf(prefix))) {
      this.checkSignal();
      const group = key.toString("latin1", prefix.length, prefix.length + groupBytes);
      yield { group, value: this.scratch.bytes(key)!.toString("utf8") };
    }
  }

  async flush(): Promise<void> {
    await this.out.flush();
    await this.notes.flush();
  }
}

function sortPrefix(kind: RecordKind): Buffer {
  return Buffer.from(`sort/${kind}/`, "latin1");
}

/** As keys have a number. */
export function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}
