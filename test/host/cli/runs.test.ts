/** `mendline runs` and `resume`: what an interrupted or killed repair leaves, and how a person goes on with it. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openEngine, type RepairReport, type RepairRun, type RepairRunDetails } from "../../../src/index.js";
import { scratchDir } from "../../support.js";
import { rainModel, runCli, startCli, writeRainData } from "./support.js";

const dir = scratchDir();
const store = join(dir, "store");
const live = join(dir, "new-york.csv");
const marker = join(dir, "judging");

/** Says that it judges, waits for its end as long as the marker is alone, and finds all candidates alike. */
const validator = (() => {
  const path = join(dir, "judge.mjs");
  writeFileSync(
    path,
    `import fs from "node:fs";
    const marker = ${JSON.stringify(marker)};
    const first = !fs.existsSync(marker);
    if (first) { fs.writeFileSync(marker, ""); setTimeout(() => {}, 60_000); }
    else console.log('{"loss": 1}');`,
  );
  return `"${process.execPath}" "${path}"`;
})();

const repair = [
  "repair",
  "rain@3",
  "--live",
  live,
  "--validation",
  live,
  "--alias",
  "gateway",
  "--store",
  store,
];

/** Starts a repair, and ends it with the signal while its first candidate is judged. */
async function interrupted(signal: "SIGINT" | "SIGKILL"): Promise<{ code: number | null; stderr: string }> {
  rmSync(marker, { force: true });
  const child = startCli([...repair, "--validator", validator]);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
  while (!existsSync(marker)) await wait(20);
  child.kill(signal);
  return { code: await closed, stderr };
}

async function json<T>(words: readonly string[], code = 0): Promise<T> {
  const result = await runCli([...words, "--json", "--store", store]);
  assert.is(result.code, code, result.stderr);
  return JSON.parse(result.stdout) as T;
}

test("setup", async () => {
  writeRainData(live, { cities: ["New York"], from: "2015-01-01", to: "2015-12-31" });
  const engine = await openEngine({ store });
  for (const [version, cities] of [
    ["1", ["Seattle", "New York"]],
    ["3", ["Seattle"]],
  ] as const) {
    const path = join(dir, `training-${version}.csv`);
    writeRainData(path, { cities, from: "2012-01-01", to: "2013-12-31" });
    await engine.addModel({
      file: rainModel(version),
      name: "rain",
      version,
      parents: version === "3" ? [{ ref: "rain@1" }] : [],
      trainingData: await engine.openData(path),
      label: "rains",
    });
  }
  await engine.close();
  const none = await runCli(["runs", "--store", store]);
  assert.equal([none.code, none.stdout], [0, "no repair runs\n"]);
});

test("SIGINT is recorded as cancelled: 130; resumed, the run comes to its end", async () => {
  const { code, stderr } = await interrupted("SIGINT");
  assert.equal([code, stderr], [130, "mendline: interrupted\n"]);
  const [run] = await json<RepairRun[]>(["runs"]);
  assert.equal(
    [run!.state, run!.step, run!.alias, run!.outcome],
    ["cancelled", "cancelled", "gateway", null],
  );
  const told = await runCli(["runs", run!.run, "--store", store]);
  assert.match(told.stdout, /^state +cancelled, at cancelled$/m);
  assert.match(told.stdout, new RegExp(`^go on with +mendline resume ${run!.run}$`, "m"));
  const report = await json<RepairReport>(["resume", run!.run], 4);
  assert.equal([report.outcome, report.run, report.scale], ["rejected", run!.run, 0]);
  const details = await json<RepairRunDetails>(["runs", run!.run]);
  assert.equal([details.state, details.outcome, details.report], ["ended", "rejected", report]);
  const steps = details.steps.map(({ step }) => step).filter((step) => step !== "scale-judged");
  const before = ["started", "detected", "ancestor-chosen", "checked", "cancelled"];
  assert.equal(steps, [...before, "resumed", "scale-searched", "rejected"]);
  const again = await runCli(["resume", run!.run, "--store", store]);
  assert.equal([again.code, again.stderr], [4, ""]);
  assert.match(again.stdout, /^outcome +rejected: no scale is better than keeping$/m);
});

test("killed, it holds its alias until it is resumed or ended; other data is refused", async () => {
  await interrupted("SIGKILL");
  const [run] = await json<RepairRun[]>(["runs", "--limit", "1"]);
  assert.equal([run!.state, run!.step], ["interrupted", "checked"]);
  const busy = await runCli([...repair, "--validator", validator]);
  assert.is(busy.code, 1);
  assert.match(
    busy.stderr,
    new RegExp(
      `^mendline: error: alias "gateway" has a run that was broken off, ${run!.run}: .*\\[MENDLINE_REPAIR_BUSY\\]\\n$`,
    ),
  );

  const data = readFileSync(live);
  writeRainData(live, { cities: ["New York"], from: "2015-01-01", to: "2015-12-30" });
  const other = await runCli(["resume", "--store", store]);
  assert.is(other.code, 1);
  assert.match(
    other.stderr,
    /the live data .*new-york\.csv is not what it began with, but has 364 rows where there were 365: .*\[MENDLINE_REPAIR_INPUTS\]\n$/,
  );
  const moved = join(dir, "moved.csv");
  writeFileSync(moved, data);
  const report = await json<RepairReport>(["resume", "--live", moved, "--validation", moved], 4);
  assert.is(report.run, run!.run);
  const none = await runCli(["resume", "--store", store]);
  assert.is(none.code, 1);
  assert.match(none.stderr, /there is no run to resume/);
  writeFileSync(live, data);
});

test("resume --cancel frees the alias", async () => {
  await interrupted("SIGKILL");
  const cancelled = await json<RepairRun>(["resume", "--cancel"]);
  assert.is(cancelled.state, "cancelled");
  const after = await runCli([...repair, "--validator", validator]);
  assert.is(after.code, 4, after.stderr);
  const unknown = await runCli(["runs", "run-1", "--store", store]);
  assert.is(unknown.code, 1);
  assert.match(unknown.stderr, /there is no run "?run-1"?/);
});

test.run();
