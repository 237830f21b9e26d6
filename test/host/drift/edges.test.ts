import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  compareEdges,
  type Edge,
  edgeInType,
  edgesAsFloat32,
  edgeToJson,
  isSingleNumberBin,
  mergeEdges,
  nextAbove,
  quantileEdges,
  roundingBoundary,
} from "../../../src/host/drift/edges.js";
import {
  isFloatType,
  isWideInteger,
  type NumericType,
  numericTypes,
  rangeOf,
} from "../../../src/host/kernels/types.js";
import { sortValues } from "../../assembly/oracle.js";
import { anyValue, hardValues, mixedValues, random } from "../../assembly/support.js";

function finiteSorted(type: NumericType, count: number, next: () => number): Edge[] {
  const values = mixedValues(type, count * 2, next).filter(
    (value) => typeof value === "bigint" || Number.isFinite(value),
  );
  return sortValues(values.slice(0, count).map((value) => (value === 0 ? 0 : value)));
}

/** The definition, word for word: distinct q_i, and the successor of every q that stands for two or more i. */
function plainEdges(
  sorted: readonly Edge[],
  bins: number,
  type: NumericType,
  highest = rangeOf(type).highest,
): Edge[] {
  const times = new Map<Edge, number>();
  for (let i = 1; i < bins; i++) {
    // ceil(i n / B) in whole numbers
    const rank = Math.floor((i * sorted.length + bins - 1) / bins);
    const quantile = sorted[rank - 1]!;
    times.set(quantile, (times.get(quantile) ?? 0) + 1);
  }
  const edges = new Set<Edge>(times.keys());
  for (const [quantile, count] of times) {
    const above = count > 1 && quantile < highest ? nextAbove(quantile, type) : null;
    if (above !== null) edges.add(above);
  }
  return sortValues([...edges]);
}

for (const type of numericTypes) {
  test(`${type}: quantile edges as the definition has them`, () => {
    const next = random(103);
    for (const count of [1, 2, 3, 9, 10, 11, 50, 257]) {
      const sorted = finiteSorted(type, count, next);
      for (const bins of [2, 3, 10, 100, 256]) {
        const edges = quantileEdges((rank) => sorted[rank]!, sorted.length, bins, type);
        assert.equal(edges, plainEdges(sorted, bins, type), `${count} values, ${bins} bins`);
        assert.ok(edges.every((edge, i) => i === 0 || edges[i - 1]! < edge));
        assert.ok(edges.every((edge) => !Object.is(edge, -0)));
      }
    }
  });

  test(`${type}: the next number above, and none between`, () => {
    const { lowest, highest } = rangeOf(type);
    const values = finiteSorted(type, 300, random(107)).concat(lowest);
    for (const value of values) {
      const above = nextAbove(value, type);
      if (value === highest) {
        assert.is(above, null);
        continue;
      }
      assert.ok(above! > value, `${value}`);
      if (isFloatType(type)) {
        const middle = (value as number) / 2 + (above as number) / 2;
        const round = type === "f32" ? Math.fround : (x: number) => x;
        assert.is(round(above as number), above);
        assert.ok([value, above].includes(round(middle)), `${round(middle)} between ${value} and ${above}`);
      } else {
        assert.is(BigInt(above!) - BigInt(value), 1n);
      }
      assert.not(Object.is(above, -0));
    }
  });

  test(`${type}: an edge of any type parts this type's values as it would have`, () => {
    const { lowest, highest } = rangeOf(type);
    const own = [...hardValues(type), lowest, highest].filter((value) => !Number.isNaN(value));
    for (const from of numericTypes) {
      const edges = [...finiteSorted(from, 200, random(109)), rangeOf(from).lowest, rangeOf(from).highest];
      for (const edge of edges) {
        const reached = edgeInType(edge, type);
        if (reached !== null) assert.is(typeof reached, isWideInteger(type) ? "bigint" : "number");
        const near = [...own, ...neighbours(edge, type)];
        for (const value of near) {
          const isAbove = reached !== null && value >= reached;
          if (isAbove !== value >= edge)
            assert.unreachable(`${value} and edge ${edge} of ${from}: ${reached}`);
        }
      }
    }
  });
}

/** The values of a type around an edge. */
function neighbours(edge: Edge, type: NumericType): Edge[] {
  const { lowest, highest } = rangeOf(type);
  if (isFloatType(type)) {
    const near = type === "f32" ? Math.fround(Number(edge)) : Number(edge);
    if (!Number.isFinite(near)) return [];
    const above = nextAbove(near, type);
    const below = nextAbove(-near, type);
    return [near, ...(above === null ? [] : [above]), ...(below === null ? [] : [-Number(below)])];
  }
  if (typeof edge === "number" && !Number.isFinite(edge)) return [];
  const whole = typeof edge === "bigint" ? edge : BigInt(Math.floor(edge));
  const held = [whole - 1n, whole, whole + 1n].filter((value) => value >= lowest && value <= highest);
  return isWideInteger(type) ? held : held.map(Number);
}

test("booleans have no number above 1", () => {
  const values = [0, 0, 0, 1, 1, 1, 1, 1, 1, 1];
  assert.equal(
    quantileEdges((rank) => values[rank]!, 10, 10, "u8", 1),
    [0, 1],
  );
  assert.equal(
    quantileEdges((rank) => values[rank]!, 10, 10, "u8"),
    [0, 1, 2],
  );
  assert.equal(
    quantileEdges(() => 1, 5, 10, "u8", 1),
    [1],
  );
  assert.equal(
    quantileEdges(() => 0, 5, 10, "u8", 1),
    [0, 1],
  );
});

test("no finite value: no edges", () => {
  assert.equal(
    quantileEdges(() => assert.unreachable() as never, 0, 10, "f64"),
    [],
  );
});

test("an atom at the highest value has no edge behind it; a successor that is a quantile itself stands once", () => {
  assert.equal(
    quantileEdges(() => 255, 4, 4, "u8"),
    [255],
  );
  const values = [3, 3, 3, 4, 4, 4, 5, 9];
  assert.equal(
    quantileEdges((rank) => values[rank]!, 8, 8, "i32"),
    [3, 4, 5],
  );
});

test("bins that can hold one single number only", () => {
  const edges = [0, 1, 2, 5];
  const single = (list: readonly Edge[], type: NumericType) =>
    Array.from({ length: list.length + 1 }, (_, bin) => isSingleNumberBin(list, bin, type));
  assert.equal(single(edges, "i32"), [false, true, true, false, false]);
  assert.equal(single(edges, "f64"), [false, false, false, false, false]);
  assert.equal(single([0, 5e-324, 1], "f64"), [false, true, false, false]);
  assert.equal(single([5n, 6n, 8n], "i64"), [false, true, false, false]);
  assert.equal(single([], "i64"), [false]);
});

test("sorted union, numbers beside bigints", () => {
  assert.equal(mergeEdges([]), []);
  assert.equal(mergeEdges([[1, 3], [], [2, 3, 4], [3]]), [1, 2, 3, 4]);
  const wide = 2n ** 53n + 1n;
  assert.equal(mergeEdges([[2 ** 53], [2n ** 53n, wide], [2 ** 53 + 2]]), [2 ** 53, wide, 2 ** 53 + 2]);
  assert.is(compareEdges(2 ** 53, wide), -1);
  assert.is(compareEdges(wide, 2 ** 53), 1);
  assert.is(compareEdges(2 ** 53, 2n ** 53n), 0);
});

test("in JSON: numbers, and texts only for what a double cannot hold", () => {
  assert.is(edgeToJson(0.5), 0.5);
  assert.is(edgeToJson(-(2n ** 53n)), -(2 ** 53));
  assert.is(edgeToJson(2n ** 53n), 2 ** 53);
  assert.is(edgeToJson(2n ** 53n + 1n), "9007199254740993");
  assert.is(edgeToJson(-(2n ** 63n)), "-9223372036854775808");
});

test("property: doubles are on the side of an f32 edge's boundary where their f32 is", () => {
  const next = random(29);
  const highest = 3.4028234663852886e38;
  const floats = [0, 1, -1, 0.1, 2 ** -149, -(2 ** -149), 2 ** -126, highest, -highest, 16_777_216, -7.25];
  for (let i = 0; i < 300; i++) floats.push(Number(anyValue("f32", next)));
  for (const float of floats.map(Math.fround).filter(Number.isFinite)) {
    const boundary = roundingBoundary(float);
    const values = [
      float,
      boundary,
      Number(nextAbove(boundary, "f64")),
      -Number(nextAbove(-boundary, "f64")),
    ];
    for (let i = 0; i < 20; i++) values.push(float * (1 + (next() - 0.5) * 2 ** -22));
    for (const value of values) {
      assert.is(value >= boundary, Math.fround(value) >= float, `${value} beside ${float}`);
    }
  }
});

test("edges of doubles as f32 meets them: atoms keep their bin, neighbours may fall together, in order", () => {
  const always = () => true;
  const f32 = Math.fround;
  const above = (value: number) => Number(nextAbove(f32(value), "f32"));
  const after = (value: number) => Number(nextAbove(value, "f64"));
  assert.equal(edgesAsFloat32([0.1, 0.3], always), [f32(0.1), f32(0.3)]);
  assert.equal(edgesAsFloat32([0.1, after(0.1), 0.7, after(0.7)], always), [
    f32(0.1),
    above(0.1),
    f32(0.7),
    above(0.7),
  ]);
  assert.equal(edgesAsFloat32([0.1, after(0.1), 0.1 + 1e-12], always), [f32(0.1), above(0.1), above(0.1)]);
  // A value that is an f32 itself is met there, though another stands right below it.
  assert.equal(edgesAsFloat32([-5e-324, 0, 5e-324], always), [0, 0, 2 ** -149]);
  // Beyond f32: below all of its values, and above.
  assert.equal(edgesAsFloat32([-1e300, 1e300], always), [-3.4028234663852886e38, Number.POSITIVE_INFINITY]);
  // Edges of integers are met exactly.
  assert.equal(
    edgesAsFloat32([16_777_217n], () => false),
    [16_777_218],
  );
});

test.run();
