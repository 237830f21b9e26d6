/** What every test file may lean on: where fixtures are, and scratch folders that go away. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's root: tests run from dist/test/. */
export const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

export function fixturePath(...parts: string[]): string {
  return join(packageRoot, "test", "fixtures", ...parts);
}

export function scratchDir(root = tmpdir()): string {
  const dir = mkdtempSync(join(root, "mendline-test-"));
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
