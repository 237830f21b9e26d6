import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bytesOf,
  codeTypes,
  isFloatType,
  isWideInteger,
  keyKindOf,
  numericTypes,
  rangeOf,
  viewOf,
} from "../../../src/host/kernels/types.js";

const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });

for (const type of numericTypes) {
  test(`${type}: width, range and view agree`, () => {
    const view = viewOf(memory, type, 64, 2);
    assert.is(view.BYTES_PER_ELEMENT, bytesOf(type));
    assert.is(view.byteOffset, 64);
    const { lowest, highest } = rangeOf(type);
    // What a view takes and gives back unchanged is in the type's range.
    view[0] = lowest;
    view[1] = highest;
    assert.is(view[0], lowest);
    assert.is(view[1], highest);
    assert.is(typeof lowest, isWideInteger(type) ? "bigint" : "number");
    if (isFloatType(type)) return;
    const beyond = typeof highest === "bigint" ? highest + 1n : highest + 1;
    view[1] = beyond;
    assert.is(view[1], lowest, "one more wraps to the lowest");
  });
}

test("float ranges end at the largest finite number", () => {
  assert.is(rangeOf("f64").highest, Number.MAX_VALUE);
  const { highest } = rangeOf("f32");
  assert.is(Math.fround(highest as number), highest);
  assert.is(Math.fround((highest as number) * (1 + 2 ** -24)), Number.POSITIVE_INFINITY);
});

test("three orders of keys", () => {
  const kinds = numericTypes.map(keyKindOf);
  assert.equal(kinds, ["f64", "f64", "i64", "i64", "i64", "i64", "u64", "u64", "u64", "u64"]);
});

test("codes are integers of at most 32 bits", () => {
  for (const type of codeTypes) assert.ok(!isFloatType(type) && bytesOf(type) <= 4);
});

test.run();
