/**
 * Models by their numbers, each with the parents that it was added with: what a walk through the graph needs of a model. A copy of the
 * model's own record, written in the same commit; a check of the journal compares the two.
 *
 *     nodes   number / 16  -> sixteen lines, number by number; an empty one where a repair found no model
 *     single  number       -> one such line, until there are sixteen, and for good where those were too large to stand together
 *                             or one was damaged
 *     late    number / 16  -> null, if one of them has more parents: derivations that came in a later commit, or many
 *
 * A line is JSON: the numbers of the parents, and the model. Node reads JSON by itself, the first thousand lines as quickly as later ones;
 * decoding field by field takes ten times as long until it is compiled. Sixteen of them about fill a block of LevelDB, and a look into
 * LevelDB, its hash and its buffer cost more than what one line says.
 */
import { MendlineError } from "../errors.js";
import { nodeParentsMax, nodesLengthMax } from "../limits.js";
import { corrupt, encodeRecord, type Stored } from "./codec.js";
import type { Database, RecordReader, RecordWrite } from "./database.js";
import { keyOf, kindOf, partsOf, prefixOf, rangeOf } from "./keys.js";
import { isPlainObject } from "./plain-object.js";
import { type ModelRecord, modelFormats } from "./records.js";

export interface ModelNode {
  readonly model: ModelRecord;
  /** Numbers, the beginning of its list of parents. Those that it got later, or has beyond `nodeParentsMax`, stand in the list alone. */
  readonly parents: readonly number[];
}

/** Models of one record. */
const together = 16;

/** Which record a model stands in, or will. */
export function nodesIndex(number: number): number {
  return Math.floor(number / together);
}

export function placeIn(index: number, number: number): number {
  return number - index * together;
}

export function lateKey(number: number): Buffer {
  return keyOf("late", nodesIndex(number));
}

// Lines

/**
 * @param model  as its own record says it: the same model, the same line
 * @param parents  numbers of the parents that came in the model's own commit, in their order
 */
export function nodeLine(model: ModelRecord, parents: Iterable<number>): string {
  return JSON.stringify([firstOf(parents), model]);
}

function firstOf(parents: Iterable<number>): number[] {
  const first: number[] = [];
  for (const parent of parents) {
    if (first.length === nodeParentsMax) break;
    first.push(parent);
  }
  return first;
}

/** @throws MendlineError MENDLINE_STORE_CORRUPT */
export function nodeFrom(number: number, line: string): ModelNode {
  const node = parsed(line);
  if (!isNode(node) || node[1].number !== number)
    throw corrupt(keyOf("single", number), "does not say what it should");
  return { parents: node[0], model: node[1] };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** The line's hash was right. This is for a store of somebody who makes such hashes: no member is undefined further on. */
function isNode(node: unknown): node is [number[], ModelRecord] {
  return Array.isArray(node) && isNumbers(node[0]) && isModel(node[1]);
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((member) => typeof member === "number");
}

function isModel(model: Partial<ModelRecord> | undefined): boolean {
  return (
    isPlainObject(model) &&
    typeof model.id === "string" &&
    typeof model.name === "string" &&
    typeof model.version === "string" &&
    modelFormats.includes(model.format as ModelRecord["format"]) &&
    typeof model.byteLength === "number" &&
    typeof model.fileHash === "string" &&
    (model.files === undefined || isFiles(model.files)) &&
    typeof model.createdMs === "number" &&
    isTextOrNull(model.signature) &&
    isTextOrNull(model.profile) &&
    (model.task === null || isTask(model.task)) &&
    isPlainObject(model.metrics) &&
    isPlainObject(model.tags) &&
    typeof model.tensorCount === "number" &&
    typeof model.segmentCount === "number"
  );
}

function isFiles(files: unknown): boolean {
  return (
    Array.isArray(files) &&
    files.every(
      (file) => isPlainObject(file) && typeof file.name === "string" && typeof file.sha256 === "string",
    )
  );
}

function isTask(task: unknown): boolean {
  return (
    isPlainObject(task) &&
    Array.isArray(task.features) &&
    task.features.every((name) => typeof name === "string") &&
    isTextOrNull(task.label) &&
    typeof task.kind === "string"
  );
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}

// Records

/** Sixteen lines, or null where they are not one record. @param index  the numbers' sixteenth */
export function readNodes(reader: RecordReader, index: number): readonly string[] | null {
  const key = keyOf("nodes", index);
  const text = reader.read(key);
  return text === undefined ? null : linesOf(key, text);
}

function linesOf(key: Buffer, text: Stored): readonly string[] {
  const lines = typeof text === "string" ? text.split("\n") : [];
  if (lines.length !== together) throw corrupt(key, `has ${lines.length} lines instead of ${together}`);
  return lines;
}

export function readSingle(reader: RecordReader, number: number): string | undefined {
  const key = keyOf("single", number);
  const line = reader.read(key);
  if (line !== undefined && typeof line !== "string") throw corrupt(key, "is no text");
  return line;
}

/** null where there is no model. */
export function readNode(reader: RecordReader, number: number): ModelNode | null {
  const index = nodesIndex(number);
  const joined = () => readNodes(reader, index)?.[placeIn(index, number)];
  // A commit may put them together between two looks.
  const line = joined() ?? readSingle(reader, number) ?? joined();
  return line === undefined || line === "" ? null : nodeFrom(number, line);
}

/** Numbers that were given. */
export async function nodeCount(database: Database): Promise<number> {
  const lastOf = async (kind: "nodes" | "single") => {
    const key = await database.lastKey(rangeOf(prefixOf(kind)));
    return key === undefined ? -1 : partsOf(kind, key)[0];
  };
  return Math.max((await lastOf("single")) + 1, ((await lastOf("nodes")) + 1) * together);
}

/** In created order. Models added meanwhile may or may not come. */
export async function* allNodes(database: Database): AsyncGenerator<ModelNode> {
  const count = await nodeCount(database);
  let next = 0;
  for await (const { key, value } of database.entries(rangeOf(prefixOf("nodes")))) {
    const begin = partsOf("nodes", key)[0] * together;
    yield* nodesBetween(database, next, begin);
    next = begin;
    for (const line of linesOf(key, value)) {
      if (line !== "") yield nodeFrom(next, line);
      next++;
    }
  }
  yield* nodesBetween(database, next, count);
}

function* nodesBetween(database: Database, begin: number, end: number): Generator<ModelNode> {
  for (let number = begin; number < end; number++) {
    const node = readNode(database, number);
    if (node !== null) yield node;
  }
}

/**
 * What lines that are added together make of what is there: sixteen that are all known now become one record.
 *
 * @param first  number of the first line
 * @param reader  holds all models before it, but for those that a repair did not find
 * @param lines  empty ones of models that a repair did not find
 */
export function* nodeWrites(
  reader: RecordReader,
  first: number,
  lines: readonly string[],
): Generator<RecordWrite> {
  const end = first + lines.length;
  for (let begin = first - (first % together); begin < end && lines.length > 0; begin += together) {
    const isFull = begin + together <= end;
    const earlier = isFull ? readSingles(reader, begin, first) : [];
    const fresh = lines.slice(Math.max(0, begin - first), begin + together - first);
    const text = [...(earlier ?? []).map((line) => line ?? ""), ...fresh].join("\n");
    if (isFull && earlier !== null && text.length <= nodesLengthMax) {
      yield record("nodes", begin / together, text);
      for (const [place, line] of earlier.entries())
        if (line !== undefined) yield { key: keyOf("single", begin + place), bytes: null };
    } else
      for (const [place, line] of fresh.entries())
        if (line !== "") yield record("single", Math.max(begin, first) + place, line);
  }
}

/** null where one is damaged: it is no reason to refuse a model, and stands alone until a repair makes the index anew. */
function readSingles(reader: RecordReader, begin: number, end: number): (string | undefined)[] | null {
  try {
    return Array.from({ length: Math.max(0, end - begin) }, (_, index) => readSingle(reader, begin + index));
  } catch (error) {
    if (error instanceof MendlineError && error.code === "MENDLINE_STORE_CORRUPT") return null;
    throw error;
  }
}

function record(kind: "nodes" | "single", number: number, text: string): RecordWrite {
  const key = keyOf(kind, number);
  return { key, bytes: encodeRecord(key, text) };
}

/** Makes the index anew, of models that come by their numbers. */
export class NodeIndex {
  #begin = 0;
  #lines: string[] = [];
  #isLate = false;

  /** @param parents  as `nodeLine` takes them @param isLate  whether there are others */
  *add(model: ModelRecord, parents: readonly number[], isLate: boolean): Generator<RecordWrite> {
    const begin = model.number - (model.number % together);
    if (begin !== this.#begin) yield* this.#flush(together);
    this.#begin = begin;
    while (this.#lines.length < model.number - begin) this.#lines.push("");
    this.#lines.push(nodeLine(model, parents));
    this.#isLate ||= isLate || parents.length > nodeParentsMax;
  }

  *end(): Generator<RecordWrite> {
    yield* this.#flush(this.#lines.length);
  }

  *#flush(length: number): Generator<RecordWrite> {
    if (this.#lines.length === 0) return;
    while (this.#lines.length < length) this.#lines.push("");
    yield* nodeWrites(noRecords, this.#begin, this.#lines);
    if (this.#isLate) yield { key: lateKey(this.#begin), bytes: encodeRecord(lateKey(this.#begin), null) };
    this.#lines = [];
    this.#isLate = false;
  }
}

const noRecords: RecordReader = { read: () => undefined, has: () => false };

/** Whether the key is of a model that stands in this record of sixteen, too. */
export function joinedKey(key: Buffer): Buffer | null {
  return kindOf(key) === "single" ? keyOf("nodes", nodesIndex(partsOf("single", key)[0])) : null;
}

// Checks

/** @throws MendlineError MENDLINE_STORE_CORRUPT  what stands under a model's number is not this model, as its own record says it */
export function verifyNode(reader: RecordReader, model: ModelRecord): void {
  const { id, number } = model;
  const node = readNode(reader, number);
  if (node !== null && nodeLine(node.model, []) === nodeLine(model, [])) return;
  const joined = keyOf("nodes", nodesIndex(number));
  const key = reader.has(joined) ? joined : keyOf("single", number);
  throw corrupt(key, `is not the model ${id}`);
}
