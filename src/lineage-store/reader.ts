/**
 * Reading the graph. Lists that grow with the store are async iterables, in stable order, in bounded memory; a signal ends each of them
 * with MENDLINE_TASK_ABORTED.
 */
import type { Database } from "./database.js";
import type { Graph } from "./graph.js";
import { formHash } from "./indexes.js";
import {
  allDerivations,
  allModels,
  derivationsOf,
  idOfLabel,
  labelsOf,
  type ModelVersion,
  parametersOf,
  versionsOf,
} from "./models.js";
import { commonAncestors, shortestPath } from "./paths.js";
import type { DerivationRecord, ModelLabel, ModelParameters, ModelRecord, TensorRecord } from "./records.js";
import { resolve } from "./refs.js";
import { checkHash, checkLabelPart, checkOneOf, invalid } from "./rules.js";
import {
  checkFilter,
  fits,
  isEmptyFilter,
  type ModelFilter,
  modelsOfForm,
  type SearchOptions,
  search,
} from "./search.js";
import { type Transformation, transformations } from "./transformations.js";
import {
  checkSignal,
  type Direction,
  type Neighbourhood,
  reaches,
  Turns,
  type WalkBounds,
  walk,
  walkSteps,
} from "./walk.js";

export interface Relative {
  readonly id: string;
  /** Derivations between, at the shortest. */
  readonly distance: number;
}

export interface RelativeOptions extends WalkBounds, ModelFilter {
  /** Derivations that are followed; all of them if left out. */
  readonly transformations?: readonly Transformation[];
  readonly limit?: number;
}

export interface NearestModel {
  readonly model: ModelRecord;
  readonly distance: number;
}

/** One derivation of a way, as it is gone: toward the parent or toward the child. */
export interface PathStep {
  readonly towards: Direction;
  readonly derivation: DerivationRecord;
}

export interface LineagePath {
  /** Ids, the first and the last included. */
  readonly models: readonly string[];
  /** Up to it the way goes to parents, from it to children. */
  readonly commonAncestor: string;
  readonly steps: readonly PathStep[];
}

export interface SharedAncestor {
  readonly id: string;
  /** Derivations from each of the models, in their order. */
  readonly distances: readonly number[];
}

export interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface ChildrenOptions extends StreamOptions {
  /** The only kind that is wanted. */
  readonly transformation?: Transformation;
}

/** Models of one question about several: what each of them brings is held in memory. */
const togetherMax = 16;

export class LineageReader {
  readonly #database: Database;
  readonly #graph: Graph;

  constructor(database: Database, graph: Graph) {
    this.#database = database;
    this.#graph = graph;
  }

  /** @throws MendlineError MENDLINE_STORE_UNKNOWN */
  protected record(id: string): ModelRecord {
    checkHash("model id", id);
    return this.#graph.model(id);
  }

  // Models

  /** @throws MendlineError MENDLINE_STORE_UNKNOWN */
  async get(id: string): Promise<ModelRecord> {
    return this.record(id);
  }

  async find(id: string): Promise<ModelRecord | null> {
    checkHash("model id", id);
    return this.#graph.find(id);
  }

  /** Tensors and layout of a model, as they were added. */
  async parameters(id: string): Promise<ModelParameters> {
    return parametersOf(this.#database, this.record(id));
  }

  /**
   * From what a person types to an id: an id, its beginning of 8 or more hex digits, `name@version`, an alias.
   *
   * @throws MendlineError MENDLINE_STORE_UNKNOWN    with names that look alike
   * @throws MendlineError MENDLINE_STORE_AMBIGUOUS  with some of the ids
   */
  async resolve(ref: string): Promise<string> {
    return resolve(this.#database, ref);
  }

  async idOfLabel(name: string, version: string): Promise<string | null> {
    checkLabelPart("name", name);
    checkLabelPart("version", version);
    return idOfLabel(this.#database, name, version);
  }

  /** All models in created order. */
  models({ signal }: StreamOptions = {}): AsyncGenerator<ModelRecord> {
    return allModels(this.#database, signal);
  }

  /** All labels of a model, its primary one first. */
  async labelsOf(id: string): Promise<ModelLabel[]> {
    return labelsOf(this.#database, this.record(id).number);
  }

  /** Versions of a name in the order in which they were added; none for an unknown name. */
  async *versionsOf(name: string, { signal }: StreamOptions = {}): AsyncGenerator<ModelVersion> {
    checkLabelPart("name", name);
    for await (const version of versionsOf(this.#database, name)) {
      checkSignal(signal, "listing the versions");
      yield version;
    }
  }

  /** Models by name, tags and metrics, in created order. Tags and names are indexed, metrics are not (search.ts). */
  async *search(filter: ModelFilter, options: SearchOptions = {}): AsyncGenerator<ModelRecord> {
    checkFilter(filter);
    yield* search(this.#database, this.#graph, filter, options);
  }

  /** Models whose tensors have the same names and shapes, the newest first. */
  async *modelsLike(
    tensors: readonly Pick<TensorRecord, "name" | "shape">[],
    options: SearchOptions = {},
  ): AsyncGenerator<ModelRecord> {
    const form = formHash(tensors);
    if (form !== null) yield* modelsOfForm(this.#database, this.#graph, form, options);
  }

  // Lineage

  /** All derivations, by the created order of the parent, then of the child. */
  derivations({ signal }: StreamOptions = {}): AsyncGenerator<DerivationRecord> {
    return allDerivations(this.#database, signal);
  }

  /** The derivations that made this model, in the order in which they were added. */
  async parents(id: string): Promise<DerivationRecord[]> {
    return derivationsOf(this.#database, "parent", this.record(id).number);
  }

  /** The derivations made from this model, in the order in which they were added. */
  async *children(
    id: string,
    { transformation, signal }: ChildrenOptions = {},
  ): AsyncGenerator<DerivationRecord> {
    if (transformation !== undefined) checkOneOf("transformation", transformation, transformations);
    const { number } = this.record(id);
    const turns = new Turns(signal);
    for (const child of this.#graph.neighbours("child", number)) {
      if (turns.isDue()) await turns.next();
      const derivation = this.#graph.derivation(number, child);
      if (transformation === undefined || derivation.transformation === transformation) yield derivation;
    }
  }

  /** Breadth first: by distance, then by created order; every model once, without the start. */
  ancestors(id: string, options: RelativeOptions = {}): AsyncGenerator<Relative> {
    return this.#relatives("parent", id, options);
  }

  /** As `ancestors`, downwards. */
  descendants(id: string, options: RelativeOptions = {}): AsyncGenerator<Relative> {
    return this.#relatives("child", id, options);
  }

  async *#relatives(direction: Direction, id: string, options: RelativeOptions): AsyncGenerator<Relative> {
    checkFilter(options);
    const { number: start } = this.record(id);
    const takesAll = isEmptyFilter(options);
    let left = options.limit ?? Infinity;
    if (left <= 0) return;
    for await (const { number, distance } of walk(this.#following(options), direction, start, options)) {
      if (!takesAll && !fits(this.#database, this.#graph.modelAt(number), options)) continue;
      yield { id: this.#graph.idOf(number), distance };
      if (--left <= 0) return;
    }
  }

  #following({ transformations: wanted }: RelativeOptions): Neighbourhood {
    if (wanted === undefined) return this.#graph;
    for (const one of wanted) checkOneOf("transformation", one, transformations);
    const graph = this.#graph;
    return {
      *neighbours(direction, number) {
        for (const neighbour of graph.neighbours(direction, number)) {
          const [parent, child] = direction === "parent" ? [neighbour, number] : [number, neighbour];
          if (wanted.includes(graph.derivation(parent, child).transformation)) yield neighbour;
        }
      },
    };
  }

  /**
   * The first of `ancestors` that the predicate accepts; null where there is none. At depth 1,000 it takes about a millisecond where
   * the graph was walked lately (bench/suites/store-graph.ts).
   *
   * @param accepts  its `model` serves others too and is frozen
   */
  nearestAncestor(
    id: string,
    accepts: (model: ModelRecord, distance: number) => boolean | Promise<boolean>,
    options: RelativeOptions = {},
  ): Promise<NearestModel | null> {
    return this.#nearest("parent", id, accepts, options);
  }

  /** As `nearestAncestor`, downwards. */
  nearestDescendant(
    id: string,
    accepts: (model: ModelRecord, distance: number) => boolean | Promise<boolean>,
    options: RelativeOptions = {},
  ): Promise<NearestModel | null> {
    return this.#nearest("child", id, accepts, options);
  }

  async #nearest(
    direction: Direction,
    id: string,
    accepts: (model: ModelRecord, distance: number) => boolean | Promise<boolean>,
    options: RelativeOptions,
  ): Promise<NearestModel | null> {
    checkFilter(options);
    const { number: start } = this.record(id);
    const takesAll = isEmptyFilter(options);
    const turns = new Turns(options.signal);
    for (const step of walkSteps(this.#following(options), direction, start, options)) {
      if (step === null) {
        await turns.next();
        continue;
      }
      checkSignal(options.signal);
      const model = this.#graph.modelAt(step.number);
      if (!takesAll && !fits(this.#database, model, options)) continue;
      const answer = accepts(model, step.distance);
      if (typeof answer === "boolean" ? answer : await answer) return { model, distance: step.distance };
    }
    return null;
  }

  /** Whether `descendant` comes from `ancestor`; false for the model itself. */
  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    const [first, second] = [this.record(ancestor).number, this.record(descendant).number];
    return first !== second && reaches(this.#graph, first, second);
  }

  /**
   * The shortest way from one model to another: up to a common ancestor and down from it, either of which may be no step at all. Of
   * equally short ways the one over the oldest ancestor. null where the two have none in common.
   */
  async path(from: string, to: string, options: WalkBounds = {}): Promise<LineagePath | null> {
    const [first, last] = [this.record(from).number, this.record(to).number];
    const path = await shortestPath(this.#graph, first, last, options);
    if (path === null) return null;
    const steps = path.numbers.slice(1).map((number, index): PathStep => {
      const before = path.numbers[index]!;
      return index < path.apex
        ? { towards: "parent", derivation: this.#graph.derivation(number, before) }
        : { towards: "child", derivation: this.#graph.derivation(before, number) };
    });
    const models = path.numbers.map((number) => this.#graph.idOf(number));
    return { models, commonAncestor: models[path.apex]!, steps };
  }

  /**
   * The lowest ancestors that all these models have in common: those from which no other common one descends, nearest first. A model
   * counts as its own ancestor here, so that the answer for an ancestor and its descendant is the ancestor.
   */
  async commonAncestors(
    ids: readonly string[],
    options: Omit<WalkBounds, "maxDistance"> = {},
  ): Promise<SharedAncestor[]> {
    if (ids.length < 2 || ids.length > togetherMax)
      throw invalid(`common ancestors of ${ids.length} models`, `are not told: give 2 to ${togetherMax}`);
    const starts = ids.map((id) => this.record(id).number);
    const common = await commonAncestors(this.#graph, starts, options);
    return common.map(({ number, distances }) => ({ id: this.#graph.idOf(number), distances }));
  }
}
