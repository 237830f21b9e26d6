import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Judgement, judgementOf, judgementOfLoss } from "../../../src/host/repair/judgement.js";
import { type OutputReading, Scorer } from "../../../src/host/repair/outputs.js";
import { near } from "./support.js";

function judged(reading: OutputReading, outputs: number[], labels: number[]): Judgement {
  const scorer = new Scorer(reading, Float64Array.from(labels));
  scorer.take(Float64Array.from(outputs));
  return judgementOf(scorer.finish(), Float64Array.from(labels));
}

const probability: OutputReading = { kind: "probability", outputCount: 1 };
const value: OutputReading = { kind: "value", outputCount: 1 };

test("classification: every metric by hand", () => {
  const judgement = judged(probability, [0.8, 0.4, 0.6, 0.3], [1, 1, 0, 0]);
  const loss = -(Math.log(0.8) + Math.log(0.4) + Math.log(0.4) + Math.log(0.7)) / 4;
  near(judgement.meanLoss, loss, 1e-15);
  near(judgement.figures("log-loss").value, loss, 1e-15);
  const accuracy = judgement.figures("accuracy");
  assert.is(accuracy.value, 0.5);
  assert.equal([...accuracy.rows!], [1, 0, 0, 1]);
  assert.is(accuracy.lowerIsBetter, false);
  // Of four pairs, 0.8 wins both and 0.4 one.
  assert.is(judgement.figures("auc").value, 0.75);
});

test("regression: every metric by hand, the proper loss being the squared error", () => {
  const judgement = judged(value, [1, 5, 2], [2, 2, 2]);
  near(judgement.meanLoss, 10 / 3, 1e-15);
  near(judgement.figures("rmse").value, Math.sqrt(10 / 3), 1e-15);
  near(judgement.figures("mae").value, 4 / 3, 1e-15);
  assert.equal([...judgement.figures("mae").rows!], [1, 3, 0]);
  assert.is(judgement.figures("rmse").rows, null);
});

test("resamples count rows as often as they were drawn", () => {
  const rmse = judged(value, [1, 5, 2], [2, 2, 2]).figures("rmse").resampler!;
  near(rmse.valueOf(Uint32Array.of(2, 0, 1)), Math.sqrt(2 / 3), 1e-15);
  const influence = rmse.influence();
  near(
    influence.reduce((sum, one) => sum + one, 0),
    0,
    1e-12,
  );
  const auc = judged(probability, [0.8, 0.4, 0.6, 0.3], [1, 1, 0, 0]).figures("auc").resampler!;
  assert.equal(
    auc.strata!.map((rows) => [...rows]),
    [
      [2, 3],
      [0, 1],
    ],
  );
  assert.is(auc.valueOf(Uint32Array.of(0, 2, 2, 0)), 0);
});

test("one output that is not finite makes every metric the worst there is", () => {
  const broken = judged(probability, [0.8, Number.NaN, 0.1], [1, 1, 0]);
  assert.is(broken.meanLoss, Infinity);
  assert.is(broken.nonFiniteCount, 1);
  assert.is(broken.figures("log-loss").value, Infinity);
  assert.is(broken.figures("auc").value, 0);
  assert.is(broken.figures("auc").resampler, null);
  near(broken.figures("accuracy").value, 2 / 3, 1e-15);
  const regression = judged(value, [Number.NaN, 1], [1, 1]);
  assert.is(regression.figures("rmse").value, Infinity);
  assert.is(regression.figures("mae").value, Infinity);
});

test("a command's loss is the metric, whatever was asked for", () => {
  const rows = judgementOfLoss(Float64Array.of(1, 2, 6), 3);
  assert.is(rows.meanLoss, 3);
  const { metric, value: mean, rows: each, lowerIsBetter } = rows.figures("accuracy");
  assert.equal([metric, mean, [...each!], lowerIsBetter], ["loss", 3, [1, 2, 6], true]);
  const single = judgementOfLoss(0.5, 100);
  assert.equal(
    [single.meanLoss, single.rowLosses, single.rowCount, single.nonFiniteCount],
    [0.5, null, 100, 0],
  );
  assert.is(single.figures("log-loss").rows, null);
});

test("a command's loss that is not finite is Infinity", () => {
  const rows = judgementOfLoss(Float64Array.of(1, Number.NaN, Number.NEGATIVE_INFINITY), 3);
  assert.equal(
    [rows.meanLoss, rows.nonFiniteCount, [...rows.rowLosses!]],
    [Infinity, 2, [1, Infinity, Infinity]],
  );
  assert.equal(
    [judgementOfLoss(Number.NaN, 5).meanLoss, judgementOfLoss(Number.NaN, 5).nonFiniteCount],
    [Infinity, 1],
  );
});

test.run();
