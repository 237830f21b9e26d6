import { test } from "uvu";
import * as assert from "uvu/assert";
import * as complex from "../../../../src/host/drift/distributions/complex.js";
import { assertClose } from "./golden.js";

const a = { re: 3, im: -2 };
const b = { re: -1, im: 4 };

test("the field operations", () => {
  assert.equal(complex.add(a, b), { re: 2, im: 2 });
  assert.equal(complex.subtract(a, b), { re: 4, im: -6 });
  assert.equal(complex.multiply(a, b), { re: 5, im: 14 });
  assert.equal(complex.scale(a, -2), { re: -6, im: 4 });
  assert.equal(complex.divide(complex.multiply(a, b), b), a);
});

test("exponential: Euler", () => {
  const minusOne = complex.exponential({ re: 0, im: Math.PI });
  assertClose(minusOne.re, -1, 1e-15, 0, "re");
  assertClose(minusOne.im, 0, 0, 1e-15, "im");
  assertClose(complex.exponential({ re: 2, im: 0 }).re, Math.exp(2), 1e-15, 0, "real");
});

test("polynomial: Horner against powers", () => {
  assert.equal(complex.polynomial([], a), { re: 0, im: 0 });
  assert.equal(complex.polynomial([7], a), { re: 7, im: 0 });
  const square = complex.multiply(a, a);
  const expected = complex.add({ re: 5, im: 0 }, complex.add(complex.scale(a, -1), complex.scale(square, 2)));
  assert.equal(complex.polynomial([5, -1, 2], a), expected);
});

test.run();
