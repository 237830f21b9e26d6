/** Writing down what other tools' documents say (declared.ts), within a transaction. */
import { MendlineError } from "../errors.js";
import { externalWalkMax } from "../limits.js";
import { encodeRecord } from "./codec.js";
import type { RecordReader } from "./database.js";
import {
  checkDeclaration,
  checkExternal,
  type DeclarationRecord,
  declarationsOf,
  declarationValue,
  type ExternalRecord,
  externalId,
  externalValue,
  findExternal,
  type NewDeclaration,
  type NewExternal,
  namedAs,
} from "./declared.js";
import { hashBytes } from "./fields.js";
import { keyOf } from "./keys.js";
import { shown } from "./rules.js";
import { nextPlace } from "./walk.js";

/** A transaction as this file needs it. */
export interface RecordWriter extends RecordReader {
  readonly atMs: number;
  put(key: Buffer, value: unknown): void;
}

export interface AddedExternal {
  readonly id: string;
  /** false: the same was said of it before. */
  readonly isNew: boolean;
}

/** A hash, metrics or tags that were said before stay where the new document has none. */
export function addExternal(writer: RecordWriter, external: NewExternal): AddedExternal {
  checkExternal(external);
  const id = externalId(external);
  const before = findExternal(writer, id);
  const merged = before === null ? external : mergedWith(before, external);
  if (before !== null && saysTheSame(before, merged)) return { id, isNew: false };
  const sequence = nextPlace(writer, (index) => keyOf("external", id, index));
  writer.put(keyOf("external", id, sequence), externalValue(merged, writer.atMs));
  if (merged.hash != null && !new Set(namedAs(writer, merged.hash)).has(id)) addName(writer, merged.hash, id);
  return { id, isNew: true };
}

function addName(writer: RecordWriter, content: string, id: string): void {
  const place = nextPlace(writer, (index) => keyOf("named", content, index));
  writer.put(keyOf("named", content, place), hashBytes(id));
}

function mergedWith(before: ExternalRecord, external: NewExternal): NewExternal {
  return {
    ...external,
    hash: external.hash ?? before.hash,
    metrics: { ...before.metrics, ...external.metrics },
    tags: { ...before.tags, ...external.tags },
    createdMs: external.createdMs ?? before.createdMs,
  };
}

/** Whatever document says it, and whenever. */
function saysTheSame(before: ExternalRecord, external: NewExternal): boolean {
  const key = keyOf("external", before.id, 0);
  const value = { ...externalValue(external, before.atMs), document: hashBytes(before.document) };
  return encodeRecord(key, value).equals(encodeRecord(key, externalValue(before, before.atMs)));
}

/**
 * @returns whether it is new
 * @throws MendlineError MENDLINE_STORE_CYCLE  the parent is said to come from the child
 */
export function addDeclaration(writer: RecordWriter, declaration: NewDeclaration): boolean {
  checkDeclaration(declaration);
  const [child, parent] = [known(writer, declaration, "child"), known(writer, declaration, "parent")];
  const before = declarationsOf(writer, child).find((other) => other.parent === parent);
  if (before !== undefined && saysTheSameOf(before, declaration)) return false;
  if (before === undefined && comesFrom(writer, parent, child)) throw circle(declaration);
  const place = nextPlace(writer, (index) => keyOf("declaration", child, index));
  writer.put(keyOf("declaration", child, place), declarationValue(declaration, writer.atMs));
  return true;
}

/** Both ends of a declaration have a record. */
function known(writer: RecordWriter, declaration: NewDeclaration, end: "child" | "parent"): string {
  const id = externalId(declaration[end]);
  if (findExternal(writer, id) === null)
    addExternal(writer, { ...declaration[end], document: declaration.document });
  return id;
}

function saysTheSameOf(before: DeclarationRecord, declaration: NewDeclaration): boolean {
  const key = keyOf("declaration", before.child, 0);
  const bytesOf = ({ transformation, parameters, metrics }: Partial<NewDeclaration>) =>
    encodeRecord(key, { transformation, parameters: parameters ?? {}, metrics: metrics ?? {} });
  const { transformation, parameters, metrics } = before;
  return bytesOf({ transformation, parameters, metrics }).equals(bytesOf(declaration));
}

function comesFrom(writer: RecordWriter, descendant: string, ancestor: string): boolean {
  const visited = new Set([descendant]);
  for (const id of visited) {
    for (const { parent } of declarationsOf(writer, id)) {
      if (parent === ancestor) return true;
      visited.add(parent);
      if (visited.size > externalWalkMax) throw tooMany();
    }
  }
  return false;
}

function tooMany(): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `more than ${externalWalkMax} declared ancestors have to be looked through: import fewer documents into one store`,
    { details: { externalsMax: externalWalkMax } },
  );
}

function circle({ child, parent }: NewDeclaration): MendlineError {
  return new MendlineError(
    "MENDLINE_STORE_CYCLE",
    `${shown(child.name)} cannot be declared a child of ${shown(parent.name)}, which is declared to come from it: one of the documents is wrong`,
    { details: { child: child.name, parent: parent.name } },
  );
}
