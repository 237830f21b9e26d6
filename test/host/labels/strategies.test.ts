/** Scores against the published formulas, worked by hand, and against a plain oracle. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  committeeSpread,
  consensusEntropy,
  meanKlToConsensus,
  pairDisagreement,
  voteEntropy,
} from "../../../src/host/labels/disagreement.js";
import { type PoolOutputs, ranksOf, type Strategy, scoresOf } from "../../../src/host/labels/strategies.js";
import { entropy, leastConfidence, marginUncertainty } from "../../../src/host/labels/uncertainty.js";

function near(value: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(value - expected) < tolerance, `${value} is not ${expected}`);
}

/** The three instances of modAL's documentation: docs/source/content/query_strategies/uncertainty_sampling.ipynb of its repository. */
const documented = [
  [0.1, 0.85, 0.05],
  [0.6, 0.3, 0.1],
  [0.39, 0.61, 0.0],
];

test("uncertainty of modAL's documented instances", () => {
  // There: uncertainties 0.15, 0.4, 0.39; margins 0.75, 0.3, 0.22; entropies 0.5181862, 0.8979457, 0.66874809.
  const said = [
    { unsure: 0.15, margin: 0.75, entropy: 0.5181862 },
    { unsure: 0.4, margin: 0.3, entropy: 0.8979457 },
    { unsure: 0.39, margin: 0.22, entropy: 0.66874809 },
  ];
  for (const [row, expected] of said.entries()) {
    near(leastConfidence(documented[row]!), expected.unsure);
    near(marginUncertainty(documented[row]!), 1 - expected.margin);
    // Printed with so many digits.
    near(entropy(documented[row]!), expected.entropy, 5e-8);
  }
});

/** skactiveml/pool/tests/test_uncertainty_sampling.py of github.com/scikit-activeml/scikit-activeml, `TestUncertaintyScores`. */
test("uncertainty of scikit-activeml's own instances", () => {
  const rows = [
    { row: [0.2, 0.5, 0.3], unsure: 0.5, entropy: 1.029653014, margin: 0.8 },
    { row: [0.1, 0.7, 0.2], unsure: 0.3, entropy: 0.8018185525, margin: 0.5 },
  ];
  for (const { row, ...expected } of rows) {
    near(leastConfidence(row), expected.unsure);
    near(entropy(row), expected.entropy, 5e-10);
    near(marginUncertainty(row), expected.margin);
  }
});

/** Rows of three classifiers. docs/source/content/query_strategies/Disagreement-sampling.rst of github.com/modAL-python/modAL. */
const committee = [
  // The first instance's first row adds up to 0.9 there, and is left out.
  [
    [0.3, 0.7, 0.0],
    [0.4, 0.6, 0.0],
    [0.4, 0.0, 0.6],
  ],
  [
    [1.0, 0.0, 0.0],
    [0.2, 0.7, 0.1],
    [0.3, 0.2, 0.5],
  ],
  [
    [0.2, 0.2, 0.6],
    [0.3, 0.1, 0.6],
    [0.1, 0.0, 0.9],
  ],
  [
    [0.2, 0.7, 0.1],
    [0.0, 0.0, 1.0],
    [0.0, 0.1, 0.9],
  ],
];

test("disagreement of modAL's documented committee", () => {
  const said = [
    { consensus: 1.0521, kl: [0.27549995, 0.23005799, 0.69397192] },
    { consensus: 1.0296, kl: [Math.LN2, 0.34053564, 0.22380466] },
    { consensus: 0.8018, kl: [0.04613903, 0.02914912, 0.15686827] },
    { consensus: 0.8033, kl: [0.70556709, 0.40546511, 0.17201121] },
  ];
  for (const [index, { consensus, kl }] of said.entries()) {
    // Printed with four digits, cut off, and with eight.
    near(consensusEntropy(committee[index]!), consensus, 1e-4);
    near(meanKlToConsensus(committee[index]!), (kl[0]! + kl[1]! + kl[2]!) / 3, 1e-8);
  }
});

test("vote entropy of modAL's documented votes, and of scikit-activeml's", () => {
  const voters = (votes: readonly number[]) =>
    votes.map((vote) => [0, 1, 2].map((label) => (label === vote ? 1 : 0)));
  const documentedVotes = [
    [0, 1, 0],
    [1, 1, 2],
    [0, 1, 2],
    [2, 2, 2],
    [1, 2, 2],
  ];
  const said = [0.6365, 0.6365, 1.0986, 0, 0.6365];
  for (const [index, votes] of documentedVotes.entries())
    near(voteEntropy(voters(votes)), said[index]!, 5e-5);
  // skactiveml/pool/tests/test_query_by_committee.py, `TestVoteEntropy`: votes [0, 1, 2], [0, 0, 1] and [2, 2, 2].
  near(voteEntropy(voters([0, 1, 2])), -Math.log(1 / 3));
  near(voteEntropy(voters([0, 0, 1])), -(2 / 3) * Math.log(2 / 3) - (1 / 3) * Math.log(1 / 3));
  near(voteEntropy(voters([2, 2, 2])), 0);
});

/** The same file, `TestAverageKlDivergence`. */
test("mean KL of scikit-activeml's own committee", () => {
  const first = [
    [0.3, 0.7],
    [0.2, 0.8],
  ];
  const second = [
    [0.4, 0.6],
    [0.5, 0.5],
  ];
  near(meanKlToConsensus(first), 0.00670178182226764, 1e-15);
  near(meanKlToConsensus(second), 0.005059389928987596, 1e-15);
});

test("the ends of uncertainty: nothing known, and all", () => {
  const flat = [0.25, 0.25, 0.25, 0.25];
  near(leastConfidence(flat), 0.75);
  near(marginUncertainty(flat), 1);
  near(entropy(flat), Math.log(4));
  for (const score of [leastConfidence, marginUncertainty, entropy]) assert.is(score([0, 1]), 0);
});

test("vote entropy counts votes, not probabilities (Dagan, Engelson 1995)", () => {
  // Two votes for class 0, one for class 1: -(2/3 ln 2/3 + 1/3 ln 1/3).
  const members = [
    [0.9, 0.1],
    [0.51, 0.49],
    [0.2, 0.8],
  ];
  near(voteEntropy(members), -((2 / 3) * Math.log(2 / 3) + (1 / 3) * Math.log(1 / 3)));
  assert.is(voteEntropy([members[0]!, members[1]!]), 0);
});

test("consensus entropy and mean KL to the consensus (McCallum, Nigam 1998)", () => {
  const members = [
    [1, 0],
    [0.5, 0.5],
  ];
  // Consensus 3/4, 1/4. KL of the first: ln 4/3; of the second: 1/2 ln 2/3 + 1/2 ln 2 = 1/2 ln 4/3.
  near(consensusEntropy(members), Math.log(4) - 0.75 * Math.log(3));
  near(meanKlToConsensus(members), 0.75 * Math.log(4 / 3));
  // Certain of different classes: ln C.
  near(
    meanKlToConsensus([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ]),
    Math.log(3),
  );
});

test("disagreement of two, and the spread of numbers", () => {
  near(pairDisagreement([0.7, 0.2, 0.1], [0.4, 0.2, 0.4]), 0.3);
  near(committeeSpread([2, 4, 4, 4, 5, 5, 7, 9]), 2);
});

const distribution = (classes: number) =>
  fc
    .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: classes, maxLength: classes })
    .map((parts) => parts.map((part) => part / parts.reduce((sum, one) => sum + one, 0)));

test("mean KL is the consensus' entropy less the members' mean entropy (Jensen-Shannon)", () => {
  fc.assert(
    fc.property(fc.array(distribution(4), { minLength: 2, maxLength: 6 }), (members) => {
      const mean = members.reduce((sum, member) => sum + entropy(member), 0) / members.length;
      assert.ok(Math.abs(meanKlToConsensus(members) - (consensusEntropy(members) - mean)) < 1e-12);
    }),
    { seed: 7, numRuns: 200 },
  );
});

const outputs = (rows: readonly (readonly number[])[], name = "m"): PoolOutputs => ({
  name,
  outputCount: rows[0]!.length,
  values: Float64Array.from(rows.flat()),
});
const classes = { kind: "classification", rowCount: 3 } as const;

test("each strategy scores the row that it is for", () => {
  const keep = outputs([
    [0.5, 0.5],
    [0.9, 0.1],
    [0.8, 0.2],
  ]);
  const repaired = outputs([
    [0.5, 0.5],
    [0.1, 0.9],
    [0.8, 0.2],
  ]);
  const best = (strategy: Strategy) => {
    const scores = scoresOf(strategy, [keep, repaired], classes);
    return scores.indexOf(Math.max(...scores));
  };
  for (const strategy of ["margin", "entropy", "least-confidence"] as const) assert.is(best(strategy), 0);
  for (const strategy of ["committee", "vote-entropy", "disagreement"] as const) assert.is(best(strategy), 1);
  // Ranks: margin 1, 0, 1/2; committee 1/4, 1, 1/4.
  assert.equal([...scoresOf("mixed", [keep, repaired], classes)], [0.625, 0.5, 0.375]);
  assert.equal([...scoresOf("mixed", [keep], classes)], [1, 0, 0.5]);
});

test("numbers: the committee's spread; what needs classes or a second model is refused", () => {
  const numbers = { kind: "regression", rowCount: 3 } as const;
  const members = [outputs([[1], [2], [3]]), outputs([[1], [4], [3.5]]), outputs([[1], [6], [3]])];
  assert.is(scoresOf("committee", members, numbers)[0], 0);
  assert.equal([...scoresOf("disagreement", members, numbers)], [0, 1, 0.25]);
  assert.equal([...scoresOf("mixed", members, numbers)], [0, 1, 0.5]);
  assert.throws(() => scoresOf("margin", members, numbers), /no probabilities/);
  assert.throws(() => scoresOf("committee", members.slice(0, 1), numbers), /two models/);
});

test("a row without a finite output scores 0, and none is NaN", () => {
  const scores = scoresOf(
    "entropy",
    [
      outputs([
        [Number.NaN, 1],
        [0.5, 0.5],
        [0.6, 0.4],
      ]),
    ],
    classes,
  );
  assert.is(scores[0], 0);
  assert.ok(scores.every(Number.isFinite));
});

test("ranks go from 0 to 1, equal values share theirs", () => {
  assert.equal([...ranksOf(Float64Array.of(5, 1, 5, 3))], [5 / 6, 0, 5 / 6, 1 / 3]);
  assert.equal([...ranksOf(Float64Array.of(2))], [0]);
});

test.run();
