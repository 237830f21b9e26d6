/** What a validator says about one candidate on one slice, and every metric that follows from it. */
import { RankedScores } from "./auc.js";
import type { LabelledData } from "./labelled-data.js";
import {
  isLowerBetter,
  isPinball,
  type JudgedMetric,
  type LossName,
  type MetricName,
  type PinballName,
  quantileOf,
} from "./metrics.js";
import type { RowScores } from "./outputs.js";

/** A metric that is no mean over rows, on any resample of them. */
export interface Resampler {
  /** Sets of rows that are resampled each by itself, so that both classes stay present; null = all rows are one set. */
  readonly strata: readonly Uint32Array[] | null;
  /** @param counts  how often each row was drawn */
  valueOf(counts: Uint32Array): number;
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
  /** One a row, whose weighted mean is the value; null for rmse and auc, and where the validator gave one number. */
  readonly rows: Float64Array | null;
  /** What each row counts; null = all the same. */
  readonly weights: Float64Array | null;
  /** For rmse and auc, unless an output is not finite. */
  readonly resampler: Resampler | null;
}

export interface Judgement {
  readonly rowCount: number;
  /** The proper loss (`LossName`, or what a command printed) one a row; null where a command gave one number. */
  readonly rowLosses: Float64Array | null;
  /** Their weighted mean, by which the scale is chosen; Infinity when a row's is not finite. */
  readonly meanLoss: number;
  /** Rows on which the candidate's outputs, or a command's losses, were not finite. */
  readonly nonFiniteCount: number;
  /** Of a validator command every metric is `loss`: what it printed. */
  figures(metric: MetricName): MetricFigures;
}

/** @param slice  as the scores were made with */
export function judgementOf(
  scores: RowScores,
  slice: Pick<LabelledData, "labels" | "weights">,
  loss: LossName,
): Judgement {
  const { labels, weights } = slice;
  const nonFiniteCount = scores.losses.reduce((count, one) => count + (Number.isFinite(one) ? 0 : 1), 0);
  const rowLosses = lossesOf(scores, labels, loss);
  return {
    rowCount: labels.length,
    rowLosses,
    meanLoss: meanOf(rowLosses, weights),
    nonFiniteCount,
    figures: (metric) => ({
      metric,
      lowerIsBetter: isLowerBetter(metric),
      weights,
      ...figuresOf(metric, scores, { labels, weights }, nonFiniteCount > 0),
    }),
  };
}

/**
 * What a validator command printed.
 *
 * @param loss  one a row, or their mean; what is not finite is taken as Infinity
 */
export function judgementOfLoss(
  loss: Float64Array | number,
  slice: Pick<LabelledData, "rowCount" | "weights">,
): Judgement {
  const { rowCount, weights } = slice;
  const rows =
    typeof loss === "number" ? null : loss.map((value) => (Number.isFinite(value) ? value : Infinity));
  const mean = typeof loss === "number" ? loss : meanOf(rows!, weights);
  const value = Number.isFinite(mean) ? mean : Infinity;
  return {
    rowCount,
    rowLosses: rows,
    meanLoss: value,
    nonFiniteCount:
      rows?.reduce((count, row) => count + (row === Infinity ? 1 : 0), 0) ?? (value === Infinity ? 1 : 0),
    figures: () => ({ metric: "loss", lowerIsBetter: true, value, rows, weights, resampler: null }),
  };
}

export function meanOf(values: Float64Array, weights: Float64Array | null = null): number {
  if (weights === null) return values.reduce((sum, value) => sum + value, 0) / values.length;
  let sum = 0;
  let total = 0;
  for (let row = 0; row < values.length; row++) {
    sum += weights[row]! * values[row]!;
    total += weights[row]!;
  }
  return sum / total;
}

type SliceRows = Pick<LabelledData, "labels" | "weights">;
type Figures = Pick<MetricFigures, "value" | "rows" | "resampler">;

function lossesOf(scores: RowScores, labels: Float64Array, loss: LossName): Float64Array {
  if (loss === "brier") return present(scores.briers, loss);
  return isPinball(loss) ? pinballLosses(present(scores.scores, loss), labels, loss) : scores.losses;
}

function figuresOf(metric: MetricName, scores: RowScores, slice: SliceRows, isSpoilt: boolean): Figures {
  const { labels, weights } = slice;
  const ofRows = (rows: Float64Array): Figures => ({ value: meanOf(rows, weights), rows, resampler: null });
  switch (metric) {
    case "log-loss":
      return ofRows(scores.losses);
    case "brier":
      return ofRows(present(scores.briers, metric));
    case "accuracy":
      return ofRows(Float64Array.from(present(scores.hits, metric)));
    case "mae":
      return ofRows(absoluteErrors(present(scores.scores, metric), labels));
    case "rmse":
      return ofSquares(scores.losses, weights);
    case "auc": {
      const values = present(scores.scores, metric);
      return isSpoilt ? { value: 0, rows: null, resampler: null } : ofRanks(values, slice);
    }
    default:
      return ofRows(pinballLosses(present(scores.scores, metric), labels, metric));
  }
}

/** The metric was checked against the task, and auc against the outputs, before anything was judged. */
function present<T>(values: T | null, metric: MetricName | LossName): T {
  if (values === null) throw new RangeError(`${metric} does not follow from these outputs`);
  return values;
}

function absoluteErrors(predictions: Float64Array, labels: Float64Array): Float64Array {
  return predictions.map((value, row) =>
    Number.isFinite(value) ? Math.abs(value - labels[row]!) : Infinity,
  );
}

/** max(q (y - x), (q - 1) (y - x)): lowest in the mean at the q-quantile. Source: Koenker, Bassett 1978. */
function pinballLosses(predictions: Float64Array, labels: Float64Array, metric: PinballName): Float64Array {
  const quantile = quantileOf(metric);
  return predictions.map((value, row) => {
    if (!Number.isFinite(value)) return Infinity;
    const above = labels[row]! - value;
    return Math.max(quantile * above, (quantile - 1) * above);
  });
}

function ofSquares(squares: Float64Array, weights: Float64Array | null): Figures {
  const meanSquare = meanOf(squares, weights);
  const value = Math.sqrt(meanSquare);
  if (!Number.isFinite(value)) return { value, rows: null, resampler: null };
  const meanWeight = weights === null ? 1 : meanOf(weights);
  const resampler: Resampler = {
    strata: null,
    valueOf(counts) {
      let sum = 0;
      let total = 0;
      for (let row = 0; row < squares.length; row++) {
        const count = counts[row]! * (weights === null ? 1 : weights[row]!);
        sum += count * squares[row]!;
        total += count;
      }
      return Math.sqrt(sum / total);
    },
    influence: () =>
      squares.map((square, row) => {
        const share = weights === null ? 1 : weights[row]! / meanWeight;
        return value === 0 ? 0 : (share * (square - meanSquare)) / (2 * value);
      }),
  };
  return { value, rows: null, resampler };
}

function ofRanks(scores: Float64Array, { labels, weights }: SliceRows): Figures {
  const ranked = new RankedScores(scores, labels, weights);
  const resampler: Resampler = {
    strata: [0, 1].map((label) => rowsOf(label, labels)),
    valueOf: (counts) => ranked.auc(counts),
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
