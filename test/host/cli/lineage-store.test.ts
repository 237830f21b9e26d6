/** The commands that look after the store: gc. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { scratchDir } from "../../support.js";
import { rainPath } from "../rain.js";
import { runCli } from "./support.js";

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

test.run();
