/**
 * Parquet as a source of columns: only the pages of the wanted columns are read, and their values go in stretches, not cell by cell,
 * into the arena. The library reads the footer and the headers; pages are unpacked here (see parquet-pages.ts).
 */
import { type FileMetaData, parquetMetadata } from "hyparquet";
import { MendlineError, messageOf } from "../../errors.js";
import { columnsMax, parquetMetadataBytesMax } from "../../limits.js";
import { Turns } from "../../scheduler/turns.js";
import { type ByteSource, openByteSource } from "../bytes/byte-source.js";
import type { Arena } from "../memory/arena.js";
import { BatchBuilder, batchRowsFor, type ColumnTarget } from "./batch-builder.js";
import type { Batch, DataSource, ReadOptions } from "./column.js";
import { type ParquetPage, ParquetPages } from "./parquet-pages.js";
import { columnsOf, type ParquetColumn } from "./parquet-schema.js";
import { endOfStruct } from "./parquet-thrift.js";
import { halvesOf, isWide } from "./parquet-values.js";
import { pickFields } from "./pick-fields.js";

/**
 * @throws MendlineError MENDLINE_DATA_NOT_FOUND  not readable
 * @throws MendlineError MENDLINE_DATA_FORMAT  encrypted, or in several files
 * @throws MendlineError MENDLINE_DATA_MALFORMED, MENDLINE_DATA_LIMIT
 */
export async function openParquet(input: { path: string; label: string }, arena: Arena): Promise<DataSource> {
  const source = await openByteSource(input.path, input.label);
  try {
    const metadata = await readMetadata(source);
    const columns = telling(source.label, null, () => columnsOf(metadata));
    const rowCount = telling(source.label, null, () => checkedRowCount(metadata, columns, source.label));
    const fields = columns.map((column) => column.field);
    return {
      label: source.label,
      fields,
      rowCount,
      read: (options = {}) => {
        const names = new Map(columns.map((column) => [column.field.name, column]));
        const wanted = pickFields(fields, options.columns, source.label).map(
          (field) => names.get(field.name)!,
        );
        return readBatches(source, arena, { metadata, wanted, rowCount }, options);
      },
      close: () => source.close(),
    };
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}

interface ParquetPlan {
  readonly metadata: FileMetaData;
  readonly wanted: readonly ParquetColumn[];
  readonly rowCount: number;
}

async function* readBatches(
  source: ByteSource,
  arena: Arena,
  plan: ParquetPlan,
  { signal }: ReadOptions,
): AsyncGenerator<Batch> {
  const fields = plan.wanted.map((column) => column.field);
  const builder = new BatchBuilder(arena, fields, batchRowsFor(arena, fields, plan.rowCount));
  const turns = new Turns();
  try {
    const fills = plan.wanted.map(
      (column, index) => new ColumnFill(source, column, plan.metadata, builder, index),
    );
    for (let from = 0; from < plan.rowCount; from += builder.capacity) {
      const rowCount = Math.min(builder.capacity, plan.rowCount - from);
      for (const fill of fills) {
        if (signal?.aborted) throw new MendlineError("MENDLINE_TASK_ABORTED", "reading was cancelled");
        await fill.rows(rowCount);
        if (turns.isOver) await turns.next();
      }
      yield builder.finish(rowCount);
      builder.reset();
    }
  } finally {
    builder.close();
  }
}

/** Brings one column's rows into the builder, batch by batch, across pages and row groups. */
class ColumnFill {
  readonly #label: string;
  readonly #name: string;
  readonly #pages: ParquetPages;
  readonly #builder: BatchBuilder;
  readonly #index: number;
  readonly #levels: Uint8Array;
  #page: ParquetPage | null = null;
  #pageRowsLeft = 0;

  constructor(
    source: ByteSource,
    column: ParquetColumn,
    metadata: FileMetaData,
    builder: BatchBuilder,
    index: number,
  ) {
    this.#label = source.label;
    this.#name = column.field.name;
    this.#pages = new ParquetPages(source, column, metadata.row_groups);
    this.#builder = builder;
    this.#index = index;
    this.#levels = new Uint8Array(column.isOptional ? builder.capacity : 0);
  }

  async rows(rowCount: number): Promise<void> {
    try {
      for (let row = 0; row < rowCount; ) {
        while (this.#pageRowsLeft === 0) {
          this.#page = await this.#pages.next();
          this.#pageRowsLeft = this.#page.rowCount;
        }
        const taken = Math.min(this.#pageRowsLeft, rowCount - row);
        this.#take(this.#page!, row, taken);
        this.#pageRowsLeft -= taken;
        row += taken;
      }
    } catch (thrown) {
      throw malformed(this.#label, this.#name, thrown);
    }
  }

  #take({ levels, readValues }: ParquetPage, row: number, count: number): void {
    const target = this.#builder.target(this.#index);
    if (levels === null) {
      readValues(target, row, count);
      return;
    }
    levels.read(this.#levels, 0, count);
    let present = 0;
    for (let i = 0; i < count; i++) present += this.#levels[i]!;
    readValues(target, row, present);
    this.#spread(target, row, count, present);
  }

  /** Present values stand side by side: moves each to its row, from the last, so that none is overwritten before it is moved. */
  #spread({ values }: ColumnTarget, row: number, count: number, present: number): void {
    const words = halvesOf(values);
    const wide = isWide(values);
    let from = row + present;
    for (let i = count - 1; i >= 0; i--) {
      if (this.#levels[i] === 0) {
        this.#builder.setMissing(this.#index, row + i);
        continue;
      }
      from -= 1;
      if (wide) {
        words[(row + i) * 2] = words[from * 2]!;
        words[(row + i) * 2 + 1] = words[from * 2 + 1]!;
      } else {
        words[row + i] = words[from]!;
      }
    }
  }
}

const magicBytes = 4;
const tailBytes = 8;

async function readMetadata(source: ByteSource): Promise<FileMetaData> {
  const { label, byteLength } = source;
  const smallest = magicBytes + tailBytes;
  if (byteLength < smallest) {
    throw broken(
      label,
      `it has ${byteLength} bytes, a Parquet file has ${smallest} at least; write it again`,
    );
  }
  const tail = Buffer.alloc(tailBytes);
  await source.read(tail, byteLength - tailBytes);
  const magic = tail.toString("latin1", magicBytes);
  if (magic === "PARE") {
    throw new MendlineError(
      "MENDLINE_DATA_FORMAT",
      `${label} is an encrypted Parquet file; decrypt it first`,
    );
  }
  if (magic !== "PAR1")
    throw broken(label, "it does not end as a Parquet file does; is it cut off? Write it again");
  const footerBytes = tail.readUInt32LE(0);
  const room = byteLength - smallest;
  if (footerBytes > room)
    throw broken(label, `its footer takes ${footerBytes} bytes, there are ${room}; write it again`);
  if (footerBytes > parquetMetadataBytesMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${label}: its footer takes ${footerBytes} bytes, more than ${parquetMetadataBytesMax}; write fewer row groups or columns`,
    );
  }
  const footer = new Uint8Array(footerBytes + tailBytes);
  await source.read(footer, byteLength - footer.length);
  return telling(label, null, () => {
    if (endOfStruct(footer.subarray(0, footerBytes), 0) < 0) throw new RangeError("its footer ends early");
    return parquetMetadata(footer, { geoparquet: false });
  });
}

function checkedRowCount(metadata: FileMetaData, columns: readonly ParquetColumn[], label: string): number {
  const groups = metadata.row_groups;
  const inGroups = groups.reduce((sum, group) => sum + group.num_rows, 0n);
  if (inGroups !== metadata.num_rows || groups.some((group) => group.num_rows < 0n) || inGroups > 2n ** 53n) {
    throw broken(
      label,
      `it announces ${metadata.num_rows} rows, its row groups have ${inGroups}; write it again`,
    );
  }
  if (columns.length > columnsMax) {
    throw new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${label} has ${columns.length} columns, more than ${columnsMax}; split it`,
    );
  }
  if (new Set(columns.map((column) => column.field.name)).size !== columns.length) {
    throw broken(label, "two of its columns have the same name; rename one");
  }
  if (groups.some((group) => group.columns.some((chunk) => chunk.file_path !== undefined))) {
    throw new MendlineError(
      "MENDLINE_DATA_FORMAT",
      `${label} keeps its columns in other files, which is not read`,
    );
  }
  return Number(metadata.num_rows);
}

/** Whatever a decoder throws over damaged bytes, as one error that names the file. */
function telling<T>(label: string, column: string | null, decode: () => T): T {
  try {
    return decode();
  } catch (thrown) {
    throw malformed(label, column, thrown);
  }
}

function malformed(label: string, column: string | null, thrown: unknown): MendlineError {
  if (thrown instanceof MendlineError) return thrown;
  const place = column === null ? label : `${label}: column "${column}"`;
  return new MendlineError("MENDLINE_DATA_MALFORMED", `${place}: ${messageOf(thrown)}`, { cause: thrown });
}

function broken(label: string, what: string): MendlineError {
  return new MendlineError("MENDLINE_DATA_MALFORMED", `${label}: ${what}`);
}
