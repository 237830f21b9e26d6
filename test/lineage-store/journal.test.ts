import { join } from "node:path";
import { Level } from "level";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeRecord, encodeRecord } from "../../src/lineage-store/codec.js";
import { keyOf } from "../../src/lineage-store/keys.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { addAll, derive, emptyModel, failure, freshDir, idOf } from "./support.js";

type Records = Level<Buffer, Buffer>;

/** A small store, changed behind its back, and what verification says to it. */
async function tampered(change: (level: Records) => Promise<unknown>): Promise<string> {
  const dir = freshDir();
  const store = await LineageStore.open(dir);
  await addAll(store, emptyModel("a"), emptyModel("b"));
  await derive(store, ["a", "b"]);
  await store.commit((tx) => tx.setAlias({ alias: "prod", id: idOf("a@1"), reason: "deploy" }));
  await store.commit((tx) => tx.appendReport("prod", { verdict: "stable" }));
  await store.close();
  const level: Records = new Level(join(dir, "db"), { keyEncoding: "buffer", valueEncoding: "buffer" });
  await change(level);
  await level.close();
  const opened = await LineageStore.open(dir).catch((error: Error) => error);
  if (opened instanceof Error) return opened.message;
  try {
    return (await failure("MENDLINE_STORE_CORRUPT", () => opened.verifyJournal())).message;
  } finally {
    await opened.close();
  }
}

/** Changes a record and gives it a hash that is right again, as an attacker would. */
async function rewrite(level: Records, key: Buffer, changes: object): Promise<void> {
  const value = decodeRecord(key, (await level.get(key))!);
  await level.put(key, encodeRecord(key, { ...(value as object), ...changes }));
}

test("an untouched journal verifies, and its head tells every commit apart", async () => {
  const dir = freshDir();
  const store = await LineageStore.open(dir);
  assert.equal(await store.verifyJournal(), { entryCount: 0, head: "0".repeat(64), recordCount: 0 });
  await addAll(store, emptyModel("a"));
  const one = await store.verifyJournal();
  await addAll(store, emptyModel("b"));
  const two = await store.verifyJournal();
  assert.equal([one.entryCount, one.recordCount, two.entryCount, two.recordCount], [1, 2, 2, 4]);
  assert.is.not(one.head, two.head);
  await store.close();
  const opened = await LineageStore.open(dir);
  assert.equal(await opened.verifyJournal(), two);
  await opened.close();
});

test("lost records are missed", async () => {
  const lost: Buffer[] = [
    keyOf("model", idOf("a@1")),
    keyOf("label", "a", "1"),
    keyOf("derivation", 0, 1),
    keyOf("alias", "prod", 0),
    keyOf("report", "prod", 0),
  ];
  for (const key of lost) assert.match(await tampered((level) => level.del(key)), "missing");
});

test("a record rewritten with a right hash is not the one that was committed", async () => {
  const message = await tampered((level) =>
    rewrite(level, keyOf("model", idOf("a@1")), { metrics: { loss: 0 } }),
  );
  assert.match(message, `model ${idOf("a@1")} is not the one`);
  await tampered((level) => rewrite(level, keyOf("alias", "prod", 0), { reason: "because" }));
});

test("a record slipped in has no entry", async () => {
  const key = keyOf("alias", "prod", 1);
  const message = await tampered(async (level) => {
    const value = decodeRecord(keyOf("alias", "prod", 0), (await level.get(keyOf("alias", "prod", 0)))!);
    await level.put(key, encodeRecord(key, value));
  });
  assert.match(message, "2 records of kind alias, its journal names 1");
});

test("entries changed, lost or swapped break the chain", async () => {
  assert.match(await tampered((level) => rewrite(level, keyOf("journal", 1), { atMs: 0 })), "journal 2");
  assert.match(await tampered((level) => level.del(keyOf("journal", 1))), "journal 1 is missing");
  assert.match(
    await tampered((level) => level.del(keyOf("journal", 3))),
    "1 commit that was acknowledged is not",
  );
  await tampered(async (level) => {
    const value = decodeRecord(keyOf("journal", 2), (await level.get(keyOf("journal", 2)))!);
    await level.put(keyOf("journal", 1), encodeRecord(keyOf("journal", 1), value));
  });
});

test("a dropped entry that LevelDB brings back is no tampering", async () => {
  const dir = freshDir();
  let store = await LineageStore.open(dir);
  for (let window = 0; window < 5; window++) await store.commit((tx) => tx.putMonitor("prod", { window }));
  const before = await store.verifyJournal();
  await store.close();
  const level: Records = new Level(join(dir, "db"), { keyEncoding: "buffer", valueEncoding: "buffer" });
  const key = keyOf("monitor", "prod", 1);
  await level.put(key, encodeRecord(key, { atMs: 0, data: { window: 1 } }));
  await level.close();
  store = await LineageStore.open(dir);
  assert.equal(await store.verifyJournal(), before);
  await store.commit((tx) => tx.putMonitor("prod", { window: 5 }));
  assert.equal((await store.monitor("prod"))?.state, { window: 5 });
  await store.close();
});

test.run();
