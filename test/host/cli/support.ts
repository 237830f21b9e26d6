/** Runs the compiled command line as a person would, and makes the small files that its tests go through. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../support.js";

/** Of this very build: the tests' own folder is dist/test/host/cli/. */
const mainPath = fileURLToPath(new URL("../../../src/host/cli/main.js", import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  /** Ends the reading side of its standard output before anything is written. */
  readonly closesStdout?: boolean;
}

export function startCli(args: readonly string[], { cwd, env = {} }: CliOptions = {}) {
  const { MENDLINE_STORE: _store, MENDLINE_DEBUG: _debug, FORCE_COLOR: _colour, ...inherited } = process.env;
  return spawn(process.execPath, [mainPath, ...args], { cwd, env: { ...inherited, ...env } });
}

export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = startCli(args, options);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  if (options.closesStdout === true) child.stdout.destroy();
  // A command that ends before it has read its input is not this helper's concern.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin ?? "");
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Commands that run at once. */
export const lanes = 2;

/** A few at a time; results in the order of the items. Runs of the same lane follow each other. */
export async function runEach<Item, Result>(
  items: readonly Item[],
  run: (item: Item, lane: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const runLane = async (lane: number) => {
    while (next < items.length) {
      const index = next++;
      results[index] = await run(items[index]!, lane);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => runLane(lane)));
  return results;
}

/** Path and content of every file below a folder, as one hash. */
export function treeHash(dir: string): string {
  const hash = createHash("sha256");
  for (const path of filesBelow(dir)) {
    hash.update(relative(dir, path)).update("\0").update(readFileSync(path)).update("\0");
  }
  return hash.digest("hex");
}

export function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

export function rainModel(name: string): string {
  return join(packageRoot, "examples", "rain", "models", `rain-${name}.onnx`);
}

interface RainCut {
  readonly cities: readonly string[];
  readonly from: string;
  readonly to: string;
}

const dayMs = 86_400_000;

/** Rows of the rain example, as its models take them: written as CSV. */
export function writeRainData(path: string, { cities, from, to }: RainCut): void {
  const source = join(packageRoot, "node_modules", "vega-datasets", "data", "weather.csv");
  const lines = readFileSync(source, "utf8").trim().split("\n").slice(1);
  const rows = lines
    .map((line) => line.split(","))
    .filter(([city, date]) => cities.includes(city!) && date! >= from && date! <= to)
    .map(([, date, precipitation, temperatureMax, temperatureMin, wind]) => {
      const dayOfYear = (Date.parse(date!) - Date.parse(`${date!.slice(0, 4)}-01-01`)) / dayMs + 1;
      return [dayOfYear, temperatureMin, temperatureMax, wind, Number(precipitation) > 0 ? 1 : 0].join(",");
    });
  writeFileSync(path, ["day_of_year,temp_min,temp_max,wind,rains", ...rows, ""].join("\n"));
}

export const rainFlags = ["--features", "day_of_year,temp_min,temp_max,wind", "--label", "rains"];
