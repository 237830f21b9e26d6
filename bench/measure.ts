/**
 * Measures a group of cases that answer the same question on the same data.
 *
 * Every case's answer is compared with ours before anything is timed, and every case is warmed. Then come several rounds, each of
 * which goes through all cases, there and back: a machine that slows down or speeds up meanwhile favours nobody, and a ratio is
 * taken within its round.
 */
import { relativeSpread, roundsRatio, sameAnswer, spreadOf } from "./arithmetic.js";
import { benchmarked, clockSteps } from "./timing.js";

export type Answer = readonly number[];

/** ours: what the ratios are of. incumbent: what people use today. limit: what the machine can do at most. variant: ours otherwise. */
export type Role = "ours" | "variant" | "incumbent" | "limit";

interface Named {
  readonly name: string;
  readonly role: Role;
}

/** Returns a number made from the result, so that no work can be optimised away. */
type Work = { readonly run: () => number } | { readonly runAsync: () => Promise<number> };
/** Times itself and tells the milliseconds of each run: programs in other languages, and what no loop can repeat. */
type SelfTimed = { readonly time: (effort: Effort) => Promise<readonly number[]> };

interface Parts {
  /** Left out where there is none to compare: a copy of memory. */
  readonly answer?: () => Answer | Promise<Answer>;
  /** Called when the group has been measured. */
  readonly close?: () => void | Promise<void>;
}

export type Case = (Named & Parts & (Work | SelfTimed)) | (Named & { readonly missing: string });
type PresentCase = Exclude<Case, { missing: string }>;

export interface Group {
  readonly name: string;
  /** Values that one run goes through, and the bytes that it reads and writes; 0 where a rate says nothing. */
  readonly values: number;
  readonly bytes: number;
  /** Of answers, relative; 0 by default. */
  readonly tolerance?: number;
  /** Where the usual rounds would take too long, or tell too little. */
  readonly effort?: Partial<Effort>;
  readonly cases: readonly Case[];
}

export type CaseStatus = "completed" | "failed" | "wrong" | "missing";

export interface CaseResult extends Named {
  readonly status: CaseStatus;
  /** Why it was not completed. */
  readonly note?: string;
  /** Why its times are worth less than they look. */
  readonly warnings: readonly string[];
  readonly samples: number;
  readonly medianMs: number | null;
  readonly lowerQuartileMs: number | null;
  readonly upperQuartileMs: number | null;
  readonly nsPerValue: number | null;
  readonly gbPerSecond: number | null;
  /** How many times as fast ours is: the median, over the rounds, of this case's median over ours. */
  readonly ratio: number | null;
}

export interface GroupResult {
  readonly name: string;
  readonly values: number;
  readonly bytes: number;
  readonly cases: readonly CaseResult[];
}

/** Of one case in one round, but for the rounds themselves. */
export interface Effort {
  readonly rounds: number;
  readonly samplesMin: number;
  /** Samples are taken for so long, and until there are `samplesMin`. */
  readonly secondsMax: number;
  /** Shortest sample: of work that takes less, as many runs as fill it. */
  readonly cycleSeconds: number;
  /** A case is run for so long before it is timed: V8 has optimised it by then. */
  readonly warmSeconds: number;
}

const noteLengthMax = 200;
/** Interquartile range over the median. */
const spreadMax = 0.1;
/** A sample of fewer steps of the clock is wrong by more than 1 %. */
const clockStepsMin = 100;

let sink = 0;

/** What all runs returned, folded: printed by nobody, but known to no compiler. */
export function consumed(): number {
  return sink;
}

type Outcome =
  | { readonly status: "completed"; readonly rounds: (readonly number[])[] }
  | { readonly status: Exclude<CaseStatus, "completed">; readonly note: string };

export async function measureGroup(group: Group, usual: Effort): Promise<GroupResult> {
  const effort = { ...usual, ...group.effort };
  try {
    const outcomes = await refusals(group);
    for (const one of group.cases) {
      if (outcomes.has(one)) continue;
      outcomes.set(
        one,
        await attempt(() => warm(one as PresentCase, effort), { status: "completed", rounds: [] }),
      );
    }
    for (let round = 0; round < effort.rounds; round++) await measureRound(group, round, outcomes, effort);
    return {
      name: group.name,
      values: group.values,
      bytes: group.bytes,
      cases: caseResults(group, outcomes, effort),
    };
  } finally {
    for (const one of group.cases) if ("close" in one) await one.close?.();
  }
}

/** The cases that must not be timed: missing, failing, or with another answer than ours. */
async function refusals({ cases, tolerance }: Group): Promise<Map<Case, Outcome>> {
  const refused = new Map<Case, Outcome>();
  let expected: Answer | undefined;
  for (const one of cases) {
    if ("missing" in one) {
      refused.set(one, { status: "missing", note: one.missing });
      continue;
    }
    if (one.answer === undefined) continue;
    try {
      const answer = await one.answer();
      expected ??= answer;
      if (sameAnswer(answer, expected, tolerance)) continue;
      refused.set(one, { status: "wrong", note: `answers ${brief(answer)}, expected ${brief(expected)}` });
    } catch (thrown) {
      refused.set(one, failure(thrown));
    }
  }
  return refused;
}

/** Programs that time themselves warm themselves. */
async function warm(one: PresentCase, { warmSeconds }: Effort): Promise<void> {
  if ("time" in one) return;
  for (const began = performance.now(); performance.now() - began < warmSeconds * 1e3; )
    sink += "run" in one ? one.run() : await one.runAsync();
}

async function measureRound(
  { cases }: Group,
  round: number,
  outcomes: Map<Case, Outcome>,
  effort: Effort,
): Promise<void> {
  for (const one of round % 2 === 0 ? cases : [...cases].reverse()) {
    const outcome = outcomes.get(one)!;
    if (outcome.status !== "completed") continue;
    // What one case left behind is not to be collected in another's time.
    globalThis.gc?.();
    const timed = await attempt(async () => {
      const samples = await samplesOf(one as PresentCase, effort);
      if (samples.length === 0) throw new Error("no sample was taken");
      outcome.rounds.push(samples);
    }, outcome);
    outcomes.set(one, timed);
  }
}

async function attempt(work: () => Promise<void>, outcome: Outcome): Promise<Outcome> {
  try {
    await work();
    return outcome;
  } catch (thrown) {
    return failure(thrown);
  }
}

async function samplesOf(one: PresentCase, effort: Effort): Promise<readonly number[]> {
  if ("time" in one) return one.time(effort);
  if ("run" in one) return benchmarked(one.name, effort, { fn: () => void (sink += one.run()) });
  let failed: { readonly thrown: unknown } | undefined;
  const samples = await benchmarked(one.name, effort, {
    defer: true,
    fn: (deferred: { resolve: () => void }) => {
      one
        .runAsync()
        .then(
          (result) => void (sink += result),
          (thrown: unknown) => void (failed ??= { thrown }),
        )
        .then(() => deferred.resolve());
    },
  });
  if (failed !== undefined) throw failed.thrown;
  return samples;
}

function caseResults(group: Group, outcomes: ReadonlyMap<Case, Outcome>, effort: Effort): CaseResult[] {
  const ours = group.cases.find((one) => one.role === "ours");
  const oursOutcome = ours === undefined ? undefined : outcomes.get(ours);
  const oursRounds = oursOutcome?.status === "completed" ? oursOutcome.rounds : null;
  return group.cases.map((one) => caseResult(group, one, outcomes.get(one)!, oursRounds, effort));
}

function caseResult(
  { values, bytes }: Group,
  { name, role }: Case,
  outcome: Outcome,
  oursRounds: readonly (readonly number[])[] | null,
  { cycleSeconds }: Effort,
): CaseResult {
  if (outcome.status !== "completed") {
    return { name, role, status: outcome.status, note: outcome.note, warnings: [], samples: 0, ...noFigures };
  }
  const samples = outcome.rounds.flat();
  const spread = spreadOf(samples);
  const { median, lower, upper } = spread;
  const warnings: string[] = [];
  if (relativeSpread(spread) > spreadMax)
    warnings.push(`varies by ${Math.round(100 * relativeSpread(spread))} %`);
  if (clockSteps(Math.max(median, cycleSeconds * 1e3)) < clockStepsMin)
    warnings.push("too short for the clock");
  return {
    name,
    role,
    status: "completed",
    warnings,
    samples: samples.length,
    medianMs: median,
    lowerQuartileMs: lower,
    upperQuartileMs: upper,
    nsPerValue: values > 0 ? (median * 1e6) / values : null,
    gbPerSecond: bytes > 0 ? bytes / median / 1e6 : null,
    ratio: oursRounds === null ? null : roundsRatio(outcome.rounds, oursRounds),
  };
}

const noFigures = {
  medianMs: null,
  lowerQuartileMs: null,
  upperQuartileMs: null,
  nsPerValue: null,
  gbPerSecond: null,
  ratio: null,
} as const;

/** A line of a table has no room for a stack: the first line that tells an error, or the first line. */
function failure(thrown: unknown): Outcome {
  const lines = (thrown instanceof Error ? thrown.message : String(thrown)).trim().split("\n");
  const note = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0]!;
  return { status: "failed", note: note.slice(0, noteLengthMax) };
}

function brief(answer: Answer): string {
  return `[${answer.slice(0, 6).join(", ")}${answer.length > 6 ? `, ... ${answer.length} in all` : ""}]`;
}
