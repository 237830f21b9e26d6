/** kill -9 in the middle of commits: all that was acknowledged is there, nothing is there by half. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LineageStore } from "../../src/lineage-store/store.js";
import { collect, freshDir, idOf, withStore } from "./support.js";

const childPath = fileURLToPath(new URL("crash-child.js", import.meta.url));
/** More in a long run: crash.slow.test.ts. */
const kills = Number(process.env.MENDLINE_KILLS ?? 200);

interface Writer {
  readonly process: ChildProcess;
  readonly lines: string[];
  /** The line at that place. */
  line(index: number): Promise<string>;
}

function startWriter(dir: string): Writer {
  const child = spawn(process.execPath, [childPath, dir], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout! });
  reader.on("line", (line) => lines.push(line));
  const line = async (index: number): Promise<string> => {
    while (lines.length <= index) await Promise.race([once(reader, "line"), once(reader, "close")]);
    return lines[index]!;
  };
  return { process: child, lines, line };
}

async function killedAfter(dir: string, delayMs: number): Promise<number> {
  const writer = startWriter(dir);
  assert.is(await writer.line(0), "ready");
  await sleep(delayMs);
  const closed = once(writer.process, "close");
  writer.process.kill("SIGKILL");
  const [, signal] = await closed;
  assert.is(signal, "SIGKILL", writer.lines.join(" "));
  return writer.lines.length > 1 ? Number(writer.lines.at(-1)) : -1;
}

/** Returns the number of commits; every commit's parts must all be there, or none. */
async function verified(dir: string): Promise<number> {
  const store = await LineageStore.open(dir);
  try {
    assert.equal(readdirSync(join(dir, "tmp")), []);
    const models = await collect(store.models());
    const { length: count } = models;
    assert.equal(
      models.map(({ name }) => name),
      models.map((_, index) => `m${index}`),
    );
    assert.is((await store.verifyJournal()).entryCount, count);
    if (count > 0) await verifyLast(store, count - 1);
    assert.is((await collect(store.listRuns())).length, count);
    assert.is((await collect(store.reports("prod"))).length, count);
    assert.is((await collect(store.aliasHistory("prod"))).length, count);
    return count;
  } finally {
    await store.close();
  }
}

async function verifyLast(store: LineageStore, last: number): Promise<void> {
  const id = idOf(`m${last}@1`);
  assert.is((await store.alias("prod"))?.id, id);
  assert.equal((await store.monitor("prod"))?.state, { index: last });
  assert.is((await store.run(`run ${last}`)).length, 1);
  assert.equal((await collect(store.ancestors(id))).length, last);
  for (const { object } of (await store.parameters(id)).layout)
    await store.readObjectBytes(object, 2_000_000);
}

test(`${kills} kills lose nothing that was acknowledged`, async () => {
  const dir = freshDir();
  let acknowledged = -1;
  let survived = 0;
  for (let kill = 0; kill < kills; kill++) {
    // Spread over several commits, and between the steps of one.
    acknowledged = Math.max(acknowledged, await killedAfter(dir, (kill * 7.3) % 40));
    const count = await verified(dir);
    assert.ok(count > acknowledged, `acknowledged ${acknowledged}, found ${count}`);
    assert.ok(count >= survived);
    survived = count;
  }
  assert.ok(survived > 0, "some commits were made");
});

test("a store that another process holds", () =>
  withStore(async (store, _reopen, dir) => {
    assert.is(store.dir, dir);
    const writer = startWriter(dir);
    const closed = once(writer.process, "close");
    assert.is(await writer.line(0), "MENDLINE_STORE_LOCKED");
    await closed;
  }));

test.run();
