/** The rain example's drift as repairs need it: a store, what was seen at the alarm, and a repair's request. */
import { setTimeout as sleep } from "node:timers/promises";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { ScratchModels } from "../../../src/host/models.js";
import { type ResumeRequest, repairModel, resumeRepair } from "../../../src/host/repair/pipeline.js";
import type { RepairReport } from "../../../src/host/repair/report.js";
import type { RepairRequest } from "../../../src/host/repair/request.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import type { Transaction } from "../../../src/lineage-store/transaction.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { collect, withStore } from "../../lineage-store/support.js";
import { days, labelledOf, liveOf } from "../rain.js";

export const runtime = await openRuntime();

/** As in the example: 549 days of Seattle, then New York; the alarm comes with the 784th. */
const newYork = days("New York", "2015-01-01", "2015-12-31");
const seen = [...days("Seattle", "2014-07-01", "2015-12-31"), ...newYork].slice(0, 784);
export const window = seen.slice(-364);
export const labelledDays = newYork.slice(0, 235);
export const seattle2015 = days("Seattle", "2015-01-01", "2015-12-31");
export const seattle2014 = days("Seattle", "2014-01-01", "2014-12-31");

/** Live and labelled data of the new regime; sources are made anew for every repair. */
export function request(over: Partial<RepairRequest> = {}): RepairRequest {
  return { live: liveOf(runtime, window), validation: labelledOf(runtime, labelledDays), seed: 0, ...over };
}

export interface Scene {
  readonly store: LineageStore;
  readonly scratch: ScratchModels;
  repair(ref: string, over?: Partial<RepairRequest>): Promise<RepairReport>;
  /** With the same data, unless others are given. */
  resume(run: string, over?: ResumeRequest): Promise<RepairReport>;
  /** What a repair that publishes nothing must leave as it was. */
  state(): Promise<unknown>;
}

export async function withScene(work: (scene: Scene) => Promise<void>): Promise<void> {
  await withStore(async (store) => {
    const scratch = new ScratchModels(store);
    const context = { runtime, store, scratch };
    const used = runtime.arena.use.usedBytes;
    // Of runs one after the other: those at once share the arena.
    let running = 0;
    const counted = async (work: () => Promise<{ report: RepairReport }>): Promise<RepairReport> => {
      running += 1;
      try {
        return (await work()).report;
      } finally {
        running -= 1;
        if (running === 0) assert.is(runtime.arena.use.usedBytes, used, "the arena is as it was");
      }
    };
    const scene: Scene = {
      store,
      scratch,
      async repair(ref, over) {
        const model = await store.get(await store.resolve(ref));
        return counted(() => repairModel(context, model, request(over)));
      },
      resume(run, over) {
        const { live, validation } = request();
        return counted(() => resumeRepair(context, run, { live, validation, ...over }));
      },
      async state() {
        const models = await collect(store.models());
        const edges = await Promise.all(models.map(({ id }) => store.parents(id)));
        return { models, edges, aliases: await collect(store.aliases()) };
      },
    };
    try {
      await work(scene);
    } finally {
      await scratch.close();
    }
  });
}

/** The run's steps, scales judged counted as one. */
export async function stepsOf(store: LineageStore, run: string): Promise<string[]> {
  const steps = (await store.run(run)).map(({ step }) => step);
  return steps.filter((step, i) => step !== "scale-judged" || steps[i - 1] !== "scale-judged");
}

export async function newestRun(store: LineageStore): Promise<string> {
  const [newest] = await collect(store.listRuns({ limit: 1 }));
  return newest!.runId;
}

/** Lets the commit that would record a step fail, once. */
export function breakAt(store: LineageStore, step: string, nth = 1): void {
  const { commit } = store;
  let count = 0;
  store.commit = async <T>(work: (tx: Transaction) => T): Promise<T> =>
    commit.call<LineageStore, [typeof work], Promise<T>>(store, (tx) => {
      const { appendRun } = tx;
      tx.appendRun = (run, name, data) => {
        if (name === step && ++count === nth) {
          store.commit = commit;
          throw new MendlineError("MENDLINE_STORE_IO", `the disk was full at ${step}`);
        }
        return appendRun.call(tx, run, name, data);
      };
      return work(tx);
    });
}

/** Commits that are on their way are done. */
export async function settled(store: LineageStore): Promise<void> {
  await sleep(0);
  await store.verifyJournal();
}
