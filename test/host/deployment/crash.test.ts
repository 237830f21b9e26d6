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
import { addExternal, addLarge, addRain, namesIn, servedId, serving, servingDir } from "./support.js";

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

type Kind = "onnx" | "safetensors" | "external";

interface Model {
  readonly id: string;
  readonly kind: Kind;
  /** Whether a reader of the folder comes to this very model. */
  isIn(dir: string): Promise<boolean>;
}

interface Scene {
  readonly dir: string;
  readonly old: Model;
  readonly next: Model;
  readonly store: LineageStore;
}

function fileOf(kind: Kind): string {
  return kind === "safetensors" ? "model.safetensors" : "model.onnx";
}

async function addOne(store: LineageStore, kind: Kind, version: "1" | "3"): Promise<Model> {
  if (kind === "external") {
    const { id } = await addExternal(store, version);
    return { id, kind, isIn: async (dir) => (await servedId(dir)) === id };
  }
  const add = () => (kind === "onnx" ? addRain(store, version) : addLarge(store, "9", 400_000, 3));
  const { id, bytes } = await add();
  return { id, kind, isIn: async (dir) => readFileSync(join(dir, fileOf(kind))).equals(bytes) };
}

/** `old` is deployed, the deployment of `next` dies at the point, and the store is opened again. */
async function crashed(
  point: CrashPoint,
  [from, to]: readonly [Kind, Kind],
  look: (scene: Scene) => Promise<void>,
): Promise<void> {
  const storeDir = freshDir();
  const dir = servingDir();
  let store = await LineageStore.open(storeDir);
  const old = await addOne(store, from, "1");
  const next = await addOne(store, to, "3");
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

async function tidy(dir: string, next: Model): Promise<void> {
  assert.ok(await next.isIn(dir));
  // Data files of a model that has any lie beside it there.
  assert.ok(await next.isIn(join(dir, "current")));
  assert.equal(namesIn(dir), serving(fileOf(next.kind)));
  assert.is(namesIn(join(dir, "versions")).length, 2, "it, and the one before it");
}

const moves: readonly (readonly [Kind, Kind])[] = [
  ["onnx", "onnx"],
  ["onnx", "safetensors"],
  ["onnx", "external"],
  ["external", "external"],
  ["external", "onnx"],
];

for (const move of moves) {
  const told = move.join(" to ");
  for (const point of ["staging", "staged"] as const) {
    test(`${told}, ${point}: nothing has moved, and the next deployment clears up`, () =>
      crashed(point, move, async ({ dir, old, next, store }) => {
        assert.is((await store.alias("prod"))?.id, old.id);
        assert.ok(await old.isIn(dir));
        assert.is(namesIn(join(dir, "versions")).length, 2, "the crash left something behind");
        assert.is(await reconcile(store, "prod"), false);
        assert.ok(await old.isIn(dir));
        await deploy(store, { alias: "prod", id: next.id, reason: "deploy" });
        await tidy(dir, next);
      }));
  }

  test(`${told}, committed: readers have the old file whole, reconcile brings the new one`, () =>
    crashed("committed", move, async ({ dir, old, next, store }) => {
      assert.is((await store.alias("prod"))?.id, next.id);
      assert.ok(await old.isIn(dir));
      assert.is(await reconcile(store, "prod"), true);
      await tidy(dir, next);
      assert.is(await reconcile(store, "prod"), false);
    }));

  test(`${told}, committed: deploying it again finishes it without another entry`, () =>
    crashed("committed", move, async ({ dir, next, store }) => {
      const before = await store.alias("prod");
      await deploy(store, { alias: "prod", id: next.id, reason: "deploy" });
      assert.ok(await next.isIn(dir));
      assert.equal(await store.alias("prod"), before);
    }));

  for (const point of ["swapped", "pointed"] as const) {
    test(`${told}, ${point}: readers have the new file, reconcile takes away what is left of the old`, () =>
      crashed(point, move, async ({ dir, old, next, store }) => {
        assert.is((await store.alias("prod"))?.id, next.id);
        assert.ok(await next.isIn(dir));
        assert.is(
          await reconcile(store, "prod"),
          point === "swapped" || fileOf(old.kind) !== fileOf(next.kind),
        );
        await tidy(dir, next);
      }));
  }
}

test.run();
