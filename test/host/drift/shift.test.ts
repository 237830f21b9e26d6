// Wasserstein distance, mean and standard deviation: exact from both samples, bounded from counts.
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bytesAsSource } from "../../../src/host/bytes/byte-source.js";
import { arrowSource } from "../../../src/host/columns/arrow.js";
import { compareData, compareToProfile } from "../../../src/host/drift/compare.js";
import { profileData } from "../../../src/host/drift/profiler.js";
import type { Shift } from "../../../src/host/drift/shift.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { arrowColumn, type Cell, readGolden } from "../../golden-data.js";
import { type ColumnType, openTable, type TableCell } from "./tables.js";

interface Golden {
  shifts: {
    name: string;
    type: string;
    reference: Cell[];
    current: Cell[];
    exact: { distance: number; mean: [number, number]; standardDeviation: [number, number] };
    binned: {
      distance: number;
      lower: number;
      upper: number;
      mean: number;
      standardDeviation: number;
    } | null;
  }[];
}

const runtime = await openRuntime();

function near(found: number, expected: number, what: string, relative = 1e-11, absolute = 1e-12): void {
  const gap = Math.abs(found - expected);
  assert.ok(
    gap <= absolute || gap <= relative * Math.abs(expected),
    `${what}: ${found}, expected ${expected}`,
  );
}

for (const oneCase of readGolden<Golden>("distances.json").shifts) {
  test(`golden: ${oneCase.name}`, async () => {
    const open = (cells: Cell[]) =>
      arrowSource(bytesAsSource(arrowColumn(cells, oneCase.type), "golden"), runtime.arena);
    const compare = async (ks: "exact" | "binned") =>
      (await compareData(runtime, await open(oneCase.reference), await open(oneCase.current), { ks }))
        .features.x!.shift!;
    const exact = await compare("exact");
    const { distance, mean, standardDeviation } = oneCase.exact;
    assert.is(exact.method, "exact");
    near(exact.wasserstein.distance, distance, "W1");
    assert.equal(
      [exact.wasserstein.lower, exact.wasserstein.upper],
      [exact.wasserstein.distance, exact.wasserstein.distance],
    );
    near(exact.mean.reference, mean[0], "mean of the reference");
    near(exact.mean.current, mean[1], "mean");
    near(exact.standardDeviation.reference, standardDeviation[0], "deviation of the reference");
    near(exact.standardDeviation.current, standardDeviation[1], "deviation");
    checkScaled(exact);
    if (oneCase.binned === null) return;
    const binned = await compare("binned");
    assert.is(binned.method, "binned");
    near(binned.wasserstein.distance, oneCase.binned.distance, "binned W1");
    near(binned.wasserstein.lower, oneCase.binned.lower, "lower", 1e-9);
    near(binned.wasserstein.upper, oneCase.binned.upper, "upper");
    near(binned.mean.current, oneCase.binned.mean, "binned mean");
    near(binned.standardDeviation.current, oneCase.binned.standardDeviation, "binned deviation", 1e-6);
    checkScaled(binned);
  });
}

function checkScaled({ wasserstein, mean, standardDeviation }: Shift): void {
  const unit = standardDeviation.reference;
  for (const [scaled, value] of [
    [wasserstein.scaled, wasserstein.distance],
    [mean.scaled, mean.current - mean.reference],
    [standardDeviation.scaled, standardDeviation.current - standardDeviation.reference],
  ] as const) {
    if (unit === 0) assert.is(scaled, null);
    else near(scaled!, value / unit, "scaled");
  }
}

async function shiftOf(
  type: ColumnType,
  reference: readonly TableCell[],
  current: readonly TableCell[],
  ks: "exact" | "binned",
  currentType = type,
): Promise<Shift | null> {
  const from = await openTable(runtime, { x: { type, cells: reference } });
  const to = await openTable(runtime, { x: { type: currentType, cells: current } });
  return (await compareData(runtime, from, to, { ks })).features.x!.shift;
}

/** From the definition: every pair of neighbouring pooled points. */
function plainDistance(reference: readonly number[], current: readonly number[]): number {
  const points = [...new Set([...reference, ...current])].sort((left, right) => left - right);
  const below = (values: readonly number[], point: number) =>
    values.filter((value) => value <= point).length / values.length;
  return points.slice(1).reduce((area, point, index) => {
    const last = points[index]!;
    return area + Math.abs(below(reference, last) - below(current, last)) * (point - last);
  }, 0);
}

test("property: exact is the area, the bounds hold within the reference's range, a copy has no shift", async () => {
  const values = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(values, values, fc.constantFrom(0.1, 1, 1e6), async (some, others, unit) => {
      const reference = some.map((value) => value * unit);
      const [low, high] = [Math.min(...reference), Math.max(...reference)];
      const current = others.map((value) => Math.min(high, Math.max(low, value * unit)));
      const exact = (await shiftOf("f64", reference, current, "exact"))!;
      near(exact.wasserstein.distance, plainDistance(reference, current), "W1", 1e-9, 1e-9 * unit);
      // No shift of the mean is greater than the distance.
      assert.ok(Math.abs(exact.mean.shift) <= exact.wasserstein.distance + 1e-9 * unit);
      const { wasserstein } = (await shiftOf("f64", reference, current, "binned"))!;
      const slack = 1e-9 * unit;
      assert.ok(wasserstein.lower <= exact.wasserstein.distance + slack, JSON.stringify(wasserstein));
      assert.ok(exact.wasserstein.distance <= wasserstein.upper + slack, JSON.stringify(wasserstein));
      const same = (await shiftOf("f64", reference, [...reference, ...reference], "binned"))!;
      assert.equal([same.wasserstein.distance, same.mean.shift], [0, 0]);
      near(same.standardDeviation.shift, 0, "deviation", 0, 1e-9 * unit);
    }),
    { numRuns: 60 },
  );
});

test("integers beside doubles, and 64-bit ones beyond 2^53", async () => {
  const mixed = await shiftOf("i64", [1n, 2n, 4n], [1.5, 4, 9], "exact", "f64");
  near(mixed!.wasserstein.distance, plainDistance([1, 2, 4], [1.5, 4, 9]), "W1");
  const base = 2n ** 62n;
  const wide = await shiftOf("i64", [base, base + 1n], [base + 3n, base + 4n], "exact");
  assert.is(wide!.wasserstein.distance, 3);
  const unsigned = await shiftOf("u64", [0n, 2n ** 63n], [2n ** 64n - 1n], "exact");
  near(unsigned!.wasserstein.distance, 2 ** 64 - 2 ** 62, "W1");
});

test("no finite values, or figures beyond the largest double: null", async () => {
  const infinite = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const ks of ["exact", "binned"] as const) {
    assert.is(await shiftOf("f64", infinite, [1, 2], ks), null);
    assert.is(await shiftOf("f64", [null, null], [1, 2], ks), null);
    assert.is(await shiftOf("f64", [1, 2], [null], ks), null);
    assert.is(await shiftOf("f64", [-Number.MAX_VALUE, Number.MAX_VALUE], [0, 1], ks), null);
    assert.is(await shiftOf("text", ["a"], ["b"], ks), null);
  }
  assert.is(await shiftOf("f64", [1, 2], infinite, "exact"), null);
  // The ends of f64 meet at no gap.
  const far = [-Number.MAX_VALUE, Number.MAX_VALUE];
  assert.is(await shiftOf("f64", far, far, "exact"), null);
  assert.is(await shiftOf("f64", [1, 2], [], "binned"), null);
});

test("a profile stands in for its data", async () => {
  const reference = Array.from({ length: 900 }, (_, row) => Math.sqrt(row));
  const current = reference.map((value) => value * 0.9 + 1);
  const profile = await profileData(
    runtime,
    await openTable(runtime, { x: { type: "f64", cells: reference } }),
  );
  const table = await openTable(runtime, { x: { type: "f64", cells: current } });
  const report = await compareToProfile(runtime, profile, table);
  assert.equal(report.features.x!.shift, await shiftOf("f64", reference, current, "binned"));
  const exact = (await shiftOf("f64", reference, current, "exact"))!;
  near(report.features.x!.shift!.mean.shift, exact.mean.shift, "mean", 0.02);
  near(
    report.features.x!.shift!.standardDeviation.current,
    exact.standardDeviation.current,
    "deviation",
    0.02,
  );
});

test("the arena is empty again", () => {
  assert.is(runtime.arena.use.usedBytes, 0);
});

test.run();
