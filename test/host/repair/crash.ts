/** kill -9 in the middle of a repair: the gateway has the old model or the new one, the run goes on, and nothing is published twice. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { ScratchModels } from "../../../src/host/models.js";
import { resumeRepair } from "../../../src/host/repair/pipeline.js";
import type { RepairReport } from "../../../src/host/repair/report.js";
import { describeRun } from "../../../src/host/repair/runs.js";
import type { TrialState } from "../../../src/host/repair/trial.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import { collect } from "../../lineage-store/support.js";
import { scratchDir } from "../../support.js";
import { namesIn, serving } from "../deployment/support.js";
import type { CrashOrder } from "./crash-child.js";
import { ancestorBytes, crashRequest, driftedBytes, servingOf, storeOf, writeJudge } from "./crash-scene.js";
import { addLayered } from "./layered.js";
import { newestRun, runtime } from "./scene.js";

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
export type CrashPoint = (typeof crashPoints)[number] | (typeof trialPoints)[number];

/**
 * In memory where that can be had: a process that is killed leaves what it wrote to the system, synced or not, so that the disk's syncs
 * would only take time. What a loss of power takes away is tested elsewhere (test/lineage-store/power-loss.test.ts).
 */
const root = scratchDir(existsSync("/dev/shm") ? "/dev/shm" : undefined);
const childPath = fileURLToPath(new URL("crash-child.js", import.meta.url));
const file = "model.safetensors";

export interface Expected {
  readonly report: unknown;
  /** What the alias served before, and its file. */
  readonly old: { readonly id: string; readonly bytes: Buffer };
  readonly new: { readonly id: string; readonly bytes: Buffer };
}

/** One scene after the other, each a copy of the same store at the same place. */
export class CrashScenes {
  readonly #template = join(root, "template");
  readonly #dir = join(root, "scene");
  /** Gets ready while the one before it is looked at. */
  #spare: ChildProcess | null = null;
  #expected: Expected | null = null;

  /** An unbroken run, which the broken ones must come to. */
  async prepare(): Promise<void> {
    const old = await this.#makeTemplate();
    this.#copy();
    await this.#run({ dir: this.#dir, point: "never", delayMs: 0, isTried: false });
    await this.#reopened(async ({ resume }) => {
      const report = await resume();
      assert.is(report.outcome, "published", report.reason);
      const bytes = readFileSync(join(servingOf(this.#dir), file));
      this.#expected = { report: comparable(report), old, new: { id: report.model!.id, bytes } };
    });
  }

  /** Kills a repair at the point, looks what the gateway has, goes on, and looks again. */
  async crashAt(point: CrashPoint, delayMs = 0): Promise<void> {
    this.#copy();
    await this.#run({ dir: this.#dir, point, delayMs, isTried: false });
    const expected = this.#expected!;
    await this.#reopened(async ({ store, resume }) => {
      await checkCrashed(store, this.#dir, point, expected);
      const { length } = await collect(store.listRuns());
      if (length === 0) assert.is(point, "before started");
      else await checkResumed(store, this.#dir, point, expected, await resume());
    });
  }

  /** The same where a trial is to decide: the alias stays, whatever happens, and one trial is open at the end. */
  async crashOnTrial(point: (typeof trialPoints)[number], delayMs = 0): Promise<void> {
    this.#copy();
    await this.#run({ dir: this.#dir, point, delayMs, isTried: true });
    const { old, ...expected } = this.#expected!;
    await this.#reopened(async ({ store, resume }) => {
      const [run] = await collect(store.listRuns());
      const isOpen = (await store.lastTrial("gateway")) !== null;
      assert.is((await describeRun(store, run!.runId)).state === "on-trial", isOpen, point);
      assert.is((await resume()).outcome, "on-trial");
      const { candidate, verdict, run: tried } = (await store.lastTrial("gateway")) as TrialState;
      assert.equal([candidate, verdict, tried], [expected.new.id, "open", run!.runId]);
      assert.is((await store.alias("gateway"))!.id, old.id);
      assert.ok(readFileSync(join(servingOf(this.#dir), file)).equals(old.bytes));
      assert.equal(namesIn(servingOf(this.#dir)), serving(file), point);
      await store.verifyJournal();
    });
  }

  close(): void {
    this.#spare?.kill("SIGKILL");
  }

  async #makeTemplate(): Promise<Expected["old"]> {
    mkdirSync(this.#template, { recursive: true });
    writeJudge(this.#template);
    // Made where the copies will be: an alias keeps the absolute path of its folder.
    cpSync(this.#template, this.#dir, { recursive: true });
    const store = await LineageStore.open(storeOf(this.#dir));
    await addLayered(store, "1", ancestorBytes);
    const id = await addLayered(store, "2", driftedBytes, ["m@1"]);
    await deploy(store, { alias: "gateway", id, dir: servingOf(this.#dir), reason: "deploy" });
    await store.close();
    cpSync(this.#dir, this.#template, { recursive: true });
    return { id, bytes: Buffer.from(driftedBytes) };
  }

  #copy(): void {
    rmSync(this.#dir, { recursive: true, force: true });
    // Links stay relative ones.
    cpSync(this.#template, this.#dir, { recursive: true, verbatimSymlinks: true });
  }

  async #run(order: CrashOrder): Promise<void> {
    const child = this.#spare ?? startChild();
    this.#spare = startChild();
    let said = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.stdin!.end(`${JSON.stringify(order)}\n`);
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    const mayEnd = order.point === "never" || order.delayMs > 0;
    // With a delay it may come to its end before it dies.
    assert.ok(signal === "SIGKILL" || (mayEnd && code === 0), `${order.point}: ${code} ${signal} ${said}`);
  }

  async #reopened(
    work: (crashed: { store: LineageStore; resume: () => Promise<RepairReport> }) => Promise<void>,
  ): Promise<void> {
    const store = await LineageStore.open(storeOf(this.#dir));
    const context = { runtime, store, scratch: new ScratchModels(store) };
    const { live, validation, control } = crashRequest(this.#dir);
    const resume = async () =>
      (await resumeRepair(context, await newestRun(store), { live, validation, control })).report;
    try {
      await work({ store, resume });
    } finally {
      await context.scratch.close();
      await store.close();
    }
  }
}

function startChild(): ChildProcess {
  const child = spawn(process.execPath, [childPath], { stdio: ["pipe", "pipe", "inherit"] });
  // A spare one that is not needed any more keeps nobody waiting.
  child.stdin!.on("error", () => undefined);
  return child;
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
