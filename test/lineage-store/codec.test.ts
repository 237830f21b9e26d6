import { hash } from "node:crypto";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { storeDepthMax, storeRecordBytesMax } from "../../src/limits.js";
import { decodeRecord, encodeRecord, JsonDocument } from "../../src/lineage-store/codec.js";
import { keyOf } from "../../src/lineage-store/keys.js";
import { failure } from "./support.js";

const key = keyOf("run", "r", 0);
const roundTrip = (value: unknown) => decodeRecord(key, encodeRecord(key, value));

test("any JSON comes back", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      // JSON has no -0; text must be well-formed to come back.
      const expected = JSON.parse(JSON.stringify(value).replace(/\p{Surrogate}/gu, "\ufffd"));
      assert.is(JSON.stringify(sorted(roundTrip(value))), JSON.stringify(sorted(expected)));
    }),
    { numRuns: 200 },
  );
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, member]) => [name, sorted(member)]);
}

test("equal values have equal bytes, whatever the order of their keys", () => {
  const left = { a: 1, b: { c: [1, 2], d: null }, "": 0 };
  const right = { "": -0, b: { d: null, c: [1, 2], e: undefined }, a: 1 };
  assert.equal(encodeRecord(key, left), encodeRecord(key, right));
});

test("names that objects treat specially stay names", () => {
  const value = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "toString": 3, "0": 4}');
  const back = roundTrip(value) as Record<string, unknown>;
  assert.is(JSON.stringify(sorted(back)), JSON.stringify(sorted(value)));
  assert.is(Object.getPrototypeOf(back), Object.prototype);
  assert.is(({} as Record<string, unknown>).x, undefined);
});

test("numbers keep every bit, bytes stay bytes", () => {
  const numbers = [
    Number.NaN,
    Infinity,
    -Infinity,
    Number.MIN_VALUE,
    2 ** 53,
    -(2 ** 40),
    0.1,
    1e300,
    4294967296,
    -33,
  ];
  assert.equal(roundTrip(numbers), numbers);
  assert.ok(Object.is(roundTrip(-0), 0));
  const bytes = (roundTrip({ bytes: Uint8Array.of(1, 2, 255) }) as { bytes: Uint8Array }).bytes;
  assert.equal([...bytes], [1, 2, 255]);
  assert.is(roundTrip("a\ud800b"), "a\ufffdb");
});

test("what is neither JSON nor bytes is refused", async () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  for (const value of [
    1n,
    () => 1,
    Symbol("x"),
    new Date(0),
    new Map(),
    new Float64Array(2),
    [undefined],
    circle,
  ])
    await failure("MENDLINE_ARGUMENT_INVALID", () => encodeRecord(key, value));
  await failure("MENDLINE_ARGUMENT_INVALID", () =>
    encodeRecord(key, new JsonDocument({ bytes: Uint8Array.of(1) })),
  );
});

test("depth and size are bounded", async () => {
  const nested = (depth: number) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
  assert.equal(roundTrip(nested(storeDepthMax)), nested(storeDepthMax));
  await failure("MENDLINE_ARGUMENT_INVALID", () => encodeRecord(key, nested(storeDepthMax + 2)));
  await failure("MENDLINE_DATA_LIMIT", () => encodeRecord(key, "x".repeat(storeRecordBytesMax)));
  let shared: unknown = "unfolds to 2^60 members";
  for (let level = 0; level < 60; level++) shared = [shared, shared];
  await failure("MENDLINE_DATA_LIMIT", () => encodeRecord(key, shared));
});

test("every flipped bit, every cut, and another key are found", async () => {
  const bytes = encodeRecord(key, { name: "rain", counts: [1, 2, 3] });
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const error = await failure("MENDLINE_STORE_CORRUPT", () => decodeRecord(key, flipped));
    assert.match(error.message, 'run "r" 0');
  }
  for (let length = 0; length < bytes.length; length++)
    await failure("MENDLINE_STORE_CORRUPT", () => decodeRecord(key, bytes.subarray(0, length)));
  await failure("MENDLINE_STORE_CORRUPT", () => decodeRecord(keyOf("run", "r", 1), bytes));
});

test("a sound record of a later format is told from a damaged one", async () => {
  const payload = Buffer.of(0xc0);
  const preamble = Buffer.alloc(5);
  preamble[0] = 2;
  preamble.writeUInt32BE(key.length, 1);
  const check = hash("sha256", Buffer.concat([preamble, key, payload]), "buffer").subarray(0, 16);
  await failure("MENDLINE_STORE_VERSION", () =>
    decodeRecord(key, Buffer.concat([Buffer.of(2), check, payload])),
  );
});

test.run();
