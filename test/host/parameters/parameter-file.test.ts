import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { contentId } from "../../../src/host/parameters/identity.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import { packageRoot, scratchDir } from "../../support.js";
import { smallModel } from "./onnx-writer.js";
import { safetensors, write } from "./safetensors-writer.js";
import { checkPartition, idOf, read, refuses, valuesOf } from "./support.js";

const format = "MENDLINE_MODEL_FORMAT";

async function failureOf(path: string): Promise<MendlineError> {
  const thrown = await openParameterFile(path).catch((error: unknown) => error);
  if (!(thrown instanceof MendlineError)) throw new Error(`${path}: ${String(thrown)}`);
  return thrown;
}

test("the format is told by content, whatever the name says", async () => {
  const dir = scratchDir();
  const onnx = join(dir, "a.safetensors");
  const tensors = join(dir, "b.onnx");
  writeFileSync(onnx, smallModel());
  writeFileSync(tensors, safetensors("{}"));
  assert.is((await openParameterFile(onnx)).format, "onnx");
  assert.is((await openParameterFile(tensors)).format, "safetensors");
  symlinkSync(onnx, join(dir, "current"));
  const linked = await openParameterFile(join(dir, "current"));
  assert.is(linked.path, join(dir, "current"));
  assert.is(await contentId(linked), await idOf(smallModel()));
  checkPartition(linked);
});

test("files that are not there, or no files", async () => {
  const dir = scratchDir();
  mkdirSync(join(dir, "folder.onnx"));
  execFileSync("mkfifo", [join(dir, "pipe.onnx")]);
  for (const [name, message] of [
    ["none.onnx", /it does not exist/],
    ["folder.onnx", /it is a folder/],
    ["pipe.onnx", /no regular file/],
  ] as const) {
    const { code, message: said } = await failureOf(join(dir, name));
    assert.is(code, "MENDLINE_DATA_NOT_FOUND");
    assert.match(said, message);
  }
});

const padding = new Uint8Array(600);
const foreign: readonly [string, Uint8Array, RegExp][] = [
  [
    "pickle, protocol 2",
    Buffer.from("80025d71002e0000000000", "hex"),
    /is a Python pickle.*never loads it.*save_file/,
  ],
  ["pickle, protocol 4", Buffer.from("8004951a000000000000005d942e", "hex"), /is a Python pickle/],
  ["torch legacy", Buffer.from("80028a0a6cfc9c46f9206aa850192e80024de903", "hex"), /is a Python pickle/],
  [
    "zip of PyTorch",
    Buffer.concat([Buffer.from("PK\x03\x04\0\0\0\0\0\0"), padding]),
    /is a zip archive, as PyTorch/,
  ],
  ["empty zip", Buffer.concat([Buffer.from("PK\x05\x06"), padding]), /empty zip/],
  [
    "tar",
    Buffer.concat([Buffer.from("pickle\0"), padding.slice(0, 250), Buffer.from("ustar\0"), padding]),
    /tar archive/,
  ],
  ["HDF5", Buffer.concat([Buffer.from("\x89HDF\r\n\x1a\n", "latin1"), padding]), /is HDF5.*tf2onnx/],
  ["TFLite", Buffer.concat([Buffer.from("\x1c\0\0\0TFL3"), padding]), /is TensorFlow Lite/],
  ["ORT", Buffer.concat([Buffer.from("\x1c\0\0\0ORTM"), padding]), /ORT format/],
  [
    "GGUF with 123 tensors",
    Buffer.concat([Buffer.from("GGUF\x03\0\0\0{\0\0\0\0\0\0\0"), padding]),
    /is GGUF/,
  ],
  ["numpy", Buffer.concat([Buffer.from("\x93NUMPY\x01\0", "latin1"), padding]), /numpy array/],
  ["gzip", Buffer.concat([Buffer.from("1f8b0800", "hex"), padding]), /gzip; decompress/],
  ["zstd", Buffer.concat([Buffer.from("28b52ffd", "hex"), padding]), /zstd; decompress/],
  ["Parquet", Buffer.concat([Buffer.from("PAR1"), padding]), /is Parquet/],
  ["Arrow", Buffer.concat([Buffer.from("ARROW1\0\0"), padding]), /is Arrow/],
  [
    "LFS pointer",
    Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    /git lfs pull/,
  ],
  ["CSV", Buffer.from("date,temp_min,wind\n2012-01-01,3.1,4.7\n"), /is a text file and no model/],
  ["quoted CSV, which begins with a tag of ONNX", Buffer.from('"a","b"\n1,2\n'), /is a text file/],
  ["JSON", Buffer.from('{"a": 1, "b": {"c": 2}}\n'), /is a text file/],
  ["UTF-8 text", Buffer.from("žluťoučký kůň píše\n"), /is a text file/],
  ["pickle, protocol 0", Buffer.from("(lp0\nI1\na.\n\n"), /is a text file/],
  ["zeros", padding, /neither safetensors nor ONNX/],
  [
    "PNG",
    Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), padding]),
    /neither safetensors nor ONNX/,
  ],
  ["ELF", Buffer.concat([Buffer.from("\x7fELF\x02\x01\x01\0"), padding]), /neither safetensors nor ONNX/],
  ["WASM", Buffer.concat([Buffer.from("\0asm\x01\0\0\0"), padding]), /neither safetensors nor ONNX/],
];

for (const [name, bytes, message] of foreign) {
  test(`refuses by content: ${name}`, () => refuses(bytes, format, message));
}

test("an empty file and a very short one say so", async () => {
  await refuses(new Uint8Array(0), "MENDLINE_MODEL_MALFORMED", /has 0 bytes, too few for any model/);
  await refuses(smallModel().slice(0, 7), "MENDLINE_MODEL_MALFORMED", /has 7 bytes/);
});

/** The example's models, made by a real exporter: rewritten as safetensors in another order they keep their identity. */
test("real exported models are read whole and keep their identity as safetensors", async () => {
  const paths = exampleModels();
  assert.ok(paths.length > 0, "examples/rain/models holds no .onnx file");
  for (const path of paths) {
    const bytes = new Uint8Array(readFileSync(path));
    const file = await openParameterFile(path);
    assert.ok(file.tensors.length > 0, path);
    assert.is(file.inputs.length, 1, path);
    checkPartition(file);
    const stated = [...file.tensors]
      .reverse()
      .map(
        (entry) =>
          [entry.name, { dtype: entry.dtype, shape: entry.shape, values: valuesOf(bytes, entry) }] as const,
      );
    const rewritten = write(stated);
    assert.is(await idOf(rewritten), await contentId(file), path);
    checkPartition(await read(rewritten));
  }
});

function exampleModels(): string[] {
  const dir = join(packageRoot, "examples", "rain", "models");
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith(".onnx"))
      .map((name) => join(dir, name));
  } catch {
    return [];
  }
}

test.run();
