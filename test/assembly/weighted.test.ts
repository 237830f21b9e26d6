import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import { Kernels, type WeightedVector, weightedEntryBytes } from "../../src/host/kernels/kernels.js";
import { bytesOf } from "../../src/host/kernels/types.js";
import { weightedVectorsMax } from "../../src/limits.js";
import {
  get,
  guard,
  isGuardWhole,
  kernels,
  memory,
  memoryEnd,
  mixedValues,
  place,
  put,
  random,
} from "./support.js";
import { weightedSum } from "./vectors-oracle.js";

type FloatType = "f32" | "f64";
const rounding = { f32: Math.fround, f64: (x: number) => x };
const wrapped = new Kernels(kernels, memory);
/** Four registers of f32 twice, and one element. */
const lengthMax = 33;
const weights = [0.5, -1.25, 0.1, 1e-3, 3, -0, 1 / 3, 0.7];

function textOf(values: readonly number[]): string {
  return values.map((value) => (Object.is(value, -0) ? "-0" : String(value))).join(" ");
}

function drawn(type: FloatType, count: number, next: () => number, isTame: boolean): number[] {
  if (!isTame) return mixedValues(type, count, next) as number[];
  return Array.from({ length: count }, () => rounding[type](next() * 4 - 2));
}

/** One region a vector, each at an alignment of its own. */
function placesOf(type: FloatType, vectorCount: number, alignment: number): number[] {
  const width = bytesOf(type);
  return Array.from(
    { length: vectorCount },
    (_, k) => place.values + k * 1_024 + ((alignment + k) % (16 / width)) * width,
  );
}

for (const type of ["f32", "f64"] as const) {
  test(`${type}: every number of vectors, length and alignment, apart and over each of them`, () => {
    const next = random(131);
    const width = bytesOf(type);
    for (let vectorCount = 1; vectorCount <= weightedVectorsMax; vectorCount++) {
      for (let count = 0; count <= lengthMax; count++) {
        const vectors = Array.from({ length: vectorCount }, () => drawn(type, count, next, count % 3 !== 0));
        const expected = weightedSum(vectors, weights, rounding[type]);
        for (let alignment = 0; alignment < 16 / width; alignment++) {
          const ptrs = placesOf(type, vectorCount, alignment);
          const terms = ptrs.map((ptr, k): WeightedVector => ({ ptr, weight: weights[k]! }));
          const outPtr = place.out + alignment * width;
          for (const intoPtr of [outPtr, ptrs[(count + alignment) % vectorCount]!]) {
            guard(intoPtr, count * width);
            guard(place.scratch, vectorCount * weightedEntryBytes);
            vectors.forEach((vector, k) => {
              put(type, ptrs[k]!, vector);
            });
            const isAllFinite = wrapped.weightedSum(type, terms, count, place.scratch, intoPtr);
            const what = `${vectorCount} vectors of ${count}, over one of them: ${intoPtr !== outPtr}`;
            assert.is(textOf(get(type, intoPtr, count) as number[]), textOf(expected), what);
            assert.is(isAllFinite, expected.every(Number.isFinite), `${what}: finite flag`);
            assert.ok(isGuardWhole(intoPtr, count * width), `${what}: guard bytes overwritten`);
            assert.ok(isGuardWhole(place.scratch, vectorCount * weightedEntryBytes), "beyond the table");
            ptrs.forEach((ptr, k) => {
              if (ptr !== intoPtr)
                assert.is(textOf(get(type, ptr, count) as number[]), textOf(vectors[k]!), what);
            });
          }
        }
      }
    }
  });

  test(`${type}: a single element that is not finite is told, in every vector and place`, () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (let count = 1; count <= 19; count++) {
        for (let at = 0; at < count; at++) {
          const ptrs = placesOf(type, 3, 0);
          ptrs.forEach((ptr, k) => {
            const ones = new Array<number>(count).fill(1);
            put(type, ptr, k === at % 3 ? ones.with(at, bad) : ones);
          });
          const terms = ptrs.map((ptr) => ({ ptr, weight: 0.5 }));
          assert.is(wrapped.weightedSum(type, terms, count, place.scratch, place.out), false);
        }
      }
    }
  });

  test(`${type}: not a byte is read or written beyond the vectors; one vector may stand twice`, () => {
    for (let count = 1; count <= 20; count++) {
      const end = put(type, memoryEnd - count * bytesOf(type), new Array<number>(count).fill(2));
      const terms = [
        { ptr: end, weight: 0.25 },
        { ptr: end, weight: 1 },
      ];
      assert.is(wrapped.weightedSum(type, terms, count, place.scratch, end), true);
      assert.equal(get(type, end, count), new Array<number>(count).fill(2.5));
    }
  });

  test(`${type}: no vector, too many, out of bounds, out of line, or a table in the way: refused`, () => {
    const term = { ptr: place.values, weight: 1 };
    const refused = (terms: readonly WeightedVector[], tablePtr: number, outPtr: number, what: string) => {
      try {
        wrapped.weightedSum(type, terms, 8, tablePtr, outPtr);
      } catch (thrown) {
        assert.ok(thrown instanceof MendlineError, String(thrown));
        assert.is((thrown as MendlineError).code, "MENDLINE_KERNEL_BOUNDS", what);
        return;
      }
      assert.unreachable(`${what}: not refused`);
    };
    wrapped.weightedSum(type, new Array(weightedVectorsMax).fill(term), 8, place.scratch, place.out);
    refused([], place.scratch, place.out, "no vector");
    refused(new Array(weightedVectorsMax + 1).fill(term), place.scratch, place.out, "too many");
    refused([term, { ptr: memoryEnd - 8, weight: 1 }], place.scratch, place.out, "vector beyond the end");
    refused([term, { ptr: place.values + 2, weight: 1 }], place.scratch, place.out, "vector out of line");
    refused([term], place.scratch + 4, place.out, "table out of line");
    refused([term], memoryEnd, place.out, "table beyond the end");
    refused([term], place.out, place.out, "table in out");
    refused([term], place.values, place.out, "table in a vector");
    refused([term], place.scratch, memoryEnd - 8, "out beyond the end");
  });
}

test.run();
