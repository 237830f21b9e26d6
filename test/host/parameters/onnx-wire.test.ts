import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { memorySource } from "../../../src/host/parameters/model-bytes.js";
import { type Pending, Wire, type WireField } from "../../../src/host/parameters/onnx-wire.js";
import { parameterIndexBytesMax, parameterWindowBytes, tensorNameBytesMax } from "../../../src/limits.js";
import { bytes, concat, fixed32, fixed64, int, packed, tag, text, varint } from "./onnx-writer.js";

async function fieldsOf(message: Uint8Array): Promise<WireField[]> {
  const fields: WireField[] = [];
  await new Wire(memorySource(message, "w")).walk({ start: 0, end: message.length }, (field) => {
    fields.push(field);
  });
  return fields;
}

/** What a walk throws at once or later, or null. */
async function failureOf(work: () => Pending): Promise<unknown> {
  try {
    await work();
    return null;
  } catch (error) {
    return error;
  }
}

async function refusal(message: Uint8Array): Promise<MendlineError> {
  let thrown: unknown = null;
  await fieldsOf(message).catch((error: unknown) => {
    thrown = error;
  });
  if (!(thrown instanceof MendlineError))
    throw new Error(`accepted: ${Buffer.from(message).toString("hex")}`);
  assert.is(thrown.code, "MENDLINE_MODEL_MALFORMED");
  return thrown;
}

test("every wire type gives its value's range", async () => {
  const message = concat(int(1, 300), fixed64(2, 1), text(3, "héllo"), fixed32(4, 1), bytes(536870911));
  const found = (await fieldsOf(message)).map(({ number, type, at, start, end }) => [
    number,
    type,
    at,
    start,
    end,
  ]);
  assert.equal(found, [
    [1, 0, 0, 1, 3],
    [2, 1, 3, 4, 12],
    [3, 2, 12, 14, 20],
    [4, 5, 20, 21, 25],
    [536870911, 2, 25, 31, 31],
  ]);
});

test("varints of every length carry their 64 bits", async () => {
  const values = [0n, 1n, 127n, -1n, -(2n ** 63n)];
  for (let bit = 7n; bit < 64n; bit++) values.push(2n ** bit - 1n, 2n ** bit, 2n ** bit + 1n);
  const message = concat(...values.map((value) => int(1, value)));
  const found = (await fieldsOf(message)).map(
    ({ low, high }) => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0),
  );
  assert.equal(
    found,
    values.map((value) => BigInt.asUintN(64, value)),
  );
});

test("packed varints are walked over window borders", async () => {
  const values = Array.from({ length: 40_000 }, (_, index) => index * 7);
  const message = packed(5, values);
  const wire = new Wire(memorySource(message));
  const found: number[] = [];
  await wire.walk({ start: 0, end: message.length }, (field) =>
    wire.walkPacked(field, (low) => {
      found.push(low);
    }),
  );
  assert.equal(found, values);
});

test("fields that straddle windows, and nested walks that move the window away", async () => {
  const inner = concat(...Array.from({ length: 20 }, (_, index) => int(index + 1, index)));
  const blocks = Array.from({ length: 40 }, (_, index) =>
    bytes(1, inner, bytes(99, new Uint8Array(parameterWindowBytes / 9 + index))),
  );
  const message = concat(...blocks);
  const wire = new Wire(memorySource(message));
  let outer = 0;
  let sum = 0;
  await wire.walk({ start: 0, end: message.length }, async (block) => {
    outer++;
    for (let pass = 0; pass < 2; pass++)
      await wire.walk(block, (field) => {
        sum += field.low;
      });
  });
  assert.is(outer, 40);
  assert.is(sum, 40 * 2 * 190);
});

const broken: readonly [string, Uint8Array, RegExp, number][] = [
  ["field number 0", concat(int(1, 1), varint(2), varint(0)), /field number 0 is not allowed/, 2],
  ["field number too high", concat(varint(2 ** 32 + 8), varint(0)), /field number 536870913/, 0],
  ["group start", tag(3, 3), /wire type 3 \(a group\)/, 0],
  ["group end", tag(3, 4), /wire type 4 \(a group\)/, 0],
  ["wire type 6", tag(3, 6), /wire type 6, which/, 0],
  ["wire type 7", tag(3, 7), /wire type 7, which/, 0],
  ["truncated tag", Uint8Array.of(0x80), /a number is cut off/, 0],
  ["truncated varint", concat(tag(1, 0), Uint8Array.of(0xff, 0xff)), /a number is cut off/, 1],
  ["no value", tag(1, 0), /a number is cut off/, 1],
  [
    "11-byte varint",
    concat(tag(1, 0), new Uint8Array(10).fill(0x80), Uint8Array.of(1)),
    /more than 64 bits/,
    1,
  ],
  [
    "65-bit varint",
    concat(tag(1, 0), new Uint8Array(9).fill(0xff), Uint8Array.of(2)),
    /more than 64 bits/,
    1,
  ],
  [
    "length beyond parent",
    concat(int(1, 1), tag(2, 2), varint(3), Uint8Array.of(1, 2)),
    /is 3 bytes long where 2 are left/,
    2,
  ],
  ["length of 2^64 - 1", concat(tag(2, 2), varint(-1n)), /bytes long where 0 are left/, 0],
  ["truncated fixed32", concat(tag(2, 5), Uint8Array.of(1, 2, 3)), /is 4 bytes long where 3 are left/, 0],
  ["truncated fixed64", concat(tag(2, 1), Uint8Array.of(1, 2, 3)), /is 8 bytes long where 3 are left/, 0],
];

for (const [name, message, expected, at] of broken) {
  test(`refuses ${name}, with the byte`, async () => {
    const { message: said, details } = await refusal(message);
    assert.match(said, expected);
    assert.is(details.byteOffset, at);
    assert.match(said, new RegExp(`\\(byte ${at}\\)$`));
  });
}

test("an inner length may not reach beyond its message, though the file goes on", async () => {
  const message = concat(bytes(1, tag(2, 2), varint(4), Uint8Array.of(1)), bytes(3, new Uint8Array(10)));
  const wire = new Wire(memorySource(message));
  const thrown = await failureOf(() =>
    wire.walk({ start: 0, end: message.length }, (field) => wire.walk(field, () => {})),
  );
  assert.match(String(thrown), /is 4 bytes long where 1 are left/);
});

test("text is bounded and UTF-8; a leading BOM is part of the name", async () => {
  const long = text(1, "x".repeat(tensorNameBytesMax + 1));
  const wire = new Wire(memorySource(concat(text(1, "\ufeffa"), bytes(1, Uint8Array.of(0xc0)), long)));
  const fields: WireField[] = [];
  await wire.walk({ start: 0, end: wire.source.byteLength }, (field) => {
    fields.push(field);
  });
  let name = "";
  await wire.text(fields[0]!, "name", (text) => {
    name = text;
  });
  assert.is(name, "\ufeffa");
  for (const [index, code] of [
    [1, "MENDLINE_MODEL_MALFORMED"],
    [2, "MENDLINE_MODEL_FORMAT"],
  ] as const) {
    const thrown = await failureOf(() => wire.text(fields[index]!, "name", () => {}));
    assert.is(thrown instanceof MendlineError && thrown.code, code);
  }
});

test("the index may take so much memory and no more", () => {
  const wire = new Wire(memorySource(new Uint8Array(8), "w"));
  wire.charge(parameterIndexBytesMax, 0);
  assert.throws(
    () => wire.charge(1, 7),
    (error: unknown) => error instanceof MendlineError && error.code === "MENDLINE_MODEL_FORMAT",
  );
});

test.run();
