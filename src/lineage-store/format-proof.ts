/**
 * A store whose FORMAT is damaged or lost is one all the same if its database proves it. What a repair makes is of this mendline's schema
 * anyway, so that FORMAT can be written anew behind it; only a later mendline's store must not be taken for one.
 */
import { MendlineError } from "../errors.js";
import { describeKey, parseKey } from "./keys.js";
import type { FileProblem } from "./leveldb-files.js";
import { salvagedEntries } from "./leveldb-salvage.js";
import { isSound, SalvagedRecords } from "./record-salvage.js";
import { checkSignal } from "./walk.js";

/**
 * Only reads.
 *
 * @param format  what is wrong with it
 * @throws MendlineError MENDLINE_STORE_CORRUPT  no record is a store's
 * @throws MendlineError MENDLINE_STORE_VERSION  there are records of a kind that this mendline does not know
 */
export async function proveStore(
  databaseDir: string,
  format: FileProblem,
  signal?: AbortSignal,
): Promise<void> {
  const { path } = format;
  let isProven = false;
  for await (const { key, value } of salvagedEntries(databaseDir)) {
    checkSignal(signal, "the repair of the store");
    isProven ||= SalvagedRecords.takes(key, value);
    if (parseKey(key) === null && isSound(key, value)) throw ofLater(path, key);
  }
  if (isProven) return;
  throw new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `${path} is damaged or missing, and nothing in the database beside it says that this is a store: restore it from a copy`,
    { details: { path } },
  );
}

function ofLater(path: string, key: Buffer): MendlineError {
  return new MendlineError(
    "MENDLINE_STORE_VERSION",
    `${path} cannot be read, and the store holds records that this mendline does not know (${describeKey(key)}): use a newer mendline`,
    { details: { path } },
  );
}
