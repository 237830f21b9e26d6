import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CommandValidator } from "../../../src/host/repair/command-validator.js";
import type { Judgement } from "../../../src/host/repair/judgement.js";
import { candidateOfBytes } from "../../../src/host/repair/validator.js";
import { packageRoot, scratchDir } from "../../support.js";
import { labelled, near, refuses } from "./support.js";

// A blank in the path: arguments and scripts need their quotes.
const folder = join(scratchDir(), "it's");
const candidate = candidateOfBytes(Uint8Array.of(3, 1, 2), "safetensors", "scale 0.5");
const slice = labelled({ x: [1, 2, 3], city: [1, Number.NaN, 0] }, [1, 2, 6], { city: ["a", "b"] });

/** The shell command that runs this JavaScript, with `candidate` and `data` as its last two arguments. */
function command(name: string, body: string): string {
  const path = join(folder, `${name}.mjs`);
  const head = `import fs from "node:fs"; const [candidate, data] = process.argv.slice(-2);\n`;
  writeFileSync(path, head + body);
  return `"${process.execPath}" "${path}" --extra`;
}

async function judge(
  line: string,
  options: { deadlineMs?: number; signal?: AbortSignal } = {},
): Promise<Judgement> {
  const validator = new CommandValidator({
    command: line,
    ...(options.deadlineMs && { deadlineMs: options.deadlineMs }),
  });
  try {
    return await validator.evaluate(candidate, slice, options.signal ? { signal: options.signal } : {});
  } finally {
    await validator.close();
  }
}

function printing(text: string): string {
  return command("print", `process.stdout.write(${JSON.stringify(text)});`);
}

const failed = (line: string, message: RegExp, options: { deadlineMs?: number } = {}) =>
  refuses(() => judge(line, options), "MENDLINE_REPAIR_VALIDATOR", message);

test.before(async () => {
  const { mkdir } = await import("node:fs/promises");
  await mkdir(folder, { recursive: true });
});

test("the command gets the parameters and the rows, and its losses are judged", async () => {
  const arrow = join(packageRoot, "node_modules", "apache-arrow", "Arrow.node.mjs");
  const line = command(
    "read",
    `import { tableFromIPC } from ${JSON.stringify(arrow)};
     const table = tableFromIPC(fs.readFileSync(data));
     const scale = fs.readFileSync(candidate)[0];
     const names = table.schema.fields.map((field) => field.name).join();
     const cities = JSON.stringify([...table.getChild("city")]);
     if (names !== "x,city,y" || cities !== '["b",null,"a"]' || !candidate.endsWith(".safetensors")) throw new Error(names + cities);
     const losses = [...table.getChild("x")].map((x, row) => scale * x - table.getChild("y").get(row));
     console.log("loading weights ...");
     console.log(JSON.stringify({ loss: losses, more: "is left alone" }));`,
  );
  const judgement = await judge(line);
  assert.equal([...judgement.rowLosses!], [2, 4, 3]);
  assert.is(judgement.meanLoss, 3);
});

test("one number is a mean without rows", async () => {
  const judgement = await judge(printing('{"loss": 0.25}'));
  assert.equal([judgement.meanLoss, judgement.rowLosses, judgement.rowCount], [0.25, null, 3]);
});

test("losses that are not finite are Infinity: null, or Python's bare words", async () => {
  const judgement = await judge(printing('{"loss": [1, NaN, -Infinity]}'));
  assert.equal([...judgement.rowLosses!], [1, Infinity, Infinity]);
  assert.is((await judge(printing('{"loss": [1, null, 2]}'))).meanLoss, Infinity);
  assert.is((await judge(printing('{"loss": NaN}'))).meanLoss, Infinity);
});

test("output that is not as agreed is refused, and says what came", async () => {
  await failed(printing('{"loss": [1, 2]}'), /validator command on scale 0\.5: it gave 2 losses for 3 rows/);
  await failed(printing('{"loss": [1, "2", 3]}'), /loss 2 is "2"/);
  await failed(printing('{"loss": true}'), /loss is true/);
  await failed(printing("0.5"), /it printed '0\.5', where \{"loss"/);
  await failed(printing(""), /it printed ''/);
  await failed(printing('[{"loss": 1}]'), /where \{"loss"/);
});

test("a command that fails is told by the last line of its standard error", async () => {
  const line = command(
    "fail",
    `console.error("Traceback\\n  ...\\nValueError: no such layer\\n"); process.exit(3);`,
  );
  const error = await failed(line, /ended with exit code 3: ValueError: no such layer/);
  assert.is(error.details.exitCode, 3);
  await failed("no-such-program-of-mendline", /exit code 127/);
  await failed(
    command("die", "process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000);"),
    /SIGKILL|137/,
  );
});

test("a command that prints without end, or does not end, is ended with what it started", async () => {
  await failed(
    command("flood", `for (;;) process.stdout.write("x".repeat(65536));`),
    /printed more than 65656 bytes/,
  );
  const marker = join(folder, "alive");
  const line = command(
    "sleep",
    `import { spawn } from "node:child_process";
     spawn(process.execPath, ["-e", ${JSON.stringify(`setTimeout(() => require("fs").writeFileSync(${JSON.stringify(marker)}, ""), 1500)`)}]);
     setInterval(() => {}, 1000);`,
  );
  await failed(line, /took longer than 500 ms and was ended/, { deadlineMs: 500 });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.not.ok(existsSync(marker));
});

test("a signal ends the command", async () => {
  const controller = new AbortController();
  const work = judge(command("wait", "setInterval(() => {}, 1000);"), { signal: controller.signal });
  setTimeout(() => controller.abort(), 200);
  await refuses(() => work, "MENDLINE_TASK_ABORTED", /cancelled/);
  await refuses(() => judge("true", { signal: AbortSignal.abort() }), "MENDLINE_TASK_ABORTED", /cancelled/);
});

test("files are private, written once a slice, and gone with the validator", async () => {
  const line = command(
    "paths",
    `const mode = fs.statSync(candidate).mode & 0o77;
     console.log(JSON.stringify({ loss: [mode, fs.statSync(data).mode & 0o77, fs.statSync(data).ino % 1e6] }));
     fs.writeFileSync(${JSON.stringify(join(folder, "paths.json"))}, JSON.stringify([candidate, data]));`,
  );
  const validator = new CommandValidator({ command: line });
  const first = await validator.evaluate(candidate, slice);
  const second = await validator.evaluate(candidate, slice);
  assert.equal([...first.rowLosses!].slice(0, 2), [0, 0]);
  assert.equal(first.rowLosses, second.rowLosses, "the same file");
  const { readFileSync } = await import("node:fs");
  const [candidatePath, dataPath] = JSON.parse(readFileSync(join(folder, "paths.json"), "utf8")) as [
    string,
    string,
  ];
  assert.is(dirname(dirname(dataPath)), tmpdir());
  assert.equal(readdirSync(dirname(dataPath)), ["slice-1.arrow"], "the candidate goes after each evaluation");
  assert.not.ok(existsSync(candidatePath));
  await validator.close();
  assert.not.ok(existsSync(dirname(dataPath)));
  await refuses(() => validator.evaluate(candidate, slice), "MENDLINE_TASK_ABORTED", /closed/);
});

test("a failing evaluation leaves no candidate behind, and the next one works", async () => {
  const flag = join(folder, "flag");
  const line = command(
    "flaky",
    `if (!fs.existsSync(${JSON.stringify(flag)})) { fs.writeFileSync(${JSON.stringify(flag)}, ""); process.exit(1); }
    console.log(JSON.stringify({ loss: 1 / 3 }));`,
  );
  const validator = new CommandValidator({ command: line });
  await refuses(() => validator.evaluate(candidate, slice), "MENDLINE_REPAIR_VALIDATOR", /exit code 1/);
  near((await validator.evaluate(candidate, slice)).meanLoss, 1 / 3, 1e-15);
  await validator.close();
});

test("no rows are refused", async () => {
  const validator = new CommandValidator({ command: "true" });
  await refuses(
    () => validator.evaluate(candidate, labelled({ x: [] }, [])),
    "MENDLINE_DATA_EMPTY",
    /no labelled rows/,
  );
  await validator.close();
});

test.run();
