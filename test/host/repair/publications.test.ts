/** 200 publications one after the other in one process: what it holds does not grow with their number. */
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { collect } from "../../lineage-store/support.js";
import { servingDir } from "../deployment/support.js";
import { addLayered, judgeModule, layeredBytes } from "./layered.js";
import { runtime, withScene } from "./scene.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Each round is two publications: the drifted model is deployed, and a repair publishes in its place. */
const rounds = 100;
const roundsBetween = 10;
/** 192 KiB a model: were only one copy a publication held, the second half alone would hold 18 MiB more. */
const width = 128;
/** Caches of recent records, which have a bound, and what the collector has not got to yet: 5 MiB were seen, up and down. */
const swingBytesMax = 8 * 1024 * 1024;

interface Held {
  /** Objects, and arrays outside of shared memory. */
  readonly heapBytes: number;
  readonly arenaBytes: number;
  /** Threads, handles and timers. */
  readonly resourceCount: number;
  readonly openFileCount: number;
}

async function held(): Promise<Held> {
  for (let pass = 0; pass < 3; pass++) {
    collectGarbage();
    await sleep(5);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return {
    heapBytes: heapUsed + arrayBuffers,
    arenaBytes: runtime.arena.use.usedBytes,
    resourceCount: process.getActiveResourcesInfo().length,
    openFileCount: process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0,
  };
}

test("memory, threads and open files stay as they are over 200 publications", () =>
  withScene(async ({ store, repair }) => {
    await addLayered(store, "1", layeredBytes([[1], [1], [1]], 1, width));
    await addLayered(store, "2", layeredBytes([[0], [0], [0]], 0, width), ["m@1"]);
    const id = await store.resolve("m@2");
    const dir = servingDir();
    const validator = judgeModule([[0.5], [0.5], [0.5]]);
    const seen: Held[] = [];
    for (let round = 1; round <= rounds; round++) {
      await deploy(store, { alias: "m", id, dir, reason: "deploy" });
      const report = await repair("m@2", { validator, scales: "single", alias: "m", deploy: dir });
      assert.is(report.outcome, "published", report.reason);
      if (round % roundsBetween === 0) seen.push(await held());
    }
    assert.is((await collect(store.aliasHistory("m"))).length, 2 * rounds);
    const half = seen.length / 2;
    const [first, second] = [seen.slice(0, half), seen.slice(half)];
    const lowest = (list: readonly Held[], of: (one: Held) => number) => Math.min(...list.map(of));
    const told = JSON.stringify(seen);
    const grown = lowest(second, ({ heapBytes }) => heapBytes) - lowest(first, ({ heapBytes }) => heapBytes);
    assert.ok(grown < swingBytesMax, `it holds ${grown} bytes more: ${told}`);
    for (const of of [
      ({ arenaBytes }: Held) => arenaBytes,
      ({ resourceCount }: Held) => resourceCount,
      ({ openFileCount }: Held) => openFileCount,
    ]) {
      assert.ok(lowest(second, of) <= lowest(first, of), told);
    }
  }));

test.run();
