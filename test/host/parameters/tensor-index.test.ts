import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  byteLengthOf,
  compareUtf8,
  elementCountOf,
  type ParameterFile,
  quoted,
  segments,
  type TensorEntry,
} from "../../../src/host/parameters/tensor-index.js";

function entry(name: string, byteOffset: number, byteLength: number): TensorEntry {
  const inline = byteOffset < 0 ? new Uint8Array(byteLength) : null;
  return { name, dtype: "U8", shape: [byteLength], byteOffset, byteLength, inline, slot: null, order: null };
}

function fileOf(byteLength: number, tensors: TensorEntry[]): ParameterFile {
  return { path: "f", format: "onnx", byteLength, tensors, quantized: false, inputs: [], outputs: [] };
}

test("segments partition the file in file order, without empty ones", () => {
  const parts = segments(
    fileOf(20, [
      entry("a", 10, 4),
      entry("b", 2, 3),
      entry("c", 5, 5),
      entry("empty", 14, 0),
      entry("in", -1, 3),
    ]),
  );
  assert.equal(
    parts.map(({ kind, tensor, byteOffset, byteLength }) => [kind, tensor, byteOffset, byteLength]),
    [
      ["literal", null, 0, 2],
      ["tensor", "b", 2, 3],
      ["tensor", "c", 5, 5],
      ["tensor", "a", 10, 4],
      ["literal", null, 14, 6],
    ],
  );
});

test("a file that is all tensor, and one without tensors", () => {
  assert.equal(
    segments(fileOf(4, [entry("a", 0, 4)])).map(({ kind }) => kind),
    ["tensor"],
  );
  assert.equal(
    segments(fileOf(4, [])).map(({ kind }) => kind),
    ["literal"],
  );
});

test("sizes: scalars, zero, halves of bytes, overflow", () => {
  assert.is(elementCountOf([]), 1);
  assert.is(elementCountOf([3, 0, 5]), 0);
  assert.is(elementCountOf([2 ** 27, 2 ** 27]), null);
  assert.is(elementCountOf([0, 2 ** 52, 2 ** 52]), 0);
  assert.is(byteLengthOf("F32", 5), 20);
  assert.is(byteLengthOf("I4", 5), 3);
  assert.is(byteLengthOf("U2", 5), 2);
  assert.is(byteLengthOf("F6_E2M3", 4), 3);
  assert.is(byteLengthOf("C128", 2), 32);
  assert.is(byteLengthOf("F64", 2 ** 52), null);
});

test("names compare as their UTF-8 bytes do", () => {
  const units = [
    "",
    "a",
    "b",
    "\u007f",
    "\u0080",
    "\u07ff",
    "\u0800",
    "\ud7ff",
    "\ue000",
    "\uffff",
    "\u{10000}",
    "\u{10ffff}",
  ];
  const names = units.flatMap((left) => units.map((right) => left + right));
  for (const left of names)
    for (const right of names)
      assert.is(
        Math.sign(compareUtf8(left, right)),
        Buffer.compare(Buffer.from(left), Buffer.from(right)),
        `${quoted(left)} ${quoted(right)}`,
      );
});

test("quoted names cannot move a terminal's cursor nor fill its screen", () => {
  assert.is(quoted("a\n\u001b[2J\u009b\u202e"), '"a\\n\\u001b[2J\\u009b\\u202e"');
  assert.ok(quoted("x".repeat(10_000)).length < 100);
});

test.run();
