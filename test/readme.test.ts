// The example in README is run as it stands there, on files that it names.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Day, daysOf, readWeather, withLabels } from "../examples/rain/weather.js";
import { packageRoot, scratchDir } from "./support.js";

const readme = readFileSync(join(packageRoot, "README.md"), "utf8");

function exampleCode(): string {
  const block = /<!-- example:begin -->\s*```ts\n([\s\S]*?)```\s*<!-- example:end -->/.exec(readme);
  assert.ok(block, "README has its example between the markers");
  return block![1]!;
}

function csv(days: readonly Day[]): string {
  const rows = withLabels(days);
  return [Object.keys(rows[0]!).join(","), ...rows.map((row) => Object.values(row).join(","))].join("\n");
}

test("README's example runs and publishes a repair", () => {
  const dir = scratchDir();
  const weather = readWeather();
  const write = (name: string, locations: string[], from: string, to: string) =>
    writeFileSync(join(dir, name), csv(daysOf(weather, { locations, from, to })));
  write("both.csv", ["Seattle", "New York"], "2012-01-01", "2013-12-31");
  write("seattle.csv", ["Seattle"], "2012-01-01", "2014-12-31");
  write("live.csv", ["New York"], "2014-01-01", "2015-12-31");
  write("labelled.csv", ["New York"], "2014-01-01", "2015-12-31");
  copyFileSync(join(packageRoot, "examples/rain/models/rain-1.onnx"), join(dir, "base.onnx"));
  copyFileSync(join(packageRoot, "examples/rain/models/rain-3.onnx"), join(dir, "seattle.onnx"));
  mkdirSync(join(dir, "node_modules"));
  symlinkSync(packageRoot, join(dir, "node_modules", "mendline"), "dir");
  writeFileSync(join(dir, "example.mjs"), exampleCode());
  const run = spawnSync(process.execPath, ["example.mjs"], { cwd: dir, encoding: "utf8" });
  assert.is(run.status, 0, run.stderr);
  assert.match(run.stdout, /drift: \[ 'day_of_year', 'temp_min', 'temp_max', 'wind' \]/);
  assert.match(run.stdout, /published [\d.]+/);
});

test("the example has fifteen lines at most", () => {
  const lines = exampleCode()
    .split("\n")
    .filter((line) => line.trim().length > 0);
  assert.ok(lines.length <= 15, `${lines.length} lines`);
});

test.run();
