/** numpy and scipy, in a python process that times itself. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Answer, Case, Role } from "./measure.js";

const outputBytesMax = 64 * 1024 * 1024;

export interface Python {
  readonly path: string;
  /** `numpy 2.4.6, scipy 1.17.1`. */
  readonly versions: string;
}

const prelude = `
import json, sys, time
import numpy as np
runs = int(sys.argv[1])
def measure(work):
    answer = work()
    samples = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        samples.append((time.perf_counter() - began) * 1e3)
    print(json.dumps({"answer": [float(x) for x in answer], "samplesMs": samples}))
`;

let found: Python | null | undefined;

/** The first python3 on the path that has both, or null. */
export function findPython(): Python | null {
  if (found === undefined) found = searchPython();
  return found;
}

function searchPython(): Python | null {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, "python3");
    if (folder === "" || !existsSync(path)) continue;
    try {
      const script =
        "import numpy, scipy; print('numpy ' + numpy.__version__ + ', scipy ' + scipy.__version__)";
      const versions = execFileSync(path, ["-c", script], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      return { path, versions: versions.trim() };
    } catch {
      // Another python on the path may have them.
    }
  }
  return null;
}

/** @param script  defines `work()`, which returns numbers; its arguments are sys.argv[2:] */
export function pythonCase(name: string, role: Role, script: string, args: readonly string[]): Case {
  const python = findPython();
  if (python === null) return { name, role, missing: "no python3 with numpy and scipy on the path" };
  const run = (runs: number) => runPython(python, script, [String(runs), ...args]);
  return {
    name: `${name} (${python.versions})`,
    role,
    answer: async () => (await run(0)).answer,
    time: async (runs) => (await run(runs)).samplesMs,
  };
}

interface Timed {
  readonly answer: Answer;
  readonly samplesMs: readonly number[];
}

function runPython({ path }: Python, script: string, args: readonly string[]): Promise<Timed> {
  const source = `${prelude}\n${script}\nmeasure(work)\n`;
  // One core for everyone: numpy's and scipy's linear algebra would take all.
  const env = { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" };
  return runTimed(path, ["-c", source, ...args], env);
}

/** Runs a program that prints `{"answer": [...], "samplesMs": [...]}`. */
export function runTimed(
  path: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<Timed> {
  return new Promise((resolve, reject) => {
    execFile(path, [...args], { env, maxBuffer: outputBytesMax }, (error, stdout, stderr) => {
      if (error !== null) reject(new Error(`${path}: ${stderr.trim().split("\n").at(-1) || error.message}`));
      else resolve(JSON.parse(stdout) as Timed);
    });
  });
}
