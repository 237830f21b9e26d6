/** What results are worth nothing without: the machine, Node and the commit. */
import { execFileSync } from "node:child_process";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  /** Null outside a git checkout. */
  readonly commit: string | null;
  /** Whether the checkout differs from its commit. */
  readonly isModified: boolean | null;
}

export function machineHere(): Machine {
  const status = git("status", "--porcelain");
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${platform()} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    commit: git("rev-parse", "HEAD"),
    isModified: status === null ? null : status !== "",
  };
}

function git(...args: string[]): string | null {
  try {
    const cwd = fileURLToPath(new URL("../../", import.meta.url));
    return execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}
