/** A process that works on a scene and is killed, and the scene as it was before, again and again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { ScratchModels } from "../../../src/host/models.js";
import type { RepairContext } from "../../../src/host/repair/context.js";
import { resumeRepair } from "../../../src/host/repair/pipeline.js";
import type { RepairReport } from "../../../src/host/repair/report.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import { scratchDir } from "../../support.js";
import type { CrashOrder } from "./crash-child.js";
import { crashRequest, storeOf } from "./crash-scene.js";
import { newestRun, runtime } from "./scene.js";

/**
 * In memory where that can be had: a process that is killed leaves what it wrote to the system, synced or not, so that the disk's syncs
 * would only take time. What a loss of power takes away is tested elsewhere (test/lineage-store/power-loss.test.ts).
 */
const root = scratchDir(existsSync("/dev/shm") ? "/dev/shm" : undefined);
const childPath = fileURLToPath(new URL("crash-child.js", import.meta.url));

/** After a crash. */
export interface Reopened {
  readonly context: RepairContext;
  readonly store: LineageStore;
  /** Goes on with the newest run. */
  resume(): Promise<RepairReport>;
}

export class CrashProcess {
  /** Of the scene: always the same, because an alias keeps the absolute path of its folder. */
  readonly dir = join(root, "scene");
  /** Gets ready while the one before it is looked at. */
  #spare: ChildProcess | null = null;

  /** Keeps the scene as it is now. */
  keep(name: string): void {
    copy(this.dir, join(root, name));
  }

  restore(name: string): void {
    copy(join(root, name), this.dir);
  }

  async run(order: Omit<CrashOrder, "dir">): Promise<void> {
    const child = this.#spare ?? startChild();
    this.#spare = startChild();
    let said = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.stdin!.end(`${JSON.stringify({ ...order, dir: this.dir })}\n`);
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    const mayEnd = order.point === "never" || order.delayMs > 0;
    // With a delay it may come to its end before it dies.
    assert.ok(signal === "SIGKILL" || (mayEnd && code === 0), `${order.point}: ${code} ${signal} ${said}`);
  }

  async reopened(work: (scene: Reopened) => Promise<void>): Promise<void> {
    const store = await LineageStore.open(storeOf(this.dir));
    const context = { runtime, store, scratch: new ScratchModels(store) };
    const { live, validation, control } = crashRequest(this.dir);
    const resume = async () =>
      (await resumeRepair(context, await newestRun(store), { live, validation, control })).report;
    try {
      await work({ context, store, resume });
    } finally {
      await context.scratch.close();
      await store.close();
    }
  }

  close(): void {
    this.#spare?.kill("SIGKILL");
  }
}

function copy(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  // Links stay relative ones.
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

function startChild(): ChildProcess {
  const child = spawn(process.execPath, [childPath], { stdio: ["pipe", "pipe", "inherit"] });
  // A spare one that is not needed any more keeps nobody waiting.
  child.stdin!.on("error", () => undefined);
  return child;
}
