import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ColumnBatch, eachAbsent, heldBatch, isColumnValues } from "../../../src/host/columns/held.js";
import { random } from "../../assembly/support.js";
import { refused } from "../drift/monitored.js";

test("typed arrays by their type, lists as cells, codes with their names", () => {
  const batch: ColumnBatch = {
    f32: Float32Array.of(1, 2),
    f64: { values: Float64Array.of(1, 2), validity: Uint8Array.of(0b10), validityBitOffset: 1 },
    i64: BigInt64Array.of(1n, 2n),
    u8: new Uint8ClampedArray([1, 2]) as unknown as Uint8Array,
    list: [1, "a"],
    wrapped: { values: [null, true] },
    codes: { codes: Uint16Array.of(0, 1), names: ["a", null] },
    other: [1, 2, 3],
  };
  const wanted = ["codes", "f32", "f64", "i64", "u8", "list", "wrapped"];
  const { label, rowCount, columns } = heldBatch(batch, wanted, "live");
  assert.equal([label, rowCount], ["live", 2]);
  assert.equal(
    columns.map(({ field, held }) => [field.name, field.type, field.logical, held.kind]),
    [
      ["codes", null, "text", "codes"],
      ["f32", "f32", "float", "numbers"],
      ["f64", "f64", "float", "numbers"],
      ["i64", "i64", "integer", "numbers"],
      ["u8", "u8", "integer", "numbers"],
      ["list", null, "text", "cells"],
      ["wrapped", null, "text", "cells"],
    ],
  );
  assert.equal(columns[2]!.validity, Uint8Array.of(0b10));
  assert.is(columns[2]!.validityBitOffset, 1);
  assert.is(heldBatch({ x: [] }, ["x"], "live").rowCount, 0);
});

test("arrays of another realm are arrays", async () => {
  const { runInNewContext } = await import("node:vm");
  const x = runInNewContext("new Float32Array([1, 2, 3])") as Float32Array;
  assert.not(x instanceof Float32Array);
  assert.is(heldBatch({ x }, ["x"], "live").columns[0]!.field.type, "f32");
});

test("what is no column is refused by name, and lengths must agree", () => {
  const schema: [unknown, RegExp][] = [
    [{ y: [1] }, /live: have no column "x"; they have y/],
    [Object.create({ x: [1] }), /have no column "x"/],
    [{ x: 5 }, /column "x" is a number where others are columns/],
    [{ x: "text" }, /column "x" is a string/],
    [{ x: null }, /column "x" is a object/],
    [{ x: { length: 3 } }, /column "x" is a object/],
  ];
  for (const [batch, pattern] of schema)
    refused(() => heldBatch(batch as ColumnBatch, ["x"], "live"), "MENDLINE_DATA_SCHEMA", pattern);
  const malformed: [unknown, RegExp][] = [
    [{ x: [1], y: [1, 2] }, /"y" has 2 rows where "x" has 1/],
    [{ x: new DataView(new ArrayBuffer(8)), y: [] }, /"x" is neither a typed array nor a list/],
    [{ x: { values: "abc" }, y: [] }, /"x" is neither/],
    [{ x: { codes: Float32Array.of(0), names: ["a"] }, y: [] }, /"x" has codes of f32/],
    [{ x: { codes: Int8Array.of(0) }, y: [] }, /"x" has codes and no list of names/],
    [
      { x: { values: [1, 2], validity: new Uint8Array(0) }, y: [] },
      /"x" needs 1 bytes of validity and has 0/,
    ],
    [
      { x: { values: new Int8Array(9), validity: new Uint8Array(2), validityBitOffset: 8 }, y: [] },
      /needs 3 bytes/,
    ],
    [{ x: { values: [1], validity: [1] }, y: [] }, /"x" has a validity that is no Uint8Array/],
    [{ x: { values: [1], validityBitOffset: -1 }, y: [] }, /validity bit offset of -1/],
    [{ x: { values: [1], validityBitOffset: 0.5 }, y: [] }, /validity bit offset of 0.5/],
  ];
  for (const [batch, pattern] of malformed)
    refused(() => heldBatch(batch as ColumnBatch, ["x", "y"], "live"), "MENDLINE_DATA_MALFORMED", pattern);
  assert.equal(
    [[1], Float32Array.of(1), { values: 1 }, { codes: 1 }, {}, null, undefined, 5, "a"].map(isColumnValues),
    [true, true, true, true, false, false, false, false, false],
  );
});

test("absent rows at every offset and length", () => {
  const next = random(5);
  for (const density of [0, 0.02, 0.5, 1]) {
    const bits = Array.from({ length: 64 }, () => (next() < density ? 0 : 1));
    const validity = Uint8Array.from({ length: 8 }, (_, byte) =>
      bits.slice(byte * 8, byte * 8 + 8).reduce<number>((sum, bit, i) => sum | (bit << i), 0),
    );
    for (let offset = 0; offset <= 20; offset++) {
      for (let rowCount = 0; rowCount <= 40; rowCount++) {
        const found: number[] = [];
        eachAbsent(validity, offset, rowCount, (row) => found.push(row));
        const expected = bits
          .slice(offset, offset + rowCount)
          .flatMap((bit, row) => (bit === 0 ? [row] : []));
        assert.equal(found, expected);
      }
    }
  }
});

test.run();
