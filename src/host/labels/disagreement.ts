/** How far models are apart on one row: query by committee, with the models of a lineage as the committee. Each rises with disagreement. */
import { type Distribution, entropy, likeliestClass } from "./uncertainty.js";

/**
 * Entropy of the votes, in nats: each member votes for its likeliest class.
 *
 *     -sum_k V_k/C ln(V_k/C)      V_k votes for class k, C members
 *
 * Source: Dagan, Engelson, Committee-based sampling for training probabilistic classifiers, ICML 1995 (there divided by ln min(C, K),
 * which changes no order).
 */
export function voteEntropy(members: readonly Distribution[]): number {
  const votes = new Float64Array(members[0]!.length);
  for (const member of members) votes[likeliestClass(member)]! += 1 / members.length;
  return entropy(votes);
}

/** Entropy of the committee's mean distribution, in nats. Source: Settles 2009, section 3.2 (soft vote entropy). */
export function consensusEntropy(members: readonly Distribution[]): number {
  return entropy(consensusOf(members));
}

/**
 * Mean Kullback-Leibler divergence of the members from their mean, in nats: 0 where all agree, ln C at most.
 *
 * Source: McCallum, Nigam, Employing EM and pool-based active learning for text classification, ICML 1998, eq. 4.
 */
export function meanKlToConsensus(members: readonly Distribution[]): number {
  const consensus = consensusOf(members);
  let sum = 0;
  for (const member of members) {
    for (let k = 0; k < consensus.length; k++) {
      if (member[k]! > 0) sum += member[k]! * Math.log(member[k]! / consensus[k]!);
    }
  }
  return Math.max(0, sum / members.length);
}

/**
 * Total variation between two models' distributions, 0 to 1. Where it is 0 both have the same loss, whatever the label: only other points
 * can tell which of the two is better.
 */
export function pairDisagreement(one: Distribution, other: Distribution): number {
  let sum = 0;
  for (let k = 0; k < one.length; k++) sum += Math.abs(one[k]! - other[k]!);
  return sum / 2;
}

/** Probabilities below it are taken as it, as log losses are clipped. */
const shareMin = 1e-7;

/**
 * Root of the mean squared difference of the two models' log losses, where the label comes from the mean of both: what a label of this
 * row is likely to move their comparison by. Draws in proportion to it have the least variance (Kossen et al. 2021, section 3.2).
 *
 *     sqrt(sum_k (p_k + q_k) / 2 (ln p_k - ln q_k)^2)
 */
export function lossDistance(one: Distribution, other: Distribution): number {
  let sum = 0;
  for (let k = 0; k < one.length; k++) {
    const distance = Math.log(Math.max(shareMin, one[k]!) / Math.max(shareMin, other[k]!));
    sum += ((one[k]! + other[k]!) / 2) * distance ** 2;
  }
  return Math.sqrt(Math.max(0, sum));
}

/**
 * Standard deviation of the members' predictions of one number, over C. Source: Krogh, Vedelsby, Neural network ensembles, cross
 * validation, and active learning, NIPS 1995 (their ambiguity is its square).
 */
export function committeeSpread(predictions: ArrayLike<number>): number {
  const count = predictions.length;
  let mean = 0;
  for (let i = 0; i < count; i++) mean += predictions[i]! / count;
  let square = 0;
  for (let i = 0; i < count; i++) square += (predictions[i]! - mean) ** 2 / count;
  return Math.sqrt(square);
}

function consensusOf(members: readonly Distribution[]): Float64Array {
  const consensus = new Float64Array(members[0]!.length);
  for (const member of members) {
    for (let k = 0; k < consensus.length; k++) consensus[k]! += member[k]! / members.length;
  }
  return consensus;
}
