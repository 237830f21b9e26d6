/**
 * mendline's main job on real data: a model that knows Seattle's weather is sent New York's, drifts, and is mended from its lineage.
 *
 *     npm start              tells the story; leaves ./mendline-rain with the report and the folder that the gateway serves from
 *     npm start -- --keep    leaves the store too, for the command line
 */
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Engine,
  lineageText,
  MendlineError,
  openEngine,
  type RepairReport,
  repairPage,
  type Transformation,
  type WindowReport,
} from "../../src/index.js";
import { accuracy, Gateway, logLoss } from "./gateway.js";
import { lineageOf, storyOf } from "./story.js";
import { Progress, say, table, title } from "./telling.js";
import {
  type Day,
  daysOf,
  featureNames,
  inputsOf,
  readWeather,
  type Stretch,
  withLabels,
} from "./weather.js";

interface ModelEntry {
  name: string;
  version: string;
  file: string;
  parents: { ref: string; transformation: Transformation; parameters: Record<string, unknown> }[];
  metrics: Record<string, number>;
  trainingData: Stretch;
  label: string;
  task: "classification";
}

interface Manifest {
  models: ModelEntry[];
  replay: {
    deployed: string;
    windowRows: number;
    paneRows: number;
    debounce: { drifted: number; of: number };
    traffic: { location: string; from: string; to: string }[];
  };
}

const exampleDir = fileURLToPath(new URL("../../../examples/rain/", import.meta.url));
const manifest = JSON.parse(readFileSync(join(exampleDir, "lineage.json"), "utf8")) as Manifest;
const { replay } = manifest;
const alias = "rain-gateway";
const seed = 0;

async function main(): Promise<void> {
  const keep = process.argv.includes("--keep");
  const outDir = resolve("mendline-rain");
  const storyDir = keep ? outDir : await mkdtemp(join(tmpdir(), "mendline-rain-"));
  await rm(outDir, { recursive: true, force: true });
  await mkdir(outDir, { recursive: true });
  const engine = await openEngine({ store: join(storyDir, "store"), threads: 1 });
  try {
    const { html, report } = await tell(engine, join(outDir, "serving"));
    const reportPath = join(outDir, "report.html");
    await writeFile(reportPath, html);
    say(`\nReport: ${reportPath}`);
    if (report.outcome !== "published") process.exitCode = 4;
  } finally {
    await engine.close();
    if (!keep) await rm(storyDir, { recursive: true, force: true });
  }
  if (keep) sayHowToExplore(outDir);
}

async function tell(engine: Engine, servingDir: string): Promise<{ html: string; report: RepairReport }> {
  const weather = readWeather();
  title("The lineage");
  await addModels(engine, weather);
  const { path } = await engine.deploy(replay.deployed, { alias, dir: servingDir });
  say(lineageText(await lineageOf(engine, { [replay.deployed]: ["deployed"] })));

  const gateway = new Gateway(path!);
  await gateway.load();
  const [seattle, newYork] = replay.traffic.map(({ location, ...dates }) =>
    daysOf(weather, { locations: [location], ...dates }),
  ) as [Day[], Day[]];
  title(`Serving ${alias}: ${seattle.length} days of Seattle, then ${newYork.length} of New York`);
  const before = await serve(engine, gateway, [...seattle, ...newYork]);
  if (before.alarm === null) throw new Error("the drift was not seen: has the example's data changed?");

  const traffic = [...seattle, ...newYork];
  const seen = traffic.slice(0, before.daysServed);
  const live = seen.slice(-replay.windowRows);
  const labelled = newYork.slice(0, before.daysServed - seattle.length);
  const untouched = newYork.slice(labelled.length);
  const control = daysOf(weather, { locations: ["Seattle"], from: "2015-01-01", to: "2015-12-31" });

  title(`The repair, with the ${labelled.length} New York days whose weather is known by now`);
  const keptOnAll = await gateway.serve(traffic);
  const report = await repair(engine, live, labelled, control);
  sayRepair(report, labelled.length, control.length);
  if (report.outcome !== "published") {
    await gateway.close();
    const story = await storyOf(engine, {
      replay,
      windows: before.windows,
      after: [],
      report,
      rows: [],
      alias,
    });
    return { html: repairPage(story), report };
  }

  title("The same traffic, served by the repaired model");
  const keepLoss = lossesBy(keptOnAll, traffic);
  const rollback = await servedBy(engine, report.ancestor!.id, servingDir, { control, labelled, untouched });
  await gateway.load();
  const after = await serve(engine, gateway, [...live, ...untouched]);
  const repaired = {
    control: await gateway.serve(control),
    labelled: await gateway.serve(labelled),
    untouched: await gateway.serve(untouched),
  };
  await gateway.close();

  title("Before and after: log loss (share of days told right)");
  const figure = (days: readonly Day[], probabilities: readonly number[]) =>
    `${logLoss(days, probabilities).toFixed(3)} (${Math.round(accuracy(days, probabilities) * 100)} %)`;
  const slices = [
    { data: "New York, days after the repair, used for nothing", days: untouched, key: "untouched" },
    { data: "New York, labelled days: scale and gate", days: labelled, key: "labelled" },
    { data: "Seattle 2015, the old regime", days: control, key: "control" },
  ] as const;
  say(
    table([
      ["data", "days", "before", "roll back", "repaired"],
      ...slices.map(({ data, days, key }) => [
        data,
        String(days.length),
        figure(days, days.map(keepLoss)),
        figure(days, rollback[key]),
        figure(days, repaired[key]),
      ]),
    ]),
  );
  const rows = slices.map(({ data, days, key }) => ({
    data,
    count: days.length,
    before: logLoss(days, days.map(keepLoss)),
    rollback: logLoss(days, rollback[key]),
    after: logLoss(days, repaired[key]),
  }));
  say(plainRollBackNote(rows[0]!));
  const story = await storyOf(engine, {
    replay,
    windows: before.windows,
    after: after.windows,
    report,
    rows,
    alias,
  });
  return { html: repairPage(story), report };
}

async function addModels(engine: Engine, weather: readonly Day[]): Promise<void> {
  for (const { name, version, file, parents, metrics, trainingData, label, task } of manifest.models) {
    const training = engine.openRows(
      withLabels(daysOf(weather, trainingData)),
      `training data of ${name}@${version}`,
    );
    await engine.addModel({
      file: join(exampleDir, file),
      name,
      version,
      parents,
      metrics,
      trainingData: training,
      features: featureNames,
      label,
      task,
    });
  }
}

interface Served {
  readonly windows: readonly WindowReport[];
  readonly alarm: WindowReport | null;
  readonly daysServed: number;
}

/** Day by day: the gateway answers, the monitor looks on. Ends at the alarm, or with the traffic. */
async function serve(engine: Engine, gateway: Gateway, traffic: readonly Day[]): Promise<Served> {
  const monitor = await engine.monitor(alias, {
    window: { rows: replay.windowRows, panes: replay.windowRows / replay.paneRows },
    trigger: { windowsNeeded: replay.debounce.drifted, windowsConsidered: replay.debounce.of },
  });
  const windows: WindowReport[] = [];
  let alarm: WindowReport | null = null;
  const progress = new Progress("days served", traffic.length);
  monitor.on("window", (window) => {
    windows.push(window);
    progress.aside(windowLine(window, traffic));
  });
  monitor.on("drift", (window) => {
    alarm = window;
  });
  let daysServed = 0;
  try {
    for (const day of traffic) {
      await gateway.serve([day]);
      monitor.observeRow(inputsOf([day])[0]!);
      daysServed += 1;
      progress.update(daysServed);
      if (alarm !== null) break;
    }
  } finally {
    progress.end();
    await monitor.close();
  }
  return { windows, alarm, daysServed };
}

function windowLine({ window, report, ancestors, alarm }: WindowReport, traffic: readonly Day[]): string {
  const last = traffic[(window.fromRow ?? 0) + window.rowCount - 1]!;
  const features = Object.entries(report.features).map(
    ([name, { psi, verdict }]) => `${name} ${psi.value.toFixed(2)}${verdict === "drift" ? "!" : ""}`,
  );
  const lineage = ancestors.map(({ label, verdict }) => `${label} ${verdict}`);
  const mark = alarm ? "  << alarm: drift in 2 of the last 3 windows" : "";
  return `  ${last.date} ${last.location.padEnd(8)}  ${report.verdict.padEnd(6)}  PSI ${features.join("  ")}  | ${lineage.join(", ")}${mark}`;
}

async function repair(
  engine: Engine,
  live: readonly Day[],
  labelled: readonly Day[],
  control: readonly Day[],
): Promise<RepairReport> {
  let progress: Progress | null = null;
  const report = await engine.repair(alias, {
    live: engine.openRows(inputsOf(live), "the last window"),
    validation: engine.openRows(withLabels(labelled), "labelled days of New York"),
    control: engine.openRows(withLabels(control), "Seattle 2015"),
    alias,
    seed,
    onProgress: ({ done, total }) => {
      if (done === undefined || total === undefined) return;
      progress ??= new Progress("scales judged", total);
      progress.update(done);
    },
  });
  (progress as Progress | null)?.end();
  return report;
}

function sayRepair(report: RepairReport, labelledDays: number, controlDays: number): void {
  for (const { label, distance, reason } of report.passedOver) {
    say(`  passed over ${label} (${distance} derivation${distance === 1 ? "" : "s"} away): ${reason}`);
  }
  if (report.ancestor !== null) {
    say(
      `  chosen ${report.ancestor.label}, ${report.ancestor.distance} derivations away: the nearest healthy ancestor`,
    );
  }
  if (report.curve.length > 0) {
    say("\n  log loss on the selection slice, by scale (0 keeps, 1 rolls back):");
    const losses = report.curve.map(({ loss }) => loss);
    const low = Math.min(...losses);
    const high = Math.max(...losses);
    for (const { scale, loss } of report.curve) {
      const bar = "#".repeat(Math.round(((loss - low) / (high - low)) * 40) + 1);
      say(`  ${scale.toFixed(3)}  ${loss.toFixed(4)}  ${bar}${scale === report.scale ? "  << chosen" : ""}`);
    }
    say(`  barrier ${report.barrier!.toFixed(4)}`);
  }
  const { gate, control } = report;
  if (gate !== null) {
    const [low, high] = gate.interval ?? [Number.NaN, Number.NaN];
    say(
      `\n  gate, ${gate.rows} of the ${labelledDays} labelled days: keep ${gate.keep.toFixed(3)}, roll back ${gate.rollback.toFixed(3)}, repaired ${gate.repaired.toFixed(3)}`,
    );
    say(
      `  repaired - keep: ${gate.difference.toFixed(3)}, 95 % interval [${low.toFixed(3)}, ${high.toFixed(3)}]`,
    );
    const against = gate.againstRollback;
    const [from, to] = against.interval ?? [Number.NaN, Number.NaN];
    say(`  repaired - roll back: ${against.difference.toFixed(3)} [${from.toFixed(3)}, ${to.toFixed(3)}]`);
  }
  if (control !== null) {
    say(
      `  control, ${controlDays} days of Seattle: keep ${control.keep.toFixed(3)}, repaired ${control.repaired.toFixed(3)}; ${control.margin.toFixed(3)} worse is allowed`,
    );
  }
  say(`\n  ${report.outcome}: ${report.reason}`);
  if (report.model !== null)
    say(
      `  ${report.model.name}@${report.model.version}, id ${report.model.id.slice(0, 12)}, published to ${report.path}`,
    );
}

/** The probability that the model gave a day the first time it was served. */
function lossesBy(probabilities: readonly number[], traffic: readonly Day[]): (day: Day) => number {
  const byDay = new Map(traffic.map((day, index) => [day, probabilities[index]!]));
  return (day) => byDay.get(day)!;
}

/** What plain roll back would have answered. */
async function servedBy<K extends string>(
  engine: Engine,
  id: string,
  dir: string,
  slices: Record<K, readonly Day[]>,
): Promise<Record<K, number[]>> {
  const path = join(dir, "rollback.onnx");
  await engine.restore(id, path);
  const gateway = new Gateway(path);
  await gateway.load();
  const served = {} as Record<K, number[]>;
  for (const key of Object.keys(slices) as K[]) served[key] = await gateway.serve(slices[key]);
  await gateway.close();
  await rm(path);
  return served;
}

function plainRollBackNote({ rollback, after }: { rollback: number; after: number }): string {
  const gap = after - rollback;
  if (Math.abs(gap) < 0.005)
    return "On the untouched days plain roll back is as good: the base was trained on New York too.";
  return `On the untouched days the repaired model is ${Math.abs(gap).toFixed(3)} ${gap < 0 ? "better" : "worse"} than plain roll back.`;
}

function sayHowToExplore(outDir: string): void {
  const store = relative(process.cwd(), join(outDir, "store"));
  say(`\nThe store is kept. Look around:
  npx mendline model tree --store ${store}
  npx mendline model show ${alias} --store ${store}
  npx mendline status --store ${store}
  npx mendline rollback --alias ${alias} --store ${store}`);
}

try {
  await main();
} catch (thrown) {
  const code = thrown instanceof MendlineError ? ` [${thrown.code}]` : "";
  process.stderr.write(`npm start: ${thrown instanceof Error ? thrown.message : String(thrown)}${code}\n`);
  process.exitCode = 1;
}
