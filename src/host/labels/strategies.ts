/** Query strategies: from what the models say of the pool's rows to a score a row, the higher the sooner it is asked about. */
import { MendlineError } from "../../errors.js";
import {
  committeeSpread,
  consensusEntropy,
  lossDistance,
  meanKlToConsensus,
  pairDisagreement,
  voteEntropy,
} from "./disagreement.js";
import { entropy, leastConfidence, marginUncertainty } from "./uncertainty.js";

export const strategies = [
  /** Margin and the lineage's disagreement, half each, by rank. */
  "mixed",
  "margin",
  "entropy",
  "least-confidence",
  /** Mean KL to the consensus; the spread of a regression's predictions. */
  "committee",
  "vote-entropy",
  "consensus-entropy",
  /** Between the first two models alone: the deployed one, and what is to take its place. */
  "disagreement",
  /** The same two: drawn at random, the sooner the farther their losses may lie apart, and weighed for it (weighed-draw.ts). */
  "weighed",
  "random",
] as const;
export type Strategy = (typeof strategies)[number];

/** What one model says of every row of the pool. */
export interface PoolOutputs {
  /** For people: the model's name and version. */
  readonly name: string;
  /** Numbers a row: the probabilities of so many classes, or 1, a regression's prediction. */
  readonly outputCount: number;
  /** Row by row. */
  readonly values: Float64Array;
}

export interface ScoringOptions {
  readonly kind: "classification" | "regression";
  readonly rowCount: number;
}

const ofOneModel: Partial<Record<Strategy, (row: Float64Array) => number>> = {
  margin: marginUncertainty,
  entropy,
  "least-confidence": leastConfidence,
};

/** Strategies that look at the first two models. */
export const ofTwo: readonly Strategy[] = ["disagreement", "weighed"];

const ofCommittee: Partial<Record<Strategy, (rows: readonly Float64Array[]) => number>> = {
  committee: meanKlToConsensus,
  "vote-entropy": voteEntropy,
  "consensus-entropy": consensusEntropy,
  disagreement: ([one, other]) => pairDisagreement(one!, other!),
  weighed: ([one, other]) => lossDistance(one!, other!),
};

/**
 * @param members  the deployed model first, all with the same outputs; a row on which any of them is not finite scores 0
 * @returns one a row, finite
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID  the strategy needs classes, or another model
 */
export function scoresOf(
  strategy: Strategy,
  members: readonly PoolOutputs[],
  options: ScoringOptions,
): Float64Array {
  // Without a second model draws are uniform.
  const isUniform = strategy === "random" || (strategy === "weighed" && members.length < 2);
  if (isUniform) return new Float64Array(options.rowCount);
  if (strategy === "mixed") return mixedScores(members, options);
  const one = ofOneModel[strategy];
  if (one !== undefined) {
    if (options.kind === "regression")
      throw refused(strategy, "a regression's model gives one number and no probabilities: take committee");
    return scored(members, options, ([row]) => one(row!));
  }
  if (members.length < 2)
    throw refused(
      strategy,
      "it compares two models at least, and the lineage holds one that runs on these features",
    );
  if (options.kind === "regression") {
    const taken = ofTwo.includes(strategy) ? members.slice(0, 2) : members;
    return scored(taken, options, (rows) => committeeSpread(rows.map(([prediction]) => prediction!)));
  }
  return scored(members, options, ofCommittee[strategy]!);
}

/** What the models have to say: uncertainty alone where there is one, disagreement alone where they give numbers. */
function mixedScores(members: readonly PoolOutputs[], options: ScoringOptions): Float64Array {
  const hasClasses = options.kind === "classification";
  if (!hasClasses && members.length < 2) return new Float64Array(options.rowCount);
  const parts: Float64Array[] = [];
  if (hasClasses) parts.push(ranksOf(scoresOf("margin", members, options)));
  if (members.length > 1) parts.push(ranksOf(scoresOf("committee", members, options)));
  return Float64Array.from(
    { length: options.rowCount },
    (_, row) => parts.reduce((sum, part) => sum + part[row]!, 0) / parts.length,
  );
}

function scored(
  members: readonly PoolOutputs[],
  { rowCount }: ScoringOptions,
  score: (rows: readonly Float64Array[]) => number,
): Float64Array {
  return Float64Array.from({ length: rowCount }, (_, row) => {
    const outputs = members.map(({ values, outputCount }) =>
      values.subarray(row * outputCount, (row + 1) * outputCount),
    );
    return outputs.every((one) => one.every(Number.isFinite)) ? score(outputs) : 0;
  });
}

/** Places in ascending order from 0 to 1, those of equal values their mean: scores of two kinds become comparable. */
export function ranksOf(values: Float64Array): Float64Array {
  const order = Uint32Array.from(values, (_, row) => row).sort(
    (left, right) => values[left]! - values[right]! || left - right,
  );
  const ranks = new Float64Array(values.length);
  const last = Math.max(1, values.length - 1);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to += 1;
    for (let at = from; at < to; at++) ranks[order[at]!] = (from + to - 1) / 2 / last;
    from = to;
  }
  return ranks;
}

function refused(strategy: Strategy, why: string): MendlineError {
  return new MendlineError("MENDLINE_ARGUMENT_INVALID", `strategy ${strategy}: ${why}, or random`);
}
