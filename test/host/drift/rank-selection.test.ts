import { test } from "uvu";
import * as assert from "uvu/assert";
import { MendlineError } from "../../../src/errors.js";
import { quantileEdges } from "../../../src/host/drift/edges.js";
import { profileRanks } from "../../../src/host/drift/feature-profile.js";
import { RankSelection } from "../../../src/host/drift/rank-selection.js";
import type { SelectedSample } from "../../../src/host/drift/selected-sample.js";
import { sortCounterBytes } from "../../../src/host/kernels/kernels.js";
import { type NumericType, numericTypes, viewOf } from "../../../src/host/kernels/types.js";
import { selectionCounters } from "../../../src/limits.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { allPresent, countByEdges, presentValues, sortValues, type Value } from "../../assembly/oracle.js";
import { mixedValues, random } from "../../assembly/support.js";

const runtime = await openRuntime();

/** @param reads  the data at each read; the last goes on */
function select(type: NumericType, reads: readonly (readonly Value[])[], counters?: number, bins = 10) {
  const scope = runtime.arena.scope();
  try {
    const longest = Math.max(1, ...reads.map((values) => values.length));
    const room = {
      scratchPtr: scope.allocate(selectionCounters * 4),
      countersPtr: scope.allocate(sortCounterBytes),
    };
    const valuesPtr = scope.allocate(longest * 8);
    const keysPtr = scope.allocate(longest * 8);
    const selection = new RankSelection(runtime.kernels, scope, {
      type,
      label: "test data",
      ranksOf: (count) => profileRanks(count, bins),
      ranksMax: 400,
      ...(counters !== undefined && { counters }),
    });
    let readCount = 0;
    for (; !selection.isDone; readCount++) {
      const values = reads[Math.min(readCount, reads.length - 1)]!;
      viewOf(runtime.arena.memory, type, valuesPtr, values.length).set(values as never);
      const slice = { valuesPtr, rowCount: values.length, validityPtr: 0, validityBitOffset: 0 };
      selection.begin();
      selection.add(keysPtr, runtime.kernels.keysFrom(type, slice, keysPtr));
      selection.end(room);
      assert.ok(readCount < 70, "it does not end");
    }
    return { sample: selection.result(), readCount };
  } finally {
    scope.close();
  }
}

function check(type: NumericType, values: readonly Value[], sample: SelectedSample, bins = 10): void {
  const present = presentValues(values, allPresent);
  const finite = sortValues(present.filter((value) => typeof value === "bigint" || Number.isFinite(value)));
  assert.is(sample.count, present.length);
  assert.is(sample.finiteCount, finite.length);
  assert.is(sample.nonFiniteCount, present.length - finite.length);
  if (finite.length > 0) assert.equal([sample.min, sample.max], [finite[0], finite.at(-1)]);
  for (const rank of finite.length === 0 ? [] : profileRanks(finite.length, bins)) {
    assert.is(sample.finiteAt(rank), finite[rank], `rank ${rank}`);
  }
  for (const binCount of [bins, 256]) {
    const edges = quantileEdges((rank) => sample.finiteAt(rank), finite.length, binCount, type);
    assert.equal(sample.binCounts(edges), countByEdges(values, allPresent, edges).slice(0, edges.length + 1));
  }
}

for (const type of numericTypes) {
  test(`${type}: as sorting has it, for tables of any size`, () => {
    const next = random(89);
    for (const count of [0, 1, 2, 3, 9, 300, 4_000]) {
      for (const counters of [undefined, 1_024, 4_096]) {
        const values = mixedValues(type, count, next);
        check(type, values, select(type, [values], counters).sample);
      }
    }
  });
}

test("equal leading digits, atoms and heavy tails, with too few counters to gather", () => {
  const next = random(97);
  const rows = 3_000;
  const shapes: Record<string, () => number> = {
    "one value": () => 0.1,
    "last bits": () => 1 + Math.floor(next() * 1_000) * 2 ** -52,
    atoms: () => (next() < 0.9 ? Math.floor(next() * 3) : next()),
    "heavy tails": () => Math.sign(next() - 0.5) * 10 ** (next() * 600 - 300),
    subnormal: () => Math.floor(next() * 100) * 5e-324,
    "infinities and NaN": () =>
      [next(), Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][Math.floor(next() * 4)]!,
    "nothing finite": () => (next() < 0.5 ? Number.NaN : Number.POSITIVE_INFINITY),
  };
  for (const [name, draw] of Object.entries(shapes)) {
    const values = Array.from({ length: rows }, draw);
    for (const bins of [2, 10, 100]) {
      const { sample } = select("f64", [values], 1_024, bins);
      assert.is(sample.count, values.filter((x) => !Number.isNaN(x)).length, name);
      check("f64", values, sample, bins);
    }
  }
});

test("reads: one for 8- and 16-bit integers, and never more than 8", () => {
  const next = random(101);
  const rows = 200_000;
  const readsOf = (type: NumericType, draw: () => Value) => {
    const values = Array.from({ length: rows }, draw);
    const { sample, readCount } = select(type, [values]);
    check(type, values, sample);
    return readCount;
  };
  assert.is(
    readsOf("i8", () => Math.floor(next() * 256) - 128),
    1,
  );
  assert.is(
    readsOf("u16", () => Math.floor(next() * 65_536)),
    1,
  );
  assert.ok(readsOf("i64", () => BigInt(Math.floor(next() * 1_000))) <= 2);
  assert.ok(readsOf("f64", () => next()) <= 4);
  // Each key in a row of atoms that part late.
  assert.ok(
    readsOf("f64", () => (1 + Math.floor(next() * 3)) * (1 + Math.floor(next() * 3) * 2 ** -52)) <= 8,
  );
});

test("data that change between two reads are refused", () => {
  const next = random(103);
  const values = Array.from({ length: 5_000 }, () => next());
  for (const later of [values.slice(1), [...values, 0.5], values.map((x) => x / 2)]) {
    let thrown: unknown;
    try {
      select("f64", [values, later], 1_024);
    } catch (error) {
      thrown = error;
    }
    assert.ok(thrown instanceof MendlineError && thrown.code === "MENDLINE_DATA_MALFORMED", String(thrown));
  }
});

test.run();
