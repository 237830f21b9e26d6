import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type EngineStatus, openEngine } from "../../../src/index.js";
import { scratchDir } from "../../support.js";
import { rainFlags, rainModel, runCli, runEach, writeRainData } from "./support.js";

const dir = scratchDir();
const store = join(dir, "store");
const env = { MENDLINE_STORE: store };
const ids: string[] = [];

async function json(...words: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await runCli([...words, "--json"], { env });
  assert.is(code, 0, stderr);
  assert.is(stderr, "");
  return JSON.parse(stdout);
}

async function text(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCli(words, { env });
  assert.is(code, 0, stderr);
  return stdout;
}

test("models are added with what they were trained on and derived from", async () => {
  const cities = ["Seattle", "New York"];
  writeRainData(join(dir, "both.csv"), { cities, from: "2012-01-01", to: "2013-12-31" });
  writeRainData(join(dir, "seattle.csv"), { cities: ["Seattle"], from: "2012-01-01", to: "2013-12-31" });
  const base = ["model", "add", rainModel("1"), "--name", "rain", "--version", "1", ...rainFlags];
  const first = await json(...base, "--training-data", join(dir, "both.csv"), "--metric", "log-loss=0.508");
  const child = ["model", "add", rainModel("2"), "--name", "rain", "--version", "2", ...rainFlags];
  const tuning = ["--parent", "rain@1", "--transformation", "fine-tuning", "--param", "epochs=100"];
  const second = await json(
    ...[
      ...child,
      ...tuning,
      "--param",
      "teacher=none",
      "--metric",
      "log-loss=0.4322",
      "--tag",
      "site=Seattle",
    ],
    ...["--training-data", join(dir, "seattle.csv")],
  );
  const third = await text(
    ...["model", "add", rainModel("pruned-1"), "--name", "rain-pruned", "--version", "1"],
    ...["--parent", "rain@2", "--transformation", "pruning"],
  );
  const { id: firstId } = first as { id: string };
  const { id: secondId } = second as { id: string };
  assert.equal(first, { id: firstId, name: "rain", version: "1", parents: [], isNew: true, warnings: [] });
  assert.equal(second, {
    id: secondId,
    name: "rain",
    version: "2",
    parents: [firstId],
    isNew: true,
    warnings: [],
  });
  const [, thirdId] = /^added rain-pruned@1, from [0-9a-f]{12}\n([0-9a-f]{64})\n$/.exec(third) ?? [];
  assert.ok(thirdId !== undefined, third);
  ids.push(firstId, secondId, thirdId!);
  assert.is(new Set(ids).size, 3);
});

test("the same content again is the same model, under another name too", async () => {
  const again = await json("model", "add", rainModel("1"), "--name", "shower", "--version", "9");
  assert.equal(again, { id: ids[0], name: "shower", version: "9", parents: [], isNew: false, warnings: [] });
  assert.is(((await json("model", "list")) as unknown[]).length, 3);
});

test("show tells labels, parents, metrics, tensors and training data", async () => {
  const shown = (await json("model", "show", "rain@2")) as Record<string, unknown>;
  assert.is(shown.id, ids[1]);
  assert.equal(shown.labels, [{ name: "rain", version: "2" }]);
  assert.equal(shown.metrics, { "log-loss": 0.4322 });
  assert.equal(shown.tags, { site: "Seattle" });
  const [parent] = shown.parents as Record<string, unknown>[];
  assert.is(parent!.id, ids[0]);
  assert.is(parent!.transformation, "fine-tuning");
  assert.equal(parent!.parameters, { epochs: 100, teacher: "none" });
  assert.equal(
    (shown.children as { id: string }[]).map(({ id }) => id),
    [ids[2]],
  );
  const profile = shown.profile as { rows: number; features: { name: string }[] };
  assert.is(profile.rows, 731);
  assert.equal(
    profile.features.map(({ name }) => name),
    ["day_of_year", "temp_min", "temp_max", "wind"],
  );
  const tensors = shown.tensors as { name: string; dtype: string; shape: number[]; byteLength: number }[];
  const hidden = tensors.find(({ name }) => name === "hidden2.weight");
  assert.equal(hidden, { name: "hidden2.weight", dtype: "F32", shape: [16, 16], byteLength: 1024 });

  const told = await text("model", "show", "rain@1");
  assert.match(told, /^also named +shower@9$/m);
  assert.match(
    told,
    /^children +rain@2 [0-9a-f]{12} {2}fine-tuning: epochs=100, teacher=none; log-loss=0\.4322$/m,
  );
  assert.match(told, /^task +classification of rains from day_of_year, temp_min, temp_max, wind$/m);
  assert.match(told, /^trained on +1,462 rows, signature [0-9a-f]{64}$/m);
  assert.match(told, /^hidden2\.weight +F32 +\[16, 16\] +1\.0 KiB$/m);
});

test("relatives, nearest first, by any kind of reference", async () => {
  assert.equal(await json("model", "ancestors", "rain-pruned@1"), [
    { id: ids[1], name: "rain", version: "2", distance: 1 },
    { id: ids[0], name: "rain", version: "1", distance: 2 },
  ]);
  const references = [ids[0]!, ids[0]!.slice(0, 8), "shower@9"];
  const expected = [
    { id: ids[1], name: "rain", version: "2", distance: 1 },
    { id: ids[2], name: "rain-pruned", version: "1", distance: 2 },
  ];
  for (const reference of references) assert.equal(await json("model", "descendants", reference), expected);
  assert.is(await text("model", "ancestors", "rain@1"), "no ancestors\n");
});

test("relatives that are picked by kind, name, tag, metric and distance", async () => {
  const namesOf = async (...words: string[]) =>
    ((await json("model", ...words)) as { name: string; version: string }[]).map(
      ({ name, version }) => `${name}@${version}`,
    );
  assert.equal(await namesOf("ancestors", "rain-pruned@1", "--max-distance", "1"), ["rain@2"]);
  assert.equal(await namesOf("ancestors", "rain-pruned@1", "--limit", "1"), ["rain@2"]);
  assert.equal(await namesOf("ancestors", "rain-pruned@1", "--transformation", "fine-tuning"), []);
  const kinds = ["--transformation", "fine-tuning", "pruning"];
  assert.equal(await namesOf("ancestors", "rain-pruned@1", ...kinds), ["rain@2", "rain@1"]);
  assert.equal(await namesOf("ancestors", "rain-pruned@1", "--name", "shower"), ["rain@1"]);
  assert.equal(await namesOf("descendants", "rain@1", "--tag", "site=Seattle"), ["rain@2"]);
  assert.equal(await namesOf("search", "--tag", "site=Seattle"), ["rain@2"]);
  assert.equal(await namesOf("search", "--metric", "log-loss > 0.5"), ["rain@1"]);
  assert.equal(await namesOf("search", "--name", "rain", "--metric", "log-loss<0.5"), ["rain@2"]);
  assert.is(await text("model", "search", "--name", "hail"), "no model fits\n");
  assert.match(await text("model", "search", "--name", "rain"), /^rain@1 +[0-9a-f]{12} .*\nrain@2 /m);
  const versions = (await json("model", "versions", "rain")) as { version: string; id: string }[];
  assert.equal(
    versions.map(({ version, id }) => [version, id]),
    [
      ["1", ids[0]],
      ["2", ids[1]],
    ],
  );
  assert.match(await text("model", "versions", "shower"), /^shower@9 /m);
});

test("the way between two models, and what models have in common", async () => {
  const way = (await json("model", "path", "rain-pruned@1", "rain@1")) as {
    models: { id: string }[];
    commonAncestor: { id: string };
    steps: { towards: string; derivation: { transformation: string } }[];
  };
  assert.equal(
    way.models.map(({ id }) => id),
    [ids[2], ids[1], ids[0]],
  );
  assert.is(way.commonAncestor.id, ids[0]);
  assert.equal(
    way.steps.map(({ towards, derivation }) => [towards, derivation.transformation]),
    [
      ["parent", "pruning"],
      ["parent", "fine-tuning"],
    ],
  );
  const told = await text("model", "path", "rain@1", "rain-pruned@1");
  const lines = [
    "2 derivations",
    `rain@1  ${ids[0]!.slice(0, 12)}  common ancestor`,
    "  ↓ fine-tuning: epochs=100, teacher=none",
    `rain@2  ${ids[1]!.slice(0, 12)}`,
    "  ↓ pruning",
    `rain-pruned@1  ${ids[2]!.slice(0, 12)}`,
  ];
  assert.is(told, `${lines.join("\n")}\n`);
  assert.equal(await json("model", "common", "rain-pruned@1", "rain@2"), [
    { id: ids[1], name: "rain", version: "2", distances: [1, 0] },
  ]);
  assert.match(await text("model", "common", "rain@1", "rain@2"), /^rain@1 +[0-9a-f]{12} +0 +1$/m);
});

test("two models side by side: CONTRACT's fields, and a table", async () => {
  const difference = (await json("model", "diff", "rain@1", "rain@2")) as {
    tensors: { name: string; changedShare: number; relativeNorm: number; cosine: number }[];
    added: string[];
    removed: string[];
    metrics: unknown[];
  };
  assert.equal([difference.added, difference.removed], [[], []]);
  const hidden = difference.tensors.find(({ name }) => name === "hidden2.weight")!;
  assert.is(hidden.changedShare, 1);
  assert.ok(hidden.relativeNorm > 0.2 && hidden.relativeNorm < 0.4 && hidden.cosine > 0.95);
  assert.is(difference.tensors.filter(({ changedShare }) => changedShare === 0).length, 3);
  const told = await text("model", "diff", "rain@1", "rain@2");
  assert.match(told, /^rain@1 -> rain@2\n\n6 tensors changed, 3 the same; cosine 0\.957 over 384 weights$/m);
  assert.match(told, /^hidden2\.weight +256 +100 % +0\.311 +0\.965$/m);
  assert.match(told, /^log-loss +0\.508 +0\.432 +-0\.076$/m);
  assert.match(told, /^trained on 1,462 rows -> 731 rows; when it was derived: drift$/m);
  assert.match(told, /^wind +4\.084 ± 1\.911 +3\.209 ± 1\.484 +-0\.458 sd +0\.264$/m);
  assert.match(await text("model", "diff", "rain@2", "rain@2"), /^9 tensors, all the same$/m);
});

test("whose child a file is, and a parent that is not", async () => {
  const guess = (await json("model", "guess-parent", rainModel("3"))) as {
    parent: { id: string };
    confidence: number;
    candidates: { id: string }[];
  };
  assert.equal(
    guess.candidates.map(({ id }) => id),
    [ids[1], ids[2], ids[0]],
  );
  assert.is(guess.parent.id, ids[1]);
  assert.ok(guess.confidence > 0.1 && guess.confidence < 1);
  const told = await text("model", "guess-parent", rainModel("3"));
  assert.match(told, /^most likely from rain@2, confidence 0\.\d\d; 3 models compared$/m);
  assert.match(told, /^rain@2 +[0-9a-f]{12} +0\.\d+ +0\.\d+ +100 % +all$/m);
  assert.match(await text("model", "guess-parent", rainModel("2")), /^these are the parameters of rain@2, /);

  const other = join(dir, "other");
  const add = (name: string, ...more: string[]) =>
    runCli(["model", "add", rainModel(name), "--name", name, "--version", "1", "--store", other, ...more]);
  assert.is((await add("1")).code, 0);
  const wrong = ["--parent", "1@1", "--transformation", "fine-tuning", "--json"];
  const { code, stdout, stderr } = await add("distilled-1", ...wrong);
  assert.is(code, 0);
  assert.match(
    stderr,
    /^mendline: warning: 1@1 may not be its parent by fine-tuning: only 4 % of the weights /,
  );
  assert.is((JSON.parse(stdout) as { warnings: string[] }).warnings.length, 1);
});

test("tree: on the terminal, as JSON, as a page", async () => {
  const page = join(dir, "lineage.html");
  const drawn = [
    "rain@1                               log-loss 0.508",
    "↓ fine-tuning epochs=100 ─ rain@2    log-loss 0.432",
    "↓ pruning ─ rain-pruned@1",
  ];
  assert.is(
    await text("model", "tree", "--html", page),
    `${drawn.join("\n")}\n`.replaceAll("    log", "  log"),
  );
  assert.match(
    await text("model", "tree", "--ascii"),
    /^v fine-tuning epochs=100 - rain@2 +log-loss 0\.432$/m,
  );
  assert.match(readFileSync(page, "utf8"), /^<!doctype html>[\s\S]*<\/html>\n$/i);
  const { nodes, edges } = (await json("model", "tree", "rain@2")) as {
    nodes: { id: string }[];
    edges: { parent: string; child: string; transformation: string }[];
  };
  assert.equal(nodes.map(({ id }) => id).toSorted(), ids.toSorted());
  assert.equal(
    edges.map(({ parent, child, transformation }) => [parent, child, transformation]).toSorted(),
    [
      [ids[0], ids[1], "fine-tuning"],
      [ids[1], ids[2], "pruning"],
    ].toSorted(),
  );
});

test("restore gives the very bytes", async () => {
  const out = join(dir, "restored.onnx");
  const restored = (await json("model", "restore", "rain@2", "--out", out)) as Record<string, unknown>;
  assert.equal([restored.id, restored.out, restored.byteLength], [ids[1], out, readFileSync(out).byteLength]);
  assert.equal(readFileSync(out), readFileSync(rainModel("2")));
});

test("deploy, deploy, roll back: the folder follows the alias, and status tells", async () => {
  const folder = join(dir, "gateway");
  const served = join(folder, "model.onnx");
  const first = (await json("deploy", "rain@1", "--alias", "live", "--deploy", folder)) as Record<
    string,
    unknown
  >;
  assert.equal([first.alias, first.id, first.previous, first.path], ["live", ids[0], null, served]);
  assert.equal(readFileSync(served), readFileSync(rainModel("1")));
  assert.is(await text("deploy", "rain@2", "--alias", "live"), `live serves rain@2 (${served})\n`);
  assert.equal(readFileSync(served), readFileSync(rainModel("2")));
  assert.match(await text("model", "tree", "live"), /rain@2 +● deployed {2}\(live\)/);
  assert.is(await text("rollback", "--alias", "live"), `live serves rain@1 (${served})\n`);
  assert.equal(readFileSync(served), readFileSync(rainModel("1")));
  assert.equal(readFileSync(join(folder, "current", "model.onnx")), readFileSync(rainModel("1")));
  assert.equal(readdirSync(folder).sort(), ["current", "model.onnx", "versions"]);
  const status = (await json("status")) as { aliases: Record<string, unknown>[] };
  const [alias] = status.aliases;
  assert.equal([alias!.alias, alias!.id, alias!.path, alias!.inSync], ["live", ids[0], served, true]);
  const told = await text("status");
  assert.match(told, new RegExp(`^live +rain@1 +${ids[0]!.slice(0, 12)} .* ${served} +yes$`, "m"));
  assert.match(told, /^monitors: none$/m);
  assert.match(await text("model", "list"), /^rain@1 .* live$/m);
});

test("status tells of monitors: the last window, the alarm, and rows that are in none", async () => {
  const engine = await openEngine({ store });
  const window = { ms: 60_000, timeColumn: "at", allowedLatenessMs: 0 };
  const trigger = { windowsNeeded: 1, windowsConsidered: 1 };
  const monitor = await engine.monitor("rain@1", { window, trigger, features: ["wind"] });
  const idle = await engine.monitor("rain@1", { window, name: "idle" });
  const rows = Array.from({ length: 400 }, (_, i) => ({ at: i * 1_000, wind: i < 100 ? 3 : 90 }));
  monitor.observe([...rows, { at: 5, wind: 1 }, { at: null, wind: 1 }]);
  idle.observe({ at: 5 });
  await engine.close();
  const { monitors } = (await json("status")) as EngineStatus;
  const [quiet, own] = monitors;
  assert.equal([quiet!.monitor, quiet!.lastWindow, quiet!.rows], ["idle", null, 1]);
  assert.equal([own!.monitor, own!.lastWindow!.verdict, own!.rows], ["rain@1", "drift", 402]);
  assert.equal(own!.setAside, { lateRows: 1, earlyRows: 0, untimedRows: 1 });
  const { number, rowCount, closedMs } = own!.lastWindow!.window;
  assert.equal([number, rowCount], [5, 60]);
  assert.ok(closedMs > 0 && own!.alarmSince !== null);
  const told = await text("status");
  assert.match(
    told,
    new RegExp(
      `^rain@1 +drift +since window ${own!.alarmSince} +5 \\(60 rows\\) +\\S.* 402 +1 late, 1 untimed +none: "day_of_year" is not watched$`,
      "m",
    ),
  );
  assert.match(told, /^idle +- +no +none yet +- +1 +- +1 of the newest 100000$/m);
});

test("a reader that goes away early is no failure", async () => {
  const { code, stderr } = await runCli(["model", "list"], { env, closesStdout: true });
  assert.equal([code, stderr], [0, ""]);
});

test("reading makes no store", async () => {
  const missing = join(dir, "missing");
  const reads = [
    ["model", "list"],
    ["model", "tree"],
    ["status"],
    ["deploy", "rain@1", "--alias", "live"],
    ["repair", "rain@1", "--live", join(dir, "both.csv"), "--validation", join(dir, "both.csv")],
  ];
  const results = await runEach(reads, (words) => runCli([...words, "--store", missing]));
  for (const { code, stdout, stderr } of results) {
    assert.equal([code, stdout], [1, ""]);
    assert.match(
      stderr,
      /^mendline: error: there is no store in .*missing: `mendline model add .*\[MENDLINE_STORE_UNKNOWN\]\n$/,
    );
  }
  assert.not.ok(existsSync(missing));
});

test.run();
