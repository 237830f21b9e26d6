import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  checkLabels,
  decideReading,
  type OutputReading,
  type OutputSurvey,
  OutputSurveyor,
  type RowScores,
  Scorer,
} from "../../../src/host/repair/outputs.js";
import { labelled, near, refuses } from "./support.js";

function surveyOf(outputCount: number, ...batches: number[][]): OutputSurvey {
  const surveyor = new OutputSurveyor();
  for (const batch of batches) surveyor.take(Float64Array.from(batch), outputCount);
  return surveyor.finish();
}

function scoresOf(reading: OutputReading, outputs: number[], labels: number[]): RowScores {
  const scorer = new Scorer(reading, Float64Array.from(labels));
  scorer.take(Float64Array.from(outputs));
  return scorer.finish();
}

const kindOf = (survey: OutputSurvey) => decideReading(survey, "classification").kind;

test("one column in [0, 1] is a probability, else a logit", () => {
  assert.is(kindOf(surveyOf(1, [0, 0.5], [1])), "probability");
  assert.is(kindOf(surveyOf(1, [0, 0.5], [1.0001])), "logit");
  assert.is(kindOf(surveyOf(1, [0.2, -0.1])), "logit");
});

test("several columns are probabilities when in [0, 1] and summing to 1", () => {
  assert.is(kindOf(surveyOf(2, [0.25, 0.75, 1, 0])), "probability");
  assert.is(kindOf(surveyOf(2, [0.2503, 0.7501])), "probability");
  assert.is(kindOf(surveyOf(2, [0.25, 0.75], [0.5, 0.6])), "logit");
  assert.is(kindOf(surveyOf(3, [2, -1, 0])), "logit");
});

test("--output overrides, and rows that are not finite have no say", () => {
  assert.is(decideReading(surveyOf(1, [3]), "classification", "probability").kind, "probability");
  assert.is(decideReading(surveyOf(1, [0.3]), "classification", "logit").kind, "logit");
  const survey = surveyOf(2, [0.5, 0.5, Number.NaN, 7], [Number.POSITIVE_INFINITY, 0, 1, 0]);
  assert.equal([...survey.nonFiniteRows], [1, 2]);
  assert.is(kindOf(survey), "probability");
});

test("a model without one finite output, or a regression of two outputs, cannot be judged", async () => {
  const nan = surveyOf(1, [Number.NaN, Number.NaN]);
  await refuses(
    () => decideReading(nan, "classification"),
    "MENDLINE_REPAIR_VALIDATOR",
    /all 2 labelled rows/,
  );
  const two = surveyOf(2, [1, 2]);
  await refuses(() => decideReading(two, "regression"), "MENDLINE_REPAIR_VALIDATOR", /2 outputs a row/);
  assert.equal(decideReading(surveyOf(1, [7]), "regression"), { kind: "value", outputCount: 1 });
});

test("labels have to be class indices of the outputs", async () => {
  const data = labelled({ x: [1, 2, 3] }, [0, 1, 2]);
  checkLabels(data, { kind: "logit", outputCount: 3 });
  checkLabels(data, { kind: "value", outputCount: 1 });
  await refuses(
    () => checkLabels(data, { kind: "probability", outputCount: 1 }),
    "MENDLINE_REPAIR_LABELS",
    /data\.csv: row 3: label y is 2, .* \(1 a row\) know the classes 0 to 1/,
  );
  for (const bad of [-1, 0.5, 3]) {
    const wrong = labelled({ x: [1] }, [bad]);
    await refuses(
      () => checkLabels(wrong, { kind: "logit", outputCount: 3 }),
      "MENDLINE_REPAIR_LABELS",
      /row 1: label y is/,
    );
  }
});

test("log loss of probabilities, by hand", () => {
  const { losses, hits, scores } = scoresOf(
    { kind: "probability", outputCount: 1 },
    [0.8, 0.8, 0.5],
    [1, 0, 1],
  );
  near(losses[0]!, 0.22314355131420976, 1e-15);
  near(losses[1]!, 1.6094379124341003, 1e-15);
  // A tie goes to class 0.
  assert.equal([...hits!], [1, 0, 0]);
  assert.equal([...scores!], [0.8, 0.8, 0.5]);
  const three = scoresOf({ kind: "probability", outputCount: 3 }, [0.2, 0.5, 0.3, 0.1, 0.1, 0.8], [1, 0]);
  near(three.losses[0]!, Math.LN2, 1e-15);
  near(three.losses[1]!, Math.log(10), 1e-15);
  assert.equal([...three.hits!], [1, 0]);
  assert.is(three.scores, null);
});

test("log loss of logits is that of their softmax or sigmoid, without overflow", () => {
  const logit = Math.log(4);
  near(scoresOf({ kind: "logit", outputCount: 1 }, [logit], [1]).losses[0]!, -Math.log(0.8), 1e-15);
  near(scoresOf({ kind: "logit", outputCount: 1 }, [logit], [0]).losses[0]!, -Math.log(0.2), 1e-15);
  const shifted = [1000, 1000 + Math.log(3)];
  near(scoresOf({ kind: "logit", outputCount: 2 }, shifted, [1]).losses[0]!, -Math.log(0.75), 1e-12);
  near(scoresOf({ kind: "logit", outputCount: 2 }, [-5000, -5000], [0]).losses[0]!, Math.LN2, 1e-12);
  assert.equal([...scoresOf({ kind: "logit", outputCount: 1 }, [-2, 2, 0], [0, 1, 0]).hits!], [1, 1, 1]);
});

test("probabilities are clipped at 1e-7 either way, whatever the reading", () => {
  const worst = -Math.log(1e-7);
  const best = -Math.log1p(-1e-7);
  for (const outputs of [[1], [3]]) {
    const { losses } = scoresOf({ kind: "probability", outputCount: 1 }, [...outputs, ...outputs], [0, 1]);
    assert.equal([...losses], [worst, best]);
  }
  assert.equal([...scoresOf({ kind: "logit", outputCount: 1 }, [900, 900], [0, 1]).losses], [worst, best]);
  assert.equal(
    [...scoresOf({ kind: "probability", outputCount: 2 }, [1, 0, -1, 2], [1, 0]).losses],
    [worst, worst],
  );
});

test("regression: squared error and the prediction", () => {
  const { losses, hits, scores } = scoresOf({ kind: "value", outputCount: 1 }, [3, -1], [1, -1]);
  assert.equal([...losses], [4, 0]);
  assert.equal([...scores!], [3, -1]);
  assert.is(hits, null);
});

test("an output that is not finite costs Infinity and is no hit", () => {
  const { losses, hits, scores } = scoresOf(
    { kind: "logit", outputCount: 2 },
    [Number.NaN, 5, 0, Number.NEGATIVE_INFINITY],
    [1, 0],
  );
  assert.equal([...losses], [Infinity, Infinity]);
  assert.equal([...hits!], [0, 0]);
  assert.equal([...scores!], [Number.NaN, Number.NaN]);
});

test("fewer rows than labels are noticed", () => {
  assert.throws(() => scoresOf({ kind: "value", outputCount: 1 }, [1], [1, 2]), RangeError);
});

test.run();
