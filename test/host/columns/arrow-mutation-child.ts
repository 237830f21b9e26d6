// Tries mutations of Arrow data in a process of its own, and tells before each which it is: who hangs can be ended, and named.
import { MendlineError } from "../../../src/errors.js";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import { DriftMonitor } from "../../../src/host/drift/monitor.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { arrowPlaces, mutate } from "./arrow-mutator.js";
import { sample } from "./arrow-sample.js";
import { arrowBytes, type Form, readAll } from "./reading.js";

const [form, rounds, seed] = process.argv.slice(2) as [Form, string, string];
const runtime = await openRuntime({ memoryBytes: 32 * 1024 * 1024 });
const { arena } = runtime;
const bytes = arrowBytes(sample(), form);
const places = arrowPlaces(bytes);
const next = random(Number(seed));
const profile = await profileData(runtime, await arrowSource(bytesAsSource(bytes, "whole"), arena));
const monitor = new DriftMonitor(runtime, { id: "m", label: "model@1", profile }, [], {
  window: { rows: 1_000_000 },
});
/** What a monitor holds for its columns, however often they come: rows that it gathers, and counts. */
const monitorBytesMax = 4 * 1024 * 1024;

/** Every way in: as a source read whole, as what a profile is made of, as what a monitor observes. */
async function outcomeOf(mutated: Uint8Array): Promise<string> {
  const codes = new Set<string>();
  const attempt = async (run: () => Promise<unknown>) => {
    try {
      await run();
      codes.add("read");
    } catch (thrown) {
      if (!(thrown instanceof MendlineError)) throw thrown;
      codes.add(thrown.code);
    }
  };
  const { usedBytes } = arena.use;
  await attempt(async () => {
    const source = await arrowSource(bytesAsSource(mutated, "mutated"), arena);
    const { batchRows } = await readAll(arena, source);
    const rows = batchRows.reduce((sum, count) => sum + count, 0);
    if (rows !== source.rowCount) throw new Error(`${rows} rows of ${source.rowCount}`);
    await profileData(runtime, source);
  });
  if (arena.use.usedBytes !== usedBytes) throw new Error("memory was kept");
  await attempt(async () => monitor.observe(mutated));
  if (arena.use.usedBytes > monitorBytesMax) throw new Error("the monitor grows");
  return [...codes].sort().join(" ");
}

for (let round = 0; round < Number(rounds); round++) {
  process.send!({ round });
  const mutated = mutate(bytes, places, next);
  const began = process.cpuUsage();
  let outcome: string;
  try {
    outcome = await outcomeOf(mutated);
  } catch (thrown) {
    outcome = `round ${round}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`;
  }
  const { user, system } = process.cpuUsage(began);
  process.send!({ outcome, workMs: (user + system) / 1_000 });
}
process.send!({ isDone: true }, () => process.disconnect());
