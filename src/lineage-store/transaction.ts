/**
 * One commit in the making. Every method checks first and writes after, into a layer over the database that later methods
 * of the same transaction read; nothing reaches the disk before all is known to fit.
 */

import { nodeParentsMax } from "../limits.js";
import { decodePayload, decodeRecord, encodeRecord, JsonDocument, type Stored } from "./codec.js";
import type { RecordReader, RecordWrite } from "./database.js";
import { type AddedExternal, addDeclaration, addExternal, type RecordWriter } from "./declare.js";
import type { NewDeclaration, NewExternal } from "./declared.js";
import { addDelivery, type Delivery } from "./deliveries.js";
import { stepCount } from "./documents.js";
import { hashBytes } from "./fields.js";
import { formHash, tagHash } from "./indexes.js";
import { keyOf } from "./keys.js";
import { eventCount } from "./label-requests.js";
import { findDerivation, findModel, idOfLabel, pagesOf, requireModel } from "./models.js";
import { lateKey, nodeLine, nodeWrites } from "./nodes.js";
import { bringBack, setPresence } from "./presence.js";
import {
  checkDerivation,
  checkModel,
  derivationValue,
  type ModelRecord,
  modelValue,
  type NewDerivation,
  type NewModel,
} from "./records.js";
import { type AliasChange, type AliasEntry, aliasValue, currentAlias } from "./refs.js";
import { aliasMoved, circle, edgeTaken, labelTaken, requestMoved } from "./refusals.js";
import { checkAlias, checkCount, checkHash, checkText, checkTextOrNull, invalid } from "./rules.js";
import { addSignature, type NewSignature } from "./signatures.js";
import { type Direction, type Neighbourhood, neighbours, nextPlace, reaches } from "./walk.js";

export interface AddedModel {
  readonly id: string;
  /** false: the model was there already. */
  readonly isNew: boolean;
  /** The model was there, and has got this `name@version` as a further label. */
  readonly isNewLabel: boolean;
  /** Fields that differ from the stored ones, which stay as they are. */
  readonly ignored: readonly string[];
}

/** Counters that go on from commit to commit. */
export interface Counters {
  readonly models: number;
  readonly runs: number;
  readonly requests: number;
}

/** An entry for a log that keeps its newest only; its sequence is given when the commit is written. */
export interface CappedEntry {
  readonly kind: "report" | "monitor";
  readonly monitorKey: string;
  readonly value: Stored;
}

export interface TransactionResult {
  readonly writes: readonly RecordWrite[];
  /** Objects that must be there, with their length where it is known. */
  readonly objects: ReadonlyMap<string, number | null>;
  readonly capped: readonly CappedEntry[];
  readonly counters: Counters;
}

const comparedFields = [
  "format",
  "byteLength",
  "fileHash",
  "signature",
  "profile",
  "task",
  "metrics",
  "tags",
] as const;

export class Transaction implements RecordReader, Neighbourhood {
  readonly #reader: RecordReader;
  /** This transaction's writes alone: the lists of a model that it has added can be nowhere else. */
  readonly #own: RecordReader = {
    read: (key) => this.#ownRecord(key),
    has: (key) => this.#writes.has(key.toString("latin1")),
  };
  /** Number of the first model that is added here. */
  readonly #firstAdded: number;
  readonly #atMs: number;
  readonly #sequence: number;
  readonly #writes = new Map<string, { key: Buffer; bytes: Buffer }>();
  readonly #objects = new Map<string, number | null>();
  readonly #capped: CappedEntry[] = [];
  /** Models of this transaction, by their numbers from `#firstAdded` on. */
  readonly #added: ModelRecord[] = [];
  /** What the method under way has written. */
  #fresh: string[] = [];
  #models: number;
  #runs: number;
  #requests: number;
  /** Labels that this transaction has added. */
  #labels = 0;
  #isOpen = true;

  /** Made by `LineageStore.commit` only. @param sequence  of the journal entry to come */
  constructor(reader: RecordReader, counters: Counters, sequence: number, atMs: number) {
    this.#reader = reader;
    this.#firstAdded = counters.models;
    this.#models = counters.models;
    this.#runs = counters.runs;
    this.#requests = counters.requests;
    this.#sequence = sequence;
    this.#atMs = atMs;
  }

  read(key: Buffer): Stored | undefined {
    const own = this.#ownRecord(key);
    return own === undefined ? this.#reader.read(key) : own;
  }

  #ownRecord(key: Buffer): Stored | undefined {
    const own = this.#writes.get(key.toString("latin1"));
    return own === undefined ? undefined : decodePayload(own.bytes);
  }

  has(key: Buffer): boolean {
    return this.#writes.has(key.toString("latin1")) || this.#reader.has(key);
  }

  neighbours(direction: Direction, number: number): Iterable<number> {
    return neighbours(this.#listsOf(number), direction, number);
  }

  #listsOf(number: number): RecordReader {
    return number < this.#firstAdded ? this : this.#own;
  }

  /** The model with this id, this transaction's own included; null where there is none. */
  find(id: string): ModelRecord | null {
    checkHash("model id", id);
    return findModel(this, id);
  }

  /** The id behind `name@version`, or null. */
  idOfLabel(name: string, version: string): string | null {
    return idOfLabel(this, name, version);
  }

  /** What the alias stands for now, or null. */
  alias(alias: string): AliasEntry | null {
    checkAlias(alias);
    return currentAlias(this, alias);
  }

  /**
   * Adds a model version. The same content again is the same node: under its own label nothing happens, under another it
   * gets that label too.
   *
   * @throws MendlineError MENDLINE_STORE_CONFLICT    `name@version` is another model's
   * @throws MendlineError MENDLINE_ARGUMENT_INVALID  a field is malformed
   */
  addModel(model: NewModel): AddedModel {
    return this.#atomically(() => this.#addModel(model));
  }

  #addModel(model: NewModel): AddedModel {
    checkModel(model);
    const { id, name, version } = model;
    const holder = idOfLabel(this, name, version);
    if (holder !== null && holder !== id) throw labelTaken(name, version, holder, id);
    const existing = findModel(this, id);
    const record = this.#recordOf(model, existing?.number ?? this.#models);
    if (existing === null) this.#addNew(model, record);
    else this.#bringBack(existing, model);
    if (holder === null) this.#addLabel(id, record);
    const ignored =
      existing === null ? [] : comparedFields.filter((field) => !isSame(existing[field], record[field]));
    return { id, isNew: existing === null, isNewLabel: existing !== null && holder === null, ignored };
  }

  #recordOf(model: NewModel, number: number): ModelRecord {
    return {
      id: model.id,
      name: model.name,
      version: model.version,
      format: model.format,
      byteLength: model.byteLength,
      fileHash: model.fileHash,
      ...(model.files !== undefined && { files: model.files }),
      createdMs: model.createdMs ?? this.#atMs,
      signature: model.signature ?? null,
      profile: model.profile ?? null,
      task: model.task ?? null,
      metrics: model.metrics ?? {},
      tags: model.tags ?? {},
      tensorCount: model.tensors.length,
      segmentCount: model.layout.length,
      number,
    };
  }

  #addNew(model: NewModel, record: ModelRecord): void {
    this.#needObjects(model);
    for (const [page, part] of pagesOf(model).entries()) this.#put(keyOf("tensors", record.id, page), part);
    this.#put(keyOf("model", record.id), modelValue(record));
    this.#indexNew(model, record);
    // As it is recorded: what the caller gave may change before the commit ends, or say more than a record does.
    this.#added.push(requireModel(this, record.id));
    this.#models++;
  }

  /** Parameters that were dropped, and are added again, are there again. */
  #bringBack(existing: ModelRecord, added: NewModel): void {
    const parameters = bringBack(this.#writer(), existing, added);
    if (parameters !== null) this.#needObjects({ ...parameters, profile: existing.profile });
  }

  #indexNew({ tensors }: NewModel, { tags, number }: ModelRecord): void {
    for (const [name, text] of Object.entries(tags))
      this.#put(keyOf("tag", tagHash(name, text), number), null);
    const form = formHash(tensors);
    if (form !== null) this.#put(keyOf("form", form, number), null);
  }

  #addLabel(id: string, { name, version, number }: ModelRecord): void {
    const place = nextPlace(this.#listsOf(number), (index) => keyOf("labels", number, index));
    this.#put(keyOf("labels", number, place), { name, version });
    this.#put(keyOf("versions", name, this.#sequence, this.#labels++), version);
    this.#put(keyOf("label", name, version), {
      id: hashBytes(id),
      atMs: this.#atMs,
      sequence: this.#sequence,
    });
  }

  #needObjects({ tensors, layout, profile }: Pick<NewModel, "tensors" | "layout" | "profile">): void {
    for (const { object, byteLength } of layout) this.#needObject(object, byteLength);
    for (const { object, byteLength } of tensors) if (object !== null) this.#needObject(object, byteLength);
    if (profile != null) this.#needObject(profile, null);
  }

  #needObject(hash: string, byteLength: number | null): void {
    const known = this.#objects.get(hash) ?? null;
    if (known !== null && byteLength !== null && known !== byteLength)
      throw invalid(`object ${hash}`, `is said to have ${known} and ${byteLength} bytes`);
    this.#objects.set(hash, byteLength ?? known);
  }

  /**
   * Adds an edge. It is written once: the same again changes nothing, another between the same two is refused.
   *
   * @returns whether it is new
   * @throws MendlineError MENDLINE_STORE_UNKNOWN   parent or child is not in the store
   * @throws MendlineError MENDLINE_STORE_CYCLE     the child is the parent or an ancestor of it
   * @throws MendlineError MENDLINE_STORE_CONFLICT  there is an edge that says something else
   */
  addDerivation(derivation: NewDerivation): boolean {
    return this.#atomically(() => this.#addDerivation(derivation));
  }

  #addDerivation(derivation: NewDerivation): boolean {
    checkDerivation(derivation);
    const parent = requireModel(this, derivation.parent, "parent");
    const child = requireModel(this, derivation.child, "child");
    const existing = findDerivation(
      this.#listsOf(Math.max(parent.number, child.number)),
      parent.number,
      child.number,
    );
    const createdMs = derivation.createdMs ?? existing?.createdMs ?? this.#atMs;
    const key = keyOf("derivation", parent.number, child.number);
    const value = derivationValue(derivation, createdMs);
    if (existing !== null) {
      const again = encodeRecord(key, { ...value, createdMs: existing.createdMs });
      if (again.equals(encodeRecord(key, derivationValue(existing, existing.createdMs)))) return false;
      throw edgeTaken(parent, child, existing.transformation);
    }
    if (reaches(this, child.number, parent.number)) throw circle(parent, child);
    this.#put(key, value);
    this.#append("parent", child.number, parent.number);
    this.#append("child", parent.number, child.number);
    return true;
  }

  #append(kind: "parent" | "child", number: number, neighbour: number): void {
    const place = nextPlace(this.#listsOf(number), (index) => keyOf(kind, number, index));
    this.#put(keyOf(kind, number, place), neighbour);
    const isLate = kind === "parent" && (number < this.#firstAdded || place >= nodeParentsMax);
    if (isLate && !this.has(lateKey(number))) this.#put(lateKey(number), null);
  }

  /** Writes down what a document says of a model of which no parameters are held (declared.ts). */
  addExternal(external: NewExternal): AddedExternal {
    return this.#atomically(() => addExternal(this.#writer(), external));
  }

  /**
   * Writes down what a document says of where such a model comes from.
   *
   * @returns whether it is new
   * @throws MendlineError MENDLINE_STORE_CYCLE  the parent is said to come from the child
   */
  addDeclaration(declaration: NewDeclaration): boolean {
    return this.#atomically(() => addDeclaration(this.#writer(), declaration));
  }

  /**
   * Keeps a signature about a model or a derivation, whether it holds or not.
   *
   * @returns whether it is new
   * @throws MendlineError MENDLINE_STORE_UNKNOWN   no such model or derivation
   * @throws MendlineError MENDLINE_DATA_MALFORMED  no bundle
   */
  addSignature(signature: NewSignature): boolean {
    return this.#atomically(() => addSignature(this.#writer(), signature));
  }

  /**
   * Says that a model's parameters are gone from the store. Nothing is removed: what nothing refers to is the collector's.
   *
   * @returns whether that is new
   */
  setGone(id: string, how: "dropped" | "lost"): boolean {
    return this.#atomically(() => {
      checkHash("model id", id);
      return setPresence(this.#writer(), id, how);
    });
  }

  #writer(): RecordWriter {
    return {
      atMs: this.#atMs,
      read: (key) => this.read(key),
      has: (key) => this.has(key),
      put: (key, value) => this.#put(key, value),
    };
  }

  /**
   * Lets an alias stand for a model from now on. The entries before it stay.
   *
   * @throws MendlineError MENDLINE_STORE_UNKNOWN   no such model
   * @throws MendlineError MENDLINE_STORE_CONFLICT  the alias does not stand for `expectedId`
   */
  setAlias(change: AliasChange): AliasEntry {
    return this.#atomically(() => this.#setAlias(change));
  }

  #setAlias(change: AliasChange): AliasEntry {
    checkAliasChange(change);
    const { alias, id, reason, expectedId } = change;
    requireModel(this, id);
    const current = currentAlias(this, alias);
    const previous = current?.id ?? null;
    if (expectedId !== undefined && expectedId !== previous) throw aliasMoved(alias, expectedId, previous);
    const entry: AliasEntry = {
      alias,
      sequence: current === null ? 0 : current.sequence + 1,
      id,
      atMs: change.atMs ?? this.#atMs,
      reason,
      run: change.run ?? null,
      target: change.target ?? null,
      previous,
    };
    this.#put(keyOf("alias", alias, entry.sequence), aliasValue(entry));
    if (current === null) this.#put(keyOf("aliases", alias), null);
    return entry;
  }

  /** Notes that a webhook was told of a deployment, or will not be. */
  addDelivery(delivery: Delivery): void {
    this.#atomically(() => addDelivery(this.#writer(), delivery));
  }

  /** Adds how the trial of an alias stands (JSON); the last one counts. */
  appendTrial(alias: string, state: unknown): void {
    this.#atomically(() => {
      checkAlias(alias);
      const place = nextPlace(this, (index) => keyOf("trial", alias, index));
      this.#put(keyOf("trial", alias, place), { atMs: this.#atMs, state: new JsonDocument(state) });
    });
  }

  /**
   * Adds a step to a run; the first begins it.
   *
   * @param data  JSON
   * @returns the step's index
   */
  appendRun(runId: string, step: string, data: unknown): number {
    return this.#atomically(() => this.#appendRun(runId, step, data));
  }

  #appendRun(runId: string, step: string, data: unknown): number {
    checkText("run id", runId);
    checkText("step", step);
    const index = stepCount(this, runId);
    this.#put(keyOf("run", runId, index), { step, atMs: this.#atMs, data: new JsonDocument(data) });
    if (index === 0) this.#put(keyOf("runs", this.#runs++), { runId });
    return index;
  }

  /**
   * Adds an event to a label request; the first begins it.
   *
   * @param data  JSON
   * @param expectedCount  events that there must be before it: what the caller decided by
   * @returns the event's index
   * @throws MendlineError MENDLINE_STORE_CONFLICT  there are more, or fewer
   */
  appendRequest(requestId: string, event: string, data: unknown, expectedCount: number): number {
    return this.#atomically(() => {
      checkText("label request", requestId);
      checkText("event", event);
      const index = eventCount(this, requestId);
      if (index !== expectedCount) throw requestMoved(requestId, expectedCount, index);
      this.#put(keyOf("request", requestId, index), {
        event,
        atMs: this.#atMs,
        data: new JsonDocument(data),
      });
      if (index === 0) this.#put(keyOf("requests", this.#requests++), { requestId });
      return index;
    });
  }

  /** Adds a drift report (JSON); beyond `monitorReportsMax` of a monitor the oldest goes. */
  appendReport(monitorKey: string, report: unknown): void {
    this.#appendCapped("report", monitorKey, report);
  }

  /** Keeps a monitor's state (JSON), in place of the one before. */
  putMonitor(monitorKey: string, state: unknown): void {
    this.#appendCapped("monitor", monitorKey, state);
  }

  #appendCapped(kind: CappedEntry["kind"], monitorKey: string, data: unknown): void {
    this.#assertOpen();
    checkText("monitor key", monitorKey);
    const key = keyOf(kind, monitorKey, 0);
    // There and back: a copy that the caller cannot change any more, found sound while his stack says where it came from.
    const value = decodeRecord(key, encodeRecord(key, { atMs: this.#atMs, data: new JsonDocument(data) }));
    this.#capped.push({ kind, monitorKey, value });
    const name = keyOf("monitors", monitorKey);
    if (kind === "monitor" && this.read(name) === undefined) this.#put(name, null);
  }

  #put(key: Buffer, value: unknown): void {
    const name = key.toString("latin1");
    this.#writes.set(name, { key, bytes: encodeRecord(key, value) });
    this.#fresh.push(name);
  }

  /** A method that throws leaves the transaction as it was: its caller may catch, and go on. Keys are written once. */
  #atomically<T>(method: () => T): T {
    this.#assertOpen();
    const [models, runs, requests, labels] = [this.#models, this.#runs, this.#requests, this.#labels];
    this.#fresh = [];
    try {
      return method();
    } catch (error) {
      for (const name of this.#fresh) this.#writes.delete(name);
      this.#added.length = models - this.#firstAdded;
      [this.#models, this.#runs, this.#requests, this.#labels] = [models, runs, requests, labels];
      throw error;
    }
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new Error("a transaction ends when the function given to commit returns");
  }

  /** When all derivations are known. */
  #nodeWrites(): RecordWrite[] {
    const lines = this.#added.map((model) => nodeLine(model, this.neighbours("parent", model.number)));
    return [...nodeWrites(this.#reader, this.#firstAdded, lines)];
  }

  /** What the commit has to check and write. Nothing can be added afterwards. */
  close(): TransactionResult {
    this.#isOpen = false;
    return {
      writes: [...this.#writes.values(), ...this.#nodeWrites()],
      objects: this.#objects,
      capped: this.#capped,
      counters: { models: this.#models, runs: this.#runs, requests: this.#requests },
    };
  }
}

function checkAliasChange(change: AliasChange): void {
  checkAlias(change.alias);
  checkHash("model id", change.id);
  if (typeof change.reason !== "string") throw invalid("the reason", "must be text");
  checkTextOrNull("the run", change.run ?? null);
  checkTextOrNull("the target", change.target ?? null);
  checkCount("atMs", change.atMs ?? 0);
  if (change.expectedId != null) checkHash("expected model id", change.expectedId);
}

/** Whether two values would be stored as the same bytes. */
function isSame(left: unknown, right: unknown): boolean {
  const key = keyOf("number", 0);
  return encodeRecord(key, left).equals(encodeRecord(key, right));
}
