/**
 * The whole loop from the command line on data that nothing was tuned for (penguins.ts): drift, not proven, a request, a person in a real
 * terminal, refined, published; the same through Label Studio; and the history that is left of it.
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type LabelRequestDetails, openEngine, type RepairReport } from "../../../src/index.js";
import { scratchDir } from "../../support.js";
import { features, fitted, type Penguin, penguins, writeNetwork, writePenguins } from "./penguins.js";
import { runCli } from "./support.js";

const dir = scratchDir();
const store = join(dir, "store");
const file = (name: string) => join(dir, name);
const gentoo = penguins("Gentoo");
const few = gentoo.filter((_, index) => index % 3 === 0);
const keyOf = (row: Readonly<Record<string, unknown>>) => features.map((name) => Number(row[name])).join(" ");
const truth = new Map(gentoo.map((one) => [keyOf(one as never), one.male]));

async function say(words: readonly string[], code = 0, of = store): Promise<string> {
  const told = await runCli([...words, "--store", of]);
  assert.is(told.code, code, told.stderr + told.stdout);
  return told.stdout;
}

async function json<T>(words: readonly string[], code = 0, of = store): Promise<T> {
  return JSON.parse(await say([...words, "--json"], code, of)) as T;
}

test.before(async () => {
  const adelie = penguins("Adelie");
  const all = penguins("Adelie", "Chinstrap", "Gentoo");
  const base = fitted(all, [0, 0, 0, 0, 0], 400);
  writeNetwork(file("all.onnx"), base);
  writeNetwork(file("adelie.onnx"), fitted(adelie, base, 200));
  const write = (name: string, rows: readonly Penguin[], withSex = true) =>
    writePenguins(file(name), rows, withSex);
  write("all.csv", all);
  write("adelie.csv", adelie);
  write("gentoo.csv", gentoo, false);
  write("few.csv", few);
  const add = ["model", "add", "--name", "sex", "--features", features.join(","), "--label", "male"];
  await say([...add, file("all.onnx"), "--version", "1", "--training-data", file("all.csv")]);
  const child = ["--version", "2", "--training-data", file("adelie.csv"), "--parent", "sex@1"];
  await say([...add, file("adelie.onnx"), ...child, "--transformation", "fine-tuning"]);
  await say(["deploy", "sex@2", "--alias", "gate", "--deploy", file("serving")]);
});

let request: LabelRequestDetails;
let asked: RepairReport;

test("drift is found, and the repair is not proven: it says how many labels would decide", async () => {
  const pair = ["--reference", file("adelie.csv"), "--current", file("gentoo.csv")];
  assert.is((await runCli(["drift", ...pair, "--features", features.join(",")])).code, 3);
  const words = ["repair", "gate", "--live", file("gentoo.csv"), "--validation", file("few.csv")];
  const chosen = ["--ancestor", "sex@1", "--alias", "gate", "--deploy", file("serving")];
  asked = await json<RepairReport>([...words, ...chosen], 4);
  assert.is(asked.outcome, "not-proven");
  const told = await say(["runs", asked.run]);
  assert.match(
    told,
    /about (\d+) more at the gate decide this at 80 %: mendline labels request [0-9a-f]{12} --run run-/,
  );
  // What it says can be typed as it stands.
  const line = /mendline (labels request .*)$/m.exec(told)![1]!;
  const typed = line.replace("DATA", file("gentoo.csv")).split(" ");
  request = await json<LabelRequestDetails>([...typed, "--classes", "female,male"]);
  assert.match(request.budget!.reason, /about \d+ labels at the gate decide this at 80 %/);
  assert.is(request.points.length, request.budget!.random);
  // Nobody is asked about a penguin whose sex the run knows.
  const known = new Set(few.map((one) => keyOf(one as never)));
  assert.ok(request.points.every(({ features: row }) => !known.has(keyOf(row))));
  cpSync(store, file("store of a tool"), { recursive: true });
});

/** Keys go to a terminal of their own, one whenever a question stands there. */
async function inTerminal(words: readonly string[], keys: readonly string[]): Promise<string> {
  const main = fileURLToPath(new URL("../../../src/host/cli/main.js", import.meta.url));
  const command = [process.execPath, main, ...words].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], { env: { ...process.env, TERM: "xterm" } });
  let shown = "";
  let sent = 0;
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    for (const prompt = "q quit > "; shown.indexOf(prompt, seen) >= 0; ) {
      seen = shown.indexOf(prompt, seen) + prompt.length;
      if (sent < keys.length) child.stdin.write(keys[sent++]!);
    }
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.is(code, 0, shown);
  return shown;
}

const hasTerminals = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

(hasTerminals ? test : test.skip)("a person labels them in a terminal, stops, and goes on", async () => {
  const keys = request.points.map(({ features: row }) => String(truth.get(keyOf(row))));
  const words = ["labels", "annotate", request.id, "--annotator", "ada", "--store", store];
  const first = await inTerminal(words, ["9", keys[0]!, "u", keys[0]!, "s", "u", ...keys.slice(1, 3), "q"]);
  assert.match(first, /no such answer: 9/);
  assert.match(first, /beak_length +[\d.]+ +above \d+ % of training values|above all training values/);
  assert.match(first, /3 labelled and 0 skipped now, \d+ left: .* is partly-labelled/);
  const second = await inTerminal(words, keys.slice(3));
  assert.match(second, new RegExp(`point 4 of ${keys.length}`));
  assert.match(second, /0 left: .* is closed/);
});

async function labelledInFile(): Promise<void> {
  const path = file("points.csv");
  await say(["labels", "export", request.id, "--format", "csv", "--out", path]);
  const [head, ...lines] = readFileSync(path, "utf8").trim().split("\n");
  const filled = lines.map((line) => {
    const [pointId, , ...values] = line.split(",");
    return [pointId, truth.get(values.map(Number).join(" ")), ...values].join(",");
  });
  writeFileSync(path, `${[head, ...filled].join("\n")}\n`);
  await say(["labels", "import", request.id, path, "--annotator", "ada"]);
}

// What follows needs the labels, wherever they come from.
if (!hasTerminals) test("without a terminal they come from a file", labelledInFile);

test("refined, it is proven and published, and the history tells how it came to that", async () => {
  const told = await say(["labels", "refine", request.id]);
  assert.match(told, /outcome +published/);
  assert.match(told, /decided: it is published/);
  assert.ok(existsSync(join(file("serving"), "model.onnx")));
  const show = await json<LabelRequestDetails>(["labels", "show", request.id]);
  assert.equal(
    show.rounds.map(({ outcome, stop }) => [outcome, stop]),
    [["published", "decided"]],
  );
  const story = (await say(["runs", show.rounds[0]!.run])).trimEnd().split("\n").slice(-3);
  assert.match(story[0]!, new RegExp(`repair +${asked.run}: not-proven: `));
  assert.match(
    story[1]!,
    new RegExp(`asked +${request.id}: (\\d+) of \\1 points labelled by 1 person, closed`),
  );
  assert.match(
    story[2]!,
    new RegExp(`refined +${show.rounds[0]!.run}: with \\d+ chosen and \\d+ random points .*published`),
  );
});

test("the same through Label Studio: tasks out, one webhook, and its export in", async () => {
  const other = file("store of a tool");
  const tasks = file("tasks.json");
  await say(["labels", "export", request.id, "--format", "label-studio", "--out", tasks], 0, other);
  const imported = (
    JSON.parse(readFileSync(tasks, "utf8")) as { data: { features: object }; predictions: object[] }[]
  ).map((task, index) => ({ ...task, id: 100 + index, project: 7 }));
  assert.ok(imported.every(({ predictions }) => predictions.length === 1));
  const annotationOf = ({ id, data }: (typeof imported)[number]) => ({
    id: id + 1_000,
    task: id,
    completed_by: { id: 3, email: "ada@example.org" },
    was_cancelled: false,
    result: [
      {
        from_name: "label",
        to_name: "point",
        type: "choices",
        value: { choices: [truth.get(keyOf(data.features as never)) === 1 ? "male" : "female"] },
      },
    ],
  });
  const engine = await openEngine({ store: other });
  const hook = (await engine.labels()).labelStudioWebhook({ secret: "the hook's own secret" });
  const [first] = imported;
  const reply = await hook.take({
    headers: { "x-mendline-secret": "the hook's own secret" },
    body: JSON.stringify({
      action: "ANNOTATION_CREATED",
      annotation: annotationOf(first!),
      task: first,
      project: { id: 7 },
    }),
  });
  assert.equal([reply.status, reply.body.added], [200, 1]);
  await engine.close();
  writeFileSync(
    file("export.json"),
    JSON.stringify(imported.map((task) => ({ ...task, annotations: [annotationOf(task)] }))),
  );
  const taken = await json<{ added: number; found: number }>(
    ["labels", "import", request.id, file("export.json"), "--reconcile"],
    0,
    other,
  );
  assert.equal([taken.found, taken.added], [imported.length, imported.length - 1]);
  const report = await json<RepairReport & { stop: string }>(
    ["labels", "refine", request.id, "--alias", "gate", "--deploy", file("serving of a tool")],
    0,
    other,
  );
  assert.equal([report.outcome, report.stop], ["published", "decided"]);
});

test.run();
