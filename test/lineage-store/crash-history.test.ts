/** Random histories cut off by kill -9: what is found is the history up to the last acknowledged commit, or one commit more. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LineageStore } from "../../src/lineage-store/store.js";
import { assertSame, outcome, seededBatch } from "./histories.js";
import { MemoryStore } from "./memory-store.js";
import { freshDir } from "./support.js";

const childPath = fileURLToPath(new URL("crash-history-child.js", import.meta.url));

/** @returns the last commit that was acknowledged before the kill */
async function cutOff(dir: string, seed: number, from: number, delayMs: number): Promise<number> {
  const args = [childPath, dir, `${seed}`, `${from}`];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  let last = from - 1;
  const lines = createInterface({ input: child.stdout! });
  const isReady = once(lines, "line");
  lines.on("line", (line) => {
    if (line !== "ready") last = Number(line);
  });
  await isReady;
  await sleep(delayMs);
  child.kill("SIGKILL");
  const [, signal] = await closed;
  assert.is(signal, "SIGKILL");
  return last;
}

/** Commits that are there: every one that writes anything has an entry in the journal, at its own time. */
async function model(seed: number, count: number): Promise<MemoryStore> {
  let index = 0;
  const store = new MemoryStore(() => index);
  for (; index < count; index++) {
    const batch = seededBatch(seed, index);
    await store.commit((tx) => batch.map((operation) => outcome(tx, operation)));
  }
  return store;
}

async function isSame(store: LineageStore, expected: MemoryStore): Promise<boolean> {
  try {
    await assertSame(store, expected);
    return true;
  } catch {
    return false;
  }
}

for (const seed of [1, 2, 3]) {
  test(`a history cut off again and again, seed ${seed}`, async () => {
    const dir = freshDir();
    let next = 0;
    for (const delayMs of [3, 11, 23, 5]) {
      const acknowledged = await cutOff(dir, seed, next, delayMs);
      const store = await LineageStore.open(dir);
      await store.verifyJournal();
      next = acknowledged + 1;
      // The commit under way may be there as a whole; one that wrote nothing cannot be told from one that was lost.
      if (!(await isSame(store, await model(seed, next)))) {
        next += 1;
        await assertSame(store, await model(seed, next));
      }
      await store.close();
    }
    assert.ok(next > 0, "some commits were made");
  });
}

test.run();
