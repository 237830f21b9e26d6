import { test } from "uvu";
import * as assert from "uvu/assert";
import { expandBits } from "../../../src/host/columns/expand.js";

test("a byte a bit, least significant first, for every length", () => {
  const bits = Uint8Array.of(0b10110010, 0b00000001, 0xff);
  const expected = [0, 1, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
  for (let count = 0; count <= 24; count++) {
    const out = new Uint8Array(count + 2).fill(9);
    expandBits(bits, out.subarray(1, count + 1));
    assert.equal(Array.from(out), [9, ...expected.slice(0, count), 9]);
    for (let offset = 0; offset + count <= 24; offset++) {
      const cut = new Uint8Array(count);
      expandBits(bits, cut, offset);
      assert.equal(Array.from(cut), expected.slice(offset, offset + count));
    }
  }
});

test.run();
