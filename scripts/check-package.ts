/** Guards what is published: the manifest, the tree of production packages, the packed files, and words that must not leave. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isMain, packageRoot, tellFindings } from "./findings.js";
import { rangeAccepts } from "./node-range.js";

export interface Manifest {
  readonly type?: string;
  readonly engines?: { readonly node?: string };
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** One package of package-lock.json, by its path below the root. */
export interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly engines?: { readonly node?: string };
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type LockPackages = Readonly<Record<string, LockEntry>>;

/** Production dependencies; each has its reason in README's table. A new one starts there. */
const dependenciesAllowed = [
  "@assemblyscript/loader",
  "apache-arrow",
  "commander",
  "csv-parse",
  "hyparquet",
  "hyparquet-compressors",
  "level",
  "msgpackr",
  "piscina",
  "yaml",
];

/** The floor that the manifest promises, then the first long-term release of each later line. */
const nodeVersions = ["20.19.0", "22.12.0", "24.11.0"];
const nodeRange = ">=20.19";

/** Packages that have an install script and work without it, and why: `.npmrc` and careful users ignore scripts. */
const installScriptsIdle: Readonly<Record<string, string>> = {
  "classic-level": "its package carries the prebuilt binaries; the script only looks for one",
  "msgpackr-extract": "optional, and its binaries are packages of their own; msgpackr decodes without it",
};

const lifecycleScripts = ["preinstall", "install", "postinstall", "prepare"];
const exactVersion = /^\d+\.\d+\.\d+(?:-[\w.]+)?$/;

/** Everything that may be in the package. */
const packedPattern =
  /^(?:dist\/src\/.+|dist\/kernels\.wasm|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/;

interface ForbiddenWord {
  readonly pattern: RegExp;
  readonly says: string;
}

const forbiddenWords: readonly ForbiddenWord[] = [
  { pattern: /(?<![\w.:~/-])\/(?:work|root|home\/\w+)\//, says: "a path of one machine" },
  {
    pattern: /\bregistry\.(?:npmjs|yarnpkg|npmmirror)\.\w+|^registry\s*=\s*\w+:/m,
    says: "a registry: the user's own is to be used",
  },
];

export function manifestFindings(manifest: Manifest): string[] {
  const findings: string[] = [];
  if (manifest.type !== "module") findings.push('package.json: "type" is not "module"');
  if (manifest.engines?.node !== nodeRange) {
    findings.push(`package.json: engines.node is ${manifest.engines?.node}, not ${nodeRange}`);
  }
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    if (!exactVersion.test(version))
      findings.push(`package.json: ${name} is ${version}: pin one exact version`);
  }
  for (const script of lifecycleScripts) {
    if (manifest.scripts?.[script] !== undefined) {
      findings.push(`package.json: the script ${script} would run on install`);
    }
  }
  const root = manifest.exports?.["."];
  if (root === undefined || typeof root === "string" || Object.keys(root)[0] !== "types") {
    findings.push('package.json: exports["."] does not name its types first');
  }
  return findings;
}

/** @param readme  undefined when there is none */
export function dependencyFindings(manifest: Manifest, readme: string | undefined): string[] {
  const names = Object.keys(manifest.dependencies ?? {});
  const findings = names
    .filter((name) => !dependenciesAllowed.includes(name))
    .map((name) => `package.json: ${name} is no allowed dependency (scripts/check-package.ts)`);
  for (const name of dependenciesAllowed) {
    if (!names.includes(name)) findings.push(`package.json: ${name} is allowed but not a dependency`);
  }
  if (readme === undefined) return [...findings, "README.md does not exist: it holds the dependency table"];
  const rows = readme.split("\n").filter((line) => line.trimStart().startsWith("|"));
  for (const name of names) {
    if (!rows.some((row) => row.includes(`\`${name}\``))) {
      findings.push(`README.md: the dependency table has no row for \`${name}\``);
    }
  }
  return findings;
}

function packageName(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

/** Where node looks for `name` from the package at `path`: its own node_modules, then each one further out. */
function lockHolds(packages: LockPackages, path: string, name: string): boolean {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/")))) {
    if (packages[`${from === "" ? "" : `${from}/`}node_modules/${name}`] !== undefined) return true;
    if (from === "") return false;
  }
}

export function lockFindings(packages: LockPackages): string[] {
  const findings: string[] = [];
  for (const [path, entry] of Object.entries(packages)) {
    if (entry.resolved !== undefined) {
      findings.push(
        `package-lock.json: ${path} names its source; omit-lockfile-registry-resolved leaves it out`,
      );
    }
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      if (lockHolds(packages, path, name)) continue;
      findings.push(
        `package-lock.json: ${name}, optional to ${path}, is missing: npm ci would refuse the lock`,
      );
    }
    if (path === "" || entry.dev === true || entry.devOptional === true) continue;
    const range = entry.engines?.node;
    for (const version of nodeVersions) {
      if (range !== undefined && !rangeAccepts(range, version)) {
        findings.push(`package-lock.json: ${path} wants node ${range}, which leaves out ${version}`);
      }
    }
    const name = packageName(path);
    if (entry.hasInstallScript === true && installScriptsIdle[name] === undefined) {
      findings.push(
        `package-lock.json: ${name} has an install script, and nothing says that it works without`,
      );
    }
  }
  return findings;
}

/** @param packed  the paths that `npm pack` puts into the package */
export function packFindings(manifest: Manifest, packed: readonly string[]): string[] {
  const findings = packed
    .filter((path) => !packedPattern.test(path) || path.endsWith(".map"))
    .map((path) => `the package would hold ${path}, which no user needs`);
  const exported = Object.values(manifest.exports ?? {}).flatMap((target) =>
    typeof target === "string" ? [target] : Object.values(target),
  );
  const targets = [...exported, ...Object.values(manifest.bin ?? {})];
  for (const target of [...targets, "dist/kernels.wasm", "README.md", "LICENSE", "CHANGELOG.md"]) {
    const path = target.replace(/^\.\//, "");
    if (!packed.includes(path))
      findings.push(`the package would not hold ${path}: it was not written or built`);
  }
  return findings;
}

/** @param text  of a tracked file */
export function wordFindings(path: string, text: string): string[] {
  return forbiddenWords.flatMap(({ pattern, says }) => {
    const match = pattern.exec(text);
    if (match === null) return [];
    return [`${path}:${text.slice(0, match.index).split("\n").length} names ${match[0]}: ${says}`];
  });
}

function run(command: string, args: readonly string[]): string {
  const result = spawnSync(command, args, {
    cwd: packageRoot,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status !== 0) throw new Error(`${command} ${args.join(" ")} failed: ${result.stderr}`);
  return result.stdout;
}

function packedPaths(): string[] {
  const [report] = JSON.parse(run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"])) as [
    { files: { path: string }[] },
  ];
  return report.files.map(({ path }) => path);
}

/** Tracked files, and those that would be tracked next. */
function ownFiles(): string[] {
  const listed = run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).split("\0");
  return listed.filter((path) => path !== "" && existsSync(join(packageRoot, path)));
}

function read(path: string): string {
  return readFileSync(join(packageRoot, path), "utf8");
}

function shebangFindings(manifest: Manifest): string[] {
  return Object.values(manifest.bin ?? {})
    .filter((path) => existsSync(join(packageRoot, path)) && !read(path).startsWith("#!/usr/bin/env node\n"))
    .map((path) => `${path} does not begin with #!/usr/bin/env node`);
}

function main(): void {
  const manifest = JSON.parse(read("package.json")) as Manifest;
  const lock = JSON.parse(read("package-lock.json")) as { packages: LockPackages };
  const readme = existsSync(join(packageRoot, "README.md")) ? read("README.md") : undefined;
  const files = ownFiles();
  const texts = files.map((path) => [path, read(path)] as const).filter(([, text]) => !text.includes("\0"));
  const packed = packedPaths();
  const findings = [
    ...manifestFindings(manifest),
    ...dependencyFindings(manifest, readme),
    ...lockFindings(lock.packages),
    ...packFindings(manifest, packed),
    ...shebangFindings(manifest),
    ...texts.flatMap(([path, text]) => wordFindings(path, text)),
  ];
  tellFindings("package", findings, `${packed.length} files to publish, ${texts.length} texts are clean`);
}

if (isMain(import.meta.url)) main();
