/**
 * Area under the ROC curve as the Mann-Whitney rank statistic: the share of pairs of one positive and one negative row in which the
 * positive has the higher score, a tie counting half.
 */

export class RankedScores {
  readonly #scores: Float64Array;
  readonly #isPositive: Uint8Array;
  /** Rows by rising score. */
  readonly #order: Uint32Array;

  /** @param scores  finite; @param labels  0 or 1 */
  constructor(scores: Float64Array, labels: Float64Array) {
    this.#scores = scores;
    this.#isPositive = Uint8Array.from(labels);
    this.#order = Uint32Array.from(scores, (_, row) => row).sort((a, b) => scores[a]! - scores[b]!);
  }

  /** @param weights  how often each row counts; absent = once. NaN when a class is absent */
  auc(weights?: Uint32Array): number {
    let wins = 0;
    let negatives = 0;
    let positives = 0;
    this.#eachTie((from, to) => {
      let tiedPositives = 0;
      let tiedNegatives = 0;
      for (let i = from; i < to; i++) {
        const row = this.#order[i]!;
        const weight = weights === undefined ? 1 : weights[row]!;
        if (this.#isPositive[row] === 1) tiedPositives += weight;
        else tiedNegatives += weight;
      }
      wins += tiedPositives * (negatives + tiedNegatives / 2);
      negatives += tiedNegatives;
      positives += tiedPositives;
    });
    return wins / (positives * negatives);
  }

  /**
   * What each row adds to the error of the area (mean 0): its placement, the share of the other class that it stands right of, less
   * the area, times n over its class's size. Source: DeLong, DeLong and Clarke-Pearson 1988, the structural components.
   */
  influence(): Float64Array {
    const count = this.#order.length;
    const positives = this.#isPositive.reduce((sum, flag) => sum + flag, 0);
    const negatives = count - positives;
    const area = this.auc();
    const out = new Float64Array(count);
    let positivesBelow = 0;
    let negativesBelow = 0;
    this.#eachTie((from, to) => {
      const rows = this.#order.subarray(from, to);
      const tiedPositives = rows.reduce((sum, row) => sum + this.#isPositive[row]!, 0);
      const tiedNegatives = rows.length - tiedPositives;
      const positivePlace = (negativesBelow + tiedNegatives / 2) / negatives;
      const negativePlace = (positives - positivesBelow - tiedPositives / 2) / positives;
      for (const row of rows) {
        out[row] =
          this.#isPositive[row] === 1
            ? ((positivePlace - area) * count) / positives
            : ((negativePlace - area) * count) / negatives;
      }
      positivesBelow += tiedPositives;
      negativesBelow += tiedNegatives;
    });
    return out;
  }

  /** Calls back with the bounds in the order of each run of equal scores. */
  #eachTie(take: (from: number, to: number) => void): void {
    for (let from = 0, to = 0; from < this.#order.length; from = to) {
      const score = this.#scores[this.#order[from]!]!;
      while (to < this.#order.length && this.#scores[this.#order[to]!] === score) to += 1;
      take(from, to);
    }
  }
}
