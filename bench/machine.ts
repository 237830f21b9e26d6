/** What results are worth nothing without: the machine, Node and the commit. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { duckVersion } from "./duckdb.js";
import { compilerVersion } from "./native.js";
import { findPython } from "./python.js";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  /** What there is to compare with, and its version: null where it is missing. */
  readonly beside: Readonly<Record<"numpy" | "scipy" | "DuckDB" | "g++", string | null>>;
  /** Null outside a git checkout. */
  readonly commit: string | null;
  /** Whether the checkout differs from its commit. */
  readonly isModified: boolean | null;
}

export async function machineHere(): Promise<Machine> {
  const python = findPython();
  const status = git("status", "--porcelain");
  return {
    cpu: [cpus()[0]?.model.trim() ?? "unknown", ...processorFacts()].join(", "),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${platform()} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    beside: {
      numpy: python?.numpy ?? null,
      scipy: python?.scipy ?? null,
      DuckDB: await duckVersion(),
      "g++": compilerVersion(),
    },
    commit: git("rev-parse", "HEAD"),
    isModified: status === null ? null : status !== "",
  };
}

/** Linux tells what a cloud's model name ("AMD EPYC") hides: the generation, and how wide its vectors are. */
function processorFacts(): string[] {
  try {
    const text = readFileSync("/proc/cpuinfo", "utf8");
    const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(text)?.[1] ?? "";
    const sets = ["avx2", "avx512f"].filter((set) => field("flags").split(" ").includes(set));
    if (field("cpu family") === "") return sets;
    return [`family ${field("cpu family")} model ${field("model")}`, ...sets];
  } catch {
    return [];
  }
}

export function machineText({ cpu, cores, node, beside, commit, isModified }: Machine): string {
  const present = Object.entries(beside).map(([name, version]) => `${name} ${version ?? "missing"}`);
  const at = `commit ${commit ?? "unknown"}${isModified ? ", modified" : ""}`;
  return `${cpu}, ${cores} cores, node ${node}, ${present.join(", ")}, ${at}`;
}

function git(...args: string[]): string | null {
  try {
    const cwd = fileURLToPath(new URL("../../", import.meta.url));
    return execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}
