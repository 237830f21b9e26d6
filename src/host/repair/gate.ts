/**
 * The gate: publishes only what is shown to be better, on rows that had no part in choosing it.
 *
 * | repaired against keep       | against roll back and each other rival | verdict |
 * |---|---|---|
 * | interval on the better side | no interval wholly on the worse side   | passed |
 * | interval on the better side | one wholly on the worse side           | rejected: that rival is better (gate-choice.ts) |
 * | interval on the worse side  | any                                    | rejected: keeping is better |
 * | interval holds 0, or none   | any                                    | not-proven |
 *
 * An interval that ends at 0 holds it. For accuracy McNemar's exact test must agree, p < 1 - confidence: with few rows that differ,
 * the t interval promises too much. With several rivals each one's interval is wider (Bonferroni), so that chance alone calls one of
 * them better no more often than one. How wide keep's interval is after many tries on the same rows: gate-tries.ts.
 */
import { mcnemarExact } from "../drift/distributions/index.js";
import type { Judgement, MetricFigures } from "./judgement.js";
import { isLowerBetter, type JudgedMetric, type MetricName } from "./metrics.js";
import { comparePaired, type PairedComparison, type PairedMethod } from "./paired.js";

/** Power at which `detectable` is stated. */
const powerStated = 0.8;
const confidenceDefault = 0.95;
/** Share of keep's loss by which a repair may be worse on the old regime (CONTRACT). */
export const controlMarginDefault = 0.05;

export interface GateOptions {
  /** A safe integer. */
  readonly seed: number;
  /** Of the two-sided intervals; default 0.95. */
  readonly confidence?: number;
  readonly signal?: AbortSignal;
}

export type Interval = readonly [low: number, high: number];

/** A paired difference, plain data. */
export interface Difference {
  /** repaired - the other one, in the metric. */
  readonly difference: number;
  /** Null where the error is not known: a validator that gives one number, or a value that is not finite. */
  readonly interval: Interval | null;
  readonly method: PairedMethod;
  /** Accuracy only: McNemar's exact p value of the rows that only one got right. */
  readonly exactP: number | null;
  /** The whole interval is on the better side (and the exact test agrees). */
  readonly isBetter: boolean;
  readonly isWorse: boolean;
}

export interface GateResult {
  readonly metric: JudgedMetric;
  readonly lowerIsBetter: boolean;
  readonly rows: number;
  readonly confidence: number;
  readonly keep: number;
  readonly rollback: number;
  readonly repaired: number;
  /** repaired - keep, and its interval: `againstKeep` again, where CONTRACT has them. */
  readonly difference: number;
  readonly interval: Interval | null;
  /** The difference that this many rows tell with 80 % power; null where the error is not known. */
  readonly detectable: number | null;
  /** Of an unproven gain: rows that would tell it with 80 % power; else null. */
  readonly rowsNeeded: number | null;
  readonly againstKeep: Difference;
  readonly againstRollback: Difference;
  readonly againstOthers: readonly RivalDifference[];
  readonly verdict: "passed" | "rejected" | "not-proven";
  /** Of a rejection for a rival's sake: that rival's place, 0 = roll back, 1 = the first of the others; the best of several. */
  readonly betterRival: number | null;
  /** One sentence, with its numbers. */
  readonly reason: string;
}

export interface Rival {
  readonly name: string;
  readonly judgement: Judgement;
}

export interface RivalDifference extends Difference {
  readonly name: string;
  readonly value: number;
}

export interface GateJudgements {
  readonly keep: Judgement;
  readonly rollback: Judgement;
  readonly repaired: Judgement;
  /** What else could be put in place: the result must not be worse than any of them. */
  readonly others?: readonly Rival[];
}

/**
 * @param judgements  of all models on the gate slice, the same rows in the same order
 * @throws MendlineError MENDLINE_TASK_ABORTED  by the signal
 */
export async function compareGate(
  judgements: GateJudgements,
  metric: MetricName,
  options: GateOptions,
): Promise<GateResult> {
  const confidence = options.confidence ?? confidenceDefault;
  const keep = judgements.keep.figures(metric);
  const repaired = judgements.repaired.figures(metric);
  const paired = await comparePaired(keep, repaired, options);
  const againstKeep = differenceOf(paired, keep, repaired, confidence);
  const { others = [] } = judgements;
  const rivals: RivalDifference[] = [];
  // Each tail shared out over the rivals.
  const rivalConfidence = 1 - (1 - confidence) / (1 + others.length);
  for (const { name, judgement } of [{ name: rollbackName, judgement: judgements.rollback }, ...others]) {
    const figures = judgement.figures(metric);
    const compared = await comparePaired(figures, repaired, options);
    rivals.push({
      name,
      value: figures.value,
      ...differenceOf(compared, figures, repaired, rivalConfidence),
    });
  }
  const rows = judgements.repaired.rowCount;
  const detectable = paired.detectable(confidence, powerStated);
  const [{ name: _, value: rollback, ...againstRollback }, ...againstOthers] = rivals as [
    RivalDifference,
    ...RivalDifference[],
  ];
  const decided = decide(againstKeep, rivals, {
    metric: repaired.metric,
    rows,
    detectable,
    lowerIsBetter: repaired.lowerIsBetter,
  });
  return {
    metric: repaired.metric,
    lowerIsBetter: repaired.lowerIsBetter,
    rows,
    confidence,
    keep: keep.value,
    rollback,
    repaired: repaired.value,
    difference: againstKeep.difference,
    interval: againstKeep.interval,
    detectable,
    againstKeep,
    againstRollback,
    againstOthers,
    ...decided,
  };
}

const rollbackName = "rolling back";

export interface ControlOptions extends GateOptions {
  /** Default 0.05. */
  readonly marginShare?: number;
}

export interface ControlResult {
  /** The metric, or for accuracy and auc, which have no loss, the log loss. */
  readonly metric: JudgedMetric;
  readonly rows: number;
  readonly keep: number;
  readonly repaired: number;
  readonly difference: number;
  readonly interval: Interval | null;
  /** What repaired may be worse by: marginShare * |keep|. */
  readonly margin: number;
  /** One-sided bound of the difference at `confidence`; null as in `Difference`. */
  readonly upperBound: number | null;
  /** The difference itself is within the margin: this decides (CONTRACT). */
  readonly isWithinMargin: boolean;
  /** The bound, too, is within the margin: told, but not asked for, because it takes far more rows than a control slice has. */
  readonly isProven: boolean;
}

/**
 * Repaired against keep on data of the old regime: may it be worse by `marginShare` of keep's loss at most?
 *
 * @param keep  the same rows in the same order as `repaired`
 */
export async function compareControl(
  keep: Judgement,
  repaired: Judgement,
  metric: MetricName,
  options: ControlOptions,
): Promise<ControlResult> {
  const { confidence = confidenceDefault, marginShare = controlMarginDefault } = options;
  const judged = isLowerBetter(metric) ? metric : "log-loss";
  const reference = keep.figures(judged);
  const candidate = repaired.figures(judged);
  const paired = await comparePaired(reference, candidate, options);
  const margin = marginShare * Math.abs(reference.value);
  const upperBound = paired.quantile(confidence);
  return {
    metric: candidate.metric,
    rows: repaired.rowCount,
    keep: reference.value,
    repaired: candidate.value,
    difference: paired.difference,
    interval: intervalOf(paired, confidence),
    margin,
    upperBound,
    // A candidate whose loss is infinite fails, whatever keep's is.
    isWithinMargin: Number.isFinite(candidate.value) && candidate.value <= reference.value + margin,
    isProven: upperBound !== null && upperBound <= margin,
  };
}

function intervalOf(paired: PairedComparison, confidence: number): Interval | null {
  const tail = (1 - confidence) / 2;
  const low = paired.quantile(tail);
  const high = paired.quantile(1 - tail);
  return low === null || high === null ? null : [low, high];
}

function differenceOf(
  paired: PairedComparison,
  reference: MetricFigures,
  candidate: MetricFigures,
  confidence: number,
): Difference {
  const interval = intervalOf(paired, confidence);
  const exactP = candidate.metric === "accuracy" ? exactTest(reference, candidate) : null;
  const isExact = exactP === null || exactP < 1 - confidence;
  const isBelow = interval !== null && isExact && interval[1] < 0;
  const isAbove = interval !== null && isExact && interval[0] > 0;
  const [isBetter, isWorse] = candidate.lowerIsBetter ? [isBelow, isAbove] : [isAbove, isBelow];
  return { difference: paired.difference, interval, method: paired.method, exactP, isBetter, isWorse };
}

function exactTest(reference: MetricFigures, candidate: MetricFigures): number | null {
  // Weighted rows are no coin tosses.
  if (reference.rows === null || candidate.rows === null || candidate.weights !== null) return null;
  let onlyReference = 0;
  let onlyCandidate = 0;
  reference.rows.forEach((right, row) => {
    if (right > candidate.rows![row]!) onlyReference += 1;
    else if (right < candidate.rows![row]!) onlyCandidate += 1;
  });
  return mcnemarExact(onlyReference, onlyCandidate);
}

interface Stated {
  readonly metric: JudgedMetric;
  readonly lowerIsBetter: boolean;
  readonly rows: number;
  readonly detectable: number | null;
}

function decide(
  againstKeep: Difference,
  rivals: readonly RivalDifference[],
  { metric, lowerIsBetter, rows, detectable }: Stated,
): Pick<GateResult, "verdict" | "reason" | "rowsNeeded" | "betterRival"> {
  const gain = `${metric} changes by ${written(againstKeep)} against keeping`;
  const decided = (verdict: GateResult["verdict"], reason: string, rowsNeeded: number | null = null) => ({
    verdict,
    reason,
    rowsNeeded,
    betterRival: null as number | null,
  });
  if (againstKeep.isWorse) return decided("rejected", `keeping is better: ${gain}`);
  const better = rivals
    .filter(({ isWorse }) => isWorse)
    .sort((left, right) => (lowerIsBetter ? left.value - right.value : right.value - left.value))[0];
  if (againstKeep.isBetter && better !== undefined) {
    const loss = `${written(better)} against ${better.name}`;
    return {
      ...decided("rejected", `${better.name} is better: ${metric} changes by ${loss}`),
      betterRival: rivals.indexOf(better),
    };
  }
  if (againstKeep.isBetter) return decided("passed", gain);
  if (detectable === null) {
    const why = Number.isFinite(againstKeep.difference)
      ? "no loss of each row is known"
      : "a loss is not finite";
    return decided("not-proven", `${gain}, but its error is not: ${why}`);
  }
  const { exactP, difference } = againstKeep;
  const exact = exactP === null ? "" : `, McNemar's exact p ${short(exactP)}`;
  const power = `${exact}; with ${rows} gate rows a difference below ${short(detectable)} cannot be told`;
  const isGain = lowerIsBetter ? difference < 0 : difference > 0;
  // The error falls with the root of the rows.
  const needed = isGain ? Math.ceil(rows * (detectable / difference) ** 2) : null;
  const isTold = needed !== null && Number.isSafeInteger(needed) && needed > rows;
  const wish = isTold ? `, and about ${needed} would be needed for this one` : "";
  return decided("not-proven", `${gain}${power}${wish}`, isTold ? needed : null);
}

function written({ difference, interval }: Difference): string {
  return interval === null ? short(difference) : `${short(difference)} [${interval.map(short).join(", ")}]`;
}

function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : String(value);
}
