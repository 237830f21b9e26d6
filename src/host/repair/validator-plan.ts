/** A validator of the user's own: a JavaScript module, or a command for the shell. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { resolve as absolutePath } from "node:path";
import { MendlineError } from "../../errors.js";

/** As a run remembers it. */
export type ValidatorPlan =
  | { readonly kind: "command"; readonly command: string }
  | {
      readonly kind: "module";
      /** Absolute. */
      readonly path: string;
      /** sha256 of the file: another module judges otherwise. */
      readonly digest: string;
    };

const moduleName = /\.[cm]?js$/;

/** A name of a JavaScript file is a module; all else is a command for the shell. */
export async function validatorPlan(given: string): Promise<ValidatorPlan> {
  const path = absolutePath(given);
  const isModule = moduleName.test(given) && (await stat(path).catch(() => null))?.isFile() === true;
  return isModule
    ? { kind: "module", path, digest: await digestOf(path) }
    : { kind: "command", command: given };
}

async function digestOf(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

/** @throws MendlineError MENDLINE_REPAIR_INPUTS  the module is gone, or another one than the run began with */
export async function refuseOtherModule(run: string, plan: ValidatorPlan | null): Promise<void> {
  if (plan?.kind !== "module") return;
  const now = await digestOf(plan.path).catch(() => null);
  if (now === plan.digest) return;
  const what = now === null ? "cannot be read any more" : "has been changed";
  throw new MendlineError(
    "MENDLINE_REPAIR_INPUTS",
    `${run}: the validator ${plan.path} ${what} since the run began: bring it back, or end the run with \`mendline resume ${run} --cancel\``,
    { details: { run, path: plan.path } },
  );
}
