/** How two models are related: the shortest way between them, and the ancestors that they have in common. */
import { walkNodesMax } from "../limits.js";
import { type Neighbourhood, Turns, tooManyNodes, type WalkBounds } from "./walk.js";

/** Every model on the way, the first and the last included. */
export interface NumberPath {
  readonly numbers: readonly number[];
  /** Place of the common ancestor: up to it the way goes to parents, from it to children. */
  readonly apex: number;
}

/** Ancestors of one model, level by level, each with the model from which it was reached. */
class Ascent {
  /** The start is its own predecessor. */
  readonly origins: Map<number, number>;
  readonly distances: Map<number, number>;
  distance = 0;
  #level: number[];

  constructor(start: number) {
    this.origins = new Map([[start, start]]);
    this.distances = new Map([[start, 0]]);
    this.#level = [start];
  }

  /** Derivations within which everything is known. */
  get reach(): number {
    return this.#level.length === 0 ? Infinity : this.distance;
  }

  get width(): number {
    return this.#level.length;
  }

  /** Goes one derivation further up. Yields each ancestor that it meets for the first time. */
  *climb(graph: Neighbourhood): Generator<number> {
    this.distance++;
    const next: number[] = [];
    for (const number of this.#level) {
      for (const parent of graph.neighbours("parent", number)) {
        if (this.distances.has(parent)) continue;
        this.distances.set(parent, this.distance);
        this.origins.set(parent, number);
        next.push(parent);
        yield parent;
      }
    }
    this.#level = next.sort((left, right) => left - right);
  }

  /** From a known ancestor back to the start, both included. */
  wayTo(ancestor: number): number[] {
    const way = [ancestor];
    for (let number = ancestor; this.origins.get(number) !== number; ) {
      number = this.origins.get(number)!;
      way.push(number);
    }
    return way;
  }
}

/**
 * Fewest derivations from one model up to an ancestor that both have, and down to the other; either half may be empty, so that the
 * way from an ancestor to its descendant goes down alone. Of equally short ways the one over the oldest common ancestor.
 *
 * @param bounds  `maxDistance` of the whole way
 * @returns null where they have no common ancestor within the bounds
 */
export async function shortestPath(
  graph: Neighbourhood,
  from: number,
  to: number,
  { maxDistance = Infinity, signal, nodesMax = walkNodesMax }: WalkBounds = {},
): Promise<NumberPath | null> {
  const turns = new Turns(signal);
  const sides = [new Ascent(from), new Ascent(to)] as const;
  let best = from === to ? { apex: from, distance: 0 } : null;
  const isOpen = () =>
    Math.min(sides[0].reach, sides[1].reach) < Math.min(best?.distance ?? Infinity, maxDistance);
  while (isOpen() && sides[0].width + sides[1].width > 0) {
    const [side, other] = nextSide(sides);
    for (const met of side.climb(graph)) {
      if (turns.isDue()) await turns.next();
      if (sides[0].distances.size + sides[1].distances.size > nodesMax) throw tooManyNodes(nodesMax);
      const rest = other.distances.get(met);
      if (rest === undefined) continue;
      const distance = side.distance + rest;
      if (best === null || distance < best.distance || (distance === best.distance && met < best.apex))
        best = { apex: met, distance };
    }
  }
  if (best === null || best.distance > maxDistance) return null;
  const up = sides[0].wayTo(best.apex).reverse();
  return { numbers: [...up, ...sides[1].wayTo(best.apex).slice(1)], apex: up.length - 1 };
}

/** The side that knows less far; it sets how short an unknown way could still be. */
function nextSide([first, second]: readonly [Ascent, Ascent]): [Ascent, Ascent] {
  if (first.width === 0) return [second, first];
  return second.width === 0 || first.distance <= second.distance ? [first, second] : [second, first];
}

export interface CommonAncestor {
  readonly number: number;
  /** From each of the models, in their order. */
  readonly distances: readonly number[];
}

/**
 * The lowest common ancestors: those from which no other common ancestor descends. A model counts as its own ancestor here, so
 * that the answer for an ancestor and its descendant is the ancestor. Nearest first, by the sum of the distances, then by age.
 */
export async function commonAncestors(
  graph: Neighbourhood,
  starts: readonly number[],
  { signal, nodesMax = walkNodesMax }: Omit<WalkBounds, "maxDistance"> = {},
): Promise<CommonAncestor[]> {
  const turns = new Turns(signal);
  const sides = starts.map((start) => new Ascent(start));
  let known = sides.length;
  for (const side of sides) {
    while (side.width > 0) {
      for (const _ of side.climb(graph)) {
        if (turns.isDue()) await turns.next();
        if (++known > nodesMax) throw tooManyNodes(nodesMax);
      }
    }
  }
  const smallest = sides.reduce((one, other) => (other.distances.size < one.distances.size ? other : one));
  const isCommon = (number: number) => sides.every(({ distances }) => distances.has(number));
  const common = [...smallest.distances.keys()].filter(isCommon);
  // Ancestors of common ancestors are common: whoever is not the lowest is a parent of one of them.
  const passed = new Set<number>();
  for (const number of common) {
    if (turns.isDue()) await turns.next();
    for (const parent of graph.neighbours("parent", number)) passed.add(parent);
  }
  const sum = (distances: readonly number[]) => distances.reduce((total, distance) => total + distance, 0);
  return common
    .filter((number) => !passed.has(number))
    .map((number) => ({ number, distances: sides.map(({ distances }) => distances.get(number)!) }))
    .sort((left, right) => sum(left.distances) - sum(right.distances) || left.number - right.number);
}
