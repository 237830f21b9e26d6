// kill -9 while a monitor counts: what it was told is durable is there, once, and it goes on to the windows of one that never died.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Engine, openEngine } from "../../src/index.js";
import { scratchDir } from "../support.js";
import { watchedOptions, watchedRows } from "./monitor-crash-rows.js";
import { write } from "./parameters/safetensors-writer.js";

const childPath = fileURLToPath(new URL("monitor-crash-child.js", import.meta.url));
const scratch = scratchDir();
const kills = 6;

async function storeWithModel(name: string): Promise<string> {
  const dir = join(scratch, name);
  const file = join(scratch, `${name}.safetensors`);
  const values = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  writeFileSync(file, write({ w: { dtype: "F32", shape: [4], values } }));
  const engine = await openEngine({ store: dir });
  const trainingData = engine.openRows(watchedRows(0, 500).map(({ wind, city }) => ({ wind, city })));
  await engine.addModel({ file, name: "model", version: "1", trainingData });
  await engine.close();
  return dir;
}

/** What the child said until it ended, or was killed. */
async function watch(dir: string, totalRows: number, killAfterMs: number | null): Promise<string[]> {
  const child = spawn(process.execPath, [childPath, dir, String(totalRows)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  const closed = once(reader, "close");
  if (killAfterMs !== null) {
    while (lines.length === 0) await sleep(1);
    await sleep(killAfterMs);
    child.kill("SIGKILL");
  }
  await closed;
  return lines;
}

async function storedReports(engine: Engine, monitor: string) {
  const reports: unknown[] = [];
  for await (const { report } of engine.store.reports(monitor)) {
    const { sinceMs, window, ...rest } = report as {
      sinceMs: number;
      window: { number: number; closedMs: number };
    };
    const { closedMs, ...at } = window;
    reports.push({ ...rest, window: at });
  }
  return reports.reverse() as { window: { number: number } }[];
}

test(`${kills} kills: each window that was reported is kept, and none is there twice`, async () => {
  const dir = await storeWithModel("killed");
  const told: number[] = [];
  let durableRows = 0;
  let killed = 0;
  let totalRows = 6_000;
  for (let delayMs = 20; killed < kills; delayMs = (delayMs * 1.7) % 150) {
    const lines = await watch(dir, totalRows, delayMs);
    const from = Number(lines[0]!.replace("from ", ""));
    assert.ok(from >= durableRows, `from ${from}, after ${durableRows}`);
    durableRows = from;
    told.push(...lines.filter((line) => /^\d+$/.test(line)).map(Number));
    if (lines.at(-1) === "done") totalRows += 6_000;
    else killed += 1;
  }
  totalRows = Math.max(totalRows, durableRows + 500);
  const lines = await watch(dir, totalRows, null);
  assert.is(lines.at(-1), "done");
  told.push(...lines.filter((line) => /^\d+$/.test(line)).map(Number));
  const engine = await openEngine({ store: dir });
  const kept = await storedReports(engine, "model@1");
  await engine.store.verifyJournal();
  const whole = await engine.monitor("model@1", { ...watchedOptions, name: "whole" });
  for (let from = 0; from < totalRows; from += 1_000)
    whole.observe(watchedRows(from, Math.min(1_000, totalRows - from)));
  await engine.checkpoint();
  const expected = await storedReports(engine, "whole");
  assert.ok(expected.length > 100, `${expected.length} windows`);
  assert.equal(kept, expected);
  // A process may die between the disk's answer and its telling; it never tells twice, nor what is not kept.
  assert.equal(
    told,
    [...new Set(told)].sort((left, right) => left - right),
  );
  // Rows that were kept too: those of one that never died.
  const killedOne = await engine.monitor("model@1", watchedOptions);
  assert.ok(killedOne.recentRows.length > 20, `${killedOne.recentRows.length} rows`);
  assert.equal(killedOne.recentRows, whole.recentRows);
  const numbers = new Set(kept.map(({ window }) => window.number));
  assert.ok(told.every((number) => numbers.has(number) || number < kept[0]!.window.number));
  await engine.close();
});

test.run();
