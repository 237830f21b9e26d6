import { test } from "uvu";
import * as assert from "uvu/assert";
import { compareWords } from "../../src/host/kernels/kernels.js";
import { bytesOf } from "../../src/host/kernels/types.js";
import { blend, compareVectors, scale, subtract } from "./oracle.js";
import {
  get,
  guard,
  hardValues,
  isGuardWhole,
  kernels,
  memory,
  memoryEnd,
  mixedValues,
  place,
  put,
  random,
} from "./support.js";

type FloatType = "f32" | "f64";
const rounding = { f32: Math.fround, f64: (x: number) => x };
const lengthMax = 33;

function bitsOf(type: FloatType, ptr: number, count: number): string {
  const values = get(type, ptr, count) as number[];
  // NaN is NaN, whatever its payload: the standard leaves it open.
  return values.map((value) => (Object.is(value, -0) ? "-0" : String(value))).join(" ");
}

function textOf(values: readonly number[]): string {
  return values.map((value) => (Object.is(value, -0) ? "-0" : String(value))).join(" ");
}

/** Runs a kernel into a guarded output, and in place over either input; all must equal `expected` bit by bit. */
function check(
  type: FloatType,
  { source, target }: { source: readonly number[]; target: readonly number[] },
  run: (sourcePtr: number, targetPtr: number, outPtr: number) => number,
  expected: readonly number[],
  alignment: number,
  what: string,
): void {
  const count = source.length;
  const width = bytesOf(type);
  const sourcePtr = place.values + alignment * width;
  const targetPtr = place.others + ((alignment * 3) % 4) * width;
  const outPtr = place.out + ((alignment + 1) % 4) * width;
  for (const intoPtr of [outPtr, sourcePtr, targetPtr]) {
    guard(intoPtr, count * width);
    put(type, sourcePtr, source);
    put(type, targetPtr, target);
    const finiteFlag = run(sourcePtr, targetPtr, intoPtr);
    const where = intoPtr === outPtr ? "apart" : intoPtr === sourcePtr ? "over source" : "over target";
    assert.is(bitsOf(type, intoPtr, count), textOf(expected), `${what}, ${count} values, ${where}`);
    assert.is(finiteFlag !== 0, expected.every(Number.isFinite), `${what}: finite flag`);
    assert.ok(isGuardWhole(intoPtr, count * width), `${what}: guard bytes overwritten`);
    if (intoPtr !== sourcePtr)
      assert.is(bitsOf(type, sourcePtr, count), textOf(source), `${what}: source changed`);
    if (intoPtr !== targetPtr)
      assert.is(bitsOf(type, targetPtr, count), textOf(target), `${what}: target changed`);
  }
}

function vectors(type: FloatType, count: number, next: () => number, isTame: boolean) {
  const draw = () =>
    isTame
      ? Array.from({ length: count }, () => rounding[type](next() * 4 - 2))
      : (mixedValues(type, count, next) as number[]);
  return { source: draw(), target: draw() };
}

const factors = [0, 1, -1, 0.5, 0.3, 1.1, 1e-40, 1e30, -0];

const runs = {
  f32: { subtract: kernels.subtractF32, scale: kernels.scaleF32, blend: kernels.blendF32 },
  f64: { subtract: kernels.subtractF64, scale: kernels.scaleF64, blend: kernels.blendF64 },
} as const;

for (const type of ["f32", "f64"] as const) {
  test(`subtract, scale and blend in ${type}: every step rounded`, () => {
    const next = random(61);
    const { subtract: subtractIn, scale: scaleIn, blend: blendIn } = runs[type];
    const round = rounding[type];
    for (let count = 0; count <= lengthMax; count++) {
      for (const isTame of [true, false]) {
        const pair = vectors(type, count, next, isTame);
        const { source, target } = pair;
        for (let alignment = 0; alignment < 4; alignment++) {
          const factor = factors[(count + alignment) % factors.length]!;
          check(
            type,
            pair,
            (s, t, out) => subtractIn(s, t, count, out),
            subtract(source, target, round),
            alignment,
            "subtract",
          );
          check(
            type,
            pair,
            (s, _, out) => scaleIn(s, count, factor, out),
            scale(source, factor, round),
            alignment,
            `scale ${factor}`,
          );
          check(
            type,
            pair,
            (s, t, out) => blendIn(s, t, count, factor, out),
            blend(source, target, factor, round),
            alignment,
            `blend ${factor}`,
          );
        }
      }
    }
  });
}

test("the finite flag finds a single bad element wherever it stands", () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    for (let count = 1; count <= 17; count++) {
      for (let at = 0; at < count; at++) {
        const source = new Array<number>(count).fill(1);
        source[at] = bad;
        put("f32", place.values, source);
        put("f32", place.others, new Array<number>(count).fill(2));
        assert.is(kernels.subtractF32(place.values, place.others, count, place.out), 0);
        assert.is(kernels.scaleF32(place.values, count, 2, place.out), 0);
        assert.is(kernels.blendF32(place.values, place.others, count, 0.5, place.out), 0);
        put("f64", place.values, source);
        put("f64", place.others, new Array<number>(count).fill(2));
        assert.is(kernels.subtractF64(place.values, place.others, count, place.out), 0);
        assert.is(kernels.scaleF64(place.values, count, 2, place.out), 0);
        assert.is(kernels.blendF64(place.values, place.others, count, 0.5, place.out), 0);
      }
    }
  }
});

test("an overflow on the way is told too", () => {
  const most = Math.fround(3.4028234663852886e38);
  put("f32", place.values, [most]);
  put("f32", place.others, [-most]);
  assert.is(kernels.subtractF32(place.values, place.others, 1, place.out), 0);
  assert.is(kernels.scaleF32(place.values, 1, 2, place.out), 0);
  assert.is(kernels.blendF32(place.values, place.others, 1, 0.5, place.out), 0);
});

test("scale 0 keeps the source, scale 1 of equal vectors too", () => {
  const source = hardValues("f32").filter(
    (value) => Number.isFinite(value) && !Object.is(value, -0),
  ) as number[];
  put("f32", place.values, source);
  put("f32", place.others, new Array<number>(source.length).fill(0));
  kernels.blendF32(place.values, place.others, source.length, 0, place.out);
  assert.is(bitsOf("f32", place.out, source.length), textOf(source));
  kernels.blendF32(place.values, place.values, source.length, 1, place.out);
  assert.is(bitsOf("f32", place.out, source.length), textOf(source));
});

for (const type of ["f32", "f64"] as const) {
  test(`compare vectors in ${type}: every length and alignment`, () => {
    const next = random(71);
    const kernel = type === "f32" ? kernels.compareVectorsF32 : kernels.compareVectorsF64;
    for (let count = 0; count <= lengthMax; count++) {
      // Small multiples of 1/8: the sums are exact in any order.
      const draw = () => Array.from({ length: count }, () => Math.floor(next() * 64) / 8 - 4);
      const source = draw();
      const target = draw().map((value, i) => (next() < 0.3 ? source[i]! : value));
      for (let alignment = 0; alignment < 16 / bytesOf(type); alignment++) {
        const sourcePtr = put(type, place.values + alignment * bytesOf(type), source);
        const targetPtr = put(type, place.others, target);
        guard(place.out, compareWords * 8);
        kernel(sourcePtr, targetPtr, count, place.out);
        assert.equal(get("f64", place.out, compareWords), compareVectors(source, target), `${count} values`);
        assert.ok(isGuardWhole(place.out, compareWords * 8), "guard bytes overwritten");
      }
    }
  });

  test(`compare vectors in ${type}: summed in doubles, NaN differs from itself, 0 and -0 are equal`, () => {
    const kernel = type === "f32" ? kernels.compareVectorsF32 : kernels.compareVectorsF64;
    const next = random(73);
    const pair = vectors(type, 1_001, next, true);
    put(type, place.values, pair.source);
    put(type, place.others, pair.target);
    kernel(place.values, place.others, 1_001, place.out);
    const expected = compareVectors(pair.source, pair.target);
    (get("f64", place.out, compareWords) as number[]).forEach((value, word) => {
      assert.ok(
        Math.abs(value - expected[word]!) <= 1e-10,
        `word ${word}: ${value}, expected ${expected[word]}`,
      );
    });
    put(type, place.values, [0, Number.NaN, 1]);
    put(type, place.others, [-0, Number.NaN, 1]);
    kernel(place.values, place.others, 3, place.out);
    assert.is(new Float64Array(memory.buffer, place.out, compareWords)[4], 1);
  });
}

test("not a byte is read or written beyond the vectors", () => {
  for (let count = 1; count <= 20; count++) {
    const ends = { f32: memoryEnd - count * 4, f64: memoryEnd - count * 8 };
    for (const type of ["f32", "f64"] as const) {
      put(type, ends[type], new Array<number>(count).fill(2));
      put(type, place.values, new Array<number>(count).fill(1));
      const run = type === "f32" ? kernels.blendF32 : kernels.blendF64;
      assert.is(run(ends[type], place.values, count, 0.5, ends[type]), 1);
      assert.equal(get(type, ends[type], count), new Array<number>(count).fill(1.5));
      const compare = type === "f32" ? kernels.compareVectorsF32 : kernels.compareVectorsF64;
      compare(ends[type], place.values, count, place.out);
      assert.is(get("f64", place.out, compareWords)[0], count * 1.5);
    }
    for (const type of ["f32", "f64"] as const) {
      put(type, ends[type], new Array<number>(count).fill(2));
      assert.is(runs[type].scale(ends[type], count, 2, ends[type]), 1);
      assert.is(runs[type].subtract(ends[type], ends[type], count, ends[type]), 1);
    }
  }
});

test.run();
