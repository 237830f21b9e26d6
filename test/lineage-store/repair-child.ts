/** Repairs a store and dies, without a word, before its n-th rename or removal. Its parent is store-repair.test.ts. */
import { disk } from "../../src/lineage-store/files.js";
import { repairStore } from "../../src/lineage-store/store-repair.js";

let left = Number(process.argv[3]);
for (const name of ["rename", "rm"] as const) {
  const original = disk[name] as (...parts: unknown[]) => Promise<void>;
  Reflect.set(disk, name, (...parts: unknown[]) => {
    if (left-- === 0) process.kill(process.pid, "SIGKILL");
    return original(...parts);
  });
}
await repairStore(process.argv[2]!);
