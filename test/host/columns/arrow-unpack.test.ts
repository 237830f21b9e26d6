import { readFileSync } from "node:fs";
import { Float64 } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import { isPackedStream } from "../../../src/host/columns/arrow-bytes.js";
import { parseMessage } from "../../../src/host/columns/arrow-message.js";
import { unpackLz4Frame } from "../../../src/host/columns/lz4-frame.js";
import { Arena } from "../../../src/host/memory/arena.js";
import { arenaBytesMin } from "../../../src/limits.js";
import { random } from "../../assembly/support.js";
import { fixturePath } from "../../support.js";
import { FlatBuffer } from "./flat-buffer.js";
import { lz4Frame } from "./lz4-writer.js";
import { arrowBytes, type Cell, packedArrowBytes, rawVector, readAll, recordBatch } from "./reading.js";

const arena = new Arena(64 * 1024 * 1024);
const kinds = ["sun", "rain", "", "drizzle", "snö"];

/** What make.py writes, but for the noise. */
function cellsOf(rows: number): Record<string, Cell[]> {
  const each = (cell: (row: number) => Cell) => Array.from({ length: rows }, (_, row) => cell(row));
  return {
    i32: each((row) => (row % 16 === 3 ? null : (Math.floor(row / 4) * 7919) % 1000)),
    f64: each((row) => Math.floor(row / 8) * 0.25 - 100),
    f16: each((row) => row % 64),
    bool: each((row) => (row % 50 === 0 ? null : Number(row % 3 === 0))),
    text: each((row) => kinds[row % 5]!),
    codes: each((row) => (row % 7 === 0 ? null : kinds[row % 3]!)),
    same: each(() => 5n),
  };
}

function fixture(name: string): Uint8Array {
  return readFileSync(fixturePath(`arrow/${name}`));
}

async function cellsIn(bytes: Uint8Array, into = arena): Promise<Record<string, Cell[]>> {
  const source = await arrowSource(bytesAsSource(bytes, "packed"), into);
  try {
    return (await readAll(into, source)).cells;
  } finally {
    await source.close();
  }
}

for (const codec of ["lz4", "zstd"]) {
  test(`${codec}: a Feather file and a stream of pyarrow`, async () => {
    const { noise, ...cells } = await cellsIn(fixture(`${codec}.feather`));
    assert.equal(cells, cellsOf(20_000));
    assert.is(noise!.length, 20_000);
    assert.ok(noise!.slice(3_000).every((cell) => cell === 7));
    const { noise: fewer, ...some } = await cellsIn(fixture(`${codec}.arrows`));
    assert.equal(some, cellsOf(3_000));
    assert.equal(fewer, noise!.slice(0, 3_000));
  });

  test(`${codec}: in pieces through the smallest memory, and one column of many`, async () => {
    const small = new Arena(arenaBytesMin);
    // What is left of the memory holds a fraction of a record batch.
    const scope = small.scope();
    scope.allocate(small.availableBytes - 200_000);
    const source = await arrowSource(bytesAsSource(fixture(`${codec}.feather`), "packed"), small);
    const { cells, batchRows } = await readAll(small, source, { columns: ["f64", "codes"] });
    const { f64, codes } = cellsOf(20_000);
    assert.equal({ ...cells }, { f64, codes });
    assert.ok(batchRows.length > 10, `${batchRows.length} pieces`);
    scope.close();
  });

  test(`${codec}: damage is told, whatever the byte`, async () => {
    const whole = fixture(`${codec}.arrows`);
    const right = await cellsIn(whole);
    const next = random(7);
    let refused = 0;
    for (let round = 0; round < 150; round++) {
      const bytes = Uint8Array.from(whole);
      bytes[Math.floor(next() * bytes.byteLength)]! ^= 1 << Math.floor(next() * 8);
      try {
        const cells = await cellsIn(bytes);
        assert.is(cells.i32?.length ?? right.i32!.length, right.i32!.length);
      } catch (thrown) {
        assert.instance(thrown, MendlineError, String(thrown));
        refused += 1;
      }
    }
    assert.ok(refused > 8, `${refused} refused`);
  });
}

/** A stream of one column whose buffers are packed by `encode`. */
function packedBy(encode: (data: Uint8Array) => Uint8Array): Uint8Array {
  return packedArrowBytes([recordBatch([["n", rawVector(new Float64(), new Array(100).fill(1))]])], encode);
}

test("LZ4 frames of any content, in blocks of any length, unpack to it", () => {
  const next = random(11);
  for (let round = 0; round < 200; round++) {
    const byteLength = Math.floor(next() ** 3 * 5_000);
    const symbols = 1 + Math.floor(next() * 40);
    const data = new Uint8Array(byteLength);
    for (let at = 0; at < byteLength; at++) {
      const isRepeat = at > 50 && next() < 0.8;
      data[at] = isRepeat ? data[at - 1 - (round % 50)]! : Math.floor(next() * symbols);
    }
    const target = new Uint8Array(byteLength);
    const blockBytes = 20 + Math.floor(next() * 2_000);
    const steps = [...unpackLz4Frame(lz4Frame(data, blockBytes), target)];
    assert.is(steps.length, Math.ceil(byteLength / blockBytes));
    assert.equal(target, data);
  }
});

test("a compression that is not known is refused with the remedy", () => {
  const parse = (codec: number, method: number) => {
    const flat = new FlatBuffer();
    const message = flat.table([{ bytes: 2, value: 4 }, { bytes: 1, value: 3 }, "reference", null]);
    const batch = flat.table([{ bytes: 8, value: 0 }, null, null, "reference"]);
    flat.refer(message.field(2), batch);
    const compression = [codec, method].map((value) => ({ bytes: 1, value }) as const);
    flat.refer(batch.field(3), flat.table(compression));
    const parsed = parseMessage(flat.bytes(message), "data");
    return parsed.kind === "batch" ? parsed.batch.codec : null;
  };
  assert.equal([parse(0, 0), parse(1, 0)], ["lz4", "zstd"]);
  for (const [codec, method] of [
    [2, 0],
    [-1, 0],
    [0, 1],
  ] as const) {
    assert.throws(
      () => parse(codec, method),
      (thrown: MendlineError) =>
        thrown.code === "MENDLINE_DATA_FORMAT" && /uncompressed/.test(thrown.message),
    );
  }
});

test("streams are told by their first data", () => {
  assert.ok(isPackedStream(fixture("lz4.arrows")));
  assert.ok(isPackedStream(packedBy(lz4Frame)));
  const plain = arrowBytes([recordBatch([["n", rawVector(new Float64(), [1, 2])]])]);
  for (let byteLength = 0; byteLength <= plain.byteLength; byteLength++)
    assert.not(isPackedStream(plain.subarray(0, byteLength)));
});

test("a buffer that unpacks to more or less than it announces is refused", async () => {
  const frame = (...blocks: number[]) =>
    Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0, ...blocks, 0, 0, 0, 0);
  for (const [bytes, told] of [
    [frame(), /0 bytes of/],
    [frame(2, 0, 0, 0x80, 1, 2), /2 bytes of/],
    [frame(3, 0, 0, 0, 0x10, 1, 9), /cut off/],
    [frame(4, 0, 0, 0, 0x10, 1, 9, 0), /9 bytes back/],
    [frame(4, 0, 0, 0, 0x10, 1, 0, 0), /0 bytes back/],
    [frame(0xff, 0xff, 0, 0), /ends at/],
    [Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x41, 0x40, 0xc0, 0), /dictionary/],
  ] as const) {
    try {
      await cellsIn(packedBy(() => bytes));
      assert.unreachable();
    } catch (thrown) {
      assert.instance(thrown, MendlineError, String(thrown));
      assert.is((thrown as MendlineError).code, "MENDLINE_DATA_MALFORMED");
      assert.match((thrown as MendlineError).message, told);
    }
  }
});

test("what is no LZ4 frame, or one of another version, is refused", () => {
  const unpack = (...bytes: number[]) => [...unpackLz4Frame(Uint8Array.from(bytes), new Uint8Array(8))];
  assert.throws(() => unpack(1, 2, 3, 4, 0, 0, 0, 0), /no LZ4 frame/);
  assert.throws(() => unpack(0x04, 0x22, 0x4d, 0x18, 0x80, 0x40, 0), /version/);
  assert.throws(() => unpack(0x04, 0x22), RangeError);
});

test("more than a table would unpack to is refused before anything is unpacked", async () => {
  const bytes = packedBy(() => Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0, 0));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const at = [...bytes.keys()].find((at) => at % 8 === 0 && view.getBigInt64(at, true) === 800n)!;
  for (const [claimed, code, told] of [
    [257n << 20n, "MENDLINE_DATA_LIMIT", /smaller record batches/],
    [100n << 20n, "MENDLINE_DATA_LIMIT", /decompression bomb/],
    [-2n, "MENDLINE_DATA_MALFORMED", /-2 bytes/],
    [8n, "MENDLINE_DATA_MALFORMED", /100 rows need 800 bytes/],
  ] as const) {
    view.setBigInt64(at, claimed, true);
    try {
      await cellsIn(bytes);
      assert.unreachable();
    } catch (thrown) {
      assert.is((thrown as MendlineError).code, code, String(thrown));
      assert.match((thrown as MendlineError).message, told);
    }
  }
});

test.run();
