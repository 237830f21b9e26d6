/**
 * The correction for having tried many. A gate slice that is asked again and again lets a worthless repair through in the end, so that
 * further questions are asked with wider intervals: what they spend of alpha = 0.05 adds up to no more than that, however many there are.
 *
 *     the first question                          alpha / 2: an interval of 95 %
 *     another one to the same rows, the m-th      1 / m of what is left: alpha / 4, alpha / 12, …
 *     a round of labels, from n to more rows      1 - sqrt(n / rows) of what is left, in however many steps they come
 *
 * When no candidate is better, at most alpha of the time one of them is published. That holds for questions which do not look at the gate
 * rows but through what their runs report. Questions about different things are added up as they are (union bound). Rounds of one
 * refinement see mostly the same rows and ask about much the same candidate; how much, is measured (`correlation`), and a look that spends
 * a little is then made with an interval that is hardly wider (error-spending.ts). The same question again (the same two models, rows and
 * metric) is no further try: it has the same answer. New labelled rows begin anew, but for the rounds of a refinement (request.ts, `refines`).
 */
import { createHash } from "node:crypto";
import type { LineageStore } from "../../lineage-store/store.js";
import type { CandidateSpec } from "./candidate-spec.js";
import { type PastLook, tailOfLook } from "./error-spending.js";
import type { RunLog } from "./run-log.js";
import type { GatedStep, SearchedStep, StartedStep } from "./run-steps.js";

const alpha = 0.05;
/**
 * Rounds spend by the rows they come to as rows^-growth falls: of what is left, 29 % at twice as many. Of rules that need no end of the
 * data, no time-uniform bound and no other power asked for fewer labels over all sizes of difference (bench/suites/looks.ts).
 */
const growth = 0.5;
/** Runs looked through for tries on the same rows, newest first. */
const runsLookedThroughMax = 1_000;

export interface GateTry {
  /** 1 = the first question to these rows. */
  readonly number: number;
  /** Hash of all that the answer depends on. */
  readonly question: string;
  /** Rows of the gate slice. */
  readonly rows: number;
  /** Of the tries so far, itself among them: those that are no rounds. */
  readonly questions: number;
  /** How much its row differences go with those that the round before asked about, from -1 to 1; null: there is none to compare with. */
  readonly correlation: number | null;
  /** Of alpha, by this try. */
  readonly spent: number;
  /** Of alpha, for those behind it. */
  readonly left: number;
  /** Of its interval, on either side. */
  readonly tail: number;
}

/** In records from before rounds were told apart: try k had spent all but alpha / 2 k. */
export type EarlierTry = Pick<GateTry, "number" | "question">;

/** A try that was made, and what it was about. */
export interface PastTry {
  readonly made: GateTry;
  readonly finalist: CandidateSpec | null;
  /** A round of the very refinement, or the run that it began with. */
  readonly isOfChain: boolean;
}

/** What the tries before one leave it. */
export interface GateHistory {
  readonly question: string;
  /** The same question, where it was asked before. */
  readonly again: GateTry | null;
  /** The last try on these rows; null: there is none. */
  readonly last: GateTry | null;
  /** Those of the chain, in their order. */
  readonly rounds: readonly GateTry[];
  /** What the last of them was about; null where nothing tells. */
  readonly before: CandidateSpec | null;
}

/** @param tries  on these rows, in any order */
export function historyOf(question: string, tries: readonly PastTry[]): GateHistory {
  const ordered = [...tries].sort((one, other) => one.made.number - other.made.number);
  const ofChain = ordered.filter(({ isOfChain }) => isOfChain);
  return {
    question,
    again: ordered.find(({ made }) => made.question === question)?.made ?? null,
    last: ordered.at(-1)?.made ?? null,
    rounds: ofChain.map(({ made }) => made),
    before: ofChain.at(-1)?.finalist ?? null,
  };
}

/**
 * @param rows  of the gate slice, now
 * @param correlation  of the row differences with those of `before`; null: nothing to compare with
 * @param total  what all tries may spend
 */
export function nextTry(
  history: GateHistory,
  rows: number,
  correlation: number | null,
  total = alpha,
): GateTry {
  const { question, again, last, rounds } = history;
  if (again !== null) return again;
  const round = rounds.at(-1);
  const isRound = round !== undefined && rows > round.rows;
  const questions = (last?.questions ?? 0) + (isRound ? 0 : 1);
  const share = isRound ? 1 - (round.rows / rows) ** growth : 1 / questions;
  const spent = last === null ? total / 2 : last.left * share;
  const tail = tailOfLook(looksOf(rounds), tieOf(round, rows, correlation), spent);
  return {
    number: (last?.number ?? 0) + 1,
    question,
    rows,
    questions,
    correlation,
    spent,
    left: (last?.left ?? total) - spent,
    // Nothing is asked with less than the 95 % of the first question.
    tail: Math.min(tail, total / 2),
  };
}

/** Of the two-sided intervals. */
export function confidenceOf({ tail }: Pick<GateTry, "tail">): number {
  return 1 - 2 * tail;
}

function looksOf(rounds: readonly GateTry[]): PastLook[] {
  return rounds.map(({ tail, rows, correlation }, index) => ({
    tail,
    correlation: tieOf(rounds[index - 1], rows, correlation),
  }));
}

/** The correlation of two looks: what they ask about, and of the larger one's rows the share that both have seen. */
function tieOf(before: GateTry | undefined, rows: number, correlation: number | null): number {
  if (before === undefined || correlation === null) return 0;
  return correlation * Math.sqrt(Math.min(before.rows, rows) / Math.max(before.rows, rows));
}

export interface GateQuestionOf {
  /** Content ids of what is compared. */
  readonly keep: string;
  readonly repaired: string;
}

export async function gateHistoryOf(
  store: LineageStore,
  log: RunLog,
  compared: GateQuestionOf,
): Promise<GateHistory> {
  const rows = rowsOf(log.started);
  const chain = chainOf(log.id, log.started);
  const tries: PastTry[] = [];
  for await (const { runId } of store.listRuns({ limit: runsLookedThroughMax })) {
    if (runId === log.id) continue;
    const steps = await store.run(runId);
    const started = steps[0]!.data as Partial<StartedStep> | null;
    if (started?.inputs === undefined) continue;
    const isOfChain = chainOf(runId, started as StartedStep) === chain;
    if (!isOfChain && rowsOf(started as StartedStep) !== rows) continue;
    const searched = steps.find(({ step }) => step === "scale-searched")?.data as SearchedStep | undefined;
    for (const { step, data } of steps) {
      if (step !== "gated") continue;
      tries.push({
        made: madeAt(data as unknown as GatedStep),
        finalist: searched?.finalist ?? null,
        isOfChain,
      });
    }
  }
  return historyOf(questionOf(log.started, compared), tries);
}

function madeAt({ try: made, gate }: GatedStep): GateTry {
  if ("spent" in made) return made;
  const left = alpha / 2 / made.number;
  const tail = (1 - gate.confidence) / 2;
  return { ...made, rows: gate.rows, questions: made.number, correlation: null, spent: tail, left, tail };
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
