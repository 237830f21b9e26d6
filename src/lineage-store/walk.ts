/**
 * Walks through the lineage graph. Inside, a model is its number in created order: small keys, small sets, and a stable order for
 * free. Each adjacency list is a run of keys (model, place 0, 1, 2 …), read by point lookups, which cost a tenth of opening an
 * iterator.
 */
import { setImmediate } from "node:timers/promises";
import { MendlineError } from "../errors.js";
import { walkNodesMax } from "../limits.js";
import { corrupt } from "./codec.js";
import type { RecordReader } from "./database.js";
import { keyOf } from "./keys.js";

/** Which list: the parents of a model or its children. */
export type Direction = "parent" | "child";

export interface Neighbourhood {
  neighbours(direction: Direction, number: number): Iterable<number>;
}

export interface WalkBounds {
  /** Derivations away at most; no bound if left out. */
  readonly maxDistance?: number;
  readonly signal?: AbortSignal | undefined;
  /** Models visited at most: bounds the memory, about 50 bytes each. */
  readonly nodesMax?: number;
}

export interface WalkStep {
  readonly number: number;
  readonly distance: number;
}

/** Lookups between two turns of the event loop, three a model: 1 to 3 ms. */
const turnLookups = 1_024;

/** First free place of a list whose places are filled from 0 without gaps. Doubling, then halving: 2 log2(n) lookups. */
export function nextPlace(reader: RecordReader, placeKey: (place: number) => Buffer): number {
  const isFilled = (place: number) => reader.has(placeKey(place));
  let free = 1;
  if (!isFilled(0)) return 0;
  while (isFilled(free)) free *= 2;
  let filled = free >> 1;
  while (free - filled > 1) {
    const middle = Math.floor((filled + free) / 2);
    if (isFilled(middle)) filled = middle;
    else free = middle;
  }
  return free;
}

/** null behind the last. */
export function neighbourAt(
  reader: RecordReader,
  direction: Direction,
  number: number,
  place: number,
): number | null {
  const key = keyOf(direction, number, place);
  const neighbour = reader.read(key);
  if (neighbour === undefined) return null;
  if (typeof neighbour !== "number") throw corrupt(key, "is no number");
  return neighbour;
}

export function* neighbours(reader: RecordReader, direction: Direction, number: number): Generator<number> {
  for (let place = 0; ; place++) {
    const neighbour = neighbourAt(reader, direction, number, place);
    if (neighbour === null) return;
    yield neighbour;
  }
}

/**
 * Breadth first, every model once, without the start. Within a distance in created order.
 *
 * @throws MendlineError MENDLINE_DATA_LIMIT    more models than `nodesMax`
 * @throws MendlineError MENDLINE_TASK_ABORTED  by the signal
 */
export async function* walk(
  graph: Neighbourhood,
  direction: Direction,
  start: number,
  bounds: WalkBounds = {},
): AsyncGenerator<WalkStep> {
  const turns = new Turns(bounds.signal);
  for (const step of walkSteps(graph, direction, start, bounds)) {
    checkSignal(bounds.signal);
    if (step === null) await turns.next();
    else yield step;
  }
}

/** The same at one go; null where the event loop should have its turn, `turnLookups` lookups after the last. */
export function* walkSteps(
  graph: Neighbourhood,
  direction: Direction,
  start: number,
  { maxDistance = Infinity, nodesMax = walkNodesMax }: WalkBounds = {},
): Generator<WalkStep | null> {
  const visited = new Set([start]);
  let level = [start];
  let lookups = 0;
  for (let distance = 1; distance <= maxDistance && level.length > 0; distance++) {
    const next: number[] = [];
    for (const number of level) {
      if (++lookups % turnLookups === 0) yield null;
      for (const neighbour of graph.neighbours(direction, number)) {
        if (++lookups % turnLookups === 0) yield null;
        if (visit(visited, neighbour, nodesMax)) next.push(neighbour);
      }
    }
    level = next.sort((left, right) => left - right);
    for (const number of level) {
      if (++lookups % turnLookups === 0) yield null;
      yield { number, distance };
    }
  }
}

/** Counts what a loop does, so that it is cancelled soon and others get their turn. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  #count = 0;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** @throws MendlineError MENDLINE_TASK_ABORTED  by the signal */
  isDue(): boolean {
    checkSignal(this.#signal);
    return ++this.#count % turnLookups === 0;
  }

  async next(): Promise<void> {
    await setImmediate();
    checkSignal(this.#signal);
  }
}

/** @throws MendlineError MENDLINE_TASK_ABORTED */
export function checkSignal(signal: AbortSignal | undefined, what = "the walk through the lineage"): void {
  if (!signal?.aborted) return;
  throw new MendlineError("MENDLINE_TASK_ABORTED", `${what} was cancelled`, { cause: signal.reason });
}

function visit(visited: Set<number>, number: number, nodesMax: number): boolean {
  if (visited.has(number)) return false;
  // The start is in the set and no result.
  if (visited.size > nodesMax) throw tooManyNodes(nodesMax);
  visited.add(number);
  return true;
}

export function tooManyNodes(nodesMax: number): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `the walk reached more than ${nodesMax} models: bound its distance`,
    { details: { nodesMax } },
  );
}

/**
 * Whether `descendant` is `ancestor` itself or comes from it. Searches from both ends in turns and ends when either side
 * has no more: a new child, or a parent without parents, is answered at once.
 */
export function reaches(graph: Neighbourhood, ancestor: number, descendant: number): boolean {
  if (ancestor === descendant) return true;
  const down = search(graph, "child", ancestor, descendant);
  const up = search(graph, "parent", descendant, ancestor);
  for (;;) {
    for (const side of [down, up]) {
      const { done, value } = side.next();
      if (done) return value;
    }
  }
}

/** Returns whether the target was met; gives way while there is more to look at. */
function* search(
  graph: Neighbourhood,
  direction: Direction,
  start: number,
  target: number,
): Generator<void, boolean> {
  const visited = new Set([start]);
  const stack = [start];
  for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
    for (const neighbour of graph.neighbours(direction, number)) {
      if (neighbour === target) return true;
      if (!visit(visited, neighbour, walkNodesMax)) continue;
      stack.push(neighbour);
      yield;
    }
  }
  return false;
}
