/**
 * Repairs alias `gateway`, or tells its trial what labels showed, and dies on the way. Started by crash-process.ts, it gets ready, and waits
 * for one line: what it is to do, and where to die.
 *
 * The repair and the trial are the real ones. Where it dies is told by what it commits and renames; with a delay, so long after that.
 */
import { once } from "node:events";
import { relative } from "node:path";
import { ScratchModels } from "../../../src/host/models.js";
import type { CandidateSpec } from "../../../src/host/repair/candidate-spec.js";
import { repairModel } from "../../../src/host/repair/pipeline.js";
import type { TrialPeriod } from "../../../src/host/repair/request.js";
import { disk } from "../../../src/lineage-store/files.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import type { Transaction } from "../../../src/lineage-store/transaction.js";
import type { RepairPoint } from "./crash.js";
import { crashRequest, servingOf, storeOf, tellLosses } from "./crash-scene.js";
import type { MovePoint } from "./crash-trial.js";
import { runtime } from "./scene.js";

export type CrashPoint = RepairPoint | MovePoint;

export interface CrashOrder {
  readonly dir: string;
  /** `losses`: those of the trial that the repair began. */
  readonly work: "repair" | "losses";
  readonly point: CrashPoint | "never";
  readonly delayMs: number;
  /** What passes the gate is put on trial, before or after the alias moves. */
  readonly trial: TrialPeriod | null;
}

const [line] = (await once(process.stdin, "data")) as [Buffer];
process.stdin.destroy();
const { dir, work, point, delayMs, trial } = JSON.parse(line.toString()) as CrashOrder;

function die(): void {
  const kill = () => process.kill(process.pid, "SIGKILL");
  if (delayMs > 0) setTimeout(kill, delayMs);
  else kill();
}

function dieAtCommit(store: LineageStore): void {
  const { commit } = store;
  store.commit = async <T>(write: (tx: Transaction) => T): Promise<T> => {
    const names: string[] = [];
    const result = await commit.call<LineageStore, [typeof write], Promise<T>>(store, (tx) => {
      const { appendRun, addModel, setAlias, appendTrial } = tx;
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
      tx.setAlias = (change) => {
        names.push("moved");
        return setAlias.call(tx, change);
      };
      tx.appendTrial = (alias, state) => {
        // A look that moves the alias is no point of its own.
        if (!names.includes("moved")) names.push("looked");
        appendTrial.call(tx, alias, state);
      };
      const done = write(tx);
      if (names.some((name) => point === `before ${name}`)) die();
      return done;
    });
    if (names.some((name) => point === `after ${name}`)) die();
    return result;
  };
}

/** Every step of a deployment ends in a rename below the serving folder. */
const renamed: readonly [CrashPoint, RegExp][] = [
  ["after staged", /^versions\/\d+-/],
  ["after swapped", /^model\.\w+$/],
  ["after pointed", /^current$/],
  ["after card", /^model\.card\.md$/],
];

function dieAtRename(): void {
  const { rename } = disk;
  disk.rename = async (from, to) => {
    await rename(from, to);
    const path = relative(servingOf(dir), String(to));
    if (renamed.some(([name, form]) => name === point && form.test(path))) die();
  };
}

const store = await LineageStore.open(storeOf(dir));
dieAtCommit(store);
dieAtRename();
const context = { runtime, store, scratch: new ScratchModels(store) };
if (work === "losses") await tellLosses(context);
else {
  const model = await store.get(await store.resolve("gateway"));
  await repairModel(context, model, crashRequest(dir, trial));
}
await context.scratch.close();
await store.close();
process.stdout.write(`it outlived the ${work}\n`);
