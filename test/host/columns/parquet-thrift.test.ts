import fc from "fast-check";
import { deserializeTCompactProtocol } from "hyparquet/src/thrift.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { endOfStruct } from "../../../src/host/columns/parquet-thrift.js";
import { parquetDepthMax } from "../../../src/limits.js";
import { thrift } from "./parquet-writer.js";

const anyStruct = fc.letrec<{
  value: ReturnType<typeof thrift.struct>;
  struct: ReturnType<typeof thrift.struct>;
}>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.integer().map(thrift.i32),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(thrift.i64),
    fc.string().map(thrift.text),
    fc.constantFrom(thrift.true, thrift.false),
    fc.array(fc.integer(), { maxLength: 20 }).map((items) => thrift.list(5, items.map(thrift.i32))),
    tie("struct"),
    fc.array(tie("struct"), { maxLength: 3 }).map((items) => thrift.list(12, items)),
  ),
  struct: fc
    .array(tie("value"), { maxLength: 5 })
    .map((values) => thrift.struct(Object.fromEntries(values.map((value, i) => [i + 1, value])))),
})).struct;

test("ends where the library ends, and nowhere before", () => {
  fc.assert(
    fc.property(anyStruct, ({ bytes }) => {
      const padded = new Uint8Array([7, ...bytes, 9, 9]);
      const reader = { view: new DataView(padded.buffer), offset: 1 };
      deserializeTCompactProtocol(reader);
      assert.is(endOfStruct(padded, 1), reader.offset);
      assert.is(reader.offset, 1 + bytes.length);
      for (let cut = 0; cut < bytes.length; cut++) assert.is(endOfStruct(padded.subarray(0, 1 + cut), 1), -1);
    }),
    { numRuns: 300 },
  );
});

test("counts beyond the bytes, endless numbers, unknown types", () => {
  // Field 1, a list of 2^31 - 1 structs.
  assert.is(endOfStruct(new Uint8Array([0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 0]), 0), -1);
  // The same of booleans.
  assert.is(endOfStruct(new Uint8Array([0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 1, 1]), 0), -1);
  assert.throws(
    () => endOfStruct(new Uint8Array([0x16, ...Array<number>(20).fill(0xff), 0]), 0),
    /more than 10 bytes/,
  );
  assert.throws(() => endOfStruct(new Uint8Array([0x1b, 0, 0]), 0), /unknown type 11/);
});

test("nesting", () => {
  const nested = (depth: number): Uint8Array =>
    new Uint8Array([...Array<number>(depth).fill(0x1c), ...Array<number>(depth + 1).fill(0)]);
  assert.is(endOfStruct(nested(parquetDepthMax), 0), parquetDepthMax * 2 + 1);
  assert.throws(() => endOfStruct(nested(parquetDepthMax + 1), 0), /deeper than/);
  assert.throws(() => endOfStruct(nested(100_000), 0), /deeper than/);
  const lists = new Uint8Array([0x19, ...Array<number>(100_000).fill(0x19)]);
  assert.throws(() => endOfStruct(lists, 0), /deeper than/);
});

test.run();
