import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bytesOf,
  isWideInteger,
  type NumericType,
  numericTypes,
  rangeOf,
} from "../../src/host/kernels/types.js";
import { allPresent, countByEdges, type Value } from "./oracle.js";
import {
  edgesOf,
  guard,
  hardValues,
  isGuardWhole,
  kernels,
  memory,
  memoryEnd,
  mixedValues,
  place,
  put,
  putValidity,
  random,
  words,
} from "./support.js";

const edgeCounts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 64, 65, 255, 300];

type Upper = Uppercase<NumericType>;

/** The two kernels that count by edges: what they take for edges. */
const kinds = [
  {
    name: "compares",
    count: (type: NumericType, ...args: Parameters<typeof kernels.countByEdgesF32>) =>
      kernels[`countByEdges${type.toUpperCase() as Upper}`](...args),
    edgesPtr: place.edges,
  },
  {
    name: "cells",
    count: (type: NumericType, ...args: Parameters<typeof kernels.countByEdgesF32>) =>
      kernels[`countByCells${type.toUpperCase() as Upper}`](...args),
    edgesPtr: place.scratch,
  },
];

/** Puts edges, and the cell table over them. */
function putEdges(type: NumericType, edges: readonly Value[]): void {
  put(type, place.edges, edges);
  kernels[`buildCellTable${type.toUpperCase() as Upper}`](place.edges, edges.length, place.scratch);
}

/** Edge lists of a type: random ones, and ones that begin and end with the lowest and the highest value there is. */
function edgeLists(type: NumericType, next: () => number): Value[][] {
  const { lowest, highest } = rangeOf(type);
  const lists = edgeCounts.map((count) => edgesOf(type, count, next));
  const between = edgesOf(type, 6, next).filter((edge) => edge > lowest && edge < highest);
  return [...lists, [lowest], [highest], [lowest, highest], [lowest, ...between, highest]];
}

/** Finite draws around 0 or above it, some over twenty powers of ten. */
const shapes: Readonly<Record<string, (next: () => number) => number>> = {
  uniform: (next) => next(),
  "log-normal": (next) => Math.exp(6 * (next() + next() + next() - 1.5)),
  "heavy on both sides": (next) => Math.tan(3.14 * (next() - 0.5)),
  "heavy below": (next) => -((next() + 1e-7) ** -2),
  "two clusters": (next) => (next() < 0.5 ? 1e-9 * next() : 1e9 + next()),
};

/** A draw as the type holds it: integers spread over their range. */
function typedValue(type: NumericType, drawn: number): Value {
  const { lowest, highest } = rangeOf(type);
  if (type === "f32") return Math.fround(drawn);
  if (type === "f64") return drawn;
  const whole = Math.round(drawn * 1000);
  if (isWideInteger(type)) return BigInt(Math.max(Number(lowest) / 2, Math.min(Number(highest) / 2, whole)));
  return Math.max(Number(lowest), Math.min(Number(highest), whole));
}

/** Compares with the oracle, the guards around the counts included. */
function check(
  type: NumericType,
  values: { ptr: number; count: number },
  validity: { ptr: number; bitOffset: number },
  edgeCount: number,
  expected: readonly number[],
): void {
  const countBytes = kernels.countWorkBytes(edgeCount) >>> 0;
  for (const { name, count, edgesPtr } of kinds) {
    guard(place.out, countBytes);
    count(type, values.ptr, values.count, validity.ptr, validity.bitOffset, edgesPtr, edgeCount, place.out);
    const found = new Uint32Array(memory.buffer, place.out, edgeCount + 3);
    const isSame = expected.every((held, bin) => found[bin] === held) && isGuardWhole(place.out, countBytes);
    if (isSame) continue;
    const what = `${values.count} ${type} at ${values.ptr}, ${edgeCount} edges, validity ${JSON.stringify(validity)}, ${name}`;
    assert.equal(Array.from(found), expected, what);
    assert.unreachable(`guard bytes overwritten: ${what}`);
  }
}

/** Where the pool of values stands with this alignment: 4 KiB apart, each a value further off a multiple of 16. */
function alignedPtr(type: NumericType, alignment: number): number {
  return place.values + alignment * (4_096 + bytesOf(type));
}

for (const type of numericTypes) {
  test(`${type}: every length at every alignment and bit offset`, () => {
    const next = random(7);
    const lanes = 16 / bytesOf(type);
    const lengthMax = 4 * lanes + 1;
    const pool = mixedValues(type, lengthMax, next);
    const validityPtr = place.validity + 3;
    const presenceFrom = putValidity(validityPtr, 16, next);
    for (let alignment = 0; alignment < lanes; alignment++) put(type, alignedPtr(type, alignment), pool);
    for (const edges of edgeLists(type, next)) {
      putEdges(type, edges);
      for (let count = 0; count <= lengthMax; count++) {
        for (let bitOffset = -1; bitOffset < 16; bitOffset++) {
          const isMasked = bitOffset >= 0;
          const present = isMasked ? presenceFrom(bitOffset) : allPresent;
          const expected = countByEdges(pool.slice(0, count), present, edges);
          const validity = { ptr: isMasked ? validityPtr : 0, bitOffset: Math.max(0, bitOffset) };
          for (let alignment = 0; alignment < lanes; alignment++) {
            check(type, { ptr: alignedPtr(type, alignment), count }, validity, edges.length, expected);
          }
        }
      }
    }
  });

  test(`${type}: a few thousand values, over the borders of tiles and lane counters`, () => {
    const next = random(11);
    const tile = 16_384 / bytesOf(type);
    const counts = [255 * 16, 255 * 16 + 1, tile - 1, tile, tile + 1, 3 * tile + 5].filter(
      (count) => count <= 9_000,
    );
    const pool = mixedValues(type, Math.max(...counts), next);
    const presenceFrom = putValidity(place.validity, 2_048, next);
    put(type, place.values, pool);
    for (const edgeCount of [0, 1, 9, 64, 65, 300]) {
      const edges = edgesOf(type, edgeCount, next);
      putEdges(type, edges);
      for (const count of counts) {
        const held = pool.slice(0, count);
        const values = { ptr: place.values, count };
        check(type, values, { ptr: 0, bitOffset: 0 }, edgeCount, countByEdges(held, allPresent, edges));
        const expected = countByEdges(held, presenceFrom(5), edges);
        check(type, values, { ptr: place.validity, bitOffset: 5 }, edgeCount, expected);
      }
    }
  });

  test(`${type}: one value, many times, fills every lane counter`, () => {
    const count = 5_000;
    for (const value of hardValues(type)) {
      put(type, place.values, new Array<Value>(count).fill(value));
      const edges = hardValues(type).filter((edge) => edge === value && Number.isFinite(Number(edge)));
      putEdges(type, edges.slice(0, 1));
      const expected = countByEdges(new Array<Value>(count).fill(value), allPresent, edges.slice(0, 1));
      check(
        type,
        { ptr: place.values, count },
        { ptr: 0, bitOffset: 0 },
        Math.min(1, edges.length),
        expected,
      );
    }
  });

  test(`${type}: quantiles of smooth, heavy-tailed and clustered values, whatever map tells their cells`, () => {
    for (const [shape, draw] of Object.entries(shapes)) {
      const next = random(19);
      const count = 3_000;
      const pool = Array.from({ length: count }, () => typedValue(type, draw(next)));
      const sorted = [...pool].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
      for (const edgeCount of [30, 255]) {
        const quantile = (j: number) => sorted[Math.ceil(((j + 1) * count) / (edgeCount + 1)) - 1]!;
        const edges = [...new Set(Array.from({ length: edgeCount }, (_, j) => quantile(j)))];
        put(type, place.values, pool);
        putEdges(type, edges);
        const values = { ptr: place.values, count };
        const expected = countByEdges(pool, allPresent, edges);
        assert.is(
          expected.slice(0, edges.length + 1).reduce((sum, held) => sum + held),
          count,
          shape,
        );
        check(type, values, { ptr: 0, bitOffset: 0 }, edges.length, expected);
        const presence = putValidity(place.validity, 512, next)(3);
        const masked = countByEdges(pool, presence, edges);
        check(type, values, { ptr: place.validity, bitOffset: 3 }, edges.length, masked);
      }
    }
  });

  test(`${type}: not a byte is read beyond the values or the validity`, () => {
    const next = random(13);
    const edges = edgesOf(type, 5, next);
    putEdges(type, edges);
    // A read beyond the end of the memory traps.
    for (let count = 0; count <= 40; count++) {
      const pool = mixedValues(type, count, next);
      const atEnd = put(type, memoryEnd - count * bytesOf(type), pool);
      const expected = countByEdges(pool, allPresent, edges);
      check(type, { ptr: atEnd, count }, { ptr: 0, bitOffset: 0 }, edges.length, expected);
      put(type, place.values, pool);
      for (let bitOffset = 0; bitOffset < 8; bitOffset++) {
        const byteLength = (bitOffset + count + 7) >>> 3;
        const presence = putValidity(memoryEnd - byteLength, byteLength, next)(bitOffset);
        const validity = { ptr: memoryEnd - byteLength, bitOffset };
        const masked = countByEdges(pool, presence, edges);
        check(type, { ptr: place.values, count }, validity, edges.length, masked);
      }
    }
  });

  test(`${type}: the inputs stay as they are`, () => {
    const next = random(17);
    const ptrs = [place.values, place.edges, place.validity];
    put(type, place.values, mixedValues(type, 100, next));
    putEdges(type, edgesOf(type, 9, next));
    putValidity(place.validity, 16, next);
    const before = ptrs.map((ptr) => words(ptr, 200));
    for (const { count, edgesPtr } of kinds) {
      count(type, place.values, 100, place.validity, 3, edgesPtr, 9, place.out);
    }
    assert.equal(
      ptrs.map((ptr) => words(ptr, 200)),
      before,
    );
  });
}

test("the slots sum to the rows, and infinities are in the tails too", () => {
  const values = [Number.NEGATIVE_INFINITY, -1, -0, 0, 2, Number.NaN, Number.POSITIVE_INFINITY, 5e-324];
  put("f64", place.values, values);
  put("f64", place.edges, [0, 2]);
  kernels.countByEdgesF64(place.values, values.length, 0, 0, place.edges, 2, place.out);
  // below 0: -Infinity, -1; [0, 2): -0, 0, 5e-324; from 2: 2, Infinity; NaN missing; two infinities
  assert.equal(words(place.out, 5), [2, 3, 2, 1, 2]);
});

test.run();
