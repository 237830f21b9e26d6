/** Everyone's way of counting one column by edges or by codes, on the same data. */
import type { Runtime } from "../src/scheduler/runtime.js";
import { ColumnCounting } from "./counter.js";
import { isValid, typeOf, type Values } from "./data.js";
import { type Duck, duckCase, histogramSql } from "./duckdb.js";
import type { Case } from "./measure.js";
import { nativeCases } from "./native.js";
import { pythonCases } from "./python.js";

export interface Problem {
  readonly values: Values;
  readonly valuesPath: string;
  readonly edges: Values;
  readonly edgesPath: string;
  readonly validity: Uint8Array | null;
  readonly validityPath: string | null;
  /** DuckDB's table; its column is x. */
  readonly table: string;
}

/** Edges up to which a compare an edge is the quickest plain loop. */
const scanEdgesMax = 16;

export function ours(runtime: Runtime, problem: Problem): Case {
  const counting = new ColumnCounting(runtime, problem);
  return {
    name: `mendline, ${counting.kernel}`,
    role: "ours",
    answer: () => [...counting.count()],
    run: () => counting.count()[0]!,
    close: () => counting.close(),
  };
}

/** The elements are numbers, or bigints throughout: JavaScript compares both alike. */
type Comparable = ArrayLike<number>;

function countByScan(values: Comparable, edges: Comparable, validity: Uint8Array | null): Uint32Array {
  const counts = new Uint32Array(edges.length + 1);
  for (let i = 0; i < values.length; i++) {
    if (!isValid(validity, i)) continue;
    const value = values[i]!;
    let bin = 0;
    while (bin < edges.length && value >= edges[bin]!) bin++;
    counts[bin]!++;
  }
  return counts;
}

function countBySearch(values: Comparable, edges: Comparable, validity: Uint8Array | null): Uint32Array {
  const counts = new Uint32Array(edges.length + 1);
  for (let i = 0; i < values.length; i++) {
    if (!isValid(validity, i)) continue;
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
  return counts;
}

export function plainJs({ values, edges, validity }: Problem): Case {
  const isScan = edges.length <= scanEdgesMax;
  const method = isScan ? countByScan : countBySearch;
  const count = () => method(values as unknown as Comparable, edges as unknown as Comparable, validity);
  return {
    name: `plain JS, ${isScan ? "scan" : "binary search"}`,
    role: "incumbent",
    answer: () => [...count()],
    run: () => count()[0]!,
  };
}

/** Floats without missing values only. */
export async function d3Case({ values, edges }: Problem): Promise<Case> {
  const name = "d3-array bin()";
  const d3 = await import("d3-array").catch(() => null);
  if (d3 === null) return { name, role: "incumbent", missing: "d3-array is not installed" };
  // A plain list is what bin() turns any other input into: that copy is not counted.
  const list = Array.from(values, Number);
  const domain: [number, number] = [d3.min(list)!, d3.max(list)!];
  const bin = d3.bin().domain(domain).thresholds(Array.from(edges, Number));
  return {
    name,
    role: "incumbent",
    answer: () => bin(list).map((one) => one.length),
    run: () => bin(list)[0]!.length,
  };
}

export function duckHistogram(duck: Duck | null, { edges, table }: Problem): Promise<Case> {
  const counted = histogramSql("x", edges, typeOf(edges));
  return duckCase(duck, "histogram()", () => `select unnest(map_values(${counted})) from ${table}`);
}

const numpyScript = `
kind = {"f32": np.float32, "f64": np.float64, "i64": np.int64}[sys.argv[2]]
values = np.fromfile(sys.argv[3], dtype=kind)
ends = [-np.inf, np.inf] if kind != np.int64 else [np.iinfo(kind).min, np.iinfo(kind).max]
edges = np.concatenate([[ends[0]], np.fromfile(sys.argv[4], dtype=kind), [ends[1]]]).astype(kind)
if len(sys.argv) > 5:
    present = np.unpackbits(np.fromfile(sys.argv[5], dtype=np.uint8), bitorder="little")[:len(values)] == 1
    def work():
        return np.histogram(values[present], bins=edges)[0]
else:
    def work():
        return np.histogram(values, bins=edges)[0]
`;

export function numpyHistograms({ edges, valuesPath, edgesPath, validityPath }: Problem): Case[] {
  const args = [typeOf(edges), valuesPath, edgesPath, ...(validityPath === null ? [] : [validityPath])];
  return pythonCases({ name: "numpy.histogram", script: numpyScript, args });
}

export type NativeMethod = "lanes" | "cells" | "search";

export function nativeCounts(method: NativeMethod, problem: Problem): Case[] {
  const { edges, valuesPath, edgesPath, validityPath } = problem;
  const optional = validityPath === null ? [] : [validityPath];
  const args = [method, typeOf(edges), valuesPath, edgesPath, ...optional];
  return nativeCases({ name: method, program: "counts", args });
}

export interface CodesProblem {
  readonly codes: Int32Array;
  readonly codesPath: string;
  readonly categoryCount: number;
  readonly table: string;
}

const bincountScript = `
codes = np.fromfile(sys.argv[2], dtype=np.int32)
def work():
    return np.bincount(codes, minlength=int(sys.argv[3]))
`;

export async function codeCases(runtime: Runtime, duck: Duck | null, problem: CodesProblem): Promise<Case[]> {
  const { codes, codesPath, categoryCount, table } = problem;
  const counting = new ColumnCounting(runtime, { values: codes, categoryCount });
  const plain = () => {
    const counts = new Uint32Array(categoryCount);
    for (let i = 0; i < codes.length; i++) counts[codes[i]!]!++;
    return counts;
  };
  return [
    {
      name: `mendline, ${counting.kernel}`,
      role: "ours",
      answer: () => [...counting.count()],
      run: () => counting.count()[0]!,
      close: () => counting.close(),
    },
    { name: "plain JS", role: "incumbent", answer: () => [...plain()], run: () => plain()[0]! },
    await duckCase(duck, "group by", () => `select count(*) from ${table} group by x order by x`),
    ...pythonCases({
      name: "numpy.bincount",
      script: bincountScript,
      args: [codesPath, String(categoryCount)],
    }).slice(0, 1),
    ...nativeCases({
      name: "four histograms",
      program: "counts",
      args: ["codes", "i32", codesPath, String(categoryCount)],
    }).slice(0, 1),
  ];
}
