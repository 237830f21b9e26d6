import { test } from "uvu";
import * as assert from "uvu/assert";
import { comparePaired } from "../../../src/host/repair/paired.js";
import { Random } from "../../../src/host/repair/random.js";
import { newTrial, Trial, type TrialOptions, type TrialState } from "../../../src/host/repair/trial.js";
import { lookTail } from "../../../src/host/repair/trial-looks.js";
import { gaussians } from "../parameters/tensors.js";

const pair = { period: "before" as const, incumbent: "a".repeat(64), candidate: "b".repeat(64), run: null };
const begun = (options: TrialOptions = {}) => new Trial(newTrial(pair, options));

function ended(
  options: TrialOptions,
  rows: number,
  lossOf: (row: number) => readonly [number, number],
): TrialState {
  const trial = begun(options);
  for (let row = 0; row < rows && trial.isOpen; row++) trial.judged(...lossOf(row));
  return trial.state;
}

function figures(rows: Float64Array) {
  const value = rows.reduce((sum, one) => sum + one, 0) / rows.length;
  return { value, rows, weights: null, resampler: null, metric: "log-loss" as const, lowerIsBetter: true };
}

test("a look decides as the gate's paired comparison of the same rows does", async () => {
  const incumbent = Float64Array.from(gaussians(400, 1), Math.abs);
  for (const shift of [-0.2, -0.1, -0.05, 0, 0.05, 0.1, 0.2]) {
    const noise = gaussians(400, 2);
    const candidate = incumbent.map((loss, row) => loss + shift + 0.8 * noise[row]!);
    for (const [rowsMin, look] of [
      [400, 1],
      [200, 2],
    ] as const) {
      const options = { rowsMin, rowsMax: 10_000 };
      const state = ended(options, 400, (row) => [incumbent[row]!, candidate[row]!]);
      const rows = state.labelled;
      const compared = await comparePaired(
        figures(incumbent.slice(0, rows)),
        figures(candidate.slice(0, rows)),
        { seed: 0 },
      );
      const tail = lookTail(state.looks);
      const [low, high] = [compared.quantile(tail)!, compared.quantile(1 - tail)!];
      const expected = high < 0 ? "better" : low > 0 ? "worse" : "open";
      assert.is(state.verdict, expected, `shift ${shift}`);
      assert.ok(Math.abs(state.meanDifference - compared.difference) < 1e-12);
      assert.ok(state.looks <= look);
      if (state.reason !== null)
        assert.ok(state.reason.includes(`(${low.toPrecision(3)} to ${high.toPrecision(3)})`));
    }
  }
});

test("of 500 and of 2,000 trials of equal models, each looked at eight times, at most 5 % call the candidate better", () => {
  let better = 0;
  let worse = 0;
  for (let seed = 0; seed < 2_000; seed++) {
    const random = new Random(seed);
    const { verdict } = ended({ rowsMin: 20, rowsMax: 2560 }, 2560, () => [random.unit(), random.unit()]);
    if (verdict === "better") better++;
    if (verdict === "worse") worse++;
    if (seed === 499) assert.ok(better <= 25 && worse <= 25, `${better} better, ${worse} worse of 500`);
  }
  assert.ok(better <= 100 && worse <= 100, `${better} better, ${worse} worse`);
});

test("neither: undecided at rowsMax, and nothing changes it any more", () => {
  const trial = begun({ rowsMin: 2, rowsMax: 40 });
  for (let row = 0; row < 100; row++) trial.judged(row % 2, (row + 1) % 2);
  trial.lost("too late");
  trial.predicted(1, 2);
  assert.equal([trial.state.verdict, trial.state.labelled, trial.state.rows], ["undecided", 40, 0]);
  assert.match(trial.state.reason!, /^40 labelled rows tell neither: .* on 40 rows$/);
});

test("equal losses throughout are no proof of anything", () => {
  const state = ended({ rowsMin: 2, rowsMax: 16 }, 100, () => [0.5, 0.5]);
  assert.equal([state.verdict, state.squares], ["undecided", 0]);
});

test("disagreements: by the class, or beyond the tolerance; what is not finite disagrees", () => {
  const classes = begun();
  classes.predicted([0.2, 0.8], [0.4, 0.6]);
  classes.predicted([0.2, 0.8], Float32Array.of(0.6, 0.4));
  classes.predicted([0.2, 0.8], [Number.NaN, 0.4]);
  const { rows, disagreements, nonFinite } = classes.state;
  assert.equal([rows, disagreements, nonFinite], [3, 2, 1]);
  assert.throws(() => classes.predicted([1, 2], [1, 2, 3]), /different forms/);
  assert.throws(() => classes.predicted(1, [1]), /different forms/);
  const numbers = begun({ tolerance: 0.1 });
  for (const [own, other] of [
    [1, 1.05],
    [1, 0.8],
    [1, Number.POSITIVE_INFINITY],
  ] as const)
    numbers.predicted(own, other);
  assert.equal([numbers.state.disagreements, numbers.state.nonFinite], [2, 1]);
});

test("a canary takes its share, each key always the same way, and nothing after the end", () => {
  const trial = begun({ canaryShare: 0.2 });
  const routed = Array.from({ length: 5000 }, (_, key) => trial.route(`device-${key}`));
  const share = routed.filter((to) => to === "candidate").length / routed.length;
  assert.ok(Math.abs(share - 0.2) < 0.03, String(share));
  assert.equal(
    routed,
    Array.from({ length: 5000 }, (_, key) => trial.route(`device-${key}`)),
  );
  trial.lost("it drifts");
  assert.equal([trial.state.verdict, trial.state.reason], ["worse", "it drifts"]);
  assert.ok(
    Array.from({ length: 100 }, (_, key) => trial.route(`device-${key}`)).every((to) => to === "incumbent"),
  );
  assert.ok(
    Array.from({ length: 100 }, (_, key) => begun().route(`${key}`)).every((to) => to === "incumbent"),
  );
});

test("what is no trial", () => {
  const bad: TrialOptions[] = [
    { rowsMin: 1 },
    { rowsMin: 10, rowsMax: 9 },
    { tolerance: -1 },
    { canaryShare: 1.1 },
  ];
  for (const options of bad) assert.throws(() => begun(options), /must be/);
  const trial = begun();
  assert.throws(() => trial.judged(0.1, Number.NaN), /must be finite/);
  assert.is(trial.state.labelled, 0);
});

test.run();
