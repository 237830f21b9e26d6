import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { scratchDir } from "../../support.js";
import { rainModel, runCli } from "./support.js";

const dir = scratchDir();
const store = join(dir, "store");
const card = join(dir, "README.md");
writeFileSync(card, "---\nbase_model: org/base\nbase_model_relation: finetune\nlicense: mit\n---\n# Tuned\n");

async function run(...words: string[]) {
  return runCli(words, { env: { MENDLINE_STORE: store } });
}

async function json(...words: string[]) {
  const { code, stdout, stderr } = await run(...words, "--json");
  assert.is(code, 0, stderr);
  return JSON.parse(stdout);
}

test("a card before its models: named, declared, and found when they come", async () => {
  const first = await json("lineage", "import", "--format", "huggingface", "--name", "org/tuned", card);
  assert.equal(
    first.externals.map(({ name, model }: { name: string; model: unknown }) => [name, model]),
    [
      ["org/tuned", null],
      ["org/base", null],
    ],
  );
  assert.equal(first.linked, []);
  assert.match(
    (await run("lineage", "declared")).stdout,
    /org\/tuned +huggingface +- +org\/base \(fine-tuning\)/,
  );
  for (const [name, file] of [
    ["org/base", "1"],
    ["org/tuned", "2"],
  ])
    assert.is((await run("model", "add", rainModel(file!), "--name", name!, "--version", "main")).code, 0);
  const declared = await json("lineage", "declared");
  const tuned = declared.find(({ name }: { name: string }) => name === "org/tuned");
  assert.equal([tuned.model.name, tuned.model.version, tuned.model.by], ["org/tuned", "main", "name"]);
  assert.equal(await json("model", "ancestors", "org/tuned@main"), [], "only declared");
  const { stdout } = await run(
    "lineage",
    "import",
    "--format",
    "huggingface",
    "--model",
    "org/tuned@main",
    "--link",
    card,
  );
  assert.match(stdout, /2 models named, 1 derivation declared, 0 of them new\n/);
  assert.match(stdout, /org\/tuned is model [0-9a-f]{12}, by its content hash\n/);
  assert.match(stdout, /1 derivation added to the lineage\n$/);
  const [ancestor] = await json("model", "ancestors", "org/tuned@main");
  assert.equal([ancestor.name, ancestor.distance], ["org/base", 1]);
});

test("show tells what is declared", async () => {
  assert.match(
    (await run("model", "show", "org/tuned@main")).stdout,
    /\ndeclared +org\/base {2}fine-tuning, says huggingface\n/,
  );
});

test("a failed import makes no store", async () => {
  const none = join(dir, "none");
  const broken = join(dir, "broken.json");
  writeFileSync(broken, '{"info": {"run_id": 7}}');
  const words = ["lineage", "import", "--format", "mlflow", broken, "--store", none];
  const { code, stdout, stderr } = await run(...words);
  assert.is(code, 1);
  assert.is(stdout, "");
  assert.match(stderr, /broken\.json: info\.run_id is number 7, not text \[MENDLINE_DATA_MALFORMED\]\n$/);
  assert.not.ok(existsSync(none));
  assert.is((await run("lineage", "import", "--format", "dvc", broken)).code, 2);
});

test.run();
