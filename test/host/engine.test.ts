// The engine as an application holds it: events, windows in the store, locks, and a close that loses nothing.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Float64, Table, tableToIPC, vectorFromArray } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MendlineError } from "../../src/errors.js";
import type { Row } from "../../src/host/columns/rows.js";
import type { Deployment } from "../../src/host/deployment/deployments.js";
import type { Profile } from "../../src/host/drift/profile.js";
import type { WindowReport } from "../../src/host/drift/window-report.js";
import { type Engine, openEngine } from "../../src/host/engine.js";
import type { AddModelRequest } from "../../src/host/models.js";
import type { RepairReport } from "../../src/host/repair/report.js";
import { random } from "../assembly/support.js";
import { refusal } from "../refusals.js";
import { scratchDir } from "../support.js";
import { refused } from "./drift/monitored.js";
import { write } from "./parameters/safetensors-writer.js";
import { days, labelledOf, liveOf, rainRequest } from "./rain.js";

const scratch = scratchDir();
let folderCount = 0;
const folder = () => join(scratch, `store-${folderCount++}`);

function trainingRows(count: number, shift = 0, seed = 3): Row[] {
  const next = random(seed);
  return Array.from({ length: count }, () => ({
    wind: next() + next() + shift,
    city: `city ${Math.floor((next() + shift) * 5)}`,
  }));
}

let fileCount = 0;
/** A model whose parameters no other has. */
function modelFile(): string {
  const path = join(scratch, `model-${fileCount}.safetensors`);
  const values = new Uint8Array(Float32Array.of(fileCount++, 1, 2, 3).buffer);
  writeFileSync(path, write({ w: { dtype: "F32", shape: [4], values } }));
  return path;
}

function request(version: string, over: Partial<AddModelRequest> = {}): AddModelRequest {
  return { file: modelFile(), name: "model", version, ...over };
}

/** model@1 was trained elsewhere, model@2 is made from it. */
async function withLineage(engine: Engine): Promise<{ child: string; parent: string; profile: Profile }> {
  const profile = await engine.profile(engine.openRows(trainingRows(500)));
  const parent = await engine.addModel(request("1", { trainingData: engine.openRows(trainingRows(500, 1)) }));
  const child = await engine.addModel(request("2", { profile, parents: [{ ref: "model@1" }] }));
  return { child: child.id, parent: parent.id, profile };
}

async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

interface StoredWindow {
  readonly model: string;
  readonly window: WindowReport["window"];
  readonly alarm: boolean;
  readonly drift: { readonly verdict: string; readonly features: readonly { readonly name: string }[] };
  readonly ancestors: readonly { readonly id: string; readonly verdict: string }[];
}

async function storedWindows(engine: Engine, ref: string): Promise<StoredWindow[]> {
  const reports = await listed(engine.store.reports(ref));
  return reports.reverse().map(({ report }) => report as unknown as StoredWindow);
}

test("windows and alarms: told to those who listen, recorded in the store, seen in the status", async () => {
  const dir = folder();
  const engine = await openEngine({ store: dir });
  const { child, parent } = await withLineage(engine);
  const told: Record<"window" | "drift" | "own" | "ownDrift", WindowReport[]> = {
    window: [],
    drift: [],
    own: [],
    ownDrift: [],
  };
  engine.on("window", (window) => told.window.push(window));
  engine.on("drift", (window) => told.drift.push(window));
  const monitor = await engine.monitor("model@2", { window: { rows: 400, panes: 2 } });
  monitor.on("window", (window) => told.own.push(window));
  monitor.on("drift", (window) => told.ownDrift.push(window));
  monitor.observeRows(trainingRows(800, 0, 5));
  await monitor.observe(engine.openRows(trainingRows(900, 1, 7)));
  await monitor.close();
  // A window is told of when its report is durable.
  await engine.checkpoint();
  assert.is(told.window.length, 7);
  assert.is(told.drift.length, 1);
  for (const [index, window] of told.window.entries()) assert.is(window, told.own[index]);
  assert.is(told.drift[0], told.ownDrift[0]);
  assert.is(
    told.drift[0],
    told.window.find(({ alarm }) => alarm),
  );
  const last = told.window.at(-1)!;
  assert.equal([last.model, last.report.verdict], [child, "drift"]);
  assert.equal(
    last.ancestors.map(({ id, label, verdict }) => [id, label, verdict]),
    [[parent, "model@1", "stable"]],
  );
  await engine.close();

  const again = await openEngine({ store: dir });
  const stored = await storedWindows(again, "model@2");
  assert.equal(
    stored.map(({ model, window, alarm, drift, ancestors }) => ({
      model,
      window,
      alarm,
      verdict: drift.verdict,
      features: drift.features.map(({ name }) => name),
      ancestors: ancestors.map(({ id, verdict }) => ({ id, verdict })),
    })),
    told.window.map(({ model, window, alarm, report, ancestors }) => ({
      model,
      window,
      alarm,
      verdict: report.verdict,
      features: Object.keys(report.features),
      ancestors: ancestors.map(({ id, verdict }) => ({ id, verdict })),
    })),
  );
  const { monitors, aliases, repairs } = await again.status();
  const { window, alarm, report } = last;
  const [status] = monitors;
  assert.is(monitors.length, 1);
  assert.equal(status, {
    monitor: "model@2",
    lastWindow: { model: child, window, alarm, verdict: report.verdict },
    alarmSince: told.drift[0]!.window.number,
    rows: 1_700,
    setAside: { lateRows: 0, earlyRows: 0, untimedRows: 0 },
    sinceMs: monitor.start.sinceMs,
    reservoir: {
      model: child,
      columns: ["wind", "city"],
      rows: 800,
      recentRows: 800,
      maxAgeMs: null,
      off: null,
    },
  });
  assert.equal([aliases, repairs], [[], []]);
  await again.close();
});

test("ancestors that know a feature by another kind, not at all, or have no profile are not watched", async () => {
  const engine = await openEngine({ store: folder() });
  const texts = trainingRows(200).map(({ city, wind }) => ({ city, wind: `w${Math.round(Number(wind))}` }));
  const less = trainingRows(200).map(({ wind }) => ({ wind }));
  const add = (version: string, parent: string | null, trainingData?: Row[]) =>
    engine.addModel(
      request(version, {
        parents: parent === null ? [] : [{ ref: `model@${parent}` }],
        ...(trainingData && { trainingData: engine.openRows(trainingData) }),
      }),
    );
  await add("fits", null, trainingRows(200));
  await add("other-kind", "fits", texts);
  await add("fewer", "other-kind", less);
  await add("no-profile", "fewer");
  await add("deployed", "no-profile", trainingRows(200));
  const watchedBy = async (features?: string[]) => {
    const monitor = await engine.monitor("model@deployed", { window: { rows: 100 }, features });
    let labels: string[] = [];
    monitor.on("window", ({ ancestors }) => {
      labels = ancestors.map(({ label }) => label);
    });
    monitor.observeRows(trainingRows(100));
    await monitor.close();
    return labels;
  };
  assert.equal(await watchedBy(), ["model@fits"]);
  assert.equal(await watchedBy(["city"]), ["model@other-kind", "model@fits"]);
  assert.equal(await watchedBy(["wind"]), ["model@fewer", "model@fits"]);
  await refusal(
    engine.monitor("model@deployed", { window: { rows: 9 }, features: ["x"] }),
    "MENDLINE_DATA_SCHEMA",
  );
  await refusal(
    engine.monitor("model@no-profile", { window: { rows: 9 } }),
    "MENDLINE_DATA_SCHEMA",
    /model@no-profile was added without a reference profile/,
  );
  await refusal(engine.monitor("model@none", { window: { rows: 9 } }), "MENDLINE_STORE_UNKNOWN");
  await engine.close();
});

test("of many ancestors the sixteen nearest are watched", async () => {
  const engine = await openEngine({ store: folder() });
  const profile = await engine.profile(engine.openRows(trainingRows(100)));
  for (let version = 0; version < 20; version++) {
    const parents = version === 0 ? [] : [{ ref: `model@${version - 1}` }];
    await engine.addModel(request(String(version), { profile, parents }));
  }
  const monitor = await engine.monitor("model@19", { window: { rows: 50 } });
  let labels: string[] = [];
  monitor.on("window", ({ ancestors }) => {
    labels = ancestors.map(({ label }) => label);
  });
  monitor.observeRows(trainingRows(50));
  assert.equal(
    labels,
    Array.from({ length: 16 }, (_, index) => `model@${18 - index}`),
  );
  await engine.close();
});

test("closing counts what is staged and waits for what is being written: nothing is lost", async () => {
  const dir = folder();
  const engine = await openEngine({ store: dir, threads: 1 });
  await withLineage(engine);
  const first = await engine.monitor("model@2", { window: { rows: 10 }, features: ["wind"] });
  const second = await engine.monitor("model@1", { window: { rows: 25 }, features: ["city"] });
  first.observeRows(trainingRows(1_509));
  second.observeRows(trainingRows(49));
  const under = second.observe(engine.openRows(trainingRows(26)));
  first.observeRow({ wind: 1 });
  await engine.close();
  await under;
  refused(() => first.observeRow({}), "MENDLINE_ARGUMENT_INVALID", /closed/);
  const again = await openEngine({ store: dir });
  const numbers = (await storedWindows(again, "model@2")).map(({ window }) => window.number);
  assert.equal(
    numbers,
    Array.from({ length: 151 }, (_, number) => number),
  );
  assert.equal(
    (await storedWindows(again, "model@1")).map(({ window }) => window.number),
    [0, 1, 2],
  );
  assert.equal(
    (await again.status()).monitors.map(({ monitor }) => monitor),
    ["model@1", "model@2"],
  );
  await again.close();
});

test("a closed engine says so; closing again is the same closing; the store can be opened anew", async () => {
  const dir = folder();
  const engine = await openEngine({ store: dir });
  await withLineage(engine);
  const monitor = await engine.monitor("model@2", { window: { rows: 10 } });
  const closing = engine.close();
  assert.is(engine.close(), closing);
  await closing;
  refused(() => engine.store, "MENDLINE_ARGUMENT_INVALID", /engine is closed/);
  await refusal(engine.model("model@2"), "MENDLINE_ARGUMENT_INVALID", /engine is closed/);
  await refusal(engine.status(), "MENDLINE_ARGUMENT_INVALID", /engine is closed/);
  await refusal(monitor.observe(engine.openRows([])), "MENDLINE_ARGUMENT_INVALID");
  assert.is(engine.runtime.arena.use.usedBytes, 0);
  const again = await openEngine({ store: dir });
  assert.is((await again.model("model@2")).version, "2");
  await again.close();
});

/** Opens the store in another process: `opened`, or the code of the refusal. */
function tryElsewhere(dir: string): string {
  const index = pathToFileURL(join(import.meta.dirname, "../../src/index.js")).href;
  const code = `import { openEngine } from ${JSON.stringify(index)};
    const say = (text) => console.log(text);
    await openEngine({ store: ${JSON.stringify(dir)} }).then(
      (engine) => engine.close().then(() => say("opened")),
      (error) => say(error.code),
    );`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
  assert.is(child.status, 0, child.stderr);
  return child.stdout.trim();
}

test("a store has one owner: the second is refused, and may have it when the first is done", async () => {
  const dir = folder();
  const engine = await openEngine({ store: dir });
  const { store } = engine;
  await refusal(openEngine({ store: dir, threads: 1 }), "MENDLINE_STORE_LOCKED", /held by this process/);
  // LevelDB's own refusal would have dropped the lock that keeps other processes out.
  assert.is(tryElsewhere(dir), "MENDLINE_STORE_LOCKED");
  await engine.close();
  const next = await openEngine({ store: dir });
  // A second close of the first owner's store leaves the lock to the next owner.
  await store.close();
  await refusal(openEngine({ store: dir }), "MENDLINE_STORE_LOCKED", /held by this process/);
  assert.is(tryElsewhere(dir), "MENDLINE_STORE_LOCKED");
  await next.close();
  assert.is(tryElsewhere(dir), "opened");
});

/** An engine whose store has gone away under a monitor. */
async function broken(): Promise<{ engine: Engine; dir: string; observe: () => void }> {
  const dir = folder();
  const engine = await openEngine({ store: dir });
  await withLineage(engine);
  const monitor = await engine.monitor("model@2", { window: { rows: 10 } });
  await engine.store.close();
  return { engine, dir, observe: () => monitor.observeRows(trainingRows(20)) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a report that cannot be written: an error event, or what close throws when nobody listens", async () => {
  const listened = await broken();
  const errors: Error[] = [];
  listened.engine.on("error", (error) => errors.push(error));
  listened.observe();
  await listened.engine.close();
  assert.ok(
    errors.length > 0 && errors.every((error) => (error as MendlineError).code === "MENDLINE_STORE_IO"),
  );

  const unheard = await broken();
  unheard.observe();
  await turn();
  unheard.observe();
  await refusal(unheard.engine.close(), "MENDLINE_STORE_IO", /closed/);
  await refusal(unheard.engine.close(), "MENDLINE_STORE_IO", /closed/);
  const again = await openEngine({ store: unheard.dir });
  assert.equal(await storedWindows(again, "model@2"), []);
  await again.close();

  const faulty = await broken();
  faulty.engine.on("error", () => {
    throw new Error("the listener is at fault");
  });
  faulty.observe();
  await turn();
  let thrown: unknown;
  await faulty.engine.close().catch((error: unknown) => {
    thrown = error;
  });
  assert.is((thrown as Error).message, "the listener is at fault");
});

test("a listener that throws: of the monitor, its error comes out of observe; of the engine, it is told as an error", async () => {
  const engine = await openEngine({ store: folder() });
  await withLineage(engine);
  const errors: string[] = [];
  engine.on("error", ({ message }) => errors.push(message));
  const monitor = await engine.monitor("model@2", { window: { rows: 10 } });
  engine.on("window", ({ window }) => {
    throw new Error(`not now ${window.number}`);
  });
  monitor.on("window", () => {
    throw new Error("not here");
  });
  assert.throws(() => monitor.observeRows(trainingRows(30)), /not here/);
  await monitor.close();
  await engine.checkpoint();
  assert.equal(errors, ["not now 0", "not now 1", "not now 2"]);
  assert.is(monitor.rowsObserved, 30);
  await engine.store.verifyJournal();
  assert.equal(
    (await storedWindows(engine, "model@2")).map(({ window }) => window.number),
    [0, 1, 2],
  );
  await engine.close();
});

test("a monitor that is opened again goes on where it was, unless it watches something else", async () => {
  const dir = folder();
  const engine = await openEngine({ store: dir });
  await withLineage(engine);
  const window = { rows: 100, panes: 4 };
  const rows = trainingRows(1_000, 1, 3);
  const numbers: number[] = [];
  const checkpoints: number[] = [];
  const listen = (to: Engine) => {
    to.on("window", (told) => numbers.push(told.window.number));
    to.on("checkpoint", ({ monitor, rows: kept }) => {
      if (monitor === "model@2") checkpoints.push(kept);
    });
  };
  listen(engine);
  const first = await engine.monitor("model@2", { window });
  assert.equal([first.start.rows, first.start.anew], [0, null]);
  first.observe(rows.slice(0, 330));
  await refusal(
    engine.monitor("model@2", { window }),
    "MENDLINE_ARGUMENT_INVALID",
    /"model@2" is open already/,
  );
  await engine.checkpoint();
  assert.is(checkpoints.at(-1), 330);
  first.observe(rows.slice(330, 340));
  void first.close();
  const second = await engine.monitor("model@2", { window });
  assert.equal([second.start.rows, second.start.sinceMs], [340, first.start.sinceMs]);
  await engine.close();
  const again = await openEngine({ store: dir });
  listen(again);
  const third = await again.monitor("model@2", { window });
  assert.is(third.start.rows, 340);
  third.observe(rows.slice(340));
  await again.checkpoint();
  assert.equal(
    numbers,
    Array.from({ length: 37 }, (_, number) => number),
  );
  const whole = await again.monitor("model@2", { window, name: "whole" });
  whole.observe(rows);
  await again.checkpoint();
  const [stored, expected] = [await storedWindows(again, "model@2"), await storedWindows(again, "whole")];
  const withoutTimes = (all: StoredWindow[]) =>
    all.map(({ window: { closedMs, ...rest }, drift, alarm }) => ({ rest, drift, alarm }));
  assert.equal(withoutTimes(stored), withoutTimes(expected));
  await third.close();
  const other = await again.monitor("model@2", { window: { rows: 50 } });
  assert.equal([other.start.rows, other.start.anew], [0, "not the same: windows"]);
  await other.close();
  const afresh = await again.monitor("model@2", { window: { rows: 50 }, resume: false });
  assert.equal([afresh.start.rows, afresh.start.anew], [0, null]);
  await refusal(
    again.monitor("model@1", { window, flushMs: 5 }),
    "MENDLINE_ARGUMENT_INVALID",
    /flushMs is 5 and flushRows undefined: choose whole numbers from 100 and from 1/,
  );
  await again.close();
});

test("without a store drift can be computed, and nothing else", async () => {
  const engine = await openEngine();
  const rows = trainingRows(600);
  const profile = await engine.profile(engine.openRows(rows));
  assert.equal([...profile.features.keys()], ["wind", "city"]);
  assert.is((await engine.drift(profile, engine.openRows(trainingRows(600, 0, 9)))).verdict, "stable");
  const path = join(scratch, "rows.csv");
  writeFileSync(path, ["wind,city", ...rows.map(({ wind, city }) => `${wind},${city}`)].join("\n"));
  const csv = await engine.openData(path);
  assert.is((await engine.drift(csv, engine.openRows(trainingRows(600, 2)))).verdict, "drift");
  const wind = vectorFromArray(
    rows.map((row) => Number(row.wind)),
    new Float64(),
  );
  const arrow = await engine.openArrow(tableToIPC(new Table({ wind }), "stream"));
  const same = await engine.drift(profile, arrow, { features: ["wind"] });
  assert.is(same.features.wind!.psi.value, 0);
  await Promise.all([csv.close(), arrow.close()]);
  const noStore = [
    () => engine.addModel(request("1")),
    () => engine.model("model@1"),
    async () => engine.models(),
    () => engine.derivations("model@1"),
    () => listed(engine.ancestors("model@1")),
    () => listed(engine.descendants("model@1")),
    () => listed(engine.versions("model")),
    () => listed(engine.search({ name: "model" })),
    () => engine.nearestAncestor("model@1", () => true),
    () => engine.path("model@1", "model@2"),
    () => engine.commonAncestors(["model@1", "model@2"]),
    () => engine.profileOf("model@1"),
    () => engine.restore("model@1", path),
    () => engine.monitor("model@1", { window: { rows: 10 } }),
    () => engine.repair("model@1", { live: engine.openRows(rows), validation: engine.openRows(rows) }),
    () => engine.deploy("model@1", { alias: "a" }),
    () => engine.rollback("a"),
    () => engine.status(),
  ];
  for (const call of noStore) {
    await refusal(call(), "MENDLINE_ARGUMENT_INVALID", /no store: open it with \{ store: DIR \}/);
  }
  assert.is(engine.runtime.arena.use.usedBytes, 0);
  await engine.close();
});

test("deployments: an event each, and a status that tells when the folder is not what the alias says", async () => {
  const engine = await openEngine({ store: folder() });
  const { child, parent } = await withLineage(engine);
  const events: Deployment[] = [];
  engine.on("deployed", (deployment) => events.push(deployment));
  const dir = join(scratch, "serving");
  const first = await engine.deploy("model@1", { alias: "gateway", dir });
  const second = await engine.deploy("model@2", { alias: "gateway" });
  const back = await engine.rollback("gateway");
  assert.equal(events, [first, second, back]);
  assert.equal(
    events.map(({ alias, id, version, previous, path }) => [alias, id, version, previous, path]),
    [
      ["gateway", parent, "1", null, join(dir, "model.safetensors")],
      ["gateway", child, "2", parent, join(dir, "model.safetensors")],
      ["gateway", parent, "1", child, join(dir, "model.safetensors")],
    ],
  );
  const serving = async () => (await engine.status()).aliases.map(({ id, inSync }) => [id, inSync]);
  assert.equal(await serving(), [[parent, true]]);
  const bytes = readFileSync(back.path!);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(back.path!, bytes);
  assert.equal(await serving(), [[parent, false]]);
  await refusal(engine.deploy("model@9", { alias: "gateway" }), "MENDLINE_STORE_UNKNOWN");
  await refusal(engine.rollback("nobody"), "MENDLINE_STORE_UNKNOWN");
  assert.is(events.length, 3);
  await engine.close();
});

test("lineage: related models with their names, derivations, profiles, and the file as it was added", async () => {
  const engine = await openEngine({ store: folder() });
  const { child, parent, profile } = await withLineage(engine);
  assert.equal(await listed(engine.ancestors("model@2")), [
    { id: parent, name: "model", version: "1", distance: 1 },
  ]);
  assert.equal(await listed(engine.descendants(parent.slice(0, 12))), [
    { id: child, name: "model", version: "2", distance: 1 },
  ]);
  const { parents, children } = await engine.derivations("model@1");
  assert.equal([parents.length, children.map((edge) => edge.child)], [0, [child]]);
  assert.equal(await engine.profileOf("model@2"), profile);
  assert.equal(
    (await listed(engine.models())).map(({ version }) => version),
    ["1", "2"],
  );
  const path = join(scratch, "restored.safetensors");
  assert.is((await engine.restore("model@2", path)).id, child);
  assert.equal(readFileSync(path).subarray(-16), Buffer.from(Float32Array.of(fileCount - 1, 1, 2, 3).buffer));
  await engine.close();
});

test("a repair that publishes tells of the deployment, then of the repair; a dry run of the repair alone", async () => {
  const engine = await openEngine({ store: folder(), threads: 1 });
  const { runtime } = engine;
  for (const ref of ["rain@1", "rain@2", "rain@3"]) await engine.addModel(rainRequest(runtime, ref));
  const dir = join(scratch, "rain-serving");
  const before = await engine.deploy("rain@3", { alias: "rain", dir });
  const events: (["deployed", Deployment] | ["repaired", RepairReport])[] = [];
  engine.on("deployed", (deployment) => events.push(["deployed", deployment]));
  engine.on("repaired", (report) => events.push(["repaired", report]));
  const newYork = days("New York", "2015-01-01", "2015-12-31");
  const repair = (dryRun: boolean) =>
    engine.repair("rain", {
      live: liveOf(runtime, newYork),
      validation: labelledOf(runtime, days("New York", "2014-01-01", "2015-12-31")),
      alias: "rain",
      dryRun,
    });
  const trial = await repair(true);
  assert.equal(events, [["repaired", trial]]);
  assert.equal([trial.outcome, trial.dryRun, trial.model], ["published", true, null]);
  assert.is((await engine.status()).aliases[0]!.id, before.id);
  const report = await repair(false);
  assert.is(report.outcome, "published");
  assert.equal(
    events.slice(1).map(([name]) => name),
    ["deployed", "repaired"],
  );
  const deployment = events[1]![1] as Deployment;
  assert.equal(
    [deployment.id, deployment.previous, deployment.path],
    [report.model!.id, before.id, report.path],
  );
  assert.is(events[2]![1], report);
  const { aliases, repairs } = await engine.status();
  assert.equal([aliases[0]!.id, aliases[0]!.inSync], [report.model!.id, true]);
  assert.equal(
    repairs.map(({ run, step }) => [run, step]),
    [
      [report.run, "published"],
      [trial.run, "dry-run"],
    ],
  );
  // The repaired model was given a profile of what it now sees: it can be watched at once.
  const monitor = await engine.monitor("rain", { window: { rows: 300 } });
  await monitor.observe(liveOf(runtime, newYork));
  await engine.close();
});

test.run();
