import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Judgement } from "../../../src/host/repair/judgement.js";
import type { LabelledData } from "../../../src/host/repair/labelled-data.js";
import { ModuleValidator } from "../../../src/host/repair/module-validator.js";
import { type Candidate, candidateOfBytes } from "../../../src/host/repair/validator.js";
import { refuseOtherModule, validatorPlan } from "../../../src/host/repair/validator-plan.js";
import { scratchDir } from "../../support.js";
import { labelled, near, refuses } from "./support.js";

const dir = scratchDir();
let moduleCount = 0;

function moduleFile(source: string): string {
  const path = join(dir, `it's a judge ${moduleCount++}.mjs`);
  writeFileSync(path, source);
  return path;
}

const candidate = candidateOfBytes(Uint8Array.of(3, 1, 2), "safetensors", "scale 0.5");
const slice: LabelledData = {
  ...labelled({ x: [1, 2, 3], city: [1, Number.NaN, 0] }, [1, 2, 6], { city: ["a", "b"] }),
  weights: Float64Array.of(1, 1, 2),
  weight: "w",
};

async function withModule<T>(
  source: string,
  work: (validator: ModuleValidator, folder: string) => Promise<T>,
  deadlineMs?: number,
): Promise<T> {
  const folder = scratchDir();
  const validator = new ModuleValidator({
    path: moduleFile(source),
    dir: folder,
    ...(deadlineMs !== undefined && { deadlineMs }),
  });
  try {
    return await work(validator, folder);
  } finally {
    await validator.close();
    assert.equal(readdirSync(folder), []);
  }
}

const judge = (source: string): Promise<Judgement> =>
  withModule(source, (validator) => validator.evaluate(candidate, slice));

test("is given the candidate's file and the rows by name, and its losses are weighed", async () => {
  const told = join(dir, "told.json");
  const judgement = await judge(`
    import fs from "node:fs";
    export default async ({ parameters, rows }) => {
      console.log("chatter");
      fs.writeFileSync(${JSON.stringify(told)}, JSON.stringify({
        bytes: [...fs.readFileSync(parameters)], name: parameters.split(/[/\\\\]/).pop(), rowCount: rows.rowCount,
        x: [...rows.columns.x], city: rows.columns.city, y: [...rows.columns.y], label: rows.label,
        labels: [...rows.labels], weights: [...rows.weights] }));
      rows.labels.fill(9);
      return rows.columns.x.map((x) => x / 10);
    };`);
  assert.equal(JSON.parse(readFileSync(told, "utf8")), {
    bytes: [3, 1, 2],
    name: "candidate.safetensors",
    rowCount: 3,
    x: [1, 2, 3],
    city: ["b", null, "a"],
    y: [1, 2, 6],
    label: "y",
    labels: [1, 2, 6],
    weights: [1, 1, 2],
  });
  near(judgement.meanLoss, (0.1 + 0.2 + 2 * 0.3) / 4, 1e-15);
  assert.equal([...slice.labels], [1, 2, 6], "it had copies");
});

test("losses: a list, an object with them, one number; null is not finite", async () => {
  const of = (value: string) => judge(`export default () => (${value});`);
  assert.equal([...(await of("[1, 2, 3]")).rowLosses!], [1, 2, 3]);
  assert.equal([...(await of("{ loss: Float32Array.of(1, 2, 3) }")).rowLosses!], [1, 2, 3]);
  assert.equal([...(await of("[1, null, NaN]")).rowLosses!], [1, Infinity, Infinity]);
  const mean = await of("Promise.resolve({ loss: 0.25 })");
  assert.equal([mean.meanLoss, mean.rowLosses], [0.25, null]);
});

test("what it gives or does wrong is told with its name", async () => {
  const refused = (source: string, message: RegExp) =>
    refuses(() => judge(source), "MENDLINE_REPAIR_VALIDATOR", message);
  await refused("export default () => [1, 2];", /judge \d+\.mjs on scale 0\.5: it gave 2 losses for 3 rows/);
  await refused('export default () => "0.5";', /the loss is "0\.5", where a number is expected/);
  await refused("export default () => ({ losses: [1, 2, 3] });", /the loss is undefined/);
  await refused("export default () => ['a', 1, 2];", /loss 1 is "a"/);
  await refused("export default () => () => 1;", /the loss is undefined|cannot be read/);
  await refused("export default () => [() => 1, 2, 3];", /what it gave cannot be read/);
  await refused("export default 5;", /its default export is no function/);
  await refused("export const judge = 5;", /its default export is no function/);
  await refused("export default () => { throw new Error('no such layer'); };", /no such layer/);
  await refused("import 'no-such-package'; export default () => 1;", /no-such-package/);
  await refused("export default () => process.exit(3);", /the judging thread ended \(exit code 3\)/);
});

test("the module is loaded once; after a failure anew", async () => {
  const source = `
    let calls = 0;
    export default ({ rows }) => {
      calls += 1;
      if (calls === 3) throw new Error("tired");
      return new Array(rows.rowCount).fill(calls);
    };`;
  await withModule(source, async (validator) => {
    const loss = async (given: Candidate = candidate) => (await validator.evaluate(given, slice)).meanLoss;
    assert.equal([await loss(), await loss()], [1, 2]);
    await refuses(() => loss(), "MENDLINE_REPAIR_VALIDATOR", /tired/);
    assert.is(await loss(), 1);
    const both = await Promise.all([loss(), loss().catch(() => "tired")]);
    assert.equal(both, [2, "tired"]);
  });
});

test("one that hangs is ended at its deadline, or by the signal, and the next goes on", async () => {
  const source = `
    import fs from "node:fs";
    const marker = ${JSON.stringify(join(dir, "hung"))};
    export default () => {
      if (fs.existsSync(marker)) return 1;
      fs.writeFileSync(marker, "");
      for (;;);
    };`;
  await withModule(
    source,
    async (validator) => {
      await refuses(
        () => validator.evaluate(candidate, slice),
        "MENDLINE_REPAIR_VALIDATOR",
        /judging 3 rows took longer than 500 ms/,
      );
      assert.is((await validator.evaluate(candidate, slice)).meanLoss, 1);
    },
    500,
  );
  await withModule("export default () => { for (;;); };", async (validator) => {
    const controller = new AbortController();
    const hanging = validator.evaluate(candidate, slice, { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    await refuses(() => hanging, "MENDLINE_TASK_ABORTED", /cancelled/);
  });
  await withModule("export default () => new Promise(() => {});", async (validator) => {
    const hanging = validator.evaluate(candidate, slice);
    const refused = refuses(() => hanging, "MENDLINE_TASK_ABORTED", /closed/);
    await validator.close();
    await refused;
  });
});

test("no rows are refused", () =>
  withModule("export default () => 1;", async (validator) => {
    await refuses(
      () => validator.evaluate(candidate, labelled({ x: [] }, [])),
      "MENDLINE_DATA_EMPTY",
      /no labelled rows/,
    );
  }));

test("a name of a JavaScript file is a module, known by its content; all else is a command", async () => {
  const path = moduleFile("export default () => 1;");
  const plan = await validatorPlan(path);
  assert.equal([plan.kind, plan.kind === "module" && plan.path], ["module", path]);
  for (const command of ["python3 judge.py", "node judge.mjs", "/no/such/judge.mjs", dir]) {
    assert.equal(await validatorPlan(command), { kind: "command", command });
  }
  await refuseOtherModule("run-1", plan);
  await refuseOtherModule("run-1", null);
  writeFileSync(path, "export default () => 2;");
  await refuses(
    () => refuseOtherModule("run-1", plan),
    "MENDLINE_REPAIR_INPUTS",
    /run-1: the validator .* has been changed/,
  );
  assert.ok(existsSync(path));
});

test.run();
