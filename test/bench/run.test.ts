import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Results, runSuites } from "../../bench/run.js";
import { scratchDir } from "../support.js";

const benchUrl = new URL("../../bench/", import.meta.url);
const scratch = scratchDir();
const freshDir = () => mkdtempSync(join(scratch, "run-"));
const environment = { ...process.env, BENCH_QUICK: "1" };

/** Suites written for a test, run by the runner. */
async function run(sources: Record<string, string>, options: { names?: string[]; deadlineMs?: number } = {}) {
  const suitesDir = freshDir();
  for (const [name, body] of Object.entries(sources)) {
    const load = `import { runSuite } from "${new URL("suite.js", benchUrl).href}";`;
    writeFileSync(join(suitesDir, `${name}.mjs`), `${load}\n${body}\n`);
  }
  const lines: string[] = [];
  const outcome = await runSuites({
    suitesDir,
    resultsDir: freshDir(),
    environment,
    write: (line) => lines.push(line),
    ...options,
  });
  return { ...outcome, text: lines.join("\n") };
}

const good = `await runSuite("Is it good?", async (bench) => {
  await bench.measure({ name: "group", values: 1, bytes: 0, cases: [{ name: "fine", role: "ours", run: () => 1 }] });
  bench.fact("weight", 12, "g");
  bench.table({ name: "figures", heads: ["what", "much"], rows: [["a", "1"], ["bcd", "10"]], data: [1, 10] });
});`;
const figures = {
  name: "figures",
  heads: ["what", "much"],
  rows: [
    ["a", "1"],
    ["bcd", "10"],
  ],
  data: [1, 10],
};
const bad = `await runSuite("Is it bad?", async (bench) => {
  const run = () => { throw new Error("oops"); };
  await bench.measure({ name: "group", values: 1, bytes: 0, cases: [
    { name: "fine", role: "ours", run: () => 1 }, { name: "throws", role: "incumbent", run } ] });
});`;

test("the runner tells a throwing case, and the file says the same", async () => {
  const { ok, path, text } = await run({ good, bad });
  assert.not.ok(ok);
  assert.match(text, /WARNING bad: group: throws did not complete, failed: oops/);
  const results = JSON.parse(readFileSync(path, "utf8")) as Results;
  assert.equal(
    results.suites.map(({ name, status }) => [name, status]),
    [
      ["bad", "failed"],
      ["good", "completed"],
    ],
  );
  assert.equal(results.suites[1]!.facts, [{ name: "weight", value: 12, unit: "g" }]);
  assert.equal(results.suites[1]!.tables, [figures]);
  assert.match(text, /\nfigures\n {2}what {2}much\n {2}a {8}1\n {2}bcd {5}10\n/);
  assert.is(results.suites[1]!.question, "Is it good?");
  assert.is(results.machine.node, process.versions.node);
  assert.ok(results.machine.cores >= 1 && results.machine.memoryBytes > 0);
  assert.ok(results.isQuick);
});

test("suites that die, hang or measure nothing have failed; what they measured before is kept", async () => {
  const dies = good.replace("bench.fact(", "process.exit(3); bench.fact(");
  const hangs = good.replace(
    "bench.fact(",
    "await new Promise(() => setInterval(() => {}, 1e6)); bench.fact(",
  );
  const { ok, text, results } = await run(
    { dies, hangs, idle: "process.disconnect();" },
    { deadlineMs: 2_000 },
  );
  assert.not.ok(ok);
  assert.match(text, /WARNING dies: ended with exit code 3/);
  assert.match(text, /WARNING hangs: did not end within 2 s/);
  assert.match(text, /WARNING idle: measured nothing/);
  assert.is(results.suites[0]!.groups.length, 1);
});

test("suites by name; an unknown name is refused with those that there are", async () => {
  const { results } = await run({ good, bad }, { names: ["good"] });
  assert.equal(
    results.suites.map(({ name }) => name),
    ["good"],
  );
  try {
    await run({ good, bad }, { names: ["gut"] });
    assert.unreachable();
  } catch (thrown) {
    assert.match((thrown as Error).message, /no suite gut; there are bad, good/);
  }
});

test("every suite runs, its answers agree, and incumbents that the machine lacks are named", async () => {
  const lines: string[] = [];
  const { ok, results } = await runSuites({
    suitesDir: fileURLToPath(new URL("suites/", benchUrl)),
    resultsDir: freshDir(),
    environment: { ...environment, PATH: freshDir() },
    write: (line) => lines.push(line),
  });
  assert.ok(ok, lines.filter((line) => line.startsWith("WARNING")).join("\n"));
  assert.equal(
    results.suites.map(({ name }) => name),
    [
      ...["blend", "blend-files", "counts", "delta", "drift", "engine"],
      ...["flights", "ks", "labels", "looks", "observe", "scaling", "sort"],
      ...["store-graph", "store-large", "store-parameters"],
    ],
  );
  for (const { name, groups } of results.suites) {
    for (const group of groups) {
      const ours = group.cases.filter(({ role }) => role === "ours");
      assert.equal(
        ours.map(({ status, ratio }) => [status, ratio]),
        [["completed", 1]],
        `${name}: ${group.name}`,
      );
      for (const one of group.cases) {
        assert.ok(one.status === "completed" ? one.samples > 0 : one.note !== undefined, one.name);
      }
    }
  }
  const missing = results.suites.flatMap((suite) => suite.missing.map((line) => `${suite.name}: ${line}`));
  const missed = (pattern: RegExp) => missing.filter((line) => pattern.test(line)).length;
  // Ten groups by edges, three numpys, two builds of C++ (and of two methods where values are Cauchy).
  assert.is(missed(/^counts: .*numpy\.histogram.*: no python3/), 30);
  assert.is(missed(/^counts: .*C\+\+, (lanes|cells|search).*: no g\+\+/), 22);
  assert.is(missed(/^ks: .*scipy.*: no python3/), 4);
  assert.is(missed(/^blend: .*memcpy.*: no g\+\+/), 5);
  assert.ok(lines.some((line) => /^MISSING \d+ cases: no g\+\+ on the path$/.test(line)));
  assert.ok(results.suites.every(({ cores }) => cores !== ""));
});

test.run();
