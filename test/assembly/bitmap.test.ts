import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernels, memoryEnd, place, putValidity, random } from "./support.js";

function plainCount(present: (row: number) => boolean, count: number): number {
  return Array.from({ length: count }, (_, row) => present(row)).filter(Boolean).length;
}

test("present rows at every bit offset, byte alignment and length", () => {
  const next = random(5);
  for (let alignment = 0; alignment < 8; alignment++) {
    const ptr = place.validity + alignment;
    const presenceFrom = putValidity(ptr, 64, next);
    for (let bitOffset = 0; bitOffset < 16; bitOffset++) {
      for (let count = 0; count <= 200; count++) {
        const found = kernels.countPresent(ptr, bitOffset, count);
        if (found !== plainCount(presenceFrom(bitOffset), count)) {
          assert.unreachable(`${count} bits from ${bitOffset} at ${ptr}: ${found}`);
        }
      }
    }
  }
});

test("a few thousand rows", () => {
  const presenceFrom = putValidity(place.validity, 4_096, random(9));
  for (const [bitOffset, count] of [
    [0, 32_768],
    [1, 32_767],
    [7, 30_001],
    [13, 8_191],
  ] as const) {
    assert.is(
      kernels.countPresent(place.validity, bitOffset, count),
      plainCount(presenceFrom(bitOffset), count),
    );
  }
});

test("not a byte is read beyond the last bit", () => {
  for (let bitOffset = 0; bitOffset < 16; bitOffset++) {
    for (let count = 1; count <= 150; count++) {
      const byteLength = (bitOffset + count + 7) >>> 3;
      const present = putValidity(memoryEnd - byteLength, byteLength, random(count))(bitOffset);
      assert.is(kernels.countPresent(memoryEnd - byteLength, bitOffset, count), plainCount(present, count));
    }
  }
});

test.run();
