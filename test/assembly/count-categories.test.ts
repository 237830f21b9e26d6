import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesOf, type CodeType, codeTypes, rangeOf } from "../../src/host/kernels/types.js";
import { allPresent, countCategories } from "./oracle.js";
import {
  guard,
  isGuardWhole,
  kernels,
  memoryEnd,
  place,
  put,
  putValidity,
  random,
  words,
} from "./support.js";

function kernelOf(type: CodeType) {
  return kernels[`countCategories${type.toUpperCase() as Uppercase<CodeType>}`];
}

function check(
  type: CodeType,
  codes: { ptr: number; values: readonly number[] },
  validity: { ptr: number; bitOffset: number; present: (row: number) => boolean },
  remap: readonly number[],
  slotCount: number,
): void {
  const missingSlot = slotCount - 1;
  const byteLength = kernels.categoryWorkBytes(slotCount);
  assert.ok(byteLength >= (slotCount + 1) * 4);
  put("u32", place.edges, remap);
  guard(place.out, byteLength);
  kernelOf(type)(
    codes.ptr,
    codes.values.length,
    validity.ptr,
    validity.bitOffset,
    place.edges,
    remap.length,
    missingSlot,
    slotCount,
    place.out,
  );
  const expected = countCategories(codes.values, validity.present, remap, missingSlot, slotCount);
  assert.equal(words(place.out, slotCount + 1), expected);
  assert.ok(isGuardWhole(place.out, byteLength), "guard bytes overwritten");
}

for (const type of codeTypes) {
  test(`${type}: every length at every alignment and bit offset, codes out of range too`, () => {
    const next = random(3);
    const lanes = 16 / bytesOf(type);
    const { lowest, highest } = rangeOf(type);
    const bad = [Number(lowest), Number(highest), 5, 6].filter((code) => code < 0 || code >= 5);
    const remap = [2, 0, 3, 1, 3];
    const presenceFrom = putValidity(place.validity + 1, 16, next);
    for (let count = 0; count <= 4 * lanes + 1; count++) {
      const values = Array.from({ length: count }, () => {
        if (next() < 0.2) return bad[Math.floor(next() * bad.length)]!;
        return Math.floor(next() * remap.length);
      });
      for (let alignment = 0; alignment < lanes; alignment++) {
        const ptr = put(type, place.values + alignment * bytesOf(type), values);
        check(type, { ptr, values }, { ptr: 0, bitOffset: 0, present: allPresent }, remap, 5);
        const bitOffset = (alignment + count) % 16;
        const present = presenceFrom(bitOffset);
        check(type, { ptr, values }, { ptr: place.validity + 1, bitOffset, present }, remap, 5);
      }
    }
  });

  test(`${type}: the widest codes of a large dictionary are told from those beyond it`, () => {
    const reach = Math.min(Number(rangeOf(type).highest) + 1, 70_000);
    const remap = Array.from({ length: reach }, (_, code) => code % 7);
    const values = [
      0,
      1,
      reach - 1,
      Math.floor(reach / 2),
      Number(rangeOf(type).lowest),
      Number(rangeOf(type).highest),
    ];
    const ptr = put(type, place.values, values);
    check(type, { ptr, values }, { ptr: 0, bitOffset: 0, present: allPresent }, remap, 8);
  });

  test(`${type}: any number of slots, few of them or more than are counted in tables side by side`, () => {
    const next = random(5);
    const reach = Math.min(Number(rangeOf(type).highest) + 1, 3_000);
    for (const slotCount of [2, 3, 1_023, 1_024, 1_025, 1_500]) {
      const remap = Array.from({ length: reach }, () => Math.floor(next() * slotCount));
      const values = Array.from({ length: 1_001 }, () => Math.floor(next() ** 4 * reach));
      const ptr = put(type, place.values, values);
      const present = putValidity(place.validity, 128, next)(3);
      check(type, { ptr, values }, { ptr: 0, bitOffset: 0, present: allPresent }, remap, slotCount);
      check(type, { ptr, values }, { ptr: place.validity, bitOffset: 3, present }, remap, slotCount);
    }
  });

  test(`${type}: an empty dictionary makes every present code one out of range`, () => {
    const ptr = put(type, place.values, [0, 1, 0]);
    put("u8", place.validity, [0b101]);
    const present = (row: number) => row !== 1;
    check(type, { ptr, values: [0, 1, 0] }, { ptr: place.validity, bitOffset: 0, present }, [], 2);
  });

  test(`${type}: not a byte is read beyond the codes or the validity`, () => {
    for (let count = 1; count <= 20; count++) {
      const values = Array.from({ length: count }, (_, row) => row % 3);
      const atEnd = put(type, memoryEnd - count * bytesOf(type), values);
      check(type, { ptr: atEnd, values }, { ptr: 0, bitOffset: 0, present: allPresent }, [0, 1, 2], 4);
      const ptr = put(type, place.values, values);
      for (let bitOffset = 0; bitOffset < 8; bitOffset++) {
        const byteLength = (bitOffset + count + 7) >>> 3;
        const present = putValidity(memoryEnd - byteLength, byteLength, random(count))(bitOffset);
        check(type, { ptr, values }, { ptr: memoryEnd - byteLength, bitOffset, present }, [0, 1, 2], 4);
      }
    }
  });
}

test.run();
