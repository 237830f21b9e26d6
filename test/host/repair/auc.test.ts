import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RankedScores } from "../../../src/host/repair/auc.js";
import { near } from "./support.js";

/** Straight from the definition: all pairs. */
function byPairs(scores: readonly number[], labels: readonly number[], weights: readonly number[]): number {
  let wins = 0;
  let pairs = 0;
  scores.forEach((positive, i) => {
    scores.forEach((negative, j) => {
      if (labels[i] !== 1 || labels[j] !== 0) return;
      const weight = weights[i]! * weights[j]!;
      pairs += weight;
      wins += positive > negative ? weight : positive === negative ? weight / 2 : 0;
    });
  });
  return wins / pairs;
}

test("known answers, ties counting half", () => {
  const area = (scores: number[], labels: number[]) =>
    new RankedScores(Float64Array.from(scores), Float64Array.from(labels)).auc();
  assert.is(area([1, 2, 3, 4], [0, 0, 1, 1]), 1);
  assert.is(area([4, 3, 2, 1], [0, 0, 1, 1]), 0);
  assert.is(area([5, 5, 5, 5], [0, 1, 0, 1]), 0.5);
  // scipy 1.17: mannwhitneyu(positives, negatives).statistic / 16
  assert.is(area([0.1, 0.4, 0.4, 0.8, 0.4, 0.9, 0.2, 0.8], [0, 0, 1, 1, 1, 1, 0, 0]), 0.78125);
  assert.ok(Number.isNaN(area([1, 2], [1, 1])));
});

const rows = fc
  .array(
    fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 3 })),
    {
      minLength: 2,
      maxLength: 40,
    },
  )
  .filter((list) => [0, 1].every((label) => list.some((row) => row[1] === label && row[2] > 0)));

test("equals the count over all pairs, weighted or not", () => {
  fc.assert(
    fc.property(rows, (list) => {
      const [scores, labels, weights] = [0, 1, 2].map((at) => list.map((row) => row[at]!)) as [
        number[],
        number[],
        number[],
      ];
      const ranked = new RankedScores(Float64Array.from(scores), Float64Array.from(labels));
      const weighted = new RankedScores(
        Float64Array.from(scores),
        Float64Array.from(labels),
        Float64Array.from(weights),
      );
      near(weighted.auc(), byPairs(scores, labels, weights), 1e-12);
      near(
        ranked.auc(),
        byPairs(
          scores,
          labels,
          scores.map(() => 1),
        ),
        1e-12,
      );
      near(ranked.auc(Uint32Array.from(weights)), byPairs(scores, labels, weights), 1e-12);
    }),
    { seed: 2, numRuns: 300 },
  );
});

test("influence is the derivative by a row's weight, and sums to 0", () => {
  fc.assert(
    fc.property(rows, (list) => {
      const scores = list.map((row) => row[0]);
      const labels = list.map((row) => row[1]);
      const influence = new RankedScores(Float64Array.from(scores), Float64Array.from(labels)).influence();
      near(
        influence.reduce((sum, value) => sum + value, 0),
        0,
        1e-9,
      );
      const step = 1e-6;
      list.forEach((_, row) => {
        const weights = scores.map((_, other) => (other === row ? 1 + step : 1));
        const change =
          byPairs(scores, labels, weights) -
          byPairs(
            scores,
            labels,
            scores.map(() => 1),
          );
        near(influence[row]! / list.length, change / step, 1e-5);
      });
    }),
    { seed: 3, numRuns: 100 },
  );
});

test.run();
