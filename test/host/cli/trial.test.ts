/** `mendline repair --trial` and `mendline trial`: the alias moves when the rows that came show it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openEngine, type RepairReport, type TrialState } from "../../../src/index.js";
import { scratchDir } from "../../support.js";
import { rainModel, runCli, writeRainData } from "./support.js";

const dir = scratchDir();
const store = join(dir, "store");
const serving = join(dir, "serving");
const live = join(dir, "live.csv");
const later = join(dir, "later.csv");

test.before(async () => {
  const engine = await openEngine({ store, threads: 0 });
  for (const [version, cities] of [
    ["1", ["Seattle", "New York"]],
    ["2", ["Seattle"]],
  ] as const) {
    const path = join(dir, `training-${version}.csv`);
    writeRainData(path, { cities: [...cities], from: "2012-01-01", to: "2013-12-31" });
    const trainingData = await engine.openData(path);
    const parents = version === "1" ? [] : [{ ref: "rain@1" }];
    await engine.addModel({
      file: rainModel(version),
      name: "rain",
      version,
      parents,
      trainingData,
      label: "rains",
    });
    await trainingData.close();
  }
  await engine.deploy("rain@2", { alias: "gateway", dir: serving });
  await engine.close();
  writeRainData(live, { cities: ["New York"], from: "2015-01-01", to: "2015-12-31" });
  writeRainData(later, { cities: ["New York"], from: "2012-01-01", to: "2014-12-31" });
});

const served = (version: string) =>
  readFileSync(join(serving, "model.onnx")).equals(readFileSync(rainModel(version)));

test("on trial, then published by the rows that come; the same rows again are refused", async () => {
  const words = ["repair", "gateway", "--live", live, "--validation", live, "--alias", "gateway"];
  const repaired = await runCli([
    ...words,
    "--ancestor",
    "rain@1",
    "--trial",
    "shadow",
    "--json",
    "--store",
    store,
  ]);
  assert.is(repaired.code, 0, repaired.stderr);
  const report = JSON.parse(repaired.stdout) as RepairReport;
  assert.equal([report.outcome, report.path], ["on-trial", null]);
  assert.ok(served("2"));

  const rows = ["trial", "gateway", "--live", live, "--labelled", later, "--store", store];
  const tried = await runCli([...rows, "--json"]);
  assert.is(tried.code, 0, tried.stderr);
  const state = JSON.parse(tried.stdout) as TrialState & { alias: string };
  assert.equal([state.alias, state.verdict, state.rows, state.run], ["gateway", "better", 365, report.run]);
  assert.not(served("2"));

  // The alias serves the candidate now: a guard begins, and counts the rows anew, once.
  const guard = await runCli(["trial", "gateway", "--labelled", live, "--store", store]);
  assert.is(guard.code, 0, guard.stderr);
  assert.match(guard.stdout, /candidate +rain@2-repair.1, served\n/);
  const again = await runCli(["trial", "gateway", "--labelled", live, "--store", store]);
  assert.is(again.code, guard.stdout.includes("open:") ? 1 : 0, again.stderr);
});

test("what cannot be meant", async () => {
  const unknown = await runCli(["trial", "nobody", "--store", store]);
  assert.equal([unknown.code, unknown.stdout], [1, ""]);
  assert.match(
    unknown.stderr,
    /"nobody" has no trial: --candidate REF begins one.*\[MENDLINE_STORE_UNKNOWN\]/,
  );
  const both = await runCli(["trial", "gateway", "--end", "--live", live, "--store", store]);
  assert.is(both.code, 2);
  assert.match(both.stderr, /--end takes no data/);
});

test.run();
