/** One read of a source whose columns do not fit the memory: the batches' keys, a block at a time, with turns between the blocks. */
import { MendlineError } from "../../errors.js";
import { selectionBlockRows } from "../../limits.js";
import { rowRanges } from "../../scheduler/partition.js";
import { Turns } from "../../scheduler/turns.js";
import type { Batch, DataSource, Field } from "../columns/column.js";
import type { Kernels } from "../kernels/kernels.js";
import { sliceOf } from "./feature-counter.js";

export interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((rowsRead: number, rowsTotal: number) => void) | undefined;
}

/** What reads one column block by block. */
export interface BlockReader {
  readonly field: Field;
  begin(): void;
  /** A step a block. */
  steps(batch: Batch): Iterable<void>;
  /** After the last block; may throw. */
  end(): void;
}

/** Columns that are read along, a batch at a time. */
interface Others {
  readonly columns: readonly string[];
  take(batch: Batch): Promise<void>;
}

/** @throws MendlineError MENDLINE_DATA_MALFORMED  other rows than the source said */
export async function readBlocks(
  source: DataSource,
  readers: readonly BlockReader[],
  { signal, onProgress }: StreamOptions,
  others?: Others,
): Promise<void> {
  for (const reader of readers) reader.begin();
  let rowsRead = 0;
  const turns = new Turns();
  const columns = [...readers.map(({ field }) => field.name), ...(others?.columns ?? [])];
  for await (const batch of source.read({ columns, ...(signal && { signal }) })) {
    rowsRead += batch.rowCount;
    if (rowsRead > source.rowCount) throw rowsDiffer(source, `${rowsRead} or more`);
    await others?.take(batch);
    for (const reader of readers) {
      for (const _ of reader.steps(batch)) if (turns.isOver) await turns.next();
    }
    onProgress?.(rowsRead, source.rowCount);
  }
  if (rowsRead < source.rowCount) throw rowsDiffer(source, String(rowsRead));
  for (const reader of readers) {
    reader.end();
    if (turns.isOver) await turns.next();
  }
}

/** Writes a column's keys, `selectionBlockRows` at most, to `keysPtr` and gives how many, again and again. */
export function* keyBlocks(
  kernels: Kernels,
  batch: Batch,
  name: string,
  keysPtr: number,
): Generator<number, void> {
  const column = batch.columns.get(name)!;
  if (column.kind !== "numeric") throw new TypeError(`column ${column.name} is not numeric`);
  for (const { from, rowCount } of rowRanges(batch.rowCount, selectionBlockRows)) {
    yield kernels.keysFrom(column.type, sliceOf(column, from, rowCount), keysPtr);
  }
}

export function rowsDiffer({ label, rowCount }: DataSource, rowsRead: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${label} held ${rowCount} rows when it was opened and now ${rowsRead}: keep it as it is while it is read`,
  );
}

export function valuesDiffer(label: string): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${label}: one read gave other values than the read before: keep the data as it is while it is read`,
  );
}
