/**
 * Deploys a model and dies in the middle: `node crash-child.js STORE ALIAS ID DIR POINT`. Started by the test.
 *
 * The deployment is the real one; only `rename` is wrapped, because every step of it ends in one.
 */
import { basename } from "node:path";
import { MendlineError } from "../../../src/errors.js";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { disk } from "../../../src/lineage-store/files.js";
import { LineageStore } from "../../../src/lineage-store/store.js";

/** Where it dies: what the file is renamed to, and whether before or after. */
export const crashPoints = {
  /** The staged file is written, and not yet called so. */
  staging: { target: /^\.model\.\w+\.staged-/, isAfter: false },
  /** Staged; the alias has not moved. */
  staged: { target: /^\.model\.\w+\.staged-/, isAfter: true },
  /** The alias has moved; readers see the old file. */
  committed: { target: /^model\.\w+$/, isAfter: false },
  /** Readers see the new file; what the old one left is not cleared away. */
  swapped: { target: /^model\.\w+$/, isAfter: true },
} as const;

export type CrashPoint = keyof typeof crashPoints;

function dieAt({ target, isAfter }: (typeof crashPoints)[CrashPoint]): void {
  const { rename } = disk;
  disk.rename = async (from, to) => {
    const isHere = target.test(basename(String(to)));
    if (isHere && !isAfter) process.kill(process.pid, "SIGKILL");
    await rename(from, to);
    if (isHere) process.kill(process.pid, "SIGKILL");
  };
}

const [, , storeDir, alias, id, dir, point] = process.argv;
if (point !== undefined) {
  try {
    const store = await LineageStore.open(storeDir!);
    dieAt(crashPoints[point as CrashPoint]);
    await deploy(store, { alias: alias!, id: id!, dir: dir!, reason: "deploy" });
    process.stdout.write("it outlived the deployment\n");
  } catch (error) {
    process.stdout.write(`${error instanceof MendlineError ? error.code : String(error)}\n`);
  }
  process.exitCode = 1;
}
