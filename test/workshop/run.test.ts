import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type RunOptions, runTests } from "../run.js";
import { packageRoot, scratchDir } from "../support.js";

const head = 'import { test } from "uvu";\nimport * as assert from "uvu/assert";\n';
const passing = `${head}test("one", () => {});\ntest("two", () => assert.ok(true));\ntest.run();\n`;
const failing = `${head}test("one", () => {});\ntest("breaks", () => assert.is(1, 2));\ntest.run();\n`;
const skipping = `${head}test("one", () => {});\ntest.skip("later", () => {});\ntest.run();\n`;
/** Keeps the process alive for longer than any deadline that a test here sets. */
const hanging = `${head}test("waits", () => new Promise((resolve) => setTimeout(resolve, 600_000)));\ntest.run();\n`;

/** A package of its own with these files as its compiled tests. */
function packageWith(files: Readonly<Record<string, string>>): string {
  const root = scratchDir();
  writeFileSync(join(root, "package.json"), '{ "type": "module" }');
  symlinkSync(join(packageRoot, "node_modules"), join(root, "node_modules"));
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(root, "dist", "test", path)), { recursive: true });
    writeFileSync(join(root, "dist", "test", path), source);
  }
  return root;
}

/** The lines of one run over `files`. */
async function linesOf(
  files: Readonly<Record<string, string>>,
  options: Partial<RunOptions> = {},
): Promise<string[]> {
  const root = packageWith(files);
  let output = "";
  await runTests({
    root,
    testsDir: join(root, "dist", "test"),
    write: (text) => void (output += text),
    ...options,
  });
  return output.trimEnd().split("\n");
}

test("adds the totals of files that pass", async () => {
  const lines = await linesOf({ "a.test.js": passing, "host/drift/b.test.js": passing, "support.js": "" });
  assert.is(lines.at(-1), "4 passed, 0 failed");
  assert.is(lines.length, 3);
  assert.ok(lines.includes("ok    host/drift/b.test.js  2 passed"));
});

test("slow files are run when they are asked for, and no others then", async () => {
  const files = { "a.test.js": passing, "b.slow.test.js": passing };
  assert.equal(await linesOf(files), ["ok    a.test.js  2 passed", "2 passed, 0 failed"]);
  const slow = await linesOf(files, { slow: true });
  assert.equal(slow, ["ok    b.slow.test.js  2 passed", "2 passed, 0 failed"]);
});

test("counts each failing test and prints the file's whole output", async () => {
  const lines = await linesOf({ "a.test.js": passing, "b.test.js": `console.log("seen");\n${failing}` });
  assert.is(lines.at(-1), "3 passed, 1 failed");
  assert.ok(lines.includes("FAIL  b.test.js  exit code 1; 1 of 2 tests passed"));
  assert.ok(lines.includes("seen"));
  assert.ok(lines.some((line) => line.includes("breaks")));
});

const silentFailures: readonly [name: string, source: string, says: string][] = [
  ["an empty file", "", "printed no summary"],
  ["a forgotten run", `${head}test("one", () => {});\n`, "printed no summary"],
  ["a run without tests", `${head}test.run();\n`, "ran no test"],
  [
    "a throwing before-hook, which uvu lets pass",
    `${head}test.before(() => { throw new Error("no"); });\ntest("one", () => {});\ntest.run();\n`,
    "0 of 1 tests passed",
  ],
  ["a file that does not load", 'import "./absent.js";\n', "exit code 1"],
  ["an exit after all passed", `${passing}setTimeout(() => process.exit(3), 50);\n`, "exit code 3"],
  ["a signal", `process.kill(process.pid, "SIGTERM");\nsetTimeout(() => {}, 600_000);\n`, "ended by SIGTERM"],
];

for (const [name, source, says] of silentFailures) {
  test(`counts as failed: ${name}`, async () => {
    const lines = await linesOf({ "a.test.js": source });
    assert.match(lines.at(-1)!, /^\d+ passed, 1 failed$/);
    assert.match(lines[0]!, `FAIL  a.test.js`);
    assert.match(lines[0]!, says);
  });
}

test("a file that hangs meets its deadline, the others go on", async () => {
  const files = { "a.test.js": hanging, "b.test.js": `${passing}setTimeout(() => {}, 600_000);\n` };
  const lines = await linesOf(files, { deadlineMs: 1_000 });
  // The second file passed both tests, then held on to its process: that fails too.
  assert.is(lines.at(-1), "2 passed, 2 failed");
  assert.ok(
    lines.includes(
      "FAIL  a.test.js  did not end within 1 s; printed no summary: does it end with test.run()?",
    ),
  );
});

test("what a file leaves running ends with its deadline", async () => {
  const child =
    'spawn(process.execPath, ["-e", "setTimeout(() => {}, 600000)"], { stdio: "inherit" }).unref();';
  const source = `import { spawn } from "node:child_process";\n${child}\n${passing}`;
  const lines = await linesOf({ "a.test.js": source }, { deadlineMs: 1_500 });
  assert.match(lines.at(-1)!, /^2 passed, 1 failed$/);
  assert.match(lines[0]!, "did not end within 1.5 s");
});

test("skipped tests are told, and fail where no reason is known", async () => {
  assert.is((await linesOf({ "a.test.js": skipping })).at(-1), "1 passed, 0 failed, 1 skipped");
  const strict = await linesOf({ "a.test.js": skipping }, { strictSkips: true });
  assert.is(strict.at(-1), "1 passed, 1 failed");
  assert.match(strict[0]!, "1 skipped without a reason");
});

test("filters by path, and refuses a filter that fits nothing", async () => {
  const files = { "cli/a.test.js": passing, "drift/b.test.js": failing };
  assert.is((await linesOf(files, { filters: ["cli"] })).at(-1), "2 passed, 0 failed");
  assert.is((await linesOf(files, { filters: ["cli", "drift"] })).at(-1), "3 passed, 1 failed");
  assert.is((await linesOf(files, { filters: ["no-such"] })).at(-1), "0 passed, 1 failed");
});

/** Runs a copy of the compiled runner as `npm test` does, from another folder. */
function command(root: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  cpSync(fileURLToPath(new URL("../run.js", import.meta.url)), join(root, "dist", "test", "run.js"));
  const { CI: _, ...inherited } = process.env;
  return spawnSync(process.execPath, [join(root, "dist", "test", "run.js"), ...args], {
    cwd: "/",
    encoding: "utf8",
    env: { ...inherited, ...environment },
  });
}

test("as a command: exit code, last line, and the package's root as working directory", () => {
  const where = `import { existsSync } from "node:fs";\n${head}test("root", () => assert.ok(existsSync("package.json")));\ntest.run();\n`;
  const root = packageWith({ "a.test.js": where, "b.test.js": failing });
  const all = command(root, []);
  assert.is(all.status, 1);
  assert.ok(all.stdout.endsWith("\n2 passed, 1 failed\n"), all.stdout);
  const some = command(root, ["a.test"]);
  assert.is(some.status, 0);
  assert.ok(some.stdout.endsWith("\n1 passed, 0 failed\n"), some.stdout);
});

test("as a command: CI takes no skipped test for granted", () => {
  const root = packageWith({ "a.test.js": skipping });
  assert.is(command(root, []).status, 0);
  assert.is(command(root, [], { CI: "true" }).status, 1);
});

test.run();
