// Rows that stored monitors keep: what may be kept, what is durable, and that they are the pool where none is given.
import { setTimeout } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inputsOf, withLabels } from "../../examples/rain/weather.js";
import { type Engine, type MonitorStatus, openEngine } from "../../src/index.js";
import { failure, freshDir } from "../lineage-store/support.js";
import { days, rainPath } from "./rain.js";

const seattle = days("Seattle", "2012-01-01", "2013-12-31");
const both = days(["Seattle", "New York"], "2012-01-01", "2013-12-31");
const live = days("New York", "2014-01-01", "2015-12-31");
const window = { rows: 60 };

async function withRain(
  work: (engine: Engine, reopen: () => Promise<Engine>) => Promise<void>,
  privateColumns: readonly string[] = [],
): Promise<void> {
  const store = freshDir();
  let engine = await openEngine({ store });
  const common = { name: "rain", label: "rains", features: ["day_of_year", "temp_min", "temp_max", "wind"] };
  await engine.addModel({
    ...common,
    file: rainPath("rain-1"),
    version: "1",
    trainingData: engine.openRows(withLabels(both), "training of both"),
    privateColumns,
  });
  await engine.addModel({
    ...common,
    file: rainPath("rain-3"),
    version: "3",
    trainingData: engine.openRows(withLabels(seattle), "training"),
    parents: [{ ref: "rain@1" }],
  });
  try {
    await work(engine, async () => {
      await engine.close();
      engine = await openEngine({ store });
      return engine;
    });
  } finally {
    await engine.close();
  }
}

async function statusOf(engine: Engine, monitor: string): Promise<NonNullable<MonitorStatus["reservoir"]>> {
  const { monitors } = await engine.status();
  return monitors.find((one) => one.monitor === monitor)!.reservoir!;
}

/** Everything that the store holds of a monitor, as text. */
async function written(engine: Engine, monitor: string): Promise<string> {
  return JSON.stringify((await engine.store.monitor(monitor))!.state);
}

test("the newest rows are the pool where none is given, durable with the monitor's state", async () => {
  await withRain(async (engine, reopen) => {
    await failure("MENDLINE_DATA_EMPTY", async () => (await engine.labels()).ask("rain@3", { count: 4 }));
    const monitor = await engine.monitor("rain@3", { window });
    monitor.observe(inputsOf(live));
    const desk = await engine.labels();
    const { question } = await desk.ask("rain@3", { count: 8, seed: 1 });
    assert.equal(question.pool, { label: "recent rows of monitor rain@3", rows: 120 });
    // Of the last two windows, and as they were observed.
    const recent = new Set(inputsOf(live.slice(-120)).map((row) => JSON.stringify(Object.values(row))));
    for (const { values } of question.points) assert.ok(recent.has(JSON.stringify(values)));
    assert.equal(await statusOf(engine, "rain@3"), {
      model: monitor.model.id,
      columns: ["day_of_year", "temp_min", "temp_max", "wind"],
      rows: 120,
      recentRows: 120,
      maxAgeMs: null,
      off: null,
    });
    const again = await (await (await reopen()).labels()).ask("rain@3", { count: 8, seed: 1 });
    const contents = new Set(question.points.map(({ content }) => content));
    assert.ok(
      again.question.points.every(({ content }) => !contents.has(content)),
      "no point twice",
    );
  });
});

test("recent rows are the live data of a repair, and of several monitors together", async () => {
  await withRain(async (engine) => {
    for (const name of ["north", "south"]) {
      const monitor = await engine.monitor("rain@3", { window, name, reservoir: { rows: 365 } });
      monitor.observe(inputsOf(name === "north" ? live.slice(0, 365) : live.slice(365)));
    }
    const recent = await engine.recentRows("rain@3");
    assert.equal([recent.label, recent.rowCount], ["recent rows of monitor north, south", 730]);
    const { outcome, drift } = await engine.repair("rain@3", {
      live: recent,
      validation: engine.openRows(withLabels(live.slice(0, 20)), "few"),
      labels: 6,
      pool: engine.openRows(inputsOf(live.slice(0, 50)), "fifty"),
    });
    assert.equal([outcome, drift.verdict], ["needs-labels", "drift"]);
    for await (const { question } of (await engine.labels()).list()) assert.is(question.pool.label, "fifty");
  });
});

test("a private column, of the model or an ancestor, keeps all rows out, unless it is allowed", async () => {
  await withRain(
    async (engine) => {
      const monitor = await engine.monitor("rain@3", { window });
      monitor.observe(inputsOf(live));
      await engine.checkpoint();
      assert.equal(monitor.recentRows, []);
      assert.equal((await statusOf(engine, "rain@3")).off, '"wind" is private');
      const error = await failure("MENDLINE_DATA_EMPTY", async () =>
        (await engine.labels()).ask("rain@3", { count: 4 }),
      );
      assert.match(error.message, /monitor rain@3 keeps none \("wind" is private\); give rows with --pool/);
      const columns = ["day_of_year", "temp_min", "temp_max", "wind"];
      const open = await engine.monitor("rain@3", { window, name: "allowed", reservoir: { columns } });
      open.observe(inputsOf(live));
      assert.ok(open.recentRows.length > 100);
      const few = await engine.monitor("rain@3", { window, name: "few", reservoir: { columns: ["wind"] } });
      few.observe(inputsOf(live));
      await engine.checkpoint();
      assert.equal((await statusOf(engine, "few")).off, '"day_of_year" is not in its list of columns');
      await failure("MENDLINE_ARGUMENT_INVALID", () =>
        engine.monitor("rain@3", { window, name: "no", reservoir: { columns: ["rains"] } }),
      );
    },
    ["wind"],
  );
});

test("a mark for a column that there is none of is refused", async () => {
  await withRain(async (engine) => {
    const add = () =>
      engine.addModel({
        file: rainPath("rain-2"),
        name: "rain",
        version: "2",
        features: ["wind"],
        privateColumns: ["wnid"],
      });
    const error = await failure("MENDLINE_ARGUMENT_INVALID", add);
    assert.match(error.message, /"wnid" cannot be marked private.*it has wind/);
  });
});

test("rows go on growing old by the clock while nobody watches", async () => {
  await withRain(async (engine) => {
    const keep = (maxAgeMs: number) => ({ window, name: `of ${maxAgeMs} ms`, reservoir: { maxAgeMs } });
    const [short, long] = [
      await engine.monitor("rain@3", keep(1)),
      await engine.monitor("rain@3", keep(3.6e6)),
    ];
    for (const monitor of [short, long]) monitor.observe(inputsOf(live.slice(0, 30)));
    await engine.checkpoint();
    await setTimeout(5);
    assert.is((await engine.recentRows("rain@3")).rowCount, 30);
  });
});

test("switched off, what an earlier watch kept is taken out of the store", async () => {
  await withRain(async (engine, reopen) => {
    const first = await engine.monitor("rain@3", { window });
    first.observe(inputsOf(live));
    await engine.checkpoint();
    assert.match(await written(engine, "rain@3"), /"bytes":"TUxSV/);
    const later = await reopen();
    const second = await later.monitor("rain@3", { window, reservoir: false });
    assert.equal([second.start.anew, second.start.rows, second.recentRows], [null, live.length, []]);
    assert.match(await written(later, "rain@3"), /"bytes":null,.*"off":"switched off"/);
  });
});

test.run();
