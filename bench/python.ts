/** numpy and scipy, in a python process that times itself. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { companionCase } from "./companion.js";
import type { Case, Role } from "./measure.js";

export interface Python {
  readonly path: string;
  readonly numpy: string;
  readonly scipy: string;
  /** The instruction sets beyond its baseline that numpy chose code for on this machine, as it names them. */
  readonly dispatched: readonly string[];
}

/** companion.ts has the protocol. */
const prelude = `
import json, math, sys, time
import numpy as np
def sample(work, runs):
    began = time.perf_counter()
    for _ in range(runs):
        work()
    return time.perf_counter() - began
def measure(work):
    print(json.dumps({"answer": [float(x) for x in work()]}), flush=True)
    for line in sys.stdin:
        fewest, seconds, cycle = (float(word) for word in line.split())
        runs = max(1, math.ceil(cycle / max(sample(work, 1), 1e-9)))
        samples = []
        while len(samples) < fewest or sum(samples) * runs < seconds * 1e3:
            samples.append(sample(work, runs) / runs * 1e3)
        print(json.dumps({"samplesMs": samples}), flush=True)
`;

/** Older numpy has the module elsewhere, newer names the sets otherwise: it is asked. */
const lookScript = `
import json, numpy, scipy
from numpy._core import _multiarray_umath as core
chosen = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
print(json.dumps({"numpy": numpy.__version__, "scipy": scipy.__version__, "dispatched": chosen}))
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
      const text = execFileSync(path, ["-c", lookScript], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      return { path, ...(JSON.parse(text) as Omit<Python, "path">) };
    } catch {
      // Another python on the path may have them.
    }
  }
  return null;
}

/**
 * What numpy may use, which decides how fast it sorts (and np.histogram and ks_2samp sort): its sort has code of its own for AVX-512
 * and for AVX2; without both it is compiled for numpy's baseline, 128-bit vectors on x86-64, the width that WebAssembly has.
 */
export type NumpyWidth = "machine" | "without AVX-512" | "128-bit vectors";

const isAvx512 = (name: string) => name.startsWith("AVX512") || name === "X86_V4";

function disabledFor(width: NumpyWidth, { dispatched }: Python): readonly string[] {
  if (width === "machine") return [];
  return width === "128-bit vectors" ? dispatched : dispatched.filter(isAvx512);
}

/** In the process that is measured, before its data are read: a switch that had no effect would be a false claim. */
const checkScript = `
from numpy._core import _multiarray_umath as core
left = [name for name in sys.argv[1].split() if core.__cpu_features__.get(name)]
assert not left, f"numpy still uses {left}"
`;

export interface PythonCase {
  readonly name: string;
  /** Defines `work()`, which returns numbers; its arguments are sys.argv[2:]. */
  readonly script: string;
  readonly args: readonly string[];
  readonly role?: Role;
}

export function pythonCase(
  { name, script, args, role = "incumbent" }: PythonCase,
  width: NumpyWidth = "machine",
): Case {
  const label = width === "machine" ? name : `${name}, ${width}`;
  const python = findPython();
  if (python === null) return { name: label, role, missing: "no python3 with numpy and scipy on the path" };
  const disabled = disabledFor(width, python).join(" ");
  if (width !== "machine" && disabled === "")
    return { name: label, role, missing: "numpy has nothing to leave out here" };
  const source = `${prelude}\n${checkScript}\n${script}\nmeasure(work)\n`;
  // One core for everyone: numpy's and scipy's linear algebra would take all.
  const environment = { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" };
  if (disabled !== "") Object.assign(environment, { NPY_DISABLE_CPU_FEATURES: disabled });
  return companionCase(label, role, {
    path: python.path,
    args: ["-c", source, disabled, ...args],
    environment,
  });
}

/** As it comes, without AVX-512, and with 128-bit vectors. */
export function pythonCases(one: PythonCase): Case[] {
  return [pythonCase(one), pythonCase(one, "without AVX-512"), pythonCase(one, "128-bit vectors")];
}
