import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importBreaches, readSourceTree } from "../../scripts/check-imports.js";
import { type ImportRules, importRules } from "../../scripts/import-rules.js";
import { packageRoot, scratchDir } from "../support.js";

type Files = Readonly<Record<string, string>>;

function breaches(files: Files, rules?: ImportRules): string[] {
  return importBreaches(new Map(Object.entries(files)), rules);
}

/** A small house that keeps the rules, for breaches to be put into. */
const house: Files = {
  "src/errors.ts": "export const table = {};",
  "src/limits.ts": "export const rowsMax = 1;",
  "src/index.ts":
    'export { Engine } from "./host/engine.js";\nexport type { Store } from "./lineage-store/store.js";',
  "src/host/engine.ts": 'import { repair } from "./repair/run.js";\nexport class Engine {}',
  "src/host/memory/arena.ts": 'import { rowsMax } from "../../limits.js";',
  "src/host/kernels/load.ts":
    'import "../memory/arena.js";\nimport { instantiate } from "@assemblyscript/loader";',
  "src/host/columns/arrow.ts": 'import "apache-arrow";\nimport "../kernels/load.js";',
  "src/host/drift/report.ts": 'import type { Column } from "../columns/arrow.js";',
  "src/host/repair/run.ts":
    'import "../drift/report.js";\nawait import("../../scheduler/pool.js");\nconst ort = await import(name);',
  "src/host/pages/report.ts": 'import type { Report } from "../drift/report.js";',
  "src/host/cli/main.ts": 'import "../../index.js";\nimport "../pages/report.js";\nimport "commander";',
  "src/lineage-store/store.ts": 'import { Level } from "level";\nimport { join } from "node:path";',
  "src/scheduler/pool.ts": 'import "piscina";\nconst url = new URL("./worker.js", import.meta.url);',
  "src/scheduler/worker.ts": 'import "./tasks.js";',
  "src/scheduler/tasks.ts": 'import "../host/kernels/load.js";',
  "examples/rain/run.ts": 'import "../../src/index.js";\nimport "./data.js";\nimport "node:fs";',
  "examples/rain/data.ts":
    'import.meta.resolve("vega-datasets/data/weather.csv");\nimport { Engine } from "mendline";',
};

test("a house that keeps the rules", () => {
  assert.equal(breaches(house), []);
});

/** One file of the house replaced or added; the report must hold each text. */
const broken: readonly [name: string, path: string, source: string, says: readonly string[]][] = [
  [
    "errors import",
    "src/errors.ts",
    'import "./limits.js";',
    ["src/errors.ts:1 errors may not import limits"],
  ],
  ["limits import node", "src/limits.ts", 'import "node:os";', ["src/limits.ts:1 limits imports nothing"]],
  [
    "memory climbs",
    "src/host/memory/arena.ts",
    'import "../kernels/load.js";',
    ["memory may not import kernels", "the folders form a circle"],
  ],
  [
    "columns use drift",
    "src/host/columns/csv.ts",
    'import type { R } from "../drift/report.js";',
    ["columns may not import drift", "circle"],
  ],
  [
    "drift uses Arrow",
    "src/host/drift/a.ts",
    '\nimport "apache-arrow";',
    ["src/host/drift/a.ts:2 drift may not import the package apache-arrow: only columns, examples may"],
  ],
  [
    "the store uses a host folder",
    "src/lineage-store/walk.ts",
    'import "../host/kernels/load.js";',
    ["lineage-store may not import kernels"],
  ],
  [
    "the store uses the scheduler",
    "src/lineage-store/walk.ts",
    'export * from "../scheduler/pool.js";',
    ["lineage-store may not import scheduler"],
  ],
  [
    "drift uses repair",
    "src/host/drift/a.ts",
    'await import("../repair/run.js");',
    ["drift may not import repair", "circle"],
  ],
  [
    "level elsewhere",
    "src/host/repair/a.ts",
    'import "level";',
    ["the package level: only lineage-store may"],
  ],
  [
    "piscina elsewhere",
    "src/host/engine.ts",
    'import "piscina";',
    ["the package piscina: only scheduler may"],
  ],
  [
    "onnxruntime elsewhere",
    "src/host/parameters/onnx.ts",
    'import type { A } from "onnxruntime-web";',
    ["only repair, examples may"],
  ],
  ["a new package", "src/host/cli/a.ts", 'import "lodash/fp";', ["the package lodash: no folder may"]],
  [
    "cli goes past the public API",
    "src/host/cli/a.ts",
    'import "../drift/report.js";',
    ["cli may not import drift"],
  ],
  [
    "service uses pages",
    "src/host/service/a.ts",
    'import "../pages/report.js";',
    ["service may not import pages"],
  ],
  ["the API uses cli", "src/index.ts", 'export * from "./host/cli/main.js";', ["index may not import cli"]],
  ["the API does something", "src/index.ts", "export const a = 1;", ["src/index.ts:1 is no re-export"]],
  [
    "pages import a value",
    "src/host/pages/a.ts",
    'import { psi } from "../drift/report.js";',
    ["only types of drift"],
  ],
  [
    "an example goes past the public API",
    "examples/rain/a.ts",
    'import "../../src/limits.js";',
    ["examples may not import limits"],
  ],
  [
    "an example imports a test",
    "examples/rain/a.ts",
    'import "../../test/support.js";',
    ["names test/support.ts"],
  ],
  [
    "a worker file that is not there",
    "src/scheduler/pool.ts",
    'new URL("./gone.js", import.meta.url)',
    ["src/scheduler/gone.ts, which does not exist"],
  ],
  [
    "a computed import",
    "src/host/drift/a.ts",
    "await import(`./$" + "{name}.js`);",
    ["computes what it imports"],
  ],
  [
    "a library that loads with the engine",
    "src/host/repair/run.ts",
    'import "../../scheduler/pool.js";',
    ["src/scheduler/pool.ts:1 is loaded by src/index.ts, which must not load piscina"],
  ],
  ["a folder without a row", "src/host/misc/a.ts", "", ["src/host/misc/a.ts is in no folder of the table"]],
  [
    "a worker that loads Level by way of its tasks",
    "src/scheduler/tasks.ts",
    'import "level";',
    ["src/scheduler/tasks.ts:1 is loaded by src/scheduler/worker.ts, which must not load level"],
  ],
  [
    "a worker that loads Arrow by way of columns",
    "src/scheduler/tasks.ts",
    'import "../host/columns/arrow.js";',
    [
      "which must not load columns (src/host/columns/arrow.ts)",
      "src/host/columns/arrow.ts:1 is loaded by src/scheduler/worker.ts, which must not load apache-arrow",
    ],
  ],
];

for (const [name, path, source, says] of broken) {
  test(`tells of it: ${name}`, () => {
    const report = breaches({ ...house, [path]: source });
    for (const text of says) {
      assert.ok(
        report.some((line) => line.includes(text)),
        `${text} is not in ${JSON.stringify(report)}`,
      );
    }
  });
}

test("types cost a worker nothing", () => {
  const tasks = 'import type { Pool } from "./pool.js";';
  assert.equal(breaches({ ...house, "src/scheduler/tasks.ts": tasks }), []);
});

test("a renamed worker leaves no rule without a file", () => {
  const { "src/scheduler/worker.ts": worker, ...rest } = house;
  const report = breaches({
    ...rest,
    "src/scheduler/thread.ts": worker!,
    "src/scheduler/pool.ts": 'import "piscina";',
  });
  assert.equal(report, ["src/scheduler/worker.ts does not exist, but the table bounds what it loads"]);
});

test("circles are found where the table would allow them", () => {
  const rules: ImportRules = {
    zones: {
      one: { path: "one", zones: ["two"] },
      two: { path: "two", zones: ["three"] },
      three: { path: "three", zones: ["one"] },
    },
    reexportsOnly: [],
    reach: [],
  };
  const files = {
    "one/a.ts": 'import "../two/a.js";',
    "two/a.ts": 'import type { A } from "../three/a.js";',
    "three/a.ts": 'import "../one/a.js";',
  };
  assert.equal(breaches(files, rules), ["the folders form a circle: one -> two -> three -> one"]);
});

test("the table names only zones that it has, and allows no circle", () => {
  const zones = importRules.zones;
  function walk(zone: string, path: readonly string[]): void {
    assert.not(path.includes(zone), [...path, zone].join(" -> "));
    assert.ok(zones[zone], `${path.at(-1)} names ${zone}`);
    const { zones: values, typesOf = [] } = zones[zone]!;
    for (const next of [...values, ...typesOf]) walk(next, [...path, zone]);
  }
  for (const zone of Object.keys(zones)) walk(zone, []);
});

test("a tree is read from folders", () => {
  const root = scratchDir();
  for (const [path, source] of Object.entries({ ...house, "src/host/cli/notes.md": 'import "level";' })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), source);
  }
  const tree = readSourceTree(root, ["src", "examples", "absent"]);
  assert.equal([...tree.keys()].sort(), Object.keys(house).sort());
  assert.equal(importBreaches(tree), []);
});

test("mendline keeps its own rules", () => {
  const tree = readSourceTree(packageRoot, ["src", "examples"]);
  assert.ok(tree.has("src/errors.ts"));
  assert.equal(importBreaches(tree), []);
});

test.run();
