// One pass over merged grids against a naive count by every profile's own edges and categories.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import type { Batch, Column, TextColumn } from "../../../src/host/columns/column.js";
import { countBatch } from "../../../src/host/drift/compare-counts.js";
import { CountScratch } from "../../../src/host/drift/count-scratch.js";
import { counterFor } from "../../../src/host/drift/counter.js";
import { type Edge, nextAbove, quantileEdges } from "../../../src/host/drift/edges.js";
import {
  type CategoricalFeatureCounter,
  type FeatureCounter,
  type NumericFeatureCounter,
  sliceOf,
} from "../../../src/host/drift/feature-counter.js";
import { hashesOf } from "../../../src/host/drift/name-hashes.js";
import type {
  CategoricalFeatureProfile,
  FeatureProfile,
  NumericFeatureProfile,
} from "../../../src/host/drift/profile.js";
import { type NumericType, numericTypes } from "../../../src/host/kernels/types.js";
import type { Scope } from "../../../src/host/memory/arena.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { runTask } from "../../../src/scheduler/tasks.js";
import { allPresent, countByEdges, presentValues, sortValues, type Value } from "../../assembly/oracle.js";
import { mixedValues, random } from "../../assembly/support.js";
import { edgesInFloat32 } from "./float32.js";
import { type ColumnType, openTable } from "./tables.js";

const runtime = await openRuntime();

function numericProfile(type: NumericType, values: readonly Value[], bins = 10): NumericFeatureProfile {
  const finite = sortValues(
    presentValues(values, allPresent).filter((value) => typeof value === "bigint" || Number.isFinite(value)),
  );
  const histogram = (count: number) => {
    const edges = quantileEdges((rank) => finite[rank]!, finite.length, count, type);
    return { edges, counts: countByEdges(finite, allPresent, edges).slice(0, edges.length + 1) };
  };
  return {
    kind: "numeric",
    logical: "float",
    type,
    rows: finite.length,
    missing: 0,
    nonFinite: 0,
    moments: { count: finite.length, mean: 0, m2: 0, m3: 0, m4: 0, min: 0, max: 0 },
    bins,
    psi: histogram(bins),
    ks: histogram(256),
  };
}

function categoricalProfile(categories: string[], folded: string[] | null = null): CategoricalFeatureProfile {
  return {
    kind: "categorical",
    logical: "text",
    rows: categories.length,
    missing: 0,
    categories,
    counts: categories.map(() => 1),
    other:
      folded === null
        ? null
        : { count: folded.length, kinds: folded.length, known: folded.length, hashes: hashesOf(folded) },
  };
}

async function* columnsOf(
  type: ColumnType,
  cells: readonly (Value | string | null)[],
  batchRows?: number,
): AsyncGenerator<{ column: Column; rowCount: number }> {
  const source = await openTable(runtime, { x: { type, cells } }, { batchRows });
  for await (const batch of source.read()) {
    yield { column: batch.columns.get("x")!, rowCount: batch.rowCount };
  }
}

function run(counter: FeatureCounter, column: Column, from: number, rowCount: number, counts: Float64Array) {
  const scope = runtime.arena.scope();
  try {
    const step = counter.step(column, from, rowCount, scope);
    runTask(runtime.kernels, step.task);
    step.check();
    step.collect(counts);
  } finally {
    scope.close();
  }
}

/** Counts cells in batches, each in two pieces, so that values begin anywhere and validity at any bit. */
async function countCells(
  counter: FeatureCounter,
  type: ColumnType,
  cells: readonly (Value | string | null)[],
  batchRows = 37,
): Promise<Float64Array> {
  const counts = new Float64Array(counter.slotCount);
  for await (const { column, rowCount } of columnsOf(type, cells, batchRows)) {
    const cut = rowCount >> 1;
    run(counter, column, 0, cut, counts);
    run(counter, column, cut, rowCount - cut, counts);
  }
  return counts;
}

function withHoles(values: readonly Value[], next: () => number): (Value | null)[] {
  return values.map((value) => (next() < 0.15 ? null : value));
}

/** What a model that was trained on f32 is given of a value: the nearest f32, halves to even. */
function nearestFloat32(value: Value): number {
  const near = Math.fround(Number(value));
  if (typeof value === "number" || !Number.isFinite(near)) return near;
  // Beyond 2^53 the way over a double may round twice.
  const gap = (float: number) => {
    const distance = BigInt(float) - value;
    return distance < 0n ? -distance : distance;
  };
  const [below, above] = [-Number(nextAbove(-near, "f32")), Number(nextAbove(near, "f32"))];
  const isEven = (float: number) =>
    new DataView(new Float32Array([float]).buffer).getUint32(0, true) % 2 === 0;
  return [near, below, above]
    .filter((float) => Number.isInteger(float))
    .reduce((best, float) => {
      if (gap(float) === gap(best)) return isEven(float) ? float : best;
      return gap(float) < gap(best) ? float : best;
    });
}

for (const columnType of numericTypes) {
  // Arrow's 16-bit unsigned has no maker in the test tables.
  if (columnType === "u16") continue;
  test(`${columnType}: one pass gives each of five profiles its own bins`, async () => {
    const next = random(31);
    const profiles = (["f64", "f32", "i64", "u64", "i16"] as const).map((type, index) =>
      numericProfile(type, mixedValues(type, 400, next), 7 + index * 3),
    );
    for (const some of [profiles, profiles.slice(1, 2), profiles.slice(2, 4), [profiles[0]!, profiles[0]!]]) {
      const cells = withHoles(mixedValues(columnType, 500, next), next);
      const counter = counterFor(runtime, "x", some);
      const counts = await countCells(counter, columnType, cells);
      for (const profile of some) {
        const values = cells.map((cell) => {
          if (cell === null || Number.isNaN(cell)) return Number.NaN;
          return profile.type === "f32" ? nearestFloat32(cell) : cell;
        });
        const isNarrowed = profile.type === "f64" && columnType === "f32";
        const naive = (edges: readonly Edge[]) =>
          countByEdges(values, allPresent, isNarrowed ? edgesInFloat32(edges) : edges);
        const psi = naive(profile.psi.edges);
        const found = counter.binsFor(profile, counts);
        assert.equal(found.psi, psi.slice(0, -1));
        assert.equal(found.ks, naive(profile.ks.edges).slice(0, -2));
        const infinite = countByEdges(
          cells.map((cell) => cell ?? Number.NaN),
          allPresent,
          [],
        );
        assert.is(found.nonFinite, infinite.at(-1));
      }
      counter.close();
      assert.is(runtime.arena.use.usedBytes, 0);
    }
  });
}

test("the same counter takes columns of several types", async () => {
  const profile = numericProfile("f64", [-1.5, 0.25, 0.5, 1, 2, 3.75, 4, 100, 1e6]);
  const counter = counterFor(runtime, "x", [profile]);
  const counts = new Float64Array(counter.slotCount);
  const all: Value[] = [];
  for (const type of ["f64", "u8", "i32", "f32", "i64", "u8"] as const) {
    const cells = (type === "i64" ? [0n, 1n, 4n, 1_000_000n] : [0, 1, 3, 99]) satisfies Value[];
    all.push(...cells);
    for await (const { column, rowCount } of columnsOf(type, cells))
      run(counter, column, 0, rowCount, counts);
  }
  assert.equal(
    counter.binsFor(profile, counts).psi,
    countByEdges(all, allPresent, profile.psi.edges).slice(0, -1),
  );
  counter.close();
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("no finite reference value: one bin holds all that is present", async () => {
  const profile = numericProfile("f64", []);
  const counter = counterFor(runtime, "x", [profile]);
  const counts = await countCells(counter, "f64", [1, null, Number.NaN, Number.POSITIVE_INFINITY]);
  assert.equal(counter.binsFor(profile, counts), { psi: [2, 2], ks: [2], nonFinite: 1 });
  counter.close();
});

test("categories: every profile has its own named, folded and unseen ones", async () => {
  const profiles = [
    categoricalProfile(["a", "b", ""]),
    categoricalProfile(["b", "__proto__"], ["a", "constructor"]),
    categoricalProfile(["c"]),
  ];
  const counter = counterFor(runtime, "x", profiles);
  const cells = ["a", "b", "b", "", null, "__proto__", "constructor", "c", "new", "newer", "b", null];
  const counts = await countCells(counter, "text", cells, 5);
  const psi = profiles.map((profile) => counter.binsFor(profile, counts).psi);
  //                  own names          missing, unseen
  assert.equal(psi[0], [1, 3, 1, /*                */ 2, 5]);
  assert.equal(psi[1], [3, 1, /* folded */ 2, /*   */ 2, 4]);
  assert.equal(psi[2], [1, /*                      */ 2, 9]);
  assert.is(counter.kind, "categorical");
  const { slotOf, missingSlot, slotCount } = counter as CategoricalFeatureCounter;
  const known = ["a", "b", "c", "", "__proto__", "constructor"].map((name) => slotOf.call(counter, name));
  const unseen = slotOf.call(counter, "new");
  for (const unknown of ["toString", "valueOf"]) assert.is(slotOf.call(counter, unknown), unseen);
  const slots = [...known, unseen, missingSlot];
  assert.is(new Set(slots).size, slots.length, "each has a slot of its own");
  assert.is(slotCount, slots.length);
  assert.is(counts[missingSlot], 2);
  counter.close();
  assert.is(runtime.arena.use.usedBytes, 0);
});

interface HandMade {
  readonly column: TextColumn;
  readonly names: (string | null)[];
  readonly codes: Int32Array;
}

function textColumn(scope: Scope, names: (string | null)[], codes: readonly number[]): HandMade {
  const valuesPtr = scope.allocate(codes.length * 4);
  const view = new Int32Array(runtime.arena.memory.buffer, valuesPtr, codes.length);
  view.set(codes);
  const column: TextColumn = {
    kind: "text",
    name: "x",
    type: "i32",
    names,
    valuesPtr,
    rowCount: codes.length,
    validityPtr: 0,
    validityBitOffset: 0,
  };
  return { column, names, codes: view };
}

test("a dictionary that grows, one that takes its place, and null names", () => {
  const profile = categoricalProfile(["a", "b"]);
  const counter = counterFor(runtime, "x", [profile]);
  const counts = new Float64Array(counter.slotCount);
  const scope = runtime.arena.scope();
  const growing = textColumn(scope, ["b"], [0, 0, 0, 0]);
  run(counter, growing.column, 0, 4, counts);
  growing.names.push("a", "z");
  growing.codes.set([0, 1, 2, 2]);
  run(counter, growing.column, 0, 4, counts);
  const other = textColumn(scope, ["a", null, "b"], [0, 1, 2, 1]);
  run(counter, other.column, 0, 4, counts);
  run(counter, growing.column, 0, 4, counts);
  assert.equal(counter.binsFor(profile, counts).psi, [3, 7, 2, 4]);
  scope.close();
  counter.close();
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("codes outside the dictionary refuse the rows, and none of their columns is counted", async () => {
  const numeric = counterFor(runtime, "n", [numericProfile("f64", [1, 2, 3])]);
  const text = counterFor(runtime, "x", [categoricalProfile(["a"])]);
  const scope = runtime.arena.scope();
  const { column } = textColumn(scope, ["a"], [0, 1, -1, 0]);
  const numbers: Column = { ...column, kind: "numeric", name: "n", logical: "integer", type: "i32" };
  const batch: Batch = {
    rowCount: 4,
    columns: new Map<string, Column>([
      ["n", numbers],
      ["x", column],
    ]),
  };
  const counts = [numeric, text].map((counter) => new Float64Array(counter.slotCount));
  let thrown: unknown;
  await countBatch(runtime, [numeric, text], batch, 0, 4, counts).catch((error: unknown) => {
    thrown = error;
  });
  assert.ok(thrown instanceof MendlineError && thrown.code === "MENDLINE_DATA_MALFORMED");
  assert.match((thrown as MendlineError).message, /"x": 2 codes lie outside its dictionary of 1/);
  assert.ok(counts.every((slots) => slots.every((count) => count === 0)));
  scope.close();
  numeric.close();
  text.close();
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("inline counting adds what the steps of the pool add, by any type, into one region", async () => {
  const profile = numericProfile("f64", [1, 2, 2, 3, 5, 8, 8, 8, 13]);
  const wide = numericProfile(
    "f64",
    Array.from({ length: 400 }, (_, i) => i / 7),
  );
  const counters = [profile, wide].map(
    (one, index) => counterFor(runtime, `x${index}`, [one]) as NumericFeatureCounter,
  );
  const scratch = new CountScratch(runtime.arena);
  const cells = [0, 1, 2, 3, 4, 8, 13, 14, null, 250, 2, 8];
  for (const type of ["f64", "f32", "u8", "i16", "i64"] as const) {
    const given = cells.map((cell) => (cell !== null && type === "i64" ? BigInt(cell) : cell));
    for await (const { column } of columnsOf(type, given)) {
      for (const counter of counters) {
        assert.is(column.kind, "numeric");
        const inline = counter.inline(column.type as NumericType, scratch);
        const found = new Float64Array(counter.slotCount);
        const expected = new Float64Array(counter.slotCount);
        for (const [from, rowCount] of [
          [0, 5],
          [5, 0],
          [5, 7],
          [1, 3],
        ] as const) {
          inline(sliceOf(column, from, rowCount), found);
          run(counter, column, from, rowCount, expected);
        }
        assert.equal(found, expected, `${counter.name} ${type}`);
      }
    }
  }
  scratch.close();
  scratch.close();
  for (const counter of counters) counter.close();
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("kinds that do not fit are refused by name", async () => {
  const number = numericProfile("f64", [1, 2]);
  const text = categoricalProfile(["1"]);
  const refused = (profiles: FeatureProfile[], code: string, pattern: RegExp) =>
    assert.throws(
      () => counterFor(runtime, "wind", profiles),
      (thrown: unknown) =>
        thrown instanceof MendlineError && thrown.code === code && pattern.test(thrown.message),
    );
  refused([number, text], "MENDLINE_DATA_SCHEMA", /"wind" is numeric in one/);
  refused([text, number], "MENDLINE_DATA_SCHEMA", /"wind" is numeric in one/);
  const grid = (from: number): NumericFeatureProfile => {
    const edges = Array.from({ length: 10_000 }, (_, i) => from + i);
    return { ...number, ks: { edges, counts: edges.map(() => 0).concat(0) } };
  };
  refused(
    [grid(0), grid(10_000)],
    "MENDLINE_DATA_LIMIT",
    /"wind" has 2\d{4} merged edges, the limit is 16384/,
  );
  for (const [profile, type, cells] of [
    [number, "text", ["a"]],
    [text, "f64", [1]],
  ] as const) {
    const counter = counterFor(runtime, "x", [profile]);
    for await (const { column } of columnsOf(type, cells)) {
      const scope = runtime.arena.scope();
      assert.throws(() => counter.step(column, 0, 1, scope), /"x" was trained on/);
      scope.close();
    }
    counter.close();
  }
  assert.is(runtime.arena.use.usedBytes, 0);
});

test.run();
