import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Judgement, judgementOf, judgementOfLoss } from "../../../src/host/repair/judgement.js";
import type { LossName } from "../../../src/host/repair/metrics.js";
import { type OutputReading, Scorer } from "../../../src/host/repair/outputs.js";
import { near, printed, unweighted } from "./support.js";

function judged(
  reading: OutputReading,
  outputs: number[],
  labels: number[],
  loss: LossName = reading.kind === "value" ? "squared-error" : "log-loss",
): Judgement {
  const scorer = new Scorer(reading, Float64Array.from(labels));
  scorer.take(Float64Array.from(outputs));
  return judgementOf(scorer.finish(), unweighted(Float64Array.from(labels)), loss);
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

test("brier: one or two columns count one class, more count all; from logits through softmax", () => {
  const one = judged(probability, [0.8, 0.4], [1, 1], "brier");
  near(one.meanLoss, (0.04 + 0.36) / 2, 1e-15);
  assert.equal([one.figures("brier").value, one.figures("brier").lowerIsBetter], [one.meanLoss, true]);
  near(one.figures("log-loss").value, -(Math.log(0.8) + Math.log(0.4)) / 2, 1e-15);
  const two = judged({ kind: "probability", outputCount: 2 }, [0.2, 0.8, 0.6, 0.4], [1, 1], "brier");
  near(two.meanLoss, one.meanLoss, 1e-15);
  const logits = judged({ kind: "logit", outputCount: 1 }, [Math.log(4), Math.log(2 / 3)], [1, 1], "brier");
  near(logits.meanLoss, one.meanLoss, 1e-15);
  const three = judged({ kind: "logit", outputCount: 3 }, [0, Math.log(2), 0], [2], "brier");
  near(three.meanLoss, 0.25 ** 2 + 0.5 ** 2 + 0.75 ** 2, 1e-15);
  assert.is(judged(probability, [Number.NaN, 0.5], [1, 1], "brier").meanLoss, Infinity);
});

test("pinball: a quantile's loss; half of the absolute error at the median", () => {
  const upper = judged(value, [1, 5, 2], [2, 2, 2], "pinball:0.9");
  near(upper.meanLoss, (0.9 * 1 + 0.1 * 3 + 0) / 3, 1e-15);
  assert.equal([...upper.figures("pinball:0.9").rows!], [...upper.rowLosses!]);
  near(upper.figures("pinball:0.5").value, upper.figures("mae").value / 2, 1e-15);
  assert.is(judged(value, [Number.NaN], [1], "pinball:0.5").meanLoss, Infinity);
});

test("weighted rows: every metric is that of rows repeated as often", () => {
  const outputs = [0.8, 0.4, 0.6, 0.3];
  const labels = [1, 1, 0, 0];
  const weights = [1, 3, 2, 1];
  const repeat = (list: number[]) => list.flatMap((one, row) => new Array<number>(weights[row]!).fill(one));
  for (const [reading, metrics] of [
    [probability, ["log-loss", "brier", "accuracy", "auc"]],
    [value, ["rmse", "mae", "pinball:0.2"]],
  ] as const) {
    const scorer = new Scorer(reading, Float64Array.from(labels));
    scorer.take(Float64Array.from(outputs));
    const slice = { labels: Float64Array.from(labels), weights: Float64Array.from(weights) };
    const weighted = judgementOf(
      scorer.finish(),
      slice,
      reading.kind === "value" ? "squared-error" : "log-loss",
    );
    const repeated = judged(reading, repeat(outputs), repeat(labels));
    near(weighted.meanLoss, repeated.meanLoss, 1e-15);
    for (const metric of metrics) {
      near(weighted.figures(metric).value, repeated.figures(metric).value, 1e-14);
      const drawn = weighted.figures(metric).resampler;
      if (drawn === null) continue;
      near(drawn.valueOf(Uint32Array.of(1, 1, 1, 1)), repeated.figures(metric).value, 1e-14);
      const influence = drawn.influence();
      near(
        influence.reduce((sum, one) => sum + one, 0),
        0,
        1e-12,
      );
    }
  }
  const slice = { rowCount: 2, weights: Float64Array.of(3, 1) };
  assert.is(judgementOfLoss(Float64Array.of(1, 2), slice).meanLoss, 1.25);
  assert.is(judgementOfLoss(7, slice).meanLoss, 7);
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
  const rows = printed(Float64Array.of(1, 2, 6), 3);
  assert.is(rows.meanLoss, 3);
  const { metric, value: mean, rows: each, lowerIsBetter } = rows.figures("accuracy");
  assert.equal([metric, mean, [...each!], lowerIsBetter], ["loss", 3, [1, 2, 6], true]);
  const single = printed(0.5, 100);
  assert.equal(
    [single.meanLoss, single.rowLosses, single.rowCount, single.nonFiniteCount],
    [0.5, null, 100, 0],
  );
  assert.is(single.figures("log-loss").rows, null);
});

test("a command's loss that is not finite is Infinity", () => {
  const rows = printed(Float64Array.of(1, Number.NaN, Number.NEGATIVE_INFINITY), 3);
  assert.equal(
    [rows.meanLoss, rows.nonFiniteCount, [...rows.rowLosses!]],
    [Infinity, 2, [1, Infinity, Infinity]],
  );
  assert.equal([printed(Number.NaN, 5).meanLoss, printed(Number.NaN, 5).nonFiniteCount], [Infinity, 1]);
});

test.run();
