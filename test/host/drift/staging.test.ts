// Rows and columns on their way to be counted: which cell becomes which, and that a stream of rows takes no memory.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { heldBatch } from "../../../src/host/columns/held.js";
import type { Row } from "../../../src/host/columns/rows.js";
import { DriftMonitor } from "../../../src/host/drift/monitor.js";
import type { StagedColumn } from "../../../src/host/drift/staged-column.js";
import { Staging } from "../../../src/host/drift/staging.js";
import { openRuntime } from "../../../src/scheduler/runtime.js";
import { random } from "../../assembly/support.js";
import { liveRows, refused, watched } from "./monitored.js";

const runtime = await openRuntime();

/** A column that writes down what it is given; numbers and what is missing only. */
class Recorder implements StagedColumn {
  readonly field;
  readonly cells: unknown[] = [];
  kind: string | null = null;

  constructor(name: string) {
    this.field = { name, logical: "float", type: "f64" } as const;
  }

  set(row: number, cell: unknown): boolean {
    if (cell !== undefined && typeof cell !== "number") return false;
    this.cells[row] = cell;
    return true;
  }

  check(): void {}

  takes(column: { held: { kind: string } } | null): boolean {
    return (column?.held.kind ?? null) === this.kind;
  }

  prepareFor(column: { held: { kind: string } } | null): void {
    this.kind = column?.held.kind ?? null;
  }

  append(row: number, { held }: { held: unknown }, from: number, rowCount: number): void {
    const { values } = held as { values: ArrayLike<number> };
    for (let i = 0; i < rowCount; i++) this.cells[row + i] = values[from + i];
  }

  reset(): void {
    this.cells.length = 0;
  }
}

function recorded(names: readonly string[], capacity = 1_000) {
  const columns = names.map((name) => new Recorder(name));
  return { columns, staging: new Staging(columns, capacity, "live") };
}

test("rows of any shapes, in any order of them: each cell is the row's own of that name", () => {
  const names = ["a", "b", "constructor", "__proto__", "a", "7"];
  const { columns, staging } = recorded(names);
  const next = random(3);
  class Reading {
    a = 1;
    get b() {
      return 2;
    }
  }
  const shapes: (() => object)[] = [
    () => ({ a: next(), b: next(), constructor: next() }),
    () => ({ b: next(), a: next() }),
    () => ({ a: next(), extra: { not: "looked at" }, b: next() }),
    () => JSON.parse(`{"__proto__": ${next()}, "a": ${next()}}`),
    () => Object.assign(Object.create(null) as object, { a: next(), 7: next() }),
    () => Object.create({ a: 5, b: 6 }),
    () => Object.assign(Object.create({ b: 6 }) as object, { a: next() }),
    () => Object.defineProperty({ a: next() }, "b", { value: 9, enumerable: false }),
    () => new Reading(),
    () => ({}),
    () => ({ a: undefined, b: next() }),
    () =>
      Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`x${i}`, "t"]).concat([["a", 4 as never]])),
  ];
  const rows: object[] = [];
  for (let i = 0; i < 600; i++) {
    // Long stretches of one shape, and mixtures.
    const shape = i < 300 ? Math.floor(i / 25) : Math.floor(next() * shapes.length);
    rows.push(shapes[shape]!());
  }
  staging.addRows(rows.slice(0, 200) as Row[], 0, 200);
  for (const row of rows.slice(200, 400)) staging.addRow(row as Row);
  staging.addRows(rows as Row[], 400, 600);
  assert.is(staging.rowCount, 600);
  const own = (row: object, name: string) =>
    Object.prototype.propertyIsEnumerable.call(row, name) ? (row as Row)[name] : undefined;
  for (const { field, cells } of columns) {
    assert.equal(
      cells,
      rows.map((row) => own(row, field.name)),
      field.name,
    );
  }
});

test("names that something gave to all objects are no row's", () => {
  const { columns, staging } = recorded(["a", "b"]);
  staging.addRow({ a: 1, b: 2 });
  const everywhere = Object.prototype as { b?: number };
  everywhere.b = 77;
  try {
    staging.addRow({ a: 3 });
    staging.addRows([{ a: 4 }, { a: 5, b: 6 }], 0, 2);
  } finally {
    delete everywhere.b;
  }
  assert.equal(columns[1]!.cells, [2, undefined, undefined, 6]);
});

test("a call that is refused stages nothing, whatever it staged before", () => {
  const { columns, staging } = recorded(["a", "b"]);
  const good = Array.from({ length: 5 }, (_, i) => ({ a: i, b: -i }));
  staging.addRows(good, 0, 5);
  const bad: [unknown, RegExp][] = [
    [{ a: 1, b: "cold" }, /live: "b" of row 7 is "cold", a text, where the model was trained on numbers/],
    [{ b: {}, a: 1 }, /"b" of row 7 is no number, text or boolean/],
    [[1, 2], /live: row 7 is a list/],
    [null, /live: row 7 is null/],
    [5, /live: row 7 is 5/],
  ];
  for (const [row, pattern] of bad) {
    const rows = [...good, ...good.slice(0, 2), row as Row, ...good];
    refused(() => staging.addRows(rows, 4, rows.length), "MENDLINE_DATA_SCHEMA", pattern);
    refused(() => staging.addRow(row as Row), "MENDLINE_DATA_SCHEMA", /live: .*row 0/);
    assert.is(staging.rowCount, 5);
  }
  const throwing = {
    a: 1,
    get b(): number {
      throw new Error("no sensor");
    },
  };
  assert.throws(() => staging.addRow(throwing), /no sensor/);
  staging.addRow({ a: 10, b: 11 });
  assert.equal(columns[1]!.cells.slice(0, staging.rowCount), [0, -1, -2, -3, -4, 11]);
  assert.is(staging.room, 994);
  staging.reset();
  assert.is(staging.rowCount, 0);
});

test("what cannot stand beside each other waits until the rest is counted", () => {
  const { columns, staging } = recorded(["a"]);
  const batch = heldBatch({ a: Float64Array.of(1, 2, 3) }, ["a"], "live");
  assert.ok(staging.isReadyFor(null));
  staging.addRow({ a: 0 });
  assert.not(staging.isReadyFor(batch));
  staging.reset();
  assert.ok(staging.isReadyFor(batch));
  staging.check(batch);
  staging.addBatch(batch, 1, 2);
  staging.addBatch(batch, 0, 1);
  assert.not(staging.isReadyFor(null));
  assert.equal([staging.rowCount, columns[0]!.cells], [3, [2, 3, 1]]);
});

test("a million rows, a new category in each, and ten million as columns: heap and arena stay as they were", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const heapBytes = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const model = await watched(runtime, "child", 0, 200);
  const monitor = new DriftMonitor(runtime, model, [], { window: { rows: 50_000, panes: 2 } });
  const batch = liveRows(1_000, 0, 5) as Record<string, Row[string]>[];
  let windows = 0;
  monitor.on("window", () => {
    windows += 1;
  });
  const observeRows = (rowCount: number) => {
    for (let given = 0; given < rowCount; given += batch.length) {
      for (const [index, row] of batch.entries()) row.city = `visitor ${monitor.rowsObserved + index}`;
      monitor.observe(batch);
    }
  };
  const columns = {
    temperature: Float64Array.from({ length: 10_000 }, (_, i) => (i % 200) / 10),
    narrow: Float32Array.from({ length: 10_000 }, (_, i) => (i % 13) / 10),
    whole: Int32Array.from({ length: 10_000 }, (_, i) => i % 50),
    flag: Uint8Array.from({ length: 10_000 }, (_, i) => i & 1),
    city: { codes: Uint8Array.from({ length: 10_000 }, (_, i) => i % 3), names: ["city 1", "city 2", null] },
  };
  const observeColumns = (rowCount: number) => {
    for (let given = 0; given < rowCount; given += 10_000) monitor.observe(columns);
  };
  observeRows(100_000);
  observeColumns(100_000);
  const before = { heap: heapBytes(), arena: runtime.arena.use };
  observeRows(900_000);
  observeColumns(9_900_000);
  const after = { heap: heapBytes(), arena: runtime.arena.use };
  assert.is(windows, 11_000_000 / 25_000 - 1);
  assert.equal(after.arena, before.arena);
  assert.ok(after.heap - before.heap < 2 ** 20, `${after.heap - before.heap} bytes more`);
  await monitor.close();
  assert.is(runtime.arena.use.usedBytes, 0);
});

test.run();
