/**
 * NDJSON, one flat object a line, as a source of columns. Like CSV it is looked through once to learn keys, types and rows, and parsed
 * again by every read.
 *
 * A missing key, null and a bare NaN are missing. Numbers that are all whole (and safe) make an integer column; the strings "NaN",
 * "Infinity", "-Infinity", "inf" and "-inf" count as those numbers in a column of numbers. Mixed columns are text.
 */
import { MendlineError } from "../../errors.js";
import { columnsMax } from "../../limits.js";
import type { Arena } from "../memory/arena.js";
import { BatchBuilder, batchRowsFor } from "./batch-builder.js";
import type { Batch, DataSource, Field, ReadOptions } from "./column.js";
import { evidenceOfJson, fieldOf, jsonCellReader, sawNothing } from "./infer.js";
import { ndjsonRows } from "./ndjson-rows.js";
import { pickFields } from "./pick-fields.js";
import type { TextFile } from "./text-blocks.js";

/**
 * @throws MendlineError MENDLINE_DATA_EMPTY  no object, or only empty ones
 * @throws MendlineError MENDLINE_DATA_MALFORMED  a line that is no flat JSON object, not UTF-8
 * @throws MendlineError MENDLINE_DATA_LIMIT  too many keys, or too long a line
 */
export async function openNdjson(
  file: TextFile,
  arena: Arena,
  options: { signal?: AbortSignal } = {},
): Promise<DataSource> {
  const { fields, rowCount } = await lookThrough(file, options.signal);
  return {
    label: file.label,
    fields,
    rowCount,
    read: (readOptions = {}) => {
      const wanted = pickFields(fields, readOptions.columns, file.label);
      return readBatches(file, arena, wanted, rowCount, readOptions);
    },
    close: async () => {},
  };
}

async function lookThrough(
  file: TextFile,
  signal: AbortSignal | undefined,
): Promise<{ fields: Field[]; rowCount: number }> {
  const seen = new Map<string, number>();
  let rowCount = 0;
  for await (const rows of ndjsonRows(file, signal)) {
    for (const row of rows) {
      for (const [key, cell] of row) seen.set(key, (seen.get(key) ?? sawNothing) | evidenceOfJson(cell));
      if (seen.size > columnsMax) throw tooManyColumns(file, seen.size);
    }
    rowCount += rows.length;
  }
  if (seen.size === 0) {
    throw new MendlineError(
      "MENDLINE_DATA_EMPTY",
      `${file.label} holds no rows: write one JSON object a line`,
    );
  }
  return { fields: Array.from(seen, ([name, evidence]) => fieldOf(name, evidence)), rowCount };
}

async function* readBatches(
  file: TextFile,
  arena: Arena,
  wanted: readonly Field[],
  rowCount: number,
  options: ReadOptions,
): AsyncGenerator<Batch> {
  const builder = new BatchBuilder(arena, wanted, batchRowsFor(arena, wanted, rowCount));
  const readers = wanted.map(jsonCellReader);
  let row = 0;
  let rowsRead = 0;
  try {
    for await (const rows of ndjsonRows(file, options.signal)) {
      for (const cells of rows) {
        for (let column = 0; column < wanted.length; column++) {
          const cell = readers[column]!(cells.get(wanted[column]!.name) ?? null);
          if (cell === undefined) throw changed(file);
          builder.set(column, row, cell);
        }
        rowsRead += 1;
        row += 1;
        if (row === builder.capacity) {
          yield builder.finish(row);
          builder.reset();
          row = 0;
        }
      }
    }
    if (rowsRead !== rowCount) throw changed(file);
    if (row > 0) yield builder.finish(row);
  } finally {
    builder.close();
  }
}

function tooManyColumns(file: TextFile, columns: number): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `${file.label} has ${columns} or more different keys, more than ${columnsMax}; are keys used as values?`,
    { details: { columns, limit: columnsMax } },
  );
}

function changed(file: TextFile): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${file.label} changed while it was read; run again when nothing writes to it`,
  );
}
