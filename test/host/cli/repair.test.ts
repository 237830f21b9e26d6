import { cpSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openEngine, type RepairReport } from "../../../src/index.js";
import { scratchDir } from "../../support.js";
import { rainModel, runCli, writeRainData } from "./support.js";

const dir = scratchDir();
const store = join(dir, "store");
const drifted = join(dir, "new-york-2015.csv");
const stable = join(dir, "seattle-2015.csv");
const few = join(dir, "new-york-february.csv");

async function addRain(): Promise<void> {
  const [from, to] = ["2012-01-01", "2013-12-31"];
  const trainedOn = { "1": ["Seattle", "New York"], "2": ["Seattle"], "3": ["Seattle"] };
  const engine = await openEngine({ store });
  for (const [version, cities] of Object.entries(trainedOn)) {
    const path = join(dir, `training-${version}.csv`);
    writeRainData(path, { cities, from, to: version === "3" ? "2014-12-31" : to });
    const trainingData = await engine.openData(path);
    const parents = version === "1" ? [] : [{ ref: `rain@${Number(version) - 1}` }];
    const file = rainModel(version);
    await engine.addModel({ file, name: "rain", version, parents, trainingData, label: "rains" });
    await trainingData.close();
  }
  await engine.close();
}

test("setup: three generations of rain models, and the years that they meet", async () => {
  await addRain();
  writeRainData(drifted, { cities: ["New York"], from: "2015-01-01", to: "2015-12-31" });
  writeRainData(stable, { cities: ["Seattle"], from: "2015-01-01", to: "2015-12-31" });
  writeRainData(few, { cities: ["New York"], from: "2015-02-01", to: "2015-02-28" });
  assert.ok(existsSync(store));
});

const repair = ["repair", "rain@3", "--live", drifted, "--validation", drifted, "--control", stable];
const target = ["--alias", "gateway", "--deploy", join(dir, "gateway")];

test("a dry run decides and publishes nothing; the run itself, in a copy, decides the same and publishes", async () => {
  const copy = join(dir, "copy");
  cpSync(store, copy, { recursive: true });
  const [dry, real] = await Promise.all([
    runCli([...repair, ...target, "--dry-run", "--json", "--store", store]),
    runCli([...repair, ...target, "--store", copy]),
  ]);
  assert.is(dry.code, 0, dry.stderr);
  assert.is(dry.stderr, "");
  const report = JSON.parse(dry.stdout) as RepairReport;
  assert.equal([report.outcome, report.dryRun, report.model, report.path], ["published", true, null, null]);
  assert.equal(
    report.passedOver.map(({ label }) => label),
    ["rain@2"],
  );
  assert.equal([report.ancestor!.label, report.ancestor!.distance], ["rain@1", 2]);
  const { gate, control, scale } = report;
  assert.ok(gate!.interval![1] < 0 && gate!.repaired < gate!.keep);
  assert.ok(control!.passed && scale! > 0);
  const listed = await runCli(["model", "list", "--store", store]);
  assert.not.match(listed.stdout, /repair/);

  assert.is(real.code, 0, real.stderr);
  const served = join(dir, "gateway", "model.onnx");
  assert.match(real.stdout, /^live data +drift: 3 of 4 features on 365 rows: wind \(PSI 0\.992, p 1e-18\)/);
  assert.match(real.stdout, /^passed over +rain@2, 1 derivation away: /m);
  assert.match(real.stdout, /^outcome +published: /m);
  assert.match(real.stdout, /^model +rain@3-repair\.1 [0-9a-f]{64}$/m);
  assert.ok(real.stdout.includes(`\nfile         ${served}\n`));
  assert.match(real.stdout, new RegExp(`repaired - keep -${Math.abs(gate!.difference).toFixed(3)} `));
  // Patched in place: as long as the model it was made of, and another one.
  const [before, after] = [readFileSync(rainModel("3")), readFileSync(served)];
  assert.is(after.byteLength, before.byteLength);
  assert.not.ok(after.equals(before));
});

test("what is not published ends with 4, what needs no repair with 0", async () => {
  const labels = await runCli([
    "repair",
    "rain@3",
    "--live",
    drifted,
    "--validation",
    few,
    "--json",
    "--store",
    store,
  ]);
  assert.is(labels.code, 4, labels.stderr);
  assert.is((JSON.parse(labels.stdout) as RepairReport).outcome, "needs-labels");
  const none = await runCli(["repair", "rain@3", "--live", stable, "--validation", stable, "--store", store]);
  assert.is(none.code, 0, none.stderr);
  assert.match(none.stdout, /^outcome +no-drift: /m);
});

test("a control slice that must not get worse at all rejects the repair: 4, nothing published", async () => {
  const folder = join(dir, "strict");
  const { code, stdout } = await runCli([
    ...[...repair, "--control-margin", "0", "--alias", "strict", "--deploy", folder, "--store", store],
  ]);
  assert.is(code, 4);
  assert.match(stdout, /^control .* failed \(margin 0\.000, at most \+0\.0\d\d at 95 %\)$/m);
  assert.match(stdout, /^outcome +rejected: /m);
  assert.not.ok(existsSync(folder));
});

test.run();
