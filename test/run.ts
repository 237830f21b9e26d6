/**
 * Runs the compiled tests, one node process a file.
 *
 * uvu alone would let much pass: a throwing before-hook or a forgotten `test.run()` exits 0, and nothing has a deadline. So a file
 * counts as failed when it exits with an error, outlives its deadline, runs nothing, or passed fewer tests than it has.
 * The last line is always `N passed, N failed`, with `, N skipped` when some were.
 *
 *     npm test                 all files but the slow ones
 *     npm test -- drift cli    files whose path holds one of these
 *     npm run test:slow        the slow ones, *.slow.test.ts: the same claims, many times over
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Long enough for the slowest file on a busy machine with two cores; a hang must not take the night. */
const fileDeadlineMs = 120_000;
const slowFileDeadlineMs = 3_600_000;
/** Files, by path below dist/test/, that rightly need longer. */
const deadlineMsByFile: Readonly<Record<string, number>> = {
  // 200 processes, one after the other, killed: about 45 s where nothing else runs.
  "lineage-store/crash.test.js": 300_000,
  // 1,000 stores, each opened and read through.
  "lineage-store/flips.test.js": 300_000,
};
/** Files, by path below dist/test/, that may skip tests in CI, with the reason. */
const skipReasons: Readonly<Record<string, string>> = {};
const processesMax = 2;
const guardUrl = new URL("./uvu-guard.js", import.meta.url);
/** Of one file's output; the end is kept, because the summary stands there. */
const outputBytesMax = 8 * 1024 * 1024;

export interface RunOptions {
  /** Working directory of the tests. */
  readonly root: string;
  /** Folder that holds the compiled tests. */
  readonly testsDir: string;
  /** Only files whose path below `testsDir` holds one of these; none = all. */
  readonly filters?: readonly string[];
  readonly deadlineMs?: number;
  /** The slow files instead of the others. */
  readonly slow?: boolean;
  /** Whether a skipped test without a reason is a failure. */
  readonly strictSkips?: boolean;
  readonly write: (text: string) => void;
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Exit {
  readonly output: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Undefined when the file ended in time. */
  readonly deadlineMs?: number;
}

interface FileResult extends Totals {
  /** Why the file failed; empty when it passed. */
  readonly reasons: readonly string[];
}

const running = new Set<ChildProcess>();

/** Ends the process and what it started: each file leads a process group of its own. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}

function runFile(path: string, root: string, deadlineMs: number): Promise<Exit> {
  return new Promise((resolve, reject) => {
    const { FORCE_COLOR: _, ...environment } = process.env;
    const guard = existsSync(guardUrl) ? ["--import", guardUrl.href] : [];
    const child = spawn(process.execPath, ["--enable-source-maps", ...guard, path], {
      cwd: root,
      env: { ...environment, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    running.add(child);
    const chunks: Buffer[] = [];
    let byteCount = 0;
    let late = false;
    function keep(chunk: Buffer): void {
      chunks.push(chunk);
      byteCount += chunk.length;
      while (byteCount > outputBytesMax) byteCount -= chunks.shift()!.length;
    }
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const timer = setTimeout(() => {
      late = true;
      killGroup(child);
    }, deadlineMs);
    child.on("error", reject);
    // `close` waits for the output of everything that the file started, so that what it leaves behind meets the deadline too.
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      killGroup(child);
      const output = Buffer.concat(chunks).toString("utf8");
      resolve({ output, code, signal, ...(late ? { deadlineMs } : {}) });
    });
  });
}

/** The number in the last line `name: N` of uvu's summary. */
function summed(output: string, name: string): number | undefined {
  const all = [...output.matchAll(new RegExp(`^\\s*${name}:\\s+(\\d+)\\s*$`, "gm"))];
  const last = all.at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}

function judge(exit: Exit, skipsAreFailures: boolean): FileResult {
  const total = summed(exit.output, "Total");
  const passed = summed(exit.output, "Passed") ?? 0;
  const skipped = summed(exit.output, "Skipped") ?? 0;
  const reasons: string[] = [];
  if (exit.deadlineMs !== undefined) reasons.push(`did not end within ${exit.deadlineMs / 1000} s`);
  else if (exit.signal !== null) reasons.push(`ended by ${exit.signal}`);
  else if (exit.code !== 0) reasons.push(`exit code ${exit.code}`);
  if (total === undefined) reasons.push("printed no summary: does it end with test.run()?");
  else if (total === 0 && skipped === 0) reasons.push("ran no test");
  else if (passed < total) reasons.push(`${passed} of ${total} tests passed`);
  if (skipped > 0 && skipsAreFailures) reasons.push(`${skipped} skipped without a reason in test/run.ts`);
  const counted = (total ?? 0) - passed + (skipsAreFailures ? skipped : 0);
  return {
    passed,
    failed: reasons.length > 0 ? Math.max(1, counted) : 0,
    skipped: skipsAreFailures ? 0 : skipped,
    reasons,
  };
}

function tell(file: string, result: FileResult, output: string, write: RunOptions["write"]): void {
  if (result.reasons.length === 0) {
    const skipped = result.skipped > 0 ? `, ${result.skipped} skipped` : "";
    write(`ok    ${file}  ${result.passed} passed${skipped}\n`);
    return;
  }
  write(`FAIL  ${file}  ${result.reasons.join("; ")}\n${output.trimEnd()}\n----  ${file}\n`);
}

/** The test files below `testsDir`, with `/` between folders, sorted. */
function testFiles(testsDir: string, filters: readonly string[], slow: boolean): string[] {
  if (!existsSync(testsDir)) return [];
  return readdirSync(testsDir, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".test.js") && name.endsWith(".slow.test.js") === slow)
    .filter((name) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
    .sort();
}

/** Runs the files, writes a line each (a failed file's whole output too), and the totals as the last line. */
export async function runTests(options: RunOptions): Promise<Totals> {
  const { root, testsDir, filters = [], slow = false, write } = options;
  const files = testFiles(testsDir, filters, slow);
  const results: Totals[] = [];
  if (files.length === 0) {
    write(
      `FAIL  no test file below ${testsDir} has a path that holds ${filters.join(" or ") || ".test.js"}\n`,
    );
    results.push({ passed: 0, failed: 1, skipped: 0 });
  }
  const queue = files.values();
  async function work(): Promise<void> {
    for (const file of queue) {
      const deadlineMs =
        options.deadlineMs ?? deadlineMsByFile[file] ?? (slow ? slowFileDeadlineMs : fileDeadlineMs);
      const exit = await runFile(join(testsDir, file), root, deadlineMs);
      const result = judge(exit, options.strictSkips === true && skipReasons[file] === undefined);
      tell(file, result, exit.output, write);
      results.push(result);
    }
  }
  await Promise.all(Array.from({ length: processesMax }, work));
  const sum = (name: keyof Totals) => results.reduce((total, result) => total + result[name], 0);
  const totals = { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : "";
  write(`${totals.passed} passed, ${totals.failed} failed${skipped}\n`);
  return totals;
}

async function main(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      for (const child of running) killGroup(child);
      process.exit(130);
    });
  }
  const totals = await runTests({
    root: fileURLToPath(new URL("../../", import.meta.url)),
    testsDir: fileURLToPath(new URL("./", import.meta.url)),
    filters: process.argv.slice(2).filter((word) => word !== "--slow"),
    slow: process.argv.includes("--slow"),
    strictSkips: process.env.CI === "true",
    write: (text) => void process.stdout.write(text),
  });
  process.exitCode = totals.failed > 0 ? 1 : 0;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main();
}
