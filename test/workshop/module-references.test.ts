import { test } from "uvu";
import * as assert from "uvu/assert";
import { linesBesideReexports, moduleReferences } from "../../scripts/module-references.js";

/** `kind specifier` of every reference, `?` for a computed one. */
function found(source: string): string[] {
  return moduleReferences(source).map(({ kind, specifier }) => `${kind} ${specifier ?? "?"}`);
}

const forms: readonly [source: string, expected: readonly string[]][] = [
  ['import "./a.js";', ["static ./a.js"]],
  ['import a from "./a.js";', ["static ./a.js"]],
  ['import a, { b as c } from "a";', ["static a"]],
  ["import * as a from './a.js'", ["static ./a.js"]],
  ['import {\n  a,\n  type B,\n} from "./a.js";', ["static ./a.js"]],
  ['import { "x-y" as z } from "./a.js";', ["static ./a.js"]],
  ['import from from "./a.js";', ["static ./a.js"]],
  ['import type { A } from "./a.js";', ["type ./a.js"]],
  ['import type A from "./a.js";', ["type ./a.js"]],
  ['import type from "./a.js";', ["static ./a.js"]],
  ['import type, { b } from "./a.js";', ["static ./a.js"]],
  ['import a from "./a.json" with { type: "json" };', ["static ./a.json"]],
  ['import a = require("a");', ["dynamic a"]],
  ['export { a } from "./a.js";', ["export ./a.js"]],
  ['export * from "./a.js";', ["export ./a.js"]],
  ['export * as a from "./a.js";', ["export ./a.js"]],
  ['export type { A } from "./a.js";', ["type ./a.js"]],
  ['export type * from "./a.js";', ["type ./a.js"]],
  ['const a = await import("./a.js");', ["dynamic ./a.js"]],
  ["const a = await import(`./a.js`);", ["dynamic ./a.js"]],
  ["const a = await import(`./$" + "{name}.js`);", ["dynamic ?"]],
  ["const a = await import(name);", ["dynamic ?"]],
  ['let a: import("./a.js").A;', ["dynamic ./a.js"]],
  ['const a = require("a");', ["dynamic a"]],
  ['require.resolve("a/b")', ["dynamic a/b"]],
  ['import.meta.resolve("a/b")', ["dynamic a/b"]],
  ['createRequire(import.meta.url).resolve("a/b")', ["dynamic a/b"]],
  ['new URL("./w.js", import.meta.url)', ["worker ./w.js"]],
  ['new URL("w.js", import.meta.url)', ["worker ./w.js"]],
  ["new URL(`./$" + "{name}.js`, import.meta.url)", ["worker ?"]],
];

for (const [source, expected] of forms) {
  test(`finds ${source.replaceAll("\n", " ")}`, () => {
    assert.equal(found(source), expected);
  });
}

const silent: readonly string[] = [
  '// import "./a.js";',
  '/* import "./a.js";\n import "./b.js"; */',
  "const text = 'import \"./a.js\";';",
  'const text = `import "./a.js"`;',
  "const a = import.meta.url;",
  'const a = { from: "./a.js" };',
  'export const from = "./a.js";',
  'export { a, b };\nconst c = "./a.js";',
  'export type A = "./a.js";',
  'loader.import("./a.js"); loader.require("a");',
  'path.resolve("./a.js"); Promise.resolve("a");',
  'const pattern = /import "a"/;',
  'new URL("./kernels.wasm", import.meta.url)',
  'new URL("./a.js", base)',
];

for (const source of silent) {
  test(`finds nothing in ${source.replaceAll("\n", " ")}`, () => {
    assert.equal(found(source), []);
  });
}

/** Each leads in with something that a careless lexer would read past the import. */
const leads: readonly string[] = [
  "const quote = /[\"'/]/;",
  "const ratio = a / b; const other = c / d;",
  "const ratio = counts[0]! / total; // a 'quote",
  "const half = i++ / 2;",
  "const ratio = (a + b) / 'x'.length;",
  "return /`/.test(text);",
  "const text = 'it\\'s';",
  'const text = "\\\\";',
  "const text = `a $" + "{ b ? `{$" + '{"}"}` : {} } c`;',
  "const text = `\\`$" + "{'`'}`;",
  "/* don't */",
];

for (const lead of leads) {
  test(`finds an import after ${lead}`, () => {
    assert.equal(found(`${lead}\nimport "./a.js";`), ["static ./a.js"]);
  });
}

test("finds an import inside a template's substitution", () => {
  assert.equal(found("`a $" + '{(await import("./a.js")).b} c`'), ["dynamic ./a.js"]);
});

test("tells the line", () => {
  const source = '/* one\n two */\nconst a = `\n\n`;\nimport "./a.js";\n';
  assert.equal(
    moduleReferences(source).map(({ line }) => line),
    [6],
  );
});

test("tells what is no re-export", () => {
  const source = [
    "/** docs */",
    'export { a } from "./a.js";',
    "export const b = 1;",
    'export type { C } from "./c.js";',
    'import "./d.js";',
    'export * from "./e.js"',
  ].join("\n");
  assert.equal(linesBesideReexports(source), [3, 5]);
});

test.run();
