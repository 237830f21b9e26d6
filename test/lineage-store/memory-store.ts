/**
 * The store's contract as simply as it can be said: arrays and maps, every question answered by looking at everything. The contract
 * suite holds for it, and random histories in the store on LevelDB are compared with it.
 */
import { createHash } from "node:crypto";
import type { ErrorCode } from "../../src/errors.js";
import { MendlineError } from "../../src/errors.js";
import { walkNodesMax } from "../../src/limits.js";
import { decodeRecord, encodeRecord } from "../../src/lineage-store/codec.js";
import type { ContractStore, ContractTransaction } from "../../src/lineage-store/contract/store.js";
import type { MonitorReport, MonitorState, RunStep, RunSummary } from "../../src/lineage-store/documents.js";
import { keyOf } from "../../src/lineage-store/keys.js";
import type { LineagePath, NearestModel, PathStep, RelativeOptions } from "../../src/lineage-store/reader.js";
import {
  checkDerivation,
  checkModel,
  type DerivationRecord,
  derivationFrom,
  derivationValue,
  type ModelLabel,
  type ModelRecord,
  modelFrom,
  modelValue,
  type NewDerivation,
  type NewModel,
} from "../../src/lineage-store/records.js";
import type { AliasChange, AliasEntry } from "../../src/lineage-store/refs.js";
import { checkAlias, checkHash, checkLabelPart, invalid } from "../../src/lineage-store/rules.js";
import { checkFilter, type ModelFilter } from "../../src/lineage-store/search.js";
import { transformations } from "../../src/lineage-store/transformations.js";

interface State {
  models: {
    readonly record: ModelRecord;
    readonly added: NewModel;
    readonly labels: readonly ModelLabel[];
  }[];
  labels: { readonly name: string; readonly version: string; readonly id: string; readonly atMs: number }[];
  edges: DerivationRecord[];
  aliases: AliasEntry[];
  runs: Map<string, RunStep[]>;
  reports: Map<string, MonitorReport[]>;
  monitors: Map<string, MonitorState>;
}

function copyOf(state: State): State {
  return {
    models: [...state.models],
    labels: [...state.labels],
    edges: [...state.edges],
    aliases: [...state.aliases],
    runs: new Map(state.runs),
    reports: new Map(state.reports),
    monitors: new Map(state.monitors),
  };
}

function refuse(code: ErrorCode, why: string): never {
  throw new MendlineError(code, why);
}

/** JSON as a record would give it back. */
function stored<T>(value: T): T {
  const key = keyOf("number", 0);
  return decodeRecord(key, encodeRecord(key, value)) as T;
}

function checked(signal: AbortSignal | undefined): void {
  if (signal?.aborted) refuse("MENDLINE_TASK_ABORTED", "cancelled");
}

const comparers = {
  "=": (left: number, right: number) => left === right,
  "<": (left: number, right: number) => left < right,
  "<=": (left: number, right: number) => left <= right,
  ">": (left: number, right: number) => left > right,
  ">=": (left: number, right: number) => left >= right,
};

class MemoryTransaction implements ContractTransaction {
  readonly state: State;
  readonly #atMs: number;
  readonly #hasObject: (hash: string) => boolean;

  constructor(state: State, atMs: number, hasObject: (hash: string) => boolean) {
    this.state = state;
    this.#atMs = atMs;
    this.#hasObject = hasObject;
  }

  find(id: string): ModelRecord | null {
    checkHash("id", id);
    return this.state.models.find(({ record }) => record.id === id)?.record ?? null;
  }

  #require(id: string): ModelRecord {
    return this.find(id) ?? refuse("MENDLINE_STORE_UNKNOWN", id);
  }

  idOfLabel(name: string, version: string): string | null {
    return this.state.labels.find((label) => label.name === name && label.version === version)?.id ?? null;
  }

  alias(alias: string): AliasEntry | null {
    return this.state.aliases.findLast((entry) => entry.alias === alias) ?? null;
  }

  addModel(model: NewModel): ReturnType<ContractTransaction["addModel"]> {
    checkModel(model);
    const { id, name, version } = model;
    const holder = this.idOfLabel(name, version);
    if (holder !== null && holder !== id) refuse("MENDLINE_STORE_CONFLICT", "label");
    const existing = this.find(id);
    const number = existing?.number ?? this.state.models.length;
    const key = keyOf("model", id);
    const { tensors, layout, ...rest } = model;
    const full = {
      ...{ signature: null, profile: null, task: null, metrics: {}, tags: {}, createdMs: this.#atMs },
      ...rest,
      ...{ tensorCount: tensors.length, segmentCount: layout.length, number },
    };
    const record = modelFrom(id, key, decodeRecord(key, encodeRecord(key, modelValue(full))));
    if (existing === null) {
      // The store on LevelDB finds this out when the commit is written.
      for (const { object } of [...tensors, ...layout])
        if (object !== null && !this.#hasObject(object)) refuse("MENDLINE_STORE_UNKNOWN", object);
      this.state.models.push({ record, added: model, labels: [] });
    }
    if (holder === null) {
      this.state.labels.push({ name, version, id, atMs: this.#atMs });
      const held = this.state.models[number]!;
      this.state.models[number] = { ...held, labels: [...held.labels, { name, version }] };
    }
    const compared = "format byteLength fileHash signature profile task metrics tags".split(
      " ",
    ) as (keyof ModelRecord)[];
    const ignored =
      existing === null
        ? []
        : compared.filter((field) => JSON.stringify(existing[field]) !== JSON.stringify(record[field]));
    return { id, isNew: existing === null, isNewLabel: existing !== null && holder === null, ignored };
  }

  addDerivation(derivation: NewDerivation): boolean {
    checkDerivation(derivation);
    const [parent, child] = [this.#require(derivation.parent).id, this.#require(derivation.child).id];
    const existing = this.state.edges.find((edge) => edge.parent === parent && edge.child === child);
    const createdMs = derivation.createdMs ?? existing?.createdMs ?? this.#atMs;
    const key = keyOf("derivation", 0, 0);
    const record = derivationFrom(
      key,
      decodeRecord(key, encodeRecord(key, derivationValue(derivation, createdMs))),
    );
    if (existing !== undefined) {
      const same = JSON.stringify({ ...record, createdMs: existing.createdMs }) === JSON.stringify(existing);
      return same ? false : refuse("MENDLINE_STORE_CONFLICT", "edge");
    }
    if (parent === child || distances(this.state, parent, "parent").has(child))
      refuse("MENDLINE_STORE_CYCLE", "circle");
    this.state.edges.push(record);
    return true;
  }

  setAlias(change: AliasChange): AliasEntry {
    checkAlias(change.alias);
    this.#require(change.id);
    const current = this.alias(change.alias);
    const previous = current?.id ?? null;
    if (change.expectedId !== undefined && change.expectedId !== previous)
      refuse("MENDLINE_STORE_CONFLICT", "alias");
    const entry: AliasEntry = {
      alias: change.alias,
      sequence: current === null ? 0 : current.sequence + 1,
      id: change.id,
      atMs: change.atMs ?? this.#atMs,
      reason: change.reason,
      run: change.run ?? null,
      target: change.target ?? null,
      previous,
    };
    this.state.aliases.push(entry);
    return entry;
  }

  appendRun(runId: string, step: string, data: unknown): number {
    const steps = this.state.runs.get(runId) ?? [];
    const index = steps.length;
    this.state.runs.set(runId, [
      ...steps,
      { index, step, atMs: this.#atMs, data: stored(data) as RunStep["data"] },
    ]);
    return index;
  }

  appendReport(monitorKey: string, report: unknown): void {
    const reports = this.state.reports.get(monitorKey) ?? [];
    const entry = {
      sequence: reports.length,
      atMs: this.#atMs,
      report: stored(report) as MonitorReport["report"],
    };
    this.state.reports.set(monitorKey, [...reports, entry]);
  }

  putMonitor(monitorKey: string, state: unknown): void {
    const sequence = (this.state.monitors.get(monitorKey)?.sequence ?? -1) + 1;
    const held = stored(state) as MonitorState["state"];
    this.state.monitors.set(monitorKey, { monitorKey, sequence, atMs: this.#atMs, state: held });
  }
}

/** Of everything that is reached, without the start, along the derivations that are wanted. */
function distances(
  { edges }: State,
  start: string,
  towards: "parent" | "child",
  wanted: readonly string[] = transformations,
): Map<string, number> {
  const from = towards === "parent" ? "child" : "parent";
  const found = new Map([[start, 0]]);
  for (const [current, distance] of found) {
    for (const edge of edges) {
      if (edge[from] !== current || found.has(edge[towards]) || !wanted.includes(edge.transformation))
        continue;
      found.set(edge[towards], distance + 1);
    }
  }
  found.delete(start);
  return found;
}

export class MemoryStore implements ContractStore {
  #state: State = {
    ...{ models: [], labels: [], edges: [], aliases: [] },
    ...{ runs: new Map(), reports: new Map(), monitors: new Map() },
  };
  readonly #objects = new Map<string, Uint8Array>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  async commit<T>(work: (transaction: ContractTransaction) => T): Promise<T> {
    const [value, state] = this.#try(work);
    this.#state = state;
    return value;
  }

  async rehearse<T>(work: (transaction: ContractTransaction) => T): Promise<T> {
    return this.#try(work)[0];
  }

  #try<T>(work: (transaction: ContractTransaction) => T): [T, State] {
    const state = copyOf(this.#state);
    return [work(new MemoryTransaction(state, this.#nowMs(), (hash) => this.#objects.has(hash))), state];
  }

  #require(id: string) {
    checkHash("id", id);
    return this.#state.models.find(({ record }) => record.id === id) ?? refuse("MENDLINE_STORE_UNKNOWN", id);
  }

  #order(id: string): number {
    return this.#require(id).record.number;
  }

  async get(id: string): Promise<ModelRecord> {
    return this.#require(id).record;
  }

  async find(id: string): Promise<ModelRecord | null> {
    return this.#state.models.find(({ record }) => record.id === id)?.record ?? null;
  }

  async parameters(id: string) {
    const { tensors, layout } = this.#require(id).added;
    return { tensors, layout };
  }

  async resolve(ref: string): Promise<string> {
    if (/^[0-9a-f]{8,64}$/i.test(ref)) {
      const prefix = ref.toLowerCase();
      const ids = this.#state.models.map(({ record }) => record.id).filter((id) => id.startsWith(prefix));
      if (ids.length > 1) refuse("MENDLINE_STORE_AMBIGUOUS", ref);
      return ids[0] ?? refuse("MENDLINE_STORE_UNKNOWN", ref);
    }
    const label = this.#state.labels.find(({ name, version }) => `${name}@${version}` === ref);
    return label?.id ?? (await this.alias(ref || "-"))?.id ?? refuse("MENDLINE_STORE_UNKNOWN", ref);
  }

  async idOfLabel(name: string, version: string): Promise<string | null> {
    return this.#state.labels.find((label) => label.name === name && label.version === version)?.id ?? null;
  }

  async *models({ signal }: { signal?: AbortSignal | undefined } = {}) {
    for (const { record } of this.#state.models) {
      checked(signal);
      yield record;
    }
  }

  async labelsOf(id: string): Promise<ModelLabel[]> {
    return [...this.#require(id).labels];
  }

  async *versionsOf(wanted: string, { signal }: { signal?: AbortSignal | undefined } = {}) {
    checkLabelPart("name", wanted);
    for (const { name, version, id, atMs } of this.#state.labels) {
      if (name !== wanted) continue;
      checked(signal);
      yield { version, id, atMs };
    }
  }

  #fits(record: ModelRecord, { name, tags = {}, metrics = [] }: ModelFilter): boolean {
    const named = name === undefined || this.#require(record.id).labels.some((label) => label.name === name);
    const tagged = Object.entries(tags).every(
      ([tag, text]) => Object.hasOwn(record.tags, tag) && record.tags[tag] === text,
    );
    return (
      named &&
      tagged &&
      metrics.every(
        ({ metric, comparison, value }) =>
          Object.hasOwn(record.metrics, metric) && comparers[comparison](record.metrics[metric]!, value),
      )
    );
  }

  async *search(
    filter: ModelFilter,
    { limit = Infinity, signal }: { limit?: number; signal?: AbortSignal | undefined } = {},
  ) {
    checkFilter(filter);
    const found = this.#state.models
      .map(({ record }) => record)
      .filter((record) => this.#fits(record, filter));
    for (const record of found.slice(0, limit)) {
      checked(signal);
      yield record;
    }
  }

  async *modelsLike(tensors: readonly { readonly name: string; readonly shape: readonly number[] }[]) {
    const formOf = (list: typeof tensors) =>
      JSON.stringify(list.map(({ name, shape }) => `${name} ${shape.join()}`).sort());
    const alike = this.#state.models.filter(
      ({ added }) => added.tensors.length > 0 && formOf(added.tensors) === formOf(tensors),
    );
    for (const { record } of alike.toReversed()) yield record;
  }

  async *derivations({ signal }: { signal?: AbortSignal | undefined } = {}) {
    const order = (edge: DerivationRecord) => this.#order(edge.parent) * 1e6 + this.#order(edge.child);
    for (const edge of this.#state.edges.toSorted((left, right) => order(left) - order(right))) {
      checked(signal);
      yield edge;
    }
  }

  async parents(id: string): Promise<DerivationRecord[]> {
    this.#require(id);
    return this.#state.edges.filter((edge) => edge.child === id);
  }

  async *children(id: string, { transformation, signal }: Parameters<ContractStore["children"]>[1] = {}) {
    this.#require(id);
    for (const edge of this.#state.edges) {
      if (edge.parent !== id || (transformation ?? edge.transformation) !== edge.transformation) continue;
      checked(signal);
      yield edge;
    }
  }

  ancestors(id: string, options: RelativeOptions = {}) {
    return this.#relatives("parent", id, options);
  }

  descendants(id: string, options: RelativeOptions = {}) {
    return this.#relatives("child", id, options);
  }

  async *#relatives(towards: "parent" | "child", id: string, options: RelativeOptions) {
    this.#require(id);
    checkFilter(options);
    for (const one of options.transformations ?? [])
      if (!transformations.includes(one)) throw invalid(one, "is none");
    const { maxDistance = Infinity, nodesMax = walkNodesMax, limit = Infinity, signal } = options;
    const within = [...distances(this.#state, id, towards, options.transformations)]
      .filter(([, distance]) => distance <= maxDistance)
      .sort(([left, near], [right, far]) => near - far || this.#order(left) - this.#order(right));
    if (within.length > nodesMax) refuse("MENDLINE_DATA_LIMIT", "nodes");
    const fitting = within.filter(([relative]) => this.#fits(this.#require(relative).record, options));
    for (const [relative, distance] of fitting.slice(0, limit)) {
      checked(signal);
      yield { id: relative, distance };
    }
  }

  nearestAncestor(...[id, accepts, options]: Parameters<ContractStore["nearestAncestor"]>) {
    return this.#nearest(this.ancestors(id, options), accepts);
  }

  nearestDescendant(...[id, accepts, options]: Parameters<ContractStore["nearestDescendant"]>) {
    return this.#nearest(this.descendants(id, options), accepts);
  }

  async #nearest(
    relatives: AsyncIterable<{ id: string; distance: number }>,
    accepts: (model: ModelRecord, distance: number) => boolean | Promise<boolean>,
  ): Promise<NearestModel | null> {
    for await (const { id, distance } of relatives) {
      const model = this.#require(id).record;
      if (await accepts(model, distance)) return { model, distance };
    }
    return null;
  }

  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    this.#require(ancestor);
    this.#require(descendant);
    return distances(this.#state, descendant, "parent").has(ancestor);
  }

  /** Every common ancestor with its distances from all, the models themselves included. */
  #common(ids: readonly string[]): { id: string; distances: number[] }[] {
    const all = ids.map((id) => distances(this.#state, this.#require(id).record.id, "parent").set(id, 0));
    return this.#state.models
      .map(({ record }) => ({ id: record.id, distances: all.map((one) => one.get(record.id) ?? Infinity) }))
      .filter((one) => one.distances.every(Number.isFinite));
  }

  async path(
    from: string,
    to: string,
    options: { maxDistance?: number; nodesMax?: number; signal?: AbortSignal | undefined } = {},
  ) {
    checked(options.signal);
    const sum = (one: { distances: number[] }) => one.distances[0]! + one.distances[1]!;
    const [apex] = this.#common([from, to]).sort((left, right) => sum(left) - sum(right));
    const known = new Set([
      ...distances(this.#state, from, "parent").keys(),
      ...distances(this.#state, to, "parent").keys(),
    ]);
    if (known.size > (options.nodesMax ?? Infinity)) refuse("MENDLINE_DATA_LIMIT", "nodes");
    if (apex === undefined || sum(apex) > (options.maxDistance ?? Infinity)) return null;
    const [up, down] = [this.#climb(from, apex.id), this.#climb(to, apex.id)];
    const steps: PathStep[] = [
      ...up.map((derivation): PathStep => ({ towards: "parent", derivation })),
      ...down.reverse().map((derivation): PathStep => ({ towards: "child", derivation })),
    ];
    const models = [from, ...steps.map(({ towards, derivation }) => derivation[towards])];
    return { models, commonAncestor: apex.id, steps } satisfies LineagePath;
  }

  /** The derivations from a model up to an ancestor: breadth first, the first way that is found. */
  #climb(start: string, target: string): DerivationRecord[] {
    const came = new Map<string, DerivationRecord>();
    let level = [start];
    while (!level.includes(target)) {
      const next: string[] = [];
      for (const id of level) {
        for (const edge of this.#state.edges.filter(({ child }) => child === id)) {
          if (edge.parent === start || came.has(edge.parent)) continue;
          came.set(edge.parent, edge);
          next.push(edge.parent);
        }
      }
      level = next.sort((left, right) => this.#order(left) - this.#order(right));
    }
    const way: DerivationRecord[] = [];
    for (let id = target; id !== start; id = way[0]!.child) way.unshift(came.get(id)!);
    return way;
  }

  async commonAncestors(
    ids: readonly string[],
    options: { nodesMax?: number; signal?: AbortSignal | undefined } = {},
  ) {
    checked(options.signal);
    if (ids.length < 2) throw invalid("common ancestors", "of one");
    const common = this.#common(ids);
    const known = ids.reduce((count, id) => count + distances(this.#state, id, "parent").size + 1, 0);
    if (known > (options.nodesMax ?? Infinity)) refuse("MENDLINE_DATA_LIMIT", "nodes");
    const sum = (list: readonly number[]) => list.reduce((total, distance) => total + distance, 0);
    return common
      .filter(({ id }) => !common.some((other) => distances(this.#state, other.id, "parent").has(id)))
      .sort((left, right) => sum(left.distances) - sum(right.distances));
  }

  async alias(alias: string): Promise<AliasEntry | null> {
    return this.#state.aliases.findLast((entry) => entry.alias === alias) ?? null;
  }

  async *aliasHistory(alias: string) {
    yield* this.#state.aliases.filter((entry) => entry.alias === alias).toReversed();
  }

  async *aliases() {
    const names = [...new Set(this.#state.aliases.map(({ alias }) => alias))].sort();
    for (const name of names) yield (await this.alias(name))!;
  }

  async run(runId: string): Promise<RunStep[]> {
    return this.#state.runs.get(runId) ?? refuse("MENDLINE_STORE_UNKNOWN", runId);
  }

  async *listRuns({ limit = Infinity }: { limit?: number } = {}): AsyncGenerator<RunSummary> {
    for (const [runId, steps] of [...this.#state.runs].toReversed().slice(0, limit)) {
      const [first, last] = [steps[0]!, steps.at(-1)!];
      yield { runId, step: last.step, stepCount: steps.length, createdMs: first.atMs, updatedMs: last.atMs };
    }
  }

  async *reports(monitorKey: string, { limit = Infinity }: { limit?: number } = {}) {
    yield* (this.#state.reports.get(monitorKey) ?? []).toReversed().slice(0, limit);
  }

  async monitor(monitorKey: string): Promise<MonitorState | null> {
    return this.#state.monitors.get(monitorKey) ?? null;
  }

  async *listMonitors() {
    for (const key of [...this.#state.monitors.keys()].sort()) yield this.#state.monitors.get(key)!;
  }

  async putObject(chunks: AsyncIterable<Uint8Array> | Uint8Array) {
    const pieces: Uint8Array[] = [];
    if (chunks instanceof Uint8Array) pieces.push(chunks);
    else for await (const chunk of chunks) pieces.push(chunk);
    const bytes = Buffer.concat(pieces);
    const hash = createHash("sha256").update(bytes).digest("hex");
    this.#objects.set(hash, bytes);
    return { hash, byteLength: bytes.length };
  }

  async hasObject(hash: string): Promise<boolean> {
    return this.#objects.has(hash);
  }

  async *readObject(hash: string): AsyncGenerator<Uint8Array> {
    yield this.#objects.get(hash) ?? refuse("MENDLINE_STORE_UNKNOWN", hash);
  }

  async readObjectBytes(hash: string, byteLengthMax: number): Promise<Uint8Array> {
    const bytes = this.#objects.get(hash) ?? refuse("MENDLINE_STORE_UNKNOWN", hash);
    return bytes.length > byteLengthMax ? refuse("MENDLINE_DATA_LIMIT", hash) : bytes;
  }
}
