/** Draws in a slice's file: written, read back, and what its rows then count. */
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openData } from "../../../src/host/columns/open.js";
import { type OutColumn, writeArrow } from "../../../src/host/columns/write-arrow.js";
import { type Draw, weightsOf } from "../../../src/host/labels/weighed-draw.js";
import { drawColumns, readDrawn, weighed } from "../../../src/host/repair/drawn-rows.js";
import { inItsPlace, strategyOf } from "../../../src/host/repair/label-strategy.js";
import type { RunLog } from "../../../src/host/repair/run-log.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { scratchDir } from "../../support.js";
import { refuses } from "./support.js";

const runtime = await openRuntime();
const dir = scratchDir();
const draws: (Draw | null)[] = [null, { chance: 2.5, left: 9 }, null, { chance: 0.4, left: 8 }];
const columns: OutColumn[] = [
  { name: "wind", values: Float64Array.of(1, 2, 3, 4) },
  { name: "y", values: Float64Array.of(0, 1, 1, 0) },
  { name: "own", values: Float64Array.of(1, 2, 3, 4) },
];

async function read(name: string, more: readonly OutColumn[], weight: string | null = null) {
  const path = join(dir, `${name}.arrow`);
  await writeArrow(path, [...columns, ...more]);
  const source = await openData(path, runtime.arena, {});
  try {
    const { memory } = runtime.arena;
    return await readDrawn(source, { features: ["wind"], label: "y", weight, memory });
  } finally {
    await source.close();
  }
}

test("draws are read as they were written, and are no features", async () => {
  const rows = await read("drawn", drawColumns(draws));
  assert.equal(rows.draws, draws);
  assert.equal([rows.data.features, rows.data.columns.length, rows.data.weights], [["wind"], 1, null]);
  const { weights, weight } = weighed(rows);
  assert.equal([...weights!], [...weightsOf(draws)]);
  assert.is(weight, "mendline.weight");
});

test("rows with weights of their own count both", async () => {
  const { weights, weight } = weighed(await read("own", drawColumns(draws), "own"));
  assert.equal(
    [...weights!],
    [...weightsOf(draws)].map((one, row) => one * (row + 1)),
  );
  assert.is(weight, "own");
});

test("a file without draws, or with uniform ones alone, has no weights", async () => {
  assert.is((await read("plain", [])).draws, null);
  const uniform = [null, { chance: 1, left: 3 }, { chance: 1, left: 2 }, null];
  assert.is(weighed(await read("uniform", drawColumns(uniform))).weights, null);
});

function runOf(over: object, finalist: object | undefined): Pick<RunLog, "started" | "recorded"> {
  const steps: Record<string, unknown> = {
    "scale-searched": finalist && { finalist },
    "ancestor-chosen": { ancestor: { id: "a" } },
  };
  const plan = { weight: null, metric: "log-loss", ...over };
  return { started: { plan }, recorded: (step: string) => steps[step] } as unknown as RunLog;
}

test("the default is mixed; weighed is taken where weights count, and refused where they would be lost", async () => {
  assert.is(strategyOf(undefined, runOf({}, undefined)), "mixed");
  assert.is(strategyOf("weighed", runOf({}, undefined)), "weighed");
  for (const [run, why] of [
    [null, /none waits for labels/],
    [runOf({ weight: "w" }, undefined), /weights of their own, w/],
    [runOf({ metric: "accuracy" }, undefined), /judged by accuracy/],
  ] as const) {
    assert.is(strategyOf(undefined, run), "mixed");
    await refuses(() => strategyOf("weighed", run), "MENDLINE_ARGUMENT_INVALID", why);
    assert.is(strategyOf("margin", run), "margin");
  }
});

test("compared with the deployed model: the gate's candidate, else the ancestor", () => {
  const blend = { kind: "blend", ancestor: "a", scale: 0.5 };
  assert.equal(inItsPlace(runOf({}, blend)), blend);
  for (const run of [runOf({}, undefined), runOf({}, { kind: "keep" })])
    assert.equal(inItsPlace(run), { kind: "ancestor", id: "a" });
});

test.run();
