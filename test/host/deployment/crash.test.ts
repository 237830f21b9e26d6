/** kill -9 in the middle of a deployment: readers keep a whole file, and `reconcile` finishes what the store says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deploy, reconcile } from "../../../src/host/deployment/deployments.js";
import { LineageStore } from "../../../src/lineage-store/store.js";
import { freshDir } from "../../lineage-store/support.js";
import type { CrashPoint } from "./crash-child.js";
import { type Added, addLarge, addRain, namesIn, serving, servingDir } from "./support.js";

const childPath = fileURLToPath(new URL("crash-child.js", import.meta.url));

async function crash(storeDir: string, id: string, dir: string, point: CrashPoint): Promise<void> {
  const child = spawn(process.execPath, [childPath, storeDir, "prod", id, dir, point], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [, signal] = (await once(child, "close")) as [number | null, string | null];
  assert.is(signal, "SIGKILL", said);
}

interface Scene {
  readonly dir: string;
  readonly old: Added & { readonly format: string };
  readonly next: Added & { readonly format: string };
  readonly store: LineageStore;
}

/** `old` is deployed, the deployment of `next` dies at the point, and the store is opened again. */
async function crashed(
  point: CrashPoint,
  format: string,
  look: (scene: Scene) => Promise<void>,
): Promise<void> {
  const storeDir = freshDir();
  const dir = servingDir();
  let store = await LineageStore.open(storeDir);
  const old = { ...(await addRain(store, "1")), format: "onnx" };
  const next = {
    ...(format === "onnx" ? await addRain(store, "3") : await addLarge(store, "9", 400_000, 3)),
    format,
  };
  await deploy(store, { alias: "prod", id: old.id, dir, reason: "deploy" });
  await store.close();
  await crash(storeDir, next.id, dir, point);
  store = await LineageStore.open(storeDir);
  try {
    await look({ dir, old, next, store });
  } finally {
    await store.close();
  }
}

function holds(dir: string, { bytes, format }: Scene["old"]): boolean {
  return Buffer.compare(readFileSync(join(dir, `model.${format}`)), bytes) === 0;
}

function tidy(dir: string, next: Scene["next"]): void {
  const file = `model.${next.format}`;
  assert.ok(holds(dir, next));
  assert.ok(readFileSync(join(dir, "current", file)).equals(next.bytes));
  assert.equal(namesIn(dir), serving(file));
  assert.is(namesIn(join(dir, "versions")).length, 2, "it, and the one before it");
}

for (const format of ["onnx", "safetensors"]) {
  for (const point of ["staging", "staged"] as const) {
    test(`${format}, ${point}: nothing has moved, and the next deployment clears up`, () =>
      crashed(point, format, async ({ dir, old, next, store }) => {
        assert.is((await store.alias("prod"))?.id, old.id);
        assert.ok(holds(dir, old));
        assert.is(namesIn(join(dir, "versions")).length, 2, "the crash left something behind");
        assert.is(await reconcile(store, "prod"), false);
        assert.ok(holds(dir, old));
        await deploy(store, { alias: "prod", id: next.id, reason: "deploy" });
        tidy(dir, next);
      }));
  }

  test(`${format}, committed: readers have the old file whole, reconcile brings the new one`, () =>
    crashed("committed", format, async ({ dir, old, next, store }) => {
      assert.is((await store.alias("prod"))?.id, next.id);
      assert.ok(holds(dir, old));
      assert.is(await reconcile(store, "prod"), true);
      tidy(dir, next);
      assert.is(await reconcile(store, "prod"), false);
    }));

  test(`${format}, committed: deploying it again finishes it without another entry`, () =>
    crashed("committed", format, async ({ dir, next, store }) => {
      const before = await store.alias("prod");
      await deploy(store, { alias: "prod", id: next.id, reason: "deploy" });
      assert.ok(holds(dir, next));
      assert.equal(await store.alias("prod"), before);
    }));

  for (const point of ["swapped", "pointed"] as const) {
    test(`${format}, ${point}: readers have the new file, reconcile takes away what is left of the old`, () =>
      crashed(point, format, async ({ dir, next, store }) => {
        assert.is((await store.alias("prod"))?.id, next.id);
        assert.ok(holds(dir, next));
        assert.is(await reconcile(store, "prod"), point === "swapped" || format !== "onnx");
        tidy(dir, next);
      }));
  }
}

test.run();
