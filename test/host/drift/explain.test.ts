import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nextAbove } from "../../../src/host/drift/edges.js";
import { explain } from "../../../src/host/drift/explain.js";
import type {
  CategoricalFeatureProfile,
  FeatureProfile,
  NumericFeatureProfile,
} from "../../../src/host/drift/profile.js";
import { driftReport } from "../../../src/host/drift/report.js";
import { divergenceOf, type Smoothing } from "../../../src/host/drift/statistics.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";

const runtime = await openRuntime();
const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

interface Case {
  readonly edges?: readonly number[];
  /** The last is the missing slot's. */
  readonly reference: readonly number[];
  readonly current: readonly number[];
  readonly change?: Partial<NumericFeatureProfile>;
}

function numeric({ edges = [1.5, 2.25, 4, 9], reference, change = {} }: Case): NumericFeatureProfile {
  const counts = reference.slice(0, -1);
  return {
    kind: "numeric",
    logical: "float",
    type: "f64",
    rows: total(reference),
    missing: reference.at(-1)!,
    nonFinite: 0,
    moments: { count: total(counts), mean: 3, m2: 4 * total(counts), m3: 0, m4: 0, min: 0, max: 20 },
    bins: 10,
    psi: { edges, counts },
    ks: { edges, counts },
    ...change,
  };
}

function explained(profile: FeatureProfile, reference: readonly number[], current: readonly number[]) {
  const smoothing = { kind: "additive", s: 0.5 } as const;
  const nonFinite = { reference: 0, current: 0 };
  return explain({ profile, reference, current, nonFinite, shift: null, smoothing, isDrift: false });
}

function sentence(given: Case): string {
  return explained(numeric(given), given.reference, given.current).sentence;
}

test("neighbouring bins that moved the same way are told as one, and which way the values went", () => {
  assert.is(
    sentence({ reference: [100, 100, 100, 100, 100, 0], current: [50, 50, 40, 150, 210, 0] }),
    "72 % of the rows are now 4 or above, 40 % in the reference; the values moved up.",
  );
  assert.is(
    sentence({ reference: [50, 50, 100, 150, 150, 0], current: [250, 150, 50, 25, 25, 0] }),
    "80 % of the rows are now below 2.25, 20 % in the reference; the values moved down.",
  );
  assert.match(
    sentence({ reference: [240, 5, 5, 240, 10, 0], current: [100, 150, 150, 95, 5, 0] }),
    /^60 % of the rows are now 1\.5 to below 4, 2 % in the reference/,
  );
});

test("both ends grew: where the rows left, or both places where they went", () => {
  assert.is(
    sentence({ reference: [100, 100, 100, 100, 100, 0], current: [200, 40, 20, 40, 200, 0] }),
    "20 % of the rows are now 1.5 to below 9, 60 % in the reference.",
  );
  assert.is(
    sentence({ reference: [10, 160, 160, 160, 10, 0], current: [100, 100, 100, 100, 100, 0] }),
    "20 % of the rows are now below 1.5, 2 % in the reference; 20 % of the rows are now 9 or above, 2 % in the reference.",
  );
});

test("missing values, atoms, one bin, no rows, nothing moved", () => {
  assert.is(
    sentence({ reference: [100, 100, 100, 100, 90, 10], current: [50, 50, 50, 50, 50, 250] }),
    "50 % of the rows now have no value, 2 % in the reference.",
  );
  const atom = { edges: [3, nextAbove(3, "f64") as number], reference: [10, 80, 10, 0] };
  assert.is(
    sentence({ ...atom, current: [45, 10, 45, 0] }),
    "10 % of the rows are now exactly 3, 80 % in the reference.",
  );
  assert.is(
    sentence({ ...atom, reference: [45, 10, 45, 0], current: [10, 80, 10, 0] }),
    "80 % of the rows are now exactly 3, 10 % in the reference.",
  );
  assert.is(
    sentence({ edges: [], reference: [90, 10], current: [20, 80] }),
    "80 % of the rows now have no value, 10 % in the reference.",
  );
  assert.match(
    sentence({ edges: [], reference: [0, 100], current: [100, 0] }),
    /^100 % of the rows now have a value, 0 % in the reference/,
  );
  assert.is(
    sentence({ reference: [1, 1, 1, 1, 1, 0], current: [0, 0, 0, 0, 0, 0] }),
    "There are no current rows to compare.",
  );
  const still = { reference: [100, 100, 100, 100, 100, 0], current: [101, 100, 100, 100, 99, 0] };
  assert.is(sentence(still), "No part of the distribution moved noticeably.");
});

test("what drifted is told however little it is, in digits that tell the shares apart", () => {
  const reference = [100_000, 100_000, 0];
  const current = [100_100, 99_900, 0];
  const profile = numeric({ edges: [2], reference, current });
  const told = explain({
    profile,
    reference,
    current,
    nonFinite: { reference: 0, current: 0 },
    shift: null,
    smoothing: { kind: "additive", s: 0.5 },
    isDrift: true,
  });
  assert.is(told.sentence, "50.05 % of the rows are now below 2, 50 % in the reference.");
});

test("infinite values, booleans, dates, spread", () => {
  const even = [100, 100, 100, 100, 100, 0];
  const profile = numeric({ reference: even, current: even });
  const told = (change: Partial<Parameters<typeof explain>[0]>) =>
    explain({
      profile,
      reference: even,
      current: even,
      nonFinite: { reference: 0, current: 0 },
      shift: null,
      smoothing: { kind: "additive", s: 0.5 },
      isDrift: false,
      ...change,
    }).sentence;
  assert.is(
    told({ nonFinite: { reference: 0, current: 25 } }),
    "5 % of the rows are now infinite, 0 % in the reference.",
  );
  const moment = { reference: 1, current: 1, shift: 0, scaled: 0 };
  const shift = {
    method: "exact" as const,
    wasserstein: { distance: 1, lower: 1, upper: 1, scaled: 1 },
    mean: moment,
    standardDeviation: { ...moment, scaled: 0.5 },
  };
  assert.match(told({ current: [150, 75, 50, 75, 150, 0], shift }), /; the values spread out\.$/);
  const flag = numeric({
    edges: [0, 1],
    reference: [0, 90, 10, 0],
    current: [0, 40, 60, 0],
    change: { logical: "boolean", type: "u8" },
  });
  assert.is(
    explained(flag, [0, 90, 10, 0], [0, 40, 60, 0]).sentence,
    "60 % of the rows are now true, 10 % in the reference.",
  );
  const date = numeric({
    edges: [19_723],
    reference: [50, 50, 0],
    current: [10, 90, 0],
    change: { logical: "date", type: "i32" },
  });
  assert.is(
    explained(date, [50, 50, 0], [10, 90, 0]).sentence,
    "90 % of the rows are now 2024-01-01 or later, 50 % in the reference; the values moved up.",
  );
});

function categorical(names: string[], counts: number[], other = 0): CategoricalFeatureProfile {
  return {
    kind: "categorical",
    logical: "text",
    rows: total(counts) + other,
    missing: 0,
    categories: names,
    counts,
    other: other === 0 ? null : { count: other, kinds: 1, known: 1, hashes: [7] },
  };
}

test("categories: which grew, which is gone, rare and unseen ones", () => {
  const told = (current: number[], counts = [50, 50], other = 0) => {
    const profile = categorical(["a", "b"], counts, other);
    const reference = [...counts, ...(other === 0 ? [] : [other]), 0, 0];
    return explained(profile, reference, current).sentence;
  };
  assert.is(told([65, 35, 0, 0]), '65 % of the rows are now "a", 50 % in the reference.');
  assert.is(told([45, 45, 0, 10]), "10 % of the rows are now in categories that the reference never held.");
  assert.match(
    told([48, 47, 5, 0], [9_800, 200]),
    /"b".*5 % of the rows now have no value, 0 % in the reference/,
  );
  assert.is(
    told([30, 30, 40, 0, 0], [45, 45], 10),
    "40 % of the rows are now in its rare categories, 10 % in the reference.",
  );
  const gone = explained(categorical(["a", "b", "c"], [34, 33, 33]), [34, 33, 33, 0, 0], [500, 0, 500, 0, 0]);
  assert.ok(gone.contributions[0]!.label === "b" && gone.contributions[0]!.current === 0);
  assert.match(gone.sentence, /^"b" is gone, 33 % in the reference/);
  const long = explained(categorical(["x".repeat(500), "y"], [50, 50]), [50, 50, 0, 0], [90, 10, 0, 0]);
  assert.is(long.sentence, `90 % of the rows are now "${"x".repeat(59)}…", 50 % in the reference.`);
});

test("the five largest contributions, with shares, signs, and edges", () => {
  const reference = [100, 100, 100, 100, 100, 0];
  const { contributions } = explained(
    numeric({ reference, current: reference }),
    reference,
    [10, 80, 100, 110, 200, 0],
  );
  assert.equal(
    contributions.map(({ slot, label, from, to }) => ({ slot, label, from, to })),
    [
      { slot: 0, label: "below 1.5", from: null, to: 1.5 },
      { slot: 4, label: "9 or above", from: 9, to: null },
      { slot: 1, label: "1.5 to below 2.25", from: 1.5, to: 2.25 },
      { slot: 3, label: "4 to below 9", from: 4, to: 9 },
    ],
  );
  assert.equal(
    contributions.map(({ change }) => Math.sign(change)),
    [-1, 1, -1, 1],
  );
  const shares = contributions.reduce((sum, { share }) => sum + share, 0);
  assert.ok(Math.abs(shares - 1) < 1e-12);
});

test("property: contributions add up to the PSI of the report, whatever the smoothing", () => {
  const counts = fc.array(fc.tuple(fc.nat(500), fc.nat(500)), { minLength: 1, maxLength: 4 });
  const smoothing = fc.oneof(
    fc.record({ kind: fc.constant("additive" as const), s: fc.constantFrom(0.5, 1, 1e-6) }),
    fc.record({ kind: fc.constant("floor" as const), floor: fc.constantFrom(1e-4, 0.1) }),
  );
  fc.assert(
    fc.property(counts, smoothing, (pairs, smoothed: Smoothing) => {
      const reference = [1, ...pairs.map(([r]) => r)];
      const current = [1, ...pairs.map(([, c]) => c)];
      const edges = reference.slice(2).map((_, index) => index);
      const profile = numeric({ edges, reference, current });
      const report = driftReport(
        runtime,
        [{ name: "x", profile, current: { psi: current, ks: current.slice(0, -1), nonFinite: 0 } }],
        { reference: total(reference), current: total(current) },
        { smoothing: smoothed },
      ).features.x!;
      const sum = report.explanation.contributions.reduce((all, { psi }) => all + psi, 0);
      const { psi } = divergenceOf(runtime, reference, current, {
        smoothing: smoothed,
        threshold: 0.2,
        alpha: 0.01,
      });
      assert.ok(Math.abs(sum - psi) <= 1e-9 * psi + 1e-12, `${sum} of ${psi}`);
      assert.is(report.psi.value, psi);
    }),
  );
});

test.run();
