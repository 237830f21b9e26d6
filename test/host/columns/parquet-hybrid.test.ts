import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HybridReader } from "../../../src/host/columns/parquet-hybrid.js";
import { hybrid } from "./parquet-writer.js";

function read(bytes: Uint8Array, width: number, counts: readonly number[]): number[] {
  const reader = new HybridReader(bytes, 0, bytes.length, width);
  const out = new Int32Array(counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (const count of counts) {
    reader.read(out, at, count);
    at += count;
  }
  return Array.from(out, (value) => (width === 32 ? value >>> 0 : value));
}

test("the example of the format: 0 to 7 in three bits", () => {
  // Parquet format, Encodings.md: 10001000 11000110 11111010
  assert.equal(
    read(new Uint8Array([3, 0b10001000, 0b11000110, 0b11111010]), 3, [8]),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
});

test("every width, runs and packed, read in any portions", () => {
  const anyCase = fc.integer({ min: 1, max: 32 }).chain((width) =>
    fc.record({
      width: fc.constant(width),
      runs: fc.array(fc.tuple(fc.integer({ min: 0, max: 2 ** width - 1 }), fc.integer({ min: 1, max: 30 })), {
        minLength: 1,
        maxLength: 20,
      }),
      portion: fc.integer({ min: 1, max: 40 }),
    }),
  );
  fc.assert(
    fc.property(anyCase, ({ width, runs, portion }) => {
      const values = runs.flatMap(([value, count]) => Array<number>(count).fill(value));
      const counts: number[] = [];
      for (let left = values.length; left > 0; left -= portion) counts.push(Math.min(portion, left));
      assert.equal(read(hybrid(values, width), width, counts), values);
    }),
    { numRuns: 500 },
  );
});

test("width 0 takes no bytes", () => {
  assert.equal(read(new Uint8Array(0), 0, [3, 2]), [0, 0, 0, 0, 0]);
});

test("a last group without its padding", () => {
  assert.equal(read(new Uint8Array([3, 0b10001000, 0b11000110]), 3, [5]), [0, 1, 2, 3, 4]);
  assert.throws(() => read(new Uint8Array([3, 0b10001000, 0b11000110]), 3, [6]), /end early/);
});

test("what ends too early", () => {
  assert.throws(() => read(new Uint8Array([]), 1, [1]), /end early/);
  assert.throws(() => read(new Uint8Array([16, 1]), 1, [9]), /end early/);
  assert.throws(() => read(new Uint8Array([16]), 1, [1]), /without its value/);
  assert.throws(() => read(new Uint8Array([3]), 1, [1]), /without bytes/);
  assert.throws(() => read(new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 1]), 1, [1]), /more than 5 bytes/);
  assert.throws(() => new HybridReader(new Uint8Array(4), 0, 4, 33), /33 bits/);
  assert.throws(() => new HybridReader(new Uint8Array(4), 0, 5, 1), /end at 5/);
  assert.throws(() => new HybridReader(new Uint8Array(4), 3, 2, 1), /end at 2/);
});

test("a long run is not unpacked", () => {
  const reader = new HybridReader(new Uint8Array([0xfe, 0xff, 0xff, 0xff, 0x0f, 1]), 0, 6, 1);
  const out = new Uint8Array(10);
  reader.read(out, 2, 5);
  assert.equal([...out], [0, 0, 1, 1, 1, 1, 1, 0, 0, 0]);
});

test.run();
