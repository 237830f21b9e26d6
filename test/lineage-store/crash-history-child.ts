/** Makes a random history that its parent can make again, and says after each commit that it is durable. See crash-history.test.ts. */
import { writeSync } from "node:fs";
import { LineageStore } from "../../src/lineage-store/store.js";
import { outcome, seededBatch } from "./histories.js";

const [dir, seed, from] = process.argv.slice(2);
let index = Number(from);
const store = await LineageStore.open(dir!, { nowMs: () => index });
writeSync(1, "ready\n");
for (; ; index++) {
  const batch = seededBatch(Number(seed), index);
  await store.commit((tx) => batch.map((operation) => outcome(tx, operation)));
  writeSync(1, `${index}\n`);
}
