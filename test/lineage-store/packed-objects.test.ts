/** Tensors kept as deltas: smaller, the same bytes again, and never worth more trust than their hash. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deltaDepthMax, packFrameBytes } from "../../src/limits.js";
import type { ElementBytes } from "../../src/lineage-store/deltas.js";
import type { LineageStore } from "../../src/lineage-store/store.js";
import { collect, emptyModel, failure, freshDir, plainDeltas, withStore } from "./support.js";

const withPacking = (work: Parameters<typeof withStore>[0]) => withStore(work, { deltas: plainDeltas() });
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const scratch = freshDir();
mkdirSync(scratch);
let fileCount = 0;

interface Added {
  readonly id: string;
  readonly object: string;
  readonly bytes: Buffer;
}

/** A model of one tensor behind a head of 8 bytes. */
async function addTensor(
  store: LineageStore,
  tensor: Uint8Array,
  width: ElementBytes,
  bases: string[] = [],
): Promise<Added> {
  const path = join(scratch, `m${fileCount++}`);
  const bytes = Buffer.concat([Buffer.from("headhead"), tensor]);
  writeFileSync(path, bytes);
  const added = await store.addFile(path, [
    { kind: "literal", tensor: null, byteOffset: 0, byteLength: 8 },
    { kind: "tensor", tensor: "t", byteOffset: 8, byteLength: tensor.length, origin: { width, bases } },
  ]);
  const { layout, byteLength, fileHash } = added;
  rmSync(path);
  const { id } = await store.commit((tx) =>
    tx.addModel(emptyModel(path, "1", { layout, byteLength, fileHash })),
  );
  return { id, object: layout[1]!.object, bytes };
}

async function checkBack(store: LineageStore, { id, object, bytes }: Added): Promise<void> {
  const out = join(scratch, "out");
  await store.restoreFile(id, out);
  assert.ok(readFileSync(out).equals(bytes), "the file");
  const read = Buffer.concat(await collect(store.readObject(object)));
  assert.ok(read.equals(bytes.subarray(8)), "the object");
}

const pathsOf = (dir: string, hash: string) => {
  const whole = join(dir, "objects", hash.slice(0, 2), hash.slice(2));
  return { whole, packed: `${whole}.packed` };
};
const storedBytes = (dir: string, hash: string) => {
  const { whole, packed } = pathsOf(dir, hash);
  assert.is(existsSync(whole) && existsSync(packed), false, "one form at a time");
  return statSync(existsSync(whole) ? whole : packed).size;
};

/** The same but for a few bytes. */
function changed(bytes: Uint8Array, places: number): Buffer {
  const other = Buffer.from(bytes);
  for (let place = 0; place < places; place++)
    other[Math.floor((place * other.length) / places)]! += 1 + (place % 200);
  return other;
}

test("a child that differs in a few bytes takes a few bytes", () =>
  withPacking(async (store, reopen, dir) => {
    const parent = await addTensor(store, randomBytes(2 * packFrameBytes + 800), 4);
    assert.is(storedBytes(dir, parent.object), parent.bytes.length - 8, "random bytes are kept as they are");
    const child = await addTensor(store, changed(parent.bytes.subarray(8), 50), 4, [parent.object]);
    assert.ok(storedBytes(dir, child.object) < 3_000, String(storedBytes(dir, child.object)));
    const same = await addTensor(store, parent.bytes.subarray(8), 4, [child.object, parent.object]);
    assert.is(same.object, parent.object);
    assert.is(
      readdirSync(join(dir, "objects"), { recursive: true, withFileTypes: true }).filter((one) =>
        one.isFile(),
      ).length,
      3,
    );
    const opened = await reopen();
    for (const added of [parent, child, same]) await checkBack(opened, added);
    assert.equal(readdirSync(join(dir, "tmp")), []);
  }));

test("any tensor of any width against any base comes back", () =>
  withPacking(async (store) => {
    const length = fc.oneof(
      fc.nat({ max: 40_000 }),
      fc.integer({ min: packFrameBytes - 8, max: packFrameBytes + 4_000 }),
    );
    await fc.assert(
      fc.asyncProperty(
        length.filter((bytes) => bytes > 0),
        fc.constantFrom(1, 2, 4, 8) as fc.Arbitrary<ElementBytes>,
        fc.constantFrom(0, 1, 30, 100_000),
        fc.constantFrom(0, 1, 40, 100_000),
        async (byteLength, width, kinds, places) => {
          // Of few kinds of bytes it can be packed by itself.
          const draws = randomBytes(byteLength);
          const tensor = kinds === 100_000 ? draws : draws.map((byte) => (byte <= kinds ? byte : 0));
          const parent = await addTensor(store, tensor, width);
          const child = await addTensor(store, changed(tensor, Math.min(places, byteLength)), width, [
            parent.object,
          ]);
          await checkBack(store, parent);
          await checkBack(store, child);
        },
      ),
      { numRuns: 25 },
    );
  }));

test("a tensor of few different values is packed by itself", () =>
  withPacking(async (store, _reopen, dir) => {
    const tensor = Buffer.from(randomBytes(packFrameBytes + 4_000).map((byte) => (byte < 16 ? byte : 0)));
    const added = await addTensor(store, tensor, 4);
    assert.ok(existsSync(pathsOf(dir, added.object).packed));
    assert.ok(storedBytes(dir, added.object) < tensor.length / 4);
    await checkBack(store, added);
  }));

test("chains are capped, and every link comes back", () =>
  withPacking(async (store, reopen, dir) => {
    let tensor: Buffer = randomBytes(20_000);
    const links = [await addTensor(store, tensor, 2)];
    for (let link = 1; link <= 2 * deltaDepthMax + 3; link++) {
      tensor = changed(tensor, 10 + link);
      links.push(await addTensor(store, tensor, 2, [links.at(-1)!.object]));
    }
    const opened = await reopen();
    for (const link of links) await checkBack(opened, link);
    const depths = links.map(({ object }) => {
      const { packed } = pathsOf(dir, object);
      return existsSync(packed) ? readFileSync(packed).at(-72 + 24) : 0;
    });
    assert.is(Math.max(...(depths as number[])), deltaDepthMax);
    assert.equal(
      depths,
      links.map((_, link) => (link === 0 ? 0 : 1 + ((link - 1) % deltaDepthMax))),
    );
    for (const { object } of links.slice(1)) assert.ok(storedBytes(dir, object) < 2_000);
  }));

test("the smaller of the whole and the delta is kept, also where it is little smaller", () =>
  withPacking(async (store, reopen, dir) => {
    // Of four bytes one is the parent's and a second differs by 16 values: plane by plane about 0, 4, 8 and 8 bits are left of 8.
    const parent = await addTensor(store, randomBytes(200_000), 4);
    const draws = randomBytes(200_000);
    const spread = (kept: number) =>
      Buffer.from(
        parent.bytes.subarray(8).map((byte, index) => {
          if (index % 4 < kept) return byte;
          return index % 4 === kept ? byte + (draws[index]! % 16) : draws[index]!;
        }),
      );
    const share = ({ object }: Added) => storedBytes(dir, object) / 200_000;
    const [smaller, little, none] = await Promise.all(
      [spread(1), spread(0), randomBytes(200_000)].map((bytes) =>
        addTensor(store, bytes, 4, [parent.object]),
      ),
    );
    assert.ok(Math.abs(share(smaller!) - 20 / 32) < 0.02, String(share(smaller!)));
    assert.ok(Math.abs(share(little!) - 28 / 32) < 0.02, String(share(little!)));
    assert.is(share(none!), 1, "no delta helps: kept as it is");
    const opened = await reopen();
    for (const added of [parent, smaller!, little!, none!]) await checkBack(opened, added);
  }));

test("the best of several bases is taken", () =>
  withPacking(async (store, _reopen, dir) => {
    const [far, near] = [randomBytes(30_000), randomBytes(30_000)];
    const bases = [(await addTensor(store, far, 4)).object, (await addTensor(store, near, 4)).object];
    const child = await addTensor(store, changed(near, 9), 4, bases);
    assert.ok(storedBytes(dir, child.object) < 1_000);
    await checkBack(store, child);
  }));

test("nothing packed is served with a bit flipped, in it or in what it stands on", () =>
  withPacking(async (store, _reopen, dir) => {
    const parent = await addTensor(store, randomBytes(6_000), 4);
    const child = await addTensor(store, changed(parent.bytes.subarray(8), 5), 4, [parent.object]);
    for (const [path, stride] of [
      [pathsOf(dir, child.object).packed, 1],
      [pathsOf(dir, parent.object).whole, 601],
    ] as const) {
      const bytes = readFileSync(path);
      for (let bit = 0; bit < bytes.length * 8; bit += stride) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(path, flipped);
        await failure("MENDLINE_STORE_CORRUPT", () => collect(store.readObject(child.object)));
        if (bit % 64 === 0)
          await failure("MENDLINE_STORE_CORRUPT", () => store.restoreFile(child.id, join(scratch, "no")));
      }
      for (let length = 0; length < bytes.length; length += stride * 7) {
        writeFileSync(path, bytes.subarray(0, length));
        await failure("MENDLINE_STORE_CORRUPT", () => collect(store.readObject(child.object)));
      }
      writeFileSync(path, bytes);
    }
    await checkBack(store, child);
    rmSync(pathsOf(dir, parent.object).whole);
    const lost = await failure("MENDLINE_STORE_CORRUPT", () =>
      store.restoreFile(child.id, join(scratch, "no")),
    );
    assert.match(lost.message, /stands on the object .* which is lost/);
    assert.is(existsSync(join(scratch, "no")), false);
  }));

test("a damaged base is found out, and the child kept without it", () =>
  withPacking(async (store, _reopen, dir) => {
    const parent = await addTensor(store, randomBytes(packFrameBytes + 4_000), 4);
    const { whole } = pathsOf(dir, parent.object);
    const sound = readFileSync(whole);
    for (const at of [10, packFrameBytes + 100]) {
      const flipped = Buffer.from(sound);
      flipped[at]! ^= 4;
      writeFileSync(whole, flipped);
      const child = await addTensor(store, changed(sound, 20 + (at % 7)), 4, [parent.object]);
      assert.ok(existsSync(pathsOf(dir, child.object).whole), "it does not stand on what is damaged");
      await checkBack(store, child);
      // What equals the damaged bytes is no copy of the base.
      const twin = await addTensor(store, flipped, 4, [parent.object]);
      assert.is.not(twin.object, parent.object);
      await checkBack(store, twin);
    }
    const healed = await addTensor(store, sound, 4, [parent.object]);
    assert.is(healed.object, parent.object);
    await checkBack(store, healed);
  }));

test("a damaged packed object is healed by adding its bytes again, in whatever form", () =>
  withPacking(async (store, _reopen, dir) => {
    const parent = await addTensor(store, randomBytes(9_000), 4);
    const tensor = changed(parent.bytes.subarray(8), 3);
    const child = await addTensor(store, tensor, 4, [parent.object]);
    const { whole, packed } = pathsOf(dir, child.object);
    const damage = (path: string) => {
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(path, bytes);
    };
    damage(packed);
    await addTensor(store, tensor, 4);
    assert.ok(existsSync(whole) && !existsSync(packed));
    await checkBack(store, child);
    damage(whole);
    await addTensor(store, tensor, 4, [parent.object]);
    assert.ok(existsSync(packed) && !existsSync(whole));
    await checkBack(store, child);
  }));

test("many readers and writers share a few rooms", () =>
  withPacking(async (store) => {
    const parents = await Promise.all(
      [1, 2, 3].map((part) => addTensor(store, randomBytes(packFrameBytes * part + 8), 4)),
    );
    const children = await Promise.all(
      parents.flatMap((parent) =>
        [1, 2, 3].map((part) =>
          addTensor(store, changed(parent.bytes.subarray(8), 10 * part), 4, [parent.object]),
        ),
      ),
    );
    const out = (index: number) => join(scratch, `shared${index}`);
    await Promise.all(children.map(({ id }, index) => store.restoreFile(id, out(index))));
    for (const [index, { bytes }] of children.entries()) assert.ok(readFileSync(out(index)).equals(bytes));
    // A reader that stops early, and one that reads inside another's loop.
    for await (const _ of store.readObject(children[8]!.object)) {
      await Promise.all(children.map(({ object }) => collect(store.readObject(object))));
      break;
    }
    assert.is(
      sha256(Buffer.concat(await collect(store.readObject(children[8]!.object)))),
      children[8]!.object,
    );
  }));

test("a store opened without the transform keeps tensors as they are, and says why it cannot read packed ones", async () => {
  const made: { dir: string; child: Added }[] = [];
  await withPacking(async (store, _reopen, dir) => {
    const parent = await addTensor(store, randomBytes(9_000), 4);
    made.push({
      dir,
      child: await addTensor(store, changed(parent.bytes.subarray(8), 3), 4, [parent.object]),
    });
  });
  const { LineageStore } = await import("../../src/lineage-store/store.js");
  const { dir, child } = made[0]!;
  const store = await LineageStore.open(dir);
  try {
    const refused = await failure("MENDLINE_STORE_IO", () => collect(store.readObject(child.object)));
    assert.match(refused.message, /is packed: open the store through the engine/);
    const plain = await addTensor(store, changed(child.bytes.subarray(8), 4), 4, [child.object]);
    assert.ok(existsSync(pathsOf(dir, plain.object).whole));
  } finally {
    await store.close();
  }
});

test.run();
