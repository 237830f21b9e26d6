/** Temporary folders and raw files that other programs read. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let folder: string | undefined;

/** Removed when the process ends, also when it is asked to: a folder can hold hundreds of megabytes. */
export function scratchDir(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "mendline-bench-"));
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.once(signal, () => process.exit(1));
    folder = made;
  }
  return folder;
}

/** The values' bytes, in the machine's order. */
export function rawFile(name: string, values: ArrayBufferView): string {
  const path = join(scratchDir(), name);
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return path;
}
