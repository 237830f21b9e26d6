import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelFindings, rebuildFindings } from "../../scripts/check-kernels.js";
import { packageRoot, scratchDir } from "../support.js";

const memory = '(import "env" "memory" (memory $0 1 65536 shared))';
const body = '(export "sum" (func $sum))\n (func $sum (result i32)\n  (i32.const 0)\n )';

/** A module in the layout that asc writes, with `lines` between its memory and its function. */
function moduleWith(...lines: string[]): string {
  return `(module\n ${[memory, ...lines, body].join("\n ")}\n)\n`;
}

test("a pure module", () => {
  const wat = moduleWith(
    "(global $table i32 (i32.const 1024))",
    '(data $0 (i32.const 1024) "\\00\\01(start $x)\\"memory.grow")',
    ";; (start $x) memory.grow",
    "(; f32x4.relaxed_madd ;)",
  );
  assert.equal(kernelFindings(wat), []);
});

const impure: readonly [line: string, says: string][] = [
  ["(global $count (mut i32) (i32.const 0))", "a mutable global"],
  ["(func $grow (drop (memory.grow (i32.const 1))))", "memory.grow"],
  ["(func $size (result i32) (memory.size))", "memory.size"],
  ["(func $new (call $~lib/rt/stub/__new (i32.const 8) (i32.const 0)))", "do not allocate"],
  ["(func $~lib/rt/stub/__alloc (param $0 i32))", "no runtime"],
  ["(start $~start)", "must run nothing"],
  ["(func $fma (f32x4.relaxed_madd (local.get 0)))", "f32x4.relaxed_madd"],
  ["(func $swizzle (i8x16.relaxed_swizzle (local.get 0)))", "i8x16.relaxed_swizzle"],
  ["(func $init (memory.init $0 (i32.const 0)))", "memory.init"],
  ['(import "env" "abort" (func $abort (param i32 i32 i32 i32)))', "imports func env.abort"],
  ['(export "memory" (memory $0))', "exports the memory memory"],
  ['(export "base" (global $base))', "exports the global base"],
  ['(data $0 (i32.const 65533) "abcd")', "covers bytes 65533 to 65537"],
  ['(data $0 (i32.const 65530) "\\00\\00\\00\\n\\"\\\\" "a")', "covers bytes 65530 to 65537"],
  ['(data $0 (global.get $base) "a")', "has no constant place"],
  ['(data $0 "a")', "has no constant place"],
];

for (const [line, says] of impure) {
  test(`tells of ${line}`, () => {
    const findings = kernelFindings(moduleWith(line));
    assert.is(findings.filter((finding) => finding.includes(says)).length, 1, JSON.stringify(findings));
  });
}

test("a data segment up to the last reserved byte", () => {
  assert.equal(kernelFindings(moduleWith('(data $0 (i32.const 65533) "\\ffbc")')), []);
});

test("memory that is not imported, or not shared", () => {
  assert.match(kernelFindings(`(module\n (memory $0 1)\n ${body})`).join(), "does not import env.memory");
  const unshared = moduleWith().replace(" shared", "");
  assert.equal(kernelFindings(unshared), ["the imported memory is not shared"]);
});

test("a module without functions", () => {
  assert.equal(kernelFindings(`(module ${memory})`), ["exports no function"]);
});

test("a second build is compared byte by byte", () => {
  const root = scratchDir();
  mkdirSync(join(root, "assembly"));
  mkdirSync(join(root, "built"));
  symlinkSync(join(packageRoot, "node_modules"), join(root, "node_modules"));
  copyFileSync(join(packageRoot, "asconfig.json"), join(root, "asconfig.json"));
  writeFileSync(join(root, "assembly", "index.ts"), "export function one(): i32 { return 1; }\n");
  for (const name of ["kernels.wasm", "kernels.wat"]) writeFileSync(join(root, "built", name), "other");
  const findings = rebuildFindings(root, join(root, "built"));
  assert.is(findings.length, 2);
  assert.match(findings[0]!, "kernels.wasm differs between two builds");
  assert.not(existsSync(join(root, "dist")));

  writeFileSync(join(root, "assembly", "index.ts"), "export function one(): i32 { return }\n");
  assert.match(rebuildFindings(root, join(root, "built"))[0]!, "the second build failed");
});

test.run();
