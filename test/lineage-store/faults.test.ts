/**
 * Every step that fails in turn, once and for good until the disk is mended: what was there stays, what was asked for is done or refused
 * with a code, and the same process goes on when the disk does.
 */
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { codeOf, type Operation, openStill, operations, writeSmallStore } from "./operations.js";
import { allOf } from "./rich-store.js";
import { failNext, freshDir } from "./support.js";
import { Faults, watchDisk } from "./watched-disk.js";

/** Steps from which on everything fails: every fourth, all of them in faults.slow.test.ts. Single steps fail all. */
const lastingStride = process.env.MENDLINE_FAULTS === "all" ? 1 : 4;

const template = freshDir();
await writeSmallStore(template);

async function stateOf(dir: string): Promise<string> {
  const store = await openStill(dir);
  try {
    return JSON.stringify(await allOf(store));
  } finally {
    await store.close();
  }
}

function copied(): string {
  const dir = freshDir();
  cpSync(template, dir, { recursive: true });
  return dir;
}

async function stateAfter(operation: Operation): Promise<string> {
  const dir = copied();
  const store = await openStill(dir);
  await operation(store);
  await store.close();
  return stateOf(dir);
}

/** @returns whether there was such a step */
async function failsAt(
  at: number,
  isLasting: boolean,
  operation: Operation,
  states: string[],
): Promise<boolean> {
  const dir = copied();
  const faults = new Faults(at, isLasting);
  const unwatch = watchDisk(faults);
  const store = await openStill(dir);
  try {
    faults.isArmed = true;
    const code = await codeOf(() => operation(store));
    faults.isArmed = false;
    if (!faults.isReached) return false;
    const now = JSON.stringify(await allOf(store));
    assert.ok(states.includes(now), `${faults.hit}: neither the old state nor the new one: ${code}`);
    if (code === null) assert.is(now, states.at(-1), `${faults.hit}: acknowledged, and not there`);
    await operation(store);
    assert.is(JSON.stringify(await allOf(store)), states.at(-1), `${faults.hit}: when asked again`);
  } finally {
    unwatch();
    await store.close();
  }
  assert.is(await stateOf(dir), states.at(-1), `${faults.hit}: when opened again`);
  assert.equal(readdirSync(join(dir, "tmp")), []);
  return true;
}

for (const [name, operation] of Object.entries(operations)) {
  test(`${name}: every step fails in turn`, async () => {
    const states = [await stateOf(template), await stateAfter(operation)];
    let count = 0;
    for (const isLasting of [false, true]) {
      const stride = isLasting ? lastingStride : 1;
      for (let at = 0; await failsAt(at, isLasting, operation, states); at += stride) count++;
    }
    // A commit alone is a batch and a line in HEAD.
    assert.ok(count >= 3, `${count} steps`);
  });
}

test("an opening that fails at any step is told, and can be made again", async () => {
  const expected = await stateOf(template);
  const dir = copied();
  for (const isLasting of [false, true]) {
    for (let at = 0; ; at++) {
      const faults = new Faults(at, isLasting);
      const unwatch = watchDisk(faults);
      faults.isArmed = true;
      await codeOf(async () => (await openStill(dir)).close()).finally(unwatch);
      if (!faults.isReached) break;
      assert.is(await stateOf(dir), expected, faults.hit);
    }
  }
});

test("a database that cannot be opened again after a failed write: readers have it back when the disk is", async () => {
  const dir = copied();
  const store = await openStill(dir);
  const id = await store.resolve("m@2");
  const flip = () => store.commit((tx) => tx.setAlias({ alias: "prod", id, reason: "second" }));
  const mend = [failNext("batch"), failNext("open")];
  assert.is(await codeOf(flip), "MENDLINE_STORE_IO");
  assert.is(await codeOf(() => store.alias("prod")), "MENDLINE_STORE_IO");
  for (const undo of mend) undo();
  while ((await codeOf(() => store.alias("prod"))) !== null) await sleep(50);
  assert.not.equal((await store.alias("prod"))?.id, id);
  await flip();
  assert.is((await store.alias("prod"))?.id, id);
  await store.close();
});

test.run();
