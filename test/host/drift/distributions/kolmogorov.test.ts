import { test } from "uvu";
import * as assert from "uvu/assert";
import { kstwoSf } from "../../../../src/host/drift/distributions/kolmogorov.js";
import { kolmogorovBand } from "../../../../src/host/drift/distributions/kolmogorov-band.js";
import { kolmogorovContour } from "../../../../src/host/drift/distributions/kolmogorov-contour.js";
import { assertClose, assertFalling, assertGolden, assertRefused, geometricGrid } from "./golden.js";

test("kstwoSf: golden, the true value and not scipy's", () => assertGolden("kstwoSf", kstwoSf, 1e-300));

test("published values: Marsaglia, Tsang, Wang, J. Stat. Software 8(18), 2003", () => {
  assertClose(1 - kstwoSf(0.274, 10), 0.6284796154565, 1e-13, 0, "n 10");
  assertClose(1 - kstwoSf(0.04, 2000), 0.9967694319171367, 1e-14, 0, "n 2000");
  assertClose(1 - kstwoSf(0.016, 16_000), 0.9994523491382805, 1e-14, 0, "n 16000");
});

test("closed forms for 1 and 2 values, and for n d <= 1", () => {
  for (const d of [0.5, 0.51, 0.7, 0.999]) assertClose(kstwoSf(d, 1), 2 - 2 * d, 1e-13, 0, `n 1, d ${d}`);
  // P(D_2 < d): 2 (2 d - 1/2)² up to 1/2, then 1 - 2 (1 - d)².
  for (const d of [0.26, 0.4, 0.49])
    assertClose(kstwoSf(d, 2), 1 - 2 * (2 * d - 0.5) ** 2, 1e-13, 0, `n 2, d ${d}`);
  for (const d of [0.5, 0.75, 0.9]) assertClose(kstwoSf(d, 2), 2 * (1 - d) ** 2, 1e-13, 0, `n 2, d ${d}`);
  // Ruben and Gambino 1982: P(D_n < d) = n! (2 d - 1/n)^n.
  let factorial = 1;
  for (let n = 1; n <= 20; n++) {
    factorial *= n;
    for (const share of [0.55, 0.8, 1]) {
      const d = share / n;
      if (d < 1) assertClose(kstwoSf(d, n), 1 - factorial * (2 * d - 1 / n) ** n, 1e-13, 0, `n ${n}, d ${d}`);
    }
  }
});

test("the three ways agree where two of them apply", () => {
  for (const n of [60, 100, 250, 700, 1999]) {
    for (const square of [0.3, 1, 2.2, 4]) {
      const d = Math.sqrt(square / n);
      if (n * d < 15) continue;
      const what = `n ${n}, n d² ${square}`;
      assertClose(
        kolmogorovContour(n, d),
        kolmogorovBand(n, d),
        1e-12,
        5e-16 * n,
        `contour and band, ${what}`,
      );
    }
  }
  for (const n of [600, 1000, 1990]) {
    for (const square of [4.6, 12, 70]) {
      const d = Math.sqrt(square / n);
      assertClose(
        kolmogorovContour(n, d),
        kstwoSf(d, n),
        2e-12,
        0,
        `contour and sum, n ${n}, n d² ${square}`,
      );
    }
  }
});

test("no step where the way changes", () => {
  const edges: [number, number][] = [
    [300, 16 / 300],
    [500, Math.sqrt(4.5 / 500)],
    [1400, 0.5],
    [30, Math.sqrt(4.5 / 30)],
    [30, 0.5],
    [4000, Math.sqrt(0.03 / 4000)],
  ];
  for (const [n, d] of edges) {
    const below = kstwoSf(d * (1 - 1e-13), n);
    const above = kstwoSf(d * (1 + 1e-13), n);
    assertClose(below, above, 3e-10, 0, `n ${n}, d ${d}`);
  }
  for (const square of [4.6, 30, 300]) {
    // The value moves by about 1e-2 between neighbouring n; its second difference is far smaller.
    const [p, q, r, s] = [1999, 2000, 2001, 2002].map((n) => Math.log(kstwoSf(Math.sqrt(square / n), n)));
    assertClose(q! - p!, r! - q!, 2e-2, 1e-12, `from n 2000 to 2001, n d² ${square}`);
    assertClose(s! - r!, r! - q!, 2e-2, 1e-12, `from n 2001 to 2002, n d² ${square}`);
  }
});

test("very large n: Kolmogorov's limit with its first correction", () => {
  for (const n of [1e12, 1e15, Number.MAX_SAFE_INTEGER]) {
    for (const square of [0.2, 0.8, 2, 30, 300]) {
      // 2 sum (-1)^(k-1) exp(-2 k² t) at √t + 1 / (6 √n): Chang Li-Chien 1956, error of order 1 / n.
      const root = Math.sqrt(square) + 1 / (6 * Math.sqrt(n));
      let expected = 0;
      for (let k = 1; k < 20; k++) expected += (k % 2 ? 2 : -2) * Math.exp(-2 * k * k * root * root);
      assertClose(
        kstwoSf(Math.sqrt(square) / Math.sqrt(n), n),
        expected,
        1e-9,
        1e-14,
        `n ${n}, n d² ${square}`,
      );
    }
  }
});

test("starts at 1, ends at 0, falls, stays below Massart's bound", () => {
  for (const n of [1, 2, 7, 63, 140, 141, 400, 2000, 2001, 40_000, 1e6, 1e9]) {
    assert.is(kstwoSf(0, n), 1);
    assert.is(kstwoSf(-1, n), 1);
    assert.is(kstwoSf(0.5 / n, n), 1);
    assert.is(kstwoSf(1, n), 0);
    assert.is(kstwoSf(Infinity, n), 0);
    assert.is(kstwoSf(-Infinity, n), 1);
    const ds = geometricGrid(0.4 / n, 1, n > 2000 ? 60 : 150);
    assertFalling((d) => kstwoSf(d, n), ds, `n ${n}`);
    for (const d of ds) {
      assert.ok(kstwoSf(d, n) <= 2 * Math.exp(-2 * n * d * d) * (1 + 1e-11), `n ${n}, d ${d}`);
    }
  }
});

test("arguments outside the domain are refused", () => {
  assertRefused(() => kstwoSf(NaN, 5), "kstwoSf: d");
  for (const n of [0, -1, 2.5, NaN, Infinity, 2 ** 53]) assertRefused(() => kstwoSf(0.1, n), "kstwoSf: n");
});

test.run();
