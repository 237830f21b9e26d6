import { test } from "uvu";
import * as assert from "uvu/assert";
import { FlatTable } from "../../../src/host/columns/flat-table.js";
import { random } from "../../assembly/support.js";
import { FlatBuffer } from "./flat-buffer.js";

const i8 = (value: number) => ({ bytes: 1, value }) as const;
const i64 = (value: number) => ({ bytes: 8, value }) as const;

/** A table of every kind of field: u8, i64, table, pairs, tables, text, blocks. */
function sample(): Uint8Array {
  const flat = new FlatBuffer();
  const root = flat.table([
    i8(200),
    i64(2 ** 40),
    "reference",
    "reference",
    "reference",
    "reference",
    "reference",
    null,
  ]);
  const child = flat.table([i8(7)]);
  flat.refer(root.field(2), child);
  const pairs = flat.vector(2, 16);
  [1n, 2n, 3n, BigInt(Number.MAX_SAFE_INTEGER)].forEach((value, i) => {
    flat.i64(pairs.at + 4 + i * 8, value);
  });
  flat.refer(root.field(3), pairs);
  const tables = flat.vector(2, 4);
  const other = flat.table([i8(9)]);
  flat.refer(root.field(4), tables);
  flat.refer(root.field(5), flat.text("zażółć"));
  const blocks = flat.vector(1, 24);
  flat.i64(blocks.at + 4, 64n);
  flat.i32(blocks.at + 12, 128);
  flat.i64(blocks.at + 20, 256n);
  flat.refer(root.field(6), blocks);
  const last = flat.table([i8(11)]);
  flat.refer(tables.at + 4, other);
  flat.refer(tables.at + 8, last);
  return flat.bytes(root);
}

function readEverything(bytes: Uint8Array): unknown[] {
  const table = FlatTable.root(bytes);
  return [
    table.u8(0),
    table.i64(1),
    table.table(2)?.u8(0),
    table.pairs(3),
    table.tables(4, 10).map((one) => one.u8(0)),
    table.text(5),
    table.blocks(6),
    table.length(5),
  ];
}

test("every kind of field", () => {
  assert.equal(readEverything(sample()), [
    200,
    2 ** 40,
    7,
    [
      { first: 1, second: 2 },
      { first: 3, second: Number.MAX_SAFE_INTEGER },
    ],
    [9, 11],
    "zażółć",
    [{ byteOffset: 64, metadataByteLength: 128, bodyByteLength: 256 }],
    10,
  ]);
});

test("a field that is absent, or beyond a shorter table, has its default", () => {
  const table = FlatTable.root(sample());
  for (const field of [7, 8, 100]) {
    assert.equal(
      [table.u8(field), table.i64(field), table.table(field), table.text(field)],
      [0, 0, null, ""],
    );
    assert.equal(
      [table.pairs(field), table.tables(field, 0), table.blocks(field), table.length(field)],
      [[], [], [], 0],
    );
  }
});

test("the view may stand anywhere in a larger buffer, and nothing outside it is read", () => {
  const bytes = sample();
  const larger = new Uint8Array(bytes.byteLength + 200).fill(0xff);
  larger.set(bytes, 104);
  assert.equal(readEverything(larger.subarray(104, 104 + bytes.byteLength)), readEverything(bytes));
});

test("more tables than asked for are refused before one is made", () => {
  const table = FlatTable.root(sample());
  assert.is(table.tables(4, 2).length, 2);
  assert.throws(() => table.tables(4, 1), RangeError);
});

test("lengths that a double cannot hold, or below 0, are refused", () => {
  for (const value of [-1n, 2n ** 53n, -(2n ** 63n)]) {
    const flat = new FlatBuffer();
    const root = flat.table([i64(0)]);
    flat.i64(root.field(0), value);
    assert.throws(() => FlatTable.root(flat.bytes(root)).i64(0), RangeError);
  }
});

test("cut off anywhere: a RangeError, or a whole answer", () => {
  const bytes = sample();
  const whole = JSON.stringify(readEverything(bytes));
  for (let byteLength = 0; byteLength < bytes.byteLength; byteLength++) {
    try {
      assert.is(JSON.stringify(readEverything(bytes.slice(0, byteLength))), whole);
    } catch (thrown) {
      assert.instance(thrown, RangeError);
    }
  }
});

test("any four bytes replaced: a RangeError, or an answer no longer than the bytes could hold", () => {
  const bytes = sample();
  const next = random(101);
  for (let round = 0; round < 5_000; round++) {
    const mutated = bytes.slice();
    const view = new DataView(mutated.buffer);
    const at = Math.floor(next() * (bytes.byteLength - 4));
    view.setInt32(
      at,
      next() < 0.5 ? Math.floor(next() * 2 ** 32) : Math.floor(next() * bytes.byteLength),
      true,
    );
    try {
      const [, , , pairs, tables] = readEverything(mutated) as [
        unknown,
        unknown,
        unknown,
        unknown[],
        unknown[],
      ];
      assert.ok(pairs.length * 16 <= bytes.byteLength && tables.length <= 10);
    } catch (thrown) {
      assert.instance(thrown, RangeError);
    }
  }
});

test.run();
