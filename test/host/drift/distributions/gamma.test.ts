import { test } from "uvu";
import * as assert from "uvu/assert";
import { deviance, poissonMass, stirlingError } from "../../../../src/host/drift/distributions/deviance.js";
import { gammaP, gammaQ, logGamma } from "../../../../src/host/drift/distributions/gamma.js";
import { assertClose } from "./golden.js";

test("logGamma: 50-digit values, and factorials", () => {
  const known: [number, number][] = [
    [0.001, 6.907178885383853],
    [0.5, 0.5723649429247001],
    [1.5, -0.12078223763524522],
    [3.25, 0.9358019311087253],
    [100, 359.1342053695754],
    [1e10, 220258509288.81058],
  ];
  for (const [x, expected] of known) assertClose(logGamma(x), expected, 1e-14, 0, `logGamma(${x})`);
  let factorial = 0;
  for (let k = 1; k < 60; k++) {
    assertClose(logGamma(k), factorial, 1e-14, 1e-14, `logGamma(${k})`);
    factorial += Math.log(k);
  }
});

test("stirlingError is smooth where the series takes over, and 1/(12 x) far out", () => {
  const recurrence = (x: number) => (x + 0.5) * Math.log1p(1 / x) - 1;
  for (const x of [15.2, 15.5, 15.99]) {
    assertClose(stirlingError(x) - stirlingError(x + 1), recurrence(x), 0, 1e-15, `step at ${x}`);
  }
  assertClose(stirlingError(1e9), 1 / 12e9, 1e-15, 0, "far out");
});

test("deviance: no cancellation near the mean, no overflow far from it", () => {
  assert.is(deviance(5, 5), 0);
  assert.is(deviance(0, 7), 7);
  assert.is(deviance(7, 0), Infinity);
  assert.is(deviance(7, Infinity), Infinity);
  // x ln(x/m) + m - x = x (u²/2 - u³/3 + u⁴/4 …), u = (m - x) / x
  const u = 2 ** -20;
  assertClose(deviance(1, 1 + u), u * u * (1 / 2 - u * (1 / 3 - u / 4)), 1e-15, 0, "near the mean");
  for (const x of [1e-300, 1e-5, 0.6, 3, 1e8]) {
    const mean = x * 1.5;
    const series = deviance(x, mean * (1 - 1e-13));
    const direct = deviance(x, mean * (1 + 1e-13));
    assertClose(series, direct, 3e-12, 0, `where the formulas meet, x = ${x}`);
  }
  assertClose(deviance(0.5, 1e-300), 0.5 * Math.log(0.5e300) - 0.5, 1e-14, 0, "far below");
});

test("poissonMass sums to 1, real arguments included", () => {
  for (const mean of [1e-3, 0.7, 30, 4000]) {
    let sum = 0;
    for (let k = 0; k < mean + 40 * Math.sqrt(mean) + 40; k++) sum += poissonMass(k, mean);
    assertClose(sum, 1, 1e-13, 0, `mean ${mean}`);
  }
  assertClose(
    poissonMass(0.5, 2),
    (Math.SQRT2 * Math.exp(-2)) / (Math.sqrt(Math.PI) / 2),
    1e-14,
    0,
    "Γ(3/2) = √π/2",
  );
});

test("gammaP + gammaQ = 1, and Q(a + 1, x) - Q(a, x) is a Poisson mass", () => {
  for (const a of [0.05, 0.5, 1, 3.7, 90, 5000, 999_999.5, 1e6, 3e7]) {
    for (const z of [-6, -1, -0.01, 0.3, 2, 7]) {
      const x = a + z * Math.sqrt(a);
      if (x <= 0) continue;
      const step = gammaQ(a + 1, x) - gammaQ(a, x);
      assertClose(step, poissonMass(a, x), 1e-9, 2e-15, `step, a = ${a}, x = ${x}`);
      assertClose(gammaP(a, x) + gammaQ(a, x), 1, 1e-15, 0, `sum, a = ${a}, x = ${x}`);
    }
  }
});

test("gammaQ above a = 1e6: 50-digit values on both sides of the switch", () => {
  const known: [number, number, number][] = [
    [999_999.5, 999_500, 0.6911983517387438],
    [1_000_000.5, 1_000_500, 0.3086255422318181],
    [1_000_000.5, 1_007_500, 3.6833209283356164e-14],
    [5_000_000, 5_015_000, 1.0303501300675824e-11],
  ];
  for (const [a, x, expected] of known) assertClose(gammaQ(a, x), expected, 1e-12, 0, `Q(${a}, ${x})`);
  assert.is(gammaQ(1e6 + 0.5, 1_040_000) < 1e-300, true);
});

test("gammaQ: the ends of the axis", () => {
  for (const a of [1e-6, 0.5, 100, 1e7]) {
    assert.is(gammaQ(a, 0), 1);
    assert.is(gammaP(a, 0), 0);
    assert.is(gammaQ(a, Infinity), 0);
    assert.is(gammaP(a, Infinity), 1);
    assert.is(gammaQ(a, 1e308), 0);
    assert.is(gammaP(a, 1e308), 1);
  }
  assert.is(gammaQ(1e7, 1e-300), 1);
});

test.run();
