import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  foldCount,
  foldSums,
  foldsOf,
  gainOf,
  heldOutLosses,
  meanOverFolds,
} from "../../../src/host/repair/cross-validation.js";
import { Random } from "../../../src/host/repair/random.js";
import { near } from "./support.js";

const labelsOf = (count: number) => Float64Array.from({ length: count }, (_, row) => (row % 5 === 0 ? 1 : 0));

test("folds are even, and even in each class; seeded", () => {
  const labels = labelsOf(203);
  const { ofRow, weights } = foldsOf({ labels, weights: null }, "classification", 7);
  assert.is(
    weights.reduce((sum, one) => sum + one, 0),
    203,
  );
  assert.ok(weights.every((count) => count === 20 || count === 21));
  for (let fold = 0; fold < foldCount; fold++) {
    const rare = labels.filter((label, row) => label === 1 && ofRow[row] === fold).length;
    assert.ok(rare >= 3 && rare <= 5, String(rare));
  }
  const again = foldsOf({ labels, weights: null }, "classification", 7).ofRow;
  assert.equal([...again], [...ofRow]);
  assert.not.equal([...foldsOf({ labels, weights: null }, "classification", 8).ofRow], [...ofRow]);
  const weighted = foldsOf({ labels, weights: labels.map((label) => 1 + label) }, "classification", 7);
  near(
    weighted.weights.reduce((sum, one) => sum + one, 0),
    203 + 41,
    1e-9,
  );
});

/** By the definition, row by row. */
function byRows(rows: readonly Float64Array[], ofRow: Uint8Array, weights: Float64Array): number[] {
  return Array.from({ length: foldCount }, (_, fold) => {
    const meanOf = (losses: Float64Array, isHeld: boolean) => {
      let sum = 0;
      let total = 0;
      losses.forEach((loss, row) => {
        if ((ofRow[row] === fold) !== isHeld) return;
        sum += weights[row]! * loss;
        total += weights[row]!;
      });
      return sum / total;
    };
    const chosen = rows.reduce((best, losses) =>
      meanOf(losses, false) < meanOf(best, false) ? losses : best,
    );
    return meanOf(chosen, true);
  });
}

test("held-out losses are those of choosing without the fold", () => {
  const random = new Random(3);
  const labels = labelsOf(90);
  const weights = labels.map(() => 0.5 + random.unit());
  const folds = foldsOf({ labels, weights }, "classification", 1);
  const rows = Array.from({ length: 6 }, () => labels.map(() => random.unit()));
  const candidates = rows.map((losses) => ({ folds: foldSums(folds, losses, weights) }));
  const expected = byRows(rows, folds.ofRow, weights);
  heldOutLosses(candidates, folds.weights).forEach((loss, fold) => {
    near(loss, expected[fold]!, 1e-12);
  });
});

test("a penalty enters the choice and not the judgement", () => {
  const weights = new Array<number>(foldCount).fill(2);
  const good = { folds: new Array<number>(foldCount).fill(1) };
  const better = { folds: new Array<number>(foldCount).fill(0.8) };
  assert.equal(heldOutLosses([good, better], weights)[0], 0.4);
  assert.equal(heldOutLosses([good, { ...better, penalty: 1 }], weights)[0], 0.5);
});

test("the mean over folds and its standard error, by hand", () => {
  const { mean, standardError } = meanOverFolds([1, 2, 3, 4], [1, 1, 1, 1]);
  near(mean, 2.5, 1e-15);
  near(standardError, Math.sqrt(5 / 3 / 4), 1e-15);
  // Folds without a row change nothing.
  near(meanOverFolds([1, 2, 3, 4, 99], [1, 1, 1, 1, 0]).standardError, standardError, 1e-15);
});

test("choosing among more is no gain where all are alike, and is where one is better", () => {
  let paid = 0;
  const runs = 200;
  for (let run = 0; run < runs; run++) {
    const random = new Random(run, 4);
    const labels = labelsOf(120);
    const folds = foldsOf({ labels, weights: null }, "classification", run);
    const drawn = (mean: number) => ({
      folds: foldSums(
        folds,
        labels.map(() => mean + random.unit()),
        null,
      ),
    });
    const fewer = [drawn(0), drawn(0)];
    const alike = gainOf(fewer, [...fewer, ...Array.from({ length: 10 }, () => drawn(0))], folds.weights);
    if (alike.mean > alike.standardError) paid += 1;
    const better = gainOf(fewer, [...fewer, drawn(-0.3)], folds.weights);
    assert.ok(better.mean > better.standardError, String(run));
  }
  assert.ok(paid < runs / 4, `${paid} of ${runs}`);
});

test.run();
