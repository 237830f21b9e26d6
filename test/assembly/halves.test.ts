import { test } from "uvu";
import * as assert from "uvu/assert";
import { compareWords } from "../../src/host/kernels/kernels.js";
import { nearestPattern, tableOf } from "../host/kernels/halves-oracle.js";
import { blend, compareVectors, scale, subtract } from "./oracle.js";
import { get, guard, isGuardWhole, kernels, memory, memoryEnd, place, put, random } from "./support.js";
import { type HalfType, narrowed, widened } from "./vectors-oracle.js";

const types: readonly HalfType[] = ["f16", "bf16"];
const dtypes = { f16: "F16", bf16: "BF16" } as const;
const runs = {
  f16: {
    subtract: kernels.subtractF16,
    scale: kernels.scaleF16,
    blend: kernels.blendF16,
    compare: kernels.compareVectorsF16,
    widen: kernels.widenF16,
    narrow: kernels.narrowF16,
    exponent: 0x7c00,
    quiet: 0x0200,
  },
  bf16: {
    subtract: kernels.subtractBF16,
    scale: kernels.scaleBF16,
    blend: kernels.blendBF16,
    compare: kernels.compareVectorsBF16,
    widen: kernels.widenBF16,
    narrow: kernels.narrowBF16,
    exponent: 0x7f80,
    quiet: 0x0040,
  },
} as const;

/** Zeros, ones, both ends of the subnormals and of the normals, infinities, NaN loud and quiet, each with both signs. */
const hardPatterns: Readonly<Record<HalfType, readonly number[]>> = {
  f16: [0, 0x3c00, 1, 0x3ff, 0x400, 0x7bff, 0x7c00, 0x7c01, 0x7e00, 0x7fff].flatMap(withSign),
  bf16: [0, 0x3f80, 1, 0x7f, 0x80, 0x7f7f, 0x7f80, 0x7f81, 0x7fc0, 0x7fff].flatMap(withSign),
};
/** Four registers and one element. */
const lengthMax = 33;
const factors = [0, 1, -1, 0.5, 0.3, 1.1, 1e-40, 1e30, -0];
const all = Array.from({ length: 65_536 }, (_, bits) => bits);
const word = new DataView(new ArrayBuffer(4));

function withSign(pattern: number): number[] {
  return [pattern, pattern | 0x8000];
}

function f32Of(bits: number): number {
  word.setUint32(0, bits);
  return word.getFloat32(0);
}

function bitsOf(value: number): number {
  word.setFloat32(0, value);
  return word.getUint32(0);
}

function isNaNPattern(type: HalfType, pattern: number): boolean {
  return (pattern & 0x7fff) > runs[type].exponent;
}

function isFinitePattern(type: HalfType, pattern: number): boolean {
  return (pattern & runs[type].exponent) !== runs[type].exponent;
}

/** NaN is NaN, whatever its payload. */
function textOf(type: HalfType, patterns: readonly number[]): string {
  return patterns.map((pattern) => (isNaNPattern(type, pattern) ? "NaN" : pattern.toString(16))).join(" ");
}

function patternsAt(ptr: number, count: number): number[] {
  return get("u16", ptr, count) as number[];
}

/** The f32 bit patterns through the kernel, which must leave the guard bytes alone. */
function narrowBits(type: HalfType, bits: readonly number[]): number[] {
  put("u32", place.values, bits);
  guard(place.out, bits.length * 2);
  runs[type].narrow(place.values, bits.length, place.out);
  assert.ok(isGuardWhole(place.out, bits.length * 2), "guard bytes overwritten");
  return patternsAt(place.out, bits.length);
}

/** In pieces that the regions of the tests' memory hold. */
function* piecesOf<T>(values: readonly T[], pieceCount = 16_384): Generator<T[]> {
  for (let at = 0; at < values.length; at += pieceCount) yield values.slice(at, at + pieceCount);
}

for (const type of types) {
  const run = runs[type];
  const table = tableOf(dtypes[type]);

  test(`${type}: each of the 65,536 patterns widens to its value, NaN to its own bits`, () => {
    put("u16", place.values, all);
    guard(place.out, 65_536 * 4);
    run.widen(place.values, 65_536, place.out);
    assert.ok(isGuardWhole(place.out, 65_536 * 4));
    const values = get("f32", place.out, 65_536) as number[];
    const bits = get("u32", place.out, 65_536) as number[];
    const shift = type === "f16" ? 13 : 16;
    const fractionBits = type === "f16" ? 10 : 7;
    for (const pattern of all) {
      assert.ok(Object.is(values[pattern], table[pattern]), `${pattern}: ${values[pattern]}`);
      if (!isNaNPattern(type, pattern)) continue;
      const fraction = (pattern & ((1 << fractionBits) - 1)) << shift;
      const expected = ((pattern >>> 15) * 0x8000_0000 + 0x7f80_0000 + fraction) >>> 0;
      assert.is(bits[pattern], expected, `NaN ${pattern}`);
    }
  });

  test(`${type}: each pattern comes back from its value, NaN as the quiet one`, () => {
    put("u16", place.values, all);
    run.widen(place.values, 65_536, place.out);
    for (const isInPlace of [false, true]) {
      const into = isInPlace ? place.out : place.scratch;
      assert.is(run.narrow(place.out, 65_536, into), 0, "not all are finite");
      for (const [pattern, back] of patternsAt(into, 65_536).entries()) {
        if (isNaNPattern(type, pattern)) {
          assert.ok(isNaNPattern(type, back) && (back & run.quiet) !== 0, `${pattern} became ${back}`);
          assert.is(back, type === "f16" ? 0x7e00 | (pattern & 0x8000) : 0xffff);
        } else {
          assert.is(back, pattern);
        }
      }
    }
  });

  test(`${type}: between two neighbours the nearer one, halfway the even one, and next to halfway`, () => {
    const bits: number[] = [];
    for (let pattern = 0; pattern < run.exponent; pattern++) {
      const high =
        pattern + 1 === run.exponent ? 2 * table[pattern]! - table[pattern - 1]! : table[pattern + 1]!;
      const at = bitsOf((table[pattern]! + high) / 2);
      for (const near of [at - 1, at, at + 1]) bits.push(near, (near | 0x8000_0000) >>> 0);
    }
    assert.is(bits.length, run.exponent * 6);
    for (const piece of piecesOf(bits)) {
      const expected = piece.map((one) => nearestPattern(dtypes[type], table, f32Of(one)));
      assert.is(textOf(type, narrowBits(type, piece)), textOf(type, expected));
    }
  });

  test(`${type}: random f32 patterns of every size narrow as the twin has it`, () => {
    const next = random(101);
    for (let round = 0; round < 20; round++) {
      const bits = Array.from({ length: 16_384 }, () => Math.floor(next() * 2 ** 32));
      assert.is(textOf(type, narrowBits(type, bits)), textOf(type, narrowed(type, bits.map(f32Of))));
    }
  });

  test(`${type}: the ends of f32, and NaNs whose bits are all cut off`, () => {
    const bits = [0, 1, 0x7f_ffff, 0x80_0000, 0x7f7f_7fff, 0x7f7f_8000, 0x7f7f_ffff, 0x7f80_0000].flatMap(
      (one) => [one, (one | 0x8000_0000) >>> 0],
    );
    assert.is(textOf(type, narrowBits(type, bits)), textOf(type, narrowed(type, bits.map(f32Of))));
    const nans = [0x7f80_0001, 0x7fff_ffff, 0xff80_0001, 0xffff_ffff, 0x7f80_ffff];
    narrowBits(type, nans).forEach((pattern, i) => {
      assert.is(pattern, type === "f16" ? 0x7e00 | ((nans[i]! >>> 16) & 0x8000) : 0xffff);
    });
  });

  test(`${type}: widen and narrow at every length and alignment`, () => {
    const next = random(103);
    for (let count = 0; count <= lengthMax; count++) {
      const patterns = mixedPatterns(type, count, next);
      const values = widened(type, patterns);
      for (let alignment = 0; alignment < 8; alignment++) {
        const from = put("u16", place.values + alignment * 2, patterns);
        const wide = place.out + (alignment % 4) * 4;
        guard(wide, count * 4);
        run.widen(from, count, wide);
        assert.equal(get("f32", wide, count), values);
        assert.ok(isGuardWhole(wide, count * 4));
        const back = place.scratch + ((alignment * 3) % 8) * 2;
        guard(back, count * 2);
        const allFinite = run.narrow(wide, count, back);
        assert.is(textOf(type, patternsAt(back, count)), textOf(type, patterns));
        assert.ok(isGuardWhole(back, count * 2));
        assert.is(
          allFinite !== 0,
          patterns.every((pattern) => isFinitePattern(type, pattern)),
        );
      }
    }
  });

  test(`${type}: subtract, scale and blend at every length and alignment: widened, rounded step by step, narrowed`, () => {
    const next = random(107);
    for (let count = 0; count <= lengthMax; count++) {
      for (const draw of [mixedPatterns, tamePatterns]) {
        const source = draw(type, count, next);
        const target = draw(type, count, next);
        const from = widened(type, source);
        const toward = widened(type, target);
        for (let alignment = 0; alignment < 8; alignment++) {
          const factor = factors[(count + alignment) % factors.length]!;
          const checkRun = (expected: number[], call: (s: number, t: number, out: number) => number) =>
            check(type, source, target, narrowed(type, expected), alignment, call);
          checkRun(subtract(from, toward, Math.fround), (s, t, out) => run.subtract(s, t, count, out));
          checkRun(scale(from, factor, Math.fround), (s, _, out) => run.scale(s, count, factor, out));
          checkRun(blend(from, toward, factor, Math.fround), (s, t, out) =>
            run.blend(s, t, count, factor, out),
          );
        }
      }
    }
  });

  test(`${type}: blend of every pattern with every other kind`, () => {
    const next = random(109);
    const target = mixedPatterns(type, 65_536, next);
    const [from, toward] = [widened(type, all), widened(type, target)];
    put("u16", place.values, all);
    put("u16", place.others, target);
    run.blend(place.values, place.others, 65_536, 0.3, place.out);
    const expected = narrowed(type, blend(from, toward, 0.3, Math.fround));
    assert.is(textOf(type, patternsAt(place.out, 65_536)), textOf(type, expected));
  });

  test(`${type}: the finite flag finds a single bad element wherever it stands`, () => {
    const one = narrowed(type, [1])[0]!;
    for (const bad of [run.exponent, run.exponent | 0x8000, run.exponent + 1]) {
      for (let count = 1; count <= 17; count++) {
        put("u16", place.others, new Array<number>(count).fill(one));
        assert.is(run.blend(place.others, place.others, count, 0.5, place.out), 1);
        for (let at = 0; at < count; at++) {
          put("u16", place.values, new Array<number>(count).fill(one).with(at, bad));
          assert.is(run.subtract(place.values, place.others, count, place.out), 0);
          assert.is(run.scale(place.values, count, 2, place.out), 0);
          assert.is(run.blend(place.values, place.others, count, 0.5, place.out), 0);
        }
      }
    }
  });

  test(`${type}: what is finite in f32 and not once narrowed is told`, () => {
    const largest = run.exponent - 1;
    const barelyAboveOne = f32Of(bitsOf(1) + 1);
    put("u16", place.values, [largest]);
    assert.is(run.scale(place.values, 1, 1, place.out), 1);
    assert.is(run.scale(place.values, 1, barelyAboveOne, place.out), 1);
    assert.is(patternsAt(place.out, 1)[0], largest);
    const beyond = 1 + 2 ** -(type === "f16" ? 11 : 8);
    assert.ok(Number.isFinite(Math.fround(table[largest]! * beyond)), "finite in f32");
    assert.is(run.scale(place.values, 1, beyond, place.out), 0);
    assert.is(patternsAt(place.out, 1)[0], run.exponent);
  });

  test(`${type}: compare at every length and alignment, summed in doubles`, () => {
    const next = random(113);
    for (let count = 0; count <= lengthMax; count++) {
      // Small multiples of 1/8: the sums are exact in any order.
      const draw = () => Array.from({ length: count }, () => Math.floor(next() * 64) / 8 - 4);
      const source = draw();
      const target = draw().map((value, i) => (next() < 0.3 ? source[i]! : value));
      for (let alignment = 0; alignment < 8; alignment++) {
        const sourcePtr = put("u16", place.values + alignment * 2, narrowed(type, source));
        const targetPtr = put("u16", place.others + ((alignment * 3) % 8) * 2, narrowed(type, target));
        guard(place.out, compareWords * 8);
        run.compare(sourcePtr, targetPtr, count, place.out);
        assert.equal(get("f64", place.out, compareWords), compareVectors(source, target), `${count} values`);
        assert.ok(isGuardWhole(place.out, compareWords * 8), "guard bytes overwritten");
      }
    }
  });

  test(`${type}: compare: NaN differs from itself, 0 and -0 are equal`, () => {
    for (let at = 0; at < 6; at++) {
      put("u16", place.values, [0, 0x8000, 0, 0, 0, 0].with(at, run.exponent + 1));
      put("u16", place.others, [0x8000, 0, 0, 0, 0x8000, 0].with(at, run.exponent + 1));
      run.compare(place.values, place.others, 6, place.out);
      assert.is(new Float64Array(memory.buffer, place.out, compareWords)[4], 1);
    }
  });

  test(`${type}: not a byte is read or written beyond the vectors`, () => {
    const [one, three] = narrowed(type, [1, 3]) as [number, number];
    for (let count = 1; count <= 20; count++) {
      const end = memoryEnd - count * 2;
      const ends = () => put("u16", end, new Array<number>(count).fill(three));
      put("u16", place.values, new Array<number>(count).fill(one));
      assert.is(run.blend(ends(), place.values, count, 0.5, end), 1);
      assert.equal(patternsAt(end, count), narrowed(type, new Array<number>(count).fill(2)));
      assert.is(run.scale(ends(), count, 1, end), 1);
      assert.is(run.subtract(ends(), end, count, end), 1);
      run.compare(ends(), place.values, count, place.out);
      assert.is(get("f64", place.out, compareWords)[0], count * 3);
      run.widen(end, count, place.out);
      assert.is(run.narrow(place.out, count, end), 1);
      run.widen(place.values, count, memoryEnd - count * 4);
      assert.equal(get("f32", memoryEnd - count * 4, count), new Array<number>(count).fill(1));
    }
  });
}

function mixedPatterns(type: HalfType, count: number, next: () => number): number[] {
  const hard = hardPatterns[type];
  return Array.from({ length: count }, () =>
    next() < 0.4 ? hard[Math.floor(next() * hard.length)]! : Math.floor(next() * 65_536),
  );
}

function tamePatterns(type: HalfType, count: number, next: () => number): number[] {
  return narrowed(
    type,
    Array.from({ length: count }, () => next() * 4 - 2),
  );
}

/** Into a guarded output, and in place over either input. */
function check(
  type: HalfType,
  source: readonly number[],
  target: readonly number[],
  expected: readonly number[],
  alignment: number,
  call: (sourcePtr: number, targetPtr: number, outPtr: number) => number,
): void {
  const count = source.length;
  const sourcePtr = place.values + alignment * 2;
  const targetPtr = place.others + ((alignment * 3) % 8) * 2;
  const outPtr = place.out + ((alignment + 1) % 8) * 2;
  for (const intoPtr of [outPtr, sourcePtr, targetPtr]) {
    guard(intoPtr, count * 2);
    put("u16", sourcePtr, source);
    put("u16", targetPtr, target);
    const finiteFlag = call(sourcePtr, targetPtr, intoPtr);
    assert.is(textOf(type, patternsAt(intoPtr, count)), textOf(type, expected), `${count} values`);
    assert.is(
      finiteFlag !== 0,
      expected.every((pattern) => isFinitePattern(type, pattern)),
      "finite flag",
    );
    assert.ok(isGuardWhole(intoPtr, count * 2), "guard bytes overwritten");
    if (intoPtr !== sourcePtr) assert.equal(patternsAt(sourcePtr, count), source, "source changed");
    if (intoPtr !== targetPtr) assert.equal(patternsAt(targetPtr, count), target, "target changed");
  }
}

test.run();
