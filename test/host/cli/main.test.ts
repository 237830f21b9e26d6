import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { endInput } from "../../../src/host/cli/workspace.js";
import { packageRoot, scratchDir } from "../../support.js";
import { runCli, runEach, startCli } from "./support.js";

const commands = [
  ["profile"],
  ["drift"],
  ["model"],
  ["model", "add"],
  ["model", "list"],
  ["model", "show"],
  ["model", "ancestors"],
  ["model", "descendants"],
  ["model", "tree"],
  ["model", "restore"],
  ["repair"],
  ["runs"],
  ["resume"],
  ["deploy"],
  ["rollback"],
  ["status"],
];

test("every command has its help, on standard output", async () => {
  const results = await runEach(commands, (words) => runCli([...words, "--help"]));
  results.forEach(({ code, stdout, stderr }, index) => {
    const words = commands[index]!.join(" ");
    assert.is(code, 0, words);
    assert.ok(stdout.startsWith(`Usage: mendline ${words} `), stdout.slice(0, 60));
    assert.is(stderr, "", words);
    if (words !== "model") assert.match(stdout, /--json/, words);
  });
});

test("--help names every command and the exit codes; --version is the package's", async () => {
  const [help, version] = await runEach([["--help"], ["--version"]], (words) => runCli(words));
  assert.is(help!.code, 0);
  for (const [word] of commands) assert.match(help!.stdout, new RegExp(`^ {2}${word} `, "m"));
  assert.match(help!.stdout, /Exit codes: 0 done, 1 failed, 2 usage/);
  const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { version: string };
  assert.equal(version, { code: 0, stdout: `${manifest.version}\n`, stderr: "" });
});

test("without a command the help goes to standard error, and the exit code is 2", async () => {
  for (const { code, stdout, stderr } of await runEach([[], ["model"]], (words) => runCli(words))) {
    assert.is(code, 2);
    assert.is(stdout, "");
    assert.match(stderr, /^Usage: mendline/);
  }
});

const usageErrors: [words: string[], because: RegExp][] = [
  [["dirft"], /unknown command 'dirft' \(Did you mean drift\?\)/],
  [["model", "remove"], /unknown command 'remove'/],
  [["labelz"], /unknown command 'labelz'/],
  [["status", "--stroe", "s"], /unknown option '--stroe' \(Did you mean --store\?\)/],
  [["drift", "--reference", "a.csv"], /'--current <data>' not specified/],
  [["drift", "extra", "--reference", "a", "--current", "b"], /too many arguments/],
  [["drift", "--reference", "-", "--current", "-"], /--reference and --current are both standard input/],
  [["drift", "--bins", "1"], /'--bins <count>' argument '1' is invalid.* from 2 to 100/],
  [["drift", "--threshold", "-1"], /'--threshold <psi>' argument '-1' is invalid/],
  [["drift", "--alpha", "1"], /'--alpha <share>' argument '1' is invalid/],
  [["drift", "--ks", "both"], /'--ks <mode>' argument 'both' is invalid.*auto, exact, binned/],
  [["drift", "--smoothing", "ceiling:1"], /'--smoothing <s>' argument 'ceiling:1' is invalid/],
  [["drift", "--features", "a,,b"], /'--features <names>' argument 'a,,b' is invalid/],
  [["drift", "--memory", "1KiB"], /'--memory <bytes>' argument '1KiB' is invalid/],
  [["drift", "--threads", "1.5"], /'--threads <count>' argument '1.5' is invalid/],
  [["profile", "a.csv"], /'--out <profile>' not specified/],
  [["model", "add", "m.onnx", "--name", "m"], /'--version <version>' not specified/],
  [["model", "add", "m.onnx", "--param", "rate"], /'--param <k=v>' argument 'rate' is invalid/],
  [["model", "add", "m.onnx", "--metric", "a=b"], /'--metric <k=v>' argument 'a=b' is invalid/],
  [["model", "add", "m.onnx", "--transformation", "magic"], /'--transformation <kind>' argument 'magic'/],
  [["model", "add", "m", "--name", "m", "--version", "1", "--param", "a=1"], /--param needs --parent/],
  [
    ["model", "add", "m", "--name", "m", "--version", "1", "--training-data", "a", "--profile", "b"],
    /'--training-data <data>' cannot be used with option '--profile <profile>'/,
  ],
  [["repair", "m", "--validation", "a"], /'--live <data>' not specified/],
  [["repair", "m", "--live", "-", "--validation", "-"], /--live and --validation are both standard input/],
  [["repair", "m", "--live", "a", "--validation", "b", "--deploy", "d"], /--deploy needs --alias/],
  [["repair", "m", "--control-margin", "5"], /'--control-margin <share>' argument '5' is invalid/],
  [["deploy", "m"], /'--alias <name>' not specified/],
];

test("a usage error is one line that names what is wrong, and the exit code is 2", async () => {
  const cwd = scratchDir();
  const results = await runEach(usageErrors, ([words]) => runCli(words, { cwd }));
  results.forEach(({ code, stdout, stderr }, index) => {
    const [words, because] = usageErrors[index]!;
    assert.is(code, 2, words.join(" "));
    assert.is(stdout, "");
    assert.match(stderr, because);
    assert.match(stderr, /^mendline: error: [^\n]* \[MENDLINE_ARGUMENT_INVALID\]\n$/);
  });
});

test("an input that is ended before anybody reads it throws nothing at nobody, and who reads it gets to know", async () => {
  const [unread, read] = [new PassThrough(), new PassThrough()];
  const told = (input: PassThrough) => input.toArray().then(String, String);
  const reading = told(read);
  for (const input of [unread, read]) endInput(input);
  await wait(0);
  assert.ok(unread.destroyed);
  for (const end of [reading, told(unread)]) assert.match(await end, /interrupted|premature/i);
});

test("an interrupted command ends with 130 and leaves no temporary data", async () => {
  const cwd = scratchDir();
  // Its standard input stays open and silent.
  const child = startCli(["profile", "-", "--out", "out.profile"], { cwd, env: { TMPDIR: cwd } });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
  while (readdirSync(cwd).length === 0) await wait(20);
  child.kill("SIGINT");
  assert.is(await closed, 130);
  assert.is(stderr, "mendline: interrupted\n");
  assert.equal(readdirSync(cwd), []);
});

test.run();
