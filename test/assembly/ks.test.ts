import { test } from "uvu";
import * as assert from "uvu/assert";
import { ksNumerator, ksNumeratorOfCounts, sortValues } from "./oracle.js";
import { get, guard, isGuardWhole, kernels, memory, place, put, random } from "./support.js";

/** Numerators that steps of several lengths find; all the same. */
function fromKeys(reference: readonly bigint[], current: readonly bigint[]): bigint {
  put("u64", place.values, sortValues(reference));
  put("u64", place.others, sortValues(current));
  const found = [1, 2, 7, 100_000].map((keysMax) => inSteps(reference.length, current.length, keysMax));
  assert.equal(new Set(found).size, 1, `${found}`);
  return found[0]!;
}

function inSteps(n: number, m: number, keysMax: number): bigint {
  guard(place.out, 48);
  put("u64", place.out, [0n, 0n, 0n, 0n, 0n]);
  put("u32", place.out + 40, [n, m]);
  let steps = 0;
  let isMore = true;
  while (isMore) {
    isMore = kernels.ksStepKeys(place.values, n, place.others, m, keysMax, place.out) !== 0;
    steps += 1;
    assert.ok(steps <= Math.ceil(n / keysMax) + Math.ceil(m / keysMax) + 1, "steps without end");
  }
  assert.ok(isGuardWhole(place.out, 48), "guard bytes overwritten");
  return new BigUint64Array(memory.buffer, place.out, 2)[1]!;
}

function fromCounts(reference: readonly number[], current: readonly number[]): number[] {
  put("f64", place.values, reference);
  put("f64", place.others, current);
  guard(place.out, 24);
  kernels.ksFromCounts(place.values, place.others, reference.length, place.out);
  assert.ok(isGuardWhole(place.out, 24), "guard bytes overwritten");
  return get("f64", place.out, 3) as number[];
}

test("from sorted keys: with ties within and across the samples, every pair of small sizes", () => {
  const next = random(37);
  for (let n = 0; n <= 12; n++) {
    for (let m = 0; m <= 12; m++) {
      for (const kinds of [1, 3, 20]) {
        const draw = () => BigInt(Math.floor(next() * kinds));
        const reference = Array.from({ length: n }, draw);
        const current = Array.from({ length: m }, draw);
        const expected = n === 0 || m === 0 ? 0n : ksNumerator(reference, current);
        assert.is(fromKeys(reference, current), expected, `${reference} against ${current}`);
      }
    }
  }
});

test("from sorted keys: a few hundred, unequal sizes", () => {
  const next = random(41);
  for (const [n, m] of [
    [300, 17],
    [1, 400],
    [250, 250],
  ] as const) {
    const reference = Array.from({ length: n }, () => BigInt(Math.floor(next() * 90)));
    const current = Array.from({ length: m }, () => BigInt(Math.floor(next() * 100)));
    assert.is(fromKeys(reference, current), ksNumerator(reference, current));
  }
});

test("from sorted keys: keys compare as unsigned over all 64 bits", () => {
  const low = [0n, 1n, 2n ** 63n - 1n];
  const high = [2n ** 63n, 2n ** 64n - 2n, 2n ** 64n - 1n];
  assert.is(fromKeys(low, high), 9n);
  assert.is(fromKeys(high, low), 9n);
  assert.is(fromKeys(high, high), 0n);
});

test("from sorted keys: runs of every length up to 70, galloped over", () => {
  for (let run = 1; run <= 70; run++) {
    const reference = [...Array<bigint>(run).fill(5n), 6n, 9n];
    const current = [...Array<bigint>(71 - run).fill(5n), ...Array<bigint>(run).fill(9n)];
    assert.is(fromKeys(reference, current), ksNumerator(reference, current), `${run}`);
  }
});

test("from counts: against the definition in bigint, with empty bins", () => {
  const next = random(43);
  for (let bins = 0; bins <= 40; bins++) {
    const draw = () => (next() < 0.3 ? 0 : Math.floor(next() * 1e6));
    const reference = Array.from({ length: bins }, draw);
    const current = Array.from({ length: bins }, draw);
    const [numerator, n, m] = fromCounts(reference, current);
    assert.is(numerator, Number(ksNumeratorOfCounts(reference, current)));
    assert.is(
      n,
      reference.reduce((sum, count) => sum + count, 0),
    );
    assert.is(
      m,
      current.reduce((sum, count) => sum + count, 0),
    );
  }
});

test("from counts: beyond 2^53 the products round, by a few units in the last place", () => {
  const reference = [2 ** 40 + 1, 2 ** 41 + 3, 7];
  const current = [2 ** 39 + 5, 1, 2 ** 42 + 9];
  const [numerator] = fromCounts(reference, current);
  const exact = Number(ksNumeratorOfCounts(reference, current));
  assert.ok(Math.abs(numerator! - exact) <= 4 * 2 ** -52 * exact, `${numerator} and ${exact}`);
});

test.run();
