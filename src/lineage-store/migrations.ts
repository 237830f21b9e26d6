/**
 * Brings a store of an earlier schema up to this one, in place, when it is opened.
 *
 * A step only adds records that can be made from those that are there, in synced batches; FORMAT says the new schema when all of them
 * are on the disk. A crash on the way leaves a store of the earlier schema with some records that nobody reads, and the next opening
 * writes the very same ones again.
 */
import { migrationBatchRecords } from "../limits.js";
import { encodeRecord } from "./codec.js";
import type { Database, RecordWrite } from "./database.js";
import { Fields } from "./fields.js";
import { schemaOf, storeSchema, writeFormat } from "./folder.js";
import { formHash, tagHash } from "./indexes.js";
import { type KeyParts, keyOf, partsOf, prefixOf, type RecordKind, rangeOf } from "./keys.js";
import { parametersOf, requireModel } from "./models.js";
import { NodeIndex } from "./nodes.js";
import type { ModelRecord } from "./records.js";
import { neighbours } from "./walk.js";

/** @param found  the schema that the store had */
type Step = (database: Database, found: number) => AsyncIterable<RecordWrite>;

/** By the schema that a step begins with. */
const steps: Readonly<Record<number, Step>> = {
  1: searchIndexes,
  2: nothing,
  3: nothing,
  4: nothing,
  5: nothing,
  6: nodes,
};

/**
 * @param database  open, so that the folder is this process's
 * @throws MendlineError MENDLINE_STORE_CORRUPT  a record that a step needs is damaged; the store is as it was
 */
export async function migrate(dir: string, database: Database): Promise<void> {
  const found = await schemaOf(dir);
  if (found === storeSchema) return;
  for (let schema = found; schema < storeSchema; schema++)
    await writeAll(database, steps[schema]!(database, found));
  await writeFormat(dir);
}

async function writeAll(database: Database, writes: AsyncIterable<RecordWrite>): Promise<void> {
  let batch: RecordWrite[] = [];
  for await (const write of writes) {
    if (batch.push(write) < migrationBatchRecords) continue;
    await database.write(batch);
    batch = [];
  }
  await database.write(batch);
}

/** 1 -> 2: versions of a name in order, models by tag, models by the form of their tensors. */
async function* searchIndexes(database: Database): AsyncGenerator<RecordWrite> {
  for await (const model of numberedModels(database)) {
    for (const [name, text] of Object.entries(model.tags))
      yield record("tag", [tagHash(name, text), model.number], null);
    const form = formHash(parametersOf(database, model).tensors);
    if (form !== null) yield record("form", [form, model.number], null);
  }
  let ofName = "";
  let places = new Map<number, number>();
  for await (const { key, value } of database.entries(rangeOf(prefixOf("label")))) {
    const [name, version] = partsOf("label", key);
    if (name !== ofName) places = new Map();
    ofName = name;
    const sequence = new Fields(key, value).number("sequence");
    const place = places.get(sequence) ?? 0;
    places.set(sequence, place + 1);
    yield record("versions", [name, sequence, place], version);
  }
}

/** 6 -> 7: models by number, sixteen in a record, with what is known of their parents. */
async function* nodes(database: Database, found: number): AsyncGenerator<RecordWrite> {
  const index = new NodeIndex();
  for await (const model of numberedModels(database, found === 6 ? "node" : "number"))
    yield* index.add(model, [...neighbours(database, "parent", model.number)], false);
  yield* index.end();
}

/** In created order, by the index that the store has: of numbers until schema 5, of nodes in schema 6. Both tell the id. */
async function* numberedModels(
  database: Database,
  index: "number" | "node" = "number",
): AsyncGenerator<ModelRecord> {
  for await (const { key, value } of database.entries(rangeOf(prefixOf(index))))
    yield requireModel(database, new Fields(key, value).hash("id"));
}

/** 2 -> 3 to 5 -> 6: what is there stays as it is; there may be records and files that no earlier store has. */
async function* nothing(): AsyncGenerator<RecordWrite> {}

function record<K extends RecordKind>(kind: K, parts: KeyParts<K>, value: unknown): RecordWrite {
  const key = keyOf(kind, ...parts);
  return { key, bytes: encodeRecord(key, value) };
}
