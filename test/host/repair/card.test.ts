import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { openEngine } from "../../../src/index.js";
import { failure, freshDir } from "../../lineage-store/support.js";
import { namesIn, serving, servingDir } from "../deployment/support.js";
import { addRain, labelledOf, liveOf } from "../rain.js";
import { labelledDays, seattle2015, window } from "./scene.js";

interface Parent {
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** The cells of a table's rows, by the first. */
function rowsOf(card: string, title: string): Map<string, string[]> {
  const section = card.split(`\n## ${title}\n`)[1]!.split("\n## ")[0]!;
  const rows = section
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2);
  return new Map(
    rows.map((line) => {
      const [first, ...cells] = line.slice(2, -2).split(" | ");
      return [first!, cells];
    }),
  );
}

test("a repair's card says what its record says, lies beside the model, and goes with it", async () => {
  const engine = await openEngine({ store: freshDir(), threads: 0 });
  const { runtime } = engine;
  const [base, , deployed] = await addRain(runtime, engine.store, ["rain@1", "rain@2", "rain@3"]);
  const dir = servingDir();
  await engine.deploy("rain@3", { alias: "gateway", dir });
  const sources = () => ({
    live: liveOf(runtime, window, "New York | *live*"),
    validation: labelledOf(runtime, labelledDays),
    control: labelledOf(runtime, seattle2015, "Seattle 2015"),
    seed: 0,
  });
  const report = await engine.repair("gateway", { ...sources(), alias: "gateway" });
  assert.is(report.outcome, "published", report.reason);
  const card = readFileSync(join(dir, "model.card.md"), "utf8");
  assert.is(card, await engine.repairCard(report.run));

  const [, head] = card.split("---\n") as [string, string];
  const { mendline } = parse(head) as { mendline: { id: string; parents: Parent[] } };
  assert.is(mendline.id, report.model!.id);
  assert.equal(
    mendline.parents.map(({ id, parameters }) => [id, parameters.ancestor, parameters.run]),
    [[deployed!.id, base!.id, report.run]],
  );
  for (const { id } of [base!, deployed!]) {
    const { fileHash } = await engine.model(id);
    assert.ok(card.includes(`\`${id}\` | \`${fileHash}\``));
  }
  const curve = rowsOf(card, "Scale");
  assert.is(curve.size, report.curve.length);
  const [scale, loss] = [...curve][0]!;
  assert.is(Number(scale), Number(report.curve[0]!.scale.toPrecision(4)));
  assert.is(Number(loss[0]), Number(report.curve[0]!.loss.toPrecision(4)));
  const keep = rowsOf(card, "Gate").get("keep")!;
  assert.is(Number(keep[0]), Number(report.gate!.keep.toPrecision(4)));
  assert.is(keep[2], report.gate!.interval!.map((end) => Number(end.toPrecision(4))).join(" to "));
  assert.match(card, /## Control\n\nlog-loss on 365 rows/);
  const data = rowsOf(card, "Data");
  assert.equal([...data.keys()], ["live", "validation", "control"]);
  assert.equal(data.get("control")!.slice(0, 2), ["Seattle 2015", "365"]);
  assert.match(card, /New York \\\| \\\*live\\\*/, "a name is no markup");
  assert.is(Object.keys(report.drift.features).length, rowsOf(card, "Live data").size);

  await engine.rollback("gateway");
  assert.equal(namesIn(dir), serving("model.onnx"), "the card of another model is gone");

  const rejected = await engine.repair("rain@3", { ...sources(), dryRun: true });
  const dry = await engine.repairCard(rejected.run);
  assert.equal(parse(dry.split("---\n")[1]!), {
    tags: ["mendline"],
    mendline: { run: rejected.run, outcome: "published" },
  });
  assert.match(dry, /a dry run/);
  assert.not(existsSync(join(dir, "model.card.md")));
  await failure("MENDLINE_STORE_UNKNOWN", () => engine.repairCard("run-none"));
  await engine.close();
});

test.run();
