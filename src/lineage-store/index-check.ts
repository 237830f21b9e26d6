/** Whether every record of the indexes is sound, and there are as many of them as there is something to find by them. */
import { MendlineError } from "../errors.js";
import { corrupt, repairRemedy } from "./codec.js";
import type { Database } from "./database.js";
import { indexKinds, keyOf, prefixOf, type RecordKind, rangeOf } from "./keys.js";
import { allNodes, lateKey } from "./nodes.js";
import { checkSignal } from "./walk.js";

/** Indexes with a record for each record of another kind. */
const pairs: readonly (readonly [index: RecordKind, of: RecordKind])[] = [
  ["labels", "label"],
  ["versions", "label"],
  ["parent", "derivation"],
  ["child", "derivation"],
];

/**
 * Memory: a page of keys or records.
 *
 * @returns records that were read
 * @throws MendlineError MENDLINE_STORE_CORRUPT  naming the first that does not fit
 */
export async function verifyIndexes(database: Database, signal?: AbortSignal): Promise<number> {
  const counts = new Map<RecordKind, number>();
  let all = 0;
  for (const kind of indexKinds) {
    const count = await countOf(database.entries(rangeOf(prefixOf(kind))), signal);
    counts.set(kind, count);
    all += count;
  }
  for (const [index, of] of pairs) await compareCounts(database, index, counts.get(index)!, of);
  await compareCounts(database, "nodes", await verifyNodes(database, signal), "model");
  return all;
}

/** Whether the parents that stand with a model are those of its list. @returns models */
async function verifyNodes(database: Database, signal: AbortSignal | undefined): Promise<number> {
  let count = 0;
  for await (const { model, parents } of allNodes(database)) {
    if (count++ % 1_024 === 0) checkSignal(signal, "the check of the store");
    const { number } = model;
    const key = (place: number) => keyOf("parent", number, place);
    for (const [place, parent] of parents.entries())
      if (database.read(key(place)) !== parent) throw corrupt(key(place), `is not ${parent}`);
    if (database.has(key(parents.length)) && !database.has(lateKey(number)))
      throw corrupt(lateKey(number), "is missing");
  }
  return count;
}

async function compareCounts(
  database: Database,
  index: RecordKind,
  found: number,
  of: RecordKind,
): Promise<void> {
  const expected = await countOf(database.keys(rangeOf(prefixOf(of))));
  if (found !== expected) throw notAsMany(index, found, of, expected);
}

async function countOf(items: AsyncIterable<unknown>, signal?: AbortSignal): Promise<number> {
  let count = 0;
  for await (const _ of items) if (count++ % 1_024 === 0) checkSignal(signal, "the check of the store");
  return count;
}

function notAsMany(index: RecordKind, found: number, of: RecordKind, expected: number): MendlineError {
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the store's index ${index} has ${found} records for ${expected} of kind ${of}: ${repairRemedy}`,
    { details: { index, found, expected } },
  );
}
