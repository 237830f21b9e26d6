/** kill -9 in the middle of a repair: the gateway has the old model or the new one, the run goes on, and nothing is published twice. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { ScratchModels } from "../../../src/host/models.js";
import { resumeRepair } from "../../../src/host/repair/pipeline.js";
import type { RepairReport } from "../../../src/host/repair/report.js";
import { describeRun } from "../../../src/host/repair/runs.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import { collect, freshDir } from "../../lineage-store/support.js";
import { serving as names, namesIn } from "../deployment/support.js";
import { addRain, labelledOf } from "../rain.js";
import { newestRun, request, runtime, seattle2015 } from "./scene.js";

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

/** Every step of a repair that publishes: just before it is on the disk, and just after; and the two renames of a deployment. */
export const crashPoints = [
  ...steps.flatMap((step) => [`before ${step}`, `after ${step}`] as const),
  "after staged",
  "after swapped",
] as const;
export type CrashPoint = (typeof crashPoints)[number];

const childPath = fileURLToPath(new URL("crash-child.js", import.meta.url));

/** A store whose alias `gateway` serves rain@3 from the folder that stands beside it. */
interface Template {
  readonly dir: string;
  readonly old: { readonly id: string; readonly bytes: Buffer };
}

async function template(): Promise<Template> {
  const dir = freshDir();
  const store = await LineageStore.open(join(dir, "store"));
  const [, , deployed] = await addRain(runtime, store, ["rain@1", "rain@2", "rain@3"]);
  // Relative folders are made absolute by the deployment, so the copies get theirs anew.
  await store.close();
  return { dir, old: { id: deployed!.id, bytes: readFileSync(join(dirOfRain, "rain-3.onnx")) } };
}

const dirOfRain = fileURLToPath(new URL("../../../../examples/rain/models/", import.meta.url));

interface Crashed {
  readonly store: LineageStore;
  readonly serving: string;
  readonly resume: () => Promise<RepairReport>;
}

async function withCopy(
  source: Template,
  work: (dir: string, serving: string) => Promise<void>,
): Promise<void> {
  const dir = freshDir();
  cpSync(source.dir, dir, { recursive: true });
  const serving = join(dir, "serving");
  const store = await LineageStore.open(join(dir, "store"));
  await deploy(store, { alias: "gateway", id: source.old.id, dir: serving, reason: "deploy" });
  await store.close();
  try {
    await work(join(dir, "store"), serving);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function runChild(storeDir: string, point: CrashPoint, delayMs: number): Promise<string | null> {
  const child: ChildProcess = spawn(process.execPath, [childPath, storeDir, point, String(delayMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout!.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  // With a delay it may come to its end before it dies.
  assert.ok(signal === "SIGKILL" || (delayMs > 0 && code === 0), `${point}: ${code} ${signal} ${said}`);
  return signal;
}

async function withCrashed(
  storeDir: string,
  serving: string,
  work: (crashed: Crashed) => Promise<void>,
): Promise<void> {
  const store = await LineageStore.open(storeDir);
  const context = { runtime, store, scratch: new ScratchModels(store) };
  const resume = async () => {
    const { live, validation } = request();
    const control = labelledOf(runtime, seattle2015, "Seattle 2015");
    return (await resumeRepair(context, await newestRun(store), { live, validation, control })).report;
  };
  try {
    await work({ store, serving, resume });
  } finally {
    await context.scratch.close();
    await store.close();
  }
}

export interface Expected {
  readonly template: Template;
  readonly report: unknown;
  readonly model: NonNullable<RepairReport["model"]>;
  readonly bytes: Buffer;
}

/** An unbroken run, which the broken ones must come to. */
export async function expected(): Promise<Expected> {
  const made = await template();
  let result: Expected | undefined;
  await withCopy(made, async (storeDir, serving) => {
    // A point that no repair comes to twice: the child is let live.
    const child = spawn(process.execPath, [childPath, storeDir, "never", "0"], { stdio: "inherit" });
    await once(child, "close");
    await withCrashed(storeDir, serving, async ({ resume }) => {
      const report = await resume();
      const bytes = readFileSync(join(serving, "model.onnx"));
      result = { template: made, report: comparable(report, serving), model: report.model!, bytes };
    });
  });
  return result!;
}

function comparable({ run: _, ...report }: RepairReport, serving: string): unknown {
  return JSON.parse(JSON.stringify(report).replaceAll(serving, "SERVING"));
}

/** Kills a repair at the point, looks what the gateway has, goes on, and looks again. */
export async function crashAt(point: CrashPoint, unbroken: Expected, delayMs = 0): Promise<void> {
  const { old } = unbroken.template;
  await withCopy(unbroken.template, async (storeDir, serving) => {
    await runChild(storeDir, point, delayMs);
    await withCrashed(storeDir, serving, async ({ store, resume }) => {
      const served = readFileSync(join(serving, "model.onnx"));
      const { id } = (await store.alias("gateway"))!;
      const isOld = served.equals(old.bytes);
      assert.ok(
        isOld || served.equals(unbroken.bytes),
        `${point}: the folder has the old file or the new one`,
      );
      assert.ok(id === old.id || id === unbroken.model.id, `${point}: and so has the alias`);
      // The folder follows the alias, never the other way round.
      assert.ok(isOld || id === unbroken.model.id, point);
      const runs = await collect(store.listRuns());
      if (runs.length === 0) {
        assert.is(point, "before started");
        return;
      }
      const { state } = await describeRun(store, runs[0]!.runId);
      assert.is(
        state === "ended",
        id === unbroken.model.id,
        `${point}: the alias has moved when the run says so`,
      );

      const report = await resume();
      assert.equal(comparable(report, serving), unbroken.report, point);
      assert.ok(readFileSync(join(serving, "model.onnx")).equals(unbroken.bytes), point);
      assert.equal(namesIn(serving), names("model.card.md", "model.onnx"));
      const entries = await collect(store.aliasHistory("gateway"));
      assert.equal(
        entries.map((entry) => [entry.id, entry.run]),
        [
          [unbroken.model.id, report.run],
          [old.id, null],
        ],
        `${point}: published once`,
      );
      const models = (await collect(store.models())).map(({ name, version }) => `${name}@${version}`);
      assert.equal(models.sort(), ["rain@1", "rain@2", "rain@3", "rain@3-repair.1"]);
      await store.verifyJournal();
    });
  });
  assert.not.ok(existsSync(join(unbroken.template.dir, "serving")));
}
