/** Walks the imports of src/ and examples/ and tells every breach of scripts/import-rules.ts. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix } from "node:path";
import { isMain, packageRoot, tellFindings } from "./findings.js";
import { type ImportRules, importRules, type ReachRule, type ZoneRule } from "./import-rules.js";
import { linesBesideReexports, type ModuleReference, moduleReferences } from "./module-references.js";

/** Sources by path below the package's root, with `/` between folders. */
export type SourceTree = ReadonlyMap<string, string>;

type Target =
  | { readonly kind: "node" }
  | { readonly kind: "package"; readonly name: string }
  | { readonly kind: "file"; readonly path: string };

interface Edge {
  readonly from: string;
  readonly fromZone: string;
  readonly reference: ModuleReference;
  /** Undefined where the specifier is computed. */
  readonly target: Target | undefined;
}

/** The package itself, imported by its own name, is its public API. */
const ownName = "mendline";

function zoneOf(path: string, rules: ImportRules): string | undefined {
  const holds = ([, rule]: [string, ZoneRule]) =>
    path === `${rule.path}.ts` || path.startsWith(`${rule.path}/`);
  return Object.entries(rules.zones)
    .filter(holds)
    .sort(([, one], [, other]) => other.path.length - one.path.length)[0]?.[0];
}

function targetOf(from: string, specifier: string): Target {
  if (specifier.startsWith(".")) {
    const path = posix.normalize(posix.join(posix.dirname(from), specifier));
    return { kind: "file", path: path.replace(/\.([cm]?)js$/, ".$1ts") };
  }
  if (isBuiltin(specifier)) return { kind: "node" };
  const parts = specifier.split("/");
  const name = specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]!;
  return name === ownName ? { kind: "file", path: "src/index.ts" } : { kind: "package", name };
}

function edgesOf(path: string, source: string, fromZone: string): Edge[] {
  return moduleReferences(source).map((reference) => ({
    from: path,
    fromZone,
    reference,
    target: reference.specifier === undefined ? undefined : targetOf(path, reference.specifier),
  }));
}

function place(edge: Edge): string {
  return `${edge.from}:${edge.reference.line}`;
}

/** The breach that one import makes of its zone's row, if any. */
function breachOf(edge: Edge, tree: SourceTree, rules: ImportRules): string | undefined {
  const { target, fromZone } = edge;
  const rule = rules.zones[fromZone]!;
  if (target === undefined) {
    return rule.computed ? undefined : `${place(edge)} computes what it imports: write the specifier out`;
  }
  if (target.kind === "node")
    return rule.node === false ? `${place(edge)} ${fromZone} imports nothing` : undefined;
  if (target.kind === "package") {
    if (rule.packages?.includes(target.name)) return undefined;
    const homes = Object.keys(rules.zones).filter((zone) =>
      rules.zones[zone]!.packages?.includes(target.name),
    );
    const home = homes.length > 0 ? `only ${homes.join(", ")} may` : "no folder may";
    return `${place(edge)} ${fromZone} may not import the package ${target.name}: ${home}`;
  }
  if (!tree.has(target.path)) return `${place(edge)} names ${target.path}, which does not exist`;
  const toZone = zoneOf(target.path, rules);
  if (toZone === undefined) return `${place(edge)} ${fromZone} may not import ${target.path}`;
  if (toZone === fromZone || rule.zones.includes(toZone)) return undefined;
  if (rule.typesOf?.includes(toZone)) {
    return edge.reference.kind === "type"
      ? undefined
      : `${place(edge)} ${fromZone} may import only types of ${toZone}: write import type`;
  }
  return `${place(edge)} ${fromZone} may not import ${toZone} (${target.path})`;
}

/** Everything that `rule.entry` loads at run time, held against what it may load. */
function reachBreaches(
  rule: ReachRule,
  edges: readonly Edge[],
  tree: SourceTree,
  rules: ImportRules,
): string[] {
  const breaches: string[] = [];
  const folder = `${posix.dirname(rule.entry)}/`;
  if (!tree.has(rule.entry) && [...tree.keys()].some((path) => path.startsWith(folder))) {
    return [`${rule.entry} does not exist, but the table bounds what it loads`];
  }
  const seen = new Set([rule.entry]);
  for (const path of seen) {
    for (const edge of edges) {
      if (edge.from !== path || edge.reference.kind === "type") continue;
      const isLater = edge.reference.kind === "dynamic" || edge.reference.kind === "worker";
      if (rule.when === "start" && isLater) continue;
      const { target } = edge;
      if (target?.kind === "package" && !rule.packages.includes(target.name)) {
        breaches.push(`${place(edge)} is loaded by ${rule.entry}, which must not load ${target.name}`);
      }
      if (target?.kind !== "file" || seen.has(target.path)) continue;
      seen.add(target.path);
      const zone = zoneOf(target.path, rules) ?? "no zone";
      if (rule.zones !== undefined && !rule.zones.includes(zone)) {
        breaches.push(
          `${place(edge)} is loaded by ${rule.entry}, which must not load ${zone} (${target.path})`,
        );
      }
    }
  }
  return breaches;
}

/** One line a circle of zones, types included: a zone inside a circle cannot be read, or moved, alone. */
function circles(edges: readonly Edge[], rules: ImportRules): string[] {
  const next = new Map<string, Set<string>>();
  for (const edge of edges) {
    const to = edge.target?.kind === "file" ? zoneOf(edge.target.path, rules) : undefined;
    if (to === undefined || to === edge.fromZone) continue;
    const known = next.get(edge.fromZone) ?? new Set<string>();
    next.set(edge.fromZone, known.add(to));
  }
  const found = new Map<string, string>();
  const done = new Set<string>();

  function visit(zone: string, path: readonly string[]): void {
    const start = path.indexOf(zone);
    if (start >= 0) {
      const circle = path.slice(start);
      found.set([...circle].sort().join(), `the folders form a circle: ${[...circle, zone].join(" -> ")}`);
      return;
    }
    if (done.has(zone)) return;
    for (const to of next.get(zone) ?? []) visit(to, [...path, zone]);
    done.add(zone);
  }

  for (const zone of next.keys()) visit(zone, []);
  return [...found.values()];
}

/**
 * @param tree   every TypeScript file of the folders to check
 * @param rules  the table
 * @returns one line a breach, with file and line; empty when the tree keeps the rules
 */
export function importBreaches(tree: SourceTree, rules: ImportRules = importRules): string[] {
  const breaches: string[] = [];
  const edges: Edge[] = [];
  for (const [path, source] of tree) {
    const zone = zoneOf(path, rules);
    if (zone === undefined) {
      breaches.push(`${path} is in no folder of the table in scripts/import-rules.ts`);
      continue;
    }
    if (rules.reexportsOnly.includes(zone)) {
      for (const line of linesBesideReexports(source)) breaches.push(`${path}:${line} is no re-export`);
    }
    edges.push(...edgesOf(path, source, zone));
  }
  for (const edge of edges) {
    const breach = breachOf(edge, tree, rules);
    if (breach !== undefined) breaches.push(breach);
  }
  for (const rule of rules.reach) breaches.push(...reachBreaches(rule, edges, tree, rules));
  return [...breaches, ...circles(edges, rules)];
}

/** The TypeScript files below `folders` of `root`; a folder that does not exist holds none. */
export function readSourceTree(root: string, folders: readonly string[]): SourceTree {
  const tree = new Map<string, string>();
  for (const folder of folders) {
    if (!existsSync(join(root, folder))) continue;
    const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).sort();
    for (const name of names) {
      if (!/\.[cm]?ts$/.test(name)) continue;
      const path = posix.join(folder, name.replaceAll("\\", "/"));
      tree.set(path, readFileSync(join(root, path), "utf8"));
    }
  }
  return tree;
}

if (isMain(import.meta.url)) {
  const tree = readSourceTree(packageRoot, ["src", "examples"]);
  tellFindings("imports", importBreaches(tree), `${tree.size} files keep the rules`);
}
