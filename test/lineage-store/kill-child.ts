/** Goes through a history and ends itself before a step of the disk: `node kill-child.js DIR STEP`. Started by kill-steps.test.ts. */
import { writeSync } from "node:fs";
import { history, openStill } from "./operations.js";
import { watchDisk } from "./watched-disk.js";

const [dir, at] = process.argv.slice(2);
let steps = 0;
watchDisk({
  before: () => {
    if (steps++ === Number(at)) process.kill(process.pid, "SIGKILL");
  },
});
const store = await openStill(dir!);
for (const [index, operation] of history.entries()) {
  await operation(store);
  writeSync(1, `${index + 1}\n`);
}
await store.close();
writeSync(1, `${steps} steps\n`);
