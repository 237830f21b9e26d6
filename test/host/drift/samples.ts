/** Random samples of the shapes that columns have, and sources over them. Seeded: a failure repeats. */
import type { Column, DataSource, Field } from "../../../src/host/columns/column.js";
import { bytesOf, viewOf } from "../../../src/host/kernels/types.js";
import type { Runtime } from "../../../src/scheduler/runtime.js";

export interface NumberSample {
  readonly values: Float64Array;
}

export interface TextSample {
  readonly names: readonly string[];
  readonly codes: Int32Array;
}

export type ColumnSample = NumberSample | TextSample;

/** Columns as they are, in one batch in the arena: what any format is read into. */
export function sampleSource(
  runtime: Runtime,
  columns: readonly ColumnSample[],
  label = "sample",
): DataSource {
  const lengthOf = (column: ColumnSample) => ("values" in column ? column.values : column.codes).length;
  const rowCount = lengthOf(columns[0]!);
  const fields = columns.map((column, index): Field => {
    const name = `x${index}`;
    return "values" in column
      ? { name, logical: "float", type: "f64" }
      : { name, logical: "text", type: null };
  });
  return {
    label,
    fields,
    rowCount,
    async *read({ columns: wanted = fields.map(({ name }) => name) } = {}) {
      const scope = runtime.arena.scope();
      try {
        const read = wanted.map((name): [string, Column] => {
          const index = fields.findIndex((field) => field.name === name);
          const column = columns[index]!;
          const type = "values" in column ? "f64" : "i32";
          const valuesPtr = scope.allocate(Math.max(1, rowCount) * bytesOf(type));
          const view = viewOf(runtime.arena.memory, type, valuesPtr, rowCount);
          const rows = { name, valuesPtr, rowCount, validityPtr: 0, validityBitOffset: 0 };
          if ("values" in column) {
            (view as Float64Array).set(column.values);
            return [name, { kind: "numeric", logical: "float", type: "f64", ...rows }];
          }
          (view as Int32Array).set(column.codes);
          return [name, { kind: "text", type: "i32", names: column.names, ...rows }];
        });
        if (rowCount > 0) yield { rowCount, columns: new Map(read) };
      } finally {
        scope.close();
      }
    },
    close: async () => {},
  };
}

/** Standard normal (Box, Muller 1958), one of each pair. */
export function bell(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

type Draw = (rows: number, next: () => number) => ColumnSample;

function numbers(one: (next: () => number) => number): Draw {
  return (rows, next) => ({ values: Float64Array.from({ length: rows }, () => one(next)) });
}

function texts(kinds: number, one: (next: () => number) => number): Draw {
  const names = Array.from({ length: kinds }, (_, kind) => `kind ${kind}`);
  return (rows, next) => ({ names, codes: Int32Array.from({ length: rows }, () => one(next)) });
}

/** What columns look like: smooth, with a long tail, with atoms, whole numbers, with holes, and categories few and many. */
export const shapes: Readonly<Record<string, Draw>> = {
  normal: numbers(bell),
  lognormal: numbers((next) => Math.exp(bell(next))),
  "half zeros": numbers((next) => (next() < 0.5 ? 0 : -Math.log(1 - next()))),
  "few values": numbers((next) => Math.floor(next() ** 2 * 8)),
  "a tenth missing": numbers((next) => (next() < 0.1 ? Number.NaN : next())),
  "few categories": texts(5, (next) => Math.floor(next() * next() * 5)),
  "many categories": texts(40, (next) => Math.floor(next() ** 2 * 40)),
};
