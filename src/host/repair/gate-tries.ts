/**
 * The correction for having tried many. A gate slice that is asked again and again lets a worthless repair through in the end, so each
 * further question to the same labelled rows is asked with a wider interval:
 *
 *     try      1          2           3            k > 1
 *     tail     alpha / 2  alpha / 4   alpha / 12   alpha / (2 k (k - 1))
 *
 * The tails add up to alpha = 0.05, however many tries there are (1 / (k (k - 1)) sums to 1): when no candidate is better, at most
 * alpha of the time one of all tries on these rows is published (union bound; it holds for tries that do not look at the gate rows but
 * through what their runs report). The first try has the interval of 95 %. The same question again (the same two models, rows and
 * metric) is no further try: it has the same answer. New labelled rows begin anew, but
 * for the rounds of a refinement, which add a few rows to many (request.ts, `refines`).
 */
import { createHash } from "node:crypto";
import type { LineageStore } from "../../lineage-store/store.js";
import type { RunLog } from "./run-log.js";
import type { GatedStep, StartedStep } from "./run-steps.js";

const alpha = 0.05;
/** Runs looked through for tries on the same rows, newest first. */
const runsLookedThroughMax = 1_000;

export interface GateTry {
  /** 1 = the first question to these rows. */
  readonly number: number;
  /** Hash of all that the answer depends on. */
  readonly question: string;
}

export interface GateQuestionOf {
  /** Content ids of what is compared. */
  readonly keep: string;
  readonly repaired: string;
}

/** Of the two-sided interval against keep. */
export function confidenceOf({ number }: Pick<GateTry, "number">): number {
  const tail = number === 1 ? alpha / 2 : alpha / (2 * number * (number - 1));
  return 1 - 2 * tail;
}

export async function gateTryOf(
  store: LineageStore,
  log: RunLog,
  compared: GateQuestionOf,
): Promise<GateTry> {
  const question = questionOf(log.started, compared);
  const rows = rowsOf(log.started);
  const chain = chainOf(log.id, log.started);
  const earlier = new Map<string, number>();
  for await (const { runId } of store.listRuns({ limit: runsLookedThroughMax })) {
    if (runId === log.id) continue;
    const steps = await store.run(runId);
    const started = steps[0]!.data as Partial<StartedStep> | null;
    if (started?.inputs === undefined) continue;
    const isSame =
      rowsOf(started as StartedStep) === rows || chainOf(runId, started as StartedStep) === chain;
    if (!isSame) continue;
    for (const { step, data } of steps) {
      if (step !== "gated") continue;
      const { try: made } = data as unknown as GatedStep;
      earlier.set(made.question, made.number);
    }
  }
  return { number: earlier.get(question) ?? Math.max(0, ...earlier.values()) + 1, question };
}

/** Refinements ask mostly the rows that the run before them asked: rounds of one chain are tries on the same rows. */
function chainOf(run: string, { plan }: StartedStep): string {
  return plan.refines ?? run;
}

/** What a try is counted by. */
function rowsOf({ inputs }: StartedStep): string {
  return `${inputs.validation.digest} ${inputs.gate?.digest ?? ""}`;
}

function questionOf(started: StartedStep, { keep, repaired }: GateQuestionOf): string {
  const { metric, seed, output, validator } = started.plan;
  const asked = [rowsOf(started), seed, metric, output, validator, keep, repaired];
  return createHash("sha256").update(JSON.stringify(asked)).digest("hex");
}
