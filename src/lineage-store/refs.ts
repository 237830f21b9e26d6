/** References: from what a person types to a model's id; and aliases, whose history is only ever added to. */
import { MendlineError } from "../errors.js";
import { hintNamesMax } from "../limits.js";
import { corrupt, type Stored } from "./codec.js";
import type { Database, RecordReader } from "./database.js";
import { Fields, hashBytes } from "./fields.js";
import { idRange, keyOf, partsOf, prefixOf, rangeOf } from "./keys.js";
import { findModel, idOfLabel } from "./models.js";
import { idPrefix, isText, shown } from "./rules.js";
import { nextPlace } from "./walk.js";

export interface AliasChange {
  readonly alias: string;
  readonly id: string;
  readonly reason: string;
  /** The repair run behind it. */
  readonly run?: string | null;
  /** The folder to which it is deployed. */
  readonly target?: string | null;
  /** What the alias must stand for now, null for nothing; a CONFLICT if it does not. Left out: whatever it is. */
  readonly expectedId?: string | null;
  readonly atMs?: number;
}

export interface AliasEntry {
  readonly alias: string;
  /** Place in the alias's history, from 0. */
  readonly sequence: number;
  readonly id: string;
  readonly atMs: number;
  readonly reason: string;
  readonly run: string | null;
  readonly target: string | null;
  /** The model before. */
  readonly previous: string | null;
}

export function aliasValue(entry: AliasEntry): Stored {
  return {
    id: hashBytes(entry.id),
    atMs: entry.atMs,
    reason: entry.reason,
    run: entry.run,
    target: entry.target,
    previous: entry.previous === null ? null : hashBytes(entry.previous),
  };
}

function aliasEntry(reader: RecordReader, alias: string, sequence: number): AliasEntry {
  const key = keyOf("alias", alias, sequence);
  const value = reader.read(key);
  if (value === undefined) throw corrupt(key, "is missing");
  const fields = new Fields(key, value);
  return {
    alias,
    sequence,
    id: fields.hash("id"),
    atMs: fields.number("atMs"),
    reason: fields.text("reason"),
    run: fields.textOrNull("run"),
    target: fields.textOrNull("target"),
    previous: fields.hashOrNull("previous"),
  };
}

/** What the alias stands for now, or null where there is none. */
export function currentAlias(reader: RecordReader, alias: string): AliasEntry | null {
  const count = nextPlace(reader, (sequence) => keyOf("alias", alias, sequence));
  return count === 0 ? null : aliasEntry(reader, alias, count - 1);
}

/** Newest first. */
export async function* aliasHistory(database: Database, alias: string): AsyncGenerator<AliasEntry> {
  for await (const key of database.keys({ ...rangeOf(prefixOf("alias", alias)), reverse: true })) {
    yield aliasEntry(database, alias, partsOf("alias", key)[1]);
  }
}

/** All aliases as they stand, by name. */
export async function* allAliases(database: Database): AsyncGenerator<AliasEntry> {
  for await (const key of database.keys(rangeOf(prefixOf("aliases")))) {
    const entry = currentAlias(database, partsOf("aliases", key)[0]);
    if (entry !== null) yield entry;
  }
}

/**
 * The model's id behind an id, an id's beginning of 8 or more hex digits, `name@version` or an alias.
 *
 * @throws MendlineError MENDLINE_STORE_UNKNOWN    nothing fits; names what looks alike
 * @throws MendlineError MENDLINE_STORE_AMBIGUOUS  the beginning fits several
 */
export async function resolve(database: Database, ref: string): Promise<string> {
  const found = idPrefix.test(ref) ? await idByPrefix(database, ref.toLowerCase()) : idByName(database, ref);
  if (found !== null) return found;
  const near = await nearNames(database, ref);
  const hint =
    near.length > 0
      ? `did you mean ${near.map(shown).join(" or ")}?`
      : "`mendline model list` shows what there is";
  throw new MendlineError("MENDLINE_STORE_UNKNOWN", `no model, version or alias ${shown(ref)}: ${hint}`, {
    details: { ref, near },
  });
}

function idByName(reader: RecordReader, ref: string): string | null {
  if (!isText(ref)) return null;
  const [name, version, more] = ref.split("@");
  if (version === undefined) return currentAlias(reader, ref)?.id ?? null;
  return more === undefined ? idOfLabel(reader, name!, version) : null;
}

const listedMax = 5;

async function idByPrefix(database: Database, prefix: string): Promise<string | null> {
  if (prefix.length === 64) return findModel(database, prefix)?.id ?? null;
  const ids: string[] = [];
  for await (const key of database.keys({ ...idRange(prefix), limit: listedMax + 1 }))
    ids.push(partsOf("model", key)[0]);
  if (ids.length < 2) return ids[0] ?? null;
  const listed = ids.slice(0, listedMax).map((id) => id.slice(0, Math.max(16, prefix.length + 4)));
  const more = ids.length > listedMax ? " and more" : "";
  throw new MendlineError(
    "MENDLINE_STORE_AMBIGUOUS",
    `${prefix} begins the ids of several models, ${listed.join(", ")}${more}: give more digits`,
    { details: { prefix, ids: ids.slice(0, listedMax) } },
  );
}

const hintsMax = 3;
const hintLengthMax = 64;

/** Up to three names that differ by few letters, or are versions of the name that was given. */
async function nearNames(database: Database, ref: string): Promise<string[]> {
  if (ref.length > hintLengthMax) return [];
  const editsMax = Math.max(1, Math.min(3, Math.floor(ref.length / 3)));
  const near: { name: string; edits: number }[] = [];
  for await (const name of knownNames(database)) {
    const edits = name.startsWith(`${ref}@`) ? 0 : editsBetween(ref, name, editsMax);
    if (edits <= editsMax) near.push({ name, edits });
  }
  near.sort((left, right) => left.edits - right.edits);
  return near.slice(0, hintsMax).map(({ name }) => name);
}

async function* knownNames(database: Database): AsyncGenerator<string> {
  const limit = hintNamesMax;
  for await (const key of database.keys({ ...rangeOf(prefixOf("label")), limit }))
    yield partsOf("label", key).join("@");
  for await (const key of database.keys({ ...rangeOf(prefixOf("aliases")), limit }))
    yield partsOf("aliases", key)[0];
}

/** Levenshtein distance by rows; anything above `editsMax` may come back as just that. */
function editsBetween(left: string, right: string, editsMax: number): number {
  if (Math.abs(left.length - right.length) > editsMax) return editsMax + 1;
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let index = 0; index < left.length; index++) {
    const next = [index + 1];
    for (let other = 0; other < right.length; other++) {
      const replaced = row[other]! + (left[index] === right[other] ? 0 : 1);
      next.push(Math.min(replaced, row[other + 1]! + 1, next[other]! + 1));
    }
    if (Math.min(...next) > editsMax) return editsMax + 1;
    row = next;
  }
  return row[right.length]!;
}
