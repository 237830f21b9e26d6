/**
 * Two models on the same live rows, before the alias moves (shadow, canary) or after (guard). What labels show decides:
 *
 *     candidate's loss less incumbent's, interval below 0    better: the alias moves to the candidate, or stays there
 *     interval above 0, or the candidate drifts              worse: the alias does not move, or goes back
 *     rowsMax labelled rows without either                   undecided: as it is
 *
 * The rows are paired and compared as the gate does (Student's t of the row differences). They are looked at when rowsMin of them have a
 * loss, then at twice as many, and so on; each look's interval is wider (trial-looks.ts), so that the looks together err in 5 % of all
 * trials at most, however long they last. Kept are sums, not rows.
 */
import { createHash } from "node:crypto";
import { MendlineError } from "../../errors.js";
import { trialBatchesMax } from "../../limits.js";
import { studentTIsf } from "../drift/distributions/index.js";
import { lookTail } from "./trial-looks.js";

export interface TrialOptions {
  /** Labelled rows at the first look. */
  readonly rowsMin?: number;
  /** Labelled rows at which it ends undecided. */
  readonly rowsMax?: number;
  /** Two numbers as far apart as this agree; of several (scores of classes) the greatest one's place counts. */
  readonly tolerance?: number;
  /** Share of the calls that `route` sends to the candidate; 0 is a shadow period. */
  readonly canaryShare?: number;
}

export type TrialVerdict = "open" | "better" | "worse" | "undecided";

export interface TrialState {
  /** Whether the alias serves the incumbent (`before`) or the candidate. */
  readonly period: "before" | "after";
  /** Content ids. */
  readonly incumbent: string;
  readonly candidate: string;
  /** The repair run that put the candidate on trial; null where an application did. */
  readonly run: string | null;
  /** As it began: looks at other places would not keep their error. */
  readonly options: Required<TrialOptions>;
  readonly verdict: TrialVerdict;
  /** Why, with its figures; null while it is open. */
  readonly reason: string | null;
  /** Rows that both models answered, those on which they disagree, and those for which the candidate gave no finite number. */
  readonly rows: number;
  readonly disagreements: number;
  readonly nonFinite: number;
  /** Rows with losses; of candidate's less incumbent's the mean and the sum of squared distances from it. */
  readonly labelled: number;
  readonly meanDifference: number;
  readonly squares: number;
  readonly looks: number;
  /** Whether the candidate drifted on the last batches of live rows, the newest last. */
  readonly drifts: readonly boolean[];
  /** Digests of data that was counted whole (trial-rows.ts), the newest last: the same data again counts once. */
  readonly batches: readonly string[];
}

/** Who is tried against whom. */
export type TrialPair = Pick<TrialState, "period" | "incumbent" | "candidate" | "run">;

/** What many rows said. */
export type AnswerCounts = Pick<TrialState, "rows" | "disagreements" | "nonFinite">;

/** As a monitor's alarm by default: one odd batch is no drift. */
const batchesNeeded = 2;
const batchesConsidered = 3;
export const rowsMinDefault = 200;
const rowsMaxDefault = 1_000_000;

export class Trial {
  #state: TrialState;

  /** @param state  a new one, or one to go on from */
  constructor(state: TrialState) {
    this.#state = state;
  }

  get #options(): Required<TrialOptions> {
    return this.#state.options;
  }

  get state(): TrialState {
    return this.#state;
  }

  /** What was counted since could not be kept. */
  restore(state: TrialState): void {
    this.#state = state;
  }

  get isOpen(): boolean {
    return this.#state.verdict === "open";
  }

  /**
   * Whom a call goes to; the same key always to the same one. Never the candidate once the trial has ended: then the alias tells.
   *
   * @param key  what a caller stays with: a session, a device
   */
  route(key: string): "incumbent" | "candidate" {
    if (!this.isOpen || this.#options.canaryShare === 0) return "incumbent";
    const place = createHash("sha256").update(key).digest().readUInt32BE(0) / 2 ** 32;
    return place < this.#options.canaryShare ? "candidate" : "incumbent";
  }

  /** What both models answered to one row: a number, or the scores of classes. */
  predicted(incumbent: number | ArrayLike<number>, candidate: number | ArrayLike<number>): void {
    this.answered(this.compared(incumbent, candidate));
  }

  /** One row's answers as counts; they are counted by `answered`. */
  compared(incumbent: number | ArrayLike<number>, candidate: number | ArrayLike<number>): AnswerCounts {
    const hasFigures = finite(candidate);
    const differs = !hasFigures || !this.#agree(incumbent, candidate);
    return { rows: 1, disagreements: Number(differs), nonFinite: Number(!hasFigures) };
  }

  answered(more: AnswerCounts): void {
    if (!this.isOpen) return;
    const { rows, disagreements, nonFinite } = this.#state;
    this.#state = {
      ...this.#state,
      rows: rows + more.rows,
      disagreements: disagreements + more.disagreements,
      nonFinite: nonFinite + more.nonFinite,
    };
  }

  /**
   * Both models' losses on one labelled row.
   *
   * @returns whether this row was a look: the state is worth keeping, and may have a verdict
   * @throws MendlineError MENDLINE_ARGUMENT_INVALID  a loss is not finite
   */
  judged(incumbentLoss: number, candidateLoss: number): boolean {
    if (!this.isOpen) return false;
    const difference = candidateLoss - incumbentLoss;
    if (!Number.isFinite(difference))
      throw invalid(`losses ${incumbentLoss} and ${candidateLoss}: both must be finite`);
    // Welford 1962: no row is kept, and nothing cancels.
    const { labelled: before, meanDifference, squares } = this.#state;
    const labelled = before + 1;
    const mean = meanDifference + (difference - meanDifference) / labelled;
    this.#state = {
      ...this.#state,
      labelled,
      meanDifference: mean,
      squares: squares + (difference - meanDifference) * (difference - mean),
    };
    const { rowsMin, rowsMax } = this.#options;
    const isDue = labelled >= rowsMin * 2 ** this.#state.looks;
    if (isDue) this.#look();
    if (this.isOpen && labelled >= rowsMax)
      this.#end("undecided", `${labelled} labelled rows tell neither: ${this.#figures(this.#state.looks)}`);
    return isDue || !this.isOpen;
  }

  /** A batch of live rows was looked at. @param reason  how the candidate drifted on it; null where it did not */
  looked(reason: string | null): void {
    const drifts = [...this.#state.drifts, reason !== null].slice(-batchesConsidered);
    this.#state = { ...this.#state, drifts };
    const count = drifts.filter((isDrift) => isDrift).length;
    if (reason !== null && count >= batchesNeeded)
      this.lost(`${reason}; ${count} of the last ${drifts.length} batches drifted`);
  }

  /** Notes data that was counted whole. */
  counted(digests: readonly string[]): void {
    this.#state = { ...this.#state, batches: [...this.#state.batches, ...digests].slice(-trialBatchesMax) };
  }

  /** The candidate drifts, or fails: no loss is needed. */
  lost(reason: string): void {
    if (this.isOpen) this.#end("worse", reason);
  }

  /** By hand: nothing is decided. */
  end(reason: string): void {
    if (this.isOpen) this.#end("undecided", reason);
  }

  #look(): void {
    const looks = this.#state.looks + 1;
    this.#state = { ...this.#state, looks };
    const [low, high] = this.#interval(looks);
    if (high < 0) this.#end("better", `the candidate's loss is lower: ${this.#figures(looks)}`);
    if (low > 0) this.#end("worse", `the candidate's loss is higher: ${this.#figures(looks)}`);
  }

  #interval(look: number): readonly [number, number] {
    const { labelled, meanDifference, squares } = this.#state;
    const error = Math.sqrt(squares / (labelled - 1) / labelled);
    const reach = studentTIsf(lookTail(look), labelled - 1) * error;
    return [meanDifference - reach, meanDifference + reach];
  }

  #figures(look: number): string {
    const { labelled, meanDifference } = this.#state;
    const [low, high] = this.#interval(Math.max(1, look)).map((end) => end.toPrecision(3));
    return `${meanDifference.toPrecision(3)} (${low} to ${high}) on ${labelled} rows`;
  }

  #end(verdict: TrialVerdict, reason: string): void {
    this.#state = { ...this.#state, verdict, reason };
  }

  #agree(incumbent: number | ArrayLike<number>, candidate: number | ArrayLike<number>): boolean {
    if (typeof incumbent === "number" && typeof candidate === "number")
      return Math.abs(incumbent - candidate) <= this.#options.tolerance;
    if (
      typeof incumbent === "number" ||
      typeof candidate === "number" ||
      incumbent.length !== candidate.length
    )
      throw invalid("the two models' answers are of different forms");
    return greatest(incumbent) === greatest(candidate);
  }
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
export function newTrial(pair: TrialPair, options: TrialOptions = {}): TrialState {
  return {
    ...pair,
    options: trialOptions(options),
    verdict: "open",
    reason: null,
    rows: 0,
    disagreements: 0,
    nonFinite: 0,
    labelled: 0,
    meanDifference: 0,
    squares: 0,
    looks: 0,
    drifts: [],
    batches: [],
  };
}

/** @throws MendlineError MENDLINE_ARGUMENT_INVALID */
export function trialOptions(options: TrialOptions): Required<TrialOptions> {
  const { rowsMin = rowsMinDefault, rowsMax = rowsMaxDefault, tolerance = 0, canaryShare = 0 } = options;
  checkOptions({ rowsMin, rowsMax, tolerance, canaryShare });
  return { rowsMin, rowsMax, tolerance, canaryShare };
}

function checkOptions({ rowsMin, rowsMax, tolerance, canaryShare }: Required<TrialOptions>): void {
  if (!Number.isSafeInteger(rowsMin) || rowsMin < 2) throw invalid(`rowsMin ${rowsMin} must be 2 or more`);
  if (!Number.isSafeInteger(rowsMax) || rowsMax < rowsMin)
    throw invalid(`rowsMax ${rowsMax} must be rowsMin (${rowsMin}) or more`);
  if (!(tolerance >= 0)) throw invalid(`tolerance ${tolerance} must be 0 or more`);
  if (!(canaryShare >= 0 && canaryShare <= 1))
    throw invalid(`canaryShare ${canaryShare} must be from 0 to 1`);
}

function finite(answer: number | ArrayLike<number>): boolean {
  return typeof answer === "number"
    ? Number.isFinite(answer)
    : Array.prototype.every.call(answer, Number.isFinite);
}

/** The first of equals. */
function greatest(scores: ArrayLike<number>): number {
  let place = 0;
  for (let index = 1; index < scores.length; index++) if (scores[index]! > scores[place]!) place = index;
  return place;
}

function invalid(problem: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", problem);
}
