/** What the checks of `npm run check` share: where the package is, and how a check tells its findings. */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The package's root: scripts run from dist/scripts/. */
export const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

/** Whether the module at `url` is the program that node was started with, and not an import of it. */
export function isMain(url: string): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === realpathSync(fileURLToPath(url));
}

/** One line a finding and exit code 1, or one line that says what was found in order. */
export function tellFindings(name: string, findings: readonly string[], inOrder: string): void {
  for (const finding of findings) console.error(`${name}: ${finding}`);
  if (findings.length > 0) process.exitCode = 1;
  console.log(findings.length > 0 ? `${name}: ${findings.length} found` : `${name}: ${inOrder}`);
}
