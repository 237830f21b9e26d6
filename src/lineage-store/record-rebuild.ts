/**
 * A new database from salvaged records: what hangs together is taken over, and every index is made anew. Logs are closed up where an
 * entry is lost, for their readers count on places without gaps; what needs a lost record goes with it, and is told.
 *
 *     scratch   "sort/" kind, group, order, … -> what the entry of a list will be, until all of the list is known
 *               "place/" key of an alias's entry -> its place in the new log
 *               "taken/" number -> id: models that were taken over
 *               "late/" key -> null: records that the journal that was there does not name as they now are
 */
import { MendlineError } from "../errors.js";
import { decodeRecord, encodeRecord, type Stored } from "./codec.js";
import type { Database, RecordWrite } from "./database.js";
import { Fields, hashBytes } from "./fields.js";
import { formHash, tagHash } from "./indexes.js";
import { journalCommit } from "./journal.js";
import { describeKey, type KeyParts, keyOf, partsOf, prefixOf, type RecordKind, rangeOf } from "./keys.js";
import { findModel, pageCount, parametersOf } from "./models.js";
import { NodeIndex } from "./nodes.js";
import { RecordBatch, type SalvagedRecords } from "./record-salvage.js";
import { derivationFrom, type ModelRecord, modelFrom } from "./records.js";
import type { RepairFindings } from "./repair-findings.js";
import { checkSignal, neighbours } from "./walk.js";

const takenPrefix = Buffer.from("taken/", "latin1");
export const latePrefix = Buffer.from("late/", "latin1");

/** Logs whose places have no gaps. */
const logs = [
  "alias",
  "run",
  "request",
  "external",
  "declaration",
  "signature",
  "presence",
  "trial",
] as const satisfies readonly RecordKind[];
type Log = (typeof logs)[number];

export class RecordRebuild {
  readonly #salvaged: SalvagedRecords;
  readonly #scratch: Database;
  readonly #target: Database;
  readonly #findings: RepairFindings;
  readonly #signal: AbortSignal | undefined;
  readonly #out: RecordBatch;
  readonly #notes: RecordBatch;
  #modelCount = 0;

  constructor(
    salvaged: SalvagedRecords,
    target: Database,
    findings: RepairFindings,
    signal: AbortSignal | undefined,
  ) {
    this.#salvaged = salvaged;
    this.#scratch = salvaged.scratch;
    this.#target = target;
    this.#findings = findings;
    this.#signal = signal;
    this.#out = new RecordBatch(target);
    this.#notes = new RecordBatch(salvaged.scratch);
  }

  /** Everything but the objects' index and the journal. */
  async rebuild(): Promise<void> {
    await this.#models();
    await this.#labels();
    await this.#derivations();
    for (const log of logs) await this.#log(log);
    await this.#deliveries();
    await this.#monitors();
    await this.#notes.flush();
    await this.#lists();
    await this.#out.flush();
    await this.#nodes();
    await this.#out.flush();
  }

  // Records

  /** Takes a record over as it is. */
  async #keep(key: Buffer): Promise<void> {
    await this.#out.put(key, this.#scratch.bytes(key)!);
    this.#findings.counts.kept++;
    if (this.#salvaged.orderOf(key).sequence === null) await this.#late(key);
  }

  async #late(key: Buffer): Promise<void> {
    await this.#notes.put(Buffer.concat([latePrefix, key]), Buffer.of());
  }

  async #rewrite(key: Buffer, value: unknown): Promise<void> {
    await this.#out.put(key, encodeRecord(key, value));
    this.#findings.counts.rewritten++;
    await this.#late(key);
  }

  async #index<K extends RecordKind>(kind: K, parts: KeyParts<K>, value: unknown): Promise<void> {
    const key = keyOf(kind, ...parts);
    await this.#out.put(key, encodeRecord(key, value));
    this.#findings.counts.indexed++;
  }

  async *#keys(kind: RecordKind): AsyncGenerator<Buffer> {
    for await (const key of this.#scratch.keys(rangeOf(prefixOf(kind)))) {
      checkSignal(this.#signal, "the repair of the store");
      yield key;
    }
  }

  /** null, and told, where a sound record does not say what its kind says. */
  #told<T>(key: Buffer, read: (value: Stored) => T): T | null {
    try {
      return read(decodeRecord(key, this.#scratch.bytes(key)!));
    } catch (error) {
      if (!(error instanceof MendlineError) || error.code !== "MENDLINE_STORE_CORRUPT") throw error;
      this.#findings.lose(key, "does not say what it should");
      return null;
    }
  }

  // Models

  async #models(): Promise<void> {
    for await (const key of this.#keys("model")) {
      const [id] = partsOf("model", key);
      const model = this.#told(key, (value) => modelFrom(id, key, value));
      const taken = model === null ? null : Buffer.concat([takenPrefix, numberBytes(model.number)]);
      if (model === null || this.#notes.has(taken!)) {
        if (model !== null) this.#findings.lose(key, "has the place of another model");
        await this.#scratch.write([{ key, bytes: null }]);
        continue;
      }
      await this.#keep(key);
      this.#modelCount++;
      await this.#notes.put(taken!, hashBytes(id));
      for (const [name, text] of Object.entries(model.tags))
        await this.#index("tag", [tagHash(name, text), model.number], null);
      await this.#pages(model);
    }
    for await (const key of this.#keys("tensors")) {
      const [id] = partsOf("tensors", key);
      if (!this.#out.has(keyOf("model", id))) this.#findings.loseWith(key, `model ${id}`);
    }
  }

  async #pages(model: ModelRecord): Promise<void> {
    const { id, name, version, number } = model;
    const keys = Array.from({ length: pageCount(model.tensorCount, model.segmentCount) }, (_, page) =>
      keyOf("tensors", id, page),
    );
    try {
      const { tensors } = parametersOf(this.#scratch, model);
      for (const key of keys) await this.#keep(key);
      const form = formHash(tensors);
      if (form !== null) await this.#index("form", [form, number], null);
    } catch (error) {
      if (!(error instanceof MendlineError) || error.code !== "MENDLINE_STORE_CORRUPT") throw error;
      // A part of a list of tensors is none: the file brings all of it back.
      const problem = "the list of its tensors is damaged or missing";
      this.#findings.loseParameters({ id, name, version, problem });
    }
  }

  async #labels(): Promise<void> {
    for await (const key of this.#keys("label")) {
      const told = this.#told(key, (value) => {
        const fields = new Fields(key, value);
        return { id: fields.hash("id"), sequence: fields.number("sequence") };
      });
      if (told === null) continue;
      const model = this.#modelOf(told.id);
      if (model === null) this.#findings.loseWith(key, `model ${told.id}`);
      else {
        await this.#keep(key);
        await this.#listLabel(model, key, told.sequence);
      }
    }
    await this.#out.flush();
    for await (const key of this.#keys("model")) await this.#firstLabel(partsOf("model", key)[0]);
  }

  /** A model's own record tells its first label. */
  async #firstLabel(id: string): Promise<void> {
    const model = this.#modelOf(id)!;
    const key = keyOf("label", model.name, model.version);
    if (this.#out.has(key)) return;
    const { sequence } = this.#salvaged.orderOf(keyOf("model", id));
    const commit = sequence === null ? null : journalCommit(this.#scratch, sequence);
    const at = sequence ?? this.#salvaged.lastSequence + 1;
    await this.#rewrite(key, { id: hashBytes(id), atMs: commit?.atMs ?? model.createdMs, sequence: at });
    await this.#listLabel(model, key, at);
    this.#findings.regain(key, this.#salvaged.namedCheck(key) !== null);
  }

  async #listLabel(model: ModelRecord, key: Buffer, sequence: number): Promise<void> {
    const [name, version] = partsOf("label", key);
    const order = this.#salvaged.orderOf(key).bytes;
    const value = JSON.stringify([name, version, sequence]);
    await this.#list("labels", [numberBytes(model.number), order, key], value);
    await this.#list("versions", [Buffer.from(`${name}\0`), numberBytes(sequence), order, key], value);
  }

  #modelOf(id: string): ModelRecord | null {
    return findModel(this.#scratch, id);
  }

  async #derivations(): Promise<void> {
    for await (const key of this.#keys("derivation")) {
      const [parent, child] = partsOf("derivation", key);
      const derivation = this.#told(key, (value) => derivationFrom(key, value));
      if (derivation === null) continue;
      const ends = [derivation.parent, derivation.child] as const;
      const lost = ends.find((id, index) => this.#modelOf(id)?.number !== [parent, child][index]);
      if (lost !== undefined) {
        this.#findings.loseWith(key, `model ${lost}`);
        continue;
      }
      await this.#keep(key);
      const order = this.#salvaged.orderOf(key).bytes;
      await this.#list("parent", [numberBytes(child), order, numberBytes(parent)], String(parent));
      await this.#list("child", [numberBytes(parent), order, numberBytes(child)], String(child));
    }
  }

  // Logs

  async #log(kind: Log): Promise<void> {
    let last: string | number | null = null;
    let place = 0;
    for await (const key of this.#keys(kind)) {
      const [log, stood] = partsOf(kind, key) as [string, number];
      if (log !== last) place = 0;
      const value = this.#told(key, (found) => new Fields(key, found) && found);
      const needed = value === null ? null : this.#neededBy(kind, key, value, place);
      if (needed !== null) this.#findings.loseWith(key, needed);
      if (value === null || needed !== null) {
        last = log;
        continue;
      }
      const at = keyOf(kind, log, place);
      if (stood === place) await this.#keep(key);
      else await this.#rewrite(at, value);
      if (kind === "alias") await this.#notes.put(placeKey(key), numberBytes(place));
      if (place === 0) await this.#begun(kind, log, key);
      if (kind === "external") await this.#named(log, key, value);
      place++;
      last = log;
    }
  }

  /** What a log's entry cannot be without, where that is lost. */
  #neededBy(kind: Log, key: Buffer, value: Stored, place: number): string | null {
    const [log, stood] = partsOf(kind, key) as [string, number];
    // Answers mean nothing without what was asked.
    if (kind === "request" && place === 0 && stood > 0) return `the question of label request ${log}`;
    let id: string | null = null;
    if (kind === "alias") id = new Fields(key, value).hash("id");
    if (kind === "signature" || kind === "presence") id = log;
    return id === null || this.#modelOf(id) !== null ? null : `model ${id}`;
  }

  async #begun(kind: Log, log: string, key: Buffer): Promise<void> {
    if (kind === "alias") await this.#index("aliases", [log], null);
    if (kind === "request")
      await this.#list("requests", [this.#salvaged.orderOf(key).bytes, Buffer.from(log)], log);
    if (kind === "run") await this.#list("runs", [this.#salvaged.orderOf(key).bytes, Buffer.from(log)], log);
  }

  async #named(id: string, key: Buffer, value: Stored): Promise<void> {
    const content = new Fields(key, value).hashOrNull("hash");
    if (content === null) return;
    const once = Buffer.concat([Buffer.from("once/", "latin1"), hashBytes(content), hashBytes(id)]);
    if (this.#notes.has(once)) return;
    await this.#notes.put(once, Buffer.of());
    const order = this.#salvaged.orderOf(key).bytes;
    await this.#list("named", [hashBytes(content), order, hashBytes(id)], id);
  }

  /** Told of a place in an alias's history: it goes where that went, or a webhook would be told of another deployment or of none. */
  async #deliveries(): Promise<void> {
    await this.#out.flush();
    await this.#notes.flush();
    for await (const key of this.#keys("delivery")) {
      const [webhook, alias, stood] = partsOf("delivery", key);
      const entry = keyOf("alias", alias, stood);
      const value = this.#told(key, (found) => new Fields(key, found) && found);
      if (value === null) continue;
      const place = this.#scratch.bytes(placeKey(entry))?.readUIntBE(0, 6);
      if (place === undefined) this.#findings.loseWith(key, describeKey(entry));
      else if (place === stood) await this.#keep(key);
      else await this.#rewrite(keyOf("delivery", webhook, alias, place), value);
    }
  }

  async #monitors(): Promise<void> {
    for (const kind of ["report", "monitor"] as const) {
      for await (const key of this.#keys(kind)) {
        if (this.#salvaged.isDropped(key)) continue;
        await this.#keep(key);
        const monitors = keyOf("monitors", partsOf(kind, key)[0]);
        if (kind === "monitor" && !this.#out.has(monitors))
          await this.#index("monitors", [partsOf(kind, key)[0]], null);
      }
    }
  }

  // Lists

  async #list(kind: RecordKind, key: readonly Buffer[], value: string): Promise<void> {
    await this.#notes.put(Buffer.concat([sortPrefix(kind), ...key]), Buffer.from(value));
  }

  async #lists(): Promise<void> {
    const groups: { [K in RecordKind]?: number } = { labels: 6, parent: 6, child: 6, named: 32 };
    for (const kind of ["labels", "parent", "child", "named"] as const) {
      let last = "";
      let place = 0;
      for await (const { group, value } of this.#sorted(kind, groups[kind]!)) {
        if (group !== last) place = 0;
        last = group;
        const bytes = Buffer.from(group, "latin1");
        if (kind === "named") await this.#index(kind, [bytes.toString("hex"), place++], hashBytes(value));
        else await this.#index(kind, [bytes.readUIntBE(0, 6), place++], listValue(kind, value));
      }
    }
    await this.#versions();
    let number = 0;
    for await (const { value } of this.#sorted("runs", 0))
      await this.#index("runs", [number++], { runId: value });
    number = 0;
    for await (const { value } of this.#sorted("requests", 0))
      await this.#index("requests", [number++], { requestId: value });
  }

  async #nodes(): Promise<void> {
    const index = new NodeIndex();
    for await (const taken of this.#scratch.keys(rangeOf(takenPrefix))) {
      checkSignal(this.#signal, "the repair of the store");
      const model = findModel(this.#target, this.#scratch.bytes(taken)!.toString("hex"));
      if (model !== null) await this.#putNodes(index.add(model, ...this.#parentsOf(model)));
    }
    await this.#putNodes(index.end());
  }

  async #putNodes(writes: Iterable<RecordWrite>): Promise<void> {
    for (const { key, bytes } of writes) {
      await this.#out.put(key, bytes);
      this.#findings.counts.indexed++;
    }
  }

  /** The parents that came in a model's own commit, and whether others came later. */
  #parentsOf({ id, number }: ModelRecord): [parents: number[], isLate: boolean] {
    const { sequence } = this.#salvaged.orderOf(keyOf("model", id));
    const parents: number[] = [];
    for (const parent of neighbours(this.#target, "parent", number)) {
      const derivation = keyOf("derivation", parent, number);
      if (this.#salvaged.orderOf(derivation).sequence !== sequence) return [parents, true];
      parents.push(parent);
    }
    return [parents, false];
  }

  async #versions(): Promise<void> {
    let last = "";
    let place = 0;
    for await (const { value } of this.#sorted("versions", 0)) {
      const [name, version, sequence] = JSON.parse(value) as [string, string, number];
      const group = JSON.stringify([name, sequence]);
      if (group !== last) place = 0;
      last = group;
      await this.#index("versions", [name, sequence, place++], version);
    }
  }

  async *#sorted(
    kind: RecordKind,
    groupBytes: number,
  ): AsyncGenerator<{ readonly group: string; readonly value: string }> {
    const prefix = sortPrefix(kind);
    for await (const key of this.#scratch.keys(rangeOf(prefix))) {
      checkSignal(this.#signal, "the repair of the store");
      const group = key.toString("latin1", prefix.length, prefix.length + groupBytes);
      yield { group, value: this.#scratch.bytes(key)!.toString("utf8") };
    }
  }

  // Objects (object-index.ts)

  /** Marks parameters as lost, if they are not gone already. */
  async loseParameters(model: ModelRecord, sequence: number, atMs: number): Promise<void> {
    await this.#rewrite(keyOf("presence", model.id, sequence), { state: "lost", atMs });
    await this.#notes.flush();
  }

  /** An object that a model refers to. */
  async addObject(object: string, byteLength: number): Promise<void> {
    await this.#index("object", [object], { byteLength });
  }

  knowsObject(object: string): boolean {
    return this.#out.has(keyOf("object", object));
  }

  async flush(): Promise<void> {
    await this.#out.flush();
    await this.#notes.flush();
  }

  get modelCount(): number {
    return this.#modelCount;
  }

  get target(): Database {
    return this.#target;
  }
}

function placeKey(entry: Buffer): Buffer {
  return Buffer.concat([Buffer.from("place/", "latin1"), entry]);
}

function sortPrefix(kind: RecordKind): Buffer {
  return Buffer.from(`sort/${kind}/`, "latin1");
}

function numberBytes(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}

function listValue(kind: "labels" | "parent" | "child", value: string): unknown {
  if (kind !== "labels") return Number(value);
  const [name, version] = JSON.parse(value) as [string, string];
  return { name, version };
}
