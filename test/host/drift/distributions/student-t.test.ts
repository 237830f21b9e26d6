import { test } from "uvu";
import * as assert from "uvu/assert";
import { betaTail } from "../../../../src/host/drift/distributions/beta.js";
import { normalSf } from "../../../../src/host/drift/distributions/normal.js";
import { fSf, studentTIsf, studentTSf } from "../../../../src/host/drift/distributions/student-t.js";
import { assertClose, assertFalling, assertGolden, assertRefused, geometricGrid } from "./golden.js";

test("studentTSf: golden", () => assertGolden("studentTSf", studentTSf, 1e-300));
test("studentTIsf: golden", () => assertGolden("studentTIsf", studentTIsf, 1e-15));
test("fSf: golden", () => assertGolden("fSf", fSf, 1e-300));

test("studentTSf: closed forms for 1 and 2 degrees of freedom, normal for very many", () => {
  for (const t of [1e-6, 0.4, 1, 9, 1e5, 1e40]) {
    assertClose(studentTSf(t, 1), Math.atan(1 / t) / Math.PI, 1e-13, 0, `df 1 at ${t}`);
    const root = Math.hypot(t, Math.SQRT2);
    assertClose(studentTSf(t, 2), 1 / (root * (root + t)), 1e-12, 0, `df 2 at ${t}`);
  }
  for (const t of [0.3, 2, 5]) {
    // The first correction is φ(t) (t³ + t) / (4 df): with 1e12 degrees of freedom below 3e-11 of the tail.
    assertClose(studentTSf(t, 1e12), normalSf(t), 2e-10, 0, `df 1e12 at ${t}`);
  }
});

test("studentTSf where t² overflows", () => {
  assertClose(studentTSf(1e200, 1), 1 / (Math.PI * 1e200), 1e-12, 0, "df 1");
  assertClose(studentTSf(1e300, 0.5) / studentTSf(1e100, 0.5), 1e-100, 1e-11, 0, "a tail of t^-1/2");
  assert.is(studentTSf(1e308, 3), 0);
  assert.is(studentTSf(Infinity, 3), 0);
  assert.is(studentTSf(-Infinity, 3), 1);
});

test("studentTSf: symmetric and falling", () => {
  for (const df of [0.3, 1, 7.5, 1e4, 1e9]) {
    assert.is(studentTSf(0, df), 0.5);
    const ts = geometricGrid(1e-4, 1e4, 200);
    assertFalling((t) => studentTSf(t, df), [...ts.map((t) => -t).reverse(), 0, ...ts], `df ${df}`);
    for (const t of ts)
      assertClose(studentTSf(t, df) + studentTSf(-t, df), 1, 1e-15, 0, `symmetry, df ${df}, t ${t}`);
  }
});

test("studentTIsf is the inverse", () => {
  for (const df of [0.7, 1, 5, 300, 1e6]) {
    for (const p of [1e-100, 1e-9, 0.01, 0.4, 0.6, 0.999]) {
      assertClose(studentTSf(studentTIsf(p, df), df), p, 1e-10, 0, `df ${df}, p ${p}`);
    }
    assert.is(studentTIsf(0.5, df), 0);
    assert.is(studentTIsf(0, df), Infinity);
    assert.is(studentTIsf(1, df), -Infinity);
  }
  assertClose(studentTIsf(1e-299, 1), 1e299 / Math.PI, 1e-11, 0, "Cauchy, far out");
  assert.is(studentTIsf(1e-300, 0.5), Infinity, "past the largest double");
});

test("fSf: t squared, its own reciprocal, and the ends", () => {
  for (const df of [0.5, 3, 40, 1e6]) {
    for (const t of [0.01, 1.2, 6]) {
      assertClose(fSf(t * t, 1, df), 2 * studentTSf(t, df), 1e-12, 0, `t² with df ${df}, t ${t}`);
      assertClose(fSf(t, 6, df) + fSf(1 / t, df, 6), 1, 1e-13, 0, `1 / F, df ${df}, x ${t}`);
    }
    assert.is(fSf(0, 2, df), 1);
    assert.is(fSf(-1, 2, df), 1);
    assert.is(fSf(Infinity, 2, df), 0);
  }
  assertClose(fSf(1, 1e12, 1e12), 0.5, 1e-12, 0, "the middle of F with 1e12 degrees of freedom twice");
  assertClose(fSf(1e308, 1, 1), (2 / Math.PI) * 1e-154, 1e-12, 0, "df 1 and 1: 2 atan(x^-1/2) / π");
  assert.ok(fSf(Number.MAX_VALUE, 1e12, 1) > 1e-156, "x df1 / df2 overflows, the tail does not");
});

test("betaTail: polynomials for whole b, and both ends", () => {
  for (const x of [0.01, 0.3, 0.5, 0.83, 0.999]) {
    const odds = (1 - x) / x;
    for (const a of [0.2, 1, 6, 50]) {
      assertClose(betaTail(odds, Math.log(odds), a, 1), x ** a, 1e-13, 0, `I_x(a, 1), a ${a}, x ${x}`);
      const two = x ** a * (1 + a * (1 - x));
      assertClose(betaTail(odds, Math.log(odds), a, 2), two, 1e-13, 0, `I_x(a, 2), a ${a}, x ${x}`);
    }
  }
  assert.is(betaTail(0, -Infinity, 2, 3), 1);
  assert.is(betaTail(Infinity, Infinity, 2, 3), 0);
});

test("betaTail: the far formula meets the fraction", () => {
  for (const [a, b] of [
    [0.5, 0.5],
    [0.2, 900],
    [1.5, 3],
  ] as const) {
    const near = betaTail(Math.exp(299), 299, a, b);
    const far = betaTail(Math.exp(301), 301, a, b);
    assertClose(Math.log(near / far) / 2, a, 1e-11, 0, `a tail of odds^-a, a ${a}, b ${b}`);
  }
});

test("arguments outside the domain are refused", () => {
  assertRefused(() => studentTSf(NaN, 3), "studentTSf: t");
  assertRefused(() => fSf(NaN, 3, 3), "fSf: x");
  for (const df of [0, -2, NaN, Infinity, 1e13]) {
    assertRefused(() => studentTSf(1, df), "studentTSf: df");
    assertRefused(() => studentTIsf(0.1, df), "studentTIsf: df");
    assertRefused(() => fSf(1, df, 3), "fSf: df1");
    assertRefused(() => fSf(1, 3, df), "fSf: df2");
  }
  for (const p of [-1, 2, NaN]) assertRefused(() => studentTIsf(p, 3), "studentTIsf: p");
});

test.run();
