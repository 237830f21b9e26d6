/** Repair runs as people ask for them: which there are, how far each came, and ending one that nobody will resume. */
import { MendlineError } from "../../errors.js";
import type { LineageStore } from "../../lineage-store/store.js";
import { listRequests } from "../labels/requests.js";
import type { RepairContext } from "./context.js";
import { endedRun } from "./pipeline.js";
import type { RepairOutcome, RepairReport } from "./report.js";
import { busy, isAlive } from "./run-claims.js";
import { type LoggedStep, RunLog } from "./run-log.js";
import { reportOf } from "./run-report.js";
import { brokenSteps, isDecided, isOpen, type RunSteps, type StartedStep } from "./run-steps.js";
import { type StoryEvent, storyOf } from "./story.js";

export interface RepairRun {
  readonly run: string;
  /** The last step. */
  readonly step: string;
  /**
   * `running`: this process works on it. `interrupted`: its process ended without a word. `failed`, `cancelled`: as it says; these
   * three can be resumed. `on-trial`: a trial decides (alias-trial.ts). `ended`: with a decision.
   */
  readonly state: "running" | "interrupted" | "failed" | "cancelled" | "on-trial" | "ended";
  /** Null before the end, and for runs of an earlier mendline. */
  readonly outcome: RepairOutcome | null;
  readonly alias: string | null;
  /** Id of the drifted model. */
  readonly model: string | null;
  readonly startedMs: number;
  readonly updatedMs: number;
}

export interface RepairRunDetails extends RepairRun {
  /** What was recorded, in order. */
  readonly steps: readonly LoggedStep[];
  /** Of a run that has ended. */
  readonly report: RepairReport | null;
  /** It, and the rounds of labels before and after it. */
  readonly story: readonly StoryEvent[];
}

/** Newest first. */
export async function* listRuns(
  store: LineageStore,
  options: { readonly limit?: number } = {},
): AsyncGenerator<RepairRun> {
  for await (const { runId } of store.listRuns(options))
    yield summaryOf(store, runId, await store.run(runId));
}

/** @throws MendlineError MENDLINE_STORE_UNKNOWN  no such run */
export async function describeRun(store: LineageStore, run: string): Promise<RepairRunDetails> {
  const steps = (await store.run(run)).map(({ step, atMs, data }) => ({ step, atMs, data }));
  const summary = summaryOf(store, run, steps);
  const hasReport = isDecided(summary.step) && summary.model !== null;
  const report = hasReport
    ? { ...reportOf(await RunLog.reopen(store, run)), labelRequest: await requestOf(store, run) }
    : null;
  return { ...summary, steps, report, story: await storyOf(store, run) };
}

/** The newest label request that a run waits for. */
async function requestOf(store: LineageStore, run: string): Promise<string | null> {
  for await (const { id, question, state } of listRequests(store)) {
    if (question.run === run && state !== "cancelled") return id;
  }
  return null;
}

function summaryOf(store: LineageStore, run: string, steps: readonly LoggedStep[]): RepairRun {
  const { step, data } = steps.at(-1)!;
  const plan = (steps[0]!.data as Partial<StartedStep> | null)?.plan;
  return {
    run,
    step,
    state: stateOf(store, run, step),
    outcome: isDecided(step) && plan !== undefined ? (data as RunSteps[typeof step]).outcome : null,
    alias: plan?.alias ?? null,
    model: plan?.model ?? null,
    startedMs: steps[0]!.atMs,
    updatedMs: steps.at(-1)!.atMs,
  };
}

function stateOf(store: LineageStore, run: string, step: string): RepairRun["state"] {
  if (step === "on-trial") return step;
  if (isDecided(step)) return "ended";
  if (isAlive(store, run)) return "running";
  return brokenSteps.find((broken) => broken === step) ?? "interrupted";
}

const resumable = { interrupted: true, failed: true, cancelled: true } as const;

/** The runs that `resume` can go on with, newest first. */
export async function resumableRuns(store: LineageStore): Promise<RepairRun[]> {
  const runs: RepairRun[] = [];
  for await (const run of listRuns(store)) {
    if (run.state in resumable && run.model !== null) runs.push(run);
  }
  return runs;
}

/**
 * Ends a run that was broken off, so that its alias is free. What it had published stays; a folder that a crash left behind is mended.
 *
 * @returns how the run stands then
 * @throws MendlineError MENDLINE_STORE_UNKNOWN  no such run; MENDLINE_REPAIR_BUSY  it is under way: abort it where it runs
 */
export async function cancelRun(context: RepairContext, run: string): Promise<RepairRun> {
  const { store } = context;
  if (isAlive(store, run)) throw busy(`${run} is under way: interrupt the process that works on it`, run);
  const log = await RunLog.reopen(store, run);
  if ((await endedRun(context, log)) === null && isOpen(log.state)) {
    await log.append("cancelled", { reason: "it was ended by hand", code: null });
  }
  return summaryOf(store, run, await store.run(run));
}

/** @throws MendlineError MENDLINE_STORE_UNKNOWN, MENDLINE_STORE_AMBIGUOUS  there is none to resume, or more than one */
export async function onlyResumable(store: LineageStore): Promise<string> {
  const runs = await resumableRuns(store);
  if (runs.length === 1) return runs[0]!.run;
  if (runs.length === 0) {
    throw new MendlineError(
      "MENDLINE_STORE_UNKNOWN",
      "there is no run to resume: `mendline runs` lists them all",
    );
  }
  const told = runs.slice(0, 5).map(({ run, alias, step }) => `${run} (${alias ?? "no alias"}, ${step})`);
  throw new MendlineError(
    "MENDLINE_STORE_AMBIGUOUS",
    `${runs.length} runs can be resumed: name one of ${told.join(", ")}${runs.length > told.length ? ", …" : ""}`,
    { details: { runs: runs.map(({ run }) => run) } },
  );
}
