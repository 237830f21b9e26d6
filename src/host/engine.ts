import { EventEmitter } from "node:events";
import { resolve as absolutePath } from "node:path";
import { MendlineError } from "../errors.js";
import type { Backup, BackupOptions } from "../lineage-store/backup.js";
import type { ExportRequest, ExportSummary } from "../lineage-store/export/export-lineage.js";
import type { Collection, CollectOptions } from "../lineage-store/garbage.js";
import type { ImportRequest, ImportSummary } from "../lineage-store/import/import-lineage.js";
import type { ModelVersion } from "../lineage-store/models.js";
import type { NearestModel, RelativeOptions } from "../lineage-store/reader.js";
import type { DerivationRecord, ModelRecord } from "../lineage-store/records.js";
import type { AliasEntry } from "../lineage-store/refs.js";
import type { ModelFilter } from "../lineage-store/search.js";
import type { SignedModel, SignRequest } from "../lineage-store/signing/sign.js";
import type { SignatureReport, VerifySignaturesRequest } from "../lineage-store/signing/verify.js";
import type { LineageStore } from "../lineage-store/store.js";
import type { WalkBounds } from "../lineage-store/walk.js";
import { openRuntime, type Runtime, type RuntimeOptions } from "../scheduler/runtime.js";
import { bytesAsSource } from "./bytes/byte-source.js";
import { arrowSource } from "./columns/arrow.js";
import { asText } from "./columns/as-text.js";
import type { DataSource } from "./columns/column.js";
import { openData } from "./columns/open.js";
import { type Row, rowsSource } from "./columns/rows.js";
import { type Deployment, deploy, rollback, toDeployment } from "./deployment/deployments.js";
import type { ServeOptions, Serving } from "./deployment/serving.js";
import { deployTarget } from "./deployment/target.js";
import type { Webhook, WebhookTarget } from "./deployment/webhook.js";
import type { AlignOptions } from "./drift/alignment.js";
import { type CompareOptions, compareData, compareToProfile } from "./drift/compare.js";
import type { DriftMonitor } from "./drift/monitor.js";
import type { Profile } from "./drift/profile.js";
import { type ProfileOptions, profileData } from "./drift/profiler.js";
import type { DriftReport } from "./drift/report.js";
import type { DriftOptions } from "./drift/rules.js";
import { countWindow, driftFromCounts, type WindowCounts } from "./drift/window-counts.js";
import { Announcer, type EngineEvents } from "./engine/announcer.js";
import { Publications } from "./engine/publications.js";
import { Watches, type WatchOptions } from "./engine/watches.js";
import { type LabelRequestSummary, requestSummary } from "./labels/request-json.js";
import type { BlendedModel, BlendRequest } from "./models/blended-file.js";
import type { ModelDifference } from "./models/difference.js";
import { type MonitorStatus, monitorStatuses } from "./models/monitors.js";
import type { GuessOptions, ParentGuess } from "./models/parentage.js";
import {
  type ModelPath,
  modelPath,
  type RelatedModel,
  relatedModels,
  type SharedModel,
  sharedModels,
} from "./models/relations.js";
import {
  type AddedModelVersion,
  type AddModelRequest,
  addModel,
  loadProfile,
  ScratchModels,
} from "./models.js";
import { kernelDeltas } from "./parameters/delta-rooms.js";
import type { AliasTrial } from "./repair/alias-trial.js";
import type { RepairContext } from "./repair/context.js";
import type { RepairAsked } from "./repair/known-labels.js";
import type { LabelDesk } from "./repair/label-desk.js";
import type { OpenTrial } from "./repair/open-trials.js";
import type { RepairResult, ResumeRequest } from "./repair/pipeline.js";
import type { RepairReport } from "./repair/report.js";
import type { RepairRun, RepairRunDetails } from "./repair/runs.js";
import type { TrialOptions, TrialState } from "./repair/trial.js";

export interface EngineOptions extends RuntimeOptions {
  /** Folder of the lineage store; without one, only drift can be computed. */
  readonly store?: string;
  /** Told of every deployment, also of those that another process made, or this one before it ended. */
  readonly webhooks?: readonly WebhookTarget[];
}

export interface AliasStatus extends Deployment {
  /** Whether the folder holds what the alias says; true without a folder. */
  readonly inSync: boolean;
}

export interface EngineStatus {
  readonly aliases: readonly AliasStatus[];
  readonly monitors: readonly MonitorStatus[];
  readonly repairs: readonly { readonly run: string; readonly step: string; readonly atMs: number }[];
  /** Those that have not ended. */
  readonly trials: readonly OpenTrial[];
  /** Those that wait for labels, newest first. */
  readonly labelRequests: readonly LabelRequestSummary[];
}

export class Engine extends EventEmitter<EngineEvents> {
  readonly runtime: Runtime;
  readonly #store: LineageStore | null;
  readonly #scratch: ScratchModels | null;
  readonly #announcer = new Announcer(this);
  readonly #watches: Watches;
  readonly #publications: Publications | null;
  #closing: Promise<void> | null = null;

  private constructor(runtime: Runtime, store: LineageStore | null, webhooks: readonly Webhook[]) {
    super();
    this.runtime = runtime;
    this.#store = store;
    this.#scratch = store === null ? null : new ScratchModels(store);
    this.#publications =
      store === null
        ? null
        : new Publications({ runtime, store, scratch: this.#scratch! }, webhooks, this.#announcer);
    this.#watches = new Watches(runtime, this.#announcer, {
      repair: (ref, request) => this.repair(ref, request),
      cancelRun: (run) => this.cancelRun(run),
      alarm: (monitor, window) => this.#publications?.alarm(monitor, window),
    });
  }

  /** @throws MendlineError MENDLINE_STORE_LOCKED, MENDLINE_STORE_VERSION, MENDLINE_KERNEL_LOAD, MENDLINE_ARGUMENT_INVALID */
  static async open(options: EngineOptions = {}): Promise<Engine> {
    const webhooks = await checkedWebhooks(options.webhooks ?? []);
    const runtime = await openRuntime(options);
    try {
      const store = options.store === undefined ? null : await openStore(options.store, runtime);
      return new Engine(runtime, store, webhooks);
    } catch (thrown) {
      await runtime.close();
      throw thrown;
    }
  }

  get store(): LineageStore {
    if (this.#closing !== null) throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "the engine is closed");
    if (this.#store !== null) return this.#store;
    throw noStore();
  }

  /**
   * Counts what is staged, waits for writes, and gives everything back, whatever fails on the way.
   *
   * @throws the first failure: of a step, of a window's report that could not be written while nobody listened for `error`
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const steps: (() => Promise<void> | undefined)[] = [
      ...this.#watches.closing(),
      ...(this.#publications?.closing() ?? []),
      () => this.#scratch?.close(),
      () => this.#store?.close(),
      () => this.runtime.close(),
    ];
    let failure: { readonly thrown: unknown } | null = null;
    for (const step of steps) {
      try {
        await step();
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
    failure = this.#announcer.untold ?? failure;
    if (failure !== null) throw failure.thrown;
  }

  // Data and drift

  /** @param path  a file, or `-` for standard input */
  async openData(
    path: string,
    { categorical = [], signal }: { categorical?: readonly string[]; signal?: AbortSignal } = {},
  ): Promise<DataSource> {
    const source = await openData(path, this.runtime.arena, { signal });
    return asText(source, categorical, this.runtime.arena);
  }

  /** An Arrow IPC stream or file in memory. */
  openArrow(bytes: Uint8Array, label = "arrow data"): Promise<DataSource> {
    return arrowSource(bytesAsSource(bytes, label), this.runtime.arena);
  }

  /** Row objects; they must not change while the source is in use. */
  openRows(rows: readonly Row[], label = "rows"): DataSource {
    return rowsSource(rows, label, this.runtime.arena);
  }

  profile(source: DataSource, options: ProfileOptions = {}): Promise<Profile> {
    return profileData(this.runtime, source, options);
  }

  drift(
    reference: DataSource | Profile,
    current: DataSource,
    options: CompareOptions = {},
  ): Promise<DriftReport> {
    return isProfile(reference)
      ? compareToProfile(this.runtime, reference, current, options)
      : compareData(this.runtime, reference, current, options);
  }

  /**
   * Live rows as whole numbers over a profile's grid, to be added to those of other processes (`mergeCounts`).
   *
   * @param profiles  one, or a model's own and then its ancestors', so that the same counts serve them all
   */
  count(
    profiles: Profile | readonly Profile[],
    source: DataSource,
    options: AlignOptions & { signal?: AbortSignal } = {},
  ): Promise<WindowCounts> {
    return countWindow(this.runtime, listOf(profiles), source, options);
  }

  /** The report of what was counted, wherever it was; of several profiles one each. */
  driftFromCounts(profile: Profile, counts: WindowCounts, options?: DriftOptions): DriftReport;
  driftFromCounts(profiles: readonly Profile[], counts: WindowCounts, options?: DriftOptions): DriftReport[];
  driftFromCounts(
    profiles: Profile | readonly Profile[],
    counts: WindowCounts,
    options: DriftOptions = {},
  ): DriftReport | DriftReport[] {
    const reports = driftFromCounts(this.runtime, listOf(profiles), counts, options);
    return Array.isArray(profiles) ? reports : reports[0]!;
  }

  // Lineage

  async addModel(request: AddModelRequest): Promise<AddedModelVersion> {
    return addModel(this.runtime, this.store, request);
  }

  async model(ref: string): Promise<ModelRecord> {
    return this.store.get(await this.store.resolve(ref));
  }

  models(): AsyncIterable<ModelRecord> {
    return this.store.models();
  }

  async derivations(ref: string): Promise<{ parents: DerivationRecord[]; children: DerivationRecord[] }> {
    const id = await this.store.resolve(ref);
    const children: DerivationRecord[] = [];
    for await (const child of this.store.children(id)) children.push(child);
    return { parents: await this.store.parents(id), children };
  }

  /** Versions of a name, in the order in which they were added. */
  async *versions(name: string, options: { signal?: AbortSignal } = {}): AsyncGenerator<ModelVersion> {
    yield* this.store.versionsOf(name, options);
  }

  /** Models by name, tags and metrics, oldest first. */
  async *search(
    filter: ModelFilter,
    options: { limit?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<ModelRecord> {
    yield* this.store.search(filter, options);
  }

  /** What a model was derived from: nearest first, then oldest first; see `RelativeOptions` for what can be asked of them. */
  async *ancestors(ref: string, options: RelativeOptions = {}): AsyncGenerator<RelatedModel> {
    yield* relatedModels(this.store, "parent", ref, options);
  }

  async *descendants(ref: string, options: RelativeOptions = {}): AsyncGenerator<RelatedModel> {
    yield* relatedModels(this.store, "child", ref, options);
  }

  /** The first of `ancestors` that the predicate accepts; null where there is none. */
  async nearestAncestor(
    ref: string,
    accepts: (model: ModelRecord, distance: number) => boolean | Promise<boolean>,
    options: RelativeOptions = {},
  ): Promise<NearestModel | null> {
    return this.store.nearestAncestor(await this.store.resolve(ref), accepts, options);
  }

  /** The shortest way from one model to another, up to a common ancestor and down from it; null where there is none. */
  async path(from: string, to: string, options: WalkBounds = {}): Promise<ModelPath | null> {
    return modelPath(this.store, from, to, options);
  }

  /** The lowest ancestors that all of 2 to 16 models have in common, nearest first. */
  async commonAncestors(
    refs: readonly string[],
    options: { signal?: AbortSignal } = {},
  ): Promise<SharedModel[]> {
    return sharedModels(this.store, refs, options);
  }

  /** Tensors, metrics and training data of two models side by side. */
  async difference(
    sourceRef: string,
    targetRef: string,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<ModelDifference> {
    const [source, target] = [await this.model(sourceRef), await this.model(targetRef)];
    const { modelDifference } = await import("./models/difference.js");
    return modelDifference(this.runtime, this.store, this.#scratch!, source, target, signal);
  }

  /** Whose child a model file may be, told from its weights; the store stays as it is. */
  async guessParent(file: string, options: GuessOptions = {}): Promise<ParentGuess> {
    const { store } = this;
    const { guessParent } = await import("./models/parentage.js");
    return guessParent(this.runtime, store, file, options);
  }

  /** Writes a blend of two model files to a third, whatever their size; see blended-file.ts for what it throws. No store is needed. */
  async blend(request: BlendRequest): Promise<BlendedModel> {
    const { blendModelFiles } = await import("./models/blended-file.js");
    return blendModelFiles(this.runtime, request);
  }

  async profileOf(ref: string): Promise<Profile | null> {
    return loadProfile(this.store, await this.model(ref));
  }

  /** Writes the model's file; verified before it takes the place of `path`. Of several files, a new folder. */
  async restore(ref: string, path: string): Promise<ModelRecord> {
    const model = await this.model(ref);
    await this.store.restoreFile(model.id, absolutePath(path));
    return model;
  }

  /**
   * Drops the parameters of models that the policy does not keep, and removes what nothing needs; open repairs keep theirs. The models
   * stay in the lineage. See garbage.ts for what it throws.
   */
  async collectGarbage(options: CollectOptions = {}): Promise<Collection> {
    const { neededByRepairs } = await import("./repair/needed.js");
    const needed = async () => [
      ...(await neededByRepairs(this.store)),
      ...((await options.needed?.()) ?? []),
    ];
    const collection = await this.store.collectGarbage({ ...options, needed });
    if (options.dryRun !== true) {
      const { removeSpentSlices } = await import("./repair/spent-slices.js");
      await removeSpentSlices(this.store);
    }
    return collection;
  }

  /**
   * Writes the whole store into one file while it is in use; `restoreBackup` makes a store of it. See backup.ts for what it throws.
   *
   * @param path  shows what was there until the backup is whole and on the disk
   */
  async backup(path: string, options: BackupOptions = {}): Promise<Backup> {
    return this.store.backup(absolutePath(path), options);
  }

  /** Writes the lineage in another tool's format; see export-lineage.ts for what it throws. */
  async exportLineage(request: ExportRequest): Promise<ExportSummary> {
    const [{ exportLineage }, { lineageMermaid }] = await Promise.all([
      import("../lineage-store/export/export-lineage.js"),
      import("./pages/lineage-text.js"),
    ]);
    return exportLineage(this.store, request, lineageMermaid);
  }

  /** Writes down what other tools' documents say of models; see import-lineage.ts for what it throws. */
  async importLineage(request: ImportRequest): Promise<ImportSummary> {
    const { importLineage } = await import("../lineage-store/import/import-lineage.js");
    return importLineage(this.store, request);
  }

  /** Signs a model version and the derivations that lead to it; see sign.ts for what it throws. */
  async signModel(ref: string, request: SignRequest): Promise<SignedModel> {
    const { signModel } = await import("../lineage-store/signing/sign.js");
    return signModel(this.store, await this.store.resolve(ref), request);
  }

  /** Reads every byte of a model's file against its hash. @throws MendlineError MENDLINE_STORE_CORRUPT, _DROPPED */
  async verifyParameters(ref: string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    const { checkBytes } = await import("../lineage-store/signing/sign.js");
    await checkBytes(this.store, await this.store.resolve(ref), signal);
  }

  /** Checks the signatures of a key; the parameters' bytes are not read. See verify.ts. */
  async verifySignatures(ref: string, request: VerifySignaturesRequest): Promise<SignatureReport> {
    const { verifySignatures } = await import("../lineage-store/signing/verify.js");
    return verifySignatures(this.store, await this.store.resolve(ref), request);
  }

  // Watching and mending

  /**
   * Attaches a drift monitor to a model or alias; its nearest ancestors that know its features by the same kinds are judged on the
   * same counts. Windows and the monitor's state are kept in the store: a monitor that is opened again, after a crash too, goes on where
   * its state was kept (`monitor.start`), unless the model or the windows are others. With `repair`, an alarm sets off a repair of what
   * `ref` stands for then.
   *
   * @throws MendlineError MENDLINE_ARGUMENT_INVALID  a monitor of that name is open
   */
  async monitor(ref: string, options: WatchOptions): Promise<DriftMonitor> {
    return this.#watches.open(this.store, ref, options);
  }

  /** Keeps the states of all monitors, with every row observed so far; resolves when they, and the windows before them, are durable. */
  async checkpoint(): Promise<void> {
    await this.#watches.checkpoint();
  }

  /**
   * The rows that the monitors of what `ref` stands for keep, with every row observed so far: a sample of the newest, for people to label,
   * or as the live data of a repair. See recent-pool.ts for what it throws.
   */
  async recentRows(ref: string): Promise<DataSource> {
    const context = this.#repairContext;
    await this.checkpoint();
    const { recentPool } = await import("./repair/recent-pool.js");
    return recentPool(context, await this.model(ref));
  }

  async repair(ref: string, asked: RepairAsked): Promise<RepairReport> {
    const context = this.#repairContext;
    const { repairModel } = await import("./repair/pipeline.js");
    const { askAfter } = await import("./repair/ask-labels.js");
    const { withKnownLabels } = await import("./repair/known-labels.js");
    const model = await this.model(ref);
    const result = await withKnownLabels(context, model, asked, async (request) =>
      askAfter(context, model, request, await repairModel(context, model, request)),
    );
    return await this.#told(result);
  }

  /** Goes on with a run that was broken off; of one that has ended, tells the end. @param run  the only one by default */
  async resume(run?: string, request: ResumeRequest = {}): Promise<RepairReport> {
    const context = this.#repairContext;
    const { resumeRepair } = await import("./repair/pipeline.js");
    return await this.#told(await resumeRepair(context, run ?? (await this.resumableRun()), request));
  }

  /** Repair runs, newest first. */
  async *runs(options: { limit?: number } = {}): AsyncGenerator<RepairRun> {
    const { store } = this;
    const { listRuns } = await import("./repair/runs.js");
    yield* listRuns(store, options);
  }

  async run(run: string): Promise<RepairRunDetails> {
    const { store } = this;
    const { describeRun } = await import("./repair/runs.js");
    return describeRun(store, run);
  }

  /** The model card of a run that has come to its end: Markdown with YAML front matter. See card.ts for what it throws. */
  async repairCard(run: string): Promise<string> {
    const { store } = this;
    const { repairCard } = await import("./repair/card.js");
    return repairCard(store, run);
  }

  /** The only run that can be resumed. @throws MendlineError MENDLINE_STORE_UNKNOWN, MENDLINE_STORE_AMBIGUOUS */
  async resumableRun(): Promise<string> {
    const { store } = this;
    const { onlyResumable } = await import("./repair/runs.js");
    return onlyResumable(store);
  }

  /** Ends a run that was broken off and will not be resumed, so that its alias is free. */
  async cancelRun(run: string): Promise<RepairRun> {
    const context = this.#repairContext;
    const { cancelRun } = await import("./repair/runs.js");
    return cancelRun(context, run);
  }

  /** Asking people for labels, and repairing again with what they say. */
  async labels(): Promise<LabelDesk> {
    const context = this.#repairContext;
    const { LabelDesk } = await import("./repair/label-desk.js");
    return new LabelDesk(context, {
      checkpoint: () => this.checkpoint(),
      refined: (refinement) => void this.#told(refinement),
    });
  }

  async deploy(ref: string, target: { alias: string; dir?: string }): Promise<Deployment> {
    const id = await this.store.resolve(ref);
    const deployment = await deploy(this.store, { ...target, id, reason: "deploy" });
    this.#published.deployed(deployment);
    return deployment;
  }

  async rollback(alias: string): Promise<Deployment> {
    const deployment = await rollback(this.store, alias);
    this.#published.deployed(deployment);
    return deployment;
  }

  /**
   * Serves an alias's model in this process, and changes it when the alias moves: loaded and warmed up beside the old one, swapped
   * between two calls, the old one disposed when its calls have ended. A change that fails is told as `error`, and the old one stays.
   *
   * @throws MendlineError MENDLINE_STORE_UNKNOWN  no such alias; MENDLINE_DEPLOY_FAILED  its model does not load
   */
  async serve<M>(alias: string, options: ServeOptions<M>): Promise<Serving<M>> {
    return this.#published.serve(alias, options);
  }

  /**
   * Tries a candidate beside what an alias serves, or what it serves beside what it served before: see trial.ts. The application runs both
   * models, and tells their answers and their losses, or leaves that to `trial.observe`; the alias moves, or goes back, when the losses
   * show which is better. While the alias's model is on trial, an alarm of a monitor of that model sends it back.
   *
   * @param candidate  REF; left out: the trial that is open goes on, else the alias's present model
   */
  async trial(
    alias: string,
    { candidate, ...options }: TrialOptions & { readonly candidate?: string } = {},
  ): Promise<AliasTrial> {
    const { store } = this;
    const id = candidate === undefined ? {} : { candidate: await store.resolve(candidate) };
    return this.#published.trial(alias, { ...options, ...id });
  }

  /** How the alias's newest trial stands; null where there was none. */
  async lastTrial(alias: string): Promise<TrialState | null> {
    return (await this.store.lastTrial(alias)) as TrialState | null;
  }

  async status(): Promise<EngineStatus> {
    const aliases: AliasStatus[] = [];
    for await (const entry of this.store.aliases()) aliases.push(await this.#aliasStatus(entry));
    const monitors: MonitorStatus[] = [];
    for await (const monitor of monitorStatuses(this.store)) monitors.push(monitor);
    const repairs = [];
    for await (const { runId, step, updatedMs } of this.store.listRuns({ limit: 20 })) {
      repairs.push({ run: runId, step, atMs: updatedMs });
    }
    const labelRequests: LabelRequestSummary[] = [];
    for await (const request of (await this.labels()).list()) {
      if (request.state === "open" || request.state === "partly-labelled")
        labelRequests.push(requestSummary(request));
    }
    const { openTrials } = await import("./repair/open-trials.js");
    const trials: OpenTrial[] = [];
    for await (const trial of openTrials(this.store)) trials.push(trial);
    return { aliases, monitors, repairs, trials, labelRequests };
  }

  get #repairContext(): RepairContext {
    return { runtime: this.runtime, store: this.store, scratch: this.#scratch! };
  }

  async #told({ report, deployment }: RepairResult): Promise<RepairReport> {
    if (deployment !== null) this.#published.deployed(deployment);
    this.#announcer.tell("repaired", report);
    return report;
  }

  get #published(): Publications {
    if (this.#publications === null) throw noStore();
    return this.#publications;
  }

  async #aliasStatus(entry: AliasEntry): Promise<AliasStatus> {
    const deployment = await toDeployment(this.store, entry);
    const inSync =
      entry.target === null || (await deployTarget(entry.target).isServing(await this.store.get(entry.id)));
    return { ...deployment, inSync };
  }
}

/** LevelDB and repairs load where they are asked for: most of the start of an engine that only compares data would be theirs. */
async function openStore(folder: string, { module }: Runtime): Promise<LineageStore> {
  const { LineageStore } = await import("../lineage-store/store.js");
  return LineageStore.open(folder, { deltas: kernelDeltas(module) });
}

async function checkedWebhooks(targets: readonly WebhookTarget[]): Promise<Webhook[]> {
  if (targets.length === 0) return [];
  const { Webhook } = await import("./deployment/webhook.js");
  return targets.map((target) => new Webhook(target));
}

function noStore(): MendlineError {
  return new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    "this engine has no store: open it with { store: DIR }",
  );
}

function listOf(profiles: Profile | readonly Profile[]): readonly Profile[] {
  return "features" in profiles ? [profiles] : profiles;
}

function isProfile(reference: DataSource | Profile): reference is Profile {
  return "features" in reference;
}

export function openEngine(options: EngineOptions = {}): Promise<Engine> {
  return Engine.open(options);
}
