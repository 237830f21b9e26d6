/** DuckDB in this process, on one core unless asked otherwise, over a table in its own memory: what it would still have to read is not counted. */
import type { DuckDBConnection, DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { below, isValid, typeOf, type Values, type ValueType } from "./data.js";
import type { Case } from "./measure.js";

/** Rows of one of DuckDB's vectors. */
const chunkRows = 2048;

export interface LoadOptions {
  /** Arrow's bitmap, of all columns; null = no row is missing. */
  readonly validity?: Uint8Array | null;
}

export interface Duck {
  /** A table with columns of one length. */
  load(table: string, columns: ReadonlyMap<string, Values>, options?: LoadOptions): Promise<void>;
  /** Runs what yields nothing. */
  run(sql: string): Promise<void>;
  /** Every number of the result, row after row, lists and maps laid flat by the query. */
  numbers(sql: string): Promise<number[]>;
  /** The first column of the result. */
  texts(sql: string): Promise<string[]>;
  close(): void;
}

type Module = typeof import("@duckdb/node-api");

/** Null where the package is not installed. */
export async function duckVersion(): Promise<string | null> {
  const duckdb = await import("@duckdb/node-api").catch(() => null);
  return duckdb === null ? null : duckdb.version();
}

/** Null where the package is not installed. */
export async function openDuck(threads = 1): Promise<Duck | null> {
  const duckdb = await import("@duckdb/node-api").catch(() => null);
  if (duckdb === null) return null;
  const instance = await duckdb.DuckDBInstance.create(":memory:", { threads: String(threads) });
  const connection = await instance.connect();
  return {
    load: (table, columns, options) => load(duckdb, connection, table, columns, options),
    run: async (sql) => void (await connection.run(sql)),
    numbers: async (sql) => (await connection.runAndReadAll(sql)).getRows().flat().map(Number),
    texts: async (sql) => (await connection.runAndReadAll(sql)).getRows().map(([text]) => String(text)),
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function load(
  duckdb: Module,
  connection: DuckDBConnection,
  table: string,
  columns: ReadonlyMap<string, Values>,
  { validity = null }: LoadOptions = {},
): Promise<void> {
  const arrays = [...columns.values()];
  const types = arrays.map((values) => duckType(duckdb, typeOf(values)));
  const definitions = [...columns.keys()].map((name, index) => `${name} ${types[index]}`);
  await connection.run(`create or replace table ${table} (${definitions.join(", ")})`);
  const appender = await connection.createAppender(table);
  const rowCount = arrays[0]!.length;
  for (let from = 0; from < rowCount; from += chunkRows) {
    const length = Math.min(chunkRows, rowCount - from);
    const chunk = duckdb.DuckDBDataChunk.create(types, length);
    for (const [column, values] of arrays.entries()) {
      const vector = chunk.getColumnVector(column);
      for (let row = 0; row < length; row++) {
        const value = isValid(validity, from + row) ? values[from + row]! : null;
        vector.setItem(row, value as DuckDBValue);
      }
      vector.flush();
    }
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

function duckType(duckdb: Module, type: ValueType): DuckDBType {
  return { f32: duckdb.FLOAT, f64: duckdb.DOUBLE, i64: duckdb.BIGINT, i32: duckdb.INTEGER }[type];
}

const typeNames = { f32: "FLOAT", f64: "DOUBLE", i64: "BIGINT", i32: "INTEGER" } as const;
const highest = {
  f32: "'Infinity'",
  f64: "'Infinity'",
  i64: "9223372036854775807",
  i32: "2147483647",
} as const;

/** A map of bins to counts, by our edges: DuckDB's bins are closed on the right, and the last takes a bound too. */
export function histogramSql(column: string, edges: Iterable<number | bigint>, type: ValueType): string {
  // Without an exponent floats would be decimals, with one integers would be doubles.
  const bounds = Array.from(edges, (edge) => {
    const bound = below(edge, type);
    return type.startsWith("f") ? Number(bound).toExponential() : String(bound);
  });
  return `histogram(${column}, [${[...bounds, highest[type]].join(", ")}]::${typeNames[type]}[])`;
}

/** @param prepare  gives a query that yields the numbers to compare, in one row or many */
export async function duckCase(
  duck: Duck | null,
  name: string,
  prepare: (duck: Duck) => string | Promise<string>,
): Promise<Case> {
  const label = `DuckDB, ${name}`;
  if (duck === null) return { name: label, role: "incumbent", missing: "@duckdb/node-api is not installed" };
  const sql = await prepare(duck);
  return {
    name: label,
    role: "incumbent",
    answer: () => duck.numbers(sql),
    runAsync: async () => (await duck.numbers(sql))[0]!,
  };
}
