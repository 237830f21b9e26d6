/** Model versions in the store: adding a file with what it was trained on, and taking profiles and files out again. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { MendlineError } from "../errors.js";
import { profileBytesMax } from "../limits.js";
import type { ModelRecord, ModelTask, NewDerivation, NewModel } from "../lineage-store/records.js";
import type { LineageStore } from "../lineage-store/store.js";
import type { Transaction } from "../lineage-store/transaction.js";
import type { Runtime } from "../scheduler/runtime.js";
import type { DataSource } from "./columns/column.js";
import { hasFractions } from "./columns/fractions.js";
import { compareToProfile } from "./drift/compare.js";
import { type Profile, profileFromBytes, profileSignature, profileToBytes } from "./drift/profile.js";
import { profileData } from "./drift/profiler.js";
import type { DriftReport } from "./drift/report.js";
import { type ParentLink, resolvedLinks } from "./models/links.js";
import { parentDoubts } from "./models/parentage.js";
import { privateTags } from "./models/private-columns.js";
import { contentId, contentIdOf } from "./parameters/identity.js";
import { withUnchangedModel } from "./parameters/open-files.js";
import { openParameterFile } from "./parameters/parameter-file.js";
import { type ParameterFile, segments, type TensorEntry } from "./parameters/tensor-index.js";
import { tensorOrigins } from "./parameters/tensor-origins.js";

export interface AddModelRequest {
  readonly file: string;
  /** Whether an ONNX model may keep its values in other files of its folder. */
  readonly externalData?: boolean | undefined;
  readonly name: string;
  readonly version: string;
  readonly parents?: readonly ParentLink[];
  /** What it was trained on: the data, or a profile of it. */
  readonly trainingData?: DataSource;
  readonly profile?: Profile;
  /** Inputs in order; the profile's features (without the label) by default. */
  readonly features?: readonly string[];
  readonly label?: string;
  /** Told by the training data's labels by default: those with fractions are a regression's. */
  readonly task?: ModelTask["kind"];
  readonly bins?: number;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly tags?: Readonly<Record<string, string>>;
  /** Features whose values must not be kept, of this model and all that descend from it; see private-columns.ts. */
  readonly privateColumns?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface AddedModelVersion {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly parents: readonly string[];
  /** False: these parameters were in the store already. */
  readonly isNew: boolean;
  /** What speaks against it, though it was added: a parent whose weights have nothing in common with the model's. */
  readonly warnings: readonly string[];
}

/** @throws MendlineError MENDLINE_MODEL_*, MENDLINE_DATA_*, MENDLINE_STORE_*; the store is then as it was */
export async function addModel(
  runtime: Runtime,
  store: LineageStore,
  request: AddModelRequest,
): Promise<AddedModelVersion> {
  const { externalData } = request;
  const file = await openParameterFile(request.file, { externalData });
  if (file.shards !== undefined && file.format === "safetensors") {
    throw new MendlineError(
      "MENDLINE_MODEL_FORMAT",
      `${request.file} is an index of ${file.shards.length} shards, and the store takes a model as one file: save it unsharded (it can be blended as it is: \`mendline model blend\`)`,
    );
  }
  if (file.tensors.length === 0) {
    throw new MendlineError(
      "MENDLINE_MODEL_FORMAT",
      `${request.file} holds no parameters: there is nothing to track`,
    );
  }
  const parents = await resolvedLinks(store, request.parents ?? []);
  const profile = await profileOf(runtime, request);
  const derivations: Omit<NewDerivation, "child">[] = [];
  for (const { parent, transformation, parameters, metrics } of parents) {
    derivations.push({
      parent,
      transformation,
      parameters,
      metrics: metrics ?? request.metrics ?? {},
      distribution: await distributionOf(runtime, store, parent, profile, request.trainingData),
    });
  }
  const task = await taskOf(runtime, request, profile);
  const record = {
    name: request.name,
    version: request.version,
    format: file.format,
    task,
    metrics: request.metrics ?? {},
    tags: { ...request.tags, ...privateTags(request.privateColumns, task?.features ?? []) },
  };
  const add = (tx: Transaction, id: string, stored: StoredParts) => {
    const added = tx.addModel({ id, ...record, ...stored });
    for (const derivation of derivations) tx.addDerivation({ ...derivation, child: id });
    return added.isNew;
  };
  // What the commit would refuse is refused before any object is written for it. The id is known when the file has been read: only for a
  // name and version that are taken is it read twice.
  const isTaken = (await store.idOfLabel(request.name, request.version)) !== null;
  const rehearsedId = isTaken ? await contentId(file) : noParts.fileHash;
  await store.rehearse((tx) => add(tx, rehearsedId, noParts));
  const warnings = await parentDoubts(store, file, parents);
  const parentIds = parents.map(({ parent }) => parent);
  const { id, ...stored } = await storeFile(store, file, { parentIds, signal: request.signal });
  const profileObject = profile === null ? null : await store.putObject(profileToBytes(profile));
  const signature = profile === null ? null : profileSignature(profile);
  const isNew = await store.commit((tx) =>
    add(tx, id, { ...stored, signature, profile: profileObject?.hash ?? null }),
  );
  const kept = isNew ? null : taskDoubt(await store.get(id), request.task);
  const told = kept === null ? warnings : [...warnings, kept];
  return { id, name: request.name, version: request.version, parents: parentIds, isNew, warnings: told };
}

/** A model that is there keeps its record, whatever is said of it the second time. */
function taskDoubt({ task }: ModelRecord, asked: AddModelRequest["task"]): string | null {
  if (asked === undefined || task === null || task.kind === asked) return null;
  return `it was in the store already, and its task stays ${task.kind}`;
}

type StoredParts = Pick<
  NewModel,
  "byteLength" | "fileHash" | "files" | "layout" | "tensors" | "signature" | "profile"
>;

const noParts: StoredParts = {
  byteLength: 0,
  fileHash: "0".repeat(64),
  layout: [],
  tensors: [],
  signature: null,
  profile: null,
};

/**
 * Puts a model file's pieces as objects, and tells its id and how the store records it.
 *
 * @param parentIds  models whose tensors of the same name, type and shape may serve as bases of deltas
 */
export async function storeFile(
  store: LineageStore,
  file: ParameterFile,
  { parentIds = [], signal }: { parentIds?: readonly string[]; signal?: AbortSignal | undefined } = {},
) {
  const originOf = tensorOrigins(file, await Promise.all(parentIds.map((id) => store.parameters(id))));
  const pieces = segments(file).map((segment) =>
    segment.tensor === null ? segment : { ...segment, origin: originOf(segment.tensor) },
  );
  const { path, shards } = file;
  const added =
    shards === undefined
      ? await store.addFile(path, pieces, signal)
      : await withUnchangedModel(file, ({ read }) =>
          store.addParts({ path, parts: shards, read }, pieces, signal),
        );
  const hashOf = ({ name, inline }: TensorEntry) => added.tensorObjects.get(name) ?? sha256Of(inline);
  return {
    id: contentIdOf(file.tensors, hashOf),
    byteLength: added.byteLength,
    fileHash: added.fileHash,
    ...(added.files !== undefined && { files: added.files }),
    layout: added.layout,
    tensors: file.tensors.map(({ name, dtype, shape, byteLength }) => ({
      name,
      dtype,
      shape,
      byteLength,
      object: added.tensorObjects.get(name) ?? null,
    })),
  };
}

/** Tensors that have no bytes of their own in the file: values written out otherwise, or none. */
function sha256Of(inline: Uint8Array | null): string {
  return createHash("sha256")
    .update(inline ?? new Uint8Array(0))
    .digest("hex");
}

async function profileOf(runtime: Runtime, request: AddModelRequest): Promise<Profile | null> {
  const { trainingData, profile, features, label, bins, signal } = request;
  if (trainingData !== undefined && profile !== undefined) {
    throw new MendlineError("MENDLINE_ARGUMENT_INVALID", "give the training data or its profile, not both");
  }
  if (trainingData === undefined) return profile ?? null;
  const all = trainingData.fields.map((field) => field.name).filter((name) => name !== label);
  return profileData(runtime, trainingData, { features: features ?? all, bins, signal });
}

async function taskOf(
  runtime: Runtime,
  { features, label, task, trainingData, signal }: AddModelRequest,
  profile: Profile | null,
): Promise<ModelTask | null> {
  const inputs =
    features ?? (profile === null ? null : [...profile.features.keys()].filter((name) => name !== label));
  if (inputs === null) return null;
  const tells = task === undefined && label !== undefined && trainingData !== undefined;
  const isMeasured = tells && (await hasFractions(trainingData, label, runtime.arena, signal));
  const kind = task ?? (isMeasured ? "regression" : "classification");
  return { features: inputs, label: label ?? null, kind };
}

/** Training-distribution characteristics of an edge: the child's moments and, where the data is at hand, its drift against the parent's. */
async function distributionOf(
  runtime: Runtime,
  store: LineageStore,
  parent: string,
  profile: Profile | null,
  trainingData: DataSource | undefined,
) {
  if (profile === null) return null;
  const moments = Array.from(profile.features, ([name, feature]) =>
    feature.kind === "numeric"
      ? { name, ...finiteMoments(feature.moments) }
      : { name, categories: feature.categories.length },
  );
  const parentProfile = await loadProfile(store, await store.get(parent));
  if (trainingData === undefined || parentProfile === null) return { moments, drift: null };
  const shared = Array.from(parentProfile.features)
    .filter(([name, { kind }]) => profile.features.get(name)?.kind === kind)
    .map(([name]) => name);
  if (shared.length === 0) return { moments, drift: null };
  const report = await compareToProfile(runtime, parentProfile, trainingData, { features: shared });
  return { moments, drift: driftSummary(report) };
}

/** JSON has no infinities: a feature without finite values has no extremes. */
function finiteMoments(moments: { count: number; min: number; max: number }): Record<string, unknown> {
  return moments.count === 0 ? { ...moments, min: null, max: null } : { ...moments };
}

/** The figures of a report without its counts; of what drifted, the sentence that says what moved. */
export function driftSummary(report: DriftReport) {
  const features = Object.entries(report.features).map(([name, { verdict, psi, ks, kl, explanation }]) => ({
    name,
    verdict,
    psi,
    ks,
    kl,
    ...(verdict === "drift" && { moved: explanation.sentence }),
  }));
  return { verdict: report.verdict, rows: report.rows, features };
}

/** The reference profile of a stored model; null where it was added without one. */
export async function loadProfile(store: LineageStore, model: ModelRecord): Promise<Profile | null> {
  if (model.profile === null) return null;
  const bytes = await store.readObjectBytes(model.profile, profileBytesMax);
  return profileFromBytes(bytes, `the profile of ${model.name}@${model.version}`);
}

/**
 * Stored models as files, for whatever reads parameters by path; one scratch folder, removed on close. It lies in the store's tmp/,
 * which every opening empties: a process that dies leaves nothing behind for good.
 */
export class ScratchModels {
  readonly #store: LineageStore;
  readonly #files = new Map<string, Promise<ParameterFile>>();
  #dir: Promise<string> | null = null;

  constructor(store: LineageStore) {
    this.#store = store;
  }

  async path(name: string): Promise<string> {
    return join(await this.dir(), name);
  }

  /** Readable by this user only. */
  dir(): Promise<string> {
    this.#dir ??= mkdtemp(join(this.#store.dir, "tmp", "models-"));
    return this.#dir;
  }

  /** The model's file, restored and verified once. */
  file(model: ModelRecord): Promise<ParameterFile> {
    let file = this.#files.get(model.id);
    if (file === undefined) {
      file = this.#restore(model);
      this.#files.set(model.id, file);
      // A full disk may have room the next time.
      file.catch(() => this.#files.delete(model.id));
    }
    return file;
  }

  async close(): Promise<void> {
    if (this.#dir !== null) await rm(await this.#dir, { recursive: true, force: true });
    this.#dir = null;
    this.#files.clear();
  }

  async #restore(model: ModelRecord): Promise<ParameterFile> {
    const target = await this.path(`${model.id}.${model.format}`);
    const path = await this.#store.restoreFile(model.id, target);
    // Whoever added it allowed that.
    return openParameterFile(path, { externalData: model.files !== undefined });
  }
}
