import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MendlineError } from "../../../src/errors.js";
import { inStoreFolder, requireStore } from "../../../src/host/cli/store-folder.js";
import { scratchDir } from "../../support.js";

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "nothing was thrown",
    (error: MendlineError) => error.code,
  );
}

test("reading wants a store: an absent or empty folder is none, and none is made", async () => {
  const dir = scratchDir();
  const absent = join(dir, "absent");
  assert.is(await codeOf(requireStore(absent)), "MENDLINE_STORE_UNKNOWN");
  assert.is(await codeOf(requireStore(dir)), "MENDLINE_STORE_UNKNOWN");
  assert.not.ok(existsSync(absent));
  writeFileSync(join(dir, "FORMAT"), "");
  await requireStore(dir);
});

test("a new store appears when the work is done, and only then", async () => {
  const dir = scratchDir();
  const store = join(dir, "deep", "store");
  const result = await inStoreFolder(store, async (staged) => {
    assert.not.ok(existsSync(store));
    writeFileSync(join(staged, "FORMAT"), "made");
    return 7;
  });
  assert.is(result, 7);
  assert.is(readFileSync(join(store, "FORMAT"), "utf8"), "made");
  assert.equal(readdirSync(join(dir, "deep")), ["store"]);
});

test("work that fails leaves no store, and tells its own failure", async () => {
  const dir = scratchDir();
  const work = inStoreFolder(join(dir, "store"), async (staged) => {
    writeFileSync(join(staged, "FORMAT"), "half");
    throw new Error("the model is damaged");
  });
  const message = await work.catch((error: Error) => error.message);
  assert.is(message, "the model is damaged");
  assert.equal(readdirSync(dir), []);
});

test("a store that came into being meanwhile is not overwritten", async () => {
  const dir = scratchDir();
  const store = join(dir, "store");
  const work = inStoreFolder(store, async (staged) => {
    writeFileSync(join(staged, "FORMAT"), "ours");
    mkdirSync(store);
    writeFileSync(join(store, "FORMAT"), "theirs");
  });
  assert.is(await codeOf(work), "MENDLINE_STORE_IO");
  assert.is(readFileSync(join(store, "FORMAT"), "utf8"), "theirs");
  assert.equal(readdirSync(dir), ["store"]);
});

test("a folder that is there is used in place", async () => {
  const dir = scratchDir();
  assert.is(await inStoreFolder(dir, async (given) => given), dir);
  writeFileSync(join(dir, "FORMAT"), "");
  assert.is(await inStoreFolder(dir, async (given) => given), dir);
});

test.run();
