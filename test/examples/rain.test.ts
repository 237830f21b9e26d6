// `npm start` as a person runs it: what it says, what it leaves, what it cleans up.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openEngine } from "../../src/host/engine.js";
import { scratchDir } from "../support.js";

const example = join(import.meta.dirname, "../../examples/rain/run.js");

interface Run {
  readonly dir: string;
  readonly lines: string[];
}

/** Runs the example in a folder of its own, with a folder for temporary files of its own: nothing may be left in that. */
function run(...options: string[]): Run {
  const dir = scratchDir();
  const temporary = join(dir, "tmp");
  mkdirSync(temporary);
  const child = spawnSync(process.execPath, [example, ...options], {
    cwd: dir,
    encoding: "utf8",
    env: { ...process.env, TMPDIR: temporary, TMP: temporary, TEMP: temporary },
  });
  assert.is(child.status, 0, `${child.stderr}\n${child.stdout}`);
  assert.is(child.stderr, "", "a terminal's progress bar has no place in a pipe");
  assert.equal(readdirSync(temporary), []);
  return { dir, lines: child.stdout.split("\n") };
}

function lineOf({ lines }: Run, pattern: RegExp): string {
  const found = lines.filter((line) => pattern.test(line));
  assert.is(found.length, 1, `${pattern} in one line:\n${lines.join("\n")}`);
  return found[0]!;
}

/** The losses of a row of the last table: before, rolled back, repaired. */
function lossesOf(told: Run, data: RegExp): number[] {
  const losses = Array.from(lineOf(told, data).matchAll(/(\d\.\d{3}) \(\d+ %\)/g), ([, loss]) =>
    Number(loss),
  );
  assert.is(losses.length, 3);
  return losses;
}

function checkStory(told: Run): void {
  const windows = told.lines.filter((line) => /^ {2}\d{4}-\d\d-\d\d /.test(line));
  const alarm = windows.findIndex((line) => line.includes("alarm"));
  // examples/rain/README.md: windows up to the fourteenth are stable, the fifteenth and sixteenth drift.
  assert.is(alarm, 15);
  const verdicts = windows.slice(0, 16).map((line) => /(stable|drift) +PSI/.exec(line)![1]);
  assert.equal(verdicts, [...new Array<string>(14).fill("stable"), "drift", "drift"]);
  assert.match(
    windows[alarm]!,
    /^ {2}2015-08-23 New York .*rain@2 drift, rain@1 stable {2}<< alarm: drift in 2 of the last 3/,
  );
  lineOf(told, /^ {2}784 of 914 days served$/);
  assert.match(
    lineOf(told, /passed over/),
    /passed over rain@2 \(1 derivation away\): its own training data has drifted from the live data too: .*wind \(PSI 0\.6/,
  );
  lineOf(told, /chosen rain@1, 2 derivations away: the nearest healthy ancestor/);
  lineOf(told, /^ {2}published: /);
  const after = windows.slice(16);
  assert.ok(after.length >= 4);
  for (const line of after)
    assert.match(line, /stable +PSI .*rain@3 drift/, "what is served now fits what is seen");
  const [before, , repaired] = lossesOf(told, /used for nothing/);
  assert.ok(repaired! < before! - 0.05, `the untouched days' loss goes from ${before} to ${repaired}`);
  const [kept, , held] = lossesOf(told, /the old regime/);
  assert.ok(held! <= kept! * 1.05, `the control slice's from ${kept} to ${held}`);
}

function checkReport({ dir }: Run): void {
  const html = readFileSync(join(dir, "mendline-rain", "report.html"), "utf8");
  assert.match(html, /^<!doctype html>/i);
  for (const word of ["rain@3-repair.1", "rain@2", "rain@1", "published"])
    assert.ok(html.includes(word), word);
}

test("the story, and a report; nothing else is left", () => {
  const told = run();
  checkStory(told);
  checkReport(told);
  assert.equal(readdirSync(join(told.dir, "mendline-rain")).sort(), ["report.html", "serving"]);
  assert.equal(readdirSync(told.dir).sort(), ["mendline-rain", "tmp"]);
});

test("--keep leaves the store and the serving folder, in agreement, and can be run again", async () => {
  const told = run("--keep");
  checkStory(told);
  checkReport(told);
  const kept = join(told.dir, "mendline-rain");
  assert.equal(readdirSync(kept).sort(), ["report.html", "serving", "store"]);
  assert.equal(readdirSync(join(kept, "serving")).sort(), [
    "current",
    "model.card.md",
    "model.onnx",
    "versions",
  ]);
  lineOf(told, /npx mendline status --store mendline-rain\/store/);
  const engine = await openEngine({ store: join(kept, "store") });
  const { aliases, monitors, repairs } = await engine.status();
  assert.equal(
    aliases.map(({ alias, version, inSync, path }) => [alias, version, inSync, path]),
    [["rain-gateway", "3-repair.1", true, join(kept, "serving", "model.onnx")]],
  );
  assert.equal(
    monitors.map(({ monitor }) => monitor),
    ["rain-gateway"],
  );
  assert.equal(
    repairs.map(({ step }) => step),
    ["published"],
  );
  let reports = 0;
  for await (const _ of engine.store.reports("rain-gateway")) reports += 1;
  const windows = told.lines.filter((line) => /^ {2}\d{4}-\d\d-\d\d /.test(line));
  assert.is(reports, windows.length);
  await engine.close();
});

test.run();
