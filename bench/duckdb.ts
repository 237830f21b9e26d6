/** DuckDB in this process, on one core, over a table in its own memory: what it would still have to read is not counted. */
import type { DuckDBConnection } from "@duckdb/node-api";
import type { Case, Role } from "./measure.js";

export type FloatColumns = ReadonlyMap<string, Float32Array | Float64Array>;

/** Rows of one of DuckDB's vectors. */
const chunkRows = 2048;

export interface Duck {
  readonly version: string;
  /** A table with columns of one type and length. */
  load(table: string, columns: FloatColumns): Promise<void>;
  /** Every number of the result, row after row, lists and maps laid flat by the query. */
  numbers(sql: string): Promise<number[]>;
  close(): void;
}

/** Null where the package is not installed. */
export async function openDuck(): Promise<Duck | null> {
  const duckdb = await import("@duckdb/node-api").catch(() => null);
  if (duckdb === null) return null;
  const instance = await duckdb.DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll("select version()");
  return {
    version: String(reader.getRows()[0]![0]),
    load: (table, columns) => load(duckdb, connection, table, columns),
    numbers: async (sql) => (await connection.runAndReadAll(sql)).getRows().flat().map(Number),
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

async function load(
  duckdb: typeof import("@duckdb/node-api"),
  connection: DuckDBConnection,
  table: string,
  columns: FloatColumns,
): Promise<void> {
  const arrays = [...columns.values()];
  const types = arrays.map((values) => (values instanceof Float32Array ? duckdb.FLOAT : duckdb.DOUBLE));
  const definitions = [...columns.keys()].map((name, index) => `${name} ${types[index]}`);
  await connection.run(`create or replace table ${table} (${definitions.join(", ")})`);
  const appender = await connection.createAppender(table);
  const rowCount = arrays[0]!.length;
  for (let from = 0; from < rowCount; from += chunkRows) {
    const chunk = duckdb.DuckDBDataChunk.create(types);
    chunk.setColumns(arrays.map((values) => Array.from(values.subarray(from, from + chunkRows))));
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}

/** Numbers as literals that DuckDB reads as doubles: without an exponent they would be decimals. */
export function literals(edges: readonly number[], type: "FLOAT" | "DOUBLE"): string {
  return `[${edges.map((edge) => edge.toExponential()).join(", ")}]::${type}[]`;
}

/** @param sql  yields the numbers to compare, in one row or many */
export function duckCase(duck: Duck | null, name: string, role: Role, sql: string): Case {
  if (duck === null) return { name, role, missing: "@duckdb/node-api is not installed" };
  return {
    name: `${name} (DuckDB ${duck.version})`,
    role,
    answer: () => duck.numbers(sql),
    runAsync: async () => (await duck.numbers(sql))[0]!,
  };
}
