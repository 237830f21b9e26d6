/**
 * From a model's outputs to a score a row. How the outputs are meant (CONTRACT: probabilities or logits) is decided once, by the
 * unrepaired model on all rows, and then holds for every candidate: a candidate whose logits happen to fall into [0, 1] must not
 * change the question it is asked.
 */
import { MendlineError } from "../../errors.js";
import type { LabelledData } from "./labelled-data.js";
import type { Task } from "./metrics.js";

/** Probabilities are clipped to [1e-7, 1 - 1e-7]: float32's step at 1, so a certain and wrong answer costs 16.1 and not Infinity. */
export const probabilityClip = 1e-7;
const lossMax = -Math.log(probabilityClip);
const lossMin = -Math.log1p(-probabilityClip);

/** How far from 1 a row of probabilities may sum: a float16 softmax over a thousand classes stays below. */
const sumTolerance = 1e-3;

export type OutputKind = "probability" | "logit" | "value";

export interface OutputReading {
  /** `value` is a regression's prediction itself. */
  readonly kind: OutputKind;
  /** Numbers a row. One, in a classification, is the probability or logit of class 1. */
  readonly outputCount: number;
}

/** What all rows of the unrepaired model's outputs look like. */
export interface OutputSurvey {
  readonly rowCount: number;
  readonly outputCount: number;
  /** Whether every finite output is in [0, 1]. */
  readonly isUnit: boolean;
  /** Whether every row without a non-finite output sums to 1. */
  readonly sumsToOne: boolean;
  /** Rows with an output that is NaN or infinite. */
  readonly nonFiniteRows: Uint32Array;
}

export class OutputSurveyor {
  #rowCount = 0;
  #outputCount = 0;
  #isUnit = true;
  #sumsToOne = true;
  #nonFiniteRows: number[] = [];

  take(outputs: Float64Array, outputCount: number): void {
    this.#outputCount = outputCount;
    for (let at = 0; at < outputs.length; at += outputCount) {
      let sum = 0;
      let isUnit = true;
      for (let k = 0; k < outputCount; k++) {
        const value = outputs[at + k]!;
        sum += value;
        if (value < 0 || value > 1) isUnit = false;
      }
      if (!Number.isFinite(sum)) this.#nonFiniteRows.push(this.#rowCount);
      else {
        if (!isUnit) this.#isUnit = false;
        if (Math.abs(sum - 1) > sumTolerance) this.#sumsToOne = false;
      }
      this.#rowCount += 1;
    }
  }

  finish(): OutputSurvey {
    return {
      rowCount: this.#rowCount,
      outputCount: this.#outputCount,
      isUnit: this.#isUnit,
      sumsToOne: this.#sumsToOne,
      nonFiniteRows: Uint32Array.from(this.#nonFiniteRows),
    };
  }
}

/**
 * @param override  `--output`; of no effect in a regression
 * @throws MendlineError MENDLINE_REPAIR_VALIDATOR  no row has finite outputs, or a regression has more than one
 */
export function decideReading(
  survey: OutputSurvey,
  task: Task,
  override?: "probability" | "logit",
): OutputReading {
  const { outputCount, rowCount, nonFiniteRows } = survey;
  if (nonFiniteRows.length === rowCount) {
    throw new MendlineError(
      "MENDLINE_REPAIR_VALIDATOR",
      `the model as it is gives NaN or infinite outputs on all ${rowCount} labelled rows: fill missing features, or use --validator`,
      { details: { rows: rowCount } },
    );
  }
  if (task === "regression") {
    if (outputCount === 1) return { kind: "value", outputCount };
    throw new MendlineError(
      "MENDLINE_REPAIR_VALIDATOR",
      `the model gives ${outputCount} outputs a row where a regression has 1: use --validator`,
      { details: { outputs: outputCount } },
    );
  }
  if (override !== undefined) return { kind: override, outputCount };
  const isProbability = survey.isUnit && (outputCount === 1 || survey.sumsToOne);
  return { kind: isProbability ? "probability" : "logit", outputCount };
}

/** @throws MendlineError MENDLINE_REPAIR_LABELS  a label is no class index within the outputs: names the row and both numbers */
export function checkLabels(data: LabelledData, reading: OutputReading): void {
  if (reading.kind === "value") return;
  const classCount = Math.max(2, reading.outputCount);
  const row = data.labels.findIndex(
    (label) => !(Number.isInteger(label) && label >= 0 && label < classCount),
  );
  if (row < 0) return;
  const rowNumber = data.rowNumbers[row]!;
  const label = data.labels[row]!;
  throw new MendlineError(
    "MENDLINE_REPAIR_LABELS",
    `${data.source}: row ${rowNumber}: label ${data.label} is ${label}, but the model's outputs (${reading.outputCount} a row) know the classes 0 to ${classCount - 1}: write class indices in the order of the outputs, or add the model with --task regression if its outputs are values`,
    { details: { file: data.source, row: rowNumber, label, classes: classCount } },
  );
}

/** What is left of a row's outputs: enough for every metric, and a bounded size whatever the number of classes. */
export interface RowScores {
  /** Log loss or squared error; Infinity where an output is not finite. */
  readonly losses: Float64Array;
  /**
   * Classification: the squared distance of the probabilities from what happened, as Brier 1950 has it, but of two classes that of one
   * of them, which is half of it, and between 0 and 1. Infinity as above.
   */
  readonly briers: Float64Array | null;
  /** Classification: 1 where the likeliest class is the label, ties to the first class. */
  readonly hits: Uint8Array | null;
  /** Two classes: rises with the probability of class 1. Regression: the prediction. Else null. NaN where not finite. */
  readonly scores: Float64Array | null;
}

export class Scorer {
  readonly #reading: OutputReading;
  readonly #labels: Float64Array;
  readonly #scores: RowScores;
  #row = 0;

  /** @param labels  checked (`checkLabels`) */
  constructor(reading: OutputReading, labels: Float64Array) {
    this.#reading = reading;
    this.#labels = labels;
    const count = labels.length;
    this.#scores = {
      losses: new Float64Array(count),
      briers: reading.kind === "value" ? null : new Float64Array(count),
      hits: reading.kind === "value" ? null : new Uint8Array(count),
      scores: reading.outputCount <= 2 ? new Float64Array(count) : null,
    };
  }

  /** @param outputs  of the next rows, row by row */
  take(outputs: Float64Array): void {
    const { outputCount, kind } = this.#reading;
    for (let at = 0; at < outputs.length; at += outputCount) {
      const row = outputs.subarray(at, at + outputCount);
      if (!row.every(Number.isFinite)) this.#spoil();
      else if (kind === "value") this.#takeValue(row[0]!);
      else this.#takeClasses(row);
      this.#row += 1;
    }
  }

  finish(): RowScores {
    if (this.#row !== this.#labels.length)
      throw new RangeError(`${this.#row} of ${this.#labels.length} rows`);
    return this.#scores;
  }

  #spoil(): void {
    this.#scores.losses[this.#row] = Number.POSITIVE_INFINITY;
    if (this.#scores.briers !== null) this.#scores.briers[this.#row] = Number.POSITIVE_INFINITY;
    if (this.#scores.scores !== null) this.#scores.scores[this.#row] = Number.NaN;
  }

  #takeValue(prediction: number): void {
    this.#scores.losses[this.#row] = (prediction - this.#labels[this.#row]!) ** 2;
    this.#scores.scores![this.#row] = prediction;
  }

  #takeClasses(outputs: Float64Array): void {
    const { kind } = this.#reading;
    const label = this.#labels[this.#row]!;
    const loss = kind === "probability" ? probabilityLoss(outputs, label) : logitLoss(outputs, label);
    this.#scores.losses[this.#row] = Math.min(lossMax, Math.max(lossMin, loss));
    this.#scores.briers![this.#row] = brierLoss(outputs, label, kind);
    this.#scores.hits![this.#row] = likeliest(outputs, kind) === label ? 1 : 0;
    if (this.#scores.scores === null) return;
    // Of two logits only the difference counts; so it does of two probabilities, which may not quite sum to 1.
    this.#scores.scores[this.#row] = outputs.length === 1 ? outputs[0]! : outputs[1]! - outputs[0]!;
  }
}

function probabilityLoss(outputs: Float64Array, label: number): number {
  if (outputs.length > 1) return -Math.log(Math.max(0, outputs[label]!));
  const probability = Math.min(1, Math.max(0, outputs[0]!));
  return label === 1 ? -Math.log(probability) : -Math.log1p(-probability);
}

/** ln sum_j exp(z_j) - z_label, from the largest logit, so that nothing overflows; one logit stands against 0. */
function logitLoss(outputs: Float64Array, label: number): number {
  if (outputs.length === 1) {
    const against = label === 1 ? -outputs[0]! : outputs[0]!;
    return Math.max(against, 0) + Math.log1p(Math.exp(-Math.abs(against)));
  }
  const largest = outputs.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const sum = outputs.reduce((total, value) => total + Math.exp(value - largest), 0);
  return Math.log(sum) + largest - outputs[label]!;
}

function brierLoss(outputs: Float64Array, label: number, kind: OutputKind): number {
  const probabilities = kind === "probability" ? outputs : probabilitiesOf(outputs);
  if (probabilities.length <= 2) return (probabilities.at(-1)! - label) ** 2;
  return probabilities.reduce((sum, value, k) => sum + (value - (k === label ? 1 : 0)) ** 2, 0);
}

/**
 * Outputs as distributions over the classes, row by row, of one class the other beside it; a regression's predictions as they are.
 *
 * @param outputs  rows of `reading.outputCount` numbers
 */
export function distributionsOf(
  outputs: Float64Array,
  { kind, outputCount }: OutputReading,
): { readonly values: Float64Array; readonly outputCount: number } {
  if (kind === "value") return { values: outputs, outputCount };
  const classCount = Math.max(2, outputCount);
  const values = new Float64Array((outputs.length / outputCount) * classCount);
  for (let from = 0, to = 0; from < outputs.length; from += outputCount, to += classCount) {
    const row = outputs.subarray(from, from + outputCount);
    const shares = kind === "probability" ? row : probabilitiesOf(row);
    if (outputCount > 1) values.set(shares, to);
    else values.set([1 - shares[0]!, shares[0]!], to);
  }
  return { values, outputCount: classCount };
}

/** Softmax, from the largest logit; of one logit the logistic function. */
function probabilitiesOf(logits: Float64Array): Float64Array {
  if (logits.length === 1) return Float64Array.of(1 / (1 + Math.exp(-logits[0]!)));
  const largest = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const powers = logits.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

function likeliest(outputs: Float64Array, kind: OutputKind): number {
  if (outputs.length === 1) return outputs[0]! > (kind === "probability" ? 0.5 : 0) ? 1 : 0;
  let best = 0;
  for (let k = 1; k < outputs.length; k++) if (outputs[k]! > outputs[best]!) best = k;
  return best;
}
