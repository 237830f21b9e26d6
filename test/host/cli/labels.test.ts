/** The whole loop as a person goes through it: drift, not decided, request, labels, refine, published. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type {
  LabelRequestDetails,
  LabelRequestSummary,
  RepairReport,
  RepairRunDetails,
} from "../../../src/index.js";
import { scratchDir } from "../../support.js";
import { rainFlags, rainModel, runCli, writeRainData } from "./support.js";

const dir = scratchDir();
const store = join(dir, "store");
const live = join(dir, "live.csv");
const few = join(dir, "few.csv");
const deployed = join(dir, "gateway");

async function json<T>(words: readonly string[], code = 0, stdin = ""): Promise<T> {
  const result = await runCli([...words, "--json", "--store", store], { stdin: Buffer.from(stdin) });
  assert.is(result.code, code, result.stderr);
  return JSON.parse(result.stdout) as T;
}

async function refusal(words: readonly string[]): Promise<string> {
  const { code, stderr } = await runCli([...words, "--store", store]);
  assert.is.not(code, 0);
  return stderr;
}

/** The truth by a point's features: what an expert would say. */
const truth = new Map<string, string>();
const keyOf = (features: Readonly<Record<string, unknown>>) => Object.values(features).map(Number).join(" ");
const labelOf = (features: Readonly<Record<string, unknown>>) => truth.get(keyOf(features))!;

test.before(async () => {
  const training = join(dir, "training.csv");
  const newYork = { cities: ["New York"] };
  writeRainData(training, { cities: ["Seattle"], from: "2012-01-01", to: "2014-06-30" });
  writeRainData(live, { ...newYork, from: "2015-01-01", to: "2015-12-30" });
  // A day of each twelve: too few for a repair, and of all seasons.
  writeRainData(few, { ...newYork, from: "2014-01-01", to: "2014-12-30" });
  const [header, ...rows] = readFileSync(few, "utf8").trim().split("\n");
  writeFileSync(few, [header, ...rows.filter((_, index) => index % 12 === 0), ""].join("\n"));
  for (const line of readFileSync(live, "utf8").trim().split("\n").slice(1)) {
    const cells = line.split(",");
    truth.set(cells.slice(0, 4).map(Number).join(" "), cells[4]!);
  }
  const both = join(dir, "both.csv");
  writeRainData(both, { cities: ["Seattle", "New York"], from: "2012-01-01", to: "2014-06-30" });
  const add = (name: string, version: string, data: string, more: string[]) =>
    json([
      "model",
      "add",
      rainModel(name),
      "--name",
      "rain",
      "--version",
      version,
      "--training-data",
      data,
      ...rainFlags,
      ...more,
    ]);
  await add("1", "1", both, []);
  await add("3", "3", training, ["--parent", "rain@1"]);
});

let request: LabelRequestDetails;

test("a repair with too few labels asks for some", async () => {
  const report = await json<RepairReport>(
    [
      "repair",
      "rain@3",
      "--live",
      live,
      "--validation",
      few,
      "--alias",
      "gateway",
      "--deploy",
      deployed,
      "--labels",
      "120",
    ],
    4,
  );
  assert.is(report.outcome, "needs-labels");
  const run = await json<RepairRunDetails>(["runs", report.run]);
  assert.is(run.report!.labelRequest, report.labelRequest);
  request = await json<LabelRequestDetails>(["labels", "show", report.labelRequest!]);
  assert.equal(
    [request.state, request.run, request.points.length, request.strategy],
    ["open", report.run, 120, "mixed"],
  );
  assert.equal(request.budget!.random, 5);
  assert.ok(request.committee.length >= 2, "the lineage is the committee");
  assert.ok(request.points.some(({ random }) => random) && request.points.some(({ random }) => !random));
  const status = await json<{ labelRequests: LabelRequestSummary[] }>(["status"]);
  assert.equal(
    status.labelRequests.map(({ id }) => id),
    [request.id],
  );
});

test("without a label there is nothing to refine with", async () => {
  assert.match(await refusal(["labels", "refine", request.id]), /has no labels yet.*MENDLINE_DATA_EMPTY/);
});

test("annotate: keys, skip, undo, quit; the next session goes on", async () => {
  const [first, second] = request.points.map(({ features }) => labelOf(features));
  const typed = `${first}${second === "1" ? "0" : "1"}u${second}sq`;
  const words = ["labels", "annotate", request.id, "--annotator", "ada"];
  const told = await json<{ labelled: number; skipped: number; left: number }>(words, 0, typed);
  assert.equal([told.labelled, told.skipped, told.left], [2, 1, 117]);
  const again = await runCli([...words, "--store", store], { stdin: Buffer.from("q") });
  assert.match(again.stderr, /point 4 of 120/);
  assert.match(again.stderr, /temp_max .* training values/);
  const shown = await json<LabelRequestDetails>(["labels", "show", request.id]);
  assert.equal(shown.state, "partly-labelled");
  assert.equal(
    shown.points.slice(0, 3).map(({ label }) => label),
    [first, second, null],
  );
});

test("export, fill in, import: all or nothing, twice the same, strangers refused", async () => {
  const file = join(dir, "points.csv");
  await json(["labels", "export", request.id, "--format", "csv", "--out", file]);
  const lines = readFileSync(file, "utf8").trim().split("\n");
  assert.is(lines[0], "pointId,label,day_of_year,temp_min,temp_max,wind");
  const filled = lines.map((line, index) => {
    if (index === 0) return line;
    const [pointId, , ...values] = line.split(",");
    return [pointId, truth.get(values.map(Number).join(" ")), ...values].join(",");
  });
  writeFileSync(file, `${[...filled, `pffff,1${",0".repeat(4)}`].join("\n")}\n`);
  assert.match(await refusal(["labels", "import", request.id, file]), /point "pffff" is none of/);
  writeFileSync(file, `${filled.join("\n").replace(/,[01],/, ",7,")}\n`);
  assert.match(await refusal(["labels", "import", request.id, file]), /row 1: label "7" is no class/);
  assert.is(
    (await json<LabelRequestDetails>(["labels", "show", request.id])).labelled,
    2,
    "nothing was taken",
  );
  writeFileSync(file, `${filled.join("\n")}\n`);
  const first = await json<{ added: number; found: number; request: LabelRequestSummary }>([
    "labels",
    "import",
    request.id,
    file,
  ]);
  assert.equal([first.found, first.added, first.request.state], [120, 120, "closed"]);
  const second = await json<typeof first>(["labels", "import", request.id, file]);
  assert.equal([second.found, second.added], [120, 0]);
});

test("refine publishes to where the run would have, and the round is recorded", async () => {
  const { code, stdout, stderr } = await runCli(["labels", "refine", request.id, "--json", "--store", store]);
  const report = JSON.parse(stdout) as RepairReport;
  assert.is(code, 0, `${stderr}${report.reason}`);
  assert.is(report.outcome, "published", report.reason);
  assert.ok(report.path!.startsWith(deployed));
  const shown = await json<LabelRequestDetails>(["labels", "show", request.id]);
  const random = request.points.filter((point) => point.random).length;
  assert.equal(
    shown.rounds.map(({ run, outcome, random: r, chosen }) => [run, outcome, r, chosen]),
    [[report.run, "published", random, 120 - random]],
  );
  assert.is(report.gate!.rows, 15 + random, "only random points judge");
});

test("request: the same for a seed, never the same rows again", async () => {
  const ask = (seed: string) =>
    json<LabelRequestDetails>([
      "labels",
      "request",
      "rain@1",
      "--pool",
      live,
      "--count",
      "8",
      "--strategy",
      "margin",
      "--seed",
      seed,
      "--classes",
      "dry,rain",
    ]);
  const one = await ask("5");
  await json(["labels", "cancel", one.id]);
  const same = await ask("5");
  const rows = ({ points }: LabelRequestDetails) => points.map(({ features }) => keyOf(features));
  assert.equal(rows(same), rows(one));
  const other = await ask("5");
  assert.ok(!rows(other).some((row) => rows(same).includes(row)));
  assert.equal(other.classes, ["dry", "rain"]);
  assert.match(
    await refusal(["labels", "annotate", "labels-none"]),
    /no label request.*MENDLINE_STORE_UNKNOWN/,
  );
});

test.run();
