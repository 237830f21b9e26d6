import { createHash, randomBytes } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parameterChunkBytes } from "../../src/limits.js";
import type { AddedFile, FileSegment } from "../../src/lineage-store/file-reader.js";
import type { LineageStore } from "../../src/lineage-store/store.js";
import { emptyModel, failure, freshDir, withStore } from "./support.js";

function scratch(): string {
  const dir = freshDir();
  mkdirSync(dir);
  return dir;
}

/** Segments of these lengths, tensor and literal in turns. */
function partition(lengths: number[]): FileSegment[] {
  let byteOffset = 0;
  return lengths.map((byteLength, index) => {
    const tensor = index % 2 === 1 ? `t${index}` : null;
    const segment: FileSegment = {
      kind: tensor === null ? "literal" : "tensor",
      tensor,
      byteOffset,
      byteLength,
    };
    byteOffset += byteLength;
    return segment;
  });
}

async function addModel(
  store: LineageStore,
  name: string,
  { layout, byteLength, fileHash }: AddedFile,
): Promise<string> {
  return store.commit((tx) => tx.addModel(emptyModel(name, "1", { layout, byteLength, fileHash })).id);
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("any partition of any file comes back byte for byte", () =>
  withStore(async (store) => {
    const dir = scratch();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 12 }), async (lengths) => {
        const path = join(dir, `model${count++}`);
        const bytes = randomBytes(lengths.reduce((sum, length) => sum + length, 0));
        writeFileSync(path, bytes);
        const segments = partition(lengths);
        const added = await store.addFile(path, segments);
        assert.is(added.fileHash, sha256(bytes));
        assert.equal(
          added.layout,
          segments.map(({ byteOffset, byteLength }) => ({
            object: sha256(bytes.subarray(byteOffset, byteOffset + byteLength)),
            byteLength,
          })),
        );
        for (const [index, { tensor }] of segments.entries())
          if (tensor !== null) assert.is(added.tensorObjects.get(tensor), added.layout[index]!.object);
        const id = await addModel(store, path, added);
        await store.restoreFile(id, `${path}.out`);
        assert.ok(readFileSync(`${path}.out`).equals(bytes));
      }),
      { numRuns: 15 },
    );
  }));

test("segments across chunks, and shared ones stored once", () =>
  withStore(async (store, reopen, storeDir) => {
    const dir = scratch();
    const [first, second] = [join(dir, "first"), join(dir, "second")];
    const shared = randomBytes(parameterChunkBytes + 12_345);
    const lengths = [100, shared.length, 7, 3_000_000];
    const contents = [first, second].map((path) => {
      const bytes = Buffer.concat([randomBytes(100), shared, randomBytes(7), randomBytes(3_000_000)]);
      writeFileSync(path, bytes);
      return bytes;
    });
    const [one, two] = [
      await store.addFile(first, partition(lengths)),
      await store.addFile(second, partition(lengths)),
    ];
    assert.is(one.layout[1]!.object, sha256(shared));
    assert.is(two.layout[1]!.object, one.layout[1]!.object);
    const ids = [await addModel(store, "first", one), await addModel(store, "second", two)];
    const files = readdirSync(join(storeDir, "objects"), { recursive: true, withFileTypes: true });
    assert.is(files.filter((file) => file.isFile()).length, 7);
    const opened = await reopen();
    for (const [index, id] of ids.entries()) {
      await opened.restoreFile(id, join(dir, "out"));
      assert.ok(readFileSync(join(dir, "out")).equals(contents[index]!));
    }
    assert.equal(readdirSync(dir).sort(), ["first", "out", "second"]);
  }));

test("segments that are no partition of the file are refused", () =>
  withStore(async (store) => {
    const path = join(scratch(), "model");
    writeFileSync(path, "0123456789");
    for (const lengths of [[], [9], [11], [5, 6], [10, 0]])
      await failure("MENDLINE_ARGUMENT_INVALID", () => store.addFile(path, partition(lengths)));
    const gap = partition([4, 6]).map((segment) => ({ ...segment, byteOffset: segment.byteOffset && 5 }));
    await failure("MENDLINE_ARGUMENT_INVALID", () => store.addFile(path, gap));
    await failure("MENDLINE_DATA_NOT_FOUND", () => store.addFile(`${path}.none`, []));
  }));

test("a file that changes while it is read is refused, a cancelled one leaves no staging file", () =>
  withStore(async (store, _reopen, dir) => {
    const path = join(scratch(), "model");
    const byteLength = 3 * parameterChunkBytes;
    // The signal is asked between two reads: the moment at which another program writes.
    const meanwhile = (change: () => void) => {
      const signal = new AbortController().signal;
      const get = () => {
        change();
        return false;
      };
      return Object.defineProperty(signal, "aborted", { get });
    };
    const changes = [
      () => writeFileSync(path, "x", { flag: "r+" }),
      () => truncateSync(path, byteLength - 1),
    ];
    for (const change of changes) {
      writeFileSync(path, randomBytes(byteLength));
      // Clocks of file systems tick every few milliseconds.
      utimesSync(path, 1, 1);
      const segments = partition([10, byteLength - 10]);
      await failure("MENDLINE_DATA_MALFORMED", () => store.addFile(path, segments, meanwhile(change)));
    }
    writeFileSync(path, randomBytes(byteLength));
    const signal = AbortSignal.abort();
    await failure("MENDLINE_TASK_ABORTED", () => store.addFile(path, partition([byteLength]), signal));
    assert.equal(readdirSync(join(dir, "tmp")), []);
  }));

test("a damaged model is not restored, and the target stays as it was", () =>
  withStore(async (store, _reopen, storeDir) => {
    const dir = scratch();
    const path = join(dir, "model");
    writeFileSync(path, randomBytes(1_000));
    const added = await store.addFile(path, partition([400, 600]));
    const id = await addModel(store, "sound", added);
    const wrong = await addModel(store, "wrong", { ...added, fileHash: sha256(Buffer.from("other")) });
    const target = join(dir, "target");
    writeFileSync(target, "before");
    await failure("MENDLINE_STORE_CORRUPT", () => store.restoreFile(wrong, target));
    const hash = added.layout[1]!.object;
    const object = join(storeDir, "objects", hash.slice(0, 2), hash.slice(2));
    const bytes = readFileSync(object);
    bytes[0]! ^= 1;
    writeFileSync(object, bytes);
    await failure("MENDLINE_STORE_CORRUPT", () => store.restoreFile(id, target));
    truncateSync(object, 0);
    await failure("MENDLINE_STORE_CORRUPT", () => store.restoreFile(id, target));
    assert.is(readFileSync(target, "utf8"), "before");
    assert.equal(readdirSync(dir).sort(), ["model", "target"]);
    await store.addFile(path, partition([400, 600]));
    await store.restoreFile(id, target);
    assert.ok(readFileSync(target).equals(readFileSync(path)), "adding it again heals it");
  }));

test("targets that cannot be written", () =>
  withStore(async (store) => {
    const dir = scratch();
    const path = join(dir, "model");
    writeFileSync(path, "abc");
    const id = await addModel(store, "m", await store.addFile(path, partition([3])));
    await failure("MENDLINE_DATA_WRITE", () => store.restoreFile(id, join(dir, "no", "such", "folder")));
    mkdirSync(join(dir, "folder", "full"), { recursive: true });
    await failure("MENDLINE_DATA_WRITE", () => store.restoreFile(id, join(dir, "folder")));
    // A link is replaced, never followed: what it points to is not ours.
    symlinkSync(path, join(dir, "link"));
    writeFileSync(path, "own");
    await store.restoreFile(id, join(dir, "link"));
    assert.is(readFileSync(path, "utf8"), "own");
    assert.is(readFileSync(join(dir, "link"), "utf8"), "abc");
    const longName = join(dir, "n".repeat(255));
    await store.restoreFile(id, longName);
    assert.is(readFileSync(longName, "utf8"), "abc");
    assert.equal(
      readdirSync(dir).filter((name) => name.startsWith(".")),
      [],
    );
  }));

test.run();
