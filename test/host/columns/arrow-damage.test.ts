// Arrow data that was cut off, damaged or made up: refused with a MendlineError in bounded time, and never read as something else.
import { Float64, Int8, Utf8View, vectorFromArray } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { mutationOutcomes, tryMutations } from "./arrow-mutations.js";
import { sample } from "./arrow-sample.js";
import { FlatBuffer, framed } from "./flat-buffer.js";
import { arrowBytes, forms, rawVector, readAll, recordBatch } from "./reading.js";

const runtime = await openRuntime({ memoryBytes: 32 * 1024 * 1024 });
const { arena } = runtime;

interface Outcome {
  readonly rows: number;
  readonly code: string | null;
}

/** Reads everything and makes a profile of it. Anything but a MendlineError is thrown on. */
async function tryReading(bytes: Uint8Array): Promise<Outcome> {
  let rows = 0;
  try {
    const source = await arrowSource(bytesAsSource(bytes, "damaged"), arena);
    rows = (await readAll(arena, source)).batchRows.reduce((sum, count) => sum + count, 0);
    assert.is(rows, source.rowCount);
    await profileData(runtime, source);
    return { rows, code: null };
  } catch (thrown) {
    if (!(thrown instanceof MendlineError)) throw thrown;
    return { rows, code: thrown.code };
  } finally {
    assert.is(arena.use.usedBytes, 0, "memory was kept");
  }
}

test("a file cut off at any eighth byte is refused", async () => {
  const bytes = arrowBytes(sample(), "file");
  for (let byteLength = 0; byteLength < bytes.byteLength; byteLength += 8) {
    const { code } = await tryReading(bytes.slice(0, byteLength));
    assert.is(code, "MENDLINE_DATA_MALFORMED", `cut off at ${byteLength} of ${bytes.byteLength}`);
  }
  assert.equal(await tryReading(bytes), { rows: 40, code: null });
});

test("a stream cut off at any eighth byte is refused, but between two frames, where it may end", async () => {
  const bytes = arrowBytes(sample(), "stream");
  const borders: number[] = [];
  for (let byteLength = 0; byteLength < bytes.byteLength; byteLength += 8) {
    const { rows, code } = await tryReading(bytes.slice(0, byteLength));
    if (code === "MENDLINE_DATA_MALFORMED") continue;
    // A stream of a schema alone has no rows to make a profile of.
    assert.is(code, rows === 0 ? "MENDLINE_DATA_EMPTY" : null, `cut off at ${byteLength}`);
    borders.push(rows);
  }
  // Behind the schema, the first dictionary, the first batch, the second dictionary, the second batch.
  assert.equal(borders, [0, 0, 20, 20, 40]);
});

test("bytes behind the end of a stream do not matter; bytes behind a file's end do", async () => {
  const more = (bytes: Uint8Array) => Uint8Array.of(...bytes, 1, 2, 3, 4, 5, 6, 7, 8);
  assert.equal(await tryReading(more(arrowBytes(sample(), "stream"))), { rows: 40, code: null });
  assert.is((await tryReading(more(arrowBytes(sample(), "file")))).code, "MENDLINE_DATA_MALFORMED");
});

for (const form of forms) {
  test(`${form}: 2,500 seeded mutations are read or refused, none hangs`, async () => {
    const { codes, tried } = await tryMutations({ form, rounds: 2_500, seed: form === "file" ? 89 : 97 });
    assert.is(tried, 2_500);
    const wrong = Object.keys(codes).filter((code) => !mutationOutcomes.has(code));
    assert.equal(wrong.slice(0, 5), []);
    assert.ok(codes.MENDLINE_DATA_MALFORMED! > 300 && codes.read! > 300, JSON.stringify(codes));
  });
}

/** A schema of `fieldCount` fields that are one and the same, with a name of so many bytes. */
function schemaOf(fieldCount: number, nameBytes: number, endianness = 0): Uint8Array {
  const flat = new FlatBuffer();
  const message = flat.table([{ bytes: 2, value: 4 }, { bytes: 1, value: 1 }, "reference", null]);
  const schema = flat.table([{ bytes: 2, value: endianness }, "reference"]);
  flat.refer(message.field(2), schema);
  const fields = flat.vector(fieldCount, 4);
  flat.refer(schema.field(1), fields);
  const field = flat.table(["reference", null, { bytes: 1, value: 2 }, "reference"]);
  for (let i = 0; i < fieldCount; i++) flat.refer(fields.at + 4 + i * 4, field);
  flat.refer(field.field(0), flat.text("n".repeat(nameBytes)));
  flat.refer(
    field.field(3),
    flat.table([
      { bytes: 4, value: 32 },
      { bytes: 1, value: 1 },
    ]),
  );
  return framed(flat.bytes(message));
}

test("a small schema cannot stand for a huge one by sharing its parts", async () => {
  assert.is((await tryReading(schemaOf(1, 3))).code, "MENDLINE_DATA_EMPTY");
  // 40,000 names of a megabyte each, in a megabyte.
  assert.is((await tryReading(schemaOf(40_000, 1_000_000))).code, "MENDLINE_DATA_MALFORMED");
  assert.is((await tryReading(schemaOf(500_000, 1))).code, "MENDLINE_DATA_MALFORMED");
});

test("a type or a unit that the format does not have is refused, and one left out is its default", async () => {
  const timestamps = async (unit: number | null, typeNumber = 10) => {
    const flat = new FlatBuffer();
    const message = flat.table([{ bytes: 2, value: 4 }, { bytes: 1, value: 1 }, "reference", null]);
    const schema = flat.table([null, "reference"]);
    flat.refer(message.field(2), schema);
    const fields = flat.vector(1, 4);
    flat.refer(schema.field(1), fields);
    const field = flat.table([null, null, { bytes: 1, value: typeNumber }, "reference"]);
    flat.refer(fields.at + 4, field);
    flat.refer(field.field(3), flat.table(unit === null ? [] : [{ bytes: 2, value: unit }]));
    try {
      return (await arrowSource(bytesAsSource(framed(flat.bytes(message)), "data"), arena)).fields[0]!
        .logical;
    } catch (thrown) {
      return (thrown as MendlineError).code;
    }
  };
  assert.is(await timestamps(null), "timestamp[s]");
  assert.is(await timestamps(3), "timestamp[ns]");
  assert.is(await timestamps(4), "MENDLINE_DATA_MALFORMED");
  assert.is(await timestamps(-1), "MENDLINE_DATA_MALFORMED");
  // Dates are in milliseconds unless they say otherwise.
  assert.is(await timestamps(null, 8), "date");
  assert.is(await timestamps(2, 8), "MENDLINE_DATA_MALFORMED");
  assert.is(await timestamps(null, 0), "MENDLINE_DATA_MALFORMED");
});

test("fields that share their children cannot multiply", async () => {
  const flat = new FlatBuffer();
  const message = flat.table([{ bytes: 2, value: 4 }, { bytes: 1, value: 1 }, "reference", null]);
  const schema = flat.table([null, "reference"]);
  flat.refer(message.field(2), schema);
  // Each level's two children are one and the same table: 2^60 fields in a few kilobytes.
  let parentField = schema.field(1);
  for (let depth = 0; depth < 60; depth++) {
    const children = flat.vector(2, 4);
    flat.refer(parentField, children);
    const field = flat.table([null, null, { bytes: 1, value: 13 }, null, null, "reference"]);
    flat.refer(children.at + 4, field);
    flat.refer(children.at + 8, field);
    parentField = field.field(5);
  }
  flat.refer(parentField, flat.vector(0, 4));
  assert.is((await tryReading(framed(flat.bytes(message)))).code, "MENDLINE_DATA_MALFORMED");
});

test("a column with other rows than its record batch is refused", async () => {
  const bytes = arrowBytes([recordBatch([["n", rawVector(new Int8(), new Array(20).fill(1))]])]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const nodes = [];
  for (let at = 0; at + 16 <= bytes.byteLength; at += 4) {
    if (view.getBigInt64(at, true) === 20n && view.getBigInt64(at + 8, true) === 0n) nodes.push(at);
  }
  assert.is(nodes.length, 1);
  view.setBigInt64(nodes[0]!, 19n, true);
  assert.is((await tryReading(bytes)).code, "MENDLINE_DATA_MALFORMED");
});

test("big-endian numbers and views are refused with the remedy", async () => {
  const message = async (bytes: Uint8Array) => {
    try {
      await arrowSource(bytesAsSource(bytes, "data"), arena);
    } catch (thrown) {
      return thrown instanceof MendlineError ? `${thrown.code} ${thrown.message}` : String(thrown);
    }
    return "read";
  };
  assert.match(await message(schemaOf(1, 3, 1)), /MENDLINE_DATA_FORMAT .*big-endian/);
  const views = arrowBytes([recordBatch([["t", vectorFromArray(["a", "b"], new Utf8View())]])]);
  assert.match(await message(views), /MENDLINE_DATA_FORMAT .*column "t" is a view/);
});

test("a footer that lists a frame twice, or one inside another, is refused", async () => {
  const bytes = arrowBytes(
    [
      recordBatch([["n", rawVector(new Float64(), [1, 2])]]),
      recordBatch([["n", rawVector(new Float64(), [3, 4])]]),
    ],
    "file",
  );
  assert.equal(await tryReading(bytes), { rows: 4, code: null });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const footerAt = bytes.byteLength - 10 - view.getInt32(bytes.byteLength - 10, true);
  // Both blocks stand one behind the other: two i64 offsets, 24 bytes apart.
  const offsets = findOffsets(view, footerAt);
  view.setBigInt64(offsets[1]!, view.getBigInt64(offsets[0]!, true), true);
  assert.is((await tryReading(bytes)).code, "MENDLINE_DATA_MALFORMED");
});

function findOffsets(view: DataView, footerAt: number): [number, number] {
  for (let at = footerAt; at + 48 <= view.byteLength; at++) {
    const [first, second] = [view.getBigInt64(at, true), view.getBigInt64(at + 24, true)];
    const isFrame = (offset: bigint) =>
      offset >= 8n && offset < BigInt(footerAt) && view.getInt32(Number(offset), true) === -1;
    if (isFrame(first) && isFrame(second) && first !== second) return [at, at + 24];
  }
  throw new Error("no blocks found");
}

test.run();
