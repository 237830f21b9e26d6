/** LevelDB's files, as LevelDB writes them: sound ones pass, and a flipped bit in any that counts is found. */
import { randomBytes } from "node:crypto";
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Level } from "level";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { crc32c } from "../../src/lineage-store/crc32c.js";
import { databaseBytes, databaseProblems } from "../../src/lineage-store/leveldb-files.js";
import { checkLog } from "../../src/lineage-store/leveldb-log.js";
import { unsnappy } from "../../src/lineage-store/snappy.js";
import { freshDir } from "./support.js";

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
      if (/\d\.(ldb|log)$/.test(name))
        assert.equal(
          found.map((one) => one.path),
          [path],
        );
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
      if (name.startsWith("MANIFEST") && checkLog(flipped).damagedAt === null) {
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
    assert.is(checkLog(bytes.subarray(0, length)).damagedAt, null);
    // Or its space was there already, and not yet its bytes.
    const zeroed = Buffer.concat([bytes.subarray(0, length), Buffer.alloc(bytes.length - length)]);
    assert.is(checkLog(zeroed).damagedAt, null);
  }
  const copy = freshDir();
  cpSync(dir, copy, { recursive: true });
  truncateSync(join(copy, name), bytes.length - 5);
  assert.equal(await databaseProblems(copy), []);
});

test.run();
