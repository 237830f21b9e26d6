import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  defaultMetric,
  isLowerBetter,
  lossFor,
  meetsGoal,
  metricNames,
  parseGoal,
  requireMetric,
} from "../../../src/host/repair/metrics.js";
import { refuses } from "./support.js";

test("directions and defaults", () => {
  assert.equal(
    metricNames.filter((name) => name !== "pinball:Q" && !isLowerBetter(name)),
    ["accuracy", "auc"],
  );
  assert.is(isLowerBetter("loss"), true);
  assert.is(defaultMetric("classification"), "log-loss");
  assert.is(defaultMetric("regression"), "rmse");
});

test("a metric has to be known and to fit the task", async () => {
  assert.is(requireMetric("auc", "classification"), "auc");
  await refuses(
    () => requireMetric("rmse", "classification"),
    "MENDLINE_ARGUMENT_INVALID",
    /rmse is for regression; for classification there are log-loss, brier, accuracy, auc/,
  );
  await refuses(
    () => requireMetric("f1", "regression"),
    "MENDLINE_ARGUMENT_INVALID",
    /f1 is not known.*rmse, mae/,
  );
});

test("pinball names its quantile", async () => {
  assert.is(requireMetric("pinball:0.90", "regression"), "pinball:0.9");
  assert.is(requireMetric("pinball", "regression"), "pinball:0.5");
  assert.is(requireMetric("pinball:.05", "regression"), "pinball:0.05");
  assert.is(isLowerBetter("pinball:0.9"), true);
  assert.equal(parseGoal("pinball:0.9<=2", "regression"), {
    metric: "pinball:0.9",
    comparator: "<=",
    value: 2,
  });
  for (const [name, message] of [
    ["pinball:0", /between 0 and 1/],
    ["pinball:1", /between 0 and 1/],
    ["pinball:x", /is not known/],
    ["pinball:Q", /is not known/],
  ] as const) {
    await refuses(() => requireMetric(name, "regression"), "MENDLINE_ARGUMENT_INVALID", message);
  }
  await refuses(
    () => requireMetric("pinball", "classification"),
    "MENDLINE_ARGUMENT_INVALID",
    /pinball is for regression/,
  );
});

test("the loss that chooses the scale goes with the metric", () => {
  assert.equal(
    (["log-loss", "accuracy", "auc", "brier", "rmse", "mae", "pinball:0.1"] as const).map(lossFor),
    ["log-loss", "log-loss", "log-loss", "brier", "squared-error", "squared-error", "pinball:0.1"],
  );
});

test("goals", () => {
  const goal = parseGoal("log-loss<=0.6", "classification");
  assert.equal(goal, { metric: "log-loss", comparator: "<=", value: 0.6 });
  assert.is(meetsGoal(goal, 0.6), true);
  assert.is(meetsGoal(goal, 0.6000001), false);
  assert.is(meetsGoal(goal, Number.NaN), false);
  assert.is(meetsGoal(parseGoal(" loss < 1e-3 ", "regression"), 1e-3), false);
  const accuracy = parseGoal("accuracy >= .9", "classification");
  assert.is(meetsGoal(accuracy, 0.9), true);
  assert.is(meetsGoal(accuracy, 0.89), false);
  assert.is(meetsGoal(parseGoal("auc>0.5", "classification"), 0.5), false);
});

test("goals that are malformed, of another task, or point to the worse side", async () => {
  const bad = (text: string, message: RegExp) =>
    refuses(() => parseGoal(text, "classification"), "MENDLINE_ARGUMENT_INVALID", message);
  for (const text of ["", "log-loss", "log-loss=0.6", "log-loss<=x", "<=0.6", "log-loss<=0.6 and more"]) {
    await bad(text, /malformed/);
  }
  await bad("rmse<=1", /rmse is for regression/);
  await bad("log-loss>=0.6", /better when lower: write 'log-loss<=0\.6'/);
  await bad("accuracy<0.9", /better when higher: write 'accuracy>=0\.9'/);
});

test.run();
