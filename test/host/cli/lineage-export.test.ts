import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { scratchDir } from "../../support.js";
import { rainModel, runCli } from "./support.js";

const dir = scratchDir();
const env = { MENDLINE_STORE: join(dir, "store") };

async function run(...words: string[]) {
  return runCli(words, { env });
}

test("the lineage of two models in every format", async () => {
  const add = ["model", "add"];
  await run(...add, rainModel("1"), "--name", "rain", "--version", "1", "--tag", "license=mit");
  const tuned = ["--name", "rain", "--version", "2", "--parent", "rain@1", "--transformation", "fine-tuning"];
  assert.is((await run(...add, rainModel("2"), ...tuned)).code, 0);
  for (const format of ["openlineage", "cyclonedx", "huggingface", "mermaid", "dot"]) {
    const out = join(dir, `all.${format}`);
    const { code, stdout, stderr } = await run(
      "lineage",
      "export",
      "--format",
      format,
      "--out",
      out,
      "--json",
    );
    assert.is(code, 0, stderr);
    const { sha256, byteLength, ...summary } = JSON.parse(stdout);
    assert.equal(summary, { format, out, models: 2, derivations: 1, externals: 0, declarations: 0 });
    assert.is(byteLength, readFileSync(out).length);
    assert.match(sha256, /^[0-9a-f]{64}$/);
  }
  const card = join(dir, "README.md");
  const { stdout } = await run("lineage", "export", "rain@2", "--format", "huggingface", "--out", card);
  assert.match(stdout, /README\.md is the lineage as huggingface: 1 model, 1 derivation, /);
  assert.match(readFileSync(card, "utf8"), /\nbase_model: rain-1\nbase_model_relation: finetune\n/);
});

test("what cannot be written is told in one line", async () => {
  const out = join(dir, "none");
  const cases: [string[], number, RegExp][] = [
    [["--format", "svg", "--out", out], 2, /svg.*openlineage/],
    [["--format", "dot"], 2, /--out/],
    [["--out", out], 2, /--format/],
    [["rain@7", "--format", "dot", "--out", out], 1, /"rain@7".*MENDLINE_STORE_UNKNOWN/],
    [["--format", "dot", "--namespace", "x", "--out", out], 2, /openlineage only.*MENDLINE_ARGUMENT_INVALID/],
    [["--format", "dot", "--out", join(dir, "no", "file")], 1, /MENDLINE_DATA_WRITE/],
  ];
  for (const [words, exitCode, message] of cases) {
    const { code, stdout, stderr } = await run("lineage", "export", ...words);
    assert.is(code, exitCode, stderr);
    assert.is(stdout, "");
    assert.match(stderr, message);
    assert.is(stderr.trimEnd().split("\n").length, 1);
  }
  assert.not.ok(existsSync(out));
});

test.run();
