/** When no more labels are wanted. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PoolOutputs } from "../../../src/host/labels/strategies.js";
import type { GateReport, RepairOutcome } from "../../../src/host/repair/report.js";
import { refuseAgreement, stopOf } from "../../../src/host/repair/stopping.js";
import { refuses } from "./support.js";

const gate = (difference: number, interval: readonly [number, number] | null) =>
  ({ difference, interval }) as GateReport;
const budget = { random: 29, chosen: 4, reason: "" };
const stop = (outcome: RepairOutcome, of = gate(-0.1, [-0.3, 0.1]), random = 0, chosen = 0) =>
  stopOf({ outcome, gate: of }, budget, { random, chosen });

test("decided, whichever way", () => {
  for (const outcome of ["published", "on-trial", "rejected", "no-drift"] as const)
    assert.is(stop(outcome), "decided");
  assert.is(stop("not-proven"), null);
  assert.is(stop("needs-labels"), null);
});

test("the budget is spent when both slices have what it asked for", () => {
  assert.is(stop("not-proven", undefined, 29, 3), null);
  assert.is(stop("not-proven", undefined, 28, 40), null);
  assert.is(stop("not-proven", undefined, 29, 4), "budget-spent");
  assert.is(stopOf({ outcome: "not-proven", gate: null }, null, { random: 99, chosen: 99 }), null);
});

test("no disagreement: not a row at the gate tells the two apart", () => {
  assert.is(stop("not-proven", gate(0, [0, 0])), "no-disagreement");
  assert.is(stop("not-proven", gate(0, [-0.1, 0.1])), null);
  assert.is(stop("not-proven", gate(0, null)), null);
});

test("nobody is asked where both models say the same on every row that is left", async () => {
  const says = (...values: number[]): PoolOutputs => ({
    name: "m",
    outputCount: 2,
    values: Float64Array.from(values),
  });
  const own = says(0.5, 0.5, 0.9, 0.1, 0.3, 0.7);
  const refuse = (other: PoolOutputs | undefined, excluded: number[]) =>
    refuseAgreement(other === undefined ? [own] : [own, other], 3, new Set(excluded), "pool.csv");
  refuse(undefined, []);
  refuse(says(0.5, 0.5, 0.8, 0.2, 0.3, 0.7), []);
  refuse(says(0.5, 0.5, 0.8, 0.2, 0.3, 0.7), [0, 2]);
  // What is not a number is not the same.
  refuse(says(0.5, 0.5, Number.NaN, 0.1, 0.3, 0.7), []);
  await refuses(
    () => refuse(says(0.5, 0.5, 0.8, 0.2, 0.3, 0.7), [1]),
    "MENDLINE_DATA_EMPTY",
    /pool\.csv: m and m say the same on every row that is left/,
  );
});

test.run();
