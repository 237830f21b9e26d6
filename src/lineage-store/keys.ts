/**
 * Keys of the records. LevelDB sorts them as bytes, so every part keeps the order of what it stands for:
 *
 *     <kind> "/" part part …
 *       id      32 bytes, a sha256
 *       number   6 bytes, big-endian: created order, place in a list, sequence of a log
 *       text     UTF-8, then 0x00: texts hold no control characters, so none is a prefix of another
 *
 * Keys are written once. What changes (an alias) is a log whose last entry counts: the bundled LevelDB can bring back an
 * overwritten value where an iterator was open during a compaction.
 */
import { MendlineError } from "../errors.js";

const layouts = {
  /** id -> the model. */
  model: ["id"],
  /** id, page -> tensors and layout of the model's file. */
  tensors: ["id", "number"],
  /** name, version -> id. */
  label: ["text", "text"],
  /** parent's number, child's number -> the derivation. */
  derivation: ["number", "number"],
  /** alias, sequence -> what it came to stand for. */
  alias: ["text", "number"],
  /** run id, index -> one step. */
  run: ["text", "number"],
  /** label request's id, index -> one event of it. */
  request: ["text", "number"],
  /** monitor key, sequence -> one drift report. */
  report: ["text", "number"],
  /** monitor key, sequence -> state. */
  monitor: ["text", "number"],
  /** external model's id, sequence -> what was said of a model of which no parameters are held. */
  external: ["id", "number"],
  /** external child's id, place -> the external parent that it is said to have. */
  declaration: ["id", "number"],
  /** model's id, place -> a signature about it, or about a derivation that leads to it. */
  signature: ["id", "number"],
  /** model's id, sequence -> whether its parameters are in the store from then on. */
  presence: ["id", "number"],
  /** webhook's name, alias, place in its history -> whether that was told. */
  delivery: ["text", "text", "number"],
  /** alias, place -> how a trial of two models stood. */
  trial: ["text", "number"],
  /** sequence -> what one commit did. */
  journal: ["number"],

  // What follows can be rebuilt from what stands above.
  /** sha256 -> length of an object that a model refers to. */
  object: ["id"],
  /** model's number / 16 -> sixteen models, each with its first parents (nodes.ts). */
  nodes: ["number"],
  /** model's number -> the same of one, where they are not together. */
  single: ["number"],
  /** model's number / 16 -> null: one of these sixteen has parents beside those that are told there. */
  late: ["number"],
  /** model's number -> id. Until schema 5; it stays where it is. */
  number: ["number"],
  /** model's number -> the model and its first parents. Schema 6 alone; it stays where it is. */
  node: ["number"],
  /** model's number, place -> name, version. */
  labels: ["number", "number"],
  /** name, commit, place in that commit -> version: the versions of a name in the order in which they were added. */
  versions: ["text", "number", "number"],
  /** sha256 of a tag's name and text, model's number -> null. */
  tag: ["id", "number"],
  /** sha256 of the names and shapes of a model's tensors, model's number -> null. */
  form: ["id", "number"],
  /** model's id (it need not be in the store), place -> id of an external model that is said to be it. */
  named: ["id", "number"],
  /** child's number, place -> parent's number. */
  parent: ["number", "number"],
  /** parent's number, place -> child's number. */
  child: ["number", "number"],
  /** alias -> null: the names without their histories. */
  aliases: ["text"],
  /** run's number -> run id. */
  runs: ["number"],
  /** label request's number -> its id. */
  requests: ["number"],
  /** monitor key -> null. */
  monitors: ["text"],
} as const;

type Layouts = typeof layouts;
export type RecordKind = keyof Layouts;
interface PartValues {
  id: string;
  number: number;
  text: string;
}
type PartKind = keyof PartValues;
type Values<L extends readonly PartKind[]> = { -readonly [I in keyof L]: PartValues[L[I]] };
export type KeyParts<K extends RecordKind> = Values<Layouts[K]>;

/** Kinds that the journal vouches for; the others are indexes of these. */
export const journaledKinds = [
  "model",
  "tensors",
  "label",
  "derivation",
  "alias",
  "run",
  "request",
  "report",
  "monitor",
  "external",
  "declaration",
  "signature",
  "presence",
  "delivery",
  "trial",
] as const satisfies readonly RecordKind[];

/** Kinds that nobody reads any more, but for a migration. */
const formerKinds: readonly RecordKind[] = ["number", "node"];

/** Kinds that can be made again from the others. */
export const indexKinds = (Object.keys(layouts) as RecordKind[]).filter(
  (kind) => ![...journaledKinds, ...formerKinds, "journal"].includes(kind),
);

/** Logs whose oldest entries are dropped. */
export const cappedKinds = ["report", "monitor"] as const satisfies readonly RecordKind[];

/** "/", a number: looked for as one it is found without a search for text. */
const slash = 0x2f;
const idBytes = 32;
const numberBytes = 6;
export const numberMax = 2 ** (8 * numberBytes) - 1;

export function keyOf<K extends RecordKind>(kind: K, ...parts: KeyParts<K>): Buffer {
  return prefixOf(kind, ...(parts as (string | number)[]));
}

/** What a key of each kind begins with. */
const kindBytes = Object.fromEntries(
  Object.keys(layouts).map((kind) => [kind, Buffer.from(`${kind}/`, "latin1")]),
) as Record<RecordKind, Buffer>;

/** The beginning that all keys with these first parts share. */
export function prefixOf(kind: RecordKind, ...parts: (string | number)[]): Buffer {
  const layout: readonly PartKind[] = layouts[kind];
  const begin = kindBytes[kind];
  let byteLength = begin.length;
  for (let index = 0; index < parts.length; index++) byteLength += partLength(layout[index]!, parts[index]!);
  const key = Buffer.allocUnsafe(byteLength);
  key.set(begin);
  let offset = begin.length;
  for (let index = 0; index < parts.length; index++)
    offset = writePart(layout[index]!, parts[index]!, key, offset);
  return key;
}

function partLength(part: PartKind, value: string | number): number {
  if (part === "number") return numberBytes;
  return part === "id" ? idBytes : Buffer.byteLength(value as string, "utf8") + 1;
}

/** @returns where the next part begins */
function writePart(part: PartKind, value: string | number, key: Buffer, offset: number): number {
  if (part === "number") return writeNumber(value as number, key, offset);
  if (part === "id") return writeId(value as string, key, offset);
  const end = offset + key.write(value as string, offset, "utf8");
  key[end] = 0;
  return end + 1;
}

function writeNumber(value: number, key: Buffer, offset: number): number {
  if (!Number.isInteger(value) || value < 0 || value > numberMax)
    throw new RangeError(`number ${value} in a key`);
  return key.writeUIntBE(value, offset, numberBytes);
}

function writeId(value: string, key: Buffer, offset: number): number {
  if (key.write(value, offset, idBytes, "hex") !== idBytes) throw new RangeError(`id ${value} in a key`);
  return offset + idBytes;
}

export interface KeyRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

/** All keys that begin so. */
export function rangeOf(prefix: Buffer): KeyRange {
  const end = Buffer.from(prefix);
  let last = end.length - 1;
  while (end[last] === 0xff) last--;
  end[last]! += 1;
  return { gte: prefix, lt: end.subarray(0, last + 1) };
}

/** Models whose id begins with these hex digits. */
export function idRange(hexPrefix: string): KeyRange {
  const first = prefixOf("model", hexPrefix.padEnd(2 * idBytes, "0"));
  const last = prefixOf("model", hexPrefix.padEnd(2 * idBytes, "f"));
  return { gte: first, lt: Buffer.concat([last, Buffer.of(0)]) };
}

/** The parts of a key that `keyOf` made. */
export function partsOf<K extends RecordKind>(kind: K, key: Buffer): KeyParts<K> {
  const parsed = parseKey(key);
  if (parsed?.kind !== kind) {
    throw new MendlineError(
      "MENDLINE_STORE_CORRUPT",
      `the store holds a key that is no ${kind}: ${describeKey(key)}`,
    );
  }
  return parsed.parts as KeyParts<K>;
}

/** What a key begins with says its kind; the rest is not looked at. */
export function kindOf(key: Buffer): RecordKind | null {
  const kind = key.toString("latin1", 0, Math.max(0, key.indexOf(slash)));
  return Object.hasOwn(layouts, kind) ? (kind as RecordKind) : null;
}

export function parseKey(key: Buffer): { kind: RecordKind; parts: (string | number)[] } | null {
  const kind = kindOf(key);
  if (kind === null) return null;
  const parts: (string | number)[] = [];
  let offset = kind.length + 1;
  for (const part of layouts[kind]) {
    const end = partEnd(part, key, offset);
    if (end < 0 || end > key.length) return null;
    parts.push(partValue(part, key, offset, end));
    offset = end;
  }
  return offset === key.length ? { kind, parts } : null;
}

function partEnd(part: PartKind, key: Buffer, offset: number): number {
  if (part === "id") return offset + idBytes;
  return part === "number" ? offset + numberBytes : key.indexOf(0, offset) + 1 || -1;
}

function partValue(part: PartKind, key: Buffer, offset: number, end: number): string | number {
  if (part === "id") return key.toString("hex", offset, end);
  return part === "number" ? key.readUIntBE(offset, numberBytes) : key.toString("utf8", offset, end - 1);
}

/** A key for a message: `alias "prod" 3`. */
export function describeKey(key: Buffer): string {
  const parsed = parseKey(key);
  if (parsed === null) return `key ${key.subarray(0, 40).toString("hex")}`;
  const texts = parsed.parts.map((part, index) =>
    layouts[parsed.kind][index] === "text" ? JSON.stringify(part) : String(part),
  );
  return `${parsed.kind} ${texts.join(" ")}`;
}
