/** Labels of earlier requests in a later repair: which slice they go to, how long they count, and that no row is in two slices. */
import { readdirSync, utimesSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inputsOf, withLabels } from "../../../examples/rain/weather.js";
import { addAnswers, endRequest, loadRequest } from "../../../src/host/labels/requests.js";
import { withKnownLabels } from "../../../src/host/repair/known-labels.js";
import { pathOf } from "../../../src/host/repair/slice-paths.js";
import { type Engine, type LabelRequest, openEngine, type RepairAsked } from "../../../src/index.js";
import { extendedRowsMax } from "../../../src/limits.js";
import { failure, freshDir } from "../../lineage-store/support.js";
import { days, rainPath } from "../rain.js";

const year = days("New York", "2015-01-01", "2015-12-30");
const features = ["day_of_year", "temp_min", "temp_max", "wind"];
const truth = new Map(
  withLabels(year).map(({ rains, ...row }) => [JSON.stringify(Object.values(row)), rains]),
);
const source = { kind: "csv", name: "ada.csv", sha256: null } as const;

async function withRain(work: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await openEngine({ store: freshDir() });
  const add = (version: string, cities: string[], parents: { ref: string }[]) =>
    engine.addModel({
      file: rainPath(`rain-${version}`),
      name: "rain",
      version,
      features,
      label: "rains",
      parents,
      trainingData: engine.openRows(withLabels(days(cities, "2012-01-01", "2014-06-30")), "training"),
    });
  await add("1", ["Seattle", "New York"], []);
  await add("3", ["Seattle"], [{ ref: "rain@1" }]);
  try {
    await work(engine);
  } finally {
    await engine.close();
  }
}

/** What an expert says of every point; the first `count` of them. */
async function label(
  engine: Engine,
  request: LabelRequest,
  count = Number.POSITIVE_INFINITY,
): Promise<LabelRequest> {
  const answers = request.question.points.slice(0, count).map(({ pointId, values }) => ({
    pointId,
    annotator: "ada",
    label: truth.get(JSON.stringify(values))!,
    annotation: null,
  }));
  return (await addAnswers(engine.store, request, source, answers)).request;
}

const ask = async (engine: Engine, count: number, randomCount: number, seed = 0) =>
  (await engine.labels()).ask("rain@3", {
    pool: engine.openRows(inputsOf(year), "pool"),
    count,
    randomCount,
    seed,
  });

const repair = (engine: Engine, over: Partial<RepairAsked> = {}) =>
  engine.repair("rain@3", { live: engine.openRows(inputsOf(year), "live"), ...over });

/** Rows of the slices that the run recorded. */
async function slicesOf(engine: Engine, run: string): Promise<{ selection: number; gate: number }> {
  const { steps } = await engine.run(run);
  const { selection, gate } = steps.find(({ step }) => step === "checked")!.data as {
    selection: number;
    gate: number;
  };
  return { selection, gate };
}

test("without any labelled data a repair asks, and with the answers alone the next one publishes", async () => {
  await withRain(async (engine) => {
    const none = await repair(engine, { labels: 10 });
    assert.equal([none.outcome, none.knownLabels], ["needs-labels", null]);
    assert.match(none.reason, /0/);
    await label(engine, await loadRequest(engine.store, none.labelRequest!));
    await label(engine, await ask(engine, 110, 80));
    const report = await repair(engine);
    const { knownLabels, run, outcome, reason } = report;
    assert.is(outcome, "published", reason);
    assert.is(knownLabels!.requests.length, 2);
    assert.equal([knownLabels!.selection + knownLabels!.gate, knownLabels!.stale], [120, 0]);
    assert.ok(knownLabels!.fromMs! <= knownLabels!.toMs! && knownLabels!.toMs! <= Date.now());
    assert.equal(await slicesOf(engine, run), { selection: knownLabels!.selection, gate: knownLabels!.gate });
    // The record tells it too.
    assert.equal((await engine.run(run)).report!.knownLabels, knownLabels);
  });
});

test("they come to the data that is given, but for rows that are there already", async () => {
  await withRain(async (engine) => {
    const { question } = await label(engine, await ask(engine, 40, 30));
    const points = new Set(question.points.map(({ values }) => JSON.stringify(values)));
    const isPoint = (row: Readonly<Record<string, unknown>>) =>
      points.has(JSON.stringify(features.map((name) => row[name])));
    const rows = withLabels(year);
    const others = rows.filter((row) => !isPoint(row)).slice(0, 60);
    const few = () => engine.openRows(others, "few");
    const report = await repair(engine, { validation: few() });
    assert.equal([report.knownLabels!.selection, report.knownLabels!.gate], [10, 30]);
    const { selection, gate } = await slicesOf(engine, report.run);
    assert.is(selection + gate, 100);
    const control = engine.openRows(rows.filter(isPoint).slice(0, 25), "control");
    const second = await repair(engine, { validation: few(), control, dryRun: true });
    assert.is(second.knownLabels!.selection + second.knownLabels!.gate, 15);
  });
});

test("policy: older than asked for they are stale; none are taken where none are wanted", async () => {
  await withRain(async (engine) => {
    await label(engine, await ask(engine, 12, 6));
    const rows = () => engine.openRows(withLabels(year).slice(0, 100), "labelled");
    await new Promise((resolve) => setTimeout(resolve, 5));
    const stale = await repair(engine, { validation: rows(), labelAgeMs: 1, dryRun: true });
    assert.equal(stale.knownLabels, {
      requests: [],
      selection: 0,
      gate: 0,
      stale: 12,
      labelAgeMs: 1,
      fromMs: null,
      toMs: null,
    });
    const off = await repair(engine, { validation: rows(), labelAgeMs: 0, dryRun: true });
    assert.is(off.knownLabels!.selection, 0);
    await failure("MENDLINE_ARGUMENT_INVALID", () => repair(engine, { labelAgeMs: -1 }));
  });
});

test("to very many labelled rows none are added", async () => {
  await withRain(async (engine) => {
    await label(engine, await ask(engine, 12, 6));
    const { store, runtime } = engine;
    const live = engine.openRows(inputsOf(year), "live");
    const rows = engine.openRows(withLabels(year), "labelled");
    const model = await store.get(await store.resolve("rain@3"));
    const many = { ...rows, rowCount: extendedRowsMax + 1 };
    const context = { store, runtime } as never;
    assert.is(
      await withKnownLabels(context, model, { live, validation: many }, async ({ known }) => known),
      null,
    );
    const few = { live, validation: engine.openRows(withLabels(year).slice(0, 60), "few") };
    assert.ok((await withKnownLabels(context, model, few, async ({ known }) => known))!.gate > 0);
  });
});

test("only for the model that was asked about, and not of a cancelled request", async () => {
  await withRain(async (engine) => {
    const mine = await label(engine, await ask(engine, 10, 5));
    const rows = () => engine.openRows(withLabels(year).slice(200), "labelled");
    const other = await engine.repair("rain@1", {
      live: engine.openRows(inputsOf(year), "live"),
      validation: rows(),
      dryRun: true,
    });
    assert.is(other.knownLabels, null);
    await endRequest(engine.store, mine, "cancelled", "the wrong people");
    assert.is((await repair(engine, { validation: rows(), dryRun: true })).knownLabels, null);
  });
});

test("labels that a gate was asked about before count as further tries", async () => {
  await withRain(async (engine) => {
    const first = await repair(engine, { labels: 120 });
    const request = await label(engine, await loadRequest(engine.store, first.labelRequest!));
    const desk = await engine.labels();
    const { report } = await desk.refine(request.id, {
      live: engine.openRows(inputsOf(year), "live"),
      dryRun: true,
    });
    assert.is(report.gate!.tries, 1);
    const later = await repair(engine, {
      validation: engine.openRows(withLabels(days("New York", "2014-01-01", "2014-02-28")), "more"),
      dryRun: true,
    });
    assert.is(later.knownLabels!.gate > 0 && later.gate!.tries, 2);
  });
});

test("files of slices go with the garbage, but for runs that labels can still change, and new ones", async () => {
  await withRain(async (engine) => {
    const none = await repair(engine, { labels: 10 });
    await label(engine, await loadRequest(engine.store, none.labelRequest!));
    await label(engine, await ask(engine, 110, 80));
    const published = await repair(engine);
    assert.is(published.outcome, "published");
    const folder = join(engine.store.dir, "labels");
    assert.is(readdirSync(folder).length, 4);
    await engine.collectGarbage();
    assert.is(readdirSync(folder).length, 4, "they are new");
    for (const name of readdirSync(folder)) utimesSync(join(folder, name), 0, 0);
    await engine.collectGarbage({ dryRun: true });
    assert.is(readdirSync(folder).length, 4);
    await engine.collectGarbage();
    const { inputs } = (await engine.run(none.run)).steps[0]!.data as {
      inputs: { validation: { path: string } };
    };
    assert.equal(readdirSync(folder).length, 2);
    const kept = basename(pathOf(engine.store.dir, inputs.validation.path));
    assert.ok(readdirSync(folder).includes(kept));
  });
});

test.run();
