/**
 * Kernel purity, read off the text form of the compiled module.
 *
 * Globals and data segments belong to an instance, and each worker makes its own over the one shared memory: a mutable global
 * would differ between threads, a data segment past the reserved first page would overwrite the arena each time a worker starts,
 * and whatever allocates would compete with the arena (DESIGN section 5). Two builds must be byte-identical, so that what is
 * published can be made again.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernelReservedBytes } from "../src/limits.js";
import { isMain, packageRoot, tellFindings } from "./findings.js";

interface WatRule {
  readonly pattern: RegExp;
  readonly says: string;
}

/** Each is looked for in the text without comments, and without what stands in quotes. */
const forbidden: readonly WatRule[] = [
  { pattern: /\(global \S+ \(mut [^\n]*/g, says: "a mutable global belongs to one instance only" },
  { pattern: /\bmemory\.(?:grow|size)\b/g, says: "the arena alone knows and grows the memory" },
  { pattern: /\bmemory\.init\b|\bdata\.drop\b/g, says: "passive data is copied into memory at run time" },
  { pattern: /\bcall \$\S*__(?:new|renew|pin|unpin|collect|alloc)\b/g, says: "kernels do not allocate" },
  { pattern: /\(func \$~lib\/rt\/\S*/g, says: "kernels need no runtime" },
  { pattern: /\bcall \$~lib\/rt\/\S*/g, says: "kernels need no runtime" },
  { pattern: /\(start \S+/g, says: "instantiation must run nothing" },
  {
    pattern: /\b\w+\.relaxed_\w+/g,
    says: "relaxed SIMD does not validate on Node 20, and its results differ by CPU",
  },
];

const importPattern = /\(import "([^"]*)" "([^"]*)" \((\w+)([^()]*)/g;
const exportPattern = /\(export "([^"]*)" \((\w+)/g;
const stringPattern = /"(?:[^"\\]|\\[\s\S])*"/g;
/** The segment's place, then its strings. */
const dataPattern = /\(data\b([^"]*)((?:"(?:[^"\\]|\\[\s\S])*"\s*)+)/g;

function withoutComments(wat: string): string {
  return wat.replace(/"(?:[^"\\]|\\[\s\S])*"|;;[^\n]*|\(;[\s\S]*?;\)/g, (text) =>
    text[0] === '"' ? text : "",
  );
}

/** Bytes of a string as the text format writes it: `\hh` and `\n` stand for one byte each. */
function stringByteLength(quoted: string): number {
  return Buffer.byteLength(quoted.slice(1, -1).replace(/\\(?:[0-9a-fA-F]{2}|[tnr"'\\])/g, "."));
}

function importFindings(wat: string): string[] {
  const findings: string[] = [];
  let hasMemory = false;
  for (const [, module, name, kind, type] of wat.matchAll(importPattern)) {
    if (kind !== "memory" || module !== "env" || name !== "memory") {
      findings.push(`imports ${kind} ${module}.${name}: kernels import the memory and nothing else`);
      continue;
    }
    hasMemory = true;
    if (!/\bshared\b/.test(type!)) findings.push("the imported memory is not shared");
  }
  if (!hasMemory) findings.push("does not import env.memory: the arena could not hand its memory over");
  return findings;
}

function exportFindings(wat: string): string[] {
  const exported = [...wat.matchAll(exportPattern)];
  const findings = exported
    .filter(([, , kind]) => kind !== "func")
    .map(([, name, kind]) => `exports the ${kind} ${name}: kernels export functions only`);
  return exported.some(([, , kind]) => kind === "func") ? findings : [...findings, "exports no function"];
}

function dataFindings(wat: string): string[] {
  const findings: string[] = [];
  for (const [, head, strings] of wat.matchAll(dataPattern)) {
    const place = /\(i32\.const (\d+)\)\s*$/.exec(head!);
    if (place === null) {
      findings.push(`the data segment ${head!.trim()} has no constant place`);
      continue;
    }
    const start = Number(place[1]);
    const pieces = strings!.match(stringPattern) ?? [];
    const end = start + pieces.reduce((bytes, piece) => bytes + stringByteLength(piece), 0);
    if (end > kernelReservedBytes) {
      findings.push(
        `a data segment covers bytes ${start} to ${end}, past the reserved ${kernelReservedBytes}`,
      );
    }
  }
  return findings;
}

/**
 * @param wat  the module's text form, as `asc --textFile` writes it
 * @returns one line a breach of purity
 */
export function kernelFindings(wat: string): string[] {
  const code = withoutComments(wat);
  const bare = code.replace(stringPattern, '""');
  const findings = [...importFindings(code), ...exportFindings(code), ...dataFindings(code)];
  for (const { pattern, says } of forbidden) {
    for (const [text] of bare.matchAll(pattern)) findings.push(`${text.trim()}: ${says}`);
  }
  return findings;
}

/** Compiles the kernels into `folder`; returns the compiler's words when it failed. */
function buildKernels(root: string, folder: string): string | undefined {
  const compiler = join(root, "node_modules", "assemblyscript", "bin", "asc.js");
  const outputs = ["--outFile", join(folder, "kernels.wasm"), "--textFile", join(folder, "kernels.wat")];
  const result = spawnSync(process.execPath, [compiler, "--target", "release", ...outputs], {
    cwd: root,
    encoding: "utf8",
  });
  return result.status === 0 ? undefined : `${result.stdout}${result.stderr}`;
}

/** Builds the kernels again and compares every byte with what stands in `built`. */
export function rebuildFindings(root: string, built: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "mendline-kernels-"));
  try {
    const failure = buildKernels(root, folder);
    if (failure !== undefined) return [`the second build failed: ${failure}`];
    return ["kernels.wasm", "kernels.wat"]
      .filter((name) => !readFileSync(join(folder, name)).equals(readFileSync(join(built, name))))
      .map((name) => `${name} differs between two builds, or is older than its sources`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function main(): void {
  const built = join(packageRoot, "dist");
  if (!existsSync(join(built, "kernels.wat"))) {
    tellFindings("kernels", ["dist/kernels.wat does not exist: npm run build makes it"], "");
    return;
  }
  const wat = readFileSync(join(built, "kernels.wat"), "utf8");
  const findings = [...kernelFindings(wat), ...rebuildFindings(packageRoot, built)];
  const exportCount = [...wat.matchAll(exportPattern)].length;
  tellFindings("kernels", findings, `${exportCount} exports are pure, two builds are identical`);
}

if (isMain(import.meta.url)) main();
