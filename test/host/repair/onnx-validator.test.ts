import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { memorySource } from "../../../src/host/parameters/model-bytes.js";
import { readParameters } from "../../../src/host/parameters/parameter-file.js";
import { type LabelledData, selectRows } from "../../../src/host/repair/labelled-data.js";
import { OnnxValidator, type OnnxValidatorOptions } from "../../../src/host/repair/onnx-validator.js";
import { type Candidate, candidateOfBytes } from "../../../src/host/repair/validator.js";
import { scratchDir } from "../../support.js";
import * as onnx from "../parameters/onnx-writer.js";
import { labelled, near, nearAll, rainDays, rainModel, refuses } from "./support.js";

const float32 = 1;
const int32 = 6;
const int64 = 7;
const bool = 9;
const float64 = 11;

async function withValidator<T>(
  options: OnnxValidatorOptions,
  work: (validator: OnnxValidator) => Promise<T>,
): Promise<T> {
  const validator = new OnnxValidator(options);
  try {
    return await work(validator);
  } finally {
    await validator.close();
  }
}

function candidate(parts: onnx.GraphParts, name = "model"): Candidate {
  return candidateOfBytes(onnx.model(parts), "onnx", name);
}

type Dims = readonly (number | string | null)[];

/** y = x, of one input. */
function identity(type: number, dims: Dims, name = "x"): Candidate {
  return candidate({
    nodes: [onnx.node("Identity", [name], ["out"])],
    inputs: [onnx.valueInfo(name, type, dims)],
    outputs: [onnx.valueInfo("out", type, dims)],
  });
}

const shared = new OnnxValidator({ task: "regression" });
test.after(() => shared.close());

async function outputsOf(model: Candidate, data: LabelledData): Promise<number[]> {
  const { values } = await shared.predict(model, data);
  return [...values];
}

/** A rain model's forward pass in f64, straight from its weights. */
async function forward(model: Candidate, data: LabelledData): Promise<number[]> {
  const bytes = await model.bytes();
  const file = await readParameters(memorySource(bytes, model.name));
  const weights = (name: string): Float32Array => {
    const tensor = file.tensors.find((candidate) => candidate.name === name)!;
    return new Float32Array(
      new Uint8Array(bytes).slice(tensor.byteOffset, tensor.byteOffset + tensor.byteLength).buffer,
    );
  };
  const layer = (name: string, inputs: number[]): number[] => {
    const matrix = weights(`${name}.weight`);
    return Array.from(weights(`${name}.bias`), (bias, out) =>
      inputs.reduce((sum, value, at) => sum + value * matrix[out * inputs.length + at]!, bias),
    );
  };
  const [rate, mean, deviation] = ["season_rate", "input_mean", "input_std"].map(weights) as Float32Array[];
  return Array.from({ length: data.rowCount }, (_, row) => {
    const [day, ...weather] = data.columns.map((column) => column[row]!);
    const scaled = weather.map((value, at) => (value - mean![at]!) / deviation![at]!);
    const season = [Math.sin(day! * rate![0]!), Math.cos(day! * rate![0]!)];
    const hidden = layer("hidden2", layer("hidden1", [...season, ...scaled]).map(Math.tanh)).map(Math.tanh);
    return 1 / (1 + Math.exp(-layer("output", hidden)[0]!));
  });
}

test("the rain models' probabilities and losses, against a forward pass and PyTorch's numbers", async () => {
  const data = rainDays("New York", 2014);
  await withValidator({ task: "classification" }, async (validator) => {
    const predictions = await validator.predict(rainModel("rain-3"), data);
    const expected = await forward(rainModel("rain-3"), data);
    assert.equal([predictions.rowCount, predictions.outputCount], [365, 1]);
    nearAll(predictions.values, expected, 1e-5);

    const { nonFiniteRows } = await validator.prepare(rainModel("rain-3"), data);
    assert.is(nonFiniteRows.length, 0);
    assert.equal(validator.reading, { kind: "probability", outputCount: 1 });
    // lineage.json, by PyTorch in f64.
    const metrics = {
      "rain-1": 0.604,
      "rain-2": 0.6791,
      "rain-pruned-1": 0.6912,
      "rain-distilled-1": 0.5998,
    };
    for (const [name, loss] of Object.entries(metrics)) {
      const judgement = await validator.evaluate(rainModel(name), data);
      near(judgement.meanLoss, loss, 6e-4);
      assert.is(judgement.rowLosses!.length, 365);
    }
    const half = selectRows(
      data,
      Uint32Array.from({ length: 180 }, (_, row) => row * 2),
    );
    const judgement = await validator.evaluate(rainModel("rain-3"), half);
    const loss = (row: number) => -Math.log(data.labels[row] === 1 ? expected[row]! : 1 - expected[row]!);
    nearAll(
      judgement.rowLosses!,
      Array.from({ length: 180 }, (_, row) => loss(row * 2)),
      1e-4,
    );
    const right = Array.from({ length: 180 }, (_, row) =>
      Number(expected[row * 2]! > 0.5 === (data.labels[row * 2] === 1)),
    );
    near(judgement.figures("accuracy").value, right.reduce((sum, one) => sum + one, 0) / 180, 1e-12);
  });
});

test("one input takes the features in order, in every element type", async () => {
  const data = labelled({ a: [1, 2, 3], b: [0, 1, 0] }, [0, 0, 0]);
  for (const type of [float32, float64, int32, int64]) {
    assert.equal(await outputsOf(identity(type, ["rows", 2]), data), [1, 0, 2, 1, 3, 0]);
  }
  const flags = labelled({ a: [1, 0], b: [0, 1] }, [0, 0]);
  const asNumber = candidate({
    nodes: [onnx.node("Cast", ["x"], ["out"], [onnx.attribute("to", onnx.int(3, float32), onnx.int(20, 2))])],
    inputs: [onnx.valueInfo("x", bool, ["rows", 2])],
    outputs: [onnx.valueInfo("out", float32, ["rows", 2])],
  });
  assert.equal(await outputsOf(asNumber, flags), [1, 0, 0, 1]);
});

test("inputs named as features take one each, [rows] or [rows, 1], in any order", async () => {
  const data = labelled({ wind: [1, 2, 3], unused: [9, 9, 9], cold: [10, 20, 30] }, [0, 0, 0]);
  for (const dims of [["rows"], ["rows", 1]] as Dims[]) {
    const sum = candidate({
      nodes: [onnx.node("Sub", ["cold", "wind"], ["out"])],
      inputs: [onnx.valueInfo("cold", float32, dims), onnx.valueInfo("wind", float32, dims)],
      outputs: [onnx.valueInfo("out", float32, dims)],
    });
    assert.equal(await outputsOf(sum, data), [9, 18, 27]);
  }
  assert.equal(await outputsOf(identity(float32, ["rows", 1], "cold"), data), [10, 20, 30]);
});

test("a fixed batch is filled up, and many rows go through in batches", async () => {
  const count = 10_001;
  const values = Array.from({ length: count }, (_, row) => row);
  const data = labelled({ x: values }, values);
  for (const rows of [1, 7, "rows", null] as const) {
    const small = rows === 1 ? labelled({ x: values.slice(0, 50) }, values.slice(0, 50)) : data;
    assert.equal(await outputsOf(identity(float32, [rows, 1], "matrix"), small), [...small.columns[0]!]);
  }
  await refuses(
    () => outputsOf(identity(float32, [5_000_000, 1], "matrix"), data),
    "MENDLINE_REPAIR_VALIDATOR",
    /model: the model takes 5000000 rows at a time/,
  );
});

test("inputs that fit no features are named", async () => {
  const data = labelled({ a: [1], b: [2] }, [0]);
  const bad = (model: Candidate, message: RegExp) =>
    refuses(() => outputsOf(model, data), "MENDLINE_REPAIR_VALIDATOR", message);
  await bad(
    identity(float32, ["rows", 3]),
    /inputs are x float32\[rows, 3\], where one of numbers \[rows, 2\], or inputs named as the features a, b/,
  );
  await bad(identity(float32, [null, 2, 2]), /x float32\[\?, 2, 2\]/);
  await bad(identity(8, ["rows", 2]), /x string\[rows, 2\]/);
  // Named as a feature, but as wide as all of them: the width counts.
  assert.equal(await outputsOf(identity(float32, ["rows", 2], "a"), data), [1, 2]);
});

test("values that do not fit an integer input are named with their row", async () => {
  const fed = (values: number[], type: number) =>
    outputsOf(
      identity(type, ["rows", 1]),
      labelled(
        { a: values },
        values.map(() => 0),
      ),
    );
  await refuses(
    () => fed([1, 0.5], int64),
    "MENDLINE_REPAIR_VALIDATOR",
    /data\.csv: row 2: feature a is 0\.5, .* takes int64/,
  );
  await refuses(() => fed([Number.NaN], int32), "MENDLINE_REPAIR_VALIDATOR", /row 1: feature a is missing/);
  await refuses(() => fed([2 ** 31], int32), "MENDLINE_REPAIR_VALIDATOR", /2147483648/);
  await refuses(() => fed([2], bool), "MENDLINE_REPAIR_VALIDATOR", /takes bool/);
  const city = labelled({ city: [0, 1] }, [0, 0], { city: ["a", "b"] });
  await refuses(
    () => outputsOf(identity(float32, ["rows", 1]), city),
    "MENDLINE_REPAIR_VALIDATOR",
    /feature city holds texts/,
  );
});

test("of a label and its probabilities the second counts; other pairs are refused", async () => {
  const pair = (first: number) =>
    candidate({
      nodes: [
        onnx.node("Cast", ["x"], ["first"], [onnx.attribute("to", onnx.int(3, first), onnx.int(20, 2))]),
        onnx.node("Softmax", ["x"], ["second"]),
      ],
      inputs: [onnx.valueInfo("x", float32, ["rows", 2])],
      outputs: [onnx.valueInfo("first", first, ["rows", 2]), onnx.valueInfo("second", float32, ["rows", 2])],
    });
  const data = labelled({ a: [0, 0], b: [0, Math.log(3)] }, [0, 1]);
  nearAll(await outputsOf(pair(int64), data), [0.5, 0.5, 0.25, 0.75], 1e-6);
  await refuses(
    () => outputsOf(pair(float64), data),
    "MENDLINE_REPAIR_VALIDATOR",
    /outputs are first float64\[rows, 2\], second float32/,
  );
});

test("an output that is not one for each row is refused", async () => {
  const total = candidate({
    nodes: [onnx.node("ReduceSum", ["x"], ["out"])],
    inputs: [onnx.valueInfo("x", float32, ["rows", 1])],
    outputs: [onnx.valueInfo("out", float32, [1, 1])],
  });
  await refuses(
    () => outputsOf(total, labelled({ a: [1, 2, 3] }, [0, 0, 0])),
    "MENDLINE_REPAIR_VALIDATOR",
    /output out is float32\[1, 1\] for 3 rows/,
  );
});

test("the unrepaired model decides how outputs are read, for every candidate", async () => {
  const logits = labelled({ z: [-2, 3, 1] }, [0, 1, 1]);
  const mild = labelled({ z: [0.2, 0.8] }, [0, 1]);
  const model = identity(float32, ["rows", 1]);
  await withValidator({ task: "classification" }, async (validator) => {
    await validator.prepare(model, logits);
    const judgement = await validator.evaluate(model, mild);
    near(judgement.rowLosses![0]!, Math.log1p(Math.exp(0.2)), 1e-6);
  });
  await withValidator({ task: "classification" }, async (validator) => {
    await validator.prepare(model, mild);
    near((await validator.evaluate(model, mild)).rowLosses![0]!, -Math.log(0.8), 1e-6);
  });
  await withValidator({ task: "classification", output: "logit" }, async (validator) => {
    await validator.prepare(model, mild);
    near((await validator.evaluate(model, mild)).rowLosses![1]!, Math.log1p(Math.exp(-0.8)), 1e-6);
  });
});

test("rows that the unrepaired model cannot judge are told; a candidate's cost it everything", async () => {
  const model = identity(float32, ["rows", 1]);
  const data = labelled({ x: [0.5, Number.NaN, 0.2] }, [1, 0, 0]);
  await withValidator({ task: "classification" }, async (validator) => {
    assert.equal([...(await validator.prepare(model, data)).nonFiniteRows], [1]);
    const judgement = await validator.evaluate(model, data);
    assert.equal([judgement.meanLoss, judgement.nonFiniteCount], [Infinity, 1]);
    near(judgement.rowLosses![0]!, Math.LN2, 1e-6);
  });
});

test("labels that do not fit the outputs, and auc of three classes, are refused", async () => {
  const three = identity(float32, ["rows", 3]);
  const data = labelled({ a: [1, 2], b: [0, 0], c: [0, 5] }, [0, 3]);
  await withValidator({ task: "classification" }, async (validator) => {
    await refuses(
      () => validator.prepare(three, data),
      "MENDLINE_REPAIR_LABELS",
      /data\.csv: row 2: label y is 3, .*classes 0 to 2/,
    );
  });
  await withValidator({ task: "classification", metric: "auc" }, async (validator) => {
    await refuses(
      () => validator.prepare(three, data),
      "MENDLINE_ARGUMENT_INVALID",
      /auc is for two classes/,
    );
  });
});

test("regression", async () => {
  await withValidator({ task: "regression" }, async (validator) => {
    const model = identity(float64, ["rows", 1]);
    const data = labelled({ x: [1, 2, 4] }, [1, 1, 1]);
    await validator.prepare(model, data);
    const judgement = await validator.evaluate(model, data);
    assert.equal([...judgement.rowLosses!], [0, 1, 9]);
    near(judgement.figures("mae").value, 4 / 3, 1e-15);
  });
});

test("bytes that are no model, and parameters without a graph, are refused with the reason", async () => {
  const data = labelled({ a: [1], b: [1], c: [1], d: [1] }, [0]);
  const rain = rainModel("rain-3");
  const refused = (bytes: Uint8Array, message: RegExp) =>
    refuses(
      () => outputsOf(candidateOfBytes(bytes, "onnx", "bad.onnx"), data),
      "MENDLINE_REPAIR_VALIDATOR",
      message,
    );
  await refused(
    Uint8Array.of(1, 2, 3, 4, 5, 6, 7),
    /^bad\.onnx: the ONNX runtime failed: it cannot load the model: .*protobuf/,
  );
  await refused(
    (await rain.bytes()).subarray(0, 1500),
    /^bad\.onnx: the ONNX runtime failed: it cannot load/,
  );
  await refused(new Uint8Array(0), /^bad\.onnx: the ONNX runtime failed: it cannot load/);
  const parameters = candidateOfBytes(await rain.bytes(), "safetensors", "w.safetensors");
  await refuses(
    () => outputsOf(parameters, data),
    "MENDLINE_REPAIR_VALIDATOR",
    /w\.safetensors: .* no graph to run: use --validator/,
  );
});

test("after a failure the same validator goes on", async () => {
  await withValidator({ task: "classification" }, async (validator) => {
    const data = rainDays("Seattle", 2015);
    await validator.prepare(rainModel("rain-3"), data);
    const bad = candidateOfBytes(Uint8Array.of(9), "onnx", "bad");
    await refuses(() => validator.evaluate(bad, data), "MENDLINE_REPAIR_VALIDATOR", /bad/);
    near((await validator.evaluate(rainModel("rain-3"), data)).meanLoss, 0.44, 6e-4);
  });
});

test("evaluations asked for together are done in turn", async () => {
  await withValidator({ task: "classification" }, async (validator) => {
    const data = rainDays("Seattle", 2015);
    await validator.prepare(rainModel("rain-3"), data);
    const names = ["rain-1", "rain-2", "rain-3", "rain-1"];
    const [first, second, third, again] = await Promise.all(
      names.map((name) => validator.evaluate(rainModel(name), data)),
    );
    assert.equal(first!.rowLosses, again!.rowLosses);
    assert.is(new Set([first!.meanLoss, second!.meanLoss, third!.meanLoss]).size, 3);
  });
});

test("a deadline, a signal and close() end an evaluation under way", async () => {
  const data = rainDays("Seattle", 2015);
  await withValidator({ task: "classification", deadlineMs: 1 }, async (validator) => {
    await refuses(
      () => validator.prepare(rainModel("rain-3"), data),
      "MENDLINE_REPAIR_VALIDATOR",
      /rain-3: judging 365 rows took longer than 1 ms/,
    );
  });
  await withValidator({ task: "classification" }, async (validator) => {
    const controller = new AbortController();
    const work = validator.prepare(rainModel("rain-3"), data, { signal: controller.signal });
    setTimeout(() => controller.abort(), 1);
    await refuses(() => work, "MENDLINE_TASK_ABORTED", /cancelled/);
    await refuses(
      () => validator.prepare(rainModel("rain-3"), data, { signal: controller.signal }),
      "MENDLINE_TASK_ABORTED",
      /cancelled/,
    );
    await validator.prepare(rainModel("rain-3"), data);
  });
  const validator = new OnnxValidator({ task: "classification" });
  const work = refuses(() => validator.prepare(rainModel("rain-3"), data), "MENDLINE_TASK_ABORTED", /closed/);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await validator.close();
  await work;
  await refuses(() => validator.prepare(rainModel("rain-3"), data), "MENDLINE_TASK_ABORTED", /closed/);
  await validator.close();
});

test("without a runtime the message says what to install", async () => {
  await withValidator({ task: "regression", runtimes: ["no-such-runtime"] }, async (validator) => {
    await refuses(
      () => validator.prepare(rainModel("rain-3"), rainDays("Seattle", 2015)),
      "MENDLINE_REPAIR_VALIDATOR",
      /npm install onnxruntime-web.*--validator/,
    );
  });
  await withValidator(
    { task: "regression", runtimes: ["no-such-runtime", "onnxruntime-web"] },
    async (validator) => {
      await validator.prepare(rainModel("rain-3"), rainDays("Seattle", 2015));
    },
  );
});

test("a runtime that never comes back is ended by the deadline", async () => {
  const path = join(scratchDir(), "endless.mjs");
  writeFileSync(path, "export const env = {}; export const InferenceSession = { create() { for (;;); } };");
  const options = { task: "regression", deadlineMs: 1_000, runtimes: [pathToFileURL(path).href] } as const;
  await withValidator(options, (validator) =>
    refuses(
      () => validator.predict(rainModel("rain-3"), rainDays("Seattle", 2015)),
      "MENDLINE_REPAIR_VALIDATOR",
      /longer than 1000 ms/,
    ),
  );
});

test("an idle validator keeps no process alive, and a chatty runtime stays out of its output", () => {
  const chatty = join(scratchDir(), "chatty.mjs");
  writeFileSync(chatty, 'console.log("noise"); console.error("noise"); throw new Error("no runtime");');
  const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    import { OnnxValidator } from ${here("../../../src/host/repair/onnx-validator.js")};
    import { rainDays, rainModel } from ${here("./support.js")};
    const runtimes = [${JSON.stringify(pathToFileURL(chatty).href)}, "onnxruntime-web"];
    const validator = new OnnxValidator({ task: "classification", runtimes });
    await validator.prepare(rainModel("rain-3"), rainDays("Seattle", 2015));
    console.log("done");`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal({ status, stdout, stderr }, { status: 0, stdout: "done\n", stderr: "" });
});

test("no rows, and evaluate before prepare", async () => {
  await withValidator({ task: "classification" }, async (validator) => {
    await refuses(
      () => validator.prepare(rainModel("rain-3"), labelled({ a: [] }, [])),
      "MENDLINE_DATA_EMPTY",
      /no labelled rows/,
    );
    let thrown: unknown = null;
    await validator.evaluate(rainModel("rain-3"), rainDays("Seattle", 2015)).catch((error: unknown) => {
      thrown = error;
    });
    assert.match((thrown as Error).message, /prepare\(\) comes before/);
  });
});

test.run();
