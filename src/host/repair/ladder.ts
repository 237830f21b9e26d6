/**
 * How many numbers a repair takes: one scale for all tensors; two, a scale that goes evenly with the depth; one a group of layers; or, on
 * request, a weight for each of several ancestors. A rung is only climbed where there are ten labels for each number, and only kept
 * where cross-validation says that it pays by more than one standard error: a few labels fit many numbers, and mean nothing.
 */
import type { Layer } from "../parameters/layers.js";
import { type CandidateSpec, type CombinationTerm, nameOf, plainOf } from "./candidate-spec.js";
import { layerGroupsMax } from "./candidates.js";
import { compassSearch } from "./compass.js";
import { type FoldedCandidate, gainOf, heldOutLosses, meanOverFolds } from "./cross-validation.js";
import type { Evaluation, Evaluations } from "./evaluations.js";
import type { Rung, RungReport } from "./report.js";

export const labelsPerNumber = 10;
const scaleMax = 1.3;
/** A ramp's level moves by this first, its tilt (last - first) by that. */
const rampSteps = { level: 0.15, tilt: 0.6 };
const groupStep = 0.25;
const weightStep = 0.25;
/** Steps are halved twice at most: no labels tell smaller ones apart. */
const shrinkMin = 0.25;
const rampPointsMax = 14;
const pointsPerNumberMax = 6;

export interface LadderOptions {
  readonly evaluations: Pick<Evaluations, "folds" | "judge">;
  readonly ancestor: string;
  readonly layers: readonly Layer[];
  /** Rows that choose, or of weighted ones how many of equal weight tell as much. */
  readonly labelCount: number;
  /** The highest rung that is wanted. */
  readonly highest: "single" | "ramp" | "groups";
  /** Further ancestors for a combination, nearest first; none = no combination. */
  readonly companions: readonly string[];
  readonly onJudged: (candidate: CandidateSpec, loss: number) => void;
}

export interface Climbed {
  readonly rungs: readonly RungReport[];
  readonly finalist: Evaluation;
  /** What choosing it costs on rows that did not choose; null where that is not known. */
  readonly crossValidated: number | null;
}

/** What a rung chooses among, and what it chooses. */
interface Standing {
  readonly choice: readonly FoldedCandidate[];
  readonly best: Evaluation;
}

/**
 * @param curve  the evaluations of the single scale
 * @param best  the lowest of them
 */
export async function climb(
  curve: readonly Evaluation[],
  best: Evaluation,
  options: LadderOptions,
): Promise<Climbed> {
  const ladder = new Ladder(options);
  let standing: Standing = { choice: folded(curve), best };
  const rungs: RungReport[] = [ladder.first(standing)];
  const tries = [
    { rung: "ramp", numbers: 2, search: (from: Standing) => ladder.ramp(from) },
    { rung: "groups", numbers: ladder.groupCount, search: (from: Standing) => ladder.groups(from) },
    {
      rung: "combination",
      numbers: 1 + options.companions.length,
      search: (from: Standing) => ladder.combination(from),
    },
  ] as const;
  let isClimbing = true;
  for (const { rung, numbers, search } of tries) {
    // Groups stand on the ramp; a combination is another ladder beside both.
    if (rung !== "combination" && !isClimbing) continue;
    const reason = ladder.reasonAgainst(rung, numbers, standing);
    if (reason !== null) {
      if (reason !== "") rungs.push({ rung, numbers, ...untried, reason });
      isClimbing = false;
      continue;
    }
    const { report, next } = ladder.weigh(rung, numbers, standing, await search(standing));
    rungs.push(report);
    isClimbing = report.pays;
    if (report.pays) standing = next;
  }
  return { rungs, finalist: standing.best, crossValidated: ladder.meanHeldOut(standing) };
}

const untried = { loss: null, crossValidated: null, gain: null, standardError: null, pays: false };

class Ladder {
  readonly groupCount: number;
  readonly #options: LadderOptions;
  readonly #weights: readonly number[];

  constructor(options: LadderOptions) {
    this.#options = options;
    this.#weights = options.evaluations.folds.weights;
    const affordable = Math.floor(options.labelCount / labelsPerNumber);
    this.groupCount = Math.min(layerGroupsMax, options.layers.length, Math.max(3, affordable));
  }

  first(standing: Standing): RungReport {
    return {
      rung: "single",
      numbers: 1,
      loss: standing.best.loss,
      crossValidated: this.meanHeldOut(standing),
      gain: null,
      standardError: null,
      pays: true,
      reason: null,
    };
  }

  meanHeldOut({ choice }: Standing): number | null {
    if (choice.length === 0) return null;
    return meanOverFolds(heldOutLosses(choice, this.#weights), this.#weights).mean;
  }

  /** Why a rung is not tried; "" where nobody asked for it. */
  reasonAgainst(rung: Rung, numbers: number, { choice }: Standing): string | null {
    const { layers, labelCount, highest, companions } = this.#options;
    if (rung === "ramp" && highest === "single") return "";
    if (rung === "groups" && highest !== "groups") return "";
    if (rung === "combination" && companions.length === 0) return "";
    if (rung === "ramp" && layers.length < 2) return "the model has one layer";
    if (rung === "groups" && layers.length < 3) return "a ramp reaches every layer";
    if (choice.length === 0) return "no loss of each row is known";
    const needed = labelsPerNumber * numbers;
    if (labelCount >= needed) return null;
    return `${Math.floor(labelCount)} labels for ${numbers} numbers: ${needed} are needed`;
  }

  weigh(
    rung: Rung,
    numbers: number,
    before: Standing,
    found: Standing,
  ): { readonly report: RungReport; readonly next: Standing } {
    const { mean: gain, standardError } = gainOf(before.choice, found.choice, this.#weights);
    const pays = gain > standardError && found.best.loss < before.best.loss;
    const crossValidated = this.meanHeldOut(found);
    const report = {
      rung,
      numbers,
      loss: found.best.loss,
      crossValidated,
      gain,
      standardError,
      pays,
      reason: null,
    };
    return { report, next: found };
  }

  async ramp(from: Standing): Promise<Standing> {
    const { ancestor } = this.#options;
    const level = levelOf(from.best);
    return this.#search(from, {
      start: [level, 0],
      steps: [rampSteps.level, rampSteps.tilt],
      lowest: -2 * scaleMax,
      highest: 2 * scaleMax,
      pointsMax: rampPointsMax,
      specOf: ([middle, tilt]) => ({
        kind: "ramp",
        ancestor,
        first: clamped(middle! - tilt! / 2),
        last: clamped(middle! + tilt! / 2),
      }),
    });
  }

  async groups(from: Standing): Promise<Standing> {
    const { ancestor } = this.#options;
    const below = from.best.candidate;
    const [first, last] =
      below.kind === "ramp" ? [below.first, below.last] : [levelOf(from.best), levelOf(from.best)];
    const count = this.groupCount;
    const start = Array.from({ length: count }, (_, group) => first + ((last - first) * group) / (count - 1));
    // To move all groups by one step must lower the loss by one standard error of the rung below.
    const { standardError } = meanOverFolds(heldOutLosses(from.choice, this.#weights), this.#weights);
    return this.#search(from, {
      start,
      steps: start.map(() => groupStep),
      lowest: 0,
      highest: scaleMax,
      pointsMax: pointsPerNumberMax * count,
      specOf: (scales) => ({ kind: "groups", ancestor, scales: [...scales] }),
      penaltyOf: (scales) =>
        (standardError / groupStep ** 2) *
        (scales.reduce((sum, scale, group) => sum + (scale - start[group]!) ** 2, 0) / count),
    });
  }

  async combination(from: Standing): Promise<Standing> {
    const { ancestor, companions } = this.#options;
    const ids = [ancestor, ...companions];
    return this.#search(from, {
      start: [levelOf(from.best), ...companions.map(() => 0)],
      steps: ids.map(() => weightStep),
      lowest: 0,
      highest: scaleMax,
      pointsMax: pointsPerNumberMax * ids.length,
      specOf: (weights) => {
        // Beyond the farthest single scale nothing is looked for.
        if (weights.reduce((sum, weight) => sum + weight, 0) > scaleMax + 1e-9) return null;
        const terms = ids.map((id, index): CombinationTerm => ({ ancestor: id, weight: weights[index]! }));
        return { kind: "combination", terms: terms.filter(({ weight }) => weight > 0) };
      },
    });
  }

  /** What the rung below had stays among the choice. */
  async #search(
    from: Standing,
    search: {
      readonly start: readonly number[];
      readonly steps: readonly number[];
      readonly lowest: number;
      readonly highest: number;
      readonly pointsMax: number;
      readonly specOf: (at: readonly number[]) => CandidateSpec | null;
      readonly penaltyOf?: (at: readonly number[]) => number;
    },
  ): Promise<Standing> {
    const { evaluations, onJudged } = this.#options;
    const { specOf, penaltyOf = () => 0, ...compass } = search;
    const choice: FoldedCandidate[] = [...from.choice];
    let best = { evaluation: from.best, value: from.best.loss };
    await compassSearch(
      async (at) => {
        const spec = specOf(at);
        if (spec === null || (spec.kind === "combination" && spec.terms.length === 0))
          return Number.POSITIVE_INFINITY;
        const evaluation = await evaluations.judge(spec);
        onJudged(spec, evaluation.loss);
        const penalty = penaltyOf(at);
        const value = evaluation.loss + penalty;
        if (evaluation.folds !== null) choice.push({ folds: evaluation.folds, penalty });
        if (value < best.value) best = { evaluation, value };
        return value;
      },
      { ...compass, shrinkMin },
    );
    return { choice, best: best.evaluation };
  }
}

function folded(evaluations: readonly Evaluation[]): FoldedCandidate[] {
  return evaluations.flatMap(({ folds }) => (folds === null ? [] : [{ folds }]));
}

/** The middle of a candidate's scales. */
function levelOf({ candidate: spec }: Evaluation): number {
  const candidate = plainOf(spec);
  switch (candidate.kind) {
    case "keep":
      return 0;
    case "ancestor":
      return 1;
    case "blend":
      return candidate.scale;
    case "ramp":
      return (candidate.first + candidate.last) / 2;
    case "groups":
      return candidate.scales.reduce((sum, scale) => sum + scale, 0) / candidate.scales.length;
    case "combination":
      throw new RangeError(`${nameOf(candidate)} has no scale`);
  }
}

function clamped(scale: number): number {
  const unit = 1e4;
  return Math.round(Math.min(scaleMax, Math.max(0, scale)) * unit) / unit;
}
