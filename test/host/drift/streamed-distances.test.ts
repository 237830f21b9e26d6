// Distances of columns in pieces against those of the same columns sorted whole: the same bits, whatever the pieces.
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MendlineError } from "../../../src/errors.js";
import type { DataSource } from "../../../src/host/columns/column.js";
import { sampleGroup } from "../../../src/host/drift/profiler.js";
import { sampleDistances } from "../../../src/host/drift/sample-distances.js";
import { type ExactDistances, streamedDistances } from "../../../src/host/drift/streamed-distances.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import type { Value } from "../../assembly/oracle.js";
import { hardValues, mixedValues, random } from "../../assembly/support.js";
import { openTable, type TableCell } from "./tables.js";

const runtime = await openRuntime();
const types = ["f64", "f32", "i64", "u64", "i32", "i16", "u8"] as const;
type Type = (typeof types)[number];

interface Cells {
  readonly type: Type;
  readonly cells: readonly TableCell[];
}

function open(column: Cells, label: string): Promise<DataSource> {
  return openTable(runtime, { x: column }, { batchRows: 97 }, label);
}

async function sortedWhole(reference: DataSource, current: DataSource): Promise<ExactDistances> {
  const scope = runtime.arena.scope();
  try {
    const [r, c] = await Promise.all(
      [reference, current].map(async (source) => {
        const sample = (await sampleGroup(runtime, source, source.fields, scope)).get("x")!;
        if (sample.kind !== "numeric") throw new TypeError("no numbers");
        return sample;
      }),
    );
    const [found] = await sampleDistances(runtime, [{ reference: r!.sorted, current: c!.sorted }]);
    return {
      ...found!,
      counts: { reference: r!.sorted.count, current: c!.sorted.count },
      moments: { reference: r!.moments, current: c!.moments },
    };
  } finally {
    scope.close();
  }
}

async function inPieces(reference: DataSource, current: DataSource, keysMax?: number) {
  const [field] = reference.fields;
  const pair = {
    reference: { source: reference, field: field! },
    current: { source: current, field: current.fields[0]! },
  };
  const [found] = await streamedDistances(runtime, [pair], keysMax === undefined ? {} : { keysMax });
  assert.is(runtime.arena.use.usedBytes, 0);
  return found!;
}

/** Of any shape: spread, a few values over and over, or one that is nearly all. */
function drawn(type: Type, rows: number, shape: number, next: () => number): Cells {
  const hard = hardValues(type);
  const few: readonly Value[] = mixedValues(type, 3, next);
  const wide = mixedValues(type, rows, next);
  const cells = wide.map((value, row): TableCell => {
    const kind = next();
    if (kind < 0.05) return null;
    if (kind < 0.1) return hard[Math.floor(next() * hard.length)]!;
    if (shape === 0) return value;
    if (shape === 1) return few[row % few.length]!;
    return kind < 0.9 ? few[0]! : value;
  });
  return { type, cells };
}

const column = fc.record({
  type: fc.constantFrom(...types),
  rows: fc.integer({ min: 1, max: 500 }),
  shape: fc.integer({ min: 0, max: 2 }),
});

test("property: two columns of any types, in pieces of any size, have the distances of both sorted", async () => {
  await fc.assert(
    fc.asyncProperty(
      column,
      column,
      fc.integer({ min: 8, max: 300 }),
      fc.nat(),
      async (r, c, keysMax, seed) => {
        const next = random(seed);
        const reference = await open(drawn(r.type, r.rows, r.shape, next), "reference");
        const current = await open(drawn(c.type, c.rows, c.shape, next), "current");
        assert.equal(await inPieces(reference, current, keysMax), await sortedWhole(reference, current));
      },
    ),
    { seed: 163, numRuns: 150 },
  );
});

test("every pair of types, and no more than the memory says", async () => {
  const next = random(167);
  for (const left of types) {
    for (const right of types) {
      const reference = await open(drawn(left, 300, 0, next), "reference");
      const current = await open(drawn(right, 200, 2, next), "current");
      const expected = await sortedWhole(reference, current);
      for (const keysMax of [16, undefined])
        assert.equal(await inPieces(reference, current, keysMax), expected, `${left}, ${right}`);
    }
  }
});

test("columns without a finite value, or without one at all", async () => {
  const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
  const columns: readonly TableCell[][] = [[nan, null], [inf, -inf, inf], [-inf], [1, 2, 2, inf], [-inf, 2]];
  for (const left of columns) {
    for (const right of columns) {
      const reference = await open({ type: "f64", cells: left }, "reference");
      const current = await open({ type: "f32", cells: right }, "current");
      assert.equal(await inPieces(reference, current, 8), await sortedWhole(reference, current));
    }
  }
});

/** The source gives other values the nth time that it is read, and as many. */
function changing(source: DataSource, other: DataSource, nth: number): DataSource {
  let reads = 0;
  return {
    ...source,
    read: (options) => {
      reads += 1;
      return (reads === nth ? other : source).read(options);
    },
  };
}

test("data that change between any two reads are refused, and nothing is left behind", async () => {
  const next = random(173);
  const values = Array.from({ length: 400 }, () => next());
  const reference = await open({ type: "f64", cells: values }, "reference");
  const current = await open({ type: "f64", cells: values.map((value) => value + 0.5) }, "current");
  const expected = await sortedWhole(reference, current);
  const other = await open({ type: "f64", cells: values.map((value) => value * 0.75) }, "current");
  let refused = 0;
  for (let nth = 1; nth <= 40; nth++) {
    try {
      // The selection's later reads, and a count that agrees by chance, can be the last to see them: then nothing has changed.
      const found = await inPieces(reference, changing(current, other, nth), 120);
      if (nth > 20) assert.equal(found, expected);
    } catch (thrown) {
      assert.is((thrown as MendlineError).code, "MENDLINE_DATA_MALFORMED");
      assert.match((thrown as Error).message, /current, column "x": one read gave other values/);
      refused += 1;
    }
    assert.is(runtime.arena.use.usedBytes, 0);
  }
  assert.ok(refused >= 8, `${refused} refused`);
});

test("a cancelled comparison stops, and leaves nothing behind", async () => {
  const source = await open({ type: "f64", cells: [1, 2, 3] }, "both");
  const pair = { source, field: source.fields[0]! };
  let thrown: unknown;
  await streamedDistances(runtime, [{ reference: pair, current: pair }], {
    signal: AbortSignal.abort(),
  }).catch((error: unknown) => {
    thrown = error;
  });
  assert.is((thrown as MendlineError).code, "MENDLINE_TASK_ABORTED");
  assert.is(runtime.arena.use.usedBytes, 0);
});

test("more rows than the memory has known values for are refused with both numbers", async () => {
  const small = await open({ type: "f64", cells: [1, 2, 3] }, "both");
  const source = { ...small, rowCount: 70_000 };
  const pair = { source, field: source.fields[0]! };
  let thrown: unknown;
  await streamedDistances(runtime, [{ reference: pair, current: pair }], { keysMax: 8 }).catch(
    (error: unknown) => {
      thrown = error;
    },
  );
  assert.is((thrown as MendlineError).code, "MENDLINE_MEMORY_EXHAUSTED");
  assert.match((thrown as Error).message, /both has 70000 rows.* 8192 a column.*--ks binned/);
});

test.run();
