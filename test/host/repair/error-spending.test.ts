import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normalIsf, normalSf } from "../../../src/host/drift/distributions/index.js";
import { crossingAfter, type PastLook, tailOfLook } from "../../../src/host/repair/error-spending.js";
import { Random } from "../../../src/host/repair/random.js";

/** Looks at the same question, at these shares of the rows. @param spentAt  cumulated, by the share */
function boundariesOf(shares: readonly number[], spentAt: (share: number) => number): number[] {
  const looks: PastLook[] = [];
  for (const [index, share] of shares.entries()) {
    const before = shares[index - 1] ?? 0;
    const correlation = Math.sqrt(before / share);
    const spent = spentAt(share) - (index === 0 ? 0 : spentAt(before));
    looks.push({ tail: tailOfLook(looks, correlation, spent), correlation });
  }
  return looks.map(({ tail }) => normalIsf(tail));
}

/** Of equally spaced looks with given boundaries. */
function errorOf(boundaries: readonly number[]): number {
  const looks: PastLook[] = [];
  let error = 0;
  for (const [index, boundary] of boundaries.entries()) {
    const correlation = Math.sqrt(index / (index + 1));
    error += index === 0 ? normalSf(boundary) : crossingAfter(looks, correlation)(boundary);
    looks.push({ tail: normalSf(boundary), correlation });
  }
  return error;
}

const fifths = [0.2, 0.4, 0.6, 0.8, 1];

/** Lan, DeMets 1983, as their program and R's ldbounds (Casper, Cook, Perez) print them for alpha 0.05 two-sided. */
test("spending functions like O'Brien and Fleming's and like Pocock's: the published boundaries of five looks", () => {
  const alpha = 0.025;
  const likeOBrien = (share: number) => 2 * normalSf(normalIsf(alpha / 2) / Math.sqrt(share));
  const likePocock = (share: number) => alpha * Math.log(1 + (Math.E - 1) * share);
  for (const [spentAt, published] of [
    [likeOBrien, [4.877, 3.357, 2.68, 2.29, 2.031]],
    [likePocock, [2.438, 2.427, 2.41, 2.397, 2.386]],
  ] as const)
    boundariesOf(fifths, spentAt).forEach((boundary, look) => {
      assert.ok(Math.abs(boundary - published[look]!) < 6e-4, `look ${look + 1}: ${boundary}`);
    });
});

/** Jennison, Turnbull 2000, tables 2.1 and 2.3, alpha 0.05 two-sided: one side of them errs half as often. */
test("Pocock's constants, and O'Brien and Fleming's, of 2 to 10 looks err in 2.5 % on one side", () => {
  for (const [looks, pocock, oBrien] of [
    [2, 2.178, 1.977],
    [3, 2.289, 2.004],
    [5, 2.413, 2.04],
    [10, 2.555, 2.087],
  ] as const) {
    const flat = Array.from({ length: looks }, () => pocock);
    const falling = flat.map((_, look) => oBrien * Math.sqrt(looks / (look + 1)));
    for (const [name, boundaries] of Object.entries({ flat, falling }))
      assert.ok(Math.abs(errorOf(boundaries) - 0.025) < 1e-4, `${looks} ${name}: ${errorOf(boundaries)}`);
  }
});

test("orthants: P(X < 0, Y > 0) is 1/4 - asin(correlation) / 2 pi", () => {
  for (const correlation of [0.05, 0.3, 0.5, 0.8, 0.95, 0.99]) {
    const spent = 0.25 - Math.asin(correlation) / (2 * Math.PI);
    const tail = tailOfLook([{ tail: 0.5, correlation: 0 }], correlation, spent);
    assert.ok(Math.abs(tail - 0.5) < 5e-6, `${correlation}: ${tail}`);
  }
});

test("looks that are drawn cross as often as they spend", () => {
  const looks: PastLook[] = [];
  const spent = [0.02, 0.03, 0.01, 0.04];
  const correlations = [0, 0.6, 0.9, 0.3];
  for (const [index, correlation] of correlations.entries())
    looks.push({ tail: tailOfLook(looks, correlation, spent[index]!), correlation });
  const boundaries = looks.map(({ tail }) => normalIsf(tail));
  const random = new Random(7);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());
  const crossed = spent.map(() => 0);
  const draws = 200_000;
  for (let draw = 0; draw < draws; draw++) {
    let value = 0;
    for (const [index, correlation] of correlations.entries()) {
      value = correlation * value + Math.sqrt(1 - correlation ** 2) * normal();
      if (value <= boundaries[index]!) continue;
      crossed[index]! += 1;
      break;
    }
  }
  for (const [index, share] of spent.entries()) {
    const error = Math.sqrt((share * (1 - share)) / draws);
    assert.ok(Math.abs(crossed[index]! / draws - share) < 4 * error, `look ${index}: ${crossed[index]}`);
  }
});

test("a tail is never less than what is spent, and grows with what looks have in common", () => {
  const share = fc.double({ min: 0.001, max: 0.02, noNaN: true });
  fc.assert(
    fc.property(fc.array(share, { minLength: 1, maxLength: 4 }), share, (tails, spent) => {
      const earlier = tails.map((tail, index) => ({ tail, correlation: 0.5 + 0.1 * index }));
      let before = tailOfLook(earlier, 0, spent);
      assert.is(before, spent);
      assert.is(tailOfLook(earlier, -0.5, spent), spent);
      for (const correlation of [0.2, 0.5, 0.8, 0.9, 1]) {
        const tail = tailOfLook(earlier, correlation, spent);
        assert.ok(tail >= before - 1e-7 && tail < 0.5, `${correlation}: ${tail} after ${before}`);
        before = tail;
      }
    }),
    { numRuns: 20 },
  );
});

test("without a look before it a look takes what it spends", () => {
  assert.is(tailOfLook([], 0.7, 0.025), 0.025);
});

test.run();
