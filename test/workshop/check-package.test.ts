import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  dependencyFindings,
  type LockEntry,
  lockFindings,
  type Manifest,
  manifestFindings,
  packFindings,
  wordFindings,
} from "../../scripts/check-package.js";

const dependencies = {
  "@assemblyscript/loader": "1.0.0",
  "apache-arrow": "1.0.0",
  commander: "1.0.0",
  "csv-parse": "1.0.0",
  hyparquet: "1.0.0",
  "hyparquet-compressors": "1.0.0",
  level: "1.0.0",
  msgpackr: "1.0.0",
  piscina: "1.0.0",
  yaml: "1.0.0",
};
const manifest: Manifest = {
  type: "module",
  engines: { node: ">=20.19" },
  exports: { ".": { types: "./dist/src/index.d.ts", default: "./dist/src/index.js" } },
  bin: { mendline: "dist/src/host/cli/main.js" },
  scripts: { build: "tsc", prepack: "npm run build" },
  dependencies,
  devDependencies: { uvu: "1.0.0-rc.1" },
};
const readme = `# mendline\n${Object.keys(dependencies)
  .map((name) => `| \`${name}\` | why |`)
  .join("\n")}`;
const packed = [
  "package.json",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
  "dist/kernels.wasm",
  "dist/src/index.js",
  "dist/src/index.d.ts",
  "dist/src/host/cli/main.js",
];

test("a manifest in order", () => {
  assert.equal(manifestFindings(manifest), []);
  assert.equal(dependencyFindings(manifest, readme), []);
  assert.equal(packFindings(manifest, packed), []);
});

const broken: readonly [change: Manifest, says: string][] = [
  [{ type: "commonjs" }, '"type" is not "module"'],
  [{ engines: { node: ">=18" } }, "engines.node is >=18"],
  [{ dependencies: { ...dependencies, level: "^10.0.0" } }, "level is ^10.0.0"],
  [{ devDependencies: { uvu: "latest" } }, "uvu is latest"],
  [{ scripts: { postinstall: "node setup.js" } }, "postinstall would run on install"],
  [{ exports: { ".": { default: "./a.js", types: "./a.d.ts" } } }, "types first"],
  [{ exports: {} }, "types first"],
];

for (const [change, says] of broken) {
  test(`tells of ${JSON.stringify(change)}`, () => {
    const findings = manifestFindings({ ...manifest, ...change });
    assert.is(findings.length, 1, JSON.stringify(findings));
    assert.match(findings[0]!, says);
  });
}

test("dependencies beside the list", () => {
  const { level: _, ...rest } = dependencies;
  const changed = { ...manifest, dependencies: { ...rest, lodash: "4.0.0" } };
  assert.equal(dependencyFindings(changed, readme), [
    "package.json: lodash is no allowed dependency (scripts/check-package.ts)",
    "package.json: level is allowed but not a dependency",
    "README.md: the dependency table has no row for `lodash`",
  ]);
});

test("a dependency that README names outside its table, or no README", () => {
  const prose = readme.replace("| `level` | why |", "We use `level`.");
  assert.equal(dependencyFindings(manifest, prose), [
    "README.md: the dependency table has no row for `level`",
  ]);
  assert.match(dependencyFindings(manifest, undefined).join(), "README.md does not exist");
});

const entries: readonly [name: string, path: string, entry: LockEntry, says: string | undefined][] = [
  ["an engine that fits", "node_modules/a", { engines: { node: "^20.9.0 || >=22" } }, undefined],
  ["an engine above the floor", "node_modules/a", { engines: { node: ">=20.20" } }, "leaves out 20.19.0"],
  ["an engine below 24", "node_modules/a", { engines: { node: "20 || 22" } }, "leaves out 24.11.0"],
  ["a tool's engine", "node_modules/a", { dev: true, engines: { node: ">=22" } }, undefined],
  ["an install script", "node_modules/a", { hasInstallScript: true }, "a has an install script"],
  ["an idle install script", "node_modules/classic-level", { hasInstallScript: true }, undefined],
  ["a source", "node_modules/a", { resolved: "https://example.org/a.tgz" }, "names its source"],
  [
    "a missing optional package",
    "node_modules/a",
    { optionalDependencies: { "@a/win32": "1.0.0" } },
    "@a/win32, optional to node_modules/a, is missing",
  ],
  ["an optional package further out", "node_modules/a", { optionalDependencies: { b: "1.0.0" } }, undefined],
];

for (const [name, path, entry, says] of entries) {
  test(`the lock: ${name}`, () => {
    const findings = lockFindings({ "": {}, "node_modules/b": {}, [path]: entry });
    assert.is(findings.length, says === undefined ? 0 : 1, JSON.stringify(findings));
    if (says !== undefined) assert.match(findings[0]!, says);
  });
}

test("the lock: nested packages are found, neighbours' are not", () => {
  const optionalDependencies = { c: "1.0.0" };
  const nested = { "node_modules/a": { optionalDependencies }, "node_modules/a/node_modules/c": {} };
  assert.equal(lockFindings(nested), []);
  const elsewhere = { "node_modules/a": { optionalDependencies }, "node_modules/b/node_modules/c": {} };
  assert.is(lockFindings(elsewhere).length, 1);
});

test("what the package holds and lacks", () => {
  const without = packed.filter((path) => path !== "dist/src/index.d.ts");
  assert.equal(packFindings(manifest, [...without, "dist/test/run.js", "dist/src/index.js.map"]), [
    "the package would hold dist/test/run.js, which no user needs",
    "the package would hold dist/src/index.js.map, which no user needs",
    "the package would not hold dist/src/index.d.ts: it was not written or built",
  ]);
});

test("words that must not leave", () => {
  const slash = "/";
  const host = ["registry", "npmjs", "org"].join(".");
  assert.match(wordFindings("a.ts", `one\n two ${slash}root${slash}x`)[0]!, "a.ts:2");
  assert.is(wordFindings("a.sh", `cd ${slash}work${slash}main`).length, 1);
  assert.is(wordFindings("a.ts", `"${slash}home${slash}somebody${slash}x"`).length, 1);
  assert.is(wordFindings("a.md", `see https://${host}/level`).length, 1);
  assert.is(wordFindings(".npmrc", `save-exact=true\nregistry${"="}http://localhost`).length, 1);
  for (const text of [
    "frame/work/x",
    "https://example.org/work/x",
    "./work/x",
    "~/work/x",
    "registry = new Map()",
  ]) {
    assert.equal(wordFindings("a.ts", text), [], text);
  }
});

test.run();
