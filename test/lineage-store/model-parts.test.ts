import { hash } from "node:crypto";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isPartName, type ModelFile, ModelHash, sortedFiles } from "../../src/lineage-store/model-parts.js";
import { emptyModel, failure, idOf, withStore } from "./support.js";

const sha256 = (bytes: Uint8Array) => hash("sha256", bytes);

function rootOf(...digests: string[]): string {
  return hash("sha256", Buffer.from(digests.join(""), "hex"));
}

test("however the bytes come, each file has its own sha256, empty ones too", () => {
  const lengths = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2, maxLength: 6 });
  const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(lengths, cuts, (byteLengths, pieces) => {
      const parts = byteLengths.map((byteLength, index) => ({ name: `${index}.bin`, byteLength }));
      const contents = byteLengths.map((length, index) => Buffer.alloc(length, index + 1));
      const all = Buffer.concat(contents);
      const hashed = new ModelHash(parts);
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const piece = all.subarray(at, at + pieces[turn % pieces.length]!);
        hashed.update(piece);
        at += piece.length;
      }
      const { fileHash, files } = hashed.end();
      assert.equal(
        files?.map((file) => file.sha256),
        contents.map(sha256),
      );
      assert.is(fileHash, rootOf(...contents.map(sha256)));
    }),
    { numRuns: 200 },
  );
});

test("one file has its own sha256, and no list", () => {
  const hashed = new ModelHash(null);
  hashed.update(Buffer.from("ab"));
  hashed.update(Buffer.from("c"));
  assert.equal(hashed.end(), { fileHash: hash("sha256", "abc") });
});

test("files are sorted by the parts of their paths", () => {
  const named = ["b", "a.bin", "a/b", "a-b/c", "a/b.bin"].map((name) => ({
    name,
    byteLength: 0,
    sha256: "",
  }));
  assert.equal(
    sortedFiles(named).map(({ name }) => name),
    ["a/b", "a/b.bin", "a-b/c", "a.bin", "b"],
  );
});

test("names that lead out of a folder are none", () => {
  for (const name of [
    "",
    ".",
    "..",
    "../a",
    "a/../b",
    "/a",
    "a//b",
    "a/",
    "a\\b",
    "c:a",
    ".a",
    "a/.b",
    "a\0b",
    "a\nb",
  ])
    assert.not.ok(isPartName(name), JSON.stringify(name));
  for (const name of ["a", "a.bin", "a/b/c.data", "weights 1", "ü.bin"]) assert.ok(isPartName(name), name);
});

test("files that do not add up to the model are refused, and good ones come back", () =>
  withStore(async (store, reopen) => {
    const digests = [idOf("graph"), idOf("data")] as const;
    const files: ModelFile[] = [
      { name: "m.onnx", byteLength: 0, sha256: digests[0] },
      { name: "data/w.bin", byteLength: 0, sha256: digests[1] },
    ];
    // "data" comes before "m.onnx".
    const fileHash = rootOf(digests[1], digests[0]);
    const add = (over: object) =>
      store.commit((tx) => tx.addModel(emptyModel("m", "1", { files, fileHash, ...over })));
    const [graph, data] = files as [ModelFile, ModelFile];
    for (const over of [
      { files: [graph] },
      { files: [graph, { ...data, name: "../w.bin" }] },
      { files: [graph, { ...data, name: "m.onnx" }] },
      { files: [graph, { ...data, byteLength: 1 }] },
      { files: [graph, { ...data, byteLength: -1 }] },
      { files: [graph, { ...data, sha256: "0" }] },
      { fileHash: rootOf(...digests) },
    ])
      await failure("MENDLINE_ARGUMENT_INVALID", () => add(over));
    const { id } = await add({});
    assert.equal((await (await reopen()).get(id)).files, files);
  }));

test.run();
