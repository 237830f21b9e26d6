import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Judgement, judgementOf, judgementOfLoss } from "../../../src/host/repair/judgement.js";
import type { MetricName } from "../../../src/host/repair/metrics.js";
import { type OutputReading, Scorer } from "../../../src/host/repair/outputs.js";
import { comparePaired, effectiveRows, type PairedComparison } from "../../../src/host/repair/paired.js";
import { Random } from "../../../src/host/repair/random.js";
import { bootstrapRowsMax } from "../../../src/limits.js";
import { near, printed, refuses, unweighted } from "./support.js";

function judged(kind: OutputReading["kind"], outputs: Float64Array, labels: Float64Array): Judgement {
  const scorer = new Scorer({ kind, outputCount: 1 }, labels);
  scorer.take(outputs);
  return judgementOf(scorer.finish(), unweighted(labels), kind === "value" ? "squared-error" : "log-loss");
}

function compare(
  reference: Judgement,
  candidate: Judgement,
  metric: MetricName,
  seed = 1,
): Promise<PairedComparison> {
  return comparePaired(reference.figures(metric), candidate.figures(metric), { seed });
}

/** Standard normal numbers: Box and Muller. */
function normals(random: Random, count: number): Float64Array {
  return Float64Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.unit()));
    return radius * Math.cos(2 * Math.PI * random.unit());
  });
}

test("Student's t interval, against scipy's ttest_rel", async () => {
  const reference = printed(Float64Array.of(0.9, 1.2, 0.4, 0.7, 2.1, 0.3, 1.5, 0.8, 0.6, 1.1), 10);
  const candidate = printed(Float64Array.of(0.7, 1.0, 0.5, 0.6, 1.6, 0.35, 1.1, 0.9, 0.4, 0.9), 10);
  const paired = await compare(reference, candidate, "log-loss");
  assert.is(paired.method, "student-t");
  near(paired.difference, -0.155, 1e-12);
  near(paired.quantile(0.025)!, -0.2985177828442415, 1e-12);
  near(paired.quantile(0.975)!, -0.011482217155758423, 1e-12);
  near(paired.quantile(0.95)!, -0.03870202206795255, 1e-12);
  near(paired.detectable(0.95, 0.8)!, 0.19956347471000296, 1e-12);
});

test("weighted rows: equal weights change nothing; few heavy ones leave few degrees of freedom", async () => {
  const reference = Float64Array.of(0.9, 1.2, 0.4, 0.7, 2.1, 0.3, 1.5, 0.8, 0.6, 1.1);
  const candidate = Float64Array.of(0.7, 1.0, 0.5, 0.6, 1.6, 0.35, 1.1, 0.9, 0.4, 0.9);
  const weighted = (weights: Float64Array) =>
    compare(
      judgementOfLoss(reference, { rowCount: 10, weights }),
      judgementOfLoss(candidate, { rowCount: 10, weights }),
      "log-loss",
    );
  const equal = await weighted(new Float64Array(10).fill(3));
  near(equal.difference, -0.155, 1e-12);
  near(equal.quantile(0.025)!, -0.2985177828442415, 1e-12);
  const heavy = Float64Array.of(9, 1, 1, 1, 1, 1, 1, 1, 1, 9);
  near(effectiveRows(heavy), 26 ** 2 / 170, 1e-12);
  const uneven = await weighted(heavy);
  const differences = reference.map((loss, row) => candidate[row]! - loss);
  const mean = differences.reduce((sum, one, row) => sum + (heavy[row]! * one) / 26, 0);
  near(uneven.difference, mean, 1e-12);
  const squares = differences.reduce((sum, one, row) => sum + ((heavy[row]! * (one - mean)) / 26) ** 2, 0);
  near(uneven.standardError!, Math.sqrt((squares * 10) / 9), 1e-12);
  // scipy 1.17: t.ppf(0.975, 26**2 / 170 - 1) = 3.19673
  near((uneven.quantile(0.975)! - mean) / uneven.standardError!, 3.196725981772122, 1e-9);
});

test("the bootstrap of rmse and auc and their delta method agree", async () => {
  const random = new Random(4);
  const count = 2_000;
  const labels = normals(random, count);
  const noisy = (share: number) => {
    const noise = normals(random, count);
    return labels.map((label, row) => label + share * noise[row]!);
  };
  const rmse = await compare(judged("value", noisy(1), labels), judged("value", noisy(0.9), labels), "rmse");
  assert.is(rmse.method, "bootstrap");
  // sd of an rmse of s over n normal rows: s / sqrt(2 n).
  near(rmse.standardError!, Math.sqrt((1 + 0.81) / (2 * count)), 0.002);
  near(rmse.difference, -0.1, 0.08);
  near(
    rmse.quantile(0.975)! - rmse.quantile(0.025)!,
    2 * 1.96 * rmse.standardError!,
    0.1 * rmse.standardError! * 3.92,
  );

  const classes = labels.map((label) => (label > 0 ? 1 : 0));
  const reference = judged("logit", noisy(1), classes);
  const candidate = judged("logit", noisy(0.7), classes);
  const auc = await compare(reference, candidate, "auc");
  const influence = candidate.figures("auc").resampler!.influence();
  const other = reference.figures("auc").resampler!.influence();
  const squares = influence.reduce((sum, value, row) => sum + (value - other[row]!) ** 2, 0);
  near(auc.standardError!, Math.sqrt(squares) / count, 0.05 * auc.standardError!);
  assert.ok(auc.quantile(0.025)! > 0);
});

test("above bootstrapRowsMax rows the delta method takes over, and meets the bootstrap", async () => {
  const random = new Random(8);
  const count = bootstrapRowsMax + 1;
  const labels = normals(random, count);
  const reference = judged("value", new Float64Array(count), labels);
  const candidate = judged(
    "value",
    labels.map((label) => label / 10),
    labels,
  );
  const delta = await compare(reference, candidate, "rmse");
  assert.is(delta.method, "delta");
  const rows = bootstrapRowsMax;
  const bootstrap = await compare(
    judged("value", new Float64Array(rows), labels.slice(0, rows)),
    judged(
      "value",
      labels.slice(0, rows).map((label) => label / 10),
      labels.slice(0, rows),
    ),
    "rmse",
  );
  assert.is(bootstrap.method, "bootstrap");
  near(delta.quantile(0.025)!, bootstrap.quantile(0.025)!, 0.1 * delta.standardError!);
  near(delta.quantile(0.975)!, bootstrap.quantile(0.975)!, 0.1 * delta.standardError!);
});

test("a 95 % interval of rmse holds the truth about 95 % of the time, on 40 rows too", async () => {
  const random = new Random(21);
  const count = 40;
  const runs = 300;
  let outside = 0;
  for (let run = 0; run < runs; run++) {
    const labels = normals(random, count);
    // Equally good by construction: one predictor's errors are the other's mirrored in part.
    const noise = normals(random, count);
    const reference = judged(
      "value",
      labels.map((label, row) => label + noise[row]!),
      labels,
    );
    const candidate = judged(
      "value",
      labels.map((label, row) => label + (row % 2 === 0 ? noise[row]! : normals(random, 1)[0]!)),
      labels,
    );
    const paired = await compare(reference, candidate, "rmse", run);
    if (paired.quantile(0.025)! > 0 || paired.quantile(0.975)! < 0) outside += 1;
  }
  // Binomial(300, 0.05): 15 expected, standard deviation 3.8.
  assert.ok(outside >= 4 && outside <= 27, `${outside} of ${runs} outside`);
});

test("the same seed gives the same interval, another one a near one", async () => {
  const labels = normals(new Random(2), 200);
  const reference = judged("value", new Float64Array(200), labels);
  const candidate = judged(
    "value",
    labels.map((label) => label * 0.1),
    labels,
  );
  const ends = async (seed: number) => {
    const paired = await compare(reference, candidate, "rmse", seed);
    return [paired.quantile(0.025)!, paired.quantile(0.975)!];
  };
  assert.equal(await ends(5), await ends(5));
  assert.not.equal(await ends(5), await ends(6));
  near((await ends(5))[0]!, (await ends(6))[0]!, 0.01);
});

test("equal candidates differ by nothing, with no error", async () => {
  const labels = Float64Array.of(0, 1, 1, 0, 1);
  const same = judged("probability", Float64Array.of(0.1, 0.7, 0.4, 0.6, 0.9), labels);
  for (const metric of ["log-loss", "accuracy", "auc"] as const) {
    const paired = await compare(same, same, metric);
    assert.equal([paired.difference, paired.quantile(0.025), paired.quantile(0.975)], [0, 0, 0], metric);
  }
});

test("without rows, with one row, or with a value that is not finite there is no error to tell", async () => {
  const single = printed(0.5, 10);
  const rows = printed(Float64Array.of(0.4, 0.6), 2);
  const none: [Judgement, Judgement, MetricName][] = [
    [single, single, "log-loss"],
    [single, rows, "log-loss"],
    [printed(Float64Array.of(1), 1), printed(Float64Array.of(2), 1), "log-loss"],
    [rows, printed(Float64Array.of(0.4, Number.NaN), 2), "log-loss"],
    [
      judged("logit", Float64Array.of(1, 2, 3), Float64Array.of(0, 0, 1)),
      judged("logit", Float64Array.of(1, 2, 0), Float64Array.of(0, 0, 1)),
      "auc",
    ],
  ];
  for (const [reference, candidate, metric] of none) {
    const paired = await compare(reference, candidate, metric);
    assert.equal(
      [paired.method, paired.standardError, paired.quantile(0.9), paired.detectable(0.95, 0.8)],
      ["none", null, null, null],
    );
  }
  assert.is((await compare(rows, printed(Number.NaN, 2), "log-loss")).difference, Infinity);
});

test("a bootstrap can be cancelled", async () => {
  const labels = normals(new Random(1), 5_000);
  const reference = judged("value", new Float64Array(5_000), labels).figures("rmse");
  const signal = AbortSignal.abort();
  await refuses(
    () => comparePaired(reference, reference, { seed: 1, signal }),
    "MENDLINE_TASK_ABORTED",
    /cancelled/,
  );
});

test("slices of different length are an error of the caller", async () => {
  const two = printed(Float64Array.of(1, 2), 2);
  const three = printed(Float64Array.of(1, 2, 3), 3);
  let thrown: unknown = null;
  await compare(two, three, "log-loss").catch((error: unknown) => {
    thrown = error;
  });
  assert.instance(thrown, RangeError);
});

test.run();
