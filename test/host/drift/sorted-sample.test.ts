import { test } from "uvu";
import * as assert from "uvu/assert";
import { keyOfFloat, SortedSample, valueOfKey } from "../../../src/host/drift/sorted-sample.js";
import { sortSteps } from "../../../src/host/kernels/sort-steps.js";
import { type NumericType, numericTypes } from "../../../src/host/kernels/types.js";
import { allPresent, countByEdges, presentValues, sortValues, type Value } from "../../assembly/oracle.js";
import {
  edgesOf,
  hardValues,
  kernels,
  memory,
  mixedValues,
  place,
  put,
  random,
} from "../../assembly/support.js";

/** Values through the kernels: keys, sorted. */
function sampleOf(type: NumericType, values: readonly Value[]): SortedSample {
  const name = `keysFrom${type.toUpperCase() as Uppercase<NumericType>}` as const;
  put(type, place.values, values);
  const count = kernels[name](place.values, values.length, 0, 0, place.out);
  for (const _ of sortSteps(kernels, memory, place.out, count, place.scratch, place.edges));
  return new SortedSample(memory, place.out, count, type);
}

function finite(values: readonly Value[]): Value[] {
  return values.filter((value) => typeof value === "bigint" || Number.isFinite(value));
}

for (const type of numericTypes) {
  test(`${type}: every value behind its key, and the finite ones in order`, () => {
    const next = random(113);
    for (const count of [0, 1, 5, 200]) {
      const values = mixedValues(type, count, next);
      const sample = sampleOf(type, values);
      const present = sortValues(presentValues(values, allPresent));
      assert.is(sample.count, present.length);
      const decoded = Array.from(sample.keys, (key) => valueOfKey(key, type));
      assert.ok(
        decoded.every((value, i) => Object.is(value, present[i])),
        `${decoded.map(String)}`,
      );
      const expected = finite(present);
      assert.is(sample.finiteCount, expected.length);
      assert.is(sample.nonFiniteCount, present.length - expected.length);
      assert.equal(
        expected.map((_, rank) => sample.finiteAt(rank)),
        expected,
      );
    }
  });

  test(`${type}: counts per bin as the counting kernel has them`, () => {
    const next = random(127);
    const values = [...mixedValues(type, 300, next), ...hardValues(type)];
    for (const edgeCount of [0, 1, 5, 40]) {
      const edges = edgesOf(type, edgeCount, next);
      const counts = sampleOf(type, values).binCounts(edges);
      assert.equal(counts, countByEdges(values, allPresent, edges).slice(0, edgeCount + 1));
    }
  });
}

test("nothing but infinities", () => {
  const sample = sampleOf("f32", [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ]);
  assert.equal([sample.finiteFrom, sample.finiteTo, sample.finiteCount, sample.nonFiniteCount], [1, 1, 0, 3]);
});

test("keys of floats follow their order, -0 as 0", () => {
  const values = sortValues(hardValues("f64").filter((value) => !Number.isNaN(value))) as number[];
  const keys = values.map(keyOfFloat);
  assert.ok(keys.every((key, i) => i === 0 || keys[i - 1]! <= key));
  assert.is(keyOfFloat(-0), keyOfFloat(0));
  assert.ok(values.every((value, i) => value === valueOfKey(keys[i]!, "f64")));
});

test.run();
