/** The commands that look after the store: gc, backup and restore, repair. */
import { generateKeyPairSync } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { scratchDir } from "../../support.js";
import { rainPath } from "../rain.js";
import { filesBelow, runCli } from "./support.js";

const dir = scratchDir();
const store = join(dir, "store");

async function json(...args: string[]): Promise<Record<string, never>> {
  const { code, stdout, stderr } = await runCli([...args, "--store", store, "--json"]);
  assert.is(code, 0, stderr);
  return JSON.parse(stdout) as Record<string, never>;
}

async function refused(...args: string[]): Promise<{ code: number | null; stderr: string }> {
  const { code, stdout, stderr } = await runCli([...args, "--store", store]);
  assert.is(stdout, "");
  assert.is(stderr.trim().split("\n").length, 1, stderr);
  return { code, stderr };
}

test("gc drops what the policy does not keep; the model stays, and its restore says why it cannot", async () => {
  for (const [version, parents] of [
    ["1", []],
    ["2", ["--parent", "rain@1", "--transformation", "fine-tuning"]],
    ["3", ["--parent", "rain@2", "--transformation", "fine-tuning"]],
  ] as const)
    await json(
      "model",
      "add",
      rainPath(`rain-${version}`),
      "--name",
      "rain",
      "--version",
      version,
      ...parents,
    );
  const dry = await json("lineage", "gc", "--keep-last", "1", "--keep-ancestors", "1", "--dry-run");
  const done = await json("lineage", "gc", "--keep-last", "1", "--keep-ancestors", "1");
  assert.equal({ ...dry, dryRun: false }, done);
  assert.equal(
    (done.dropped as { version: string }[]).map(({ version }) => version),
    ["1"],
  );
  const out = join(dir, "out.onnx");
  const { code, stderr } = await refused("model", "restore", "rain@1", "--out", out);
  assert.is(code, 1);
  assert.match(stderr, /parameters of rain@1 were dropped by retention on .* \[MENDLINE_STORE_DROPPED\]/);
  assert.is(existsSync(out), false);
  await json("model", "show", "rain@1");
  await json("model", "restore", "rain@3", "--out", out);
  const { code: again, stdout } = await runCli(["lineage", "gc", "--store", store]);
  assert.is(again, 0);
  assert.match(stdout, /parameters dropped of 0 models; kept: 2 of all models\n0 objects removed/);
  await json("model", "add", rainPath("rain-1"), "--name", "rain", "--version", "1");
  await json("model", "restore", "rain@1", "--out", out);
});

test("policies that make no sense are usage", async () => {
  for (const args of [
    ["--keep-last", "0"],
    ["--keep-ancestors", "1"],
    ["--keep-last", "x"],
  ])
    assert.is((await refused("lineage", "gc", ...args)).code, 2, args.join(" "));
});

test("backup and restore: the same models in another folder, and only in an empty one", async () => {
  const [out, other] = [join(dir, "store.backup"), join(dir, "other")];
  const made = await json("lineage", "backup", "--out", out);
  const args = ["lineage", "restore", out, "--store", other];
  const { code, stdout } = await runCli([...args, "--json"]);
  assert.is(code, 0);
  const restored = JSON.parse(stdout);
  assert.equal([restored.hash, restored.head, restored.models], [made.hash, made.head, 3]);
  const again = await runCli(args);
  assert.equal([again.code, again.stdout], [2, ""]);
  assert.match(again.stderr, /other is not empty .*restore into a new or an empty folder/);
  const listed = await runCli(["model", "list", "--store", other, "--json"]);
  assert.equal(JSON.parse(listed.stdout), await json("model", "list"));
  const verified = await runCli(["model", "verify", "--store", other, "--json"]);
  assert.is(verified.code, 0, verified.stdout);
});

test("verify lists all damage at once, with what is lost, and exits 1", async () => {
  const damaged = join(dir, "damaged");
  cpSync(store, damaged, { recursive: true });
  const objects = filesBelow(join(damaged, "objects")).filter((path) => statSync(path).size > 100);
  for (const path of objects.slice(0, 2)) flip(path, 50);
  for (const path of filesBelow(join(damaged, "db")).filter((one) => one.endsWith(".ldb"))) flip(path, 200);
  const { code, stdout } = await runCli(["model", "verify", "--store", damaged, "--json"]);
  assert.is(code, 1);
  const { isValid, journal, damage } = JSON.parse(stdout);
  assert.equal([isValid, journal, damage.objects.length], [false, null, 2]);
  assert.ok(damage.files.length > 0 && damage.records.length > 0, stdout);
  const text = await runCli(["model", "verify", "--store", damaged]);
  assert.is(text.code, 1, text.stderr);
  assert.match(text.stdout, /checked: not all hold\ndamaged {2}\S+\.ldb: has a damaged block at byte \d+/);
  assert.is(text.stdout.match(/^damaged {2}object [0-9a-f]{64}: /gm)?.length, 2);
  const asked = ["model", "verify", "--key", key(), "--store", damaged];
  assert.match((await runCli(asked)).stdout, /signatures were not checked/);
});

/** One bit of a file. */
function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 16;
  writeFileSync(path, bytes);
}

function key(): string {
  const path = join(dir, "pub.pem");
  writeFileSync(path, generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }));
  return path;
}

test("repair: a store that is refused names the command, and is opened after it", async () => {
  const current = join(store, "db", "CURRENT");
  rmSync(current);
  const { code, stderr } = await refused("model", "list");
  assert.is(code, 1);
  assert.match(
    stderr,
    /CURRENT is missing: `mendline lineage repair` saves all .* \[MENDLINE_STORE_CORRUPT\]/,
  );
  const dry = await json("lineage", "repair", "--dry-run", "--check-objects");
  assert.equal([dry.lost, dry.setAside, existsSync(current)], [[], null, false]);
  const repair = await runCli(["lineage", "repair", "--store", store]);
  assert.is(repair.code, 0, repair.stderr);
  assert.match(
    repair.stdout,
    /damaged {2}\S+CURRENT: is missing\n\d+ records kept, 0 lost, .*\n.*\nthe journal is whole\n.*db\.damaged/,
  );
  assert.is((await json("model", "verify")).isValid as unknown, true);
  assert.equal((await json("lineage", "repair", "--discard")).discarded, [join(store, "db.damaged")]);
  assert.is((await refused("lineage", "repair", "--discard", "--dry-run")).code, 2);
});

test.run();
