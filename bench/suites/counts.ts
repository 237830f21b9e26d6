/** How fast are values counted by edges, beside what people use and what the machine can do? */
import { type ColumnSlice, cellEdgesMin } from "../../src/host/kernels/kernels.js";
import { bytesOf } from "../../src/host/kernels/types.js";
import { openRuntime, type Runtime } from "../../src/scheduler/runtime.js";
import { below, fillNormal, quantileEdges } from "../data.js";
import { type Duck, duckCase, literals, openDuck } from "../duckdb.js";
import type { Case, Group } from "../measure.js";
import { memcpyCase, nativeCase } from "../native.js";
import { pythonCase } from "../python.js";
import { rawFile } from "../scratch.js";
import { runSuite } from "../suite.js";

type Floats = Float32Array | Float64Array;
type FloatType = "f32" | "f64";

interface Problem {
  readonly type: FloatType;
  readonly values: Floats;
  readonly valuesPath: string;
  readonly table: string;
  readonly edges: Floats;
}

/** Edges up to which a compare an edge is the quickest plain loop. */
const scanEdgesMax = 16;

function ours(runtime: Runtime, { type, values, edges }: Problem): Case {
  const { kernels, arena } = runtime;
  const isCells = edges.length >= cellEdgesMin;
  const scope = arena.scope();
  const valuesPtr = scope.allocate(values.byteLength);
  const edgesPtr = scope.allocate(edges.byteLength);
  const tablePtr = scope.allocate(kernels.cellTableBytes(type, edges.length));
  const countsPtr = scope.allocate(kernels.countWorkBytes(edges.length));
  const bytes = arena.bytes;
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), valuesPtr);
  bytes.set(new Uint8Array(edges.buffer, edges.byteOffset, edges.byteLength), edgesPtr);
  kernels.buildCellTable(type, edgesPtr, edges.length, tablePtr);
  const slice: ColumnSlice = { valuesPtr, rowCount: values.length, validityPtr: 0, validityBitOffset: 0 };
  const count = () => {
    if (isCells) kernels.countByCells(type, slice, tablePtr, edges.length, countsPtr);
    else kernels.countByEdges(type, slice, edgesPtr, edges.length, countsPtr);
    return new Uint32Array(arena.memory.buffer, countsPtr, edges.length + 1);
  };
  return {
    name: `mendline, ${isCells ? "cell table" : "compares"}`,
    role: "ours",
    answer: () => [...count()],
    run: () => count()[0]!,
  };
}

function countByScan(values: Floats, edges: Floats, counts: Uint32Array): void {
  const edgeCount = edges.length;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    let bin = 0;
    while (bin < edgeCount && value >= edges[bin]!) bin++;
    counts[bin]!++;
  }
}

function countBySearch(values: Floats, edges: Floats, counts: Uint32Array): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    let low = 0;
    let high = edges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (edges[middle]! <= value) low = middle + 1;
      else high = middle;
    }
    counts[low]!++;
  }
}

function plainJs({ values, edges }: Problem): Case {
  const isScan = edges.length <= scanEdgesMax;
  const count = () => {
    const counts = new Uint32Array(edges.length + 1);
    (isScan ? countByScan : countBySearch)(values, edges, counts);
    return counts;
  };
  return {
    name: `plain JS, ${isScan ? "scan" : "binary search"}`,
    role: "incumbent",
    answer: () => [...count()],
    run: () => count()[0]!,
  };
}

async function d3Case({ values, edges }: Problem): Promise<Case> {
  const name = "d3-array bin()";
  const d3 = await import("d3-array").catch(() => null);
  if (d3 === null) return { name, role: "incumbent", missing: "d3-array is not installed" };
  // A plain list is what bin() turns any other input into: that copy is not counted.
  const list = Array.from(values);
  const domain: [number, number] = [d3.min(list)!, d3.max(list)!];
  const bin = d3
    .bin()
    .domain(domain)
    .thresholds([...edges]);
  return {
    name,
    role: "incumbent",
    answer: () => bin(list).map((one) => one.length),
    run: () => bin(list)[0]!.length,
  };
}

function duckHistogram(duck: Duck | null, { type, edges, table }: Problem): Case {
  const list = literals(
    [...[...edges].map((edge) => below(edge, type)), Number.MAX_VALUE],
    type === "f32" ? "FLOAT" : "DOUBLE",
  ).replace(Number.MAX_VALUE.toExponential(), "'Infinity'");
  return duckCase(
    duck,
    "histogram()",
    "incumbent",
    `select unnest(map_values(histogram(x, ${list}))) from ${table}`,
  );
}

const numpyScript = `
kind = np.float32 if sys.argv[2] == "f32" else np.float64
values = np.fromfile(sys.argv[3], dtype=kind)
edges = np.concatenate([[-np.inf], np.fromfile(sys.argv[4], dtype=kind), [np.inf]]).astype(kind)
def work():
    return np.histogram(values, bins=edges)[0]
`;

async function groupOf(runtime: Runtime, duck: Duck | null, problem: Problem): Promise<Group> {
  const { type, values, valuesPath, edges } = problem;
  const edgesPath = rawFile(`edges-${type}-${edges.length}.bin`, edges);
  const bytes = values.length * bytesOf(type);
  const method = edges.length >= cellEdgesMin ? "cells" : "lanes";
  return {
    name: `${type}, ${edges.length} edges, ${values.length} values`,
    values: values.length,
    bytes,
    cases: [
      ours(runtime, problem),
      plainJs(problem),
      await d3Case(problem),
      duckHistogram(duck, problem),
      pythonCase("numpy.histogram", "incumbent", numpyScript, [type, valuesPath, edgesPath]),
      nativeCase(`C++, ${method}`, "limit", method, type, [valuesPath, edgesPath]),
      memcpyCase(bytes),
    ],
  };
}

await runSuite("How fast are values counted by edges?", async (bench) => {
  const valueCount = bench.size(4_000_000, 20_000);
  const duck = await openDuck();
  for (const type of ["f32", "f64"] as const) {
    const values = fillNormal(
      type === "f32" ? new Float32Array(valueCount) : new Float64Array(valueCount),
      11,
    );
    const valuesPath = rawFile(`values-${type}.bin`, values);
    const table = `values_${type}`;
    await duck?.load(table, new Map([["x", values]]));
    for (const edgeCount of [9, 63, 255]) {
      const runtime = await openRuntime();
      const edges = quantileEdges(values, edgeCount);
      await bench.measure(await groupOf(runtime, duck, { type, values, valuesPath, table, edges }));
      await runtime.close();
    }
  }
  duck?.close();
});
