/**
 * The graph as it was read lately. Records are written once and were verified when they were read in, so that nothing here gets wrong;
 * only lists of neighbours grow, and each knows the commit at which it was whole.
 */
import {
  graphIdsMax,
  graphListNumbersMax,
  graphListsWeightMax,
  graphNodesLengthMax,
  graphSinglesLengthMax,
} from "../limits.js";
import { corrupt } from "./codec.js";
import type { Database } from "./database.js";
import { keyOf } from "./keys.js";
import { findDerivation, findModel, unknownModel } from "./models.js";
import { lateKey, nodeFrom, nodesIndex, placeIn, readNodes, readSingle } from "./nodes.js";
import { Recent } from "./recent.js";
import type { DerivationRecord, ModelRecord } from "./records.js";
import { type Direction, neighbourAt } from "./walk.js";

interface List {
  readonly numbers: readonly number[];
  /** Sequence of the last commit when the list ended here; `notEnded` for the beginning of one. */
  readonly commit: number;
}

const notEnded = -2;

/** A model, and the list of its parents, or the beginning of that. */
interface Node {
  readonly model: ModelRecord;
  numbers: readonly number[];
  commit: number;
}

/** Models that stand in one record, or one model that stands alone. */
interface Nodes {
  /** Of those that nobody asked for: what is read lately would else fill the memory twice. */
  readonly lines: (string | null)[];
  /** Of the others. */
  readonly nodes: (Node | undefined)[];
  /** The last commit at which their lines named all of their parents. */
  commit: number;
}

export class Graph {
  readonly #database: Database;
  readonly #lastCommit: () => number;
  readonly #nodes = new Recent<number, Nodes>(graphNodesLengthMax);
  readonly #singles = new Recent<number, Nodes>(graphSinglesLengthMax);
  readonly #children = new Recent<number, List>(graphListsWeightMax);
  readonly #numbers = new Recent<string, number>(graphIdsMax);

  /** @param lastCommit  sequence of the journal's last entry */
  constructor(database: Database, lastCommit: () => number) {
    this.#database = database;
    this.#lastCommit = lastCommit;
  }

  /** What is read from now on comes from the database. */
  clear(): void {
    for (const cache of [this.#nodes, this.#singles, this.#children, this.#numbers]) cache.clear();
  }

  /** Numbers of a model's parents or children, in the order in which the derivations were added. */
  neighbours(direction: Direction, number: number): Iterable<number> {
    const commit = this.#lastCommit();
    if (direction === "child") return this.#listOf(direction, number, this.#children.get(number), commit);
    const nodes = this.#nodesOf(number);
    const node = this.#nodeIn(nodes, number);
    if (nodes.commit !== commit && node.commit !== commit && !this.#database.has(lateKey(number)))
      nodes.commit = commit;
    if (nodes.commit === commit) return node.numbers;
    return this.#listOf(direction, number, node, commit);
  }

  #listOf(direction: Direction, number: number, known: List | undefined, commit: number): Iterable<number> {
    if (known?.commit === commit) return known.numbers;
    const numbers = known === undefined ? [] : [...known.numbers];
    while (numbers.length <= graphListNumbersMax) {
      const neighbour = neighbourAt(this.#database, direction, number, numbers.length);
      if (neighbour === null) {
        const list = { numbers, commit };
        if (direction === "child") this.#children.set(number, list, numbers.length + 4);
        else Object.assign(this.#node(number), list);
        return numbers;
      }
      numbers.push(neighbour);
    }
    return this.#restOf(direction, number, numbers);
  }

  *#restOf(direction: Direction, number: number, numbers: readonly number[]): Generator<number> {
    yield* numbers;
    for (let place = numbers.length; ; place++) {
      const neighbour = neighbourAt(this.#database, direction, number, place);
      if (neighbour === null) return;
      yield neighbour;
    }
  }

  #node(number: number): Node {
    return this.#nodeIn(this.#nodesOf(number), number);
  }

  /** Those that a model stands among. */
  #nodesOf(number: number): Nodes {
    const index = nodesIndex(number);
    const known = this.#nodes.get(index) ?? this.#singles.get(number);
    if (known !== undefined) return known;
    const read = () => readNodes(this.#database, index);
    // A commit may put them together between two looks.
    const single = read() ?? readSingle(this.#database, number) ?? read();
    if (single === undefined || single === null) throw corrupt(keyOf("single", number), "is missing");
    const isSingle = typeof single === "string";
    const nodes = { lines: isSingle ? [single] : [...single], nodes: [], commit: notEnded };
    const length = nodes.lines.reduce((sum, line) => sum + line.length, 0);
    if (isSingle) this.#singles.set(number, nodes, length);
    else this.#nodes.set(index, nodes, length);
    return nodes;
  }

  #nodeIn({ lines, nodes }: Nodes, number: number): Node {
    const place = lines.length === 1 ? 0 : placeIn(nodesIndex(number), number);
    const known = nodes[place];
    if (known !== undefined) return known;
    const line = lines[place];
    if (!line) throw corrupt(keyOf("nodes", nodesIndex(number)), `has no model ${number}`);
    const { model, parents } = nodeFrom(number, line);
    const node = { model: frozen(model), numbers: parents, commit: notEnded };
    nodes[place] = node;
    lines[place] = null;
    return node;
  }

  idOf(number: number): string {
    return this.modelAt(number).id;
  }

  find(id: string): ModelRecord | null {
    const number = this.#numbers.get(id);
    if (number !== undefined) return this.modelAt(number);
    const model = findModel(this.#database, id);
    if (model === null) return null;
    this.#numbers.set(id, model.number, 1);
    return frozen(model);
  }

  /** @throws MendlineError MENDLINE_STORE_UNKNOWN */
  model(id: string): ModelRecord {
    const model = this.find(id);
    if (model === null) throw unknownModel(id);
    return model;
  }

  modelAt(number: number): ModelRecord {
    return this.#node(number).model;
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
