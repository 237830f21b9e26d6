import { hash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { blendModelFiles, writeModel } from "../../../src/host/models/blended-file.js";
import { contentId } from "../../../src/host/parameters/identity.js";
import { openParameterFile } from "../../../src/host/parameters/parameter-file.js";
import { parameterChunkBytes } from "../../../src/limits.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { refusal } from "../../refusals.js";
import { scratchDir } from "../../support.js";
import { type Stated, write } from "../parameters/safetensors-writer.js";
import { type FloatDtype, floats, gaussians, moved } from "../parameters/tensors.js";

const runtime = await openRuntime();
const root = scratchDir();
let folderCount = 0;

type Tensors = Readonly<Record<string, Stated>>;

function folder(): string {
  const dir = join(root, String(folderCount++));
  mkdirSync(dir);
  return dir;
}

function whole(tensors: Tensors): string {
  const path = join(folder(), "model.safetensors");
  writeFileSync(path, write(tensors, { format: "pt" }));
  return path;
}

/** @param parts  file name -> its tensors; the map of the index can be another one */
function sharded(parts: Readonly<Record<string, Tensors>>, map?: unknown): string {
  const dir = folder();
  const weightMap: Record<string, string> = {};
  for (const [name, tensors] of Object.entries(parts)) {
    writeFileSync(join(dir, name), write(tensors, { format: "pt" }));
    for (const tensor of Object.keys(tensors)) weightMap[tensor] = name;
  }
  const path = join(dir, "model.safetensors.index.json");
  writeFileSync(path, JSON.stringify({ metadata: { total_size: 1 }, weight_map: map ?? weightMap }, null, 2));
  return path;
}

const dtypes: readonly FloatDtype[] = ["F32", "F64", "F16", "BF16"];
const values = dtypes.map((_, index) => gaussians(300 + index, index + 1));
const steps: Stated = { dtype: "I64", shape: [1], values: new Uint8Array(8).fill(3) };

/** One tensor a float type, and one that is copied. */
function tensors(isDrifted: boolean): Record<string, Stated> {
  const named = dtypes.map((dtype, index) => {
    const own = isDrifted ? moved(values[index]!, 0.3, 50 + index) : values[index]!;
    return [`layer.${dtype}`, floats(dtype, own)] as const;
  });
  return { ...Object.fromEntries(named), "layer.steps": steps };
}

function pick(all: Tensors, names: readonly string[]): Tensors {
  return Object.fromEntries(names.map((name) => [name, all[name]!]));
}

const split = {
  "model-00001-of-00002.safetensors": ["layer.F64", "layer.BF16"],
  "model-00002-of-00002.safetensors": ["layer.F32", "layer.steps", "layer.F16"],
};
const splitOtherwise = {
  "a.safetensors": ["layer.steps", "layer.F64", "layer.F16"],
  "b.safetensors": ["layer.BF16"],
  "c.safetensors": ["layer.F32"],
};

function shardsOf(all: Tensors, names: Readonly<Record<string, readonly string[]>>): string {
  return sharded(Object.fromEntries(Object.entries(names).map(([file, some]) => [file, pick(all, some)])));
}

test("models in shards blend to the very parameters of the same models as one file", async () => {
  const [drifted, ancestor] = [tensors(true), tensors(false)];
  const expected = join(folder(), "one.safetensors");
  await blendModelFiles(runtime, {
    drifted: whole(drifted),
    ancestor: whole(ancestor),
    scale: 0.7,
    out: expected,
  });
  const id = await contentId(await openParameterFile(expected));
  const source = shardsOf(drifted, split);
  for (const other of [whole(ancestor), shardsOf(ancestor, split), shardsOf(ancestor, splitOtherwise)]) {
    const out = join(folder(), "blend");
    const blended = await blendModelFiles(runtime, { drifted: source, ancestor: other, scale: 0.7, out });
    assert.is(blended.path, join(out, "model.safetensors.index.json"));
    assert.is(await contentId(await openParameterFile(blended.path)), id);
    assert.equal(readdirSync(out).sort(), [...Object.keys(split), "model.safetensors.index.json"]);
    assert.equal(readFileSync(blended.path), readFileSync(source));
    for (const { path, sha256: told } of blended.files) assert.is(told, hash("sha256", readFileSync(path)));
  }
});

test("scale 0 is the drifted model byte for byte, shard by shard, and scale 1 the ancestor's parameters", async () => {
  const source = shardsOf(tensors(true), split);
  const other = shardsOf(tensors(false), splitOtherwise);
  const kept = await blendModelFiles(runtime, {
    drifted: source,
    ancestor: other,
    scale: 0,
    out: join(folder(), "kept"),
  });
  for (const name of Object.keys(split))
    assert.equal(readFileSync(join(kept.path, "..", name)), readFileSync(join(source, "..", name)));
  const back = await blendModelFiles(runtime, {
    drifted: source,
    ancestor: other,
    scale: 1,
    out: join(folder(), "back"),
  });
  assert.is(
    await contentId(await openParameterFile(back.path)),
    await contentId(await openParameterFile(other)),
  );
});

test("values that reach over several pieces stand where they did", async () => {
  const count = parameterChunkBytes / 4 + 1001;
  const own = gaussians(1000, 5);
  const long = (shift: number) => ({
    w: floats(
      "F32",
      Array.from({ length: count }, (_, index) => own[index % 1000]! + shift),
    ),
  });
  const source = sharded({ "a.safetensors": long(1), "b.safetensors": { v: floats("F32", own) } });
  const other = sharded({ "a.safetensors": long(2), "b.safetensors": { v: floats("F32", own) } });
  const blended = await blendModelFiles(runtime, {
    drifted: source,
    ancestor: other,
    scale: 0.5,
    out: join(folder(), "out"),
  });
  const bytes = readFileSync(blended.files[0]!.path);
  const result = new Float32Array(new Uint8Array(bytes.subarray(bytes.length - count * 4)).buffer);
  for (const index of [0, 999, parameterChunkBytes / 4 - 1, parameterChunkBytes / 4, count - 1])
    assert.ok(Math.abs(result[index]! - (own[index % 1000]! + 1.5)) < 1e-5, `value ${index}`);
  assert.equal(readFileSync(blended.files[1]!.path), readFileSync(join(source, "..", "b.safetensors")));
});

test("a map that is not what the shards hold is refused, and nothing is read outside the folder", async () => {
  const parts = { "a.safetensors": { w: floats("F32", [1]) }, "b.safetensors": { v: floats("F32", [2]) } };
  const both = { w: "a.safetensors", v: "b.safetensors" };
  const cases: [unknown, RegExp][] = [
    [{ ...both, x: "a.safetensors" }, /"a\.safetensors" lacks tensor "x"/],
    [
      { w: "b.safetensors", v: "a.safetensors" },
      /"a\.safetensors" holds tensor "w", which weight_map puts into "b/,
    ],
    [
      { v: "b.safetensors", x: "a.safetensors" },
      /"a\.safetensors" holds tensor "w", which weight_map does not name/,
    ],
    [{ ...both, v: "../b.safetensors" }, /into "\.\.\/b\.safetensors", which is no name/],
    [{ ...both, v: "/etc/b.safetensors" }, /no name/],
    [{ ...both, v: "sub\\b.safetensors" }, /no name/],
    [{ ...both, v: "b.safetensors\u0000" }, /no name/],
    [{ ...both, v: "b.bin" }, /no name/],
    [{ ...both, v: 7 }, /into a number/],
    [{}, /weight_map is empty/],
    [[], /no object/],
    ["a.safetensors", /no object/],
  ];
  for (const [map, message] of cases)
    await refusal(openParameterFile(sharded(parts, map)), "MENDLINE_MODEL_MALFORMED", message);
  const lost = sharded(parts, { ...both, v: "c.safetensors" });
  await refusal(openParameterFile(lost), "MENDLINE_DATA_NOT_FOUND", /c\.safetensors/);
  const many = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`t${index}`, `${index}.safetensors`]),
  );
  await refusal(
    openParameterFile(sharded(parts, many)),
    "MENDLINE_MODEL_FORMAT",
    /names 300 files, more than 256/,
  );
});

test("an index that is cut off is told; other JSON stays no model", async () => {
  const cut = join(folder(), "model.safetensors.index.json");
  writeFileSync(cut, '{"metadata": {}, "weight_map": {"w": ');
  await refusal(openParameterFile(cut), "MENDLINE_MODEL_MALFORMED", /no valid JSON/);
  writeFileSync(cut, '{"hidden_size": 4096, "model_type": "llama"}');
  await refusal(openParameterFile(cut), "MENDLINE_MODEL_FORMAT", /text file/);
});

test("a shard that is rewritten behind the index's back is told", async () => {
  const path = shardsOf(tensors(true), split);
  const file = await openParameterFile(path);
  writeFileSync(join(path, "..", "model-00001-of-00002.safetensors"), write({ w: floats("F32", [1]) }));
  await refusal(contentId(file), "MENDLINE_MODEL_MALFORMED", /rewritten meanwhile/);
});

test("what fails leaves the target as it was, and nothing beside it", async () => {
  const dir = folder();
  const out = join(dir, "out.safetensors");
  writeFileSync(out, "old");
  const source = whole({ w: floats("F32", gaussians(50, 1)) });
  const unrelated = whole({ w: floats("F32", gaussians(50, 2)) });
  const request = { drifted: source, ancestor: unrelated, scale: 0.5, out };
  await refusal(blendModelFiles(runtime, request), "MENDLINE_REPAIR_UNRELATED", /unrelated/);
  const like = await openParameterFile(source);
  async function* short() {
    yield new Uint8Array(like.byteLength - 1);
  }
  await refusal(writeModel(like, short(), out), "MENDLINE_DATA_WRITE", /ended early/);
  // The right length with another header: it must not be taken for the model that it was to be.
  async function* wrong() {
    yield write({ v: floats("F32", gaussians(50, 3)) }, { format: "pt" });
  }
  await refusal(writeModel(like, wrong(), out), "MENDLINE_DATA_WRITE", /does not read back/);
  assert.is(readFileSync(out, "utf8"), "old");
  assert.equal(readdirSync(dir), ["out.safetensors"]);
  const taken = shardsOf(tensors(true), split);
  const inPlace = { drifted: taken, ancestor: taken, scale: 0.5, out: dir };
  await refusal(blendModelFiles(runtime, inPlace), "MENDLINE_DATA_WRITE", /exists already/);
  const stopped = AbortSignal.abort(new Error("stopped"));
  await blendModelFiles(runtime, { ...inPlace, out: join(dir, "new"), signal: stopped }).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, "stopped"),
  );
  assert.not(existsSync(join(dir, "new")));
});

test.after(() => runtime.close());
test.run();
