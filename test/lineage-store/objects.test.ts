import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { objectHeldBytesMax, parameterChunkBytes } from "../../src/limits.js";
import type { LineageStore } from "../../src/lineage-store/store.js";
import { addAll, collect, emptyModel, failure, idOf, withStore } from "./support.js";

async function* pieces(bytes: Uint8Array, byteLength: number): AsyncGenerator<Uint8Array> {
  const reused = new Uint8Array(byteLength);
  for (let offset = 0; offset < bytes.length; offset += byteLength) {
    const part = bytes.subarray(offset, offset + byteLength);
    reused.set(part);
    yield reused.subarray(0, part.length);
  }
}

const pathOf = (dir: string, hash: string) => join(dir, "objects", hash.slice(0, 2), hash.slice(2));
const bytesOf = async (store: LineageStore, hash: string) =>
  Buffer.concat(await collect(store.readObject(hash)));

test("bytes of any length come back, from buffers that are used again", () =>
  withStore(async (store, reopen, dir) => {
    const lengths = [0, 1, 1000, objectHeldBytesMax, objectHeldBytesMax + 1, parameterChunkBytes + 1];
    const added: { hash: string; bytes: Buffer }[] = [];
    for (const length of lengths) {
      const bytes = randomBytes(length);
      const { hash, byteLength } = await store.putObject(pieces(bytes, 100_000));
      assert.is(hash, createHash("sha256").update(bytes).digest("hex"));
      assert.is(byteLength, length);
      added.push({ hash, bytes });
    }
    const opened = await reopen();
    for (const { hash, bytes } of added) {
      assert.ok(bytes.equals(await bytesOf(opened, hash)));
      assert.ok(bytes.equals(readFileSync(pathOf(dir, hash))));
    }
    assert.equal(await readdir(join(dir, "tmp")), []);
  }));

test("the same bytes are stored once, also at the same time", () =>
  withStore(async (store, _reopen, dir) => {
    const bytes = randomBytes(2 * objectHeldBytesMax);
    const puts = await Promise.all(Array.from({ length: 5 }, () => store.putObject(bytes)));
    assert.is(new Set(puts.map(({ hash }) => hash)).size, 1);
    await store.putObject(bytes);
    assert.equal((await readdir(join(dir, "objects"), { recursive: true })).length, 2);
    assert.equal(await readdir(join(dir, "tmp")), []);
  }));

test("a failing source leaves nothing", () =>
  withStore(async (store, _reopen, dir) => {
    async function* failing() {
      yield randomBytes(2 * objectHeldBytesMax);
      throw new Error("the source is gone");
    }
    try {
      await store.putObject(failing());
      assert.unreachable();
    } catch (error) {
      assert.is((error as Error).message, "the source is gone");
    }
    assert.equal(await readdir(join(dir, "tmp")), []);
    assert.equal(await readdir(join(dir, "objects")), []);
  }));

test("a small object whole, within its bound", () =>
  withStore(async (store) => {
    const { hash } = await store.putObject(Buffer.from("profile"));
    assert.is(Buffer.from(await store.readObjectBytes(hash, 7)).toString(), "profile");
    await failure("MENDLINE_DATA_LIMIT", () => store.readObjectBytes(hash, 6));
  }));

test("unknown, damaged, cut and lost objects are told apart from sound ones", () =>
  withStore(async (store, _reopen, dir) => {
    const bytes = randomBytes(parameterChunkBytes + 100);
    const { hash } = await store.putObject(bytes);
    await failure("MENDLINE_STORE_UNKNOWN", () => bytesOf(store, idOf("no")));
    await failure("MENDLINE_ARGUMENT_INVALID", () => bytesOf(store, "../../FORMAT"));
    await failure("MENDLINE_ARGUMENT_INVALID", () => store.hasObject(hash.toUpperCase()));

    const flipped = Buffer.from(bytes);
    flipped[5]! ^= 0x10;
    writeFileSync(pathOf(dir, hash), flipped);
    let byteLength = 0;
    const error = await failure("MENDLINE_STORE_CORRUPT", async () => {
      for await (const chunk of store.readObject(hash)) byteLength += chunk.length;
    });
    assert.is(byteLength, bytes.length, "the stream ends in the error");
    assert.match(error.message, hash);
    await failure("MENDLINE_STORE_CORRUPT", () => store.readObjectBytes(hash, 1e9));
    writeFileSync(pathOf(dir, hash), bytes);
    truncateSync(pathOf(dir, hash), 10);
    await failure("MENDLINE_STORE_CORRUPT", () => bytesOf(store, hash));

    await store.putObject(bytes);
    assert.ok(bytes.equals(await bytesOf(store, hash)), "putting it again heals it");
    const layout = [{ object: hash, byteLength: bytes.length }];
    await addAll(store, emptyModel("a", "1", { layout, byteLength: bytes.length }));
    rmSync(pathOf(dir, hash));
    const lost = await failure("MENDLINE_STORE_CORRUPT", () => bytesOf(store, hash));
    assert.match(lost.message, "is lost");
  }));

test("an object of the right length and wrong bytes is healed by its put", () =>
  withStore(async (store, _reopen, dir) => {
    const { hash } = await store.putObject(Buffer.from("right"));
    writeFileSync(pathOf(dir, hash), "wrong");
    await store.putObject(Buffer.from("right"));
    assert.is(readFileSync(pathOf(dir, hash), "utf8"), "right");
  }));

test("what cannot be written is an error with a code", () =>
  withStore(async (store, _reopen, dir) => {
    const hash = idOf("blocked");
    mkdirSync(pathOf(dir, hash), { recursive: true });
    await failure("MENDLINE_STORE_IO", () => store.putObject(Buffer.from("blocked")));
    assert.equal(await readdir(join(dir, "tmp")), []);
    rmSync(join(dir, "objects", hash.slice(0, 2)), { recursive: true });
    assert.is((await store.putObject(Buffer.from("blocked"))).hash, hash);
  }));

test.run();
