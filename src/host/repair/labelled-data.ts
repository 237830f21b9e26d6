/**
 * Labelled rows, whole in memory and in f64: what candidates are judged on. Unlike live data they are few, and every candidate needs
 * all of them. Values sit in shared buffers, so that the judging thread sees them without a copy.
 */
import { MendlineError } from "../../errors.js";
import { distinctTextsMax } from "../../limits.js";
import type { Batch, Column, DataSource, TextColumn } from "../columns/column.js";
import { columnOf, readNumbers, sharedF64 } from "./column-values.js";
import {
  checkFeatures,
  checkLabelled,
  checkSize,
  columnsOf,
  type LabelledColumns,
} from "./labelled-columns.js";

export interface LabelledData {
  /** Where the rows came from, for messages. */
  readonly source: string;
  readonly rowCount: number;
  readonly features: readonly string[];
  readonly label: string;
  /** One a feature, `rowCount` long; missing = NaN. Values past 2^53 are rounded. */
  readonly columns: readonly Float64Array[];
  /** Of a text feature the names that its column's codes stand for, else null. */
  readonly texts: readonly (readonly string[] | null)[];
  /** Never NaN. */
  readonly labels: Float64Array;
  /** What each row counts, above 0; null = all the same. */
  readonly weights: Float64Array | null;
  /** Its column. */
  readonly weight: string | null;
  /** The row's number in the source, from 1, for messages. */
  readonly rowNumbers: Uint32Array;
  /** Rows of the source that have no label: left out. */
  readonly skippedUnlabelled: number;
}

export interface ReadLabelledOptions extends LabelledColumns {
  /** The memory that the source's columns are in. */
  readonly memory: WebAssembly.Memory;
  readonly signal?: AbortSignal;
}

/**
 * Reads the features and the label of a source. Rows without a label are counted and left out; no row at all is no error.
 *
 * @throws MendlineError MENDLINE_DATA_SCHEMA  a column is missing
 * @throws MendlineError MENDLINE_REPAIR_LABELS  labels are texts, or infinite
 * @throws MendlineError MENDLINE_DATA_LIMIT  more rows than labelledRowsMax, or bytes than labelledBytesMax
 */
export async function readLabelled(source: DataSource, options: ReadLabelledOptions): Promise<LabelledData> {
  checkLabelled(source, options);
  const reading = new Reading(source, options);
  const columns = columnsOf(options);
  for await (const batch of source.read({ columns, ...(options.signal && { signal: options.signal }) })) {
    reading.take(batch);
  }
  return reading.finish();
}

/** Rows to be labelled: as labelled ones, without labels. */
export type UnlabelledData = Pick<
  LabelledData,
  "source" | "rowCount" | "features" | "columns" | "texts" | "rowNumbers"
>;

/**
 * Reads the features of a source, whatever labels it has.
 *
 * @throws MendlineError MENDLINE_DATA_SCHEMA, MENDLINE_DATA_LIMIT, MENDLINE_ARGUMENT_INVALID  as `readLabelled`
 */
export async function readUnlabelled(
  source: DataSource,
  { features, memory, signal }: Pick<ReadLabelledOptions, "features" | "memory" | "signal">,
): Promise<UnlabelledData> {
  checkFeatures(source, features);
  checkSize(source, features.length);
  const reading = new Reading(source, { features, label: null, memory });
  for await (const batch of source.read({ columns: features, ...(signal && { signal }) }))
    reading.take(batch);
  return reading.finish();
}

/** Rows for a model that only predicts: labels are not looked at. */
export function asLabelled(rows: UnlabelledData): LabelledData {
  return {
    ...rows,
    label: "",
    labels: new Float64Array(rows.rowCount),
    weights: null,
    weight: null,
    skippedUnlabelled: 0,
  };
}

/** The rows at `indices`, in that order. */
export function selectRows(data: LabelledData, indices: Uint32Array): LabelledData {
  return {
    ...data,
    rowCount: indices.length,
    columns: data.columns.map((column) => pick(column, indices, sharedF64(indices.length))),
    labels: pick(data.labels, indices, sharedF64(indices.length)),
    weights: data.weights && pick(data.weights, indices, new Float64Array(indices.length)),
    rowNumbers: pick(data.rowNumbers, indices, new Uint32Array(indices.length)),
  };
}

/** The same of rows to be labelled. */
export function selectUnlabelled(data: UnlabelledData, indices: Uint32Array): UnlabelledData {
  return {
    ...data,
    rowCount: indices.length,
    columns: data.columns.map((column) => pick(column, indices, sharedF64(indices.length))),
    rowNumbers: pick(data.rowNumbers, indices, new Uint32Array(indices.length)),
  };
}

/** The rows that are not at `indices`, in their order. */
export function withoutRows(data: LabelledData, indices: Uint32Array): LabelledData {
  const left = new Set(indices);
  const kept = Uint32Array.from({ length: data.rowCount }, (_, row) => row).filter((row) => !left.has(row));
  return selectRows(data, kept);
}

function pick<T extends Float64Array | Uint32Array>(values: T, indices: Uint32Array, out: T): T {
  for (let i = 0; i < indices.length; i++) out[i] = values[indices[i]!]!;
  return out;
}

type ReadingOptions = Omit<ReadLabelledOptions, "label"> & {
  /** null: every row counts, whether or not it has one. */
  readonly label: string | null;
};

class Reading {
  readonly #source: DataSource;
  readonly #options: ReadingOptions;
  readonly #columns: Float64Array[];
  readonly #labels: Float64Array;
  readonly #weights: Float64Array | null;
  readonly #rowNumbers: Uint32Array;
  readonly #names: (Map<string, number> | null)[];
  #rowCount = 0;
  #seen = 0;

  constructor(source: DataSource, options: ReadingOptions) {
    this.#source = source;
    this.#options = options;
    this.#columns = options.features.map(() => sharedF64(source.rowCount));
    this.#labels = sharedF64(source.rowCount);
    this.#weights = options.weight == null ? null : new Float64Array(source.rowCount);
    this.#rowNumbers = new Uint32Array(source.rowCount);
    this.#names = options.features.map((name) => {
      const field = source.fields.find((candidate) => candidate.name === name)!;
      return field.type === null ? new Map() : null;
    });
  }

  take(batch: Batch): void {
    const { features, label, weight, memory } = this.#options;
    if (this.#seen + batch.rowCount > this.#rowNumbers.length) {
      throw new MendlineError(
        "MENDLINE_DATA_MALFORMED",
        `${this.#source.label}: it has more than the ${this.#rowNumbers.length} rows it had when it was opened`,
      );
    }
    const kept = label === null ? this.#takeAll(batch) : this.#takeLabels(memory, columnOf(batch, label));
    if (weight != null) this.#takeWeights(memory, columnOf(batch, weight), kept);
    features.forEach((name, index) => {
      const column = columnOf(batch, name);
      const out = this.#columns[index]!.subarray(this.#rowCount, this.#rowCount + kept.length);
      if (column.kind === "numeric") readNumbers(memory, column, kept, out);
      else readNumbers(memory, column, kept, out, this.#codesOf(column, index));
    });
    this.#rowCount += kept.length;
    this.#seen += batch.rowCount;
  }

  finish(): LabelledData {
    const { features, label, weight } = this.#options;
    return {
      source: this.#source.label,
      rowCount: this.#rowCount,
      features: [...features],
      label: label ?? "",
      columns: this.#columns.map((column) => column.subarray(0, this.#rowCount)),
      texts: this.#names.map((names) => (names === null ? null : [...names.keys()])),
      labels: this.#labels.subarray(0, this.#rowCount),
      weights: this.#weights?.subarray(0, this.#rowCount) ?? null,
      weight: weight ?? null,
      rowNumbers: this.#rowNumbers.subarray(0, this.#rowCount),
      skippedUnlabelled: this.#seen - this.#rowCount,
    };
  }

  #takeAll({ rowCount }: Batch): Uint32Array {
    const rows = Uint32Array.from({ length: rowCount }, (_, row) => row);
    for (const row of rows) this.#rowNumbers[this.#rowCount + row] = this.#seen + row + 1;
    return rows;
  }

  /** Copies the labels that are there and gives their rows in the batch. */
  #takeLabels(memory: WebAssembly.Memory, column: Column): Uint32Array {
    const all = Uint32Array.from({ length: column.rowCount }, (_, row) => row);
    const labels = new Float64Array(column.rowCount);
    readNumbers(memory, column, all, labels);
    const kept = all.filter((row) => !Number.isNaN(labels[row]!));
    kept.forEach((row, index) => {
      const value = labels[row]!;
      const rowNumber = this.#seen + row + 1;
      if (!Number.isFinite(value)) throw this.#infiniteLabel(value, rowNumber);
      this.#labels[this.#rowCount + index] = value;
      this.#rowNumbers[this.#rowCount + index] = rowNumber;
    });
    return kept;
  }

  #takeWeights(memory: WebAssembly.Memory, column: Column, kept: Uint32Array): void {
    const out = this.#weights!.subarray(this.#rowCount, this.#rowCount + kept.length);
    readNumbers(memory, column, kept, out);
    const bad = out.findIndex((weight) => !(weight > 0 && weight < Number.POSITIVE_INFINITY));
    if (bad < 0) return;
    const row = this.#seen + kept[bad]! + 1;
    const said = Number.isNaN(out[bad]!) ? "missing" : String(out[bad]);
    throw new MendlineError(
      "MENDLINE_REPAIR_LABELS",
      `${this.#source.label}: row ${row}: weight ${column.name} is ${said}: give a number above 0, or leave the row out`,
      { details: { file: this.#source.label, row, weight: column.name } },
    );
  }

  #infiniteLabel(value: number, row: number): MendlineError {
    const { label } = this.#options;
    return new MendlineError(
      "MENDLINE_REPAIR_LABELS",
      `${this.#source.label}: row ${row}: label ${label} is ${value}: correct it, or leave the cell empty`,
      { details: { file: this.#source.label, row, label, value } },
    );
  }

  /** A batch's codes to codes over all batches; NaN for a missing name. */
  #codesOf(column: TextColumn, index: number): Float64Array {
    const known = this.#names[index]!;
    const codes = column.names.map((name) => {
      if (name === null) return Number.NaN;
      if (!known.has(name)) known.set(name, known.size);
      return known.get(name)!;
    });
    if (known.size > distinctTextsMax) {
      throw new MendlineError(
        "MENDLINE_DATA_LIMIT",
        `${this.#source.label}: feature ${column.name} has ${known.size} distinct texts, above ${distinctTextsMax}: it is an identifier`,
      );
    }
    return Float64Array.from(codes);
  }
}
