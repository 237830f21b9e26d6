import { test } from "uvu";
import * as assert from "uvu/assert";
import { kstwoSf } from "../../../../src/host/drift/distributions/kolmogorov.js";
import {
  effectiveSampleSize,
  ksPValue,
  ksTwoSampleSf,
} from "../../../../src/host/drift/distributions/ks-two-sample.js";
import { random } from "../../../assembly/support.js";
import { assertClose, assertFalling, assertGolden, assertRefused, ksCases } from "./golden.js";

test("ksTwoSampleSf: golden", () => assertGolden("ksTwoSampleExact", ksTwoSampleSf, 1e-300));

test("ks.json: the automatic p value, the exact and the asymptotic one", () => {
  const cases = ksCases();
  assert.ok(cases.length > 60);
  for (const { name, n, m, numerator, denominator, ...expected } of cases) {
    const { pValue, method } = ksPValue(n, m, numerator, denominator);
    assert.is(method, expected.method, name);
    assertClose(pValue, expected.pValueAuto, 1e-9, 1e-300, name);
    assert.is(effectiveSampleSize(n, m), expected.effectiveN, name);
    if (expected.pValueExact !== null) {
      assertClose(ksTwoSampleSf(numerator, n, m), expected.pValueExact, 1e-9, 1e-300, `${name}, exact`);
    }
    // Null exactly where the effective size is 0: one row against one.
    assert.is(expected.pValueAsymptotic === null, expected.effectiveN === 0, name);
    if (expected.pValueAsymptotic !== null) {
      const asymptotic = kstwoSf(expected.statistic, expected.effectiveN);
      assertClose(asymptotic, expected.pValueAsymptotic, 1e-9, 1e-300, `${name}, asymptotic`);
    }
  }
});

/** Lattice paths from (0, 0) to (n, m), all and those with |i m - j n| < limit at every point, in whole numbers. */
function pathCounts(n: number, m: number, limit: number): { all: bigint; inside: bigint } {
  let all: bigint[] = [];
  let inside: bigint[] = [];
  for (let i = 0; i <= n; i++) {
    const nextAll: bigint[] = [];
    const nextInside: bigint[] = [];
    for (let j = 0; j <= m; j++) {
      const isStart = i === 0 && j === 0;
      nextAll.push(isStart ? 1n : (all[j] ?? 0n) + (nextAll[j - 1] ?? 0n));
      const paths = isStart ? 1n : (inside[j] ?? 0n) + (nextInside[j - 1] ?? 0n);
      nextInside.push(Math.abs(i * m - j * n) < limit ? paths : 0n);
    }
    all = nextAll;
    inside = nextInside;
  }
  return { all: all[m]!, inside: inside[m]! };
}

function divide(top: bigint, bottom: bigint): number {
  return Number((top * 10n ** 30n) / bottom) / 1e30;
}

function divisor(n: number, m: number): number {
  return m === 0 ? n : divisor(m, n % m);
}

test("every statistic of every pair of sizes up to 9, against paths counted in whole numbers", () => {
  for (let n = 1; n <= 9; n++) {
    for (let m = 1; m <= 9; m++) {
      const common = divisor(n, m);
      for (let h = 1; h <= (n * m) / common; h++) {
        const { all, inside } = pathCounts(n, m, h * common);
        assertClose(ksTwoSampleSf(h, n, m), divide(all - inside, all), 1e-13, 0, `${h}, ${n}, ${m}`);
      }
    }
  }
});

test("complete separation of unequal sizes: 2 / C(n + m, n), down to the smallest doubles", () => {
  for (const [n, m] of [
    [3, 1],
    [40, 39],
    [10_000, 1],
    [10_000, 30],
    [500, 501],
    [510, 511],
  ] as const) {
    let log2 = 1;
    for (let k = 1; k <= m; k++) log2 -= Math.log2((n + k) / k);
    const lcm = (n * m) / divisor(n, m);
    assertClose(ksTwoSampleSf(lcm, n, m), 2 ** log2, 1e-10, 1e-307, `${n} and ${m}`);
  }
  assert.is(ksTwoSampleSf(10_000 * 9_999, 10_000, 9_999), 0, "smaller than any double");
  assert.is(ksTwoSampleSf(10_000, 10_000, 10_000), 0);
});

test("the far tail is not cut off early, and stays below Wei and Dudley's bound", () => {
  for (const square of [290, 310, 340]) {
    const [n, m] = [10_000, 5003];
    const h = Math.ceil(Math.sqrt(square * (1 / n + 1 / m)) * n * m);
    const p = ksTwoSampleSf(h, n, m);
    assert.ok(p > 0 && p <= Math.E * Math.exp(-2 * square), `${square}: ${p}`);
    assert.ok(ksTwoSampleSf(h + n, n, m) < p, "and still falls");
  }
});

test("0 gives 1, past lcm(n, m) gives 0, the order of the sizes does not matter, and it falls", () => {
  for (const [n, m] of [
    [1, 1],
    [7, 7],
    [12, 8],
    [31, 50],
    [90, 91],
    [400, 300],
    [2000, 1],
  ] as const) {
    const lcm = (n * m) / divisor(n, m);
    assert.is(ksTwoSampleSf(0, n, m), 1);
    assert.is(ksTwoSampleSf(1, n, m), 1, "D is never below 1 / lcm without ties");
    assert.is(ksTwoSampleSf(lcm + 1, n, m), 0);
    assert.is(ksTwoSampleSf(Number.MAX_SAFE_INTEGER, n, m), 0);
    const hs = Array.from({ length: 101 }, (_, k) => Math.round((lcm * k) / 100));
    assertFalling((h) => ksTwoSampleSf(h, n, m), hs, `${n} and ${m}`);
    for (const h of hs)
      assertClose(ksTwoSampleSf(h, n, m), ksTwoSampleSf(h, m, n), 1e-12, 0, `${h}, ${n}, ${m}`);
  }
});

test("equal sizes by reflection agree with the lattice of whole numbers at 60", () => {
  for (const h of [1, 5, 9, 20, 44, 60]) {
    const { all, inside } = pathCounts(60, 60, h * 60);
    assertClose(ksTwoSampleSf(h, 60, 60), divide(all - inside, all), 1e-12, 1e-29, `h ${h}`);
  }
});

test("effectiveSampleSize rounds halves to even, past 2^53 too", () => {
  assert.is(effectiveSampleSize(1, 1), 0);
  assert.is(effectiveSampleSize(3, 3), 2);
  assert.is(effectiveSampleSize(5, 5), 2);
  assert.is(effectiveSampleSize(10_001, 10_001), 5000);
  assert.is(effectiveSampleSize(10_003, 10_003), 5002);
  assert.is(effectiveSampleSize(1, 10_001), 1);
  const large = 2 ** 53 - 3;
  assert.is(effectiveSampleSize(large, large), (large - 1) / 2);
});

test("ksPValue changes its method between 10000 and 10001 rows", () => {
  assert.is(ksPValue(10_000, 3, 21_000, 30_000).method, "exact");
  const asymptotic = ksPValue(3, 10_001, 21_000, 30_003);
  assert.is(asymptotic.method, "asymptotic");
  assert.is(asymptotic.pValue, kstwoSf(21_000 / 30_003, 3));
  assert.equal(ksPValue(1, 1, 1, 1), { pValue: 1, method: "exact" });
  assert.equal(ksPValue(20_000, 30_000, 0, 60_000), { pValue: 1, method: "asymptotic" });
});

test("ksPValue counts no further than it may, and is then within 2 % in the middle", () => {
  const [n, m] = [3_000, 2_999];
  for (const share of [0.01, 0.02, 0.035, 0.05]) {
    const numerator = Math.round(share * n * m);
    const exact = ksPValue(n, m, numerator, n * m);
    const bounded = ksPValue(n, m, numerator, n * m, 10_000);
    assert.is(exact.method, "exact");
    assert.is(bounded.method, "asymptotic");
    assert.ok(Math.abs(bounded.pValue / exact.pValue - 1) < 0.02, `${bounded.pValue} and ${exact.pValue}`);
    assert.equal(ksPValue(n, m, numerator, n * m, 20_000_000), exact);
  }
  // Equal sizes cost nothing.
  assert.is(ksPValue(10_000, 10_000, 500, 10_000, 10_000).method, "exact");
});

test("the strips along the band's sides leave nothing out: as walking all of it", () => {
  const next = random(37);
  for (let round = 0; round < 200; round++) {
    const n = 1 + Math.floor(next() ** 2 * 900);
    const m = 1 + Math.floor(next() ** 2 * 900);
    const common = divisor(n, m);
    const multiple = (n / common) * m;
    // Up to where hardly anything is left, far from the middle too.
    const h = Math.ceil(next() * Math.min(1, 6 / Math.sqrt((n * m) / (n + m))) * multiple);
    if (n === m || h * common <= Math.min(n, m)) continue;
    const expected = wholeLatticeSf(h * common, n, m);
    if (expected < 1e-290) continue;
    assert.ok(Math.abs(ksTwoSampleSf(h, n, m) / expected - 1) < 1e-12, `${h} of ${n} and ${m}`);
  }
});

/** Shares of the paths that have touched, from each point's two predecessors. */
function wholeLatticeSf(limit: number, n: number, m: number): number {
  let column: number[] = [];
  for (let i = 0; i <= n; i++) {
    const next: number[] = [];
    for (let j = 0; j <= m; j++) {
      const left = i === 0 ? 0 : i * column[j]!;
      const below = j === 0 ? 0 : j * next[j - 1]!;
      const touches = Math.abs(i * m - j * n) >= limit;
      next.push(touches ? 1 : i + j === 0 ? 0 : (left + below) / (i + j));
    }
    column = next;
  }
  return column[m]!;
}

test("ksPValue takes any common factor in the fraction", () => {
  const expected = ksPValue(12, 8, 10, 24);
  assert.equal(ksPValue(12, 8, 40, 96), expected);
  assert.equal(ksPValue(12, 8, 5, 12), expected);
  // The products pass 2^53 here.
  const large = ksPValue(10_000, 9_999, 8_999_099, 99_990_000);
  assert.equal(ksPValue(10_000, 9_999, 8_999_099 * 7, 99_990_000 * 7), large);
  assert.is(large.pValue, ksTwoSampleSf(8_999_099, 10_000, 9_999));
});

test("arguments outside the domain are refused", () => {
  for (const n of [0, -1, 1.5, NaN, 10_001]) {
    assertRefused(() => ksTwoSampleSf(1, n, 5), "ksTwoSampleSf: n");
    assertRefused(() => ksTwoSampleSf(1, 5, n), "ksTwoSampleSf: m");
  }
  for (const h of [-1, 0.5, NaN, Infinity]) assertRefused(() => ksTwoSampleSf(h, 5, 5), "ksTwoSampleSf: h");
  assertRefused(() => ksPValue(0, 5, 1, 5), "effectiveSampleSize: n");
  assertRefused(() => ksPValue(12, 8, 1, 25), "1/25");
  assertRefused(() => ksPValue(12, 8, 0.5, 12), "0.5/12");
  for (const [top, bottom] of [
    [2, 1],
    [-1, 4],
    [NaN, 4],
    [1, NaN],
    [0, 0],
    [1, Infinity],
  ] as const) {
    assertRefused(() => ksPValue(20_000, 8, top, bottom), `${top}/${bottom}`);
  }
});

test.run();
