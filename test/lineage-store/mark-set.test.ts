import { hash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MarkSet } from "../../src/lineage-store/mark-set.js";

const hashOf = (index: number) => hash("sha256", String(index));

test("what was added is in, nothing else is", () => {
  const marks = new MarkSet();
  const count = 5_000;
  for (let index = 0; index < count; index++) assert.is(marks.add(hashOf(index)), true);
  for (let index = 0; index < count; index++) assert.is(marks.add(hashOf(index)), false);
  assert.is(marks.size, count);
  for (let index = 0; index < 2 * count; index++) assert.is(marks.has(hashOf(index)), index < count);
});

test("hashes that share their first 52 bits are taken for one: kept, never collected", () => {
  const marks = new MarkSet();
  marks.add(`0123456789abc${"0".repeat(51)}`);
  assert.is(marks.has(`0123456789abc${"f".repeat(51)}`), true);
  assert.is(marks.has(`0123456789abd${"0".repeat(51)}`), false);
  marks.add("0".repeat(64));
  marks.add("f".repeat(64));
  assert.is(marks.has("0".repeat(64)) && marks.has("f".repeat(64)), true);
});

test.run();
