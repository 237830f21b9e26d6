/** vega-datasets' three million flights (U.S. Bureau of Transportation Statistics, first half of 2001), as Parquet and as Arrow. */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import {
  Dictionary,
  Int32,
  makeData,
  makeVector,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { asyncBufferFromFile, parquetRead } from "hyparquet";
import { compressors } from "hyparquet-compressors";

export const flightFeatures = ["delay", "distance", "origin", "destination"] as const;
type FlightFeature = (typeof flightFeatures)[number];
export const flightCount = 3_000_000;

export function flightsParquetPath(): string {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  return join(dirname(entry), "..", "data", "flights-3m.parquet");
}

/** One column's rows: whole numbers, or names with a code for each row. */
export interface FlightColumn {
  readonly codes: Int32Array;
  /** Null for numbers. */
  readonly names: string[] | null;
}

/** The first rows, which are the earliest flights. */
export async function readFlights(rowCount: number): Promise<ReadonlyMap<FlightFeature, FlightColumn>> {
  const columns = new Map(
    flightFeatures.map((name): [FlightFeature, FlightColumn] => [
      name,
      { codes: new Int32Array(rowCount), names: name === "delay" || name === "distance" ? null : [] },
    ]),
  );
  const known = new Map(flightFeatures.map((name) => [name, new Map<string, number>()]));
  await parquetRead({
    file: await asyncBufferFromFile(flightsParquetPath()),
    compressors,
    columns: [...flightFeatures],
    rowEnd: rowCount,
    onChunk: ({ columnName, columnData, rowStart }) => {
      const name = columnName as FlightFeature;
      const { codes, names } = columns.get(name)!;
      for (let row = 0; row < columnData.length && rowStart + row < rowCount; row++) {
        const value: unknown = columnData[row];
        codes[rowStart + row] =
          names === null ? Number(value) : codeOf(String(value), names, known.get(name)!);
      }
    },
  });
  return columns;
}

function codeOf(name: string, names: string[], known: Map<string, number>): number {
  let code = known.get(name);
  if (code === undefined) {
    code = names.push(name) - 1;
    known.set(name, code);
  }
  return code;
}

/** Whole numbers of 32 bits, airports as dictionaries: what a data team would store. */
export async function writeFlights(path: string, rowCount: number): Promise<void> {
  const columns = await readFlights(rowCount);
  const vectors = Array.from(columns, ([name, { codes, names }]) => {
    if (names === null) return [name, makeVector(makeData({ type: new Int32(), data: codes }))] as const;
    const type = new Dictionary(new Utf8(), new Int32());
    const dictionary = vectorFromArray(names, new Utf8());
    return [name, makeVector(makeData({ type, data: codes, dictionary }))] as const;
  });
  writeFileSync(path, tableToIPC(new Table(Object.fromEntries(vectors)), "file"));
}
