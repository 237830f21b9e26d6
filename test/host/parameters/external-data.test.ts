import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { isContainedName } from "../../../src/host/parameters/contained-file.js";
import { contentId } from "../../../src/host/parameters/identity.js";
import { withModel } from "../../../src/host/parameters/open-files.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import type { ParameterFile } from "../../../src/host/parameters/tensor-index.js";
import { readValues } from "../../../src/host/parameters/tensor-values.js";
import { refusal } from "../../refusals.js";
import { scratchDir } from "../../support.js";
import {
  attribute,
  type Bytes,
  bytes,
  concat,
  type ExternalEntries,
  externalTensor,
  f32,
  f64,
  i64,
  int,
  model,
  node,
  rawF32,
  tensor,
  text,
} from "./onnx-writer.js";
import { checkPartition, tensorOf } from "./support.js";

const root = scratchDir();
let folderCount = 0;

type Files = Readonly<Record<string, Bytes>>;

/** @returns the path of `model.onnx` in a folder of its own, beside these files */
function written(modelBytes: Bytes, files: Files = {}): string {
  const dir = join(root, String(folderCount++));
  mkdirSync(dir);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  const path = join(dir, "model.onnx");
  writeFileSync(path, modelBytes);
  return path;
}

function open(path: string): Promise<ParameterFile> {
  return openParameterFile(path, { externalData: true });
}

async function valuesOf(file: ParameterFile, name: string): Promise<Uint8Array> {
  const entry = tensorOf(file, name);
  const target = new Uint8Array(entry.byteLength);
  await withModel(file, (source) => readValues(source, entry, 0, target));
  return target;
}

/** One tensor [2] of floats, with these entries. */
function one(entries: ExternalEntries, ...more: Bytes[]): Bytes {
  return model({
    nodes: [node("Add", ["x", "w"], ["y"])],
    initializers: [externalTensor("w", 1, [2], entries, ...more)],
  });
}

const plain: ExternalEntries = [
  ["location", "w.bin"],
  ["offset", "4"],
  ["length", "8"],
];
const data = { "w.bin": f32(9, 1, 2, 9) };

test("values in other files have the places and the identity of the same values inline", async () => {
  const [w, v, k] = [f32(1, -2, 3), f64(4, 5), i64(7)];
  const nodes = (constant: Bytes) => [
    node("Constant", [], ["k"], [attribute("value", bytes(5, constant))]),
    node("Op", ["w", "v", "k", "b", "e"], ["y"]),
  ];
  const inline = model({
    nodes: nodes(tensor("", 7, [1], bytes(9, k))),
    initializers: [
      tensor("w", 1, [3], bytes(9, w)),
      tensor("v", 11, [2], bytes(9, v)),
      rawF32("b", [1], [8]),
      tensor("e", 1, [0]),
    ],
  });
  const external = model({
    nodes: nodes(
      externalTensor(
        "",
        7,
        [1],
        [
          ["length", "8"],
          ["location", "data/more/k.bin"],
        ],
      ),
    ),
    initializers: [
      externalTensor(
        "w",
        1,
        [3],
        [
          ["location", "all.bin"],
          ["offset", "64"],
          ["length", "12"],
        ],
      ),
      externalTensor(
        "v",
        11,
        [2],
        [
          ["location", "all.bin"],
          ["offset", "96"],
          ["basepath", "/elsewhere"],
        ],
      ),
      rawF32("b", [1], [8]),
      externalTensor(
        "e",
        1,
        [0],
        [
          ["location", "all.bin"],
          ["offset", "3"],
          ["length", "0"],
        ],
      ),
    ],
  });
  const all = new Uint8Array(112).fill(0xee);
  all.set(w, 64);
  all.set(v, 96);
  const path = written(external, { "all.bin": all, "data/more/k.bin": k });
  const file = await open(path);
  checkPartition(file);
  assert.is(file.byteLength, external.length + 112 + 8);
  assert.equal(
    file.shards?.map(({ name, byteLength }) => [name, byteLength]),
    [
      ["model.onnx", external.length],
      ["data/more/k.bin", 8],
      ["all.bin", 112],
    ],
  );
  for (const [name, content] of Object.entries({ w, v, k, b: f32(8), e: f32() }))
    assert.equal(await valuesOf(file, name), content, name);
  assert.is(await contentId(file), await contentId(await openParameterFile(written(inline))));
  // Allowed where there is none, it changes nothing.
  assert.is((await open(written(inline))).shards, undefined);
});

test("it is off by default, and the refusal says how it is turned on", async () => {
  const path = written(one(plain), data);
  await refusal(
    openParameterFile(path),
    "MENDLINE_MODEL_FORMAT",
    /another file .*off by default.*--external-data/,
  );
  const noLocation = model({ initializers: [tensor("w", 1, [2], bytes(13, text(1, "location")))] });
  await refusal(openParameterFile(written(noLocation)), "MENDLINE_MODEL_FORMAT", /off by default/);
});

test("entries that do not fit are told", async () => {
  const at = (...entries: ExternalEntries) => one(entries);
  const location = ["location", "w.bin"] as const;
  const malformed: [Bytes, RegExp][] = [
    [at(), /without a location/],
    [at(["offset", "4"], ["length", "8"]), /without a location/],
    [at(location, ["offset", "4"]), /12 bytes of external data to the file's end .* needs 8/],
    [at(location, ["length", "12"]), /12 bytes of external data where its shape needs 8/],
    [at(location, ["offset", "12"], ["length", "8"]), /at bytes 12 to 20 of "w.bin", which has 16/],
    [at(location, ["offset", "17"], ["length", "8"]), /begins at byte 17 of "w.bin", which has 16/],
    [at(location, ["offset", "-4"], ["length", "8"]), /offset "-4" .* no count of bytes/],
    [at(location, ["offset", " 4"], ["length", "8"]), /offset " 4"/],
    [at(location, ["offset", "0x4"], ["length", "8"]), /offset "0x4"/],
    [at(location, ["offset", "4e0"], ["length", "8"]), /offset "4e0"/],
    [at(location, ["offset", "٤"], ["length", "8"]), /offset "٤"/],
    [at(location, ["offset", ""], ["length", "8"]), /offset ""/],
    // 2^53, 2^64 - 4, 2^64 + 4: none wraps round to an offset that is there.
    [at(location, ["offset", "9007199254740992"], ["length", "8"]), /no count of bytes up to/],
    [at(location, ["offset", "18446744073709551612"], ["length", "8"]), /no count of bytes up to/],
    [at(location, ["offset", "18446744073709551620"], ["length", "8"]), /no count of bytes up to/],
    [at(location, ["offset", "9007199254740991"], ["length", "8"]), /begins at byte 9007199254740991/],
    [at(location, ["length", "18446744073709551624"]), /length .* no count/],
    [at(location, location, ["offset", "4"], ["length", "8"]), /states the "location" .* twice/],
    [one(plain, bytes(9, f32(1, 2))), /values of its own, and others in external data/],
    [one(plain, bytes(4, f32(1, 2))), /values of its own, and others in external data/],
    [
      model({ initializers: [tensor("w", 1, [2], bytes(13, text(1, "location"), text(2, "w.bin")))] }),
      /a data_location that says otherwise/,
    ],
    [
      model({
        initializers: [tensor("w", 1, [2], bytes(13, text(1, "location"), text(1, "x")), int(14, 1))],
      }),
      /field 1 twice/,
    ],
    [
      model({ initializers: [externalTensor("w", 8, [1], plain)] }),
      /STRING, which external data cannot hold/,
    ],
    [
      model({ initializers: [externalTensor("w", 1, [2 ** 40, 2 ** 40], plain)] }),
      /shape whose size overflows/,
    ],
  ];
  for (const [content, message] of malformed)
    await refusal(open(written(content, data)), "MENDLINE_MODEL_MALFORMED", message);
  const unsupported: [Bytes, RegExp][] = [
    [at(location, ["checksum", "0".repeat(40)]), /states a checksum .* save the model without/],
    [at(location, ["prepacked_0", "1"]), /"prepacked_0" in its external data, which ONNX does not have/],
    [at(["Location", "w.bin"]), /"Location" in its external data/],
    [
      model({ initializers: [tensor("w", 1, [2], int(14, 2))] }),
      /data_location 2, which mendline does not know/,
    ],
  ];
  for (const [content, message] of unsupported)
    await refusal(open(written(content, data)), "MENDLINE_MODEL_FORMAT", message);
});

test("bytes that two tensors share are refused, those that lie side by side are not", async () => {
  const two = (offset: string) =>
    model({
      nodes: [node("Add", ["w", "v"], ["y"])],
      initializers: [
        externalTensor("w", 1, [2], plain),
        externalTensor("v", 1, [1], [...plain.slice(0, 1), ["offset", offset], ["length", "4"]]),
      ],
    });
  for (const offset of ["4", "8", "11"])
    await refusal(open(written(two(offset), data)), "MENDLINE_MODEL_FORMAT", /share bytes/);
  for (const offset of ["0", "12"])
    assert.equal(await valuesOf(await open(written(two(offset), data)), "v"), f32(9));
});

test("names that lead elsewhere are refused before anything is opened", async () => {
  const names = [
    "",
    ".",
    "..",
    "../w.bin",
    "a/../w.bin",
    "a/../../w.bin",
    "/etc/passwd",
    "//server/share",
    "./w.bin",
    "a//w.bin",
    "w.bin/",
    "C:w.bin",
    "C:\\w.bin",
    "..\\w.bin",
    "a\\w.bin",
    "w.bin\0.txt",
    "w.bin:stream",
    "*/_ORT_MEM_ADDR_/*",
    ".hidden",
    "a/.hidden",
    "nul?",
    "w.bin.",
    "w.bin ",
    "w\n.bin",
    "model.onnx",
    "MODEL.onnx",
    "w".repeat(401),
  ];
  for (const name of names)
    await refusal(
      open(written(one([["location", name], ...plain.slice(1)]), data)),
      "MENDLINE_MODEL_FORMAT",
      /no name of another file in the model's folder/,
    );
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("..", ".", "/", "\\", "a", "b.c", ":", "\0", " "), { maxLength: 8 }),
      (parts) => {
        const name = parts.join("");
        if (!isContainedName(name)) return;
        // Whoever joins it to a folder, on whatever system, stays below.
        assert.not.match(name, /^[\\/]|\\|:|\0/);
        assert.ok(name.split("/").every((part) => part !== "" && part !== "." && part !== ".."));
      },
    ),
    { numRuns: 500 },
  );
});

test("links, folders and pipes are refused", async () => {
  const secret = join(root, "secret.bin");
  writeFileSync(secret, f32(9, 1, 2, 9));
  const refuses = async (make: (dir: string) => void, location: string, message: RegExp) => {
    const path = written(one([["location", location], ...plain.slice(1)]));
    make(join(path, ".."));
    await refusal(open(path), "MENDLINE_MODEL_FORMAT", message);
  };
  await refuses((dir) => symlinkSync(secret, join(dir, "w.bin")), "w.bin", /is a link.*copy the file itself/);
  await refuses((dir) => symlinkSync("nowhere", join(dir, "w.bin")), "w.bin", /is a link/);
  await refuses((dir) => linkSync(secret, join(dir, "w.bin")), "w.bin", /has another name/);
  await refuses((dir) => symlinkSync(root, join(dir, "sub")), "sub/secret.bin", /is a link/);
  await refuses(
    (dir) => {
      mkdirSync(join(dir, "a"));
      symlinkSync("../..", join(dir, "a", "b"));
    },
    "a/b/secret.bin",
    /is a link/,
  );
  await refuses((dir) => mkdirSync(join(dir, "w.bin")), "w.bin", /is no regular file/);
  await refuses((dir) => execFileSync("mkfifo", [join(dir, "w.bin")]), "w.bin", /is no regular file/);
  await refusal(open(written(one(plain))), "MENDLINE_MODEL_MALFORMED", /lies in "w.bin", which is not there/);
  const inFile = one([["location", "w.bin/x"], ...plain.slice(1)]);
  await refusal(open(written(inFile, data)), "MENDLINE_MODEL_MALFORMED", /lies in no folder/);
  // The model itself may be a link: it is its user who names it, and its data lie beside the link.
  const path = written(one(plain), data);
  symlinkSync("model.onnx", join(path, "..", "current.onnx"));
  assert.equal(await valuesOf(await open(join(path, "..", "current.onnx")), "w"), f32(1, 2));
});

test("what is put in a data file's place later is looked at anew", async () => {
  const path = written(one(plain), data);
  const file = await open(path);
  const dataPath = join(path, "..", "w.bin");
  renameSync(dataPath, `${dataPath}.old`);
  await refusal(valuesOf(file, "w"), "MENDLINE_MODEL_MALFORMED", /is not there/);
  symlinkSync("w.bin.old", dataPath);
  await refusal(valuesOf(file, "w"), "MENDLINE_MODEL_MALFORMED", /is a link/);
  renameSync(`${dataPath}.old`, dataPath);
  assert.equal(await valuesOf(file, "w"), f32(1, 2));
  writeFileSync(dataPath, f32(1, 2, 3));
  await refusal(valuesOf(file, "w"), "MENDLINE_MODEL_MALFORMED", /rewritten meanwhile/);
});

test("more files than can be open at once are refused", async () => {
  const names = Array.from({ length: 257 }, (_, index) => `${index}.bin`);
  const many = (count: number) =>
    model({
      initializers: names.slice(0, count).map((name) => externalTensor(name, 1, [1], [["location", name]])),
    });
  const files = Object.fromEntries(names.map((name) => [name, f32(1)]));
  assert.is((await open(written(many(256), files))).shards?.length, 257);
  await refusal(open(written(many(257), files)), "MENDLINE_MODEL_FORMAT", /more than 256 files/);
});

test("mutated models are read or refused, and never read outside their folder", async () => {
  const content = model({
    nodes: [node("Add", ["w", "v"], ["y"])],
    initializers: [
      externalTensor("w", 1, [2], plain),
      externalTensor(
        "v",
        1,
        [4],
        [
          ["location", "sub/v.bin"],
          ["offset", "0"],
          ["length", "16"],
        ],
      ),
    ],
  });
  const path = written(content, { ...data, "sub/v.bin": f32(1, 2, 3, 4) });
  const marks = ["location", "w.bin", "offset", "length", "sub/v.bin"].map((mark) =>
    Buffer.from(content).indexOf(mark),
  );
  let readCount = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          mark: fc.constantFrom(...marks),
          by: fc.integer({ min: -6, max: 12 }),
          byte: fc.oneof(fc.constantFrom(0x2e, 0x2f, 0x5c, 0, 0x30, 0x39), fc.integer({ min: 0, max: 255 })),
        }),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
      async (edits) => {
        const mutated = concat(content);
        for (const { mark, by, byte } of edits) mutated[mark + by] = byte;
        writeFileSync(path, mutated);
        const file = await open(path).catch((thrown: unknown) => {
          assert.instance(thrown, MendlineError);
          assert.match((thrown as MendlineError).code, /^MENDLINE_MODEL_/);
          return null;
        });
        if (file === null) return;
        readCount++;
        checkPartition(file);
        for (const { name } of file.shards?.slice(1) ?? [])
          assert.ok(name === "w.bin" || name === "sub/v.bin", name);
        await contentId(file);
      },
    ),
    { numRuns: 1500 },
  );
  assert.ok(readCount > 0, "some mutations hurt nothing");
});

test.run();
