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
  /** model's number -> id. */
  number: ["number"],
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

/** Logs whose oldest entries are dropped. */
export const cappedKinds = ["report", "monitor"] as const satisfies readonly RecordKind[];

const idBytes = 32;
const numberBytes = 6;
const numberMax = 2 ** (8 * numberBytes) - 1;

export function keyOf<K extends RecordKind>(kind: K, ...parts: KeyParts<K>): Buffer {
  return prefixOf(kind, ...(parts as (string | number)[]));
}

/** The beginning that all keys with these first parts share. */
export function prefixOf(kind: RecordKind, ...parts: (string | number)[]): Buffer {
  const bytes = parts.map((value, index) => partBytes(layouts[kind][index]!, value));
  return Buffer.concat([Buffer.from(`${kind}/`, "latin1"), ...bytes]);
}

function partBytes(part: PartKind, value: string | number): Buffer {
  if (part === "number") return numberPart(value as number);
  return part === "id" ? Buffer.from(value as string, "hex") : Buffer.from(`${value}\0`, "utf8");
}

function numberPart(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value > numberMax)
    throw new RangeError(`number ${value} in a key`);
  const bytes = Buffer.alloc(numberBytes);
  bytes.writeUIntBE(value, 0, numberBytes);
  return bytes;
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

export function parseKey(key: Buffer): { kind: RecordKind; parts: (string | number)[] } | null {
  const slash = key.indexOf("/");
  const kind = key.toString("latin1", 0, Math.max(0, slash));
  if (!Object.hasOwn(layouts, kind)) return null;
  const parts: (string | number)[] = [];
  let offset = slash + 1;
  for (const part of layouts[kind as RecordKind]) {
    const end = partEnd(part, key, offset);
    if (end < 0 || end > key.length) return null;
    parts.push(partValue(part, key, offset, end));
    offset = end;
  }
  return offset === key.length ? { kind: kind as RecordKind, parts } : null;
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
