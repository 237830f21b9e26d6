import { test } from "uvu";
import * as assert from "uvu/assert";
import { onnxDepthMax } from "../../../src/limits.js";
import {
  attribute,
  type Bytes,
  bytes,
  concat,
  f32,
  f64,
  fixed32,
  fixed64,
  graph,
  i64,
  int,
  model,
  node,
  packed,
  rawF32,
  smallModel,
  tensor,
  text,
  valueInfo,
  varint,
} from "./onnx-writer.js";
import { checkPartition, read, refuses, tensorOf, valuesOf } from "./support.js";

const malformed = "MENDLINE_MODEL_MALFORMED";
const format = "MENDLINE_MODEL_FORMAT";

function withTensor(body: Bytes): Bytes {
  return model({ initializers: [body] });
}

test("initializers and Constants: names, ranges, slots, inputs and outputs", async () => {
  const bytesOfModel = smallModel();
  const file = await read(bytesOfModel);
  assert.is(file.format, "onnx");
  assert.equal(
    file.tensors.map(({ name, dtype, shape, slot }) => [name, dtype, shape, slot]),
    [
      ["b1", "F32", [3], "Gemm#0/2"],
      ["b2", "I64", [1], "Gemm#1/2"],
      ["scale", "F32", [2], "Mul#0/1"],
      ["w1", "F32", [2, 3], "Gemm#0/1"],
      ["w2", "F32", [3, 1], "Gemm#1/1"],
    ],
  );
  assert.equal(valuesOf(bytesOfModel, tensorOf(file, "w1")), f32(1, 2, 3, 4, 5, 6));
  assert.equal(valuesOf(bytesOfModel, tensorOf(file, "w2")), f32(7, 8, 9));
  assert.equal(valuesOf(bytesOfModel, tensorOf(file, "scale")), f32(0.5, 0.25));
  assert.equal(tensorOf(file, "b2").inline, i64(-5));
  assert.equal(file.inputs, [{ name: "x", dtype: "F32", shape: ["batch", 2] }]);
  assert.equal(file.outputs, [{ name: "y", dtype: "F32", shape: ["batch", 1] }]);
  assert.is(file.quantized, false);
  checkPartition(file);
});

test("every data type in raw_data has its width, 4 and 2 bits rounded up", async () => {
  const widths: [number, string, number][] = [
    [1, "F32", 12],
    [2, "U8", 3],
    [3, "I8", 3],
    [4, "U16", 6],
    [5, "I16", 6],
    [6, "I32", 12],
    [7, "I64", 24],
    [9, "BOOL", 3],
    [10, "F16", 6],
    [11, "F64", 24],
    [12, "U32", 12],
    [13, "U64", 24],
    [14, "C64", 24],
    [15, "C128", 48],
    [16, "BF16", 6],
    [17, "F8_E4M3", 3],
    [18, "F8_E4M3FNUZ", 3],
    [19, "F8_E5M2", 3],
    [20, "F8_E5M2FNUZ", 3],
    [21, "U4", 2],
    [22, "I4", 2],
    [23, "F4", 2],
    [24, "F8_E8M0", 3],
    [25, "U2", 1],
    [26, "I2", 1],
  ];
  for (const [code, dtype, byteLength] of widths) {
    const file = await read(withTensor(tensor("t", code, [3], bytes(9, new Uint8Array(byteLength)))));
    assert.is(file.tensors[0]?.dtype, dtype);
    assert.is(file.tensors[0]?.byteLength, byteLength);
    checkPartition(file);
    await refuses(
      withTensor(tensor("t", code, [3], bytes(9, new Uint8Array(byteLength + 1)))),
      malformed,
      new RegExp(`has ${byteLength + 1} bytes of values where ${dtype} \\[3\\] needs ${byteLength} \\(byte`),
    );
  }
});

const typedData: readonly [string, Bytes, Uint8Array][] = [
  ["int32_data of I8", tensor("t", 3, [3], packed(5, [-128n, 127, 1])), Uint8Array.of(0x80, 0x7f, 1)],
  ["int32_data of U8", tensor("t", 2, [2], packed(5, [255, 0])), Uint8Array.of(255, 0)],
  [
    "int32_data of F16 bits",
    tensor("t", 10, [2], packed(5, [0x3c00, 0xbc00])),
    Uint8Array.of(0, 0x3c, 0, 0xbc),
  ],
  ["int32_data of BF16 bits", tensor("t", 16, [1], packed(5, [0x3f80])), Uint8Array.of(0x80, 0x3f)],
  ["int32_data of I16", tensor("t", 5, [1], packed(5, [-2n])), Uint8Array.of(0xfe, 0xff)],
  [
    "int32_data of I32",
    tensor("t", 6, [2], packed(5, [-1n, 2 ** 31 - 1])),
    Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127),
  ],
  ["int32_data of BOOL", tensor("t", 9, [2], packed(5, [1, 0])), Uint8Array.of(1, 0)],
  ["int32_data of I4 pairs", tensor("t", 22, [3], packed(5, [0xf1, 0x02])), Uint8Array.of(0xf1, 2)],
  ["int32_data unpacked", tensor("t", 2, [3], int(5, 7), packed(5, [8]), int(5, 9)), Uint8Array.of(7, 8, 9)],
  [
    "int64_data",
    tensor("t", 7, [2], packed(7, [-1n, 2n ** 62n])),
    new Uint8Array(BigInt64Array.of(-1n, 2n ** 62n).buffer),
  ],
  ["uint64_data of U64", tensor("t", 13, [1], packed(11, [2n ** 64n - 1n])), new Uint8Array(8).fill(255)],
  ["uint64_data of U32", tensor("t", 12, [1], packed(11, [2 ** 32 - 1])), new Uint8Array(4).fill(255)],
  ["float_data unpacked", tensor("t", 1, [2], fixed32(4, 1.5), fixed32(4, -2)), f32(1.5, -2)],
  ["float_data in two runs", tensor("t", 1, [3], bytes(4, f32(1)), bytes(4, f32(2, 3))), f32(1, 2, 3)],
  ["double_data unpacked", tensor("t", 11, [2], fixed64(10, 1.5), fixed64(10, -2)), f64(1.5, -2)],
  [
    "string_data",
    tensor("t", 8, [2], text(6, "né"), text(6, "")),
    Uint8Array.of(3, 0, 0, 0, 0x6e, 0xc3, 0xa9, 0, 0, 0, 0),
  ],
  ["no elements", tensor("t", 7, [0, 4]), new Uint8Array(0)],
];

for (const [name, body, expected] of typedData) {
  test(`decoded to canonical bytes: ${name}`, async () => {
    const file = await read(withTensor(body));
    const found = tensorOf(file, "t");
    assert.is(found.byteOffset, -1);
    assert.equal(found.inline, expected);
    checkPartition(file);
  });
}

test("packed floats, doubles and complex numbers are ranges of the file", async () => {
  for (const [body, expected] of [
    [tensor("t", 1, [2], bytes(4, f32(1, 2))), f32(1, 2)],
    [tensor("t", 14, [1], bytes(4, f32(1, 2))), f32(1, 2)],
    [tensor("t", 11, [2], bytes(10, f64(1, 2))), f64(1, 2)],
  ] as const) {
    const whole = withTensor(body);
    const found = tensorOf(await read(whole), "t");
    assert.is(found.inline, null);
    assert.equal(valuesOf(whole, found), expected);
  }
});

test("the order of TensorProto's fields does not matter, nor packed dims", async () => {
  const whole = withTensor(concat(bytes(9, f32(1, 2)), text(8, "t"), int(2, 1), packed(1, [2, 1])));
  const found = tensorOf(await read(whole), "t");
  assert.equal(found.shape, [2, 1]);
  assert.equal(valuesOf(whole, found), f32(1, 2));
});

const brokenTensors: readonly [
  string,
  Bytes,
  "MENDLINE_MODEL_MALFORMED" | "MENDLINE_MODEL_FORMAT",
  RegExp,
][] = [
  ["no name", tensor("", 1, [1], bytes(9, f32(1))), malformed, /an initializer has no name/],
  ["no data_type", concat(int(1, 1), text(8, "t"), bytes(9, f32(1))), malformed, /has no data_type/],
  ["data_type 0", tensor("t", 0, [1], bytes(9, f32(1))), malformed, /has no data_type/],
  ["unknown data_type", tensor("t", 99, [1], bytes(9, f32(1))), format, /data_type 99/],
  ["no values", tensor("t", 1, [1]), malformed, /has 0 bytes of values where F32 \[1\] needs 4/],
  ["empty raw_data", tensor("t", 1, [1], bytes(9)), malformed, /has 0 bytes/],
  ["negative dimension", tensor("t", 1, [-1], bytes(9, f32(1))), malformed, /a dimension of .* is negative/],
  ["overflow", tensor("t", 1, [2 ** 30, 2 ** 30], bytes(9, f32(1))), malformed, /size overflows/],
  [
    "rank",
    tensor("t", 1, new Array<number>(65).fill(1), bytes(9, f32(1))),
    format,
    /more than 64 dimensions/,
  ],
  ["raw_data twice", tensor("t", 1, [1], bytes(9, f32(1)), bytes(9, f32(1))), malformed, /field 9 twice/],
  ["name twice", tensor("t", 1, [1], text(8, "u"), bytes(9, f32(1))), malformed, /field 8 twice/],
  [
    "two places",
    tensor("t", 1, [1], bytes(4, f32(1)), bytes(9, f32(1))),
    malformed,
    /values in raw_data and in field 4/,
  ],
  ["wrong place", tensor("t", 1, [1], bytes(10, f64(1))), malformed, /is F32 but has values in field 10/],
  [
    "ragged run",
    tensor("t", 1, [2], bytes(4, new Uint8Array(3)), bytes(4, new Uint8Array(5))),
    malformed,
    /3 bytes are no multiple of 4/,
  ],
  [
    "too few integers",
    tensor("t", 7, [2], packed(7, [1])),
    malformed,
    /has at most 1 values where its shape needs 2/,
  ],
  [
    "fewer integers than bytes",
    tensor("t", 7, [2], packed(7, [1000])),
    malformed,
    /has 1 values where its shape needs 2/,
  ],
  [
    "too many integers",
    tensor("t", 7, [1], packed(7, [1, 2])),
    malformed,
    /has more values where its shape needs 1/,
  ],
  ["integer out of range", tensor("t", 2, [1], packed(5, [256])), malformed, /value 0 of .* does not fit U8/],
  ["I8 out of range", tensor("t", 3, [1], packed(5, [-129n])), malformed, /does not fit I8/],
  ["BOOL of 2", tensor("t", 9, [1], packed(5, [2])), malformed, /does not fit BOOL/],
  ["U32 out of range", tensor("t", 12, [1], packed(11, [2 ** 32])), malformed, /does not fit U32/],
  ["huge claim", tensor("t", 7, [2 ** 40], packed(7, [1])), malformed, /at most 1 values/],
  ["too few texts", tensor("t", 8, [2], text(6, "a")), malformed, /has 1 texts where its shape needs 2/],
  [
    "text in raw_data",
    tensor("t", 8, [1], bytes(9, f32(1))),
    malformed,
    /is STRING, which raw_data cannot hold/,
  ],
  ["external location", tensor("t", 1, [1], int(14, 1)), format, /external data\), which is off by default/],
  [
    "external entries",
    tensor("t", 1, [1], bytes(13, text(1, "location"), text(2, "../../etc/passwd"))),
    format,
    /off by default/,
  ],
  ["segment", tensor("t", 1, [1], bytes(3, int(1, 0)), bytes(9, f32(1))), format, /is a segment of a tensor/],
  [
    "wrong wire type",
    tensor("t", 1, [1], int(9, 4)),
    malformed,
    /raw_data of .* has wire type 0 where 2 belongs/,
  ],
  [
    "dims as fixed32",
    concat(fixed32(1, 1), tensor("t", 1, [], bytes(9, f32(1)))),
    malformed,
    /negative|beyond|wire type|bytes of values/,
  ],
  [
    "length beyond the tensor",
    concat(tensor("t", 1, [1]), Uint8Array.of(9 * 8 + 2), varint(400)),
    malformed,
    /is 400 bytes long where 0 are left/,
  ],
];

for (const [name, body, code, message] of brokenTensors) {
  test(`refuses a tensor with ${name}`, () => refuses(withTensor(body), code, message));
}

test("Constant nodes in every form; text and unknown forms are no parameters", async () => {
  const whole = model({
    nodes: [
      node("Constant", [], ["a"], [attribute("value_float", fixed32(2, 1.5))]),
      node("Constant", [], ["b"], [attribute("value_floats", fixed32(7, 1), fixed32(7, 2))]),
      node("Constant", [], ["c"], [attribute("value_int", int(3, -7n))]),
      node("Constant", [], ["d"], [attribute("value_ints", packed(8, [300, 2]), int(8, 3))]),
      node("Constant", [], ["e"], [attribute("value_string", text(4, "x"))]),
      node("Constant", [], ["f"], [attribute("value_floats", bytes(7, f32(8, 9)))], "ai.onnx"),
      node("Add", ["", "b"], ["sum"]),
    ],
  });
  const file = await read(whole);
  const found = file.tensors.map((entry) => [entry.name, entry.dtype, entry.shape, entry.byteOffset >= 0]);
  assert.equal(found, [
    ["a", "F32", [], true],
    ["b", "F32", [2], false],
    ["c", "I64", [], false],
    ["d", "I64", [3], false],
    ["f", "F32", [2], true],
  ]);
  assert.equal(valuesOf(whole, tensorOf(file, "a")), f32(1.5));
  assert.equal(valuesOf(whole, tensorOf(file, "b")), f32(1, 2));
  assert.equal(valuesOf(whole, tensorOf(file, "c")), i64(-7));
  assert.equal(valuesOf(whole, tensorOf(file, "d")), i64(300, 2, 3));
  assert.equal(valuesOf(whole, tensorOf(file, "f")), f32(8, 9));
  assert.is(tensorOf(file, "b").slot, "Add#0/1");
  checkPartition(file);
});

test("slots name the first consumer by its op type's ordinal, whatever tensors and nodes are called", async () => {
  const build = (prefix: string, noise: Bytes[]): Bytes =>
    model({
      nodes: [
        ...noise,
        node("MatMul", ["x", `${prefix}w`], ["h"]),
        node("MatMul", ["h", `${prefix}v`], ["g"]),
        node("Add", ["g", `${prefix}w`], ["y"]),
      ],
      initializers: [
        rawF32(`${prefix}w`, [1], [1]),
        rawF32(`${prefix}v`, [1], [2]),
        rawF32(`${prefix}unused`, [1], [2]),
      ],
    });
  const slots = async (whole: Bytes): Promise<unknown[]> =>
    (await read(whole)).tensors.map(({ slot }) => slot).sort();
  assert.equal(await slots(build("", [])), ["MatMul#0/1", "MatMul#1/1", null]);
  assert.equal(await slots(build("onnx::", [node("Identity", ["x"], ["x2"])])), [
    "MatMul#0/1",
    "MatMul#1/1",
    null,
  ]);
});

test("subgraphs: prefixed names, outer tensors seen from inside, lists of graphs and tensors", async () => {
  const branch = graph({
    nodes: [node("Mul", ["outer", "w"], ["r"])],
    initializers: [rawF32("w", [1], [5])],
  });
  const whole = model({
    nodes: [
      node(
        "If",
        ["c"],
        ["p"],
        [attribute("then_branch", bytes(6, branch)), attribute("else_branch", bytes(6, branch))],
      ),
      node("If", ["c"], ["q"], [attribute("then_branch", bytes(6, branch))]),
      node(
        "Custom",
        [],
        ["s"],
        [
          attribute("bodies", bytes(11, branch), bytes(11, branch)),
          attribute("tables", bytes(10, rawF32("", [1], [1])), bytes(10, rawF32("", [1], [2]))),
        ],
      ),
      node("ConstantOfShape", ["k"], ["z"], [attribute("value", bytes(5, rawF32("", [1], [3])))]),
      node("Pad", ["k"], [], [attribute("value", bytes(5, rawF32("", [1], [4])))]),
    ],
    initializers: [rawF32("outer", [1], [1]), rawF32("w", [1], [2])],
  });
  const file = await read(whole);
  assert.equal(
    file.tensors.map(({ name, slot }) => [name, slot]),
    [
      ["Custom#0.bodies[0]/w", "Custom#0.bodies[0]/Mul#0/1"],
      ["Custom#0.bodies[1]/w", "Custom#0.bodies[1]/Mul#0/1"],
      ["If#0.else_branch/w", "If#0.else_branch/Mul#0/1"],
      ["If#0.then_branch/w", "If#0.then_branch/Mul#0/1"],
      ["If#1.then_branch/w", "If#1.then_branch/Mul#0/1"],
      ["Pad#0@value", "Pad#0/@value"],
      ["outer", "If#0.then_branch/Mul#0/0"],
      ["s@tables[0]", "Custom#0/@tables[0]"],
      ["s@tables[1]", "Custom#0/@tables[1]"],
      ["w", null],
      ["z@value", "ConstantOfShape#0/@value"],
    ],
  );
  checkPartition(file);
});

test("classical operators keep their coefficients in attributes, and those enter the index", async () => {
  const whole = model({
    nodes: [
      node(
        "LinearClassifier",
        ["x"],
        ["label", "score"],
        [
          attribute("coefficients", fixed32(7, 1), fixed32(7, -1)),
          attribute("classlabels_ints", int(8, 0), int(8, 1)),
        ],
        "ai.onnx.ml",
      ),
      node("Resize", ["x"], ["y"], [attribute("scales", fixed32(7, 2))]),
    ],
  });
  const file = await read(whole);
  assert.equal(
    file.tensors.map(({ name, dtype, slot }) => [name, dtype, slot]),
    [
      ["label@classlabels_ints", "I64", "LinearClassifier#0/@classlabels_ints"],
      ["label@coefficients", "F32", "LinearClassifier#0/@coefficients"],
    ],
  );
});

test("Constants in model functions are parameters", async () => {
  const body = node("Constant", [], ["k"], [attribute("value", bytes(5, rawF32("", [1], [3])))]);
  const whole = model(
    { nodes: [node("scale", ["x"], ["y"], [], "mine")] },
    bytes(25, text(1, "scale"), bytes(7, body), bytes(7, node("Mul", ["x", "k"], ["y"])), text(10, "mine")),
  );
  const file = await read(whole);
  assert.equal(
    file.tensors.map(({ name, slot }) => [name, slot]),
    [["function mine::scale/k", "function mine::scale/Mul#0/1"]],
  );
  checkPartition(file);
});

test("inputs that an initializer fills are left out; sequences have no dtype; unknown sizes are null", async () => {
  const file = await read(
    model({
      initializers: [rawF32("w", [1], [1])],
      inputs: [valueInfo("w", 1, [1]), valueInfo("x", 11, [null, -1, "", 3])],
      outputs: [concat(text(1, "maps"), bytes(2, bytes(4, bytes(1, bytes(5, int(1, 7)))))), text(1, "bare")],
    }),
  );
  assert.equal(file.inputs, [{ name: "x", dtype: "F64", shape: [null, null, null, 3] }]);
  assert.equal(file.outputs, [
    { name: "maps", dtype: null, shape: null },
    { name: "bare", dtype: null, shape: null },
  ]);
});

test("quantised models are told by their operators, also inside subgraphs, or by annotation", async () => {
  for (const op of [
    "DequantizeLinear",
    "QLinearConv",
    "MatMulNBits",
    "DynamicQuantizeLinear",
    "MatMulInteger",
  ]) {
    assert.is((await read(model({ nodes: [node(op, ["x"], ["y"])] }))).quantized, true, op);
  }
  const inner = graph({ nodes: [node("QuantizeLinear", ["x"], ["y"])] });
  const nested = model({ nodes: [node("Loop", [], ["y"], [attribute("body", bytes(6, inner))])] });
  assert.is((await read(nested)).quantized, true);
  assert.is((await read(model({ extra: [bytes(14, text(1, "w"))] }))).quantized, true);
  assert.is((await read(smallModel())).quantized, false);
});

const brokenModels: readonly [string, Bytes, "MENDLINE_MODEL_MALFORMED" | "MENDLINE_MODEL_FORMAT", RegExp][] =
  [
    ["no graph", concat(int(1, 8), text(2, "writer")), format, /without an ONNX graph/],
    ["two graphs", model({}, bytes(7, graph({}))), malformed, /the model holds field 7 twice/],
    [
      "a graph that is a number",
      concat(int(1, 8), int(7, 1), text(2, "writer")),
      malformed,
      /graph has wire type 0/,
    ],
    ["a sparse initializer", model({ extra: [bytes(15)] }), format, /sparse initializer/],
    [
      "a sparse attribute",
      model({ nodes: [node("Constant", [], ["k"], [attribute("sparse_value", bytes(22))])] }),
      format,
      /sparse tensor/,
    ],
    [
      "a name twice",
      model({ initializers: [rawF32("w", [1], [1]), rawF32("w", [1], [1])] }),
      malformed,
      /two tensors are named "w"/,
    ],
    [
      "a Constant named as an initializer",
      model({
        nodes: [node("Constant", [], ["w"], [attribute("value", bytes(5, rawF32("", [1], [1])))])],
        initializers: [rawF32("w", [1], [1])],
      }),
      malformed,
      /two tensors are named "w"/,
    ],
    [
      "a Constant without output",
      model({ nodes: [node("Constant", [], [])] }),
      malformed,
      /Constant node has no output/,
    ],
    ["a node without op_type", model({ nodes: [text(1, "x")] }), malformed, /a node has no op_type/],
    [
      "two op_types",
      model({ nodes: [concat(text(4, "Add"), text(4, "Mul"))] }),
      malformed,
      /a node holds field 4 twice/,
    ],
    [
      "two tensors in an attribute",
      model({ nodes: [node("X", [], ["y"], [attribute("t", bytes(5), bytes(5))])] }),
      malformed,
      /an attribute holds field 5 twice/,
    ],
    ["bytes after the end", concat(smallModel(), Uint8Array.of(0)), malformed, /field number 0/],
    ["its end cut off", smallModel().slice(0, -30), malformed, /bytes long where|is the file cut off/],
    [
      "a name that is not UTF-8",
      model({ initializers: [tensor("", 1, [1], bytes(8, Uint8Array.of(0xff)), bytes(9, f32(1)))] }),
      malformed,
      /not UTF-8/,
    ],
  ];

for (const [name, whole, code, message] of brokenModels) {
  test(`refuses a model with ${name}`, () => refuses(whole, code, message));
}

test("graphs nest to the limit and not beyond", async () => {
  const nested = (depth: number): Bytes => {
    let inner = graph({ initializers: [rawF32("w", [1], [1])] });
    for (let level = 1; level < depth; level++)
      inner = graph({ nodes: [node("If", [], [`o${level}`], [attribute("b", bytes(6, inner))])] });
    return concat(int(1, 8), bytes(7, inner));
  };
  const file = await read(nested(onnxDepthMax));
  assert.is(file.tensors[0]?.name, `${"If#0.b/".repeat(onnxDepthMax - 1)}w`);
  await refuses(nested(onnxDepthMax + 1), format, /nested more than 32 deep/);
});

test("values beyond one window are found, and a file of many nodes is walked", async () => {
  const values = Array.from({ length: 50_000 }, (_, index) => index);
  const whole = model({
    nodes: Array.from({ length: 20_000 }, (_, index) => node("Add", [`v${index}`, "w"], [`v${index + 1}`])),
    initializers: [
      rawF32("w", [50_000], values),
      tensor("n", 7, [50_000], packed(7, values)),
      tensor("u", 1, [30_000], ...values.slice(0, 30_000).map((value) => fixed32(4, value))),
      tensor("s", 8, [2], text(6, "x".repeat(200_000)), text(6, "y")),
    ],
  });
  const file = await read(whole);
  assert.equal(valuesOf(whole, tensorOf(file, "w")), f32(...values));
  assert.equal(valuesOf(whole, tensorOf(file, "n")), i64(...values));
  assert.equal(valuesOf(whole, tensorOf(file, "u")), f32(...values.slice(0, 30_000)));
  assert.is(tensorOf(file, "s").byteLength, 200_009);
  assert.is(tensorOf(file, "w").slot, "Add#0/1");
  checkPartition(file);
});

test.run();
