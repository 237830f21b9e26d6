import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../src/errors.js";
import { Kernels } from "../../src/host/kernels/kernels.js";
import { get, guard, isGuardWhole, kernels, memory, memoryEnd, place, put, random } from "./support.js";
import { deltaPlanes } from "./vectors-oracle.js";

type Width = 2 | 4 | 8;
const widths: readonly Width[] = [2, 4, 8];
const wrapped = new Kernels(kernels, memory);
const bytes = new Uint8Array(memory.buffer);
/** Four registers of the narrowest elements and one more; two steps of 16 elements and one more. */
const lengthMax = 33;

/** Bit patterns of floats: zeros, ones, ends of the subnormals and normals, infinities, NaNs of several payloads, with both signs. */
const hard: Readonly<Record<Width, readonly bigint[]>> = {
  2: [0n, 1n, 0x3ffn, 0x400n, 0x3c00n, 0x3f80n, 0x7bffn, 0x7c00n, 0x7c01n, 0x7e00n, 0x7f80n, 0x7fffn],
  4: [0n, 1n, 0x7f_ffffn, 0x80_0000n, 0x3f80_0000n, 0x7f7f_ffffn, 0x7f80_0000n, 0x7f80_0001n, 0x7fff_ffffn],
  8: [
    0n,
    1n,
    0xf_ffff_ffff_ffffn,
    0x10_0000_0000_0000n,
    0x3ff0_0000_0000_0000n,
    0x7fef_ffff_ffff_ffffn,
    0x7ff0_0000_0000_0000n,
    0x7ff0_0000_0000_0001n,
    0x7fff_ffff_ffff_ffffn,
  ],
};

function patterns(width: Width, count: number, next: () => number): bigint[] {
  const bits = BigInt(width * 8);
  return Array.from({ length: count }, () => {
    const any = (BigInt(Math.floor(next() * 2 ** 32)) << 32n) | BigInt(Math.floor(next() * 2 ** 32));
    if (next() < 0.5) return BigInt.asUintN(width * 8, any);
    const one = hard[width][Math.floor(next() * hard[width].length)]!;
    return next() < 0.5 ? one : one | (1n << (bits - 1n));
  });
}

/** Some are the source's own or near it: what a fine-tuned child looks like. */
function children(width: Width, source: readonly bigint[], next: () => number): bigint[] {
  return patterns(width, source.length, next).map((any, i) => {
    const kind = next();
    if (kind < 0.3) return source[i]!;
    // Pruned, with its own sign, or either.
    if (kind < 0.4) return source[i]! & (1n << BigInt(width * 8 - 1));
    if (kind < 0.45) return next() < 0.5 ? 0n : 1n << BigInt(width * 8 - 1);
    if (kind < 0.6) return BigInt.asUintN(width * 8, source[i]! + BigInt(Math.floor(next() * 7) - 3));
    return any;
  });
}

function putPatterns(width: Width, ptr: number, values: readonly bigint[]): number {
  if (width === 8) return put("u64", ptr, values);
  return put(width === 4 ? "u32" : "u16", ptr, values.map(Number));
}

function patternsAt(width: Width, ptr: number, count: number): bigint[] {
  return get(width === 8 ? "u64" : width === 4 ? "u32" : "u16", ptr, count).map(BigInt);
}

function check(
  width: Width,
  source: readonly bigint[],
  target: readonly bigint[],
  { alignment, planesOffset }: { alignment: number; planesOffset: number },
): void {
  const count = source.length;
  const byteLength = count * width;
  const sourcePtr = putPatterns(width, place.values + alignment * width, source);
  const targetPtr = putPatterns(width, place.others + ((alignment * 3) % (16 / width)) * width, target);
  const planesPtr = place.out + planesOffset;
  guard(planesPtr, byteLength);
  wrapped.encodeDelta(width, sourcePtr, targetPtr, count, planesPtr);
  const expected = deltaPlanes(source, target, width);
  const what = `${count} elements of ${width} bytes, alignment ${alignment}`;
  assert.is(
    Buffer.compare(bytes.slice(planesPtr, planesPtr + byteLength), Uint8Array.from(expected)),
    0,
    what,
  );
  assert.ok(isGuardWhole(planesPtr, byteLength), `${what}: guard bytes overwritten`);
  assert.equal(patternsAt(width, sourcePtr, count), source, "source changed");
  assert.equal(patternsAt(width, targetPtr, count), target, "target changed");
  const backPtr = place.scratch + ((alignment + 1) % (16 / width)) * width;
  for (const intoPtr of [backPtr, sourcePtr]) {
    guard(intoPtr, byteLength);
    putPatterns(width, sourcePtr, source);
    wrapped.decodeDelta(width, sourcePtr, planesPtr, count, intoPtr);
    assert.equal(patternsAt(width, intoPtr, count), target, `${what}: back`);
    assert.ok(isGuardWhole(intoPtr, byteLength), `${what}: guard bytes overwritten on the way back`);
  }
  assert.is(Buffer.compare(bytes.slice(planesPtr, planesPtr + byteLength), Uint8Array.from(expected)), 0);
}

for (const width of widths) {
  test(`${width} bytes: every length and alignment, planes at every byte, and back bit by bit`, () => {
    const next = random(151);
    for (let count = 0; count <= lengthMax; count++) {
      const source = patterns(width, count, next);
      const target = children(width, source, next);
      for (let planesOffset = 0; planesOffset < 16; planesOffset++) {
        check(width, source, target, { alignment: planesOffset % (16 / width), planesOffset });
      }
    }
  });

  test(`${width} bytes: many elements of any bits`, () => {
    const next = random(157);
    const source = patterns(width, 4_001, next);
    check(width, source, patterns(width, 4_001, next), { alignment: 1, planesOffset: 3 });
    check(width, source, source, { alignment: 0, planesOffset: 0 });
  });

  test(`${width} bytes: equal vectors give zeros; pruned ones 1 and 2; neighbours little more, across zero too`, () => {
    const sign = 1n << BigInt(width * 8 - 1);
    const steps: readonly (readonly [bigint, bigint, number])[] = [
      [0n, 0n, 0],
      // Pruned to the zero of the same sign, and to the other.
      [7n, 0n, 1],
      [7n, sign, 2],
      [sign | 7n, sign, 1],
      [sign | 7n, 0n, 2],
      [1n, 0n, 1],
      [1n, sign, 2],
      // From a number to the next lower one, then to the next higher one.
      [5n, 4n, 3],
      [5n, 6n, 4],
      [sign | 5n, sign | 6n, 3],
      [sign | 5n, sign | 4n, 4],
      // Around zero; -0 lies just below 0. Zero itself has no pruned child.
      [0n, sign, 1],
      [sign, 0n, 2],
      [1n, 2n, 3],
      [1n, 3n, 4],
    ];
    const source = putPatterns(
      width,
      place.values,
      steps.map(([from]) => from),
    );
    const target = putPatterns(
      width,
      place.others,
      steps.map(([, to]) => to),
    );
    wrapped.encodeDelta(width, source, target, steps.length, place.out);
    const planes = Array.from(bytes.slice(place.out, place.out + steps.length * width));
    const lowest = steps.map(([, , code]) => code);
    assert.equal(planes, [...lowest, ...new Array<number>(steps.length * (width - 1)).fill(0)]);
  });

  test(`${width} bytes: not a byte is read or written beyond`, () => {
    const next = random(163);
    for (let count = 1; count <= 20; count++) {
      const [source, target] = [patterns(width, count, next), patterns(width, count, next)];
      const end = memoryEnd - count * width;
      wrapped.encodeDelta(
        width,
        putPatterns(width, place.values, source),
        putPatterns(width, end, target),
        count,
        place.out,
      );
      const planes = bytes.slice(place.out, place.out + count * width);
      assert.is(Buffer.compare(planes, Uint8Array.from(deltaPlanes(source, target, width))), 0);
      wrapped.decodeDelta(width, putPatterns(width, end, source), place.out, count, end);
      assert.equal(patternsAt(width, end, count), target);
      bytes.set(planes, end);
      wrapped.decodeDelta(width, place.values, end, count, place.values);
      assert.equal(patternsAt(width, place.values, count), target);
    }
  });

  test(`${width} bytes: regions out of bounds, out of line or over each other are refused`, () => {
    const refused = (call: () => void, what: string) => {
      try {
        call();
      } catch (thrown) {
        assert.is((thrown as MendlineError).code, "MENDLINE_KERNEL_BOUNDS", what);
        assert.instance(thrown, MendlineError);
        return;
      }
      assert.unreachable(`${what}: not refused`);
    };
    const { values, others, out } = place;
    const count = 16;
    for (const [index, at] of [values, others, out].entries()) {
      const isPlanes = index === 2;
      const moved = (ptr: number) => [values, others, out].with(index, ptr) as [number, number, number];
      const encode = (ptrs: readonly [number, number, number]) =>
        wrapped.encodeDelta(width, ptrs[0], ptrs[1], count, ptrs[2]);
      const decode = (ptrs: readonly [number, number, number]) =>
        wrapped.decodeDelta(width, ptrs[0], ptrs[2], count, ptrs[1]);
      for (const run of [encode, decode]) {
        refused(() => run(moved(memoryEnd - count * width + width)), "beyond the end");
        refused(() => run(moved(0)), "in the kernels' page");
        if (!isPlanes) refused(() => run(moved(at + 1)), "out of line");
      }
    }
    refused(
      () => wrapped.encodeDelta(width, values, others, count, values + width),
      "planes over the source",
    );
    refused(
      () => wrapped.encodeDelta(width, values, others, count, others - width),
      "planes over the target",
    );
    refused(() => wrapped.decodeDelta(width, values, others, count, others), "target over the planes");
    wrapped.encodeDelta(width, values, others, count, values + count * width);
  });
}

test("2 bytes: every pattern from every kind of pattern, and to it", () => {
  const all = Array.from({ length: 65_536 }, (_, bits) => BigInt(bits));
  const next = random(167);
  for (const shift of [1, 255, 32_768, Math.floor(next() * 65_536)]) {
    const others = all.map((bits) => BigInt((Number(bits) * 40_503 + shift) & 0xffff));
    check(2, all, others, { alignment: 0, planesOffset: 0 });
  }
});

test.run();
