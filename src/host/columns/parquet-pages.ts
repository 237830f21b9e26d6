/**
 * The pages of one column of a Parquet file, one at a time: memory holds one unpacked page a column, whatever a row group's size.
 *
 *     chunk of a row group:   [dictionary page] data page ...        page:  header (Thrift), body of compressed_page_size bytes
 *
 * Every length is checked against the bytes there are before it is used; the counts of rows, of values and of bytes must agree.
 * Source: Parquet format, README.md and parquet.thrift.
 */

import { crc32 } from "node:zlib";
import type { ColumnMetaData, PageHeader, RowGroup } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { parquetPageBytesMax, parquetPageHeaderBytesMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { HybridReader } from "./parquet-hybrid.js";
import type { ParquetColumn } from "./parquet-schema.js";
import { endOfStruct } from "./parquet-thrift.js";
import { unpack } from "./parquet-unpack.js";
import { type ParquetDictionary, type ReadValues, readDictionary, valuesReader } from "./parquet-values.js";

export interface ParquetPage {
  readonly rowCount: number;
  /** One bit a row, 1 = present; null = every row is. */
  readonly levels: HybridReader | null;
  readonly readValues: ReadValues;
}

/** Bytes read ahead of a page header; small pages come with it. */
const windowBytes = 256 * 1024;

export class ParquetPages {
  readonly #source: ByteSource;
  readonly #column: ParquetColumn;
  readonly #rowGroups: readonly RowGroup[];
  #groupIndex = -1;
  #chunk: ColumnMetaData | null = null;
  #rowsLeft = 0;
  #at = 0;
  #end = 0;
  #dictionary: ParquetDictionary | null = null;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;

  constructor(source: ByteSource, column: ParquetColumn, rowGroups: readonly RowGroup[]) {
    this.#source = source;
    this.#column = column;
    this.#rowGroups = rowGroups;
  }

  /** @throws RangeError, TypeError or Error of the decompressor  damaged; MendlineError  the file is cut off */
  async next(): Promise<ParquetPage> {
    while (this.#rowsLeft === 0) this.#beginChunk();
    for (;;) {
      const header = await this.#readHeader();
      const body = await this.#readBody(header);
      if (header.type === "DICTIONARY_PAGE") this.#takeDictionary(header, body);
      else if (header.type === "DATA_PAGE") return this.#dataPage(header, body);
      else if (header.type === "DATA_PAGE_V2") return this.#dataPageV2(header, body);
      else if (header.type !== "INDEX_PAGE") throw new TypeError(`a page of the unknown type ${header.type}`);
    }
  }

  #beginChunk(): void {
    this.#groupIndex += 1;
    const group = this.#rowGroups[this.#groupIndex];
    if (group === undefined) throw new RangeError("the row groups end early");
    const chunk = group.columns[this.#column.leafIndex]?.meta_data;
    if (chunk === undefined) throw new TypeError("a row group without the column, or with it encrypted");
    const rowCount = Number(group.num_rows);
    if (chunk.type !== this.#column.physical || Number(chunk.num_values) !== rowCount) {
      throw new RangeError(
        `a row group of ${rowCount} rows of ${this.#column.physical} has ${chunk.num_values} values of ${chunk.type}`,
      );
    }
    const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
    const end = start + Number(chunk.total_compressed_size);
    if (!(start >= 4 && end >= start && end <= this.#source.byteLength)) {
      throw new RangeError(`pages at bytes ${start} to ${end} of ${this.#source.byteLength}`);
    }
    this.#chunk = chunk;
    this.#rowsLeft = rowCount;
    this.#at = start;
    this.#end = end;
    this.#dictionary = null;
  }

  async #readHeader(): Promise<PageHeader> {
    const left = Math.min(this.#end - this.#at, parquetPageHeaderBytesMax);
    let bytes = await this.#peek(Math.min(left, 4096));
    let headerBytes = endOfStruct(bytes, 0);
    if (headerBytes < 0 && bytes.length < left) {
      bytes = await this.#peek(left);
      headerBytes = endOfStruct(bytes, 0);
    }
    if (headerBytes < 0) {
      throw new RangeError(
        `no page where ${this.#rowsLeft} rows are left, ${this.#end - this.#at} bytes before the end`,
      );
    }
    const header = parquetHeader({
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      offset: 0,
    });
    this.#at += headerBytes;
    return header;
  }

  async #readBody(header: PageHeader): Promise<Buffer> {
    const { compressed_page_size: byteLength, uncompressed_page_size: unpackedBytes } = header;
    const left = this.#end - this.#at;
    if (!(byteLength >= 0 && byteLength <= left))
      throw new RangeError(`a page of ${byteLength} bytes, ${left} are left`);
    if (!(unpackedBytes >= 0 && unpackedBytes <= parquetPageBytesMax)) {
      throw new RangeError(
        `a page of ${unpackedBytes} bytes, the limit is ${parquetPageBytesMax}; write smaller pages`,
      );
    }
    const body = await this.#peek(byteLength);
    this.#at += byteLength;
    if (header.crc !== undefined && crc32(body) !== header.crc >>> 0) {
      throw new RangeError(`the page before byte ${this.#at} does not match its checksum`);
    }
    return body;
  }

  /** `byteLength` bytes from `#at`, which are never overwritten: values of the page may be views of them. */
  async #peek(byteLength: number): Promise<Buffer> {
    const from = this.#at - this.#windowAt;
    if (from >= 0 && from + byteLength <= this.#window.length)
      return this.#window.subarray(from, from + byteLength);
    const wanted = Math.min(this.#end - this.#at, Math.max(byteLength, windowBytes));
    const window = Buffer.from(new ArrayBuffer(wanted));
    await this.#source.read(window, this.#at);
    this.#window = window;
    this.#windowAt = this.#at;
    return window.subarray(0, byteLength);
  }

  #takeDictionary(header: PageHeader, body: Buffer): void {
    const count = header.dictionary_page_header?.num_values ?? -1;
    if (!(count >= 0)) throw new RangeError(`a dictionary of ${count} values`);
    const bytes = unpack(this.#chunk!.codec, body, header.uncompressed_page_size);
    this.#dictionary = readDictionary(this.#column, { encoding: "PLAIN", bytes, offset: 0, count });
  }

  #dataPage(header: PageHeader, body: Buffer): ParquetPage {
    const { num_values: rowCount = -1, encoding, definition_level_encoding } = header.data_page_header ?? {};
    this.#takeRows(rowCount);
    const bytes = unpack(this.#chunk!.codec, body, header.uncompressed_page_size);
    if (!this.#column.isOptional) return this.#page(rowCount, null, rowCount, encoding, bytes, 0);
    if (definition_level_encoding !== "RLE") {
      throw new TypeError(`levels encoded as ${definition_level_encoding}, which is not read`);
    }
    const offset = 4 + bytes.readUInt32LE(0);
    const levels = (): HybridReader => new HybridReader(bytes, 4, offset, 1);
    return this.#page(rowCount, levels(), countPresent(levels(), rowCount), encoding, bytes, offset);
  }

  #dataPageV2(header: PageHeader, body: Buffer): ParquetPage {
    const page = header.data_page_header_v2;
    const rowCount = page?.num_values ?? -1;
    this.#takeRows(rowCount);
    const levelBytes = page!.definition_levels_byte_length;
    const valueBytes = header.uncompressed_page_size - levelBytes;
    if (
      page!.repetition_levels_byte_length !== 0 ||
      !(levelBytes >= 0 && levelBytes <= body.length) ||
      valueBytes < 0
    ) {
      throw new RangeError(`${levelBytes} bytes of levels in a page of ${body.length}`);
    }
    const packed = body.subarray(levelBytes);
    const codec = page!.is_compressed === false ? "UNCOMPRESSED" : this.#chunk!.codec;
    // Writers leave out the empty body of a page without values.
    const bytes = packed.length === 0 ? packed : unpack(codec, packed, valueBytes);
    if (!this.#column.isOptional) return this.#page(rowCount, null, rowCount, page!.encoding, bytes, 0);
    const levels = (): HybridReader => new HybridReader(body, 0, levelBytes, 1);
    return this.#page(rowCount, levels(), countPresent(levels(), rowCount), page!.encoding, bytes, 0);
  }

  #takeRows(rowCount: number): void {
    if (!(rowCount >= 0 && rowCount <= this.#rowsLeft)) {
      throw new RangeError(`a page of ${rowCount} rows where ${this.#rowsLeft} are left`);
    }
    this.#rowsLeft -= rowCount;
  }

  #page(
    rowCount: number,
    levels: HybridReader | null,
    count: number,
    encoding: string | undefined,
    bytes: Buffer,
    offset: number,
  ): ParquetPage {
    const encoded = { encoding: encoding ?? "unknown", bytes, offset, count };
    const readValues = valuesReader(this.#column, encoded, this.#dictionary);
    return { rowCount, levels: count === rowCount ? null : levels, readValues };
  }
}

const levelPiece = new Uint8Array(8192);

function countPresent(levels: HybridReader, rowCount: number): number {
  let present = 0;
  for (let done = 0; done < rowCount; done += levelPiece.length) {
    const count = Math.min(levelPiece.length, rowCount - done);
    levels.read(levelPiece, 0, count);
    for (let i = 0; i < count; i++) present += levelPiece[i]!;
  }
  return present;
}
