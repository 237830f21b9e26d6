/** LevelDB's files, as LevelDB writes them: sound ones pass, and a flipped bit in any that counts is found. */
import { randomBytes } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Level } from "level";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { crc32c } from "../../src/lineage-store/crc32c.js";
import { databaseBytes, databaseProblems } from "../../src/lineage-store/leveldb-files.js";
import { LogScan } from "../../src/lineage-store/leveldb-log.js";
import { salvagedEntries } from "../../src/lineage-store/leveldb-salvage.js";
import { unsnappy } from "../../src/lineage-store/snappy.js";
import { freshDir } from "./support.js";
import { watchDisk } from "./watched-disk.js";

/** A whole log at one go. */
function checkLog(bytes: Buffer) {
  const scan = new LogScan();
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 32_768)
    for (const places of scan.records(bytes.subarray(at, at + 32_768), at))
      records.push(
        Buffer.concat(places.map(({ offset, byteLength }) => bytes.subarray(offset, offset + byteLength))),
      );
  return { records, damagedAt: scan.damagedAt, tornAt: scan.tornAt };
}

test("CRC-32C, as its standard has it", () => {
  assert.is(crc32c(Buffer.from("123456789")), 0xe3069283);
  // RFC 3720, B.4: 32 zeros, 32 bytes 0xff, 0 … 31.
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
});

test("Snappy: literals, copies that overlap, and what is none", () => {
  const bytes = (...values: number[]) => Uint8Array.from(values);
  const text = (out: Uint8Array | null) => out && Buffer.from(out).toString();
  assert.is(text(unsnappy(bytes(3, 2 << 2, 97, 98, 99), 100)), "abc");
  // "ab", then 8 bytes from 2 back, by an offset of one byte and of two.
  assert.is(text(unsnappy(bytes(10, 1 << 2, 97, 98, ((8 - 4) << 2) | 1, 2), 100)), "ababababab");
  assert.is(text(unsnappy(bytes(10, 1 << 2, 97, 98, (7 << 2) | 2, 2, 0), 100)), "ababababab");
  const long = Buffer.concat([bytes(0x80, 1, 60 << 2, 127), Buffer.alloc(128, "x")]);
  assert.is(text(unsnappy(long, 128)), "x".repeat(128));
  const wrong = [
    [],
    [0x80],
    [3, 2 << 2, 97],
    [3, 1 << 2, 97, 98],
    [2, 2 << 2, 97, 98, 99],
    [4, 0, 97, 1, 2],
    [4, 0, 97, 2, 0, 0],
  ];
  for (const one of wrong) assert.is(unsnappy(bytes(...one), 100), null, JSON.stringify(one));
  assert.is(unsnappy(long, 127), null);
});

/** Tables of several levels, a log, and obsolete files as they come. */
async function written(): Promise<string> {
  const dir = freshDir();
  const level = new Level<Buffer, Buffer>(dir, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    writeBufferSize: 40_000,
  });
  await level.open();
  for (let index = 0; index < 300; index++) {
    const key = Buffer.from(`key ${(index * 7_919) % 300}`);
    const value = index % 3 === 0 ? randomBytes(1_500) : Buffer.alloc(1_500, `value ${index} `);
    await level.batch([{ type: "put", key, value }], { sync: index % 50 === 0 });
  }
  const { compactRange } = level as unknown as { compactRange(from: string, to: string): Promise<void> };
  await compactRange.call(level, "k", "l");
  await level.close();
  // The next opening removes what compactions have left; a small log comes after it.
  await level.open();
  for (let index = 0; index < 40; index++) await level.put(Buffer.from(`l ${index}`), randomBytes(300));
  await level.close();
  return dir;
}

const filesIn = (dir: string) =>
  readdirSync(dir).filter((name) => /^(CURRENT|MANIFEST-|.*\.(ldb|log)$)/.test(name));

test("what LevelDB has written is sound, during and after", async () => {
  assert.equal(await databaseProblems(freshDir()), []);
  const dir = await written();
  assert.ok(filesIn(dir).filter((name) => name.endsWith(".ldb")).length >= 1, filesIn(dir).join(" "));
  assert.ok((await databaseBytes(dir)) > 100_000);
  assert.equal(await databaseProblems(dir), []);
});

test("a flipped bit, a cut or missing file is found", async () => {
  const dir = await written();
  for (const name of filesIn(dir)) {
    const path = join(dir, name);
    const bytes = readFileSync(path);
    const check = async (what: string) => {
      const found = await databaseProblems(dir);
      assert.ok(found.length > 0, `${name}, ${what}`);
      if (/\d\.(ldb|log)$/.test(name)) assert.equal([...new Set(found.map((one) => one.path))], [path]);
    };
    // Of a table's footer the padding does not count; of a log the last record may have been torn by a crash.
    const end = name.endsWith(".ldb")
      ? bytes.length - 48
      : name.endsWith(".log")
        ? bytes.length - 2_000
        : bytes.length - 1;
    for (let flip = 0; flip < 60 && end > 0; flip++) {
      const at = Math.floor((flip * end) / 60);
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (flip % 8);
      writeFileSync(path, flipped);
      if (name.startsWith("MANIFEST") && checkLog(flipped).damagedAt.length === 0) {
        // Its last record: LevelDB itself refuses it or, where it was torn, does without.
        assert.ok(checkLog(flipped).records.length < checkLog(bytes).records.length);
        continue;
      }
      await check(`byte ${at} of ${bytes.length}`);
    }
    writeFileSync(path, bytes);
    if (name.endsWith(".ldb") || name === "CURRENT") {
      truncateSync(path, bytes.length >> 1);
      await check("cut");
      rmSync(path);
      await check("missing");
      writeFileSync(path, bytes);
    }
  }
  assert.equal(await databaseProblems(dir), []);
});

test("a log cut at any byte is what a crash leaves, and no damage", async () => {
  const dir = freshDir();
  const level = new Level<Buffer, Buffer>(dir, { keyEncoding: "buffer", valueEncoding: "buffer" });
  await level.open();
  for (let index = 0; index < 40; index++) await level.put(Buffer.from(`${index}`), randomBytes(index * 60));
  await level.close();
  const name = filesIn(dir).find((one) => one.endsWith(".log"))!;
  const bytes = readFileSync(join(dir, name));
  assert.is(checkLog(bytes).records.length, 40);
  for (let length = 0; length < bytes.length; length += 97) {
    assert.equal(checkLog(bytes.subarray(0, length)).damagedAt, []);
    // Or its space was there already, and not yet its bytes.
    const zeroed = Buffer.concat([bytes.subarray(0, length), Buffer.alloc(bytes.length - length)]);
    assert.equal(checkLog(zeroed).damagedAt, []);
  }
  const copy = freshDir();
  cpSync(dir, copy, { recursive: true });
  truncateSync(join(copy, name), bytes.length - 5);
  assert.equal(await databaseProblems(copy), []);
});

test("several places of a log and a table that are damaged are all found, and what lies between comes back", async () => {
  const dir = freshDir();
  const level = new Level<Buffer, Buffer>(dir, { keyEncoding: "buffer", valueEncoding: "buffer" });
  const keys = Array.from({ length: 60 }, (_, index) => `key ${String(index).padStart(2, "0")}`);
  await level.open();
  const values = keys.map(() => randomBytes(1_000));
  for (const [index, key] of keys.entries()) await level.put(Buffer.from(key), values[index]!);
  await level.close();
  const found = async () => {
    const entries: string[] = [];
    for await (const { key, value } of salvagedEntries(dir))
      if (value.equals(values[keys.indexOf(key.toString())] ?? Buffer.of())) entries.push(key.toString());
    return entries;
  };
  const hit = (path: string, indexes: readonly number[]) => {
    const bytes = readFileSync(path);
    for (const index of indexes) bytes[bytes.indexOf(values[index]!) + 500]! ^= 4;
    writeFileSync(path, bytes);
  };
  const hits = [3, 4, 20, 41];
  const left = keys.filter((_, index) => !hits.includes(index));
  const log = join(dir, filesIn(dir).find((one) => one.endsWith(".log"))!);
  const sound = readFileSync(log);
  hit(log, hits);
  // Two next to each other are one stretch.
  assert.is((await databaseProblems(dir)).length, 3);
  assert.equal(await found(), left);
  writeFileSync(log, sound);
  await level.open();
  await (level as unknown as { compactRange(from: string, to: string): Promise<void> }).compactRange(
    "k",
    "l",
  );
  await level.close();
  const table = join(dir, filesIn(dir).find((one) => one.endsWith(".ldb"))!);
  hit(table, hits);
  const problems = await databaseProblems(dir);
  assert.ok(problems.length >= 3 && problems.every(({ path }) => path === table), JSON.stringify(problems));
  assert.equal(await found(), left);
});

test("however large a log or a batch is, it is read in pieces of a megabyte", async () => {
  const dir = freshDir();
  const level = new Level<Buffer, Buffer>(dir, {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
    writeBufferSize: 64 * 1024 * 1024,
  });
  await level.open();
  const value = (index: number) => Buffer.alloc(100_000 + index, index);
  await level.batch(
    Array.from({ length: 300 }, (_, index) => ({
      type: "put" as const,
      key: Buffer.from(`key ${index}`),
      value: value(index),
    })),
  );
  await level.close();
  let largest = 0;
  const unwatch = watchDisk({
    after: ({ call }, args) => {
      assert.is.not(call, "readFile");
      if (call === "read") largest = Math.max(largest, args[3] as number);
    },
  });
  let count = 0;
  try {
    for await (const entry of salvagedEntries(dir)) {
      assert.ok(entry.value.equals(value(count)), String(count));
      assert.is(entry.key.toString(), `key ${count++}`);
    }
    assert.equal(await databaseProblems(dir), []);
  } finally {
    unwatch();
  }
  assert.is(count, 300);
  assert.is(largest, 1024 * 1024);
});

test.run();
