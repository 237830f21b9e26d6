/** kill -9 in the middle of a repair: the gateway has the old model or the new one, the run goes on, and nothing is published twice. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { deploy } from "../../../src/host/deployment/deployments.js";
import type { RepairReport } from "../../../src/host/repair/report.js";
import { describeRun } from "../../../src/host/repair/runs.js";
import type { TrialState } from "../../../src/host/repair/trial.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import { collect } from "../../lineage-store/support.js";
import { namesIn, serving } from "../deployment/support.js";
import { CrashProcess } from "./crash-process.js";
import { ancestorBytes, driftedBytes, servingOf, storeOf, writeJudge } from "./crash-scene.js";
import { addLayered } from "./layered.js";

const steps = [
  "started",
  "detected",
  "ancestor-chosen",
  "checked",
  "scale-judged",
  "ramp-judged",
  "scale-searched",
  "gated",
  "model-added",
  "published",
] as const;

/** Every step of a repair that publishes: just before it is on the disk, and just after; and the renames of a deployment. */
export const crashPoints = [
  ...steps.flatMap((step) => [`before ${step}`, `after ${step}`] as const),
  "after staged",
  "after swapped",
  "after pointed",
  "after card",
] as const;
/** Those that only a repair with a trial has. */
export const trialPoints = ["before on-trial", "after on-trial"] as const;
export type RepairPoint = (typeof crashPoints)[number] | (typeof trialPoints)[number];

export const file = "model.safetensors";

/** A model, and its file. */
export interface Served {
  readonly id: string;
  readonly bytes: Buffer;
}

export interface Expected {
  readonly report: unknown;
  /** What the alias served before. */
  readonly old: Served;
  readonly new: Served;
}

/** One scene after the other, each a copy of the same store at the same place. */
export class CrashScenes {
  readonly process = new CrashProcess();
  #expected: Expected | null = null;

  /** Of an unbroken run. */
  get expected(): Expected {
    return this.#expected!;
  }

  /** An unbroken run, which the broken ones must come to. */
  async prepare(): Promise<void> {
    const { dir } = this.process;
    const old = await makeScene(dir);
    this.process.keep("deployed");
    await this.process.run({ work: "repair", point: "never", delayMs: 0, trial: null });
    await this.process.reopened(async ({ resume }) => {
      const report = await resume();
      assert.is(report.outcome, "published", report.reason);
      const bytes = readFileSync(join(servingOf(dir), file));
      this.#expected = { report: comparable(report), old, new: { id: report.model!.id, bytes } };
    });
  }

  /** Kills a repair at the point, looks what the gateway has, goes on, and looks again. */
  async crashAt(point: RepairPoint, delayMs = 0): Promise<void> {
    this.process.restore("deployed");
    await this.process.run({ work: "repair", point, delayMs, trial: null });
    const { dir } = this.process;
    await this.process.reopened(async ({ store, resume }) => {
      await checkCrashed(store, dir, point, this.expected);
      const { length } = await collect(store.listRuns());
      if (length === 0) assert.is(point, "before started");
      else await checkResumed(store, dir, point, this.expected, await resume());
    });
  }

  /** The same where a trial is to decide: the alias stays, whatever happens, and one trial is open at the end. */
  async crashOnTrial(point: (typeof trialPoints)[number], delayMs = 0): Promise<void> {
    this.process.restore("deployed");
    await this.process.run({ work: "repair", point, delayMs, trial: "shadow" });
    const { old, ...expected } = this.expected;
    const folder = servingOf(this.process.dir);
    await this.process.reopened(async ({ store, resume }) => {
      const [run] = await collect(store.listRuns());
      const isOpen = (await store.lastTrial("gateway")) !== null;
      assert.is((await describeRun(store, run!.runId)).state === "on-trial", isOpen, point);
      assert.is((await resume()).outcome, "on-trial");
      const { candidate, verdict, run: tried } = (await store.lastTrial("gateway")) as TrialState;
      assert.equal([candidate, verdict, tried], [expected.new.id, "open", run!.runId]);
      assert.is((await store.alias("gateway"))!.id, old.id);
      assert.ok(readFileSync(join(folder, file)).equals(old.bytes));
      assert.equal(namesIn(folder), serving(file), point);
      await store.verifyJournal();
    });
  }

  close(): void {
    this.process.close();
  }
}

/** Alias `gateway` serves `m@2`, whose ancestor is `m@1`. */
async function makeScene(dir: string): Promise<Served> {
  mkdirSync(dir, { recursive: true });
  writeJudge(dir);
  const store = await LineageStore.open(storeOf(dir));
  await addLayered(store, "1", ancestorBytes);
  const id = await addLayered(store, "2", driftedBytes, ["m@1"]);
  await deploy(store, { alias: "gateway", id, dir: servingOf(dir), reason: "deploy" });
  await store.close();
  return { id, bytes: Buffer.from(driftedBytes) };
}

function comparable({ run: _, ...report }: RepairReport): unknown {
  return JSON.parse(JSON.stringify(report));
}

/** Old or new, never both: the folder, the alias and the run say the same, or the folder is one step behind. */
async function checkCrashed(
  store: LineageStore,
  dir: string,
  point: string,
  expected: Expected,
): Promise<void> {
  const served = readFileSync(join(servingOf(dir), file));
  const { id } = (await store.alias("gateway"))!;
  const isOld = served.equals(expected.old.bytes);
  assert.ok(
    isOld || served.equals(expected.new.bytes),
    `${point}: the folder has the old file or the new one`,
  );
  assert.ok(id === expected.old.id || id === expected.new.id, `${point}: and so has the alias`);
  // The folder follows the alias, never the other way round.
  assert.ok(isOld || id === expected.new.id, point);
  const current = readFileSync(join(servingOf(dir), "current", file));
  assert.ok(current.equals(expected.old.bytes) || (!isOld && current.equals(expected.new.bytes)), point);
  const [run] = await collect(store.listRuns());
  if (run === undefined) return;
  const { state } = await describeRun(store, run.runId);
  assert.is(state === "ended", id === expected.new.id, `${point}: the alias has moved when the run says so`);
}

async function checkResumed(
  store: LineageStore,
  dir: string,
  point: string,
  expected: Expected,
  report: RepairReport,
): Promise<void> {
  const at = (...names: string[]) => join(servingOf(dir), ...names);
  assert.equal(comparable(report), expected.report, point);
  for (const path of [at(file), at("current", file)])
    assert.ok(readFileSync(path).equals(expected.new.bytes), `${point}: ${path}`);
  assert.equal(namesIn(servingOf(dir)), serving("model.card.md", file), point);
  assert.match(readFileSync(at("model.card.md"), "utf8"), report.run, `${point}: its own card`);
  const entries = await collect(store.aliasHistory("gateway"));
  assert.equal(
    entries.map((entry) => [entry.id, entry.run]),
    [
      [expected.new.id, report.run],
      [expected.old.id, null],
    ],
    `${point}: published once`,
  );
  const models = (await collect(store.models())).map(({ name, version }) => `${name}@${version}`);
  assert.equal(models.sort(), ["m@1", "m@2", "m@2-repair.1"], point);
  await store.verifyJournal();
}
