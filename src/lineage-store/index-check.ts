/** Whether every record of the indexes is sound, and there are as many of them as there is something to find by them. */
import { MendlineError } from "../errors.js";
import { repairRemedy } from "./codec.js";
import type { Database } from "./database.js";
import { indexKinds, prefixOf, type RecordKind, rangeOf } from "./keys.js";
import { checkSignal } from "./walk.js";

/** Indexes with a record for each record of another kind. */
const pairs: readonly (readonly [index: RecordKind, of: RecordKind])[] = [
  ["node", "model"],
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
    let count = 0;
    for await (const _ of database.entries(rangeOf(prefixOf(kind)))) {
      if (count++ % 1_024 === 0) checkSignal(signal, "the check of the store");
    }
    counts.set(kind, count);
    all += count;
  }
  for (const [index, of] of pairs) {
    const expected = await keyCount(database, of);
    if (counts.get(index) !== expected) throw notAsMany(index, counts.get(index)!, of, expected);
  }
  return all;
}

async function keyCount(database: Database, kind: RecordKind): Promise<number> {
  let count = 0;
  for await (const _ of database.keys(rangeOf(prefixOf(kind)))) count++;
  return count;
}

function notAsMany(index: RecordKind, found: number, of: RecordKind, expected: number): MendlineError {
  return new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the store's index ${index} has ${found} records for ${expected} of kind ${of}: ${repairRemedy}`,
    { details: { index, found, expected } },
  );
}
