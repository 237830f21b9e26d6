/**
 * Deploys a model and dies in the middle: `node crash-child.js STORE ALIAS ID DIR POINT`. Started by the test.
 *
 * The deployment is the real one; only `rename` is wrapped, because every step of it ends in one.
 */
import { relative } from "node:path";
import { MendlineError } from "../../../src/errors.js";
import { deploy } from "../../../src/host/deployment/deployments.js";
import { disk } from "../../../src/lineage-store/files.js";
import { LineageStore } from "../../../src/lineage-store/store.js";

/** Where it dies: what a file, a folder or a link is renamed to in the serving folder, and whether before or after. */
export const crashPoints = {
  /** The version's folder is written, and not yet called so. */
  staging: { target: /^versions\/\d+-/, isAfter: false },
  /** The version is there; the alias has not moved. */
  staged: { target: /^versions\/\d+-/, isAfter: true },
  /** The alias has moved; readers see the old file. */
  committed: { target: /^model\.\w+$/, isAfter: false },
  /** Readers see the new file; `current` leads to the old version. */
  swapped: { target: /^model\.\w+$/, isAfter: true },
  /** All is new; what the old one left is not cleared away. */
  pointed: { target: /^current$/, isAfter: true },
} as const;

export type CrashPoint = keyof typeof crashPoints;

function dieAt({ target, isAfter }: (typeof crashPoints)[CrashPoint]): void {
  const { rename } = disk;
  disk.rename = async (from, to) => {
    const isHere = target.test(relative(dir!, String(to)).replaceAll("\\", "/"));
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
