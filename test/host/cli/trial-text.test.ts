import { test } from "uvu";
import * as assert from "uvu/assert";
import { trialText } from "../../../src/host/cli/trial-text.js";
import { newTrial, type TrialState } from "../../../src/host/repair/trial.js";

const [incumbent, candidate] = ["a".repeat(64), "b".repeat(64)];
const labels = new Map([
  [incumbent, "rain@3"],
  [candidate, "rain@4\u001b[2J"],
]);

function told(over: Partial<TrialState>): string {
  const state = newTrial({ period: "before", incumbent, candidate, run: null });
  return trialText("gateway", { ...state, ...over }, labels);
}

test("a trial that has only begun says what it waits for", () => {
  const text = told({});
  assert.match(text, /candidate +rain@4.*, not served yet\n/);
  assert.not(text.includes("\u001b"), "a name moves no cursor");
  assert.match(text, /against +rain@3, served\n/);
  assert.match(text, /live rows +none yet\n/);
  assert.match(text, /labelled +none yet; looked at when there are 200\n/);
  assert.match(text, /verdict +open: the alias moves when labels show the candidate to be better$/);
});

test("rows, disagreements, the next look, the run", () => {
  const text = told({
    rows: 1000,
    disagreements: 31,
    nonFinite: 2,
    labelled: 450,
    looks: 2,
    meanDifference: -0.02,
    run: "run-1",
  });
  assert.match(
    text,
    /1,000 rows, 31 answered differently \(3.1 %\), 2 without a finite answer of the candidate's\n/,
  );
  assert.match(text, /450 rows, candidate's loss less the other's -0.020; looked at when there are 800\n/);
  assert.match(text, /run +run-1$/);
  assert.match(told({ rows: 5, disagreements: 5 }), /--tolerance says how near is the same/);
});

test("every end says what became of the alias", () => {
  const cases = [
    ["before", "better", /better: why; the alias serves the candidate$/],
    ["before", "worse", /worse: why; the alias stays where it was$/],
    ["after", "worse", /worse: why; the alias serves again what it served before$/],
    ["after", "undecided", /undecided: why; the alias stays with the candidate$/],
  ] as const;
  for (const [period, verdict, sentence] of cases) {
    const text = told({ period, verdict, reason: "why", labelled: 3 });
    assert.match(text, sentence);
    assert.not.match(text, /looked at when/);
  }
});

test.run();
