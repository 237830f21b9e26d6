/** What was acknowledged and is no longer there, or no longer what was written, is told when the store is opened. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LineageStore } from "../../src/lineage-store/store.js";
import { repairStore } from "../../src/lineage-store/store-repair.js";
import { addAll, collect, emptyModel, failure, freshDir } from "./support.js";

async function written(count: number): Promise<string> {
  const dir = freshDir();
  const store = await LineageStore.open(dir);
  for (let index = 0; index < count; index++) await addAll(store, emptyModel(`m${index}`));
  await store.close();
  return dir;
}

const logOf = (dir: string) =>
  join(dir, "db", readdirSync(join(dir, "db")).find((name) => name.endsWith(".log"))!);

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 0x10;
  writeFileSync(path, bytes);
}

test("a flipped bit in the log is refused, again and again, and is gone when it is flipped back", async () => {
  const dir = await written(5);
  const log = logOf(dir);
  for (const at of [200, 900]) {
    flip(log, at);
    for (let opening = 0; opening < 2; opening++) {
      const refused = await failure("MENDLINE_STORE_CORRUPT", () => LineageStore.open(dir));
      assert.match(refused.message, /\.log is damaged at byte \d+.*`mendline lineage repair` saves all/);
    }
    flip(log, at);
  }
  assert.equal(
    readdirSync(dir).filter((name) => name.startsWith(".")),
    [],
  );
  const store = await LineageStore.open(dir);
  assert.is((await collect(store.models())).length, 5);
  await store.close();
});

test("a log that lost its end: LevelDB does without it, HEAD does not", async () => {
  for (const cut of [1, 200]) {
    const dir = await written(5);
    const log = logOf(dir);
    truncateSync(log, readFileSync(log).length - cut);
    for (let opening = 0; opening < 2; opening++) {
      const refused = await failure("MENDLINE_STORE_CORRUPT", () => LineageStore.open(dir));
      assert.match(refused.message, "1 commit that was acknowledged is not in its journal");
      assert.equal([refused.details.lastSequence, refused.details.acknowledgedSequence], [3, 4]);
    }
  }
});

test("a HEAD that is missing, behind or damaged keeps nobody from working", async () => {
  const dir = await written(3);
  const head = join(dir, "HEAD");
  const sound = readFileSync(head);
  assert.is(sound.length, 192);
  const changes = [
    () => rmSync(head),
    () => truncateSync(head, 0),
    () => truncateSync(head, 100),
    () => writeFileSync(head, Buffer.alloc(192, "x")),
    () => flip(head, 20),
    () => flip(head, 116),
  ];
  for (const change of changes) {
    writeFileSync(head, sound);
    change();
    const store = await LineageStore.open(dir);
    assert.is((await collect(store.models())).length, 3);
    await store.close();
  }
  const store = await LineageStore.open(dir);
  await addAll(store, emptyModel("next"));
  await store.close();
  assert.ok(existsSync(head));
  assert.match(readFileSync(head, "latin1"), /^0{14}\d [0-9a-f]{64} [0-9a-f]{8} *\n/m);
});

test("a store whose history is another than HEAD knew", async () => {
  const [dir, other] = [await written(3), await written(3)];
  writeFileSync(join(dir, "HEAD"), readFileSync(join(other, "HEAD")));
  const refused = await failure("MENDLINE_STORE_CORRUPT", () => LineageStore.open(dir));
  assert.match(refused.message, "its journal is not the one that it had");
});

test("files copied while the store was in use: refused, told how to make a copy, and a repair opens what is there", async () => {
  const [dir, copy] = [freshDir(), freshDir()];
  const store = await LineageStore.open(dir);
  await addAll(store, emptyModel("m0"));
  // File by file, as cp does: a commit comes between the database and HEAD.
  cpSync(dir, copy, { recursive: true });
  await addAll(store, emptyModel("m1"));
  cpSync(join(dir, "HEAD"), join(copy, "HEAD"));
  await store.backup(`${copy}.backup`);
  await store.close();
  const refused = await failure("MENDLINE_STORE_CORRUPT", () => LineageStore.open(copy));
  assert.match(
    refused.message,
    /1 commit that was acknowledged is not in its journal\. A copy of a store's files .* in use looks so: `mendline lineage backup` makes one that is whole\. Else `mendline lineage repair` saves/,
  );
  const repair = await repairStore(copy);
  assert.is(repair.journal.lostEntries, 1);
  const namesIn = async (opened: LineageStore) => {
    const names = (await collect(opened.models())).map(({ name }) => name);
    await opened.close();
    return names;
  };
  assert.equal(await namesIn(await LineageStore.open(copy)), ["m0"]);
  await LineageStore.restoreBackup(`${copy}.backup`, `${copy}.restored`);
  assert.equal(await namesIn(await LineageStore.open(`${copy}.restored`)), ["m0", "m1"]);
});

test("files that look damaged because another process is writing: it is told who holds the store", async () => {
  const dir = await written(3);
  const child = spawn(process.execPath, [fileURLToPath(new URL("crash-child.js", import.meta.url)), dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  await once(child.stdout, "data");
  const path = join(dir, "db", "CURRENT");
  const sound = readFileSync(path);
  try {
    writeFileSync(path, "MANIFEST-999999\n");
    await failure("MENDLINE_STORE_LOCKED", () => LineageStore.open(dir));
    const held = await failure("MENDLINE_STORE_LOCKED", () => repairStore(dir, { dryRun: true }));
    assert.match(held.message, `process ${child.pid} `);
  } finally {
    writeFileSync(path, sound);
    child.kill("SIGKILL");
    await closed;
  }
  await (await LineageStore.open(dir)).close();
});

test.run();
