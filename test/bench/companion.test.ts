import { test } from "uvu";
import * as assert from "uvu/assert";
import { companionCase } from "../../bench/companion.js";
import { measureGroup } from "../../bench/measure.js";

const effort = { rounds: 2, samplesMin: 3, secondsMax: 0.01, cycleSeconds: 0.001, warmSeconds: 0 };

/** A program that keeps the protocol: it answers [7], and tells the request as its samples. */
const echo = `
console.log(JSON.stringify({ answer: [7] }));
require("readline").createInterface({ input: process.stdin })
  .on("line", (line) => console.log(JSON.stringify({ samplesMs: line.split(" ").map(Number) })));`;

function node(script: string, name = "beside", role: "ours" | "incumbent" = "incumbent") {
  return companionCase(name, role, { path: process.execPath, args: ["-e", script] });
}

async function measure(...scripts: string[]) {
  const cases = scripts.map((script, index) =>
    node(script, `case ${index}`, index === 0 ? "ours" : "incumbent"),
  );
  return (await measureGroup({ name: "group", values: 0, bytes: 0, cases }, effort)).cases;
}

test("one process serves the answer and every round", async () => {
  const one = node(echo);
  assert.ok("answer" in one && "time" in one && one.answer !== undefined);
  assert.equal(await one.answer(), [7]);
  assert.equal(await one.time(effort), [3, 0.01, 0.001]);
  assert.equal(await one.time({ ...effort, samplesMin: 5 }), [5, 0.01, 0.001]);
  assert.equal(await one.answer(), [7]);
  await one.close?.();
  const [first, second] = await measure(echo, echo);
  assert.equal([first!.status, first!.samples, second!.ratio], ["completed", 6, 1]);
});

test("a program that fails is told with its last words, before it answers or later", async () => {
  const dying = `${echo}\nsetTimeout(() => {}, 1e6); process.stdin.once("data", () => process.exit(1));`;
  const [, early, late, absent] = await measure(
    echo,
    'console.error("first line\\nValueError: no such column"); process.exit(1);',
    dying.replace(/require[^;]*;/, ""),
    echo.replace("[7]", "[8]"),
  );
  assert.equal([early!.status, late!.status, absent!.status], ["failed", "failed", "wrong"]);
  assert.match(early!.note!, /ValueError: no such column/);
  assert.match(late!.note!, /ended without a reply/);
});

test("a program that is not there has failed, and the rest goes on", async () => {
  const missing = companionCase("missing", "incumbent", { path: "/nonexistent/program", args: [] });
  const cases = [node(echo, "ours", "ours"), missing];
  const [first, second] = (await measureGroup({ name: "group", values: 0, bytes: 0, cases }, effort)).cases;
  assert.is(first!.status, "completed");
  assert.equal([second!.status, /ENOENT/.test(second!.note!)], ["failed", true]);
});

test.run();
