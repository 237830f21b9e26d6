/**
 * Which models keep their parameters. A policy names roots; they keep theirs, and so do their ancestors within a distance, because a repair
 * goes back to them. Memory: a byte for every model of the store.
 */
import { setImmediate } from "node:timers/promises";
import type { Database } from "./database.js";
import { partsOf, prefixOf, rangeOf } from "./keys.js";
import { allModels, findModel, versionsOf } from "./models.js";
import { aliasHistory } from "./refs.js";
import { invalid } from "./rules.js";
import { neighbours } from "./walk.js";

export interface RetentionPolicy {
  /** Newest versions of every name that are kept; without it every model is. */
  readonly keepLast?: number;
  /** Derivations from a kept model up to which its ancestors are kept; without it all are. */
  readonly keepAncestors?: number;
  /** Models that something else needs, with all their ancestors: open repairs. Asked for again before anything is dropped. */
  readonly needed?: () => Promise<Iterable<string>>;
}

/** Why a model keeps its parameters, the first that applies; in files and answers by name. */
export const keepReasons = ["version", "alias", "needed", "ancestor"] as const;
export type KeepReason = (typeof keepReasons)[number];

export class Kept {
  /** By a model's number: 0, or 1 + index of the reason. */
  #reasons = new Uint8Array(1_024);

  reasonOf(number: number): KeepReason | null {
    const reason = this.#reasons[number] ?? 0;
    return reason === 0 ? null : keepReasons[reason - 1]!;
  }

  /** @returns whether it was not kept before */
  add(number: number, reason: KeepReason): boolean {
    if (number >= this.#reasons.length) this.#grow(number);
    if (this.#reasons[number] !== 0) return false;
    this.#reasons[number] = 1 + keepReasons.indexOf(reason);
    return true;
  }

  #grow(number: number): void {
    const larger = new Uint8Array(Math.max(number + 1, this.#reasons.length * 2));
    larger.set(this.#reasons);
    this.#reasons = larger;
  }
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
export function checkPolicy({ keepLast, keepAncestors }: RetentionPolicy): void {
  if (keepLast !== undefined && !(Number.isSafeInteger(keepLast) && keepLast >= 1))
    throw invalid("keepLast", "must be a whole number from 1 on");
  if (keepAncestors === undefined) return;
  if (keepAncestors !== Infinity && !(Number.isSafeInteger(keepAncestors) && keepAncestors >= 0))
    throw invalid("keepAncestors", "must be a whole number from 0 on");
  if (keepLast === undefined) throw invalid("keepAncestors", "drops nothing without keepLast: give that too");
}

/** @returns null where the policy keeps everything */
export async function keptBy(database: Database, policy: RetentionPolicy): Promise<Kept | null> {
  const { keepLast, keepAncestors = Infinity, needed } = policy;
  if (keepLast === undefined) return null;
  const kept = new Kept();
  const roots: number[] = [];
  const keep = (id: string, reason: KeepReason) => {
    const model = findModel(database, id);
    if (model !== null && kept.add(model.number, reason)) roots.push(model.number);
  };
  for await (const id of newestVersions(database, keepLast)) keep(id, "version");
  for await (const id of aliasedModels(database)) keep(id, "alias");
  await keepAncestorsOf(database, kept, roots, keepAncestors);
  if (needed !== undefined) {
    const added: number[] = [];
    for (const id of await needed()) {
      const model = findModel(database, id);
      if (model === null) continue;
      kept.add(model.number, "needed");
      added.push(model.number);
    }
    await keepAncestorsOf(database, kept, added, Infinity);
  }
  return kept;
}

async function* newestVersions(database: Database, count: number): AsyncGenerator<string> {
  let last: string | null = null;
  for await (const key of database.keys(rangeOf(prefixOf("versions")))) {
    const [name] = partsOf("versions", key);
    if (name === last) continue;
    last = name;
    const newest: string[] = [];
    for await (const { id } of versionsOf(database, name)) {
      newest.push(id);
      if (newest.length > count) newest.shift();
    }
    yield* newest;
  }
}

/** What every alias stands for, and what it stood for before: that is what a rollback goes to. */
async function* aliasedModels(database: Database): AsyncGenerator<string> {
  for await (const key of database.keys(rangeOf(prefixOf("aliases")))) {
    let found = 0;
    for await (const { id } of aliasHistory(database, partsOf("aliases", key)[0])) {
      yield id;
      if (++found === 2) break;
    }
  }
}

/** Breadth first from all roots at once, so that every model is met at its shortest distance. */
async function keepAncestorsOf(
  database: Database,
  kept: Kept,
  roots: readonly number[],
  distanceMax: number,
): Promise<void> {
  const visited = new Kept();
  for (const root of roots) visited.add(root, "ancestor");
  let level = roots;
  for (let distance = 1; distance <= distanceMax && level.length > 0; distance++) {
    const next: number[] = [];
    for (const [index, number] of level.entries()) {
      if (index % 256 === 255) await setImmediate();
      for (const parent of neighbours(database, "parent", number)) {
        if (!visited.add(parent, "ancestor")) continue;
        kept.add(parent, "ancestor");
        next.push(parent);
      }
    }
    level = next;
  }
}

/** The models that may be dropped, in created order. */
export async function* droppable(database: Database, kept: Kept) {
  for await (const model of allModels(database)) if (kept.reasonOf(model.number) === null) yield model;
}

/** Whether a key that was written since a policy was asked can change what it keeps. */
export function bearsOnRetention(key: Buffer): boolean {
  const kind = key.toString("latin1", 0, key.indexOf("/"));
  return ["label", "derivation", "alias", "run"].includes(kind);
}
