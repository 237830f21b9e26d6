/** Watches rows without end, and says which windows it was told are durable. Its parent, monitor-crash.test.ts, kills it. */
import { writeSync } from "node:fs";
import { openEngine } from "../../src/index.js";
import { watchedOptions, watchedRows } from "./monitor-crash-rows.js";

const [dir, total] = [process.argv[2]!, Number(process.argv[3])];
const engine = await openEngine({ store: dir });
engine.on("window", ({ window }) => writeSync(1, `${window.number}\n`));
const monitor = await engine.monitor("model@1", watchedOptions);
if (monitor.start.anew !== null) throw new Error(monitor.start.anew);
writeSync(1, `from ${monitor.start.rows}\n`);
// Rows behind the last ones that are durable, as a source gives them that can be asked again.
while (monitor.rowsObserved < total) {
  const from = monitor.rowsObserved;
  monitor.observe(watchedRows(from, Math.min(total - from, 1 + (from % 83))));
  await new Promise((resolve) => setImmediate(resolve));
}
await engine.close();
writeSync(1, "done\n");
