import { test } from "uvu";
import * as assert from "uvu/assert";
import { compareControl, compareGate } from "../../../src/host/repair/gate.js";
import { chooseAtGate, chosenName } from "../../../src/host/repair/gate-choice.js";
import { type Judgement, judgementOf } from "../../../src/host/repair/judgement.js";
import { Scorer } from "../../../src/host/repair/outputs.js";
import { Random } from "../../../src/host/repair/random.js";
import { near, printed, unweighted } from "./support.js";

const seed = 1;

function losses(...rows: number[]): Judgement {
  return printed(Float64Array.from(rows), rows.length);
}

function repeated(count: number, ...rows: number[]): Judgement {
  return losses(...Array.from({ length: count }, (_, row) => rows[row % rows.length]!));
}

function probabilities(outputs: readonly number[], labels: readonly number[]): Judgement {
  const scorer = new Scorer({ kind: "probability", outputCount: 1 }, Float64Array.from(labels));
  scorer.take(Float64Array.from(outputs));
  return judgementOf(scorer.finish(), unweighted(Float64Array.from(labels)), "log-loss");
}

test("a clear gain that is no worse than roll back passes", async () => {
  const result = await compareGate(
    { keep: repeated(100, 1, 1.2), rollback: repeated(100, 0.6, 0.5), repaired: repeated(100, 0.5, 0.6) },
    "log-loss",
    { seed },
  );
  assert.is(result.verdict, "passed");
  assert.is(result.metric, "loss");
  near(result.difference, -0.55, 1e-12);
  near(result.keep, 1.1, 1e-12);
  assert.is(result.againstKeep.isBetter, true);
  assert.is(result.againstRollback.isWorse, false);
  assert.ok(result.interval![0] < -0.55 && result.interval![1] > -0.55 && result.interval![1] < 0);
  near(result.againstRollback.difference, 0, 1e-12);
});

test("a gain that roll back beats is rejected", async () => {
  const result = await compareGate(
    { keep: repeated(100, 1, 1.2), rollback: repeated(100, 0.1, 0.2), repaired: repeated(100, 0.5, 0.6) },
    "log-loss",
    { seed },
  );
  assert.is(result.verdict, "rejected");
  assert.is(result.againstKeep.isBetter, true);
  assert.match(result.reason, /rolling back is better: loss changes by 0\.4 \[/);
});

test("a proven loss is rejected, and what is not told is not proven, with the rows' power", async () => {
  const keep = repeated(60, 0.4, 0.6, 0.5);
  const worse = await compareGate({ keep, rollback: keep, repaired: repeated(60, 0.9, 1.3) }, "log-loss", {
    seed,
  });
  assert.is(worse.verdict, "rejected");
  assert.match(worse.reason, /keeping is better/);
  const unsure = await compareGate({ keep, rollback: keep, repaired: repeated(60, 0.1, 0.9) }, "log-loss", {
    seed,
  });
  assert.is(unsure.verdict, "not-proven");
  assert.ok(unsure.detectable! > Math.abs(unsure.difference));
  assert.match(unsure.reason, /with 60 gate rows a difference below 0\.\d+ cannot be told/);
});

test("the same parameters as keep never pass; the same as roll back may", async () => {
  const keep = repeated(50, 1, 1.2);
  const better = repeated(50, 0.5, 0.7, 0.6);
  const nothing = await compareGate({ keep, rollback: better, repaired: keep }, "log-loss", { seed });
  assert.equal([nothing.verdict, nothing.interval], ["not-proven", [0, 0]]);
  const rolledBack = await compareGate({ keep, rollback: better, repaired: better }, "log-loss", { seed });
  assert.is(rolledBack.verdict, "passed");
  assert.equal(rolledBack.againstRollback.interval, [0, 0]);
});

test("another rival that is better stands in the way, as rolling back does; not one that may be equal", async () => {
  const [keep, rollback, repaired] = [repeated(100, 1, 1.2), repeated(100, 0.9, 1), repeated(100, 0.5, 0.6)];
  const judged = (name: string, ...rows: number[]) => ({ name, judgement: repeated(100, ...rows) });
  const ask = (...others: { name: string; judgement: Judgement }[]) =>
    compareGate({ keep, rollback, repaired, others }, "log-loss", { seed });
  const worse = await ask(judged("the other", 0.6, 0.5), judged("the best", 0.3, 0.5));
  assert.is(worse.verdict, "rejected");
  assert.match(
    worse.reason,
    /^the best is better: loss changes by 0\.15 \[0\.1\d*, 0\.1\d*\] against the best$/,
  );
  assert.equal(
    worse.againstOthers.map(({ name, isWorse, value }) => [name, isWorse, Number(value.toFixed(3))]),
    [
      ["the other", false, 0.55],
      ["the best", true, 0.4],
    ],
  );
  assert.is((await ask(judged("the other", 0.6, 0.5))).verdict, "passed");
});

test("a rival that beats what beats keeping is put in its place, if it beats keeping by itself", async () => {
  const [keep, repaired] = [repeated(100, 1, 1.2), repeated(100, 0.8, 0.9)];
  const other = (name: string, ...rows: number[]) => ({ name, judgement: repeated(100, ...rows) });
  const choose = (rollback: Judgement, ...others: { name: string; judgement: Judgement }[]) =>
    chooseAtGate({ keep, rollback, repaired, others }, "log-loss", { seed });
  const back = await choose(repeated(100, 0.5, 0.7));
  assert.equal([back.winner, back.gate.verdict], [0, "passed"]);
  near(back.gate.repaired, 0.6, 1e-12);
  near(back.gate.rollback, 0.6, 1e-12);
  assert.match(
    back.gate.reason,
    /^rolling back is better: loss changes by .* against rolling back; and loss changes by -0\.5 /,
  );
  assert.equal(
    back.gate.againstOthers.map(({ name, isBetter }) => [name, isBetter]),
    [[chosenName, true]],
  );
  const best = await choose(repeated(100, 0.5, 0.7), other("the best", 0.3, 0.4), other("a third", 0.6, 0.7));
  assert.equal([best.winner, best.gate.verdict], [1, "passed"]);
  assert.equal(
    best.gate.againstOthers.map(({ name }) => name),
    ["a third", chosenName],
  );
  const none = await choose(repeated(100, 0.9, 1));
  assert.equal([none.winner, none.gate.verdict], [null, "passed"]);
  const worse = await chooseAtGate(
    { keep: repaired, rollback: repeated(100, 0.1, 0.2), repaired: keep },
    "log-loss",
    { seed },
  );
  assert.equal(
    [worse.winner, worse.gate.verdict],
    [null, "rejected"],
    "what does not beat keeping proves nothing",
  );
});

test("chance calls one of many equal rivals better no more often than one", async () => {
  const runs = 400;
  const others = 5;
  let refused = 0;
  for (let run = 0; run < runs; run++) {
    const random = new Random(run, 9);
    const drawn = (mean: number) =>
      losses(...Array.from({ length: 60 }, () => mean + random.unit() + random.unit()));
    const result = await compareGate(
      {
        keep: drawn(3),
        rollback: drawn(0),
        repaired: drawn(0),
        others: Array.from({ length: others }, (_, i) => ({ name: String(i), judgement: drawn(0) })),
      },
      "log-loss",
      { seed: run },
    );
    if (result.verdict !== "passed") refused += 1;
  }
  // The rivals' tails add up to 0.025; uncorrected they would to about 0.1. Binomial(400, 0.025): 10 +- 3.1.
  assert.ok(refused <= 20, `${refused} of ${runs}`);
});

test("rows that would tell an unproven gain: the error falls with their root", async () => {
  const noisy = (mean: number, seedOf: number) => {
    const random = new Random(seedOf);
    return losses(...Array.from({ length: 60 }, () => mean + 2 * random.unit()));
  };
  const [keep, repaired] = [noisy(1, 1), noisy(0.9, 2)];
  const result = await compareGate({ keep, rollback: keep, repaired }, "log-loss", { seed });
  assert.is(result.verdict, "not-proven");
  const ratio = (result.detectable! / result.difference) ** 2;
  assert.is(result.rowsNeeded, Math.ceil(60 * ratio));
  assert.match(result.reason, new RegExp(`, and about ${result.rowsNeeded} would be needed for this one$`));
  const loss = await compareGate({ keep: repaired, rollback: keep, repaired: keep }, "log-loss", { seed });
  assert.is(loss.rowsNeeded, null, "no rows prove a loss to be a gain");
});

test("a command that gives one number proves nothing", async () => {
  const of = (loss: number) => printed(loss, 1_000);
  const result = await compareGate({ keep: of(0.9), rollback: of(0.5), repaired: of(0.4) }, "log-loss", {
    seed,
  });
  assert.equal([result.verdict, result.interval, result.detectable], ["not-proven", null, null]);
  near(result.difference, -0.5, 1e-12);
  assert.match(result.reason, /no loss of each row is known/);
});

test("a candidate whose loss is not finite does not pass, and neither does anything against such a keep", async () => {
  const fine = repeated(30, 0.5, 0.6);
  const broken = losses(...Array.from({ length: 30 }, (_, row) => (row === 7 ? Number.NaN : 0.1)));
  const repaired = await compareGate({ keep: fine, rollback: fine, repaired: broken }, "log-loss", { seed });
  assert.equal([repaired.verdict, repaired.difference], ["not-proven", Infinity]);
  assert.match(repaired.reason, /not finite/);
  assert.is(
    (await compareGate({ keep: broken, rollback: fine, repaired: fine }, "log-loss", { seed })).verdict,
    "not-proven",
  );
});

test("higher is better for accuracy and auc", async () => {
  const labels = Array.from({ length: 200 }, (_, row) => row % 2);
  const guesses = labels.map(
    (label, row) => (row % 5 < 3 ? 0.2 + 0.6 * label : 0.8 - 0.6 * label) + row / 1e4,
  );
  const right = labels.map((label, row) => 0.2 + 0.6 * label + row / 1e4);
  const judgements = {
    keep: probabilities(guesses, labels),
    rollback: probabilities(right, labels),
    repaired: probabilities(right, labels),
  };
  for (const metric of ["accuracy", "auc"] as const) {
    const result = await compareGate(judgements, metric, { seed });
    assert.equal([result.verdict, result.lowerIsBetter], ["passed", false], metric);
    assert.ok(result.interval![0] > 0);
    const reversed = await compareGate(
      { ...judgements, keep: judgements.repaired, repaired: judgements.keep },
      metric,
      { seed },
    );
    assert.is(reversed.verdict, "rejected", metric);
  }
});

test("accuracy needs McNemar's exact test to agree", async () => {
  const labels = new Array<number>(100).fill(1);
  const withWrong = (count: number) =>
    probabilities(
      labels.map((_, row) => (row < count ? 0.1 : 0.9)),
      labels,
    );
  const few = await compareGate(
    { keep: withWrong(4), rollback: withWrong(0), repaired: withWrong(0) },
    "accuracy",
    { seed },
  );
  // The t interval alone, 0.04 ± 1.98 * 0.0197, would lie beyond 0; four of four discordant rows have p = 2 / 16.
  assert.ok(few.interval![0] > 0);
  near(few.againstKeep.exactP!, 0.125, 1e-12);
  assert.is(few.verdict, "not-proven");
  const more = await compareGate(
    { keep: withWrong(6), rollback: withWrong(0), repaired: withWrong(0) },
    "accuracy",
    { seed },
  );
  near(more.againstKeep.exactP!, 0.03125, 1e-12);
  assert.is(more.verdict, "passed");
});

test("where nothing is better, at most 2.5 % of 2,000 gates pass", async () => {
  const random = new Random(99);
  const rows = 60;
  let passed = 0;
  for (let run = 0; run < 2_000; run++) {
    // Two forecasts of equal worth: the same spread about the truth, drawn apart. Their log losses are as skewed as real ones.
    const labels = Array.from({ length: rows }, () => (random.unit() < 0.4 ? 1 : 0));
    const forecast = () =>
      probabilities(
        labels.map((label) => 0.02 + 0.96 * (label === 1 ? 1 - random.unit() ** 2 : random.unit() ** 2)),
        labels,
      );
    const rollback = forecast();
    const result = await compareGate({ keep: forecast(), rollback, repaired: forecast() }, "log-loss", {
      seed: run,
    });
    if (result.againstKeep.isBetter) passed += 1;
  }
  // Binomial(2000, 0.025): 50 expected, standard deviation 7; three of them are allowed for.
  assert.ok(passed <= 71, `${passed} of 2000 pass`);
  assert.ok(passed >= 20, `${passed} of 2000 pass: the interval is too wide`);
});

test("a gain of twice the detectable size nearly always passes", async () => {
  const random = new Random(7);
  let passed = 0;
  for (let run = 0; run < 200; run++) {
    const noise = Array.from({ length: 100 }, () => random.unit() - 0.5);
    // The difference's standard deviation is 0.29: 100 rows tell 0.083 at 80 %.
    const keep = losses(...noise.map(() => 1));
    const repaired = losses(...noise.map((value) => 1 - 0.166 + value));
    const result = await compareGate({ keep, rollback: keep, repaired }, "log-loss", { seed });
    near(result.detectable!, 0.083, 0.015);
    if (result.verdict === "passed") passed += 1;
  }
  assert.ok(passed >= 190, `${passed} of 200`);
});

test("control: within the margin by the difference itself, the bound told beside it", async () => {
  const keep = repeated(200, 0.2, 0.6);
  const near4 = await compareControl(keep, repeated(200, 0.3, 0.532), "log-loss", { seed });
  near(near4.margin, 0.02, 1e-12);
  near(near4.difference, 0.016, 1e-12);
  assert.is(near4.isWithinMargin, true);
  // 0.016 + 1.65 * 0.084 / sqrt(200) = 0.0258
  near(near4.upperBound!, 0.0258, 1e-3);
  assert.is(near4.isProven, false);
  assert.is(near4.rows, 200);
  const far = await compareControl(keep, repeated(200, 0.3, 0.55), "log-loss", { seed });
  assert.is(far.isWithinMargin, false);
  assert.is(
    (await compareControl(keep, repeated(200, 0.3, 0.55), "log-loss", { seed, marginShare: 0.1 }))
      .isWithinMargin,
    true,
  );
  const better = await compareControl(keep, repeated(200, 0.1, 0.5), "log-loss", { seed });
  assert.equal([better.isWithinMargin, better.isProven], [true, true]);
});

test("control: of accuracy and auc the log loss is compared", async () => {
  const labels = [1, 0, 1, 0];
  const keep = probabilities([0.9, 0.1, 0.8, 0.2], labels);
  const repaired = probabilities([0.6, 0.4, 0.6, 0.4], labels);
  for (const metric of ["accuracy", "auc"] as const) {
    const result = await compareControl(keep, repaired, metric, { seed });
    assert.equal([result.metric, result.isWithinMargin], ["log-loss", false]);
  }
});

test("control: one number is compared without a bound, and no candidate without a finite loss passes", async () => {
  const of = (loss: number) => printed(loss, 50);
  const single = await compareControl(of(1), of(1.05), "rmse", { seed });
  assert.equal(
    [single.isWithinMargin, single.upperBound, single.interval, single.isProven],
    [true, null, null, false],
  );
  assert.is((await compareControl(of(1), of(1.06), "rmse", { seed })).isWithinMargin, false);
  assert.is((await compareControl(of(Number.NaN), of(Number.NaN), "rmse", { seed })).isWithinMargin, false);
  // A perfect keep leaves no margin.
  assert.is((await compareControl(of(0), of(1e-9), "rmse", { seed })).isWithinMargin, false);
});

test.run();
