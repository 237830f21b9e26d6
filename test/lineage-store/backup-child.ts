/** Backs a store up, or restores it, and dies before its n-th call that changes names of files. Its parent is backup.test.ts. */
import { disk } from "../../src/lineage-store/files.js";
import { LineageStore } from "../../src/lineage-store/store.js";
import { packing } from "./rich-store.js";
import { plainDeltas } from "./support.js";

const [action, source, target, step] = process.argv.slice(2) as [string, string, string, string];
const store = action === "backup" ? await LineageStore.open(source, packing()) : null;
let left = Number(step);
for (const name of ["rename", "rm", "open", "mkdir"] as const) {
  const original = disk[name] as (...parts: unknown[]) => Promise<unknown>;
  Reflect.set(disk, name, (...parts: unknown[]) => {
    // Files that are only read show nothing when they are not.
    const changes = name !== "open" || /^w/.test(String(parts[1]));
    if (changes && left-- === 0) process.kill(process.pid, "SIGKILL");
    return original(...parts);
  });
}
if (store === null) await LineageStore.restoreBackup(source, target, { deltas: plainDeltas() });
else {
  await store.backup(target);
  left = Number.POSITIVE_INFINITY;
  await store.close();
}
