/**
 * Runs the benchmark suites, one node process each, one after the other: two at once would measure each other.
 *
 *     npm run bench                   all
 *     npm run bench -- counts ks      suites of these names
 *     BENCH_QUICK=1 npm run bench     small data and few samples: whether everything runs
 *
 * The table goes to the terminal, everything to bench/results/<date>.json. Exit 1 when a case failed or gave another answer than ours;
 * an incumbent that the machine lacks is named as missing, which is no failure.
 */
import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Machine, machineHere, machineText } from "./machine.js";
import type { CaseResult, GroupResult } from "./measure.js";
import { scratchDir } from "./scratch.js";
import { type Fact, type FigureTable, factText, isQuick, type Message, questionText } from "./suite.js";
import { groupText, tableText } from "./table.js";

/** A hang must not take the night. */
const suiteDeadlineMs = 15 * 60_000;

export interface RunOptions {
  /** Folder of the compiled suites. */
  readonly suitesDir: string;
  readonly resultsDir: string;
  /** Names of suites; none = all. */
  readonly names?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly deadlineMs?: number;
  readonly write: (line: string) => void;
}

export interface SuiteResult {
  readonly name: string;
  readonly question: string;
  /** What it ran on: one core, or all. */
  readonly cores: string;
  readonly status: "completed" | "failed";
  /** What went wrong, a line each. */
  readonly problems: readonly string[];
  /** Incumbents that the machine lacks, with the reason. */
  readonly missing: readonly string[];
  /** Cases whose times are worth less than they look, and why. */
  readonly doubts: readonly string[];
  readonly groups: readonly GroupResult[];
  readonly facts: readonly Fact[];
  readonly tables: readonly FigureTable[];
}

export interface Results {
  readonly format: "mendline-bench";
  readonly version: 1;
  readonly startedAt: string;
  readonly isQuick: boolean;
  readonly machine: Machine;
  readonly suites: readonly SuiteResult[];
}

/** @returns whether every case of every suite completed, and the file that holds the results */
export async function runSuites(
  options: RunOptions,
): Promise<{ ok: boolean; path: string; results: Results }> {
  const { write } = options;
  const files = suiteFiles(options);
  const startedAt = new Date().toISOString();
  const machine = await machineHere();
  write(machineText(machine));
  const suites: SuiteResult[] = [];
  for (const file of files) suites.push(await runOne(file, options));
  for (const { name, problems } of suites)
    for (const problem of problems) write(`WARNING ${name}: ${problem}`);
  for (const line of missingLines(suites)) write(line);
  const doubts = suites.reduce((sum, suite) => sum + suite.doubts.length, 0);
  if (doubts > 0)
    write(`${doubts} cases have doubtful times (last column): a busy machine is none to measure on`);
  const quick = options.environment === undefined ? isQuick : options.environment.BENCH_QUICK === "1";
  const results: Results = {
    format: "mendline-bench",
    version: 1,
    startedAt,
    isQuick: quick,
    machine,
    suites,
  };
  mkdirSync(options.resultsDir, { recursive: true });
  const path = join(options.resultsDir, `${startedAt.replaceAll(":", "-")}.json`);
  writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`);
  write(`\n${path}`);
  return { ok: suites.every((suite) => suite.status === "completed"), path, results };
}

function suiteFiles({ suitesDir, names = [] }: RunOptions): string[] {
  const files = readdirSync(suitesDir)
    .filter((file) => /\.m?js$/.test(file))
    .sort((one, other) => (suiteName(one) < suiteName(other) ? -1 : 1));
  const unknown = names.filter((name) => !files.some((file) => suiteName(file) === name));
  if (unknown.length > 0) {
    throw new RangeError(`no suite ${unknown.join(", ")}; there are ${files.map(suiteName).join(", ")}`);
  }
  const wanted = files.filter((file) => names.length === 0 || names.includes(suiteName(file)));
  return wanted.map((file) => join(suitesDir, file));
}

function suiteName(file: string): string {
  return basename(file).replace(/\.m?js$/, "");
}

async function runOne(file: string, options: RunOptions): Promise<SuiteResult> {
  const { write } = options;
  const name = suiteName(file);
  let question = "";
  let cores = "";
  const groups: GroupResult[] = [];
  const facts: Fact[] = [];
  const tables: FigureTable[] = [];
  const ending = await runProcess(file, options, (message) => {
    if (message.kind === "question") {
      ({ question, cores } = message);
      write(`\n== ${name}: ${questionText(question, cores)}`);
    } else if (message.kind === "group") {
      groups.push(message.group);
      write(groupText(message.group));
    } else if (message.kind === "table") {
      tables.push(message.table);
      write(tableText(message.table));
    } else {
      facts.push(message.fact);
      write(factText(message.fact));
    }
  });
  const problems = [...groups.flatMap(problemsOf), ...(ending === null ? [] : [ending])];
  if (groups.length + tables.length === 0) problems.push("measured nothing");
  const missing = linesOf(groups, ({ status, note }) => (status === "missing" ? [note!] : []));
  const doubts = linesOf(groups, ({ warnings }) => warnings);
  return {
    name,
    question,
    cores,
    status: problems.length === 0 ? "completed" : "failed",
    problems,
    missing,
    doubts,
    groups,
    facts,
    tables,
  };
}

function problemsOf(group: GroupResult): string[] {
  return group.cases
    .filter((one) => one.status === "failed" || one.status === "wrong")
    .map((one) => `${group.name}: ${one.name} did not complete, ${one.status}: ${one.note}`);
}

/** One line a reason: a machine without python3 lacks dozens of cases. */
function missingLines(suites: readonly SuiteResult[]): string[] {
  const counts = new Map<string, number>();
  for (const { note, status } of suites.flatMap(({ groups }) => groups.flatMap(({ cases }) => cases)))
    if (status === "missing") counts.set(note!, (counts.get(note!) ?? 0) + 1);
  return Array.from(counts, ([note, count]) => `MISSING ${count} cases: ${note}`);
}

function linesOf(groups: readonly GroupResult[], notesOf: (one: CaseResult) => readonly string[]): string[] {
  return groups.flatMap((group) =>
    group.cases.flatMap((one) => notesOf(one).map((note) => `${group.name}: ${one.name}: ${note}`)),
  );
}

/** @returns why the process did not end well, or null */
function runProcess(
  file: string,
  { environment = process.env, deadlineMs = suiteDeadlineMs }: RunOptions,
  take: (message: Message) => void,
): Promise<string | null> {
  return new Promise((resolve, reject) => {
    // A suite that weighs the heap must be able to empty it first.
    const execArgv = ["--expose-gc"];
    // A suite that is killed cannot clear away what it wrote.
    const scratch = mkdtempSync(join(scratchDir(), "suite-"));
    const env = { ...environment, TMPDIR: scratch };
    const child = fork(file, { execArgv, env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, deadlineMs);
    child.on("message", (message) => take(message as Message));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      rmSync(scratch, { recursive: true, force: true });
      if (isLate) resolve(`did not end within ${deadlineMs / 1000} s`);
      else resolve(code === 0 ? null : `ended with ${signal ?? `exit code ${code}`}`);
    });
  });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { ok } = await runSuites({
    suitesDir: fileURLToPath(new URL("./suites/", import.meta.url)),
    resultsDir: fileURLToPath(new URL("../../bench/results/", import.meta.url)),
    names: process.argv.slice(2),
    write: (line) => console.log(line),
  });
  process.exitCode = ok ? 0 : 1;
}
