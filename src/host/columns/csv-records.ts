/** CSV text to records of texts: csv-parse, fed block by block, its errors told with file, line and remedy. */
import { CsvError, type Parser, parse } from "csv-parse";
import { MendlineError, messageOf } from "../../errors.js";
import { recordBytesMax } from "../../limits.js";
import { lineAt, type TextFile, textBlocks } from "./text-blocks.js";

export interface CsvFile extends TextFile {
  readonly delimiter: "," | "\t";
}

/**
 * The records of a file, the header first, in the portions that one block of text holds. Blank lines are skipped; every record has as
 * many cells as the header.
 *
 * @throws MendlineError MENDLINE_DATA_MALFORMED, MENDLINE_DATA_LIMIT, MENDLINE_TASK_ABORTED
 */
export async function* csvRecords(file: CsvFile, signal?: AbortSignal): AsyncGenerator<string[][]> {
  const parser = parse({
    bom: true,
    delimiter: file.delimiter,
    record_delimiter: ["\r\n", "\n", "\r"],
    skip_empty_lines: true,
    max_record_size: recordBytesMax,
  });
  let failure: unknown;
  parser.on("error", (thrown) => {
    failure ??= thrown;
  });
  const columns = { count: 0 };
  const growth = new RecordGrowth(file, parser);
  try {
    for await (const block of textBlocks(file, signal)) {
      parser.write(block);
      const records = drain(parser, columns);
      await growth.add(block.length, records.length);
      if (records.length > 0) yield records;
      if (failure !== undefined) throw failure;
    }
    parser.end();
    const rest: string[][] = [];
    for await (const record of parser) rest.push(record as string[]);
    if (rest.length > 0) yield rest;
  } catch (thrown) {
    throw thrown instanceof CsvError ? await toldError(thrown, file, columns.count) : thrown;
  } finally {
    parser.destroy();
  }
}

function drain(parser: Parser, columns: { count: number }): string[][] {
  const records: string[][] = [];
  for (let record = parser.read(); record !== null; record = parser.read()) records.push(record as string[]);
  if (columns.count === 0) columns.count = records[0]?.length ?? 0;
  return records;
}

/**
 * The parser's own limit counts the characters of cells: a record of delimiters and quoted line feeds would slip through. So the bytes
 * since the last record are counted as well.
 */
class RecordGrowth {
  readonly #file: CsvFile;
  readonly #parser: Parser;
  #bytes = 0;
  #emptyLines = 0;

  constructor(file: CsvFile, parser: Parser) {
    this.#file = file;
    this.#parser = parser;
  }

  async add(byteLength: number, recordCount: number): Promise<void> {
    const { empty_lines: emptyLines, bytes } = this.#parser.info;
    const progressed = recordCount > 0 || emptyLines > this.#emptyLines;
    this.#emptyLines = emptyLines;
    this.#bytes = progressed ? 0 : this.#bytes + byteLength;
    if (this.#bytes > recordBytesMax) throw tooLong(this.#file, await lineAt(this.#file, bytes));
  }
}

async function toldError(error: CsvError, file: CsvFile, columnCount: number): Promise<MendlineError> {
  const bytes = Number(error.bytes);
  const malformed = (line: number, what: string): MendlineError =>
    new MendlineError("MENDLINE_DATA_MALFORMED", `${file.label}: ${what}`, {
      details: { line },
      cause: error,
    });
  if (error.code === "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH") {
    // `bytes` is behind the record and its line end.
    const line = await lineAt(file, bytes - 1);
    const record: unknown = error.record;
    const cells = Array.isArray(record) ? record.length : 0;
    const what = `line ${line} has ${cells} ${cells === 1 ? "cell" : "cells"}, the header has ${columnCount}`;
    return malformed(line, `${what}; give every row as many cells, and quote cells that hold a delimiter`);
  }
  // `bytes` is behind the last whole cell, so before the one at fault.
  const line = await lineAt(file, bytes);
  if (error.code === "CSV_MAX_RECORD_SIZE") return tooLong(file, line);
  if (error.code === "CSV_QUOTE_NOT_CLOSED")
    return malformed(line, `line ${line} opens a quote that is never closed`);
  if (error.code === "CSV_INVALID_CLOSING_QUOTE" || error.code === "INVALID_OPENING_QUOTE") {
    return malformed(
      line,
      `a cell that begins on line ${line} has a quote in its middle; put the whole cell in quotes and double the quotes in it`,
    );
  }
  return malformed(line, `line ${line}: ${messageOf(error)}`);
}

function tooLong(file: CsvFile, line: number): MendlineError {
  return new MendlineError(
    "MENDLINE_DATA_LIMIT",
    `${file.label}: the record at line ${line} is longer than ${recordBytesMax} bytes; is a quote left open?`,
    { details: { line, limit: recordBytesMax } },
  );
}
