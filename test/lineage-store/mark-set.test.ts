import { hash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MarkSet } from "../../src/lineage-store/mark-set.js";

const hashOf = (index: number) => hash("sha256", String(index));

test("what was added is in, nothing else is, over the edges of its chunks", () => {
  const marks = new MarkSet();
  const count = 70_000;
  for (let index = 0; index < count; index++) assert.is(marks.add(hashOf(index)), true);
  for (let index = 0; index < count; index++) assert.is(marks.add(hashOf(index)), false);
  assert.is(marks.size, count);
  for (let index = 0; index < 2 * count; index++) assert.is(marks.has(hashOf(index)), index < count);
});

test("hashes that differ in one bit of 256 are two, whichever bit that is", () => {
  const base = Buffer.from(hashOf(0), "hex");
  const flipped = (bit: number) => {
    const other = Buffer.from(base);
    other[bit >> 3]! ^= 1 << (bit & 7);
    return other.toString("hex");
  };
  const marks = new MarkSet();
  marks.add(base.toString("hex"));
  for (let bit = 0; bit < 256; bit++) assert.is(marks.has(flipped(bit)), false, String(bit));
  for (let bit = 0; bit < 256; bit++) assert.is(marks.add(flipped(bit)), true, String(bit));
  assert.is(marks.size, 257);
  assert.is(marks.has("0".repeat(64)), false);
  assert.throws(() => marks.has("0123"));
});

test.run();
