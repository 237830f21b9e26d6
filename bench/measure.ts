/**
 * Measures a group of cases that answer the same question on the same data.
 *
 * Every case's answer is compared with ours before anything is timed; that run also warms it. Cases on this thread are timed by
 * benchmark.js; programs in other languages time themselves, so that no process start is counted.
 */
import Benchmark from "benchmark";
import { ratioOf, sameAnswer, spreadOf } from "./arithmetic.js";

export type Answer = readonly number[];

/** ours: what the ratios are of. incumbent: what people use today. limit: what the machine can do at most. variant: ours otherwise. */
export type Role = "ours" | "variant" | "incumbent" | "limit";

interface Named {
  readonly name: string;
  readonly role: Role;
}

/** Returns a number made from the result, so that no work can be optimised away. */
type Work = { readonly run: () => number } | { readonly runAsync: () => Promise<number> };
/** Runs so many times after a warm-up and tells the milliseconds of each. */
type SelfTimed = { readonly time: (runs: number) => Promise<readonly number[]> };

/** `answer` is left out where there is none to compare: a copy of memory. */
export type Case =
  | (Named & (Work | SelfTimed) & { readonly answer?: () => Answer | Promise<Answer> })
  | (Named & { readonly missing: string });
type PresentCase = Exclude<Case, { missing: string }>;

export interface Group {
  readonly name: string;
  /** Values that one run goes through, and the bytes that hold them; 0 where a rate says nothing. */
  readonly values: number;
  readonly bytes: number;
  /** Of answers, relative; 0 by default. */
  readonly tolerance?: number;
  readonly cases: readonly Case[];
}

export type CaseStatus = "completed" | "failed" | "wrong" | "missing";

export interface CaseResult extends Named {
  readonly status: CaseStatus;
  /** Why it was not completed. */
  readonly note?: string;
  readonly samples: number;
  readonly medianMs: number | null;
  readonly lowerQuartileMs: number | null;
  readonly upperQuartileMs: number | null;
  readonly nsPerValue: number | null;
  readonly gbPerSecond: number | null;
  /** This case's median over ours: how many times as fast ours is. */
  readonly ratio: number | null;
}

export interface GroupResult {
  readonly name: string;
  readonly values: number;
  readonly bytes: number;
  readonly cases: readonly CaseResult[];
}

export interface Effort {
  /** Of one case. */
  readonly secondsMax: number;
  readonly samplesMin: number;
  /** Shortest timed cycle; undefined leaves it to benchmark.js, which knows its clock. */
  readonly cycleSeconds?: number;
}

const noteLengthMax = 200;

let sink = 0;

/** What all runs returned, folded: printed by nobody, but known to no compiler. */
export function consumed(): number {
  return sink;
}

export async function measureGroup(group: Group, effort: Effort): Promise<GroupResult> {
  const notes = await refusals(group);
  const timed: { one: Case; outcome: Outcome }[] = [];
  for (const one of group.cases)
    timed.push({ one, outcome: notes.get(one) ?? (await timeCase(one, effort)) });
  const ours = timed.find(({ one }) => one.role === "ours")?.outcome;
  const oursMs = ours?.status === "completed" ? spreadOf(ours.samplesMs).median : null;
  return {
    name: group.name,
    values: group.values,
    bytes: group.bytes,
    cases: timed.map(({ one, outcome }) => caseResult(group, one, outcome, oursMs)),
  };
}

type Outcome =
  | { readonly status: "completed"; readonly samplesMs: readonly number[] }
  | { readonly status: Exclude<CaseStatus, "completed">; readonly note: string };

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

async function timeCase(one: Case, effort: Effort): Promise<Outcome> {
  try {
    const samplesMs = await samplesOf(one as PresentCase, effort);
    if (samplesMs.length > 0) return { status: "completed", samplesMs };
    return { status: "failed", note: "no sample was taken" };
  } catch (thrown) {
    return failure(thrown);
  }
}

async function samplesOf(one: PresentCase, effort: Effort): Promise<readonly number[]> {
  if ("time" in one) return one.time(effort.samplesMin);
  if ("run" in one) {
    one.run();
    return benchmarked(one.name, effort, { fn: () => void (sink += one.run()) });
  }
  await one.runAsync();
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

/** benchmark.js swallows what a case throws: a case counts only when it completed without an error and has samples. */
function benchmarked(
  name: string,
  { secondsMax, samplesMin, cycleSeconds }: Effort,
  options: { fn: Benchmark.Options["fn"]; defer?: boolean },
): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const limits = { maxTime: secondsMax, minSamples: samplesMin, delay: 0.001 };
    const minTime = cycleSeconds === undefined ? {} : { minTime: cycleSeconds };
    const bench = new Benchmark(name, { ...limits, ...minTime, ...options });
    bench.on("complete", () => {
      if (bench.error !== undefined) reject(bench.error);
      else if (bench.aborted) reject(new Error("the case was aborted"));
      else resolve(bench.stats.sample.map((seconds) => seconds * 1e3));
    });
    bench.run({ async: true });
  });
}

function caseResult(group: Group, one: Case, outcome: Outcome, oursMs: number | null): CaseResult {
  const { name, role } = one;
  if (outcome.status !== "completed") {
    const nothing = { medianMs: null, lowerQuartileMs: null, upperQuartileMs: null };
    return {
      name,
      role,
      ...outcome,
      samples: 0,
      ...nothing,
      nsPerValue: null,
      gbPerSecond: null,
      ratio: null,
    };
  }
  const { median, lower, upper } = spreadOf(outcome.samplesMs);
  return {
    name,
    role,
    status: "completed",
    samples: outcome.samplesMs.length,
    medianMs: median,
    lowerQuartileMs: lower,
    upperQuartileMs: upper,
    nsPerValue: group.values > 0 ? (median * 1e6) / group.values : null,
    gbPerSecond: group.bytes > 0 ? group.bytes / median / 1e6 : null,
    ratio: oursMs === null ? null : ratioOf(median, oursMs),
  };
}

/** A line of a table has no room for a stack: the first line that tells an error, or the first line. */
function failure(thrown: unknown): Outcome {
  const lines = (thrown instanceof Error ? thrown.message : String(thrown)).trim().split("\n");
  const note = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0]!;
  return { status: "failed", note: note.slice(0, noteLengthMax) };
}

function brief(answer: Answer): string {
  return `[${answer.slice(0, 6).join(", ")}${answer.length > 6 ? `, ... ${answer.length} in all` : ""}]`;
}
