/**
 * kill -9 while a trial moves its alias: the trial is open and the alias is where it was, or it has ended and the alias has moved, and what
 * goes on comes to the same end. A shadow trial moves it to the candidate, a guard's back to the incumbent.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { describeRun } from "../../../src/host/repair/runs.js";
import type { TrialState } from "../../../src/host/repair/trial.js";
import type { LineageStore } from "../../../src/lineage-store/store.js";
import { collect } from "../../lineage-store/support.js";
import { namesIn, serving } from "../deployment/support.js";
import { type CrashScenes, file, type Served } from "./crash.js";
import { rowsMin, servingOf, tellLosses } from "./crash-scene.js";
import { newestRun } from "./scene.js";

/** A look that decides nothing, the commit with the alias's move, and the renames of the deployment. */
const points = [
  "before looked",
  "after looked",
  "before moved",
  "after moved",
  "after swapped",
  "after pointed",
] as const;
/** `movePoints.guard` goes back to a version that the folder keeps, without a card. */
export const movePoints = {
  shadow: [...points, "after staged", "after card"],
  guard: points,
} as const;
export type MovePoint = (typeof movePoints)["shadow"][number];
type Period = keyof typeof movePoints;

export class TrialScenes {
  readonly #scenes: CrashScenes;
  readonly #ends = new Map<Period, TrialState>();

  /** @param scenes  prepared */
  constructor(scenes: CrashScenes) {
    this.#scenes = scenes;
  }

  /** Repairs that put their candidate on trial, and unbroken trials, which the broken ones must come to. */
  async prepare(): Promise<void> {
    const { process } = this.#scenes;
    for (const trial of ["shadow", "guard"] as const) {
      process.restore("deployed");
      await process.run({ work: "repair", point: "never", delayMs: 0, trial });
      process.keep(trial);
      await process.run({ work: "losses", point: "never", delayMs: 0, trial: null });
      await process.reopened(async ({ store }) => {
        const state = (await store.lastTrial("gateway")) as TrialState;
        const { verdict, looks, labelled } = state;
        const expected = trial === "shadow" ? "better" : "worse";
        assert.equal([verdict, looks, labelled], [expected, 2, 2 * rowsMin], state.reason ?? "");
        this.#ends.set(trial, state);
        await this.#checkEnd(store, trial, "never");
      });
    }
  }

  async crashAt(period: Period, point: MovePoint, delayMs = 0): Promise<void> {
    const { process } = this.#scenes;
    process.restore(period);
    await process.run({ work: "losses", point, delayMs, trial: null });
    await process.reopened(async ({ context, store, resume }) => {
      const hasMoved = await this.#checkCrashed(store, period, point, delayMs === 0);
      // A folder that stayed behind its alias follows when the run is asked for again.
      if (hasMoved) await resume();
      else await tellLosses(context);
      await this.#checkEnd(store, period, point);
    });
  }

  /** What the alias serves before the trial ends, and after. */
  #move(period: Period): { from: Served; to: Served } {
    const { old, new: repaired } = this.#scenes.expected;
    return period === "shadow" ? { from: old, to: repaired } : { from: repaired, to: old };
  }

  async #checkCrashed(
    store: LineageStore,
    period: Period,
    point: MovePoint,
    isExact: boolean,
  ): Promise<boolean> {
    const { from, to } = this.#move(period);
    const { id } = (await store.alias("gateway"))!;
    assert.ok(id === from.id || id === to.id, `${point}: one of both`);
    const hasMoved = id === to.id;
    const state = (await store.lastTrial("gateway")) as TrialState;
    assert.is(state.verdict === "open", !hasMoved, `${point}: the trial has ended when the alias has moved`);
    const run = await describeRun(store, await newestRun(store));
    const ended = period === "guard" || hasMoved;
    assert.equal([run.state, run.outcome], ended ? ["ended", "published"] : ["on-trial", "on-trial"], point);
    if (isExact && !hasMoved) assert.is(state.looks, point === "before looked" ? 0 : 1, point);
    // The folder follows the alias, never the other way round.
    for (const path of [file, join("current", file)]) {
      const bytes = readFileSync(join(this.#folder, path));
      assert.ok(bytes.equals(from.bytes) || (hasMoved && bytes.equals(to.bytes)), `${point}: ${path}`);
    }
    return hasMoved;
  }

  async #checkEnd(store: LineageStore, period: Period, point: string): Promise<void> {
    const { from, to } = this.#move(period);
    const run = await newestRun(store);
    assert.equal(await store.lastTrial("gateway"), this.#ends.get(period), `${point}: the same end`);
    assert.is((await describeRun(store, run)).outcome, "published", point);
    const entries = (await collect(store.aliasHistory("gateway"))).map((entry) => [entry.id, entry.run]);
    const published = [
      [to.id, period === "shadow" ? run : null],
      [from.id, period === "guard" ? run : null],
    ];
    const before = period === "guard" ? [[to.id, null]] : [];
    assert.equal(entries, [...published, ...before], `${point}: moved once`);
    for (const path of [file, join("current", file)])
      assert.ok(readFileSync(join(this.#folder, path)).equals(to.bytes), `${point}: ${path}`);
    const card = period === "shadow" ? ["model.card.md"] : [];
    assert.equal(namesIn(this.#folder), serving(...card, file), point);
    await store.verifyJournal();
  }

  get #folder(): string {
    return servingOf(this.#scenes.process.dir);
  }
}
