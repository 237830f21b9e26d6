import { createHash } from "node:crypto";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { contentId } from "../../../src/host/parameters/identity.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import { parameterChunkBytes, parameterWindowBytes } from "../../../src/limits.js";
import { scratchDir } from "../../support.js";
import { bytes, f32, fixed32, model, packed, rawF32, smallModel, tensor } from "./onnx-writer.js";
import { u64, write } from "./safetensors-writer.js";
import { idOf } from "./support.js";

const sha256 = (values: Uint8Array): Buffer => createHash("sha256").update(values).digest();

const w = { dtype: "F32", shape: [2], values: f32(1, 2) };
const v = { dtype: "F32", shape: [1, 2], values: f32(3, 4) };

test("is the documented encoding, computed here by hand", async () => {
  const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
  const expected = createHash("sha256")
    .update("mendline.parameters.v2")
    .update(Buffer.concat([text("v"), text("F32"), u64(2), u64(1), u64(2), u64(8), sha256(f32(3, 4))]))
    .update(Buffer.concat([text("w"), text("F32"), u64(1), u64(2), u64(8), sha256(f32(1, 2))]))
    .digest("hex");
  assert.is(await idOf(write({ w, v })), expected);
  const none = createHash("sha256").update("mendline.parameters.v2").digest("hex");
  assert.is(await idOf(write({})), none);
});

test("order of tensors, metadata and format do not enter", async () => {
  const id = await idOf(write({ w, v }));
  assert.is(await idOf(write({ v, w })), id);
  assert.is(await idOf(write({ w, v }, { note: "x" })), id);
  const raw = [rawF32("w", [2], [1, 2]), rawF32("v", [1, 2], [3, 4])];
  assert.is(await idOf(model({ initializers: raw })), id);
  const packedFloats = tensor("w", 1, [2], bytes(4, f32(1, 2)));
  const scattered = tensor("v", 1, [1, 2], fixed32(4, 3), fixed32(4, 4));
  assert.is(await idOf(model({ initializers: [scattered, packedFloats] })), id);
});

test("the way integers are stored does not enter", async () => {
  const raw = tensor("n", 7, [2], bytes(9, new Uint8Array(BigInt64Array.of(-1n, 5n).buffer)));
  const varints = tensor("n", 7, [2], packed(7, [-1n, 5]));
  assert.is(await idOf(model({ initializers: [raw] })), await idOf(model({ initializers: [varints] })));
});

test("name, dtype, shape, every byte and every cut between tensors enter", async () => {
  const zero = new Uint8Array(8);
  const models = [
    write({ w, v }),
    write({ w, u: v }),
    write({ w: { ...w, shape: [2, 1] }, v }),
    write({ w: { ...w, dtype: "I32" }, v }),
    write({ w: { ...w, values: f32(1, -2) }, v }),
    write({ w: { ...w, values: f32(0, 2) }, v }),
    write({ w: { ...w, values: f32(-0, 2) }, v }),
    write({ w }),
    write({}),
    write({ w, v, empty: { dtype: "F32", shape: [0], values: f32() } }),
    write({ w, v, empty: { dtype: "F32", shape: [0, 3], values: f32() } }),
    write({ ab: { dtype: "U8", shape: [8], values: zero } }),
    write({ a: { dtype: "U8", shape: [8], values: zero } }),
    write({
      a: { dtype: "U8", shape: [4], values: zero.slice(4) },
      b: { dtype: "U8", shape: [4], values: zero.slice(4) },
    }),
  ];
  const ids = await Promise.all(models.map(idOf));
  assert.is(new Set(ids).size, models.length);
});

test("tensors around the window and the chunk, from a file", async () => {
  const dir = scratchDir();
  const sizes = [
    0,
    1,
    parameterWindowBytes - 1,
    parameterWindowBytes,
    parameterWindowBytes + 1,
    parameterChunkBytes - 1,
    parameterChunkBytes,
    parameterChunkBytes + 1,
    2 * parameterChunkBytes + 12_345,
  ];
  const tensors = Object.fromEntries(
    sizes.map((size, index) => {
      const values = new Uint8Array(size).map((_, at) => (at * 31 + index + (at >> 13)) & 0xff);
      return [`t${index}`, { dtype: "U8", shape: [size], values }];
    }),
  );
  const path = join(dir, "large.safetensors");
  writeFileSync(path, write(tensors));
  const hash = createHash("sha256").update("mendline.parameters.v2");
  for (const [name, { dtype, shape, values }] of Object.entries(tensors)) {
    hash.update(u64(name.length)).update(name).update(u64(dtype.length)).update(dtype);
    hash.update(u64(1)).update(u64(shape[0]!)).update(u64(values.length)).update(sha256(values));
  }
  assert.is(await contentId(await openParameterFile(path)), hash.digest("hex"));
});

test("a file that changed its length since it was opened is refused", async () => {
  const path = join(scratchDir(), "m.onnx");
  writeFileSync(path, smallModel());
  const file = await openParameterFile(path);
  appendFileSync(path, "x");
  const thrown = await contentId(file).catch((error: unknown) => error);
  assert.instance(thrown, MendlineError);
  assert.match(String(thrown), /was rewritten meanwhile/);
});

test.run();
