/** A real drift with its lineage, as a labelling loop meets it: models, and rows of the regime that they now serve. */
import type { LabelledData } from "../../src/host/repair/labelled-data.js";
import type { EncodedRows, Network } from "./network.js";

export interface LabelScene {
  readonly name: string;
  /** Where the rows come from, and what moved. */
  readonly story: string;
  /** Every row of the live regime with its true label: validation rows and the pool are drawn from them. */
  readonly live: LabelledData;
  /** The same rows as the networks take them. */
  readonly encoded: EncodedRows;
  /** The drifted model. */
  readonly deployed: Network;
  /** The nearest healthy one. */
  readonly ancestor: Network;
  /** Further models of the committee, in mendline's order: ancestors nearest first, then siblings. */
  readonly relatives: readonly Network[];
}

/** A raw row: numbers, and texts of categories. */
export type RawRow = Readonly<Record<string, number | string>>;

/** Rows as mendline reads them from a file; texts become codes. */
export function labelledFrom(
  source: string,
  rows: readonly RawRow[],
  features: readonly string[],
  label: string,
): LabelledData {
  const read = features.map((name) => columnOf(rows.map((row) => row[name]!)));
  return {
    source,
    rowCount: rows.length,
    features,
    label,
    columns: read.map(({ column }) => column),
    texts: read.map(({ names }) => names),
    labels: Float64Array.from(rows, (row) => Number(row[label])),
    weights: null,
    weight: null,
    rowNumbers: Uint32Array.from(rows, (_, row) => row + 1),
    skippedUnlabelled: 0,
  };
}

function columnOf(values: readonly (number | string)[]): {
  readonly column: Float64Array;
  readonly names: readonly string[] | null;
} {
  if (typeof values[0] === "number") return { column: Float64Array.from(values as number[]), names: null };
  const names = [...new Set(values as string[])];
  const codes = new Map(names.map((name, code) => [name, code]));
  return { column: Float64Array.from(values, (name) => codes.get(name as string)!), names };
}

/** Every k-th row, so that about `count` are left: the same ones always. */
export function thinned<T>(rows: readonly T[], count: number): T[] {
  const step = Math.max(1, Math.floor(rows.length / count));
  return rows.filter((_, index) => index % step === 0);
}
