// The example in README is run as it stands there, on files that it names.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Day, daysOf, readWeather, withLabels } from "../examples/rain/weather.js";
import { packageRoot, scratchDir } from "./support.js";

const readme = readFileSync(join(packageRoot, "README.md"), "utf8");

function exampleCode(name = "example"): string {
  const block = new RegExp(
    `<!-- ${name}:begin -->\\s*\`\`\`ts\\n([\\s\\S]*?)\`\`\`\\s*<!-- ${name}:end -->`,
  ).exec(readme);
  assert.ok(block, `README has its ${name} between the markers`);
  return block![1]!;
}

function runIn(dir: string, file: string, code: string): string {
  writeFileSync(join(dir, file), code);
  const run = spawnSync(process.execPath, [file], { cwd: dir, encoding: "utf8" });
  assert.is(run.status, 0, run.stderr);
  return run.stdout;
}

function csv(rows: readonly object[]): string {
  return [Object.keys(rows[0]!).join(","), ...rows.map((row) => Object.values(row).join(","))].join("\n");
}

test("README's examples run: a repair is published, and a monitor tells which city drifted", () => {
  const dir = scratchDir();
  const weather = readWeather();
  const write = (name: string, locations: string[], from: string, to: string) =>
    writeFileSync(join(dir, name), csv(withLabels(daysOf(weather, { locations, from, to }))));
  write("both.csv", ["Seattle", "New York"], "2012-01-01", "2013-12-31");
  write("seattle.csv", ["Seattle"], "2012-01-01", "2014-12-31");
  write("live.csv", ["New York"], "2014-01-01", "2015-12-31");
  write("labelled.csv", ["New York"], "2014-01-01", "2015-12-31");
  copyFileSync(join(packageRoot, "examples/rain/models/rain-1.onnx"), join(dir, "base.onnx"));
  copyFileSync(join(packageRoot, "examples/rain/models/rain-3.onnx"), join(dir, "seattle.onnx"));
  mkdirSync(join(dir, "node_modules"));
  symlinkSync(packageRoot, join(dir, "node_modules", "mendline"), "dir");
  const told = runIn(dir, "example.mjs", exampleCode());
  assert.match(told, /drift: \[ 'day_of_year', 'temp_min', 'temp_max', 'wind' \]/);
  assert.match(told, /published [\d.]+/);
  const served: Day[] = daysOf(weather, {
    locations: ["Seattle", "New York"],
    from: "2014-01-01",
    to: "2015-12-31",
  });
  writeFileSync(
    join(dir, "served.csv"),
    csv(served.sort((one, other) => one.date.localeCompare(other.date))),
  );
  const opening = `import { openEngine } from "mendline";\nconst engine = await openEngine({ store: ".mendline" });\n`;
  const monitored = runIn(dir, "monitors.mjs", `${opening}${exampleCode("monitors")}await engine.close();`);
  assert.match(monitored, /^201\d-\d\d-\d\dT00:00:00.000Z stable Seattle stable, New York drift$/m);
});

test("the example has fifteen lines at most", () => {
  const lines = exampleCode()
    .split("\n")
    .filter((line) => line.trim().length > 0);
  assert.ok(lines.length <= 15, `${lines.length} lines`);
});

test.run();
