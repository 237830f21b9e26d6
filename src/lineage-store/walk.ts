/**
 * The lineage graph. Inside, a model is its number in created order: small keys, small sets, and a stable order for free.
 * Each adjacency list is a run of keys (model, place 0, 1, 2 …), read by point lookups, which cost a tenth of opening an iterator.
 */
import { setImmediate } from "node:timers/promises";
import { MendlineError } from "../errors.js";
import { walkNodesMax } from "../limits.js";
import { corrupt } from "./codec.js";
import type { RecordReader } from "./database.js";
import { keyOf } from "./keys.js";

export interface WalkOptions {
  /** Derivations away at most; no bound if left out. */
  readonly maxDistance?: number;
  readonly signal?: AbortSignal | undefined;
  /** Models visited at most. */
  readonly nodesMax?: number;
}

export interface WalkStep {
  readonly number: number;
  readonly distance: number;
}

/** Which list: the parents of a model or its children. */
export type Direction = "parent" | "child";

/** Lookups between two turns of the event loop: about a millisecond. */
const turnLookups = 256;

/** First free place of a list whose places are filled from 0 without gaps. Doubling, then halving: 2 log2(n) lookups. */
export function nextPlace(reader: RecordReader, placeKey: (place: number) => Buffer): number {
  const isFilled = (place: number) => reader.read(placeKey(place)) !== undefined;
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

export function* neighbours(reader: RecordReader, direction: Direction, number: number): Generator<number> {
  for (let place = 0; ; place++) {
    const key = keyOf(direction, number, place);
    const neighbour = reader.read(key);
    if (neighbour === undefined) return;
    if (typeof neighbour !== "number") throw corrupt(key, "is no number");
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
  reader: RecordReader,
  direction: Direction,
  start: number,
  { maxDistance = Infinity, signal, nodesMax = walkNodesMax }: WalkOptions = {},
): AsyncGenerator<WalkStep> {
  const visited = new Set([start]);
  let level = [start];
  let lookups = 0;
  for (let distance = 1; distance <= maxDistance && level.length > 0; distance++) {
    const next: number[] = [];
    for (const number of level) {
      if (++lookups % turnLookups === 0) await setImmediate();
      checkSignal(signal);
      for (const neighbour of neighbours(reader, direction, number)) {
        if (visit(visited, neighbour, nodesMax)) next.push(neighbour);
      }
    }
    level = next.sort((left, right) => left - right);
    for (const number of level) {
      checkSignal(signal);
      yield { number, distance };
    }
  }
}

function visit(visited: Set<number>, number: number, nodesMax: number): boolean {
  if (visited.has(number)) return false;
  // The start is in the set and no result.
  if (visited.size > nodesMax) throw tooManyNodes(nodesMax);
  visited.add(number);
  return true;
}

function tooManyNodes(nodesMax: number): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `the walk reached more than ${nodesMax} models: bound its distance`,
    { details: { nodesMax } },
  );
}

function checkSignal(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new MendlineError("MENDLINE_TASK_ABORTED", "the walk through the lineage was cancelled", {
    cause: signal.reason,
  });
}

/**
 * Whether `descendant` is `ancestor` itself or comes from it. Searches from both ends in turns and ends when either side
 * has no more: a new child, or a parent without parents, is answered at once.
 */
export function reaches(reader: RecordReader, ancestor: number, descendant: number): boolean {
  if (ancestor === descendant) return true;
  const down = search(reader, "child", ancestor, descendant);
  const up = search(reader, "parent", descendant, ancestor);
  for (;;) {
    for (const side of [down, up]) {
      const { done, value } = side.next();
      if (done) return value;
    }
  }
}

/** Returns whether the target was met; gives way after every model. */
function* search(
  reader: RecordReader,
  direction: Direction,
  start: number,
  target: number,
): Generator<void, boolean> {
  const visited = new Set([start]);
  const stack = [start];
  for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
    for (const neighbour of neighbours(reader, direction, number)) {
      if (neighbour === target) return true;
      if (visit(visited, neighbour, walkNodesMax)) stack.push(neighbour);
    }
    yield;
  }
  return false;
}
