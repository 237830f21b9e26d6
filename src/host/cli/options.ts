/** Options that several commands share, and how their values are read. A bad value is a usage error that names its option. */
import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { MendlineError } from "../../errors.js";
import type { Smoothing } from "../../index.js";
import { arenaBytesDefault, arenaBytesMax, arenaBytesMin } from "../../limits.js";

export interface OutputOptions {
  readonly json?: boolean;
}

export interface StoreOptions {
  readonly store: string;
}

export interface ComputeOptions {
  readonly memory?: number;
  readonly threads?: number;
}

const storeDefault = "./.mendline";
export const threadsMax = 64;

export function addOutputOption(command: Command): Command {
  return command.option("--json", "print one JSON document");
}

export function addStoreOption(command: Command): Command {
  const option = new Option("--store <dir>", "folder of the lineage store");
  // An empty variable is how shells unset one.
  option.default(process.env.MENDLINE_STORE || storeDefault, `$MENDLINE_STORE or ${storeDefault}`);
  return command.addOption(option.argParser(parseName));
}

/** For commands that go through data. */
export function addComputeOptions(command: Command): Command {
  const memory = new Option("--memory <bytes>", "bound of the memory for columns").argParser(parseMemory);
  const threads = new Option("--threads <count>", `worker threads, 0 to ${threadsMax}; 0 runs inline`);
  return command
    .addOption(memory.default(undefined, `${arenaBytesDefault / 2 ** 20}MiB`))
    .addOption(threads.argParser(wholeNumber(0, threadsMax)).default(undefined, threadsText()));
}
