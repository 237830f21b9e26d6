// PSI, KL, G and KS of counts against the plain oracle; known answers are in golden.test.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  chi2Sf,
  ksPValue,
  ncx2Sf,
  smallestDetectablePsi,
} from "../../../src/host/drift/distributions/index.js";
import { type Edge, nextAbove } from "../../../src/host/drift/edges.js";
import { binnedKs, divergenceOf, exactKs, type Smoothing } from "../../../src/host/drift/statistics.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import {
  allPresent,
  countByEdges,
  divergence,
  divergenceWithFloor,
  ksNumerator,
  ksNumeratorOfCounts,
} from "../../assembly/oracle.js";
import { random } from "../../assembly/support.js";

const runtime = await openRuntime();
const additive: Smoothing = { kind: "additive", s: 0.5 };

function near(found: number, expected: number, relative: number, what: string): void {
  assert.ok(
    Math.abs(found - expected) <= relative * Math.max(Math.abs(expected), 1e-12),
    `${what}: ${found}, expected ${expected}`,
  );
}

/** Counts with empty slots, lone rows and very unequal sizes among them. */
function randomCounts(next: () => number): { reference: number[]; current: number[] } {
  const slots = 1 + Math.floor(next() * 12);
  const size = () => 10 ** (next() * 7);
  const draw = (scale: number) =>
    Array.from({ length: slots }, () => (next() < 0.25 ? 0 : Math.floor(next() ** 2 * scale)));
  const [reference, current] = [draw(size()), draw(size())];
  reference[0]! += 1;
  current[slots - 1]! += 1;
  return { reference, current };
}

test("PSI, KL and G with pseudo-counts, and their p values", () => {
  const next = random(51);
  for (let round = 0; round < 200; round++) {
    const { reference, current } = randomCounts(next);
    const halves = 1 + Math.floor(next() * 4);
    const options = { smoothing: { kind: "additive", s: halves / 2 } as const, threshold: 0.2, alpha: 0.01 };
    const found = divergenceOf(runtime, reference, current, options);
    const expected = divergence(reference, current, halves);
    near(found.psi, expected.psi, 1e-12, "PSI");
    near(found.kl, expected.kl, 1e-12, "KL");
    near(found.g, expected.g, 1e-9, "G");
    assert.is(found.slotsUsed, expected.slotsUsed);
    const n = reference.reduce((sum, count) => sum + count);
    const m = current.reduce((sum, count) => sum + count);
    const noise = 1 / n + 1 / m;
    const df = found.slotsUsed - 1;
    near(found.psiDebiased, found.psi - df * noise, 1e-12, "debiased");
    if (df === 0) continue;
    assert.is(found.psiPValue, chi2Sf(found.psi / noise, df));
    assert.is(found.psiPValueAtThreshold, ncx2Sf(found.psi / noise, df, 0.2 / noise));
    assert.is(found.noiseAtThreshold, chi2Sf(0.2 / noise, df));
    assert.is(found.psiDetectable, smallestDetectablePsi(n, m, df + 1, 0.01));
    assert.is(found.klPValue, chi2Sf(found.g, df));
  }
});

test("with a floor PSI and KL change, the G test does not", () => {
  const next = random(53);
  for (let round = 0; round < 100; round++) {
    const { reference, current } = randomCounts(next);
    const options = { threshold: 0.2, alpha: 0.01 };
    const smoothing = { kind: "floor", floor: 1e-4 } as const;
    const found = divergenceOf(runtime, reference, current, { smoothing, ...options });
    const expected = divergenceWithFloor(reference, current, 10_000);
    near(found.psi, expected.psi, 1e-12, "PSI");
    near(found.kl, expected.kl, 1e-12, "KL");
    const plain = divergenceOf(runtime, reference, current, { smoothing: additive, ...options });
    assert.equal([found.g, found.klPValue], [plain.g, plain.klPValue]);
  }
});

test("one slot in use: nothing to tell", () => {
  for (const [reference, current] of [
    [[7], [3]],
    [
      [0, 5, 0],
      [0, 9, 0],
    ],
  ] as const) {
    const found = divergenceOf(runtime, reference, current, {
      smoothing: additive,
      threshold: 0.2,
      alpha: 0.01,
    });
    assert.equal(
      [found.psi, found.psiDebiased, found.kl, found.g, found.slotsUsed, found.noiseAtThreshold],
      [0, 0, 0, 0, 1, 0],
    );
    assert.equal([found.psiPValue, found.psiPValueAtThreshold, found.klPValue], [1, 1, 1]);
  }
});

test("exact KS: the statistic and its p value; none of nothing", () => {
  const found = exactKs(40, 25, 335n)!;
  const { pValue, method } = ksPValue(40, 25, 335, 1000);
  assert.equal(found, {
    statistic: 0.335,
    lower: 0.335,
    upper: 0.335,
    pValue,
    pValueAtUpper: pValue,
    method,
  });
  assert.is(exactKs(0, 5, 0n), null);
  assert.is(exactKs(5, 0, 0n), null);
});

test("binned KS bounds the exact distance, and is exact where every open bin is empty", () => {
  const next = random(59);
  for (let round = 0; round < 60; round++) {
    const draw = (count: number) => Array.from({ length: count }, () => Math.floor(next() * 30) / 4);
    const [reference, current] = [draw(60), draw(10 + round)];
    const edges = [...new Set(draw(8))].sort((left, right) => left - right);
    const bins = (values: number[]) => countByEdges(values, allPresent, edges).slice(0, edges.length + 1);
    const found = binnedKs(runtime, bins(reference), bins(current), edges, "f64")!;
    const pairs = reference.length * current.length;
    const exact = Number(ksNumerator(reference, current)) / pairs;
    const atEdges = Number(ksNumeratorOfCounts(bins(reference), bins(current))) / pairs;
    assert.is(found.lower, atEdges);
    near(found.upper, Math.min(1, atEdges + Math.max(...bins(reference)) / reference.length), 1e-12, "upper");
    assert.ok(found.lower <= exact && exact <= found.upper, `${exact} in ${JSON.stringify(found)}`);
    assert.ok(found.pValueAtUpper <= found.pValue);
    assert.is(found.method, "binned");
  }
  // Each value of the reference has a bin of its own: nothing is hidden between edges.
  const atoms: Edge[] = [1, 2, 3].flatMap((value) => [value, nextAbove(value, "f64")!]);
  const lone = binnedKs(runtime, [0, 5, 0, 3, 0, 2, 0], [1, 1, 4, 1, 0, 0, 2], atoms, "f64")!;
  assert.is(lone.lower, lone.upper);
  assert.is(binnedKs(runtime, [0, 0], [1, 1], [5], "f64"), null);
  assert.is(binnedKs(runtime, [1, 1], [0, 0], [5], "f64"), null);
  assert.is(runtime.arena.use.usedBytes, 0);
});

test.run();
