/**
 * The lineage store: models, what was derived from what, their exact parameters, and the history of aliases and repairs.
 *
 * One process owns a store. A commit is there as a whole or not at all, and on the disk when `commit` returns; every record and
 * every object is verified when it is read. Lists that grow with the store are async iterables, in stable order.
 */
import { MendlineError } from "../errors.js";
import { type Backup, type BackupOptions, StoreBackup } from "./backup.js";
import { type RestoreBackupOptions, type RestoredBackup, restoreBackup } from "./backup-restore.js";
import { Commits, objectRecord } from "./commits.js";
import { Database } from "./database.js";
import { finishSwap } from "./database-swap.js";
import {
  allExternals,
  type DeclarationRecord,
  declarationsOf,
  type ExternalRecord,
  externalsOf,
  findExternal,
  type Resolution,
  resolutionOf,
} from "./declared.js";
import { lastDelivery, type RecordedDelivery } from "./deliveries.js";
import type { DeltaTransform } from "./deltas.js";
import {
  allMonitors,
  allRuns,
  lastTrial,
  type MonitorReport,
  type MonitorState,
  monitorState,
  type RunStep,
  type RunSummary,
  reportsOf,
  stepsOf,
} from "./documents.js";
import { type AddedFile, addFile, addParts, type FileSegment, type ModelParts } from "./file-reader.js";
import { databaseDir, prepareFolder } from "./folder.js";
import { type Collection, type CollectOptions, Collector } from "./garbage.js";
import { Graph } from "./graph.js";
import { HeadFile } from "./head-file.js";
import { verifyIndexes } from "./index-check.js";
import { type JournalSummary, verifyJournal } from "./journal.js";
import { allRequests, eventsOf, type RequestEvent } from "./label-requests.js";
import { migrate } from "./migrations.js";
import { restoreFile } from "./model-files.js";
import { parametersOf } from "./models.js";
import { corruptObject } from "./object-content.js";
import type { StoredObject } from "./object-sink.js";
import { ObjectBatch, ObjectFiles } from "./objects.js";
import { forgetOwner, heldBy, tellOwner } from "./owner.js";
import { type Presence, parametersGone, presenceOf } from "./presence.js";
import { LineageReader } from "./reader.js";
import type { ModelRecord } from "./records.js";
import { type AliasEntry, aliasHistory, allAliases, currentAlias } from "./refs.js";
import { checkAlias, checkHash, checkText, shown } from "./rules.js";
import { type SignatureRecord, signaturesOf } from "./signatures.js";
import type { Transaction } from "./transaction.js";

export interface StoreOptions {
  /** Whether a missing or empty folder becomes a store; true if left out. */
  readonly create?: boolean;
  /** The clock of records that bring no time of their own. */
  readonly nowMs?: () => number;
  /** Makes deltas of tensors, and undoes them; without it parameters are kept as they are, and packed ones cannot be read. */
  readonly deltas?: DeltaTransform;
}

export interface ListOptions {
  readonly limit?: number;
}

async function openDatabase(dir: string): Promise<Database> {
  try {
    await finishSwap(dir);
    return await Database.open(databaseDir(dir));
  } catch (error) {
    throw await heldBy(dir, error);
  }
}

export class LineageStore extends LineageReader {
  readonly dir: string;
  readonly #database: Database;
  readonly #files: ObjectFiles;
  readonly #head: HeadFile;
  readonly #commits: Commits;
  readonly #graph: Graph;
  readonly #sinceMs = Date.now();
  readonly #closing = new AbortController();
  #maintenance: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(
    dir: string,
    database: Database,
    files: ObjectFiles,
    head: HeadFile,
    commits: Commits,
    graph: Graph,
  ) {
    super(database, graph);
    this.dir = dir;
    this.#database = database;
    this.#files = files;
    this.#head = head;
    this.#commits = commits;
    this.#graph = graph;
  }

  /**
   * Opens the store in a folder, and takes its lock until `close`. One of an earlier schema is brought up to this one (migrations.ts).
   *
   * @throws MendlineError MENDLINE_STORE_LOCKED           another process holds it
   * @throws MendlineError MENDLINE_STORE_UNKNOWN          there is none, and `create` is false
   * @throws MendlineError MENDLINE_STORE_VERSION, _CORRUPT, _IO, MENDLINE_ARGUMENT_INVALID  see folder.ts
   */
  static async open(
    dir: string,
    { create = true, nowMs = Date.now, deltas }: StoreOptions = {},
  ): Promise<LineageStore> {
    await prepareFolder(dir, create);
    const database = await openDatabase(dir);
    let head: HeadFile | undefined;
    try {
      await migrate(dir, database);
      const files = await ObjectFiles.open(dir, deltas);
      head = await HeadFile.open(dir);
      const commits = await Commits.open(database, files, head, nowMs);
      const graph = new Graph(database, () => commits.lastSequence);
      const store = new LineageStore(dir, database, files, head, commits, graph);
      await store.announce(null);
      return store;
    } catch (error) {
      await head?.close();
      await database.close();
      throw error;
    }
  }

  /** Makes a store in a new or an empty folder from what `backup` wrote. See backup-restore.ts for what it throws. */
  static restoreBackup(
    path: string,
    dir: string,
    options: RestoreBackupOptions = {},
  ): Promise<RestoredBackup> {
    return restoreBackup(path, dir, options);
  }

  /** Waits for the commits under way, then gives up the lock. */
  async close(): Promise<void> {
    const isFirst = !this.#isClosed;
    this.#isClosed = true;
    this.#closing.abort();
    await this.#maintenance;
    await this.#commits.exclusive(async () => {
      if (isFirst) await forgetOwner(this.dir);
      this.#graph.clear();
      this.#commits.end();
      if (isFirst) await this.#head.close();
      await this.#database.close();
    });
  }

  /**
   * Tells whoever finds the store held how to reach its owner.
   *
   * @param service  address of the service that serves this store; null for none
   */
  async announce(service: string | null): Promise<void> {
    this.#assertOpen();
    await tellOwner(this.dir, { pid: process.pid, sinceMs: this.#sinceMs, service });
  }

  // Objects

  /** Stores bytes under their sha256, durably. The same bytes are stored once. */
  async putObject(chunks: AsyncIterable<Uint8Array> | Uint8Array): Promise<StoredObject> {
    const batch = new ObjectBatch(this.#files);
    const sink = batch.begin();
    try {
      if (chunks instanceof Uint8Array) await sink.write(chunks);
      else for await (const chunk of chunks) await sink.write(chunk);
    } catch (error) {
      await sink.discard();
      throw error;
    }
    const object = await batch.finish(sink);
    await batch.flush();
    return object;
  }

  async hasObject(hash: string): Promise<boolean> {
    checkHash("object", hash);
    return (await this.#files.byteLength(hash)) !== null;
  }

  /**
   * An object's bytes in chunks. Only the end of the stream proves them: a damaged object throws instead of ending.
   *
   * @throws MendlineError MENDLINE_STORE_UNKNOWN  no such object
   * @throws MendlineError MENDLINE_STORE_CORRUPT  damaged, or lost while a model refers to it
   */
  async *readObject(hash: string): AsyncGenerator<Uint8Array> {
    checkHash("object", hash);
    const isKnown = objectRecord(this.#database, hash) !== null;
    if (isKnown && (await this.#files.byteLength(hash)) === null) throw corruptObject(hash, "is lost");
    yield* this.#files.read(hash);
  }

  /**
   * A small object whole, verified before any of it is returned.
   *
   * @throws MendlineError MENDLINE_DATA_LIMIT  more than `byteLengthMax` bytes
   */
  async readObjectBytes(hash: string, byteLengthMax: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let byteLength = 0;
    for await (const chunk of this.readObject(hash)) {
      byteLength += chunk.length;
      if (byteLength > byteLengthMax) {
        throw new MendlineError(
          "MENDLINE_DATA_LIMIT",
          `object ${hash} is larger than ${byteLengthMax} bytes`,
          {
            details: { hash, byteLengthMax },
          },
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /**
   * Puts every segment of a model's file as an object, in one pass and with bounded memory. Nothing refers to them before a
   * commit adds the model.
   */
  async addFile(path: string, segments: readonly FileSegment[], signal?: AbortSignal): Promise<AddedFile> {
    return addFile(this.#files, path, segments, signal);
  }

  /** The same of a model in several files. */
  async addParts(
    source: ModelParts,
    segments: readonly FileSegment[],
    signal?: AbortSignal,
  ): Promise<AddedFile> {
    return addParts(this.#files, source, segments, signal);
  }

  /**
   * Writes a model's file as it was added. Its objects and the whole are verified before the target shows anything; a file
   * that is there is replaced. A model in several files goes into a folder, `target`, which must not be there.
   *
   * @returns the path of the model's own file
   * @throws MendlineError MENDLINE_STORE_UNKNOWN, MENDLINE_STORE_DROPPED, MENDLINE_STORE_CORRUPT, MENDLINE_DATA_WRITE
   */
  async restoreFile(id: string, target: string): Promise<string> {
    return this.reading(id, async (model) => {
      const { layout } = parametersOf(this.#database, model);
      return restoreFile(this.#files, model, layout, target);
    });
  }

  /**
   * Keeps a model's parameters in the store until the work ends: no collection takes them away from under its reader.
   *
   * @throws MendlineError MENDLINE_STORE_DROPPED  they are gone already
   */
  async reading<T>(id: string, work: (model: ModelRecord) => Promise<T>): Promise<T> {
    const model = this.record(id);
    const release = this.#files.pins.hold(id);
    try {
      const presence = presenceOf(this.#database, model);
      if (presence.state !== "kept") throw parametersGone(model, presence);
      return await work(model);
    } finally {
      release();
    }
  }

  /** Whether a model's parameters are in the store. */
  async presence(id: string): Promise<Presence> {
    return presenceOf(this.#database, this.record(id));
  }

  /**
   * Drops the parameters of models that the policy does not keep, and removes objects that nothing needs (garbage.ts). The models stay,
   * with everything else that is known of them. Others read and write meanwhile.
   */
  async collectGarbage(options: CollectOptions = {}): Promise<Collection> {
    this.#assertOpen();
    return this.#maintain(options.signal, (signal) =>
      new Collector(this.#database, this.#files, this.#commits, { ...options, signal }).collect(),
    );
  }

  /**
   * Writes the store as it is now into one file, whole and proven or not at all (backup.ts); `restoreBackup` makes a store of it. Others
   * read and write meanwhile; what they commit is not in it.
   */
  async backup(path: string, options: BackupOptions = {}): Promise<Backup> {
    this.#assertOpen();
    return this.#maintain(options.signal, (signal) =>
      this.#commits.holdingLogs((head) =>
        new StoreBackup(this.#database, this.#files, head, Date.now(), signal).write(path),
      ),
    );
  }

  /** One after the other: a collection must not take what a backup is about to read. Ends early when the store is closed. */
  #maintain<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])];
    const turn = this.#maintenance.then(() => {
      this.#assertOpen();
      return work(AbortSignal.any(signals));
    });
    this.#maintenance = turn.catch(() => undefined);
    return turn;
  }

  // Writing

  /**
   * Everything that `work` adds becomes one atomic, synced batch together with its journal entry; if it throws, or a check
   * fails, nothing is written. Commits run one after the other, so what `work` reads from its transaction still holds when it is written.
   *
   * @param work  synchronous
   * @returns what `work` returned, once all is on the disk
   * @throws MendlineError of the transaction's methods; MENDLINE_STORE_UNKNOWN for an object that was not put before
   */
  async commit<T>(work: (transaction: Transaction) => T): Promise<T> {
    this.#assertOpen();
    return this.#commits.commit(work);
  }

  /**
   * Whether a commit's checks would pass now, before work is done for it: nothing is written. Another commit may still come between.
   *
   * @throws MendlineError of the transaction's methods
   */
  async rehearse<T>(work: (transaction: Transaction) => T): Promise<T> {
    this.#assertOpen();
    return this.#commits.rehearse(work);
  }

  #assertOpen(): void {
    if (this.#isClosed)
      throw new MendlineError("MENDLINE_STORE_IO", `the store ${this.dir} is closed: open it again`);
  }

  /** Reads the whole journal and every record that it names; commits wait meanwhile. See journal.ts. */
  async verifyJournal(): Promise<JournalSummary> {
    this.#assertOpen();
    return this.#commits.exclusive(() => verifyJournal(this.#database));
  }

  /**
   * Work of a check (store-check.ts) on what lies below; commits wait meanwhile. `verify` reads every record.
   *
   * @internal
   */
  async checked<T>(
    work: (
      database: Database,
      files: ObjectFiles,
      verify: (signal?: AbortSignal) => Promise<JournalSummary>,
    ) => Promise<T>,
  ): Promise<T> {
    this.#assertOpen();
    return this.#commits.exclusive(() =>
      work(this.#database, this.#files, async (signal) => {
        const journal = await verifyJournal(this.#database, signal);
        await verifyIndexes(this.#database, signal);
        return journal;
      }),
    );
  }

  // What other tools say (declared.ts)

  /** By id. */
  externals(): AsyncGenerator<ExternalRecord> {
    return allExternals(this.#database);
  }

  async external(id: string): Promise<ExternalRecord | null> {
    checkHash("external model", id);
    return findExternal(this.#database, id);
  }

  /** What an external model is said to be derived from. */
  async declarations(id: string): Promise<DeclarationRecord[]> {
    checkHash("external model", id);
    return declarationsOf(this.#database, id);
  }

  /** The model that an external model stands for, or null. */
  async resolutionOf(
    external: Pick<ExternalRecord, "hash" | "name" | "version">,
  ): Promise<Resolution | null> {
    return resolutionOf(this.#database, external);
  }

  /** The external models that stand for a model. */
  async externalsOf(id: string): Promise<ExternalRecord[]> {
    return externalsOf(this.#database, this.record(id));
  }

  /** Signatures about a model and about the derivations that lead to it, in the order in which they were added. */
  async signatures(id: string): Promise<SignatureRecord[]> {
    return signaturesOf(this.#database, this.record(id).id);
  }

  // Aliases

  /** What an alias stands for now, or null. */
  async alias(alias: string): Promise<AliasEntry | null> {
    checkAlias(alias);
    return currentAlias(this.#database, alias);
  }

  /** Newest first. */
  async *aliasHistory(alias: string): AsyncGenerator<AliasEntry> {
    checkAlias(alias);
    yield* aliasHistory(this.#database, alias);
  }

  /** What a webhook was last told of an alias; null where it was told nothing. */
  async lastDelivery(webhook: string, alias: string): Promise<RecordedDelivery | null> {
    checkText("the webhook", webhook);
    checkAlias(alias);
    return lastDelivery(this.#database, webhook, alias);
  }

  /** How the trial of an alias stands, as it was appended; null where there was none. */
  async lastTrial(alias: string): Promise<unknown> {
    checkAlias(alias);
    return lastTrial(this.#database, alias);
  }

  /** All aliases as they stand, by name. */
  aliases(): AsyncGenerator<AliasEntry> {
    return allAliases(this.#database);
  }

  // Runs and monitors

  /** @throws MendlineError MENDLINE_STORE_UNKNOWN */
  async run(runId: string): Promise<RunStep[]> {
    checkText("run id", runId);
    const steps = await stepsOf(this.#database, runId);
    if (steps.length > 0) return steps;
    throw new MendlineError(
      "MENDLINE_STORE_UNKNOWN",
      `there is no run ${shown(runId)}: \`mendline runs\` lists them`,
      {
        details: { runId },
      },
    );
  }

  /** Newest first. */
  listRuns({ limit = Infinity }: ListOptions = {}): AsyncGenerator<RunSummary> {
    return allRuns(this.#database, limit);
  }

  // Label requests

  /** In order. @throws MendlineError MENDLINE_STORE_UNKNOWN */
  async labelRequest(requestId: string): Promise<RequestEvent[]> {
    checkText("label request", requestId);
    const events = await eventsOf(this.#database, requestId);
    if (events.length > 0) return events;
    throw new MendlineError(
      "MENDLINE_STORE_UNKNOWN",
      `there is no label request ${shown(requestId)}: \`mendline labels list\` lists them`,
      { details: { requestId } },
    );
  }

  /** Ids, newest first. */
  listLabelRequests(): AsyncGenerator<string> {
    return allRequests(this.#database);
  }

  /** Newest first. */
  async *reports(monitorKey: string, { limit = Infinity }: ListOptions = {}): AsyncGenerator<MonitorReport> {
    checkText("monitor key", monitorKey);
    yield* reportsOf(this.#database, monitorKey, limit);
  }

  /** The newest state of a monitor, or null. */
  async monitor(monitorKey: string): Promise<MonitorState | null> {
    checkText("monitor key", monitorKey);
    return monitorState(this.#database, monitorKey);
  }

  /** The newest state of every monitor, by key. */
  listMonitors(): AsyncGenerator<MonitorState> {
    return allMonitors(this.#database);
  }
}
