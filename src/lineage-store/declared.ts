/**
 * What other tools' documents say of models: external models, of which no parameters are held, and what they are said to be derived
 * from. Hearsay, kept apart from models and derivations: no walk, no repair and no check of the lineage follows it.
 *
 *     external model   its id is a hash of who named it and how; what is said of it is a log whose last entry counts
 *     declaration      external child -> external parent, in the words of one document
 *
 * An external model stands for a model of the store once there is one with the content hash that it was said to have, or else one
 * with its name and version (a name without a version: the only version of it). That is found out when it is asked.
 */
import { hash } from "node:crypto";
import { externalNameLengthMax } from "../limits.js";
import { corrupt, type Json, JsonDocument, type Stored } from "./codec.js";
import type { Database, RecordReader } from "./database.js";
import { Fields, hashBytes } from "./fields.js";
import { keyOf, partsOf, prefixOf, rangeOf } from "./keys.js";
import { findModel, idOfLabel, labelsOf, versionsOf } from "./models.js";
import type { ModelRecord } from "./records.js";
import {
  checkCount,
  checkHash,
  checkLongText,
  checkMetrics,
  checkObject,
  checkOneOf,
  checkTags,
  invalid,
  isLabelPart,
} from "./rules.js";
import { type Transformation, transformations } from "./transformations.js";
import { nextPlace } from "./walk.js";

export const externalSources = ["huggingface", "mlflow"] as const;
/** Whose names these are. */
export type ExternalSource = (typeof externalSources)[number];

export interface ExternalName {
  readonly source: ExternalSource;
  readonly name: string;
  readonly version: string | null;
}

export interface NewExternal extends ExternalName {
  /** The content hash that the model is said to have: the id under which the store would know it. */
  readonly hash?: string | null;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly tags?: Readonly<Record<string, string>>;
  /** When the model was made, where the document says so. */
  readonly createdMs?: number | null;
  /** sha256 of the document. */
  readonly document: string;
}

export interface ExternalRecord extends ExternalName {
  readonly id: string;
  readonly hash: string | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdMs: number | null;
  readonly document: string;
  readonly atMs: number;
}

export interface NewDeclaration {
  readonly child: ExternalName;
  readonly parent: ExternalName;
  readonly transformation: Transformation;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly document: string;
}

export interface DeclarationRecord {
  /** Ids of external models. */
  readonly child: string;
  readonly parent: string;
  readonly transformation: Transformation;
  readonly parameters: Readonly<Record<string, Json>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly document: string;
  readonly atMs: number;
}

export interface Resolution {
  /** The model of the store. */
  readonly id: string;
  /** A name can be given to anything, a content hash cannot. */
  readonly by: "hash" | "name";
}

export function externalId({ source, name, version }: ExternalName): string {
  return hash("sha256", JSON.stringify(["external model", source, name, version]));
}

export function checkExternalName({ source, name, version }: ExternalName): void {
  checkOneOf("source", source, externalSources);
  checkLongText("external model", name, externalNameLengthMax);
  if (version !== null) checkLongText("version", version, externalNameLengthMax);
}

export function checkExternal(external: NewExternal): void {
  checkExternalName(external);
  if (external.hash != null) checkHash("content hash", external.hash);
  checkMetrics("metric", external.metrics ?? {});
  checkTags(external.tags ?? {});
  checkCount("createdMs", external.createdMs ?? 0);
  checkHash("document", external.document);
}

export function checkDeclaration(declaration: NewDeclaration): void {
  checkExternalName(declaration.child);
  checkExternalName(declaration.parent);
  checkOneOf("transformation", declaration.transformation, transformations);
  checkObject("parameters", declaration.parameters ?? {});
  checkMetrics("metric", declaration.metrics ?? {});
  checkHash("document", declaration.document);
  if (externalId(declaration.child) === externalId(declaration.parent))
    throw invalid(`the model ${JSON.stringify(declaration.child.name)}`, "is said to be its own parent");
}

export function externalValue(external: NewExternal, atMs: number): Record<string, unknown> {
  const { source, name, version, hash: content = null, createdMs = null } = external;
  return {
    source,
    name,
    version,
    hash: content === null ? null : hashBytes(content),
    metrics: external.metrics ?? {},
    tags: external.tags ?? {},
    createdMs,
    document: hashBytes(external.document),
    atMs,
  };
}

function externalFrom(id: string, key: Buffer, value: Stored | undefined): ExternalRecord {
  const fields = new Fields(key, value);
  return {
    id,
    source: fields.oneOf("source", externalSources),
    name: fields.text("name"),
    version: fields.textOrNull("version"),
    hash: fields.hashOrNull("hash"),
    metrics: fields.numbers("metrics"),
    tags: fields.texts("tags"),
    createdMs: fields.isNull("createdMs") ? null : fields.number("createdMs"),
    document: fields.hash("document"),
    atMs: fields.number("atMs"),
  };
}

export function declarationValue(declaration: NewDeclaration, atMs: number): Record<string, unknown> {
  return {
    parent: hashBytes(externalId(declaration.parent)),
    transformation: declaration.transformation,
    parameters: new JsonDocument(declaration.parameters ?? {}),
    metrics: declaration.metrics ?? {},
    document: hashBytes(declaration.document),
    atMs,
  };
}

/** What was last said of an external model; null where nothing was. */
export function findExternal(reader: RecordReader, id: string): ExternalRecord | null {
  const count = nextPlace(reader, (sequence) => keyOf("external", id, sequence));
  if (count === 0) return null;
  const key = keyOf("external", id, count - 1);
  return externalFrom(id, key, reader.read(key));
}

/** By id. */
export async function* allExternals(database: Database): AsyncGenerator<ExternalRecord> {
  let last: string | null = null;
  for await (const key of database.keys(rangeOf(prefixOf("external")))) {
    const [id] = partsOf("external", key);
    if (id === last) continue;
    last = id;
    const external = findExternal(database, id);
    if (external !== null) yield external;
  }
}

/** What an external model is said to be derived from; of several sayings about one parent the last. */
export function declarationsOf(reader: RecordReader, child: string): DeclarationRecord[] {
  const byParent = new Map<string, DeclarationRecord>();
  for (let place = 0; ; place++) {
    const key = keyOf("declaration", child, place);
    const value = reader.read(key);
    if (value === undefined) return [...byParent.values()];
    const declaration = declarationFrom(child, key, value);
    byParent.set(declaration.parent, declaration);
  }
}

function declarationFrom(child: string, key: Buffer, value: Stored): DeclarationRecord {
  const fields = new Fields(key, value);
  return {
    child,
    parent: fields.hash("parent"),
    transformation: fields.oneOf("transformation", transformations),
    parameters: fields.jsonObject("parameters"),
    metrics: fields.numbers("metrics"),
    document: fields.hash("document"),
    atMs: fields.number("atMs"),
  };
}

/** The model of the store that an external model stands for; null where there is none, or more than one could be meant. */
export async function resolutionOf(
  database: Database,
  { hash: content, name, version }: Pick<ExternalRecord, "hash" | "name" | "version">,
): Promise<Resolution | null> {
  if (content !== null && findModel(database, content) !== null) return { id: content, by: "hash" };
  if (!isLabelPart(name)) return null;
  if (version === null) return onlyVersion(database, name);
  const id = isLabelPart(version) ? idOfLabel(database, name, version) : null;
  return id === null ? null : { id, by: "name" };
}

async function onlyVersion(database: Database, name: string): Promise<Resolution | null> {
  let only: Resolution | null = null;
  for await (const { id } of versionsOf(database, name)) {
    if (only !== null && only.id !== id) return null;
    only = { id, by: "name" };
  }
  return only;
}

/** The external models that stand for a model of the store: first those that were said to have its hash, the newest name first. */
export async function externalsOf(database: Database, model: ModelRecord): Promise<ExternalRecord[]> {
  const ids = new Set([...namedAs(database, model.id)].reverse());
  for (const { name, version } of labelsOf(database, model.number)) {
    for (const source of externalSources) {
      ids.add(externalId({ source, name, version }));
      ids.add(externalId({ source, name, version: null }));
    }
  }
  const externals: ExternalRecord[] = [];
  for (const id of ids) {
    const external = findExternal(database, id);
    if (external !== null && (await resolutionOf(database, external))?.id === model.id)
      externals.push(external);
  }
  return externals;
}

/** External models that were ever said to have this content hash. */
export function* namedAs(reader: RecordReader, content: string): Generator<string> {
  for (let place = 0; ; place++) {
    const key = keyOf("named", content, place);
    const value = reader.read(key);
    if (value === undefined) return;
    if (!(value instanceof Uint8Array)) throw corrupt(key, "is no id");
    yield Buffer.from(value).toString("hex");
  }
}
