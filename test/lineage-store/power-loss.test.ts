/**
 * A crash before any step of a history, each opened afterwards: all that was acknowledged is there, and of what was under way all or
 * nothing. A process that dies leaves its files as they are; a power loss takes with it what was not synced.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { history, openStill, writeSmallStore } from "./operations.js";
import { allOf } from "./rich-store.js";
import { freshDir } from "./support.js";
import { SyncedDisk } from "./synced-disk.js";
import { watchDisk } from "./watched-disk.js";

async function stateOf(dir: string): Promise<string> {
  const store = await openStill(dir);
  try {
    return JSON.stringify(await allOf(store));
  } finally {
    await store.close();
  }
}

/** What is read after each operation, and before the first. */
async function statesOf(): Promise<string[]> {
  const store = await openStill(freshDir());
  const states = [JSON.stringify(await allOf(store))];
  for (const operation of history) {
    await operation(store);
    states.push(JSON.stringify(await allOf(store)));
  }
  await store.close();
  return states;
}

interface Crash {
  readonly dir: string;
  /** Operations that were acknowledged before. */
  readonly done: number;
}

/** The whole history, with a crash's copy of the folder before every step. */
async function crashes(copy: (dir: string, disk: SyncedDisk, target: string) => void): Promise<Crash[]> {
  const dir = freshDir();
  mkdirSync(dir);
  const found: Crash[] = [];
  let done = 0;
  const disk = new SyncedDisk(dir, () => {
    const target = freshDir();
    copy(dir, disk, target);
    found.push({ dir: target, done });
  });
  const unwatch = watchDisk(disk);
  try {
    const store = await openStill(dir);
    for (const operation of history) {
      await operation(store);
      done++;
    }
    await store.close();
  } finally {
    unwatch();
  }
  return found;
}

const expected = await statesOf();

async function check(found: readonly Crash[]): Promise<void> {
  assert.ok(found.length > 100, `${found.length} steps`);
  for (const [step, { dir, done }] of found.entries()) {
    const state = await stateOf(dir);
    const isHere = state === expected[done] || state === expected[Math.min(done + 1, history.length)];
    assert.ok(isHere, `step ${step}, after ${done} operations: neither the old state nor the new one`);
    rmSync(dir, { recursive: true });
  }
}

test("the process dies before any step", async () => {
  await check(await crashes((dir, _disk, target) => cpSync(dir, target, { recursive: true })));
});

test("the power fails before any step: what was not synced is gone", async () => {
  await check(await crashes((_dir, disk, target) => disk.loseTo(target)));
});

const logOf = (dir: string) =>
  join(dir, "db", readdirSync(join(dir, "db")).find((name) => name.endsWith(".log"))!);

test("LevelDB's log, cut behind the last acknowledged commit at every byte, or ending in zeros", async () => {
  const dir = freshDir();
  await writeSmallStore(dir);
  const store = await openStill(dir);
  const id = await store.resolve("m@2");
  await store.commit((tx) => tx.setAlias({ alias: "prod", id, reason: "acknowledged" }));
  const acknowledged = freshDir();
  cpSync(dir, acknowledged, { recursive: true });
  await store.commit((tx) => tx.setAlias({ alias: "edge", id, reason: "under way" }));
  const whole = readFileSync(logOf(dir));
  await store.close();
  const begin = readFileSync(logOf(acknowledged)).length;
  assert.ok(whole.length > begin + 100);
  const aliasesAfter = async (log: Uint8Array) => {
    const copy = freshDir();
    cpSync(acknowledged, copy, { recursive: true });
    writeFileSync(logOf(copy), log);
    const opened = await openStill(copy);
    const found = [(await opened.alias("prod"))?.reason, (await opened.alias("edge"))?.reason];
    await opened.verifyJournal();
    await opened.close();
    rmSync(copy, { recursive: true });
    return found;
  };
  for (let end = begin; end < whole.length; end++) {
    const cut = whole.subarray(0, end);
    assert.equal(await aliasesAfter(cut), ["acknowledged", undefined], `cut at ${end}`);
    // The length was written, and the last block was not.
    if (end % 16 > 0) continue;
    const zeroed = Buffer.concat([cut, Buffer.alloc(whole.length - end)]);
    assert.equal(await aliasesAfter(zeroed), ["acknowledged", undefined], `zeros from ${end}`);
  }
  assert.equal(await aliasesAfter(whole), ["acknowledged", "under way"]);
});

test.run();
