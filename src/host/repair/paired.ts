/**
 * The difference of a metric between two candidates on the same rows, with its sampling error. Rows are paired: what is hard for one
 * candidate is hard for the other, and most of the noise cancels.
 *
 * A mean over rows: Student's t of the row differences; of weighted rows the linearised error of their weighted mean, with as many
 * degrees of freedom as the weights leave rows (Kish 1965: the square of their sum over the sum of their squares). The area under the curve and the root of a mean: a paired bootstrap up to
 * bootstrapRowsMax rows, the delta method above.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { MendlineError } from "../../errors.js";
import { bootstrapRowsMax, inlineTurnMsMax } from "../../limits.js";
import { normalSf, studentTIsf } from "../drift/distributions/index.js";
import type { MetricFigures, Resampler } from "./judgement.js";
import { meanOf } from "./judgement.js";
import { Random } from "./random.js";

/** Resamples: the ends of a 95 % interval are then the 50th from either side, known to about a twentieth of their distance. */
export const bootstrapResamples = 2_000;

export type PairedMethod = "student-t" | "bootstrap" | "delta" | "none";

export interface PairedComparison {
  /** candidate - reference, in the metric. */
  readonly difference: number;
  /** `none`: there are no rows to tell the error by, or a value is not finite. */
  readonly method: PairedMethod;
  /** Null with method `none`. */
  readonly standardError: number | null;
  /** The quantile of the difference's distribution at p, such as 0.975 for the upper end of 95 %; null with method `none`. */
  quantile(p: number): number | null;
  /** The true difference that so many rows tell from 0 with probability `power`, two-sided at `confidence`; null as above. */
  detectable(confidence: number, power: number): number | null;
}

export interface PairedOptions {
  /** A safe integer. */
  readonly seed: number;
  readonly signal?: AbortSignal;
}

/**
 * @param reference  figures of the same metric, on the same rows in the same order
 * @throws MendlineError MENDLINE_TASK_ABORTED  by the signal
 */
export async function comparePaired(
  reference: MetricFigures,
  candidate: MetricFigures,
  options: PairedOptions,
): Promise<PairedComparison> {
  const difference = candidate.value - reference.value;
  if (!Number.isFinite(reference.value) || !Number.isFinite(candidate.value)) return unknownError(difference);
  if (reference.rows !== null && candidate.rows !== null) {
    const rows = subtracted(candidate.rows, reference.rows);
    return ofDifferences(difference, rows, "student-t", candidate.weights);
  }
  if (reference.resampler === null || candidate.resampler === null) return unknownError(difference);
  return compareResampled(difference, reference.resampler, candidate.resampler, options);
}

async function compareResampled(
  difference: number,
  reference: Resampler,
  candidate: Resampler,
  options: PairedOptions,
): Promise<PairedComparison> {
  const influence = subtracted(candidate.influence(), reference.influence());
  const rowCount = influence.length;
  const smallest = Math.min(rowCount, ...(reference.strata ?? []).map((rows) => rows.length));
  if (smallest < 2) return unknownError(difference);
  if (rowCount > bootstrapRowsMax) return ofDifferences(difference, influence, "delta", null);
  const strata = reference.strata ?? [Uint32Array.from(influence, (_, row) => row)];
  const differences = new Float64Array(bootstrapResamples);
  const random = new Random(options.seed, 1);
  const weights = new Uint32Array(rowCount);
  let turnEndsMs = performance.now() + inlineTurnMsMax;
  for (let i = 0; i < bootstrapResamples; i++) {
    draw(strata, weights, random);
    differences[i] = candidate.valueOf(weights) - reference.valueOf(weights);
    if (performance.now() < turnEndsMs) continue;
    await nextTurn();
    if (options.signal?.aborted) {
      throw new MendlineError("MENDLINE_TASK_ABORTED", "the gate was cancelled", {
        cause: options.signal.reason,
      });
    }
    turnEndsMs = performance.now() + inlineTurnMsMax;
  }
  return ofResamples(difference, differences.sort(), smallest - 1);
}

/** Draws as many rows as each stratum has, with replacement. */
function draw(strata: readonly Uint32Array[], weights: Uint32Array, random: Random): void {
  weights.fill(0);
  for (const rows of strata) {
    for (let i = 0; i < rows.length; i++) weights[rows[random.below(rows.length)]!]! += 1;
  }
}

/** @param rows  one a row, whose sampling error is that of the difference */
function ofDifferences(
  difference: number,
  rows: Float64Array,
  method: PairedMethod,
  weights: Float64Array | null,
): PairedComparison {
  const rowCount = rows.length;
  const degrees = (weights === null ? rowCount : effectiveRows(weights)) - 1;
  if (rowCount < 2 || !(degrees > 0)) return unknownError(difference);
  const mean = meanOf(rows, weights);
  const share = weights === null ? 1 : 1 / meanOf(weights);
  const squares = rows.reduce(
    (sum, value, row) => sum + ((weights === null ? 1 : weights[row]! * share) * (value - mean)) ** 2,
    0,
  );
  const standardError = Math.sqrt(squares / (rowCount - 1) / rowCount);
  return {
    difference,
    method,
    standardError,
    quantile: (p) => difference + studentTIsf(1 - p, degrees) * standardError,
    detectable: (confidence, power) => detectableOf(standardError, degrees, confidence, power),
  };
}

/**
 * How much the sampling errors of two candidates' differences from the same reference go together, from -1 to 1: by the rows' effects, each
 * with its weight.
 *
 * @returns null where there are no rows to tell it by, or one of the two does not differ from row to row
 */
export function correlationOf(
  reference: MetricFigures,
  one: MetricFigures,
  other: MetricFigures,
): number | null {
  const [base, first, second] = [reference, one, other].map(effectsOf);
  if (base == null || first == null || second == null) return null;
  const { weights } = reference;
  const centred = (effects: Float64Array): Float64Array => {
    const rows = subtracted(effects, base);
    const mean = meanOf(rows, weights);
    return rows.map((value, row) => (weights?.[row] ?? 1) * (value - mean));
  };
  const [left, right] = [centred(first), centred(second)];
  const product = (some: Float64Array, others: Float64Array) =>
    some.reduce((sum, value, row) => sum + value * others[row]!, 0);
  const correlation = product(left, right) / Math.sqrt(product(left, left) * product(right, right));
  return Number.isFinite(correlation) ? Math.max(-1, Math.min(1, correlation)) : null;
}

function effectsOf({ rows, resampler }: MetricFigures): Float64Array | null {
  return rows ?? resampler?.influence() ?? null;
}

/** How many rows of equal weight tell as much (Kish 1965). */
export function effectiveRows(weights: Float64Array): number {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return sum ** 2 / weights.reduce((total, weight) => total + weight ** 2, 0);
}

/**
 * Percentile interval, expanded: the bootstrap's spread is too narrow by sqrt((n - 1) / n), and a percentile knows no t. So the tail
 * is taken at normalSf(sqrt(n / (n - 1)) t). Source: Hesterberg 2015, "What Teachers Should Know About the Bootstrap", section 3.4.
 *
 * @param sorted  differences of the resamples
 */
function ofResamples(difference: number, sorted: Float64Array, degrees: number): PairedComparison {
  const mean = meanOf(sorted);
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const expansion = Math.sqrt((degrees + 1) / degrees);
  const standardError = Math.sqrt(squares / (sorted.length - 1)) * expansion;
  return {
    difference,
    method: "bootstrap",
    standardError,
    quantile: (p) => interpolated(sorted, 1 - normalSf(expansion * studentTIsf(1 - p, degrees))),
    detectable: (confidence, power) => detectableOf(standardError, degrees, confidence, power),
  };
}

/** Linear between order statistics, the k-th of B standing at k / (B + 1). */
function interpolated(sorted: Float64Array, p: number): number {
  const position = Math.min(sorted.length - 1, Math.max(0, p * (sorted.length + 1) - 1));
  const below = Math.floor(position);
  const next = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return sorted[below]! + (position - below) * (next - sorted[below]!);
}

function detectableOf(standardError: number, degrees: number, confidence: number, power: number): number {
  return (studentTIsf((1 - confidence) / 2, degrees) + studentTIsf(1 - power, degrees)) * standardError;
}

function unknownError(difference: number): PairedComparison {
  return { difference, method: "none", standardError: null, quantile: () => null, detectable: () => null };
}

function subtracted(target: Float64Array, source: Float64Array): Float64Array {
  if (target.length !== source.length)
    throw new RangeError(`${target.length} and ${source.length} rows are no pairs`);
  return target.map((value, row) => value - source[row]!);
}
