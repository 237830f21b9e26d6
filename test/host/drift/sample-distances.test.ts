// Exact distances of sorted samples, of one kind of key and of two, against the plain oracle; and the length of their steps.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sampleDistances } from "../../../src/host/drift/sample-distances.js";
import { SortedSample } from "../../../src/host/drift/sorted-sample.js";
import { sortCounterBytes } from "../../../src/host/kernels/kernels.js";
import { type MergeExports, mergeStateBytes, mergeSteps } from "../../../src/host/kernels/merge-steps.js";
import { type NumericType, viewOf } from "../../../src/host/kernels/types.js";
import { partitionRows } from "../../../src/limits.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { allPresent, ksNumerator, presentValues, type Value } from "../../assembly/oracle.js";
import { mixedValues, random } from "../../assembly/support.js";

const runtime = await openRuntime();

interface Column {
  readonly type: NumericType;
  readonly values: readonly Value[];
}

/** Sorted keys of values, as the profiler makes them. */
async function withSamples<T>(
  columns: readonly [Column, Column],
  use: (reference: SortedSample, current: SortedSample) => Promise<T>,
): Promise<T> {
  const scope = runtime.arena.scope();
  try {
    const samples = columns.map(({ type, values }) => {
      const rowCount = values.length;
      const valuesPtr = scope.allocate(rowCount * 8);
      const view = viewOf(runtime.arena.memory, type, valuesPtr, rowCount);
      values.forEach((value, index) => {
        view[index] = value;
      });
      const keysPtr = scope.allocate(rowCount * 8);
      const slice = { valuesPtr, rowCount, validityPtr: 0, validityBitOffset: 0 };
      const count = runtime.kernels.keysFrom(type, slice, keysPtr);
      const [scratch, counters] = [scope.allocate(rowCount * 8), scope.allocate(sortCounterBytes)];
      runtime.kernels.sortKeys(keysPtr, count, scratch, counters);
      return new SortedSample(runtime.arena.memory, keysPtr, count, type);
    });
    return await use(samples[0]!, samples[1]!);
  } finally {
    scope.close();
  }
}

async function distances(reference: Column, current: Column) {
  const [found] = await withSamples([reference, current], (r, c) =>
    sampleDistances(runtime, [{ reference: r, current: c }]),
  );
  return found!;
}

/** The area between two ECDFs, a point at a time. */
function area(reference: readonly Value[], current: readonly Value[]): number {
  const order = (left: Value, right: Value) => (left < right ? -1 : left > right ? 1 : 0);
  const points = [...reference, ...current].sort(order);
  const share = (values: readonly Value[], point: Value) =>
    values.filter((value) => value <= point).length / values.length;
  return points.slice(1).reduce<number>((sum, point, index) => {
    const last = points[index]!;
    const gap = Math.abs(share(reference, last) - share(current, last));
    return gap < 1e-12 ? sum : sum + gap * (Number(point) - Number(last));
  }, 0);
}

const types = ["f64", "f32", "i64", "u64", "i32", "u8"] as const;

test("KS of any two types: hard values, infinities and ties among them", async () => {
  const next = random(57);
  for (const left of types) {
    for (const right of types) {
      const reference = { type: left, values: mixedValues(left, 60, next) };
      const current = { type: right, values: mixedValues(right, 45, next) };
      const [r, c] = [reference, current].map(({ values }) => presentValues(values, allPresent));
      const { ksNumerator: found } = await distances(reference, current);
      assert.is(found, ksNumerator(r!, c!), `${left}, ${right}`);
    }
  }
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("two kinds compare exactly where doubles and 64-bit integers round", async () => {
  const cases: [Column, Column, bigint][] = [
    // 2^53 + 1 has no double: it lies between its neighbours.
    [{ type: "f64", values: [2 ** 53, 2 ** 53 + 2] }, { type: "i64", values: [2n ** 53n + 1n] }, 1n],
    [{ type: "i64", values: [2n ** 53n + 1n] }, { type: "f64", values: [2 ** 53 + 2] }, 1n],
    [{ type: "f64", values: [2 ** 63] }, { type: "i64", values: [2n ** 63n - 1n] }, 1n],
    [{ type: "f64", values: [-(2 ** 63)] }, { type: "i64", values: [-(2n ** 63n)] }, 0n],
    [{ type: "f64", values: [2 ** 63] }, { type: "u64", values: [2n ** 63n] }, 0n],
    [{ type: "f64", values: [2 ** 64] }, { type: "u64", values: [2n ** 64n - 1n] }, 1n],
    [{ type: "f64", values: [-0.5] }, { type: "u64", values: [0n] }, 1n],
    [{ type: "f64", values: [-0] }, { type: "u64", values: [0n] }, 0n],
    [{ type: "f64", values: [2.5, 2.5] }, { type: "i64", values: [2n, 3n] }, 2n],
    [
      { type: "i64", values: [-1n, 2n ** 63n - 1n] },
      { type: "u64", values: [2n ** 63n - 1n, 2n ** 63n] },
      2n,
    ],
  ];
  for (const [reference, current, expected] of cases) {
    const what = `${reference.values} against ${current.values}`;
    assert.is((await distances(reference, current)).ksNumerator, expected, what);
    assert.is((await distances(current, reference)).ksNumerator, expected, `turned round: ${what}`);
  }
});

test("Wasserstein of any two types", async () => {
  const next = random(61);
  const whole = (count: number) => Array.from({ length: count }, () => Math.floor(next() * 30));
  for (const left of types) {
    for (const right of types) {
      const typed = (type: NumericType, values: number[]): Value[] => {
        if (type === "i64" || type === "u64") return values.map(BigInt);
        return type === "f64" || type === "f32" ? values.map((value) => value / 4 - 3) : values;
      };
      const reference = { type: left, values: typed(left, whole(40)) };
      const current = { type: right, values: typed(right, whole(25)) };
      const expected = area(reference.values, current.values);
      const { wasserstein } = await distances(reference, current);
      assert.ok(
        Math.abs(wasserstein - expected) <= 1e-12 * (1 + expected),
        `${left}, ${right}: ${wasserstein}`,
      );
      assert.is((await distances(current, reference)).wasserstein, wasserstein);
    }
  }
});

test("infinities are values to KS and none to Wasserstein; a sample of nothing is no way off", async () => {
  const infinite = { type: "f64", values: [Number.NEGATIVE_INFINITY, 1, Number.POSITIVE_INFINITY] } as const;
  const found = await distances(infinite, { type: "i32", values: [3] });
  assert.equal(found, { ksNumerator: 2n, wasserstein: 2 });
  const none = { type: "f64", values: [Number.NaN] } as const;
  assert.equal(await distances(none, infinite), { ksNumerator: 0n, wasserstein: 0 });
  assert.equal(await distances(infinite, none), { ksNumerator: 0n, wasserstein: 0 });
});

test("more keys than a step passes: the same as in one go, and a run of equal keys is one look", async () => {
  const count = partitionRows + 1_234;
  const rising = { type: "f64", values: Array.from({ length: count }, (_, row) => row) } as const;
  const raised = { type: "f64", values: Array.from({ length: count }, (_, row) => row + 5) } as const;
  assert.equal(await distances(rising, raised), { ksNumerator: 5n * BigInt(count), wasserstein: 5 });
  const whole = { type: "i32", values: rising.values.map((row) => row + 5) } as const;
  assert.equal(await distances(rising, whole), { ksNumerator: 5n * BigInt(count), wasserstein: 5 });
  const constant = { type: "f64", values: Array<number>(count).fill(7) } as const;
  assert.equal(await distances(constant, constant), { ksNumerator: 0n, wasserstein: 0 });
});

test("no kernel call is asked for more keys than a partition has", () => {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const asked: number[] = [];
  // Passes what it may, of the first sample alone.
  let left = 0;
  const step = (_r: number, _n: number, _c: number, _m: number, keysMax: number) => {
    asked.push(keysMax * 2);
    left -= keysMax;
    return Number(left > 0);
  };
  const exports = new Proxy({} as MergeExports, { get: () => step });
  for (const current of ["f64", "i64", "u64"] as const) {
    for (const distance of ["ks", "wasserstein"] as const) {
      left = 10 * partitionRows;
      const run = { ptr: 65_536, count: left };
      const steps = mergeSteps(
        exports,
        distance,
        memory,
        { kind: "i64", ...run },
        { kind: current, ...run },
        65_536,
      );
      assert.is([...steps].length, 19);
    }
  }
  assert.ok(Math.max(...asked) <= partitionRows && mergeStateBytes <= 64);
});

test.after(async () => {
  await runtime.close();
});

test.run();
