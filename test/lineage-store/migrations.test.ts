/** Stores of earlier schemas, as they were written then (test/fixtures/stores), opened now. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Level } from "level";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { storeSchema } from "../../src/lineage-store/folder.js";
import { parseKey } from "../../src/lineage-store/keys.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { repairStore } from "../../src/lineage-store/store-repair.js";
import { fixturePath } from "../support.js";
import { addAll, collect, emptyModel, failNext, failure, freshDir, idOf } from "./support.js";

interface WrittenStore {
  readonly FORMAT: string;
  readonly records: readonly (readonly [keyHex: string, bytesBase64: string])[];
  readonly objects: Readonly<Record<string, string>>;
}

function openLevel(dir: string): Level<Buffer, Buffer> {
  return new Level<Buffer, Buffer>(join(dir, "db"), { keyEncoding: "buffer", valueEncoding: "buffer" });
}

/** The fixture as a folder, record for record. */
async function writtenStore(schema: number): Promise<string> {
  const text = readFileSync(fixturePath("stores", `schema-${schema}.json`), "utf8");
  const { FORMAT, records, objects } = JSON.parse(text) as WrittenStore;
  const dir = freshDir();
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "FORMAT"), FORMAT);
  for (const [hash, bytes] of Object.entries(objects)) {
    const path = join(dir, "objects", hash.slice(0, 2), hash.slice(2));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, Buffer.from(bytes, "base64"));
  }
  const level = openLevel(dir);
  for (const [key, bytes] of records) await level.put(Buffer.from(key, "hex"), Buffer.from(bytes, "base64"));
  await level.close();
  return dir;
}

async function recordsOf(dir: string): Promise<Map<string, string>> {
  const level = openLevel(dir);
  const records = new Map<string, string>();
  for await (const [key, bytes] of level.iterator()) records.set(key.toString("hex"), bytes.toString("hex"));
  await level.close();
  return records;
}

async function openedOnce(dir: string): Promise<Map<string, string>> {
  await (await LineageStore.open(dir)).close();
  return recordsOf(dir);
}

test("a store of schema 1 opens, says the same, and can be searched by what schema 2 added", async () => {
  const dir = await writtenStore(1);
  const before = await recordsOf(dir);
  const store = await LineageStore.open(dir);
  assert.match(readFileSync(join(dir, "FORMAT"), "utf8"), `"schema":${storeSchema}`);
  const { entryCount, recordCount } = await store.verifyJournal();
  assert.equal([entryCount, recordCount], [3, 24]);
  const models = await collect(store.models());
  assert.equal(
    models.map(({ name, version }) => `${name}@${version}`),
    ["rain@1", "rain@10", "rain@9", "snow@1"],
  );
  // Within a commit schema 1 kept no order: versions of one commit come by their names.
  assert.equal(
    (await collect(store.versionsOf("rain"))).map(({ version }) => version),
    ["1", "10", "9", "0", "11"],
  );
  const [, pruned] = await collect(store.children(models[0]!.id));
  assert.equal(pruned!.parameters, { sparsity: 2, by: "norm" });
  assert.equal(
    (await collect(store.aliasHistory("prod"))).map(({ reason }) => reason),
    ["repair", "deploy"],
  );
  await addAll(store, emptyModel("rain", "12", { tags: { stage: "trial" } }));
  assert.is((await collect(store.versionsOf("rain"))).at(-1)!.version, "12");
  await store.close();
  const after = await recordsOf(dir);
  for (const [key, bytes] of before) assert.is(after.get(key), bytes, "no record was changed or dropped");
  const added = [...after.keys()].filter((key) => !before.has(key));
  const kinds = added.map((key) => parseKey(Buffer.from(key, "hex"))!.kind);
  const count = (kind: string) => kinds.filter((one) => one === kind).length;
  assert.equal([count("versions"), count("tag"), count("form"), count("single")], [7, 8, 4, 5]);
});

test("a store of schema 6 opens with sixteen models in a record, and their parents", async () => {
  const dir = await writtenStore(6);
  const before = await recordsOf(dir);
  const store = await LineageStore.open(dir);
  assert.is((await store.verifyJournal()).entryCount, 2);
  const models = await collect(store.models());
  assert.equal(
    models.map(({ name, version }) => `${name}@${version}`),
    [...Array.from({ length: 17 }, (_, index) => `rain@${index + 1}`), "snow@1"],
  );
  const ancestors = await collect(store.ancestors(models[3]!.id));
  assert.equal(
    ancestors.map(({ id, distance }) => [id, distance]),
    [2, 1, 17, 0].map((number, index) => [models[number]!.id, [1, 2, 2, 3][index]]),
  );
  await store.close();
  const after = await recordsOf(dir);
  for (const [key, bytes] of before) assert.is(after.get(key), bytes, "no record was changed or dropped");
  const added = [...after.keys()].filter((key) => !before.has(key));
  const kinds = added.map((key) => parseKey(Buffer.from(key, "hex"))!.kind);
  assert.equal(kinds, ["nodes", "single", "single"]);
});

test("an earlier store without its FORMAT is repaired, to the same records", async () => {
  for (const schema of [1, 6]) {
    const [dir, whole] = [await writtenStore(schema), await writtenStore(schema)];
    rmSync(join(dir, "FORMAT"));
    assert.equal((await repairStore(dir)).lost, []);
    const told = async (of: string) => {
      const store = await LineageStore.open(of);
      await store.verifyJournal();
      const all = [await collect(store.models()), await collect(store.derivations())];
      await store.close();
      return all;
    };
    assert.equal(await told(dir), await told(whole));
  }
});

test("a migration that a crash or a full disk cut off is done again, to the same records", async () => {
  const whole = await openedOnce(await writtenStore(1));
  const cut = await writtenStore(1);
  failNext("batch");
  await failure("MENDLINE_STORE_IO", () => LineageStore.open(cut));
  assert.match(readFileSync(join(cut, "FORMAT"), "utf8"), '"schema":1');
  // As if the records had reached the disk, and the new FORMAT had not.
  const unsaid = await writtenStore(1);
  const format = readFileSync(join(unsaid, "FORMAT"));
  await openedOnce(unsaid);
  writeFileSync(join(unsaid, "FORMAT"), format);
  for (const dir of [cut, unsaid]) assert.equal(await openedOnce(dir), whole);
  assert.equal(await openedOnce(unsaid), whole, "and opening once more changes nothing");
});

test("a damaged record stops the migration, and the store stays of its schema", async () => {
  const dir = await writtenStore(1);
  const level = openLevel(dir);
  const [key] = (await level.keys({ gte: Buffer.from("label/"), limit: 1 }).all()) as [Buffer];
  await level.put(key, Buffer.from(idOf("garbage"), "hex"));
  await level.close();
  const error = await failure("MENDLINE_STORE_CORRUPT", () => LineageStore.open(dir));
  assert.match(error.message, 'label "rain" "0"');
  assert.match(readFileSync(join(dir, "FORMAT"), "utf8"), '"schema":1');
});

test.run();
