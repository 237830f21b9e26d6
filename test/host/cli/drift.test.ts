import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DriftReport } from "../../../src/index.js";
import { scratchDir } from "../../support.js";
import { filesBelow, runCli } from "./support.js";

const dir = scratchDir();
const rows = 1000;
/** The current values are the reference's, moved by a quarter of their range. */
const shift = 250;

function csv(name: string, header: string, line: (index: number) => string, count = rows): string {
  const path = join(dir, name);
  writeFileSync(path, [header, ...Array.from({ length: count }, (_, index) => line(index)), ""].join("\n"));
  return path;
}

const cities = ["Oslo", "Rome", "Oslo", "Bern"];
const reference = csv("reference.csv", "value,city", (index) => `${index},${cities[index % 4]}`);
const current = csv("current.csv", "value,city", (index) => `${index + shift},${cities[(index + 1) % 4]}`);
const moved = csv("moved.csv", "value,city", (index) => `${index},${index % 2 === 0 ? "Oslo" : "Lima"}`);

/** DESIGN section 4, straight from its text: quantile edges v[ceil(i n / B) - 1] of 0 .. 999 are 99, 199, ...; s = 0.5. */
function divergenceOfShift(): {
  psi: number;
  kl: number;
  counts: { reference: number[]; current: number[] };
} {
  const binOf = (value: number) => Math.min(9, Math.floor((value + 1) / 100));
  const counts = { reference: new Array<number>(11).fill(0), current: new Array<number>(11).fill(0) };
  for (let index = 0; index < rows; index++) {
    counts.reference[binOf(index)]!++;
    counts.current[binOf(index + shift)]!++;
  }
  let psi = 0;
  let kl = 0;
  for (let bin = 0; bin < 10; bin++) {
    const share = (list: number[]) => (list[bin]! + 0.5) / (rows + 0.5 * 10);
    const [r, c] = [share(counts.reference), share(counts.current)];
    psi += (c - r) * Math.log(c / r);
    kl += c * Math.log(c / r);
  }
  return { psi, kl, counts };
}

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 1e-12 * Math.abs(expected), `${actual} is not ${expected}`);
}

test("drift between two CSV files: known numbers, exit code 3, one JSON document", async () => {
  const { code, stdout, stderr } = await runCli([
    "drift",
    "--reference",
    reference,
    "--current",
    current,
    "--json",
  ]);
  assert.is(code, 3);
  assert.is(stderr, "");
  const report = JSON.parse(stdout) as DriftReport;
  assert.is(report.verdict, "drift");
  assert.equal(report.rows, { reference: rows, current: rows });
  const { value, city } = report.features;
  const known = divergenceOfShift();
  close(value!.psi.value, known.psi);
  close(value!.kl.value, known.kl);
  assert.equal(value!.counts, known.counts);
  assert.equal(value!.edges, [99, 199, 299, 399, 499, 599, 699, 799, 899]);
  assert.is(value!.ks!.statistic, shift / rows);
  assert.equal(
    [value!.kind, value!.verdict, city!.kind, city!.verdict],
    ["numeric", "drift", "categorical", "stable"],
  );
  assert.is(city!.ks, null);
  assert.equal(city!.categories, ["Oslo", "Bern", "Rome"]);
});

test("the same for people: verdict first, drifted features on top", async () => {
  const { code, stdout } = await runCli(["drift", "--reference", reference, "--current", current]);
  assert.is(code, 3);
  const lines = stdout.split("\n");
  assert.match(lines[0]!, /^drift: 1 of 2 features drifted/);
  assert.match(lines[1]!, /reference\.csv, 1,000 rows; current .*current\.csv, 1,000 rows$/);
  assert.match(lines[3]!, /^feature +verdict +PSI +p\(PSI > 0\.2\) +KS +KL +missing now$/);
  assert.match(lines[4]!, /^value +drift +\d/);
  assert.match(lines[4]!, / 0\.250 /);
  assert.match(lines[5]!, /^city +stable +0\.000 +1 +- +0\.000 +0 %$/);
  assert.is(
    lines[7],
    "value: 35 % of the rows are now 899 or above, 10 % in the reference; the values moved up.",
  );
});

test("the same rows are stable, too few are insufficient-data; both end with 0", async () => {
  const same = await runCli(["drift", "--reference", reference, "--current", reference]);
  assert.is(same.code, 0);
  assert.match(same.stdout, /^stable: 0 of 2 features/);
  const few = csv("few.csv", "value,city", (index) => `${index * 100},Oslo`, 5);
  const unsure = await runCli(["drift", "--reference", reference, "--current", few, "--features", "value"]);
  assert.is(unsure.code, 0);
  assert.match(unsure.stdout, /^insufficient-data: /);
  assert.match(unsure.stdout, /insufficient-data: with so few rows .* a PSI of \d/);
  const none = csv("none.csv", "value,city", () => "", 0);
  const empty = await runCli(["drift", "--reference", reference, "--current", none, "--json"]);
  assert.is(empty.code, 0);
  assert.is((JSON.parse(empty.stdout) as DriftReport).verdict, "insufficient-data");
});

test("a profile stands in for its data: PSI is the same, KS is bounded", async () => {
  const out = join(dir, "reference.profile");
  const made = await runCli(["profile", reference, "--out", out, "--json"]);
  assert.is(made.code, 0, made.stderr);
  const profile = JSON.parse(made.stdout) as {
    signature: string;
    rows: number;
    features: string[];
    out: string;
  };
  assert.match(profile.signature, /^[0-9a-f]{64}$/);
  assert.equal([profile.rows, profile.features, profile.out], [rows, ["value", "city"], out]);
  const again = join(dir, "again.profile");
  const text = await runCli(["profile", reference, "--out", again]);
  assert.match(text.stdout, new RegExp(`signature +${profile.signature}`));
  assert.equal(readFileSync(again), readFileSync(out));

  const drift = await runCli(["drift", "--reference", out, "--current", current, "--json"]);
  assert.is(drift.code, 3);
  const { value } = (JSON.parse(drift.stdout) as DriftReport).features;
  close(value!.psi.value, divergenceOfShift().psi);
  const { method, lower, upper } = value!.ks!;
  assert.is(method, "binned");
  assert.ok(lower <= shift / rows && shift / rows <= upper && upper - lower < 0.01, `${lower} .. ${upper}`);
});

test("a profile is frozen: options that would change its bins are refused", async () => {
  const out = join(dir, "frozen.profile");
  assert.is((await runCli(["profile", reference, "--out", out])).code, 0);
  const bins = await runCli(["drift", "--reference", out, "--current", current, "--bins", "5"]);
  assert.is(bins.code, 2);
  assert.match(bins.stderr, /--bins cannot change the profile/);
  const kinds = await runCli(["drift", "--reference", out, "--current", current, "--categorical", "value"]);
  assert.is(kinds.code, 2);
  assert.match(kinds.stderr, /make the profile with `mendline profile --categorical value`/);
  const exact = await runCli(["drift", "--reference", out, "--current", current, "--ks", "exact"]);
  assert.is(exact.code, 2);
});

test("options reach the numbers: kinds, bins, smoothing, threshold", async () => {
  const run = async (...words: string[]) => {
    const { stdout } = await runCli([
      "drift",
      "--reference",
      reference,
      "--current",
      moved,
      "--json",
      ...words,
    ]);
    return (JSON.parse(stdout) as DriftReport).features;
  };
  const plain = await run();
  assert.is(plain.city!.unseen, 0.5);
  assert.is(plain.value!.psi.bins, 10);
  const { value, city } = await run(
    "--categorical",
    "value",
    "--threshold",
    "3",
    "--smoothing",
    "floor:1e-6",
  );
  assert.is(value!.kind, "categorical");
  assert.is(value!.categories!.length, 201);
  assert.is(city!.psi.threshold, 3);
  assert.ok(city!.psi.value > plain.city!.psi.value);
  const { value: halves } = await run("--bins", "4", "--features", "value");
  assert.is(halves!.psi.bins, 4);
});

test("rules of all features and of single ones, and features that are only watched", async () => {
  const run = async (...words: string[]) => {
    const { code, stdout } = await runCli([
      "drift",
      "--reference",
      reference,
      "--current",
      current,
      ...words,
    ]);
    return { code, stdout };
  };
  const strict = await run("--rule", "psi=100,ks=0.3");
  assert.is(strict.code, 0);
  assert.match(strict.stdout, /^stable: 0 of 2 features drifted \(PSI above 100 or KS above 0\.3\)/);
  assert.is((await run("--rule", "psi=100,ks=0.2")).code, 3);
  assert.is((await run("--feature-threshold", "value=50")).code, 0);
  const own = await run("--feature-rule", "value:ks=0.3", "--feature-threshold", "city=0.4");
  assert.is(own.code, 0);
  assert.match(own.stdout, /\(KS above 0\.3; 1 by rules of their own\)/);
  assert.match(own.stdout, /^feature +verdict +PSI +p\(PSI > threshold\)/m);
  const watched = await run("--watch-only", "value");
  assert.is(watched.code, 0);
  assert.match(watched.stdout, /^stable: 1 of 2 features drifted, 1 of them only watched/);
  assert.match(watched.stdout, /^value +drift \(watched\) /m);
  const { features } = JSON.parse(
    (await run("--watch-only", "value", "--feature-threshold", "value=0.3", "--json")).stdout,
  ) as DriftReport;
  assert.equal([features.value!.votes, features.value!.psi.threshold], [false, 0.3]);
});

test("columns that are gone, new or of another type: refused, or told", async () => {
  const other = csv("other.csv", "value,town", (index) => `${index / 2},x`);
  const refused = await runCli(["drift", "--reference", reference, "--current", other]);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /other\.csv has no column "city".*--absent missing/);
  const words = ["drift", "--reference", reference, "--current", other, "--absent", "missing"];
  const told = await runCli(words);
  assert.is(told.code, 3);
  assert.match(told.stdout, /^city: 100 % of the rows now have no value, 0 % in the reference\.$/m);
  assert.match(told.stdout, /^columns gone, counted as missing: city$/m);
  assert.match(told.stdout, /^columns that the reference does not have: town$/m);
  assert.match(told.stdout, /^columns of another type: value \(integer, now float\)$/m);
});

test("rules that cannot be are usage errors", async () => {
  for (const words of [
    ["--rule", "psi"],
    ["--rule", "psi=0.1,psi=0.2"],
    ["--rule", "p=0.1"],
    ["--rule", "psi=-1"],
    ["--feature-threshold", "value"],
    ["--feature-threshold", "value=0"],
    ["--feature-threshold", "nowhere=1"],
    ["--feature-rule", "value:0.2"],
    ["--watch-only", "value,city"],
    ["--watch-only", "nowhere"],
  ]) {
    const { code, stderr } = await runCli([
      "drift",
      "--reference",
      reference,
      "--current",
      current,
      ...words,
    ]);
    assert.is(code, 2, words.join(" "));
    assert.is(stderr.trim().split("\n").length, 1, stderr);
  }
});

test("an Arrow stream on standard input", async () => {
  const values = Float64Array.from({ length: rows }, (_, index) => index + shift);
  const stdin = tableToIPC(tableFromArrays({ value: values }), "stream");
  const words = ["drift", "--reference", reference, "--current", "-", "--features", "value", "--json"];
  const { code, stdout } = await runCli(words, { stdin });
  assert.is(code, 3);
  close((JSON.parse(stdout) as DriftReport).features.value!.psi.value, divergenceOfShift().psi);
});

test("--html writes one whole page", async () => {
  const folder = scratchDir();
  const page = join(folder, "report.html");
  const { code } = await runCli(["drift", "--reference", reference, "--current", current, "--html", page]);
  assert.is(code, 3);
  assert.match(readFileSync(page, "utf8"), /^<!doctype html>[\s\S]*<\/html>\n$/i);
  assert.equal(filesBelow(folder), [page]);
});

test("hostile column names stay names", async () => {
  const hostile = csv("hostile.csv", "__proto__,\u202ex", (index) => `${index},${index % 7}`);
  const { code, stdout } = await runCli(["drift", "--reference", hostile, "--current", hostile]);
  assert.is(code, 0);
  assert.match(stdout, /^__proto__ /m);
  assert.match(stdout, /^\[U\+202E\]x /m);
  const { stdout: json } = await runCli(["drift", "--reference", hostile, "--current", hostile, "--json"]);
  const { features } = JSON.parse(json) as DriftReport;
  assert.equal(Object.keys(features), ["__proto__", "\u202ex"]);
});

test.run();
