/** What a validator says about one candidate on one slice, and every metric that follows from it. */
import { RankedScores } from "./auc.js";
import { isLowerBetter, type JudgedMetric, type MetricName } from "./metrics.js";
import type { RowScores } from "./outputs.js";

/** A metric that is no mean over rows, on any resample of them. */
export interface Resampler {
  /** Sets of rows that are resampled each by itself, so that both classes stay present; null = all rows are one set. */
  readonly strata: readonly Uint32Array[] | null;
  /** @param weights  how often each row was drawn */
  valueOf(weights: Uint32Array): number;
  /** First-order effect of each row on the value, mean 0: for the delta method. */
  influence(): Float64Array;
}

export interface MetricFigures {
  readonly metric: JudgedMetric;
  readonly lowerIsBetter: boolean;
  /**
   * Over the whole slice. Where an output is not finite the worst there is: Infinity, an area of 0, a row got wrong. NaN for the area
   * of a slice with one class.
   */
  readonly value: number;
  /** One a row, whose mean is the value; null for rmse and auc, and where the validator gave one number. */
  readonly rows: Float64Array | null;
  /** For rmse and auc, unless an output is not finite. */
  readonly resampler: Resampler | null;
}

export interface Judgement {
  readonly rowCount: number;
  /** The proper loss (log loss, squared error, or what a command printed) one a row; null where a command gave one number. */
  readonly rowLosses: Float64Array | null;
  /** Their mean, by which the scale is chosen; Infinity when a row's is not finite. */
  readonly meanLoss: number;
  /** Rows on which the candidate's outputs, or a command's losses, were not finite. */
  readonly nonFiniteCount: number;
  /** Of a validator command every metric is `loss`: what it printed. */
  figures(metric: MetricName): MetricFigures;
}

/** @param labels  as the scores were made with */
export function judgementOf(scores: RowScores, labels: Float64Array): Judgement {
  const nonFiniteCount = scores.losses.reduce((count, loss) => count + (Number.isFinite(loss) ? 0 : 1), 0);
  return {
    rowCount: labels.length,
    rowLosses: scores.losses,
    meanLoss: meanOf(scores.losses),
    nonFiniteCount,
    figures: (metric) => figuresOf(metric, scores, labels, nonFiniteCount > 0),
  };
}

/**
 * What a validator command printed.
 *
 * @param loss  one a row, or their mean; what is not finite is taken as Infinity
 */
export function judgementOfLoss(loss: Float64Array | number, rowCount: number): Judgement {
  const rows =
    typeof loss === "number" ? null : loss.map((value) => (Number.isFinite(value) ? value : Infinity));
  const mean = typeof loss === "number" ? loss : meanOf(rows!);
  const value = Number.isFinite(mean) ? mean : Infinity;
  return {
    rowCount,
    rowLosses: rows,
    meanLoss: value,
    nonFiniteCount:
      rows?.reduce((count, row) => count + (row === Infinity ? 1 : 0), 0) ?? (value === Infinity ? 1 : 0),
    figures: () => ({ metric: "loss", lowerIsBetter: true, value, rows, resampler: null }),
  };
}

export function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function figuresOf(
  metric: MetricName,
  scores: RowScores,
  labels: Float64Array,
  isSpoilt: boolean,
): MetricFigures {
  const common = { metric, lowerIsBetter: isLowerBetter(metric) };
  switch (metric) {
    case "log-loss":
      return { ...common, ...ofRows(scores.losses) };
    case "accuracy":
      return { ...common, ...ofRows(Float64Array.from(present(scores.hits, metric))) };
    case "mae":
      return { ...common, ...ofRows(absoluteErrors(present(scores.scores, metric), labels)) };
    case "rmse":
      return { ...common, ...ofSquares(scores.losses) };
    case "auc": {
      const values = present(scores.scores, metric);
      return {
        ...common,
        ...(isSpoilt ? { value: 0, rows: null, resampler: null } : ofRanks(values, labels)),
      };
    }
  }
}

/** The metric was checked against the task, and auc against the outputs, before anything was judged. */
function present<T>(values: T | null, metric: MetricName): T {
  if (values === null) throw new RangeError(`${metric} does not follow from these outputs`);
  return values;
}

function ofRows(rows: Float64Array): Pick<MetricFigures, "value" | "rows" | "resampler"> {
  return { value: meanOf(rows), rows, resampler: null };
}

function absoluteErrors(predictions: Float64Array, labels: Float64Array): Float64Array {
  return predictions.map((value, row) =>
    Number.isFinite(value) ? Math.abs(value - labels[row]!) : Infinity,
  );
}

function ofSquares(squares: Float64Array): Pick<MetricFigures, "value" | "rows" | "resampler"> {
  const meanSquare = meanOf(squares);
  const value = Math.sqrt(meanSquare);
  if (!Number.isFinite(value)) return { value, rows: null, resampler: null };
  const resampler: Resampler = {
    strata: null,
    valueOf(weights) {
      let sum = 0;
      let count = 0;
      for (let row = 0; row < squares.length; row++) {
        sum += weights[row]! * squares[row]!;
        count += weights[row]!;
      }
      return Math.sqrt(sum / count);
    },
    influence: () => squares.map((square) => (value === 0 ? 0 : (square - meanSquare) / (2 * value))),
  };
  return { value, rows: null, resampler };
}

function ofRanks(
  scores: Float64Array,
  labels: Float64Array,
): Pick<MetricFigures, "value" | "rows" | "resampler"> {
  const ranked = new RankedScores(scores, labels);
  const resampler: Resampler = {
    strata: [0, 1].map((label) => rowsOf(label, labels)),
    valueOf: (weights) => ranked.auc(weights),
    influence: () => ranked.influence(),
  };
  return { value: ranked.auc(), rows: null, resampler };
}

function rowsOf(label: number, labels: Float64Array): Uint32Array {
  const rows = new Uint32Array(labels.length);
  let count = 0;
  for (let row = 0; row < labels.length; row++) if (labels[row] === label) rows[count++] = row;
  return rows.subarray(0, count);
}
