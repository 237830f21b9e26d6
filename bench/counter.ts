/** Our counting of one column, as drift reports and monitors do it: the engine itself chooses the kernel. */
import type { Column } from "../src/host/columns/column.js";
import { counterFor } from "../src/host/drift/counter.js";
import type { FeatureCounter } from "../src/host/drift/feature-counter.js";
import type { CategoricalFeatureProfile, NumericFeatureProfile } from "../src/host/drift/profile.js";
import type { Scope } from "../src/host/memory/arena.js";
import { rowRanges } from "../src/scheduler/partition.js";
import type { Runtime } from "../src/scheduler/runtime.js";
import { runTask, type Task } from "../src/scheduler/tasks.js";
import { typeOf, type Values } from "./data.js";

const unused = { rows: 0, missing: 0 };
const noMoments = { count: 0, mean: 0, m2: 0, m3: 0, m4: 0, min: 0, max: 0 };

export interface CountingOptions {
  readonly values: Values;
  readonly validity?: Uint8Array | null;
  /** Of numbers; absent for codes. */
  readonly edges?: Values;
  /** Of codes. */
  readonly categoryCount?: number;
}

/** What is counted together: tasks that can run on any thread, and the bins when all have run. */
export interface PreparedCount {
  readonly tasks: readonly Task[];
  /** May be called once after each run of the tasks. */
  bins(): Float64Array;
}

/** One column in the arena with what counts it. */
export class ColumnCounting {
  readonly #runtime: Runtime;
  readonly #counter: FeatureCounter;
  readonly #column: Column;
  readonly #scope: Scope;
  readonly #binCount: number;
  readonly #whole: PreparedCount;

  constructor(runtime: Runtime, options: CountingOptions) {
    const { values, edges, categoryCount = 0 } = options;
    this.#runtime = runtime;
    this.#scope = runtime.arena.scope();
    this.#binCount = edges === undefined ? categoryCount : edges.length + 1;
    this.#column = this.#place(options);
    const profile = edges === undefined ? categoricalProfile(categoryCount) : numericProfile(edges);
    this.#counter = counterFor(runtime, "x", [profile]);
    this.#whole = this.prepare(values.length, values.length);
  }

  /** The kernel that does it. */
  get kernel(): Task["kernel"] {
    return this.#whole.tasks[0]!.kernel;
  }

  /** On this thread. The bins: missing, unseen and non-finite rows are left out. */
  count(): Float64Array {
    for (const task of this.#whole.tasks) runTask(this.#runtime.kernels, task);
    return this.#whole.bins();
  }

  /** The first rows, cut as the engine cuts them. */
  prepare(rowCount: number, rowsMax?: number): PreparedCount {
    const steps = rowRanges(rowCount, rowsMax).map(({ from, rowCount: rows }) =>
      this.#counter.step(this.#column, from, rows, this.#scope),
    );
    return {
      tasks: steps.map(({ task }) => task),
      bins: () => {
        const counts = new Float64Array(this.#counter.slotCount);
        for (const step of steps) step.check();
        for (const step of steps) step.collect(counts);
        return counts.subarray(0, this.#binCount);
      },
    };
  }

  close(): void {
    this.#counter.close();
    this.#scope.close();
  }

  #place({ values, validity = null, edges, categoryCount = 0 }: CountingOptions): Column {
    const place = (from: ArrayBufferView) => {
      const ptr = this.#scope.allocate(from.byteLength);
      const bytes = new Uint8Array(from.buffer, from.byteOffset, from.byteLength);
      this.#runtime.arena.bytes.set(bytes, ptr);
      return ptr;
    };
    const slice = {
      name: "x",
      valuesPtr: place(values),
      rowCount: values.length,
      validityPtr: validity === null ? 0 : place(validity),
      validityBitOffset: 0,
    };
    const type = typeOf(values);
    if (edges !== undefined) return { ...slice, kind: "numeric", type, logical: logicalOf(type) };
    return { ...slice, kind: "text", type: "i32", names: names(categoryCount) };
  }
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, code) => `category ${code}`);
}

function logicalOf(type: "f32" | "f64" | "i64" | "i32"): "float" | "integer" {
  return type.startsWith("f") ? "float" : "integer";
}

function numericProfile(edges: Values): NumericFeatureProfile {
  const type = typeOf(edges);
  return {
    kind: "numeric",
    logical: logicalOf(type),
    type,
    ...unused,
    nonFinite: 0,
    moments: noMoments,
    bins: edges.length + 1,
    psi: { edges: [...edges], counts: new Array<number>(edges.length + 1).fill(0) },
    ks: { edges: [], counts: [0] },
  };
}

function categoricalProfile(count: number): CategoricalFeatureProfile {
  return {
    kind: "categorical",
    logical: "text",
    ...unused,
    categories: names(count),
    counts: new Array<number>(count).fill(0),
    other: null,
  };
}
