// PSI, KL, G and KS against known answers that were computed straight from the definitions in exact integers and 50-digit
// arithmetic, with scipy as second opinion (test/fixtures/golden/ORIGIN.md), from Arrow bytes to the report.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import { compareData } from "../../../src/host/drift/compare.js";
import type { FeatureReport } from "../../../src/host/drift/report.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { arrowColumn, cellsOf, type GoldenColumn, readGolden } from "../../golden-data.js";

interface Expected {
  bins?: number;
  edges?: (number | string)[];
  counts: { reference: number[]; current: number[] };
  psi: { value: number; debiased: number; pValue: number; pValueAtThreshold: number; bins: number };
  kl: { value: number; pValue: number };
  floor: { psi: number; kl: number };
}

interface NumericCase {
  name: string;
  type: string;
  reference: GoldenColumn;
  current: GoldenColumn;
  missing: { reference: number; current: number };
  nonFinite: { reference: number; current: number };
  ks: { statistic: number; pValue: number; method: string; scipy?: number } | null;
  ksBinned: { edges: number; lower: number; upper: number; upperTight: number } | null;
  results: (Expected & { bins: number })[];
}

interface CategoricalCase extends Expected {
  name: string;
  type: string;
  reference: GoldenColumn;
  current: GoldenColumn;
  categories: string[];
  missing: { reference: number; current: number };
  unseen: number;
}

interface Golden {
  threshold: number;
  numeric: NumericCase[];
  numericGenerated: NumericCase[];
  categorical: CategoricalCase[];
  categoricalGenerated: CategoricalCase[];
}

const golden = readGolden<Golden>("divergence.json");
const runtime = await openRuntime();

function near(found: number, expected: number, relative: number, absolute: number, what: string): void {
  const gap = Math.abs(found - expected);
  assert.ok(
    gap <= absolute || gap <= relative * Math.abs(expected),
    `${what}: ${found}, expected ${expected}`,
  );
}

const oneUlp = 2.3e-16;

function checkDivergence(found: FeatureReport, expected: Expected, what: string): void {
  assert.equal(found.counts.reference, expected.counts.reference, `${what}: reference counts`);
  assert.equal(found.counts.current, expected.counts.current, `${what}: current counts`);
  assert.is(found.psi.bins, expected.psi.bins, `${what}: slots`);
  near(found.psi.value, expected.psi.value, 1e-12, 1e-15, `${what}: PSI`);
  near(found.psi.debiased, expected.psi.debiased, 0, 1e-12 * expected.psi.value + 1e-15, `${what}: debiased`);
  near(found.kl.value, expected.kl.value, 1e-12, 1e-15, `${what}: KL`);
  near(found.psi.pValue, expected.psi.pValue, 1e-9, 1e-300, `${what}: p`);
  near(found.psi.pValueAtThreshold, expected.psi.pValueAtThreshold, 1e-9, 1e-300, `${what}: p at threshold`);
  near(found.kl.pValue, expected.kl.pValue, 1e-9, 1e-300, `${what}: G test`);
}

async function compare(
  oneCase: { reference: GoldenColumn; current: GoldenColumn; type: string },
  options: Parameters<typeof compareData>[3],
): Promise<FeatureReport> {
  const open = (column: GoldenColumn, label: string) =>
    arrowSource(bytesAsSource(arrowColumn(cellsOf(column), oneCase.type), label), runtime.arena);
  const reference = await open(oneCase.reference, "reference");
  const current = await open(oneCase.current, "current");
  const report = await compareData(runtime, reference, current, { threshold: golden.threshold, ...options });
  return report.features.x!;
}

for (const oneCase of [...golden.numeric, ...golden.numericGenerated]) {
  test(`numeric: ${oneCase.name}`, async () => {
    for (const expected of oneCase.results) {
      const found = await compare(oneCase, { bins: expected.bins });
      const what = `${oneCase.name}, ${expected.bins} bins`;
      assert.equal(found.edges, expected.edges, `${what}: edges`);
      checkDivergence(found, expected, what);
      near(found.missing.reference, oneCase.missing.reference, oneUlp, 0, `${what}: missing`);
      near(found.missing.current, oneCase.missing.current, oneUlp, 0, `${what}: missing`);
      assert.equal(found.nonFinite, oneCase.nonFinite, `${what}: nonFinite`);
      const floor = await compare(oneCase, {
        bins: expected.bins,
        smoothing: { kind: "floor", floor: 1e-4 },
        ks: "binned",
      });
      near(floor.psi.value, expected.floor.psi, 1e-12, 1e-15, `${what}: PSI with floor`);
      near(floor.kl.value, expected.floor.kl, 1e-12, 1e-15, `${what}: KL with floor`);
    }
  });

  test(`KS: ${oneCase.name}`, async () => {
    const exact = await compare(oneCase, { ks: "exact" });
    const binned = await compare(oneCase, { ks: "binned" });
    if (oneCase.ks === null) {
      assert.is(exact.ks, null);
      assert.is(binned.ks, null);
      return;
    }
    near(exact.ks!.statistic, oneCase.ks.statistic, oneUlp, 0, "D");
    assert.is(exact.ks!.method, oneCase.ks.method);
    const low = Math.min(oneCase.ks.pValue, oneCase.ks.scipy ?? oneCase.ks.pValue);
    const high = Math.max(oneCase.ks.pValue, oneCase.ks.scipy ?? oneCase.ks.pValue);
    assert.ok(exact.ks!.pValue >= low * (1 - 1e-9) - 1e-300, `p ${exact.ks!.pValue} below ${low}`);
    assert.ok(exact.ks!.pValue <= high * (1 + 1e-9) + 1e-300, `p ${exact.ks!.pValue} above ${high}`);
    near(binned.ks!.lower, oneCase.ksBinned!.lower, oneUlp, 0, "lower");
    near(binned.ks!.upper, oneCase.ksBinned!.upperTight, oneUlp, 0, "upper");
    assert.ok(
      binned.ks!.lower <= exact.ks!.statistic + 1e-15 && exact.ks!.statistic <= binned.ks!.upper + 1e-15,
    );
  });
}

for (const oneCase of [...golden.categorical, ...golden.categoricalGenerated]) {
  test(`categorical: ${oneCase.name}`, async () => {
    const found = await compare(oneCase, {});
    assert.equal(found.categories, oneCase.categories);
    checkDivergence(found, oneCase, oneCase.name);
    near(found.unseen!, oneCase.unseen, oneUlp, 0, "unseen");
    near(found.missing.current, oneCase.missing.current, oneUlp, 0, "missing");
    assert.is(found.ks, null);
    const floor = await compare(oneCase, { smoothing: { kind: "floor", floor: 1e-4 } });
    near(floor.psi.value, oneCase.floor.psi, 1e-12, 1e-15, "PSI with floor");
    near(floor.kl.value, oneCase.floor.kl, 1e-12, 1e-15, "KL with floor");
  });
}

test("the arena is empty again", () => {
  assert.is(runtime.arena.use.usedBytes, 0);
});

test.run();
