/**
 * What MLflow's JSON says: runs (`mlflow runs describe`, and the answers of runs/get and runs/search) and model versions (the answers of
 * model-versions/get, model-versions/search and registered-models/search).
 * Source: https://mlflow.org/docs/latest/rest-api.html
 *
 *     a model version   an external model of its name and version, with the metrics of the run that made it
 *     a run             an external model `runs:/<run id>`, unless a model version came from it
 *     a nested run      (tag mlflow.parentRunId) declared to be derived from its parent run: MLflow has no parent of a model
 *
 * Two tags of ours say more, on a run or on a model version: `mendline.id`, the content hash; `mendline.transformation`, the kind.
 */
import type { ExternalName, NewExternal } from "../declared.js";
import { isHash } from "../rules.js";
import { type Transformation, transformations } from "../transformations.js";
import { type Foreign, kindOf, malformed } from "./foreign.js";
import type { Statements } from "./statements.js";

interface Run {
  readonly id: string;
  readonly parent: string | null;
  readonly transformation: Transformation;
  readonly hash: string | null;
  readonly createdMs: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly document: string;
}

interface Version {
  readonly name: string;
  readonly version: string;
  readonly runId: string | null;
  readonly hash: string | null;
  readonly createdMs: number | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly document: string;
}

/** Documents that belong together: a run may stand in another file than its parent or its model version. */
export class MlflowDocuments {
  readonly #runs = new Map<string, Run>();
  readonly #versions: Version[] = [];
  readonly #versionsByRun = new Map<string, Version[]>();

  /** @throws MendlineError MENDLINE_DATA_MALFORMED  neither runs nor model versions, or a member of the wrong type */
  add(root: Foreign, document: string): void {
    const runs = root.has("runs") ? root.list("runs") : root.has("run") ? [root.inner("run")] : [];
    if (root.has("info")) runs.push(root);
    const versions = root.list("model_versions");
    if (root.has("model_version")) versions.push(root.inner("model_version"));
    for (const model of root.list("registered_models")) versions.push(...model.list("latest_versions"));
    if (
      ["runs", "run", "info", "model_versions", "model_version", "registered_models"].every(
        (name) => !root.has(name),
      )
    )
      throw malformed(
        root.place,
        "there is neither a run nor a model version: give the JSON of `mlflow runs describe` or of the REST API",
      );
    for (const run of runs) this.#addRun(run, document);
    for (const version of versions) this.#addVersion(versionFrom(version, document));
  }

  #addVersion(version: Version): void {
    this.#versions.push(version);
    if (version.runId === null) return;
    const others = this.#versionsByRun.get(version.runId);
    if (others === undefined) this.#versionsByRun.set(version.runId, [version]);
    else others.push(version);
  }

  #addRun(run: Foreign, document: string): void {
    const info = run.inner("info");
    // What was deleted there is no lineage here.
    if (info.textOrNull("lifecycle_stage") === "deleted") return;
    const data = run.has("data") ? run.inner("data") : null;
    const tags = data === null ? {} : pairs(data, "tags", text);
    const id = info.has("run_id") ? info.text("run_id") : info.text("run_uuid");
    this.#runs.set(id, {
      id,
      parent: own(tags, "mlflow.parentRunId"),
      transformation: kindTag(info, tags),
      hash: hashTag(info, tags),
      createdMs: timeOf(info, "start_time"),
      metrics: data === null ? {} : finite(pairs(data, "metrics", (place, value) => number(place, value))),
      params: data === null ? {} : pairs(data, "params", text),
      tags: userTags(tags),
      document,
    });
  }

  statements(): Statements {
    const externals = [
      ...this.#versions.map((version) => this.#versionExternal(version)),
      ...[...this.#runs.values()].filter(({ id }) => this.#versionsOf(id).length === 0).map(runExternal),
    ];
    const declarations = [...this.#runs.values()].flatMap((run) => this.#declarations(run));
    return { externals, declarations };
  }

  #versionsOf(runId: string): readonly Version[] {
    return this.#versionsByRun.get(runId) ?? [];
  }

  #versionExternal(version: Version): NewExternal {
    const run = version.runId === null ? undefined : this.#runs.get(version.runId);
    return {
      ...nameOf(version),
      hash: version.hash ?? run?.hash ?? null,
      metrics: run?.metrics ?? {},
      tags: { ...paramTags(run?.params ?? {}), ...run?.tags, ...version.tags },
      createdMs: version.createdMs,
      document: version.document,
    };
  }

  #declarations(run: Run): Statements["declarations"] {
    if (run.parent === null) return [];
    const parent = this.#node(run.parent);
    const versions = this.#versionsOf(run.id);
    const children = versions.length === 0 ? [runName(run.id)] : versions.map(nameOf);
    return children.map((child) => ({
      child,
      parent,
      transformation: run.transformation,
      // Text without exception there: what mendline checks by name has types.
      parameters: { relation: "mlflow.parentRunId", params: run.params },
      metrics: run.metrics,
      document: run.document,
    }));
  }

  /** The model version that came from a run, where there is just one. */
  #node(runId: string): ExternalName {
    const [version, ...others] = this.#versionsOf(runId);
    return version !== undefined && others.length === 0 ? nameOf(version) : runName(runId);
  }
}

function runName(runId: string): ExternalName {
  return { source: "mlflow", name: `runs:/${runId}`, version: null };
}

function nameOf({ name, version }: Version): ExternalName {
  return { source: "mlflow", name, version };
}

function runExternal(run: Run): NewExternal {
  const { hash, metrics, createdMs, document } = run;
  return {
    ...runName(run.id),
    hash,
    metrics,
    tags: { ...paramTags(run.params), ...run.tags },
    createdMs,
    document,
  };
}

function versionFrom(version: Foreign, document: string): Version {
  const tags = pairs(version, "tags", text);
  const told = version.value("version");
  return {
    name: version.text("name"),
    version: typeof told === "number" ? String(told) : version.text("version"),
    runId: version.textOrNull("run_id") || null,
    hash: hashTag(version, tags),
    createdMs: timeOf(version, "creation_timestamp"),
    tags: userTags(tags),
    document,
  };
}

/** `{"name": value}`, as `mlflow runs describe` writes it, or `[{"key": name, "value": value}]`, as the REST API does. */
function pairs<T>(
  holder: Foreign,
  name: string,
  read: (holder: Foreign, name: string) => T,
): Record<string, T> {
  const value = holder.value(name) ?? [];
  if (Array.isArray(value))
    return Object.fromEntries(holder.list(name).map((pair) => [pair.text("key"), read(pair, "value")]));
  const members = holder.inner(name);
  return Object.fromEntries(members.names().map((key) => [key, read(members, key)]));
}

function text(holder: Foreign, name: string): string {
  return holder.textOrNull(name) ?? "";
}

/** NaN and infinite come as text or as null. */
function number(holder: Foreign, name: string): number {
  const value = holder.value(name);
  if (typeof value === "number") return value;
  if (value == null || typeof value === "string") return Number.NaN;
  throw holder.malformed(name, `is ${kindOf(value)}, not a number`);
}

function finite(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)));
}

/** Milliseconds since 1970; 64-bit numbers come as text from some servers. */
function timeOf(holder: Foreign, name: string): number | null {
  const value = holder.value(name);
  const ms = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof ms === "number" && Number.isSafeInteger(ms) && ms >= 0 ? ms : null;
}

function own(tags: Readonly<Record<string, string>>, name: string): string | null {
  return (Object.hasOwn(tags, name) && tags[name]) || null;
}

function hashTag(holder: Foreign, tags: Readonly<Record<string, string>>): string | null {
  const told = own(tags, "mendline.id");
  if (told === null || isHash(told)) return told;
  throw malformed(
    holder.place,
    `has a tag mendline.id that is ${kindOf(told)}, no sha256 of 64 lower-case hex digits`,
  );
}

function kindTag(info: Foreign, tags: Readonly<Record<string, string>>): Transformation {
  const told = own(tags, "mendline.transformation") ?? "other";
  const kind = transformations.find((transformation) => transformation === told);
  if (kind !== undefined) return kind;
  throw malformed(
    info.place,
    `has a tag mendline.transformation that is ${kindOf(told)}, not one of ${transformations.join(", ")}`,
  );
}

/** Without MLflow's notes to itself, and without ours. */
function userTags(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => !/^(?:mlflow|mendline)\./.test(name)));
}

function paramTags(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [`param:${name}`, value]));
}
