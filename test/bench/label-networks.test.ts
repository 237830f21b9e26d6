/** What the labels suite's figures stand on: its networks, their training, and the interval of a mean. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encode, scalingOf } from "../../bench/labels/encoding.js";
import { blend, type Network, predict } from "../../bench/labels/network.js";
import { labelledFrom, thinned } from "../../bench/labels/scene.js";
import { meanInterval } from "../../bench/labels/survey.js";
import { freshNetwork, trained } from "../../bench/labels/train.js";
import { Random } from "../../src/host/repair/random.js";

function near(value: number, expected: number, tolerance = 1e-12): void {
  assert.ok(Math.abs(value - expected) < tolerance, `${value} is not ${expected}`);
}

const settings = { epochs: 150, learningRate: 0.02, weightDecay: 0 };

/** Points of a plane in three sectors. */
function sectors(count: number) {
  const random = new Random(3);
  const values = Float64Array.from({ length: 2 * count }, () => 2 * random.unit() - 1);
  const labels = Float64Array.from({ length: count }, (_, row) =>
    Math.floor((1.5 * (Math.atan2(values[2 * row]!, values[2 * row + 1]!) + Math.PI)) / Math.PI),
  );
  return { rows: { inCount: 2, values }, labels };
}

function rowsOf(count: number): number[] {
  return Array.from({ length: count }, (_, row) => row);
}

test("training learns what a line cannot part, and comes to the same weights again", () => {
  const data = sectors(400);
  const network = trained(freshNetwork([2, 12, 12, 3], 1), data, settings);
  const shares = predict(network, data.rows, rowsOf(400));
  let loss = 0;
  for (let row = 0; row < 400; row++) {
    const row3 = shares.subarray(3 * row, 3 * row + 3);
    near(row3[0]! + row3[1]! + row3[2]!, 1);
    loss -= Math.log(row3[data.labels[row]!]!) / 400;
  }
  assert.ok(loss < 0.25, `log loss ${loss}, where guessing has ${Math.log(3)}`);
  assert.equal(trained(freshNetwork([2, 12, 12, 3], 1), data, settings), network);
});

test("a network of one layer, by hand", () => {
  const network: Network = [
    { inCount: 2, outCount: 1, weight: Float32Array.of(1, -2), bias: Float32Array.of(0.5) },
  ];
  const rows = { inCount: 2, values: Float64Array.of(9, 9, 3, 1) };
  near(predict(network, rows, [1])[0]!, 1 / (1 + Math.exp(-1.5)));
});

test("a blend's ends are the two networks, and each layer has its own scale", () => {
  const [one, other] = [freshNetwork([2, 3, 1], 1), freshNetwork([2, 3, 1], 2)];
  assert.equal(
    blend(one, other, () => 0),
    one,
  );
  const half = blend(one, other, (layer) => layer / 2);
  assert.equal(half[0], one[0]);
  near(half[1]!.bias[0]!, (one[1]!.bias[0]! + other[1]!.bias[0]!) / 2, 1e-7);
});

test("rows: numbers scaled, seasons as an angle, categories one-hot and as codes", () => {
  const rows = [
    { day: 0, speed: 10, phase: "climb", y: 1 },
    { day: 365.25 / 4, speed: 30, phase: "descent", y: 0 },
  ];
  const { inCount, values } = encode(rows, [
    { kind: "season", name: "day" },
    { kind: "number", name: "speed", scaling: scalingOf(rows, "speed") },
    { kind: "category", name: "phase", names: ["climb", "approach"] },
  ]);
  assert.is(inCount, 5);
  [0, 1, -1, 1, 0, 1, 0, 1, 0, 0].forEach((expected, at) => void near(values[at]!, expected));
  const data = labelledFrom("rows", rows, ["speed", "phase"], "y");
  assert.equal(
    [data.columns.map((column) => [...column]), data.texts, [...data.labels]],
    [
      [
        [10, 30],
        [0, 1],
      ],
      [null, ["climb", "descent"]],
      [1, 0],
    ],
  );
  assert.equal(thinned([1, 2, 3, 4, 5, 6, 7], 3), [1, 3, 5, 7]);
});

test("the interval of a mean, by Student's t", () => {
  // Mean 3, deviation 1.5811, t of 4 degrees 2.776445.
  const { mean, low, high } = meanInterval([1, 2, 3, 4, 5]);
  near(mean, 3);
  near(high - mean, (2.7764451051977987 * Math.sqrt(2.5)) / Math.sqrt(5), 1e-9);
  near(mean - low, high - mean, 1e-12);
  assert.equal(meanInterval([7]), { mean: 7, low: 7, high: 7 });
});

test.run();
