/**
 * CSV and TSV as a source of columns. Opening looks through the file once to learn its types and its number of rows; every read parses
 * it again, so that memory holds one batch whatever the file's size.
 *
 * Cells: an empty one and `NaN` are missing. Beside numbers, so are blank ones and any `nan`, and `inf`, `+Inf`, `-Infinity` are
 * infinite. `true` and `false` also count as `True`, `TRUE`. Whether a cell was quoted makes no difference.
 */
import { MendlineError } from "../../errors.js";
import { columnsMax } from "../../limits.js";
import type { Arena } from "../memory/arena.js";
import { BatchBuilder, batchRowsFor } from "./batch-builder.js";
import type { Batch, DataSource, Field, ReadOptions } from "./column.js";
import { type CsvFile, csvRecords } from "./csv-records.js";
import { evidenceOfText, fieldOf, sawText, textCellReader } from "./infer.js";
import { pickFields } from "./pick-fields.js";

/**
 * @throws MendlineError MENDLINE_DATA_EMPTY  no header
 * @throws MendlineError MENDLINE_DATA_MALFORMED  ragged rows, stray quotes, unnamed or repeated columns, not UTF-8
 * @throws MendlineError MENDLINE_DATA_LIMIT  too many columns, or too long a record
 */
export async function openCsv(
  file: CsvFile,
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
      return readBatches(file, arena, { fields, wanted, rowCount }, readOptions);
    },
    close: async () => {},
  };
}

async function lookThrough(
  file: CsvFile,
  signal: AbortSignal | undefined,
): Promise<{ fields: Field[]; rowCount: number }> {
  let names: string[] | null = null;
  let seen = new Uint8Array(0);
  let rowCount = 0;
  for await (const records of csvRecords(file, signal)) {
    let from = 0;
    if (names === null) {
      names = checkedHeader(records[0]!, file);
      seen = new Uint8Array(names.length);
      from = 1;
    }
    for (let row = from; row < records.length; row++) addEvidence(seen, records[row]!);
    rowCount += records.length - from;
  }
  if (names === null) throw noHeader(file);
  return { fields: names.map((name, index) => fieldOf(name, seen[index]!)), rowCount };
}

function addEvidence(seen: Uint8Array, record: readonly string[]): void {
  for (let column = 0; column < seen.length; column++) {
    const before = seen[column]!;
    if ((before & sawText) === 0) seen[column] = before | evidenceOfText(record[column]!);
  }
}

interface CsvPlan {
  readonly fields: readonly Field[];
  readonly wanted: readonly Field[];
  readonly rowCount: number;
}

async function* readBatches(
  file: CsvFile,
  arena: Arena,
  plan: CsvPlan,
  options: ReadOptions,
): AsyncGenerator<Batch> {
  const builder = new BatchBuilder(arena, plan.wanted, batchRowsFor(arena, plan.wanted, plan.rowCount));
  const readers = plan.wanted.map(textCellReader);
  const positions = new Map(plan.fields.map((field, index) => [field, index]));
  const indexes = plan.wanted.map((field) => positions.get(field)!);
  let row = 0;
  let rowsRead = -1;
  try {
    for await (const records of csvRecords(file, options.signal)) {
      for (const record of records) {
        rowsRead += 1;
        if (rowsRead === 0) continue;
        if (record.length !== plan.fields.length) throw changed(file);
        for (let column = 0; column < readers.length; column++) {
          const cell = readers[column]!(record[indexes[column]!]!);
          if (cell === undefined) throw changed(file);
          builder.set(column, row, cell);
        }
        row += 1;
        if (row === builder.capacity) {
          yield builder.finish(row);
          builder.reset();
          row = 0;
        }
      }
    }
    if (rowsRead !== plan.rowCount) throw changed(file);
    if (row > 0) yield builder.finish(row);
  } finally {
    builder.close();
  }
}

function checkedHeader(names: readonly string[], file: CsvFile): string[] {
  if (names.length > columnsMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${file.label} has ${names.length} columns, more than ${columnsMax}; split it`,
      { details: { columns: names.length, limit: columnsMax } },
    );
  }
  const positions = new Map<string, number>();
  names.forEach((name, index) => {
    const before = positions.get(name);
    const problem =
      name.trim() === ""
        ? `column ${index + 1} has no name; a header is required (pandas: to_csv(index=False))`
        : before === undefined
          ? null
          : `columns ${before + 1} and ${index + 1} are both named "${name}"; rename one`;
    if (problem !== null) {
      throw new MendlineError("MENDLINE_DATA_MALFORMED", `${file.label}: the header's ${problem}`, {
        details: { column: index + 1 },
      });
    }
    positions.set(name, index);
  });
  return [...names];
}

function noHeader(file: CsvFile): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_EMPTY",
    `${file.label} has no header: its first line must name the columns`,
  );
}

function changed(file: CsvFile): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_MALFORMED",
    `${file.label} changed while it was read; run again when nothing writes to it`,
  );
}
