/**
 * At most one repair run an alias. A store belongs to one process, so that a run is alive when this process works on it, and dead
 * when its record has no end and nobody here works on it.
 */
import { MendlineError } from "../../errors.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { runOnTrial } from "./open-trials.js";
import type { StartedStep } from "./run-steps.js";
import { isOpen } from "./run-steps.js";

/** Runs that this process works on: their alias, by id. */
const alive = new WeakMap<LineageStore, Map<string, string | null>>();

function runsOf(store: LineageStore): Map<string, string | null> {
  let runs = alive.get(store);
  if (runs === undefined) {
    runs = new Map();
    alive.set(store, runs);
  }
  return runs;
}

export function isAlive(store: LineageStore, run: string): boolean {
  return runsOf(store).has(run);
}

/**
 * Takes the alias for a run until the returned function is called.
 *
 * @throws MendlineError MENDLINE_REPAIR_BUSY  another run, alive or dead, has the alias: names it
 */
export async function claim(store: LineageStore, run: string, alias: string | null): Promise<() => void> {
  const runs = runsOf(store);
  if (runs.has(run)) throw busy(`${run} is under way already`, run);
  const rival = alias === null ? undefined : [...runs].find(([, taken]) => taken === alias);
  if (rival !== undefined) {
    throw busy(`alias "${alias}" is being repaired already, by ${rival[0]}: wait for its end`, rival[0]);
  }
  // At once: what follows waits, and another claim may come meanwhile.
  runs.set(run, alias);
  const release = () => void runs.delete(run);
  try {
    if (alias !== null) await refuseDead(store, run, alias);
    if (alias !== null) await refuseTrial(store, alias);
    return release;
  } catch (thrown) {
    release();
    throw thrown;
  }
}

async function refuseDead(store: LineageStore, run: string, alias: string): Promise<void> {
  const dead = await openRunOf(store, alias);
  if (dead === null || dead === run) return;
  throw busy(
    `alias "${alias}" has a run that was broken off, ${dead}: go on with \`mendline resume ${dead}\`, or end it with \`mendline resume ${dead} --cancel\``,
    dead,
  );
}

async function refuseTrial(store: LineageStore, alias: string): Promise<void> {
  const run = await runOnTrial(store, alias);
  if (run === null) return;
  throw busy(
    `alias "${alias}" has a candidate on trial, of ${run}: \`mendline trial ${alias}\` tells how it stands, \`mendline trial ${alias} --end\` ends it`,
    run,
  );
}

/** The newest run of an alias whose record has no end. */
export async function openRunOf(store: LineageStore, alias: string): Promise<string | null> {
  for await (const { runId, step } of store.listRuns()) {
    if (!isOpen(step)) continue;
    const [started] = await store.run(runId);
    if ((started?.data as StartedStep | null | undefined)?.plan?.alias === alias) return runId;
  }
  return null;
}

export function busy(message: string, run: string): MendlineError {
  return new MendlineError("MENDLINE_REPAIR_BUSY", message, { details: { run } });
}
