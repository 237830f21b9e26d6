import { test } from "uvu";
import * as assert from "uvu/assert";
import { f32 } from "./onnx-writer.js";
import { safetensors, u64, write } from "./safetensors-writer.js";
import { checkPartition, read, refuses, tensorOf, valuesOf } from "./support.js";

const malformed = "MENDLINE_MODEL_MALFORMED";
const format = "MENDLINE_MODEL_FORMAT";

function one(fields: string): string {
  return `{"t":{${fields}}}`;
}

test("reads tensors, metadata, padding and any order of keys", async () => {
  const header =
    '{"b":{"data_offsets":[8,12],"shape":[1,2],"dtype":"F16"},"__metadata__":{"format":"pt"},' +
    '"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"z\\u00e9":{"dtype":"I64","shape":[0],"data_offsets":[8,8]}}   \n\t ';
  const bytes = safetensors(header, 12);
  const file = await read(bytes);
  assert.is(file.format, "safetensors");
  assert.equal(
    file.tensors.map(({ name }) => name),
    ["a", "b", "zé"],
  );
  const b = tensorOf(file, "b");
  assert.equal([b.dtype, b.shape, b.byteLength, b.slot, b.inline], ["F16", [1, 2], 4, null, null]);
  assert.equal(valuesOf(bytes, b), Uint8Array.of(9, 10, 11, 12));
  assert.equal([file.inputs, file.outputs, file.quantized], [[], [], false]);
  checkPartition(file);
});

test("reads a scalar, and a file without tensors", async () => {
  const scalar = await read(write({ s: { dtype: "F32", shape: [], values: f32(3) } }));
  assert.equal(tensorOf(scalar, "s").shape, []);
  assert.is((await read(safetensors("{}"))).tensors.length, 0);
});

test("a key that JavaScript treats apart is a name like any other", async () => {
  const file = await read(write([["__proto__", { dtype: "U8", shape: [1], values: Uint8Array.of(1) }]]));
  assert.equal(
    file.tensors.map(({ name }) => name),
    ["__proto__"],
  );
});

test("widths below a byte must fill whole bytes", async () => {
  assert.is(
    (await read(safetensors(one('"dtype":"F4","shape":[4],"data_offsets":[0,2]'), 2))).tensors.length,
    1,
  );
  await refuses(safetensors(one('"dtype":"F4","shape":[3],"data_offsets":[0,2]'), 2), malformed, /need 1\.5/);
});

const dtype32 = '"dtype":"F32","shape":[1],"data_offsets":[0,4]';

const rules: readonly [string, Uint8Array, "MENDLINE_MODEL_MALFORMED" | "MENDLINE_MODEL_FORMAT", RegExp][] = [
  ["file below 8 bytes", Uint8Array.of(1, 2, 3), malformed, /has 3 bytes, too few/],
  [
    "header too long",
    Buffer.concat([u64(100_000_001), Buffer.from("{}")]),
    malformed,
    /100000001 exceeds 100000000/,
  ],
  [
    "header beyond file",
    Buffer.concat([u64(3), Buffer.from("{}")]),
    malformed,
    /header length 3 exceeds the 2 bytes/,
  ],
  ["header without brace", safetensors(" {}"), malformed, /begins with byte 0x20 where \{ must be/],
  ["header not UTF-8", safetensors(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), malformed, /not UTF-8/],
  [
    "header cut off",
    safetensors('{"t":{"dtype":"F3'),
    malformed,
    /dtype of tensor "t" is no complete JSON string/,
  ],
  [
    "text after the brace",
    safetensors(`${one(dtype32)}x`, 4),
    malformed,
    /more after the header's closing brace/,
  ],
  [
    "trailing comma",
    safetensors('{"__metadata__":{},}'),
    malformed,
    /a key in the header: expected a string/,
  ],
  [
    "duplicate tensor",
    safetensors(`{"t":{${dtype32}},"t":{${dtype32}}}`, 4),
    malformed,
    /duplicate key "t" in the header/,
  ],
  [
    "duplicate by escape",
    safetensors(`{"t":{${dtype32}},"\\u0074":{${dtype32}}}`, 4),
    malformed,
    /duplicate key "t"/,
  ],
  [
    "duplicate field",
    safetensors(one(`${dtype32},"dtype":"F32"`), 4),
    malformed,
    /duplicate key "dtype" in tensor "t"/,
  ],
  [
    "duplicate metadata",
    safetensors('{"__metadata__":{"k":"1","k":"2"}}'),
    malformed,
    /duplicate key "k" in __metadata__/,
  ],
  [
    "two metadata",
    safetensors('{"__metadata__":{},"__metadata__":{}}'),
    malformed,
    /duplicate key "__metadata__"/,
  ],
  [
    "metadata number",
    safetensors('{"__metadata__":{"k":1}}'),
    malformed,
    /a value of __metadata__: expected a string/,
  ],
  ["metadata list", safetensors('{"__metadata__":[]}'), malformed, /__metadata__: expected \{/],
  ["tensor no object", safetensors('{"t":[]}'), malformed, /tensor "t": expected \{/],
  ["unknown field", safetensors(one(`${dtype32},"scale":"1"`), 4), malformed, /has a field "scale"/],
  ["no dtype", safetensors(one('"shape":[1],"data_offsets":[0,4]'), 4), malformed, /tensor "t" has no dtype/],
  [
    "no shape",
    safetensors(one('"dtype":"F32","data_offsets":[0,4]'), 4),
    malformed,
    /tensor "t" has no shape/,
  ],
  [
    "no offsets",
    safetensors(one('"dtype":"F32","shape":[1]'), 4),
    malformed,
    /tensor "t" has no data_offsets/,
  ],
  [
    "one offset",
    safetensors(one('"dtype":"F32","shape":[1],"data_offsets":[0]'), 4),
    malformed,
    /must be \[begin, end\]/,
  ],
  [
    "three offsets",
    safetensors(one('"dtype":"F32","shape":[1],"data_offsets":[0,4,4]'), 4),
    malformed,
    /more than 2 numbers/,
  ],
  [
    "negative size",
    safetensors(one('"dtype":"F32","shape":[-1],"data_offsets":[0,4]'), 4),
    malformed,
    /shape of tensor "t" must hold whole/,
  ],
  [
    "fraction",
    safetensors(one('"dtype":"F32","shape":[1.0],"data_offsets":[0,4]'), 4),
    malformed,
    /must hold whole numbers/,
  ],
  [
    "exponent",
    safetensors(one('"dtype":"F32","shape":[1e0],"data_offsets":[0,4]'), 4),
    malformed,
    /must hold whole numbers/,
  ],
  [
    "leading zero",
    safetensors(one('"dtype":"F32","shape":[01],"data_offsets":[0,4]'), 4),
    malformed,
    /must hold whole numbers/,
  ],
  [
    "beyond 2^53",
    safetensors(one('"dtype":"F32","shape":[9007199254740992],"data_offsets":[0,4]'), 4),
    malformed,
    /to 9007199254740991/,
  ],
  ["half surrogate", safetensors('{"\\ud800":{}}'), malformed, /half a surrogate pair/],
  ["bad escape", safetensors('{"\\x":{}}'), malformed, /escape that JSON does not know/],
  ["raw control", safetensors('{"a\nb":{}}'), malformed, /no complete JSON string/],
  [
    "unknown dtype",
    safetensors(one('"dtype":"F31","shape":[1],"data_offsets":[0,4]'), 4),
    format,
    /dtype "F31"/,
  ],
  [
    "dtype of Object",
    safetensors(one('"dtype":"toString","shape":[1],"data_offsets":[0,4]'), 4),
    format,
    /dtype "toString"/,
  ],
  [
    "dtype of ONNX",
    safetensors(one('"dtype":"U4","shape":[2],"data_offsets":[0,1]'), 1),
    format,
    /dtype "U4"/,
  ],
  [
    "rank",
    safetensors(one(`"dtype":"F32","shape":[${"1,".repeat(64)}1],"data_offsets":[0,4]`), 4),
    format,
    /more than 64 numbers/,
  ],
  [
    "product",
    safetensors(one('"dtype":"U8","shape":[134217728,134217728],"data_offsets":[0,4]'), 4),
    malformed,
    /size overflows/,
  ],
  [
    "bytes overflow",
    safetensors(one('"dtype":"F64","shape":[4503599627370496],"data_offsets":[0,4]'), 4),
    malformed,
    /size overflows/,
  ],
  [
    "end before begin",
    safetensors(one('"dtype":"F32","shape":[1],"data_offsets":[4,0]'), 4),
    malformed,
    /end before they begin: 4, 0/,
  ],
  [
    "size",
    safetensors(one('"dtype":"F32","shape":[2],"data_offsets":[0,4]'), 4),
    malformed,
    /has 4 bytes where its shape and dtype need 8/,
  ],
  [
    "hole",
    safetensors(
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}',
      3,
    ),
    malformed,
    /tensor "b" leaves a hole: it begins at byte 2 of the data, the tensor before ends at 1/,
  ],
  [
    "hole at the start",
    safetensors(one('"dtype":"U8","shape":[1],"data_offsets":[1,2]'), 2),
    malformed,
    /leaves a hole/,
  ],
  [
    "overlap",
    safetensors(
      '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
      3,
    ),
    malformed,
    /tensor "b" overlaps: it begins at byte 1 of the data, the tensor before ends at 2/,
  ],
  [
    "empty tensor inside another",
    safetensors(
      '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}',
      2,
    ),
    malformed,
    /overlaps/,
  ],
  ["data too long", safetensors(one(dtype32), 5), malformed, /end at byte 4 of 5 bytes of data/],
  ["data too short", safetensors(one(dtype32), 3), malformed, /end at byte 4 of 3 bytes of data/],
];

for (const [rule, bytes, code, message] of rules) {
  test(`rule: ${rule}`, () => refuses(bytes, code, message));
}

test("a header length that begins like a pickle is still safetensors", async () => {
  for (const length of [0x280, 0x480, 0x580]) {
    assert.is((await read(safetensors(`{}${" ".repeat(length - 2)}`))).format, "safetensors");
  }
});

test("a hostile header of brackets or digits is refused without being built", async () => {
  await refuses(safetensors(`{"t":${"[".repeat(1_000_000)}`), malformed, /expected \{/);
  await refuses(safetensors(one(`"shape":[${"9".repeat(1_000_000)}]`)), malformed, /whole numbers/);
  await refuses(
    safetensors(one(`"dtype":"${"x".repeat(1_000_000)}","shape":[],"data_offsets":[0,0]`)),
    format,
    /dtype "x+…"/,
  );
});

test("quantised weights are told by name and dtype", async () => {
  const byte = { dtype: "U8", shape: [1, 1], values: Uint8Array.of(1) };
  const cases: [string, boolean][] = [
    ["layer.weight", true],
    ["layer.qweight", true],
    ["mask", false],
  ];
  for (const [name, quantized] of cases)
    assert.is((await read(write({ [name]: byte }))).quantized, quantized, name);
  assert.is(
    (await read(write({ weight: { dtype: "F32", shape: [1, 1], values: f32(1) } }))).quantized,
    false,
  );
});

test.run();
