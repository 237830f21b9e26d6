/**
 * The graph as it was read lately. Records are written once and were verified when they were read in, so that nothing here gets wrong;
 * only lists of neighbours grow, and each knows the commit at which it was whole.
 */
import { graphIdsMax, graphListNumbersMax, graphListsWeightMax, graphModelBytesMax } from "../limits.js";
import { corrupt, decodeRecord } from "./codec.js";
import type { Database } from "./database.js";
import { keyOf } from "./keys.js";
import { findDerivation, unknownModel } from "./models.js";
import { nodeFrom } from "./nodes.js";
import { Recent } from "./recent.js";
import { type DerivationRecord, type ModelRecord, modelFrom } from "./records.js";
import { type Direction, neighbourAt } from "./walk.js";

interface List {
  readonly numbers: readonly number[];
  /** Sequence of the last commit when the list ended here; `notEnded` for the beginning of one. */
  readonly commit: number;
}

const notEnded = -2;

export class Graph {
  readonly #database: Database;
  readonly #lastCommit: () => number;
  readonly #lists: Readonly<Record<Direction, Recent<number, List>>> = {
    parent: new Recent(graphListsWeightMax),
    child: new Recent(graphListsWeightMax),
  };
  readonly #ids = new Recent<number, string>(graphIdsMax);
  readonly #models = new Recent<string, ModelRecord>(graphModelBytesMax);

  /** @param lastCommit  sequence of the journal's last entry */
  constructor(database: Database, lastCommit: () => number) {
    this.#database = database;
    this.#lastCommit = lastCommit;
  }

  /** What is read from now on comes from the database. */
  clear(): void {
    for (const cache of [this.#lists.parent, this.#lists.child, this.#ids, this.#models]) cache.clear();
  }

  /** Numbers of a model's parents or children, in the order in which the derivations were added. */
  neighbours(direction: Direction, number: number): Iterable<number> {
    const commit = this.#lastCommit();
    const known = this.#knownOf(direction, number);
    if (known?.commit === commit) return known.numbers;
    const numbers = known === undefined ? [] : [...known.numbers];
    while (numbers.length <= graphListNumbersMax) {
      const neighbour = neighbourAt(this.#database, direction, number, numbers.length);
      if (neighbour === null) {
        this.#lists[direction].set(number, { numbers, commit }, numbers.length + 4);
        return numbers;
      }
      numbers.push(neighbour);
    }
    return this.#restOf(direction, number, numbers);
  }

  #knownOf(direction: Direction, number: number): List | undefined {
    const known = this.#lists[direction].get(number);
    if (known !== undefined || direction === "child") return known;
    this.#readNode(number);
    return this.#lists.parent.get(number);
  }

  /** What one record tells: the model, its id, and the beginning of the list of its parents. */
  #readNode(number: number): ModelRecord {
    const key = keyOf("node", number);
    const bytes = this.#database.bytes(key);
    const { model, parents } = nodeFrom(key, bytes === undefined ? undefined : decodeRecord(key, bytes));
    this.#ids.set(number, model.id, 1);
    if (this.#lists.parent.get(number) === undefined)
      this.#lists.parent.set(number, { numbers: parents, commit: notEnded }, parents.length + 4);
    return this.#keep(model, bytes!.length);
  }

  #keep(model: ModelRecord, byteLength: number): ModelRecord {
    this.#models.set(model.id, frozen(model), byteLength);
    return model;
  }

  *#restOf(direction: Direction, number: number, numbers: readonly number[]): Generator<number> {
    yield* numbers;
    for (let place = numbers.length; ; place++) {
      const neighbour = neighbourAt(this.#database, direction, number, place);
      if (neighbour === null) return;
      yield neighbour;
    }
  }

  idOf(number: number): string {
    return this.#ids.get(number) ?? this.#readNode(number).id;
  }

  find(id: string): ModelRecord | null {
    const known = this.#models.get(id);
    if (known !== undefined) return known;
    const key = keyOf("model", id);
    const bytes = this.#database.bytes(key);
    if (bytes === undefined) return null;
    return this.#keep(modelFrom(id, key, decodeRecord(key, bytes)), bytes.length);
  }

  /** @throws MendlineError MENDLINE_STORE_UNKNOWN */
  model(id: string): ModelRecord {
    const model = this.find(id);
    if (model === null) throw unknownModel(id);
    return model;
  }

  modelAt(number: number): ModelRecord {
    const id = this.#ids.get(number);
    return (id === undefined ? undefined : this.#models.get(id)) ?? this.#readNode(number);
  }

  /** @throws MendlineError MENDLINE_STORE_CORRUPT  the two are neighbours, and their derivation is lost */
  derivation(parent: number, child: number): DerivationRecord {
    const derivation = findDerivation(this.#database, parent, child);
    if (derivation === null) throw corrupt(keyOf("derivation", parent, child), "is missing");
    return derivation;
  }
}

/** One record serves all who ask: none of them may change it. */
function frozen(model: ModelRecord): ModelRecord {
  Object.freeze(model.metrics);
  Object.freeze(model.tags);
  if (model.task !== null) {
    Object.freeze(model.task.features);
    Object.freeze(model.task);
  }
  return Object.freeze(model);
}
