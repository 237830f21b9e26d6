/**
 * One core means one core: V8 compiles and collects, and libuv reads files, on threads of their own, and would use what the other
 * side of a comparison may not. Linux's taskset binds all threads of this process, and the programs that it starts.
 */
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";

export type Cores = "one" | "all";

/** Before this process was bound to one. */
export const coreCount = availableParallelism();

/** The cores that this process was started on, as taskset lists them (`0-3,8`); null where there is no taskset. */
let startedOn: string | null | undefined;

/** @returns what it runs on now, in words */
export function useCores(cores: Cores): string {
  if (startedOn === undefined) startedOn = affinity();
  const all = `${coreCount} cores`;
  if (startedOn === null)
    return cores === "all" ? all : `${all}, since there is no taskset to bind it to one`;
  const list = cores === "all" ? startedOn : lastCoreOf(startedOn);
  taskset("-a", "-c", "-p", list, String(process.pid));
  return cores === "all" ? all : `core ${list} alone`;
}

function affinity(): string | null {
  try {
    return taskset("-c", "-p", String(process.pid)).trim().split(" ").at(-1)!;
  } catch {
    return null;
  }
}

/** The first cores are where a system's own work tends to run. */
export function lastCoreOf(list: string): string {
  return list.split(/[,-]/).at(-1)!;
}

function taskset(...args: string[]): string {
  return execFileSync("taskset", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}
