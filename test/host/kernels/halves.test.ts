import { test } from "uvu";
import * as assert from "uvu/assert";
import { narrow, widen } from "../../../src/host/kernels/halves.js";
import { Random } from "../../../src/host/repair/random.js";
import { type Half, nearestPattern, tableOf } from "./halves-oracle.js";

const halves: readonly Half[] = ["F16", "BF16"];
const tables = new Map(halves.map((half) => [half, tableOf(half)]));
const word = new DataView(new ArrayBuffer(4));

function f32Of(bits: number): number {
  word.setUint32(0, bits);
  return word.getFloat32(0);
}

function bitsOf(value: number): number {
  word.setFloat32(0, value);
  return word.getUint32(0);
}

function patternsOf(half: Half, values: Float32Array): Uint16Array {
  const bytes = new Uint8Array(values.length * 2);
  narrow(half, values, bytes);
  return Uint16Array.from(values, (_, i) => bytes[i * 2]! | (bytes[i * 2 + 1]! << 8));
}

function widened(half: Half, patterns: Uint16Array): Float32Array {
  const bytes = new Uint8Array(patterns.length * 2);
  for (const [i, bits] of patterns.entries()) bytes.set([bits & 0xff, bits >>> 8], i * 2);
  const values = new Float32Array(patterns.length);
  widen(half, bytes, values);
  return values;
}

const all = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

for (const half of halves) {
  const table = tables.get(half)!;
  const isNaNPattern = (bits: number) => Number.isNaN(table[bits]!);

  test(`${half}: each of the 65,536 patterns has its value`, () => {
    const values = widened(half, all);
    for (const bits of all) assert.ok(Object.is(values[bits], table[bits]), `${bits}: ${values[bits]}`);
  });

  test(`${half}: each pattern comes back from its value, NaN as some NaN`, () => {
    const back = patternsOf(half, widened(half, all));
    for (const bits of all) {
      if (isNaNPattern(bits)) assert.ok(isNaNPattern(back[bits]!), `${bits} became ${back[bits]}`);
      else assert.is(back[bits], bits);
    }
  });

  test(`${half}: between two neighbours the nearer one, and halfway the even one`, () => {
    const values: number[] = [];
    for (let bits = 0; bits < 0x7fff; bits++) {
      const [low, high] = [table[bits]!, table[bits + 1]!];
      if (!Number.isFinite(high)) continue;
      const middle = (low + high) / 2;
      const at = bitsOf(middle);
      for (const value of [middle, f32Of(at - 1), f32Of(at + 1)]) values.push(value, -value);
    }
    assert.ok(values.length > 6 * 31_000, String(values.length));
    const found = patternsOf(half, Float32Array.from(values));
    values.forEach((value, i) => {
      assert.is(found[i], nearestPattern(half, table, value), String(value));
    });
  });

  test(`${half}: random f32 of every size`, () => {
    const random = new Random(7);
    const values = Float32Array.from({ length: 200_000 }, () => f32Of(Math.floor(random.unit() * 2 ** 32)));
    const found = patternsOf(half, values);
    values.forEach((value, i) => {
      if (Number.isNaN(value)) assert.ok(isNaNPattern(found[i]!));
      else assert.is(found[i], nearestPattern(half, table, value), String(value));
    });
  });

  test(`${half}: NaNs whose set bits are all in the half that is cut off stay NaN`, () => {
    const values = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001, 0x7fc00000, 0xffffffff).buffer);
    for (const bits of patternsOf(half, values)) assert.ok(isNaNPattern(bits), String(bits));
  });

  test(`${half}: bytes at odd offsets, in shared memory, and no byte beyond`, () => {
    const shared = new Uint8Array(new SharedArrayBuffer(16)).fill(0xee);
    const values = Float32Array.of(1, -2.5, 0.15625);
    narrow(half, values, shared.subarray(3, 9));
    assert.equal(
      Array.from(shared, (byte, i) => (i < 3 || i > 8 ? byte : 0)).filter(Boolean),
      Array(10).fill(0xee),
    );
    const out = new Float32Array(new SharedArrayBuffer(20), 4, 3);
    widen(half, shared.subarray(3, 9), out);
    assert.equal(Array.from(out), [1, -2.5, 0.15625]);
  });
}

test("F16: the ends of its range", () => {
  const cases: readonly (readonly [number, number])[] = [
    [65_504, 0x7bff],
    [65_519.996, 0x7bff],
    [65_520, 0x7c00],
    [65_536, 0x7c00],
    [3.4e38, 0x7c00],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [-65_520, 0xfc00],
    [2 ** -14, 0x0400],
    [2 ** -14 - 2 ** -24, 0x03ff],
    [2 ** -14 - 2 ** -25, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [2 ** -25 * 1.001, 0x0001],
    [3 * 2 ** -25, 0x0002],
    [1e-45, 0x0000],
    [-1e-45, 0x8000],
    [-0, 0x8000],
  ];
  const found = patternsOf(
    "F16",
    Float32Array.from(cases, ([value]) => value),
  );
  for (const [i, [value, bits]] of cases.entries()) assert.is(found[i], bits, String(value));
});

test("BF16: the ends of its range", () => {
  const cases: readonly (readonly [number, number])[] = [
    [0x7f7f0000, 0x7f7f],
    [0x7f7f7fff, 0x7f7f],
    [0x7f7f8000, 0x7f80],
    [0x7f7fffff, 0x7f80],
    [0xff7fffff, 0xff80],
    [0x00000001, 0x0000],
    [0x00008000, 0x0000],
    [0x00008001, 0x0001],
    [0x00018000, 0x0002],
    [0x80000001, 0x8000],
    [0x3f808000, 0x3f80],
    [0x3f818000, 0x3f82],
  ];
  const found = patternsOf(
    "BF16",
    Float32Array.from(cases, ([bits]) => f32Of(bits)),
  );
  for (const [i, [bits, expected]] of cases.entries()) assert.is(found[i], expected, bits.toString(16));
});

test("nothing to convert", () => {
  for (const half of halves) {
    assert.not.throws(() => widen(half, new Uint8Array(0), new Float32Array(0)));
    assert.not.throws(() => narrow(half, new Float32Array(0), new Uint8Array(0)));
  }
});

test.run();
