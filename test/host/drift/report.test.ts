// Verdicts: what drifts, what is noise, what is too little to tell; and that the level alpha is held on identical data.
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { compareData } from "../../../src/host/drift/compare.js";
import { benjaminiHochberg, chi2Sf } from "../../../src/host/drift/distributions/index.js";
import type { CategoricalFeatureProfile, NumericFeatureProfile } from "../../../src/host/drift/profile.js";
import {
  checkedDriftOptions,
  type DriftOptions,
  type DriftReport,
  driftReport,
  type FeatureComparison,
  referenceSlots,
  totalPsi,
} from "../../../src/host/drift/report.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { openTable } from "./tables.js";

const runtime = await openRuntime();
const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

/** A numeric feature with these counts in the bins 0, 1, 2 ... and nothing missing. */
function numbers(name: string, reference: number[], current: number[], missing = [0, 0]): FeatureComparison {
  const edges = reference.slice(1).map((_, index) => index + 1);
  const profile: NumericFeatureProfile = {
    kind: "numeric",
    logical: "float",
    type: "f64",
    rows: sum(reference) + missing[0]!,
    missing: missing[0]!,
    nonFinite: 0,
    moments: { count: sum(reference), mean: 0, m2: 0, m3: 0, m4: 0, min: 0, max: 0 },
    bins: 10,
    psi: { edges, counts: reference },
    ks: { edges, counts: reference },
  };
  return { name, profile, current: { psi: [...current, missing[1]!], ks: current, nonFinite: 0 } };
}

function report(features: FeatureComparison[], options: DriftOptions = {}): DriftReport {
  const [first] = features;
  const rows = { reference: first!.profile.rows, current: sum(first!.current.psi) };
  return driftReport(runtime, features, rows, options);
}

const even = new Array<number>(10).fill(100);
const slightly = even.map((count, bin) => count + (bin % 2 === 0 ? 12 : -12));
const far = even.map((_, bin) => bin * 20 + 10);

test("far apart is drift, close is stable, and the figures say why", () => {
  const found = report([numbers("far", even, far), numbers("near", even, slightly)]);
  assert.is(found.verdict, "drift");
  assert.equal(found.rows, { reference: 1_000, current: 1_000 });
  assert.equal(Object.keys(found.features), ["far", "near"]);
  const { far: drifted, near } = found.features;
  assert.is(drifted!.verdict, "drift");
  assert.ok(drifted!.psi.pValueAdjusted! < 0.01 && drifted!.psi.value > 0.2);
  assert.is(near!.verdict, "stable");
  assert.ok(near!.psi.pValueAtThreshold > 0.5 && near!.psi.detectable < 0.2);
  assert.is(drifted!.psi.threshold, 0.2);
  assert.is(totalPsi(found), drifted!.psi.debiased + near!.psi.debiased);
  assert.equal(drifted!.counts, { reference: [...even, 0], current: [...far, 0] });
});

test("noise of few rows is insufficient data, not drift", () => {
  const few = [9, 2, 14, 6, 12, 3, 13, 5, 16, 20];
  const tenth = even.map((count) => count / 10);
  const found = report([numbers("x", tenth, few)]);
  // Above every usual threshold, and yet what noise gives at these numbers of rows.
  assert.ok(found.features.x!.psi.value > 0.25);
  assert.ok(found.features.x!.psi.detectable > 0.2);
  assert.is(found.verdict, "insufficient-data");
  assert.is(found.features.x!.psi.pValueAdjusted, null);
  // A threshold beyond noise can be told with the same rows, and overwhelming drift at any threshold.
  assert.is(report([numbers("x", tenth, few)], { threshold: 1 }).verdict, "stable");
  const elsewhere = [0, 0, 0, 0, 0, 0, 0, 0, 0, 100];
  assert.is(report([numbers("x", tenth, elsewhere)]).verdict, "drift");
});

test("property: what is insufficient is what could not tell a PSI of the threshold from noise", () => {
  const counts = fc.array(fc.tuple(fc.nat(400), fc.nat(400)), { minLength: 2, maxLength: 12 });
  const thresholds = fc.constantFrom(0.05, 0.2, 1);
  fc.assert(
    fc.property(counts, thresholds, fc.constantFrom(0.001, 0.01, 0.2), (pairs, threshold, alpha) => {
      const reference = [1, ...pairs.map(([r]) => r)];
      const current = [1, ...pairs.map(([, c]) => c)];
      const { psi, verdict } = report([numbers("x", reference, current)], { threshold, alpha }).features.x!;
      // The smallest PSI beyond noise at alpha is the one that noise exceeds with that probability.
      const noise = 1 / sum(reference) + 1 / sum(current);
      if (psi.bins > 1) {
        assert.ok(Math.abs(chi2Sf(psi.detectable / noise, psi.bins - 1) / alpha - 1) < 1e-6);
      }
      const isUnsure = psi.detectable > threshold;
      if (verdict !== "drift") assert.is(verdict, isUnsure ? "insufficient-data" : "stable");
      assert.is(psi.pValueAdjusted === null, isUnsure && verdict !== "drift");
    }),
  );
});

test("Benjamini-Hochberg over the features that take part", () => {
  const next = random(61);
  const features = Array.from({ length: 12 }, (_, index) => {
    const shift = index / 12;
    const current = even.map((count, bin) =>
      Math.max(0, Math.round(count * (1 + shift * (next() * 2 - 1)) + (bin < 5 ? -1 : 1) * shift * 55)),
    );
    return numbers(`x${index}`, even, current);
  });
  const little = numbers("little", [5, 5, 5, 5], [7, 3, 5, 5]);
  const found = report([...features, little]);
  const own = features.map(({ name }) => found.features[name]!);
  const adjusted = benjaminiHochberg(own.map(({ psi }) => psi.pValueAtThreshold));
  own.forEach(({ psi, verdict }, index) => {
    assert.is(psi.pValueAdjusted, adjusted[index]);
    assert.is(verdict, adjusted[index]! < 0.01 ? "drift" : "stable");
  });
  assert.ok(
    own.some(({ verdict }) => verdict === "drift") && own.some(({ verdict }) => verdict === "stable"),
  );
  // Too little to tell: it takes no part, and does not dilute the others.
  assert.equal(
    [found.features.little!.verdict, found.features.little!.psi.pValueAdjusted],
    ["insufficient-data", null],
  );
});

test("one drifted feature among many stable ones is held to a stricter level", () => {
  const shifted = even.map((count, bin) => count + (bin < 5 ? -54 : 54));
  const alone = report([numbers("x", even, shifted)]);
  const p = alone.features.x!.psi.pValueAtThreshold;
  assert.ok(p < 0.01 && p > 0.01 / 30, `the case is made for a p between alpha / 30 and alpha: ${p}`);
  assert.is(alone.verdict, "drift");
  const others = Array.from({ length: 29 }, (_, index) => numbers(`y${index}`, even, slightly));
  assert.is(report([numbers("x", even, shifted), ...others]).verdict, "stable");
});

test("minDriftedFeatures", () => {
  const features = [numbers("a", even, far), numbers("b", even, far), numbers("c", even, even)];
  for (const [minDriftedFeatures, verdict] of [
    [1, "drift"],
    [2, "drift"],
    [3, "stable"],
  ] as const) {
    assert.is(report(features, { minDriftedFeatures }).verdict, verdict);
  }
});

test("plain rules go by the statistics alone", () => {
  const few = [9, 2, 14, 6, 12, 3, 13, 5, 16, 20];
  const x = numbers("x", even, few);
  const { psi, ks, kl } = report([x]).features.x!;
  const ruled = (rule: { psi?: number; ks?: number; kl?: number }) => {
    const found = report([x], { rule: { kind: "plain", ...rule } });
    assert.is(found.verdict, found.features.x!.verdict);
    return found.verdict;
  };
  for (const [name, value] of [
    ["psi", psi.value],
    ["ks", ks!.statistic],
    ["kl", kl.value],
  ] as const) {
    assert.is(ruled({ [name]: value * 0.999 }), "drift", name);
    assert.is(ruled({ [name]: value }), "stable", `${name}: only above`);
    assert.is(ruled({ [name]: value * 1.001 }), "stable", name);
  }
  assert.is(ruled({ psi: 10, ks: ks!.statistic / 2 }), "drift");
  // No KS of categories: a rule of KS alone finds nothing there.
  const text = categories(["a", "b"], [90, 10], [10, 90, 0, 0]);
  assert.is(report([text], { rule: { kind: "plain", ks: 0 } }).verdict, "stable");
  const empty = driftReport(
    runtime,
    [x],
    { reference: 1_000, current: 0 },
    { rule: { kind: "plain", psi: 0 } },
  );
  assert.is(empty.verdict, "insufficient-data");
});

test("a feature's own threshold and rule hold for it alone", () => {
  const shifted = even.map((count, bin) => count + (bin < 5 ? -64 : 64));
  const features = [numbers("a", even, shifted), numbers("b", even, shifted)];
  const { psi, ks } = report(features).features.a!;
  assert.ok(psi.value > 0.4 && psi.value < 0.6);
  assert.equal(verdicts(report(features)), { a: "drift", b: "drift" });
  const own = report(features, { perFeature: { a: { threshold: 1 } } });
  assert.equal(verdicts(own), { a: "stable", b: "drift" });
  assert.equal([own.features.a!.psi.threshold, own.features.b!.psi.threshold], [1, 0.2]);
  assert.is(own.features.a!.psi.pValueAtThreshold > 0.99, true);
  // A plain rule of its own, over and under what is there.
  for (const [limit, verdict] of [
    [ks!.statistic * 1.01, "stable"],
    [ks!.statistic * 0.99, "drift"],
  ] as const) {
    const rule = { kind: "plain", ks: limit } as const;
    const found = report(features, { threshold: 1, perFeature: { a: { rule } } });
    assert.equal(verdicts(found), { a: verdict, b: "stable" });
    assert.equal([found.features.a!.rule, found.features.b!.rule], [rule, { kind: "calibrated" }]);
  }
  // And the other way round: one calibrated feature among plain ones.
  const mixed = report(features, {
    rule: { kind: "plain", psi: 0.1 },
    perFeature: { b: { rule: { kind: "calibrated" }, threshold: 0.8 } },
  });
  assert.equal(verdicts(mixed), { a: "drift", b: "stable" });
});

test("a watched feature has a verdict and no vote, and does not make the others' level stricter", () => {
  const shifted = even.map((count, bin) => count + (bin < 5 ? -54 : 54));
  const others = Array.from({ length: 29 }, (_, index) => numbers(`y${index}`, even, slightly));
  const features = [numbers("x", even, shifted), ...others];
  const watched = Object.fromEntries(others.map(({ name }) => [name, { votes: false }]));
  // With 29 voters beside it the same p is no drift: see the test above.
  assert.is(report(features).verdict, "stable");
  assert.is(report(features, { perFeature: watched }).verdict, "drift");
  const mute = report(features.slice(0, 3), { perFeature: { x: { votes: false } } });
  assert.equal([mute.verdict, mute.features.x!.verdict, mute.features.x!.votes], ["stable", "drift", false]);
  assert.is(mute.features.y0!.votes, true);
  // Votes alone are counted toward minDriftedFeatures.
  const two = [numbers("a", even, far), numbers("b", even, far), numbers("c", even, far)];
  for (const [minDriftedFeatures, verdict] of [
    [2, "drift"],
    [3, "stable"],
  ] as const) {
    const options = { minDriftedFeatures, perFeature: { c: { votes: false } } };
    assert.is(report(two, options).verdict, verdict);
  }
  // Voters of which nothing can be told say nothing of the model, whatever the watched ones do.
  const little = numbers("little", [5, 5, 5, 5], [7, 3, 5, 5]);
  assert.is(
    report([little, numbers("x", even, far)], { perFeature: { x: { votes: false } } }).verdict,
    "insufficient-data",
  );
});

test("rules by names of object properties are the feature's own or none", () => {
  const features = [numbers("constructor", even, far), numbers("__proto__", even, far)];
  assert.equal(verdicts(report(features)), verdicts(report(features, { perFeature: {} })));
  const perFeature = JSON.parse('{"__proto__":{"votes":false}}') as DriftOptions["perFeature"] & object;
  const found = report(features, { perFeature });
  assert.equal(
    Object.values(found.features).map(({ votes }) => votes),
    [true, false],
  );
});

test("rules for features that are not there, and votes for none, are refused", () => {
  const names = ["a", "b"];
  const refuses = (options: DriftOptions, pattern: RegExp) => {
    assert.throws(
      () => checkedDriftOptions(options, names),
      (thrown: unknown) =>
        thrown instanceof MendlineError &&
        thrown.code === "MENDLINE_ARGUMENT_INVALID" &&
        pattern.test(thrown.message),
    );
  };
  refuses({ perFeature: { c: { threshold: 1 } } }, /"c", which is none of the features: a, b/);
  refuses({ perFeature: { a: { votes: false }, b: { votes: false } } }, /every feature is only watched/);
  refuses({ perFeature: { a: { threshold: 0 } } }, /threshold of "a" is 0/);
  refuses({ perFeature: { a: { rule: { kind: "plain" } } } }, /plain rule for "a" of nothing/);
  refuses({ perFeature: { a: { rule: { kind: "plain", ks: -1 } } } }, /for "a" of ks -1/);
  assert.is(checkedDriftOptions({ perFeature: { a: { votes: false } } }, names).threshold, 0.2);
});

function verdicts(found: DriftReport): Record<string, string> {
  return Object.fromEntries(Object.entries(found.features).map(([name, { verdict }]) => [name, verdict]));
}

function categories(
  names: string[],
  counts: number[],
  current: number[],
  other: CategoricalFeatureProfile["other"] = null,
): FeatureComparison {
  const profile: CategoricalFeatureProfile = {
    kind: "categorical",
    logical: "text",
    rows: sum(counts) + (other?.count ?? 0),
    missing: 0,
    categories: names,
    counts,
    other,
  };
  return { name: "city", profile, current: { psi: current, ks: null, nonFinite: 0 } };
}

test("categories: other, missing and unseen are slots of their own", () => {
  const other = { count: 50, kinds: 2, known: 2, hashes: [1, 2] };
  const found = report([categories(["a", "b"], [600, 350], [500, 300, 40, 60, 100], other)]).features.city!;
  assert.equal(found.categories, ["a", "b", "other"]);
  assert.equal(found.counts.reference, [600, 350, 50, 0, 0]);
  assert.is(found.unseen, 0.1);
  assert.is(found.missing.current, 0.06);
  assert.is(found.psi.bins, 5);
  assert.is(found.ks, null);
  assert.is(found.edges, undefined);
});

test("missing values are a slot: a feature that goes missing drifts", () => {
  const half = even.map((count) => count / 2);
  const found = report([numbers("x", even, half, [0, 500])]).features.x!;
  assert.is(found.verdict, "drift");
  assert.equal(found.missing, { reference: 0, current: 0.5 });
  assert.equal(referenceSlots(numbers("x", even, half, [7, 0]).profile), [...even, 7]);
});

test("no current rows, and no feature that can be told", () => {
  const x = numbers("x", even, new Array<number>(10).fill(0));
  const found = driftReport(runtime, [x], { reference: 1_000, current: 0 });
  assert.is(found.verdict, "insufficient-data");
  assert.equal(found.features.x!.ks, null);
  assert.is(found.features.x!.psi.bins, 10);
  assert.equal(found.features.x!.missing, { reference: 0, current: 0 });
  assert.is(driftReport(runtime, [], { reference: 5, current: 5 }).verdict, "insufficient-data");
});

test("names of object properties are features like others", () => {
  const found = report([numbers("__proto__", even, far), numbers("constructor", even, even)]);
  assert.equal(Object.keys(found.features), ["__proto__", "constructor"]);
  assert.is(Object.getPrototypeOf(found.features), null);
  assert.is(found.features["constructor" as string]!.verdict, "stable");
});

test("options out of range are refused, each with what was given", () => {
  const refused: [DriftOptions, RegExp][] = [
    [{ threshold: 0 }, /threshold is 0/],
    [{ threshold: -1 }, /threshold is -1/],
    [{ threshold: Number.NaN }, /threshold is NaN/],
    [{ threshold: Number.POSITIVE_INFINITY }, /threshold is Infinity/],
    [{ threshold: 101 }, /threshold is 101/],
    [{ alpha: 0 }, /alpha is 0/],
    [{ alpha: 1 }, /alpha is 1/],
    [{ alpha: Number.NaN }, /alpha is NaN/],
    [{ smoothing: { kind: "additive", s: 0 } }, /smoothing is 0/],
    [{ smoothing: { kind: "additive", s: Number.NaN } }, /smoothing is NaN/],
    [{ smoothing: { kind: "floor", floor: 0 } }, /smoothing is 0/],
    [{ smoothing: { kind: "floor", floor: 1 } }, /smoothing is 1: choose a floor/],
    [{ minDriftedFeatures: 0 }, /minDriftedFeatures is 0/],
    [{ minDriftedFeatures: 1.5 }, /minDriftedFeatures is 1.5/],
    [{ minDriftedFeatures: Number.NaN }, /minDriftedFeatures is NaN/],
    [{ rule: { kind: "plain" } }, /plain rule/],
    [{ rule: { kind: "plain", psi: Number.NaN } }, /psi NaN/],
    [{ rule: { kind: "plain", psi: 0.1, ks: -0.1 } }, /ks -0.1/],
    [{ rule: { kind: "plain", kl: Number.POSITIVE_INFINITY } }, /kl Infinity/],
  ];
  for (const [options, pattern] of refused) {
    assert.throws(
      () => checkedDriftOptions(options),
      (thrown: unknown) =>
        thrown instanceof MendlineError &&
        thrown.code === "MENDLINE_ARGUMENT_INVALID" &&
        pattern.test(thrown.message),
      JSON.stringify(options),
    );
  }
});

test("options at the ends of their range give finite figures, whatever the number of rows", () => {
  const huge = even.map(() => 4e8);
  for (const [reference, current] of [
    [huge, huge.map((count, bin) => count + (bin % 2 === 0 ? 3e8 : -3e8))],
    [even, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    [
      [1, 0],
      [0, 1],
    ],
  ] as const) {
    for (const options of [
      { threshold: 100 },
      { threshold: 1e-300 },
      { alpha: 1e-300 },
      { alpha: 1 - 1e-9 },
      { smoothing: { kind: "additive", s: 1e6 } },
      { smoothing: { kind: "additive", s: 1e-300 } },
      { smoothing: { kind: "floor", floor: 0.5 } },
    ] satisfies DriftOptions[]) {
      const { psi, kl, ks } = report([numbers("x", [...reference], [...current])], options).features.x!;
      for (const figure of [psi.value, psi.debiased, psi.detectable, kl.value, ks!.statistic]) {
        assert.ok(Number.isFinite(figure), JSON.stringify(options));
      }
      for (const p of [psi.pValue, psi.pValueAtThreshold, kl.pValue, ks!.pValue]) {
        assert.ok(p >= 0 && p <= 1, JSON.stringify(options));
      }
    }
  }
});

test("real drift is found at the sizes that can tell it", async () => {
  const next = random(73);
  const draw = (rows: number, shift: number) => ({
    x: { type: "f64" as const, cells: Array.from({ length: rows }, () => next() + next() + next() + shift) },
  });
  for (const rows of [500, 2_000]) {
    for (let pair = 0; pair < 20; pair++) {
      const reference = await openTable(runtime, draw(rows, 0));
      const current = await openTable(runtime, draw(rows, 0.5));
      assert.is((await compareData(runtime, reference, current, { ks: "binned" })).verdict, "drift");
    }
  }
  assert.is(runtime.arena.use.usedBytes, 0);
});

test.run();
