/** Options that several commands share. */
import { type Command, Option } from "commander";
import { MendlineError } from "../../errors.js";
import { arenaBytesDefault, binsMax, threadsMax } from "../../limits.js";
import { parseBytes, parseNames, parseText, parseWhole } from "./values.js";

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

export interface ExternalDataOptions {
  readonly externalData?: boolean;
}

/** Which columns count, and how. */
export interface FeatureOptions {
  readonly features?: readonly string[];
  readonly categorical?: readonly string[];
  readonly bins?: number;
}

export const refHelp = "id, beginning of an id, name@version, or alias";
export const dataHelp = "Arrow, Parquet, CSV or NDJSON file, packed with gzip or not; - is standard input";

const storeDefault = "./.mendline";

export function addOutputOption(command: Command): Command {
  return command.option("--json", "print one JSON document");
}

export function addStoreOption(command: Command): Command {
  // An empty variable is how shells unset one.
  const dir = process.env.MENDLINE_STORE || storeDefault;
  return command.addOption(
    new Option("--store <dir>", "folder of the lineage store")
      .default(dir, `$MENDLINE_STORE or ${storeDefault}`)
      .argParser(parseText),
  );
}

/** For commands that take model files. Off by default: the model then says which other files are read. */
export function addExternalDataOption(command: Command): Command {
  return command.option("--external-data", "read values of ONNX models from the files beside that they name");
}

/** For commands that go through data. */
export function addComputeOptions(command: Command): Command {
  const memory = `most memory for columns (default: ${arenaBytesDefault / 2 ** 20}MiB)`;
  const threads = "worker threads, 0 for none (default: none for small data, else cores - 1, 4 at most)";
  return command
    .option("--memory <bytes>", memory, parseBytes)
    .option("--threads <count>", threads, parseWhole(0, threadsMax));
}

export function addFeatureOptions(command: Command): Command {
  return command
    .option("--features <names>", "columns to use, a,b (default: all that can be monitored)", parseNames)
    .option("--categorical <names>", "columns whose numbers are categories, a,b", parseNames)
    .option("--bins <count>", "quantile bins of PSI and KL (default: 10)", parseWhole(2, binsMax));
}

/**
 * Standard input can be given to one option only.
 *
 * @param inputs  paths by option
 */
export function refuseSharedInput(inputs: Readonly<Record<string, string | undefined>>): void {
  const names = Object.keys(inputs).filter((name) => inputs[name] === "-");
  if (names.length < 2) return;
  throw new MendlineError(
    "MENDLINE_ARGUMENT_INVALID",
    `${names.join(" and ")} are both standard input (-): save one of them to a file`,
  );
}
