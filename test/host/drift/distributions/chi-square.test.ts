import { test } from "uvu";
import * as assert from "uvu/assert";
import { chi2Isf, chi2Sf, ncx2Sf } from "../../../../src/host/drift/distributions/chi-square.js";
import { normalSf } from "../../../../src/host/drift/distributions/normal.js";
import { assertClose, assertFalling, assertGolden, assertRefused, geometricGrid } from "./golden.js";

test("chi2Sf: golden", () => assertGolden("chi2Sf", chi2Sf, 1e-300));
test("ncx2Sf: golden", () => assertGolden("ncx2Sf", ncx2Sf, 1e-300));

test("chi2Sf: closed forms for 2 and 4 degrees of freedom, and the normal for 1", () => {
  for (const x of [1e-9, 0.3, 2, 11, 150, 1200]) {
    assertClose(chi2Sf(x, 2), Math.exp(-x / 2), 1e-12, 1e-300, `df 2 at ${x}`);
    assertClose(chi2Sf(x, 4), Math.exp(-x / 2) * (1 + x / 2), 1e-12, 1e-300, `df 4 at ${x}`);
    assertClose(chi2Sf(x, 1), 2 * normalSf(Math.sqrt(x)), 1e-12, 1e-300, `df 1 at ${x}`);
  }
});

test("ncx2Sf with 1 degree of freedom is a shifted normal squared, at every non-centrality", () => {
  for (const nc of [1e-9, 0.4, 7, 399, 401, 5000, 123_456, 1e6, 1e9, 1e12]) {
    for (const z of [-6, -2, 0, 1, 5, 30]) {
      const root = Math.sqrt(nc) + z;
      if (root <= 0) continue;
      const expected = normalSf(root - Math.sqrt(nc)) + normalSf(root + Math.sqrt(nc));
      // x = root² rounds: relative 2e-16 of x moves z by 1e-16 √nc, and p by z times that.
      const rounding = 4e-16 * Math.sqrt(nc) * (Math.abs(z) + 1);
      assertClose(ncx2Sf(root * root, 1, nc), expected, 1e-11 + rounding, 1e-300, `nc ${nc}, z ${z}`);
    }
  }
});

test("ncx2Sf with 2 degrees of freedom: the series of Marcum's Q, summed without any gamma function", () => {
  for (const [x, nc] of [
    [0.5, 1],
    [9, 3],
    [40, 12],
    [4, 30],
  ] as const) {
    let expected = 0;
    let weight = Math.exp(-nc / 2);
    let term = Math.exp(-x / 2);
    let tail = term;
    for (let j = 0; j < 300; j++) {
      expected += weight * tail;
      weight *= nc / 2 / (j + 1);
      term *= x / 2 / (j + 1);
      tail += term;
    }
    assertClose(ncx2Sf(x, 2, nc), expected, 1e-12, 0, `x ${x}, nc ${nc}`);
  }
});

test("tails start at 1 and fall", () => {
  for (const df of [0.5, 1, 9, 400, 1e5, 3e6]) {
    assert.is(chi2Sf(0, df), 1);
    assert.is(chi2Sf(-3, df), 1);
    assert.is(chi2Sf(-Infinity, df), 1);
    assert.is(chi2Sf(Infinity, df), 0);
    assertFalling((x) => chi2Sf(x, df), geometricGrid(df / 100, df * 30, 300), `chi2Sf, df ${df}`);
    for (const nc of [0, 1e-3, 50, 20_000]) {
      assert.is(ncx2Sf(0, df, nc), 1);
      assert.is(ncx2Sf(Infinity, df, nc), 0);
      assertFalling(
        (x) => ncx2Sf(x, df, nc),
        geometricGrid((df + nc) / 10, (df + nc) * 4, 80),
        `ncx2Sf, df ${df}, nc ${nc}`,
      );
    }
  }
});

test("ncx2Sf rises with the non-centrality", () => {
  for (const x of [3, 60, 900]) {
    assertFalling(
      (rest) => ncx2Sf(x, 9, rest),
      geometricGrid(1e-3, 3000, 60).reverse(),
      `x ${x}, as nc falls`,
    );
  }
});

test("chi2Isf is the inverse of chi2Sf", () => {
  for (const df of [0.5, 1, 2, 9, 99, 1e4, 1e7]) {
    for (const p of [1e-300, 1e-30, 1e-3, 0.01, 0.3, 0.5, 0.7, 0.999]) {
      const x = chi2Isf(p, df);
      assertClose(chi2Sf(x, df), p, 1e-9, 0, `df ${df}, p ${p}, x ${x}`);
    }
    assert.is(chi2Isf(0, df), Infinity);
    assert.is(chi2Isf(1, df), 0);
  }
  assertClose(chi2Isf(0.01, 2), -2 * Math.log(0.01), 1e-14, 0, "df 2");
  assertClose(chi2Isf(0.05, 9), 16.918977604620448, 1e-13, 0, "the table's value");
  // P(1/2, x/2) is √(2x/π) for small x, so the point below which 2^-53 lies is π/2 2^-106.
  assertClose(chi2Isf(1 - 2 ** -53, 1), (Math.PI / 2) * 2 ** -106, 1e-12, 0, "just below 1");
  assert.is(chi2Isf(0.5, 1e-3), 0, "smaller than any double");
});

test("hostile arguments end quickly", () => {
  assert.is(chi2Sf(1e308, 9), 0);
  assert.is(chi2Sf(1e308, 1e12), 0);
  assert.is(chi2Sf(5e-324, 1e12), 1);
  assert.is(ncx2Sf(1e308, 9, 1e6), 0);
  assert.is(ncx2Sf(Number.MAX_VALUE, 1e12, 1e12), 0);
  assert.is(ncx2Sf(5e-324, 1e-3, 1e12), 1);
  assert.is(ncx2Sf(1, 1e7, 1e6), 1);
  assertClose(ncx2Sf(10, 3, 5e-324), chi2Sf(10, 3), 1e-14, 0, "no non-centrality to speak of");
  assertClose(chi2Sf(1e7, 1e7), 0.5, 1e-3, 0, "the middle of 1e7 degrees of freedom");
});

test("arguments outside the domain are refused", () => {
  assertRefused(() => chi2Sf(NaN, 3), "chi2Sf: x");
  for (const df of [0, -1, NaN, Infinity, 1e13]) {
    assertRefused(() => chi2Sf(1, df), "chi2Sf: df");
    assertRefused(() => ncx2Sf(1, df, 1), "ncx2Sf: df");
    assertRefused(() => chi2Isf(0.5, df), "chi2Isf: df");
  }
  assertRefused(() => ncx2Sf(NaN, 3, 1), "ncx2Sf: x");
  for (const nc of [-1, NaN, Infinity, 1e13]) assertRefused(() => ncx2Sf(1, 3, nc), "ncx2Sf: nc");
  for (const p of [-0.1, 1.1, NaN]) assertRefused(() => chi2Isf(p, 3), "chi2Isf: p");
});

test.run();
