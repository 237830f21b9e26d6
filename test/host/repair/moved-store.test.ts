/** Labelled rows that are kept with the store go where it goes: into a backup, out of it, and to another folder. */
import { readdirSync, renameSync, rmSync, utimesSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inputsOf, withLabels } from "../../../examples/rain/weather.js";
import { addAnswers, loadRequest } from "../../../src/host/labels/requests.js";
import { pathOf, recordedPath } from "../../../src/host/repair/slice-paths.js";
import { type Engine, openEngine, restoreBackup } from "../../../src/index.js";
import { freshDir } from "../../lineage-store/support.js";
import { days, rainPath } from "../rain.js";

const year = days("New York", "2015-01-01", "2015-12-30");
const truth = new Map(
  withLabels(year).map(({ rains, ...row }) => [JSON.stringify(Object.values(row)), rains]),
);
const live = (engine: Engine) => engine.openRows(inputsOf(year), "live");

async function addRain(engine: Engine): Promise<void> {
  const add = (version: string, cities: string[], parents: { ref: string }[]) =>
    engine.addModel({
      file: rainPath(`rain-${version}`),
      name: "rain",
      version,
      features: ["day_of_year", "temp_min", "temp_max", "wind"],
      label: "rains",
      parents,
      trainingData: engine.openRows(withLabels(days(cities, "2012-01-01", "2014-06-30")), "training"),
    });
  await add("1", ["Seattle", "New York"], []);
  await add("3", ["Seattle"], [{ ref: "rain@1" }]);
}

/** @returns a request with its labels, of a run whose slices lie in the store */
async function asked(engine: Engine): Promise<string> {
  const { labelRequest } = await engine.repair("rain@3", { live: live(engine), labels: 120 });
  const request = await loadRequest(engine.store, labelRequest!);
  const answers = request.question.points.map(({ pointId, values }) => ({
    pointId,
    annotator: "ada",
    label: truth.get(JSON.stringify(values))!,
    annotation: null,
  }));
  await addAnswers(engine.store, request, { kind: "csv", name: "ada.csv", sha256: null }, answers);
  return request.id;
}

async function within<T>(dir: string, work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await openEngine({ store: dir });
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}

test("a store that was backed up and restored elsewhere, and then moved, is refined from its own slices", async () => {
  const [first, second, third] = [freshDir(), freshDir(), freshDir()];
  const out = `${first}.backup`;
  const request = await within(first, async (engine) => {
    await addRain(engine);
    const id = await asked(engine);
    const made = await engine.backup(out);
    assert.is(made.files, 2);
    return id;
  });
  const names = readdirSync(join(first, "labels"));
  rmSync(first, { recursive: true });
  assert.is((await restoreBackup(out, second)).files, 2);
  assert.equal(readdirSync(join(second, "labels")), names);
  renameSync(second, third);
  for (const name of names) utimesSync(join(third, "labels", name), 0, 0);
  await within(third, async (engine) => {
    await engine.collectGarbage();
    assert.equal(readdirSync(join(third, "labels")), names, "their run can be refined");
    const { report } = await (await engine.labels()).refine(request, { live: live(engine), dryRun: true });
    assert.is(report.outcome, "published", report.reason);
  });
});

test("only files of the store's own folder are recorded by their names", () => {
  const dir = freshDir();
  const kept = join(dir, "labels", "a.gate.arrow");
  assert.is(pathOf("elsewhere", recordedPath(dir, kept)!), join("elsewhere", "labels", "a.gate.arrow"));
  for (const path of [
    join(dir, "a.arrow"),
    join(dir, "labels", "deep", "a.arrow"),
    resolve("b.csv"),
    "b.csv",
  ])
    assert.is(pathOf("elsewhere", recordedPath(dir, path)!), path);
  assert.is(recordedPath(dir, undefined), null);
});

test.run();
