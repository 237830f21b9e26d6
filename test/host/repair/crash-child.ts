/**
 * Repairs alias `gateway` and dies on the way: `node crash-child.js STORE POINT DELAY_MS`. Started by crash.ts.
 *
 * The repair is the real one. Where it dies is told by what it commits and renames; with a delay, so long after that.
 */
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";
import { ScratchModels } from "../../../src/host/models.js";
import type { CandidateSpec } from "../../../src/host/repair/candidate-spec.js";
import { repairModel } from "../../../src/host/repair/pipeline.js";
import { disk } from "../../../src/lineage-store/files.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import type { Transaction } from "../../../src/lineage-store/transaction.js";
import { labelledOf } from "../rain.js";
import type { CrashPoint } from "./crash.js";
import { request, runtime, seattle2015 } from "./scene.js";

const [, , storeDir, point, delayMs] = process.argv as [string, string, string, CrashPoint, string];

function die(): void {
  const kill = () => process.kill(process.pid, "SIGKILL");
  if (Number(delayMs) > 0) setTimeout(kill, Number(delayMs));
  else kill();
}

function dieAtCommit(store: LineageStore): void {
  const { commit } = store;
  store.commit = async <T>(work: (tx: Transaction) => T): Promise<T> => {
    const names: string[] = [];
    const result = await commit.call<LineageStore, [typeof work], Promise<T>>(store, (tx) => {
      const { appendRun, addModel } = tx;
      tx.appendRun = (run, name, data) => {
        names.push(name);
        // Rungs above the single scale have a point of their own.
        const { candidate } = data as { readonly candidate?: CandidateSpec };
        if (name === "scale-judged" && candidate !== undefined) names.push(`${candidate.kind}-judged`);
        return appendRun.call(tx, run, name, data);
      };
      tx.addModel = (model) => {
        names.push("model-added");
        return addModel.call(tx, model);
      };
      const done = work(tx);
      if (names.some((name) => point === `before ${name}`)) die();
      return done;
    });
    if (names.some((name) => point === `after ${name}`)) die();
    return result;
  };
}

/** The folder's staged file, and the swap: every step of a deployment ends in a rename. */
function dieAtRename(): void {
  const { rename } = fs;
  fs.rename = async (from, to) => {
    const name = basename(String(to));
    await rename(from, to);
    if (point === "after staged" && /^\.model\.\w+\.staged-/.test(name)) die();
    if (point === "after swapped" && /^model\.\w+$/.test(name)) die();
  };
  syncBuiltinESMExports();
  disk.rename = fs.rename;
}

const store = await LineageStore.open(storeDir);
dieAtCommit(store);
dieAtRename();
const context = { runtime, store, scratch: new ScratchModels(store) };
const model = await store.get(await store.resolve("gateway"));
const control = labelledOf(runtime, seattle2015, "Seattle 2015");
await repairModel(context, model, request({ alias: "gateway", control }));
await context.scratch.close();
await store.close();
process.stdout.write("it outlived the repair\n");
