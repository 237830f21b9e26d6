/**
 * Writes small Parquet files for tests: every encoding, page version and codec that is read, and whatever lies a test wants to tell.
 * Source: Parquet format, parquet.thrift, Encodings.md; Thrift compact protocol.
 */
import { brotliCompressSync, crc32, gzipSync } from "node:zlib";

/** A Thrift value: its compact type and bytes. */
interface Thrift {
  readonly type: number;
  readonly bytes: Buffer;
}

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  for (let left = BigInt(value); ; left >>= 7n) {
    if (left < 128n) return Buffer.from([...bytes, Number(left)]);
    bytes.push(Number(left & 127n) | 128);
  }
}

function zigzag(value: number | bigint): Buffer {
  const wide = BigInt(value);
  return varint(wide < 0n ? -wide * 2n - 1n : wide * 2n);
}

export const thrift = {
  true: { type: 1, bytes: Buffer.alloc(0) },
  false: { type: 2, bytes: Buffer.alloc(0) },
  i8: (value: number): Thrift => ({ type: 3, bytes: Buffer.from([value]) }),
  i32: (value: number): Thrift => ({ type: 5, bytes: zigzag(value) }),
  i64: (value: number | bigint): Thrift => ({ type: 6, bytes: zigzag(value) }),
  text: (value: string): Thrift => ({
    type: 8,
    bytes: Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)]),
  }),
  list: (type: number, items: readonly Thrift[]): Thrift => {
    const size =
      items.length < 15
        ? Buffer.from([(items.length << 4) | type])
        : Buffer.concat([Buffer.from([0xf0 | type]), varint(items.length)]);
    return { type: 9, bytes: Buffer.concat([size, ...items.map((item) => item.bytes)]) };
  },
  struct: (fields: Readonly<Record<number, Thrift | undefined>>): Thrift => {
    const parts: Buffer[] = [];
    let before = 0;
    for (const [id, value] of Object.entries(fields)) {
      if (value === undefined) continue;
      parts.push(Buffer.from([((Number(id) - before) << 4) | value.type]), value.bytes);
      before = Number(id);
    }
    return { type: 12, bytes: Buffer.concat([...parts, Buffer.from([0])]) };
  },
};

const { i32, i64, list, struct, text } = thrift;

export const physicalTypes = [
  "BOOLEAN",
  "INT32",
  "INT64",
  "INT96",
  "FLOAT",
  "DOUBLE",
  "BYTE_ARRAY",
  "FIXED_LEN_BYTE_ARRAY",
] as const;
const codecs = ["UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"] as const;
const encodings = {
  PLAIN: 0,
  RLE: 3,
  DELTA_BINARY_PACKED: 5,
  DELTA_LENGTH_BYTE_ARRAY: 6,
  DELTA_BYTE_ARRAY: 7,
  RLE_DICTIONARY: 8,
  BYTE_STREAM_SPLIT: 9,
};

/** Numbers of the converted and logical types of parquet.thrift. */
export const converted = {
  UTF8: 0,
  ENUM: 4,
  DECIMAL: 5,
  DATE: 6,
  TIMESTAMP_MILLIS: 9,
  TIMESTAMP_MICROS: 10,
  UINT_8: 11,
  UINT_16: 12,
  UINT_32: 13,
  UINT_64: 14,
  INT_8: 15,
  INT_16: 16,
  JSON: 19,
};
export const logicalTypes = {
  string: struct({ 1: struct({}) }),
  decimal: (scale: number, precision: number): Thrift =>
    struct({ 5: struct({ 1: i32(scale), 2: i32(precision) }) }),
  date: struct({ 6: struct({}) }),
  timestamp: (unit: 1 | 2 | 3): Thrift =>
    struct({ 8: struct({ 1: thrift.true, 2: struct({ [unit]: struct({}) }) }) }),
  integer: (bitWidth: number, isSigned: boolean): Thrift =>
    struct({ 10: struct({ 1: thrift.i8(bitWidth), 2: isSigned ? thrift.true : thrift.false }) }),
  float16: struct({ 15: struct({}) }),
};

/** A cell as its PLAIN bytes (texts without their length), a boolean, or null. */
export type PlainCell = Buffer | boolean | null;

export interface WrittenColumn {
  readonly name: string;
  readonly physical: (typeof physicalTypes)[number];
  readonly cells: readonly PlainCell[];
  readonly encoding?: keyof typeof encodings;
  readonly isOptional?: boolean;
  readonly convertedType?: number;
  readonly logicalType?: Thrift;
  readonly typeLength?: number;
  readonly scale?: number;
  /** Makes the column a list: REPEATED. */
  readonly isRepeated?: boolean;
}

export interface WriteOptions {
  readonly codec?: (typeof codecs)[number];
  readonly pageVersion?: 1 | 2;
  readonly groupRows?: number;
  readonly pageRows?: number;
  readonly hasChecksums?: boolean;
  /** Rows announced beyond those written. */
  readonly extraRows?: number;
}

export function plain(kind: "i32" | "i64" | "f32" | "f64" | "text", value: number | bigint | string): Buffer {
  if (kind === "text") return Buffer.from(value as string);
  const bytes = Buffer.alloc(kind === "i32" || kind === "f32" ? 4 : 8);
  if (kind === "i32") bytes.writeInt32LE(Number(value));
  else if (kind === "i64") bytes.writeBigInt64LE(BigInt(value));
  else if (kind === "f32") bytes.writeFloatLE(Number(value));
  else bytes.writeDoubleLE(Number(value));
  return bytes;
}

export function writeParquet(columns: readonly WrittenColumn[], options: WriteOptions = {}): Buffer {
  const parts: Buffer[] = [Buffer.from("PAR1")];
  let at = 4;
  const rowCount = columns[0]!.cells.length;
  const { groupRows = Math.max(1, rowCount), extraRows = 0 } = options;
  const groups: Thrift[] = [];
  for (let from = 0; from < rowCount; from += groupRows) {
    const rows = Math.min(groupRows, rowCount - from);
    const chunks = columns.map((column) => {
      const pages = pagesOf(column, column.cells.slice(from, from + rows), options);
      const meta = chunkMeta(column, rows, at, pages, options);
      parts.push(...pages.parts);
      at += pages.byteLength;
      return struct({ 2: i64(at), 3: meta });
    });
    groups.push(struct({ 1: list(12, chunks), 2: i64(at), 3: i64(rows + extraRows) }));
  }
  const footer = struct({
    1: i32(2),
    2: list(12, [struct({ 4: text("schema"), 5: i32(columns.length) }), ...columns.map(schemaElement)]),
    3: i64(rowCount + extraRows * groups.length),
    4: list(12, groups),
    6: text("mendline tests"),
  }).bytes;
  return Buffer.concat([...parts, footer, uint32(footer.length), Buffer.from("PAR1")]);
}

function schemaElement(column: WrittenColumn): Thrift {
  return struct({
    1: i32(physicalTypes.indexOf(column.physical)),
    2: column.typeLength === undefined ? undefined : i32(column.typeLength),
    3: i32(column.isRepeated ? 2 : column.isOptional ? 1 : 0),
    4: text(column.name),
    6: column.convertedType === undefined ? undefined : i32(column.convertedType),
    7: column.scale === undefined ? undefined : i32(column.scale),
    10: column.logicalType,
  });
}

interface Pages {
  readonly parts: Buffer[];
  readonly byteLength: number;
  readonly dictionaryBytes: number;
}

function chunkMeta(
  column: WrittenColumn,
  rows: number,
  at: number,
  pages: Pages,
  { codec = "UNCOMPRESSED", extraRows = 0 }: WriteOptions,
): Thrift {
  return struct({
    1: i32(physicalTypes.indexOf(column.physical)),
    2: list(5, [i32(0)]),
    3: list(8, [text(column.name)]),
    4: i32(codecs.indexOf(codec)),
    5: i64(rows + extraRows),
    6: i64(pages.byteLength),
    7: i64(pages.byteLength),
    9: i64(at + pages.dictionaryBytes),
    11: pages.dictionaryBytes === 0 ? undefined : i64(at),
  });
}

function pagesOf(column: WrittenColumn, cells: readonly PlainCell[], options: WriteOptions): Pages {
  const { pageRows = Math.max(1, cells.length) } = options;
  const parts: Buffer[] = [];
  let dictionary: Buffer[] | null = null;
  if (column.encoding === "RLE_DICTIONARY") {
    dictionary = Array.from(new Set(present(cells).map((cell) => cell.toString("hex"))), (hex) =>
      Buffer.from(hex, "hex"),
    );
    const body = encode({ ...column, encoding: "PLAIN" }, dictionary, null);
    parts.push(
      ...page(2, body, Buffer.alloc(0), { 7: struct({ 1: i32(dictionary.length), 2: i32(0) }) }, options),
    );
  }
  const dictionaryBytes = parts.reduce((sum, part) => sum + part.length, 0);
  for (let from = 0; from < cells.length; from += pageRows) {
    parts.push(...dataPage(column, cells.slice(from, from + pageRows), dictionary, options));
  }
  return { parts, byteLength: parts.reduce((sum, part) => sum + part.length, 0), dictionaryBytes };
}

function dataPage(
  column: WrittenColumn,
  cells: readonly PlainCell[],
  dictionary: Buffer[] | null,
  options: WriteOptions,
): Buffer[] {
  const values = cells.filter((cell) => cell !== null);
  const body = encode(column, values, dictionary);
  const encoding = i32(encodings[column.encoding ?? "PLAIN"]);
  const levels = column.isOptional
    ? hybrid(
        cells.map((cell) => (cell === null ? 0 : 1)),
        1,
      )
    : Buffer.alloc(0);
  if (options.pageVersion === 2) {
    const header = struct({
      1: i32(cells.length),
      2: i32(cells.length - values.length),
      3: i32(cells.length),
      4: encoding,
      5: i32(levels.length),
      6: i32(0),
    });
    return page(3, body, levels, { 8: header }, options);
  }
  const sized = column.isOptional ? Buffer.concat([uint32(levels.length), levels]) : levels;
  const header = struct({ 1: i32(cells.length), 2: encoding, 3: i32(encodings.RLE), 4: i32(encodings.RLE) });
  return page(0, Buffer.concat([sized, body]), Buffer.alloc(0), { 5: header }, options);
}

/** @param levels  what version 2 leaves uncompressed before the body */
function page(
  type: number,
  body: Buffer,
  levels: Buffer,
  header: Record<number, Thrift>,
  { codec = "UNCOMPRESSED", hasChecksums }: WriteOptions,
): Buffer[] {
  const packed = Buffer.concat([levels, compress(codec, body)]);
  const head = struct({
    1: i32(type),
    2: i32(levels.length + body.length),
    3: i32(packed.length),
    4: hasChecksums ? i32(crc32(packed) | 0) : undefined,
    ...header,
  });
  return [head.bytes, packed];
}

function present(cells: readonly PlainCell[]): Buffer[] {
  return cells.filter((cell) => Buffer.isBuffer(cell));
}

function encode(column: WrittenColumn, cells: readonly PlainCell[], dictionary: Buffer[] | null): Buffer {
  const values = present(cells);
  const bits = cells.map((cell) => (cell === true ? 1 : 0));
  switch (column.encoding) {
    case "RLE": {
      const runs = hybrid(bits, 1);
      return Buffer.concat([uint32(runs.length), runs]);
    }
    case "RLE_DICTIONARY": {
      const width = Math.max(1, 32 - Math.clz32(dictionary!.length - 1));
      const codes = new Map(dictionary!.map((value, code) => [value.toString("hex"), code]));
      return Buffer.concat([
        Buffer.from([width]),
        hybrid(
          values.map((value) => codes.get(value.toString("hex"))!),
          width,
        ),
      ]);
    }
    case "DELTA_BINARY_PACKED":
      return delta(
        values.map((value) => (value.length === 4 ? BigInt(value.readInt32LE()) : value.readBigInt64LE())),
        values[0]?.length === 4,
      );
    case "DELTA_LENGTH_BYTE_ARRAY":
      return Buffer.concat([
        delta(
          values.map((value) => BigInt(value.length)),
          true,
        ),
        ...values,
      ]);
    case "DELTA_BYTE_ARRAY": {
      const shared = values.map((value, i) => (i === 0 ? 0 : sharedBytes(values[i - 1]!, value)));
      const rest = values.map((value, i) => value.subarray(shared[i]!));
      return Buffer.concat([
        delta(shared.map(BigInt), true),
        delta(
          rest.map((part) => BigInt(part.length)),
          true,
        ),
        ...rest,
      ]);
    }
    case "BYTE_STREAM_SPLIT": {
      const width = values[0]?.length ?? 0;
      return Buffer.concat(
        Array.from({ length: width }, (_, part) => Buffer.from(values.map((value) => value[part]!))),
      );
    }
    default:
      if (column.physical === "BOOLEAN") return pack(bits.map(BigInt), 1);
      if (column.physical !== "BYTE_ARRAY") return Buffer.concat(values);
      return Buffer.concat(values.flatMap((value) => [uint32(value.length), value]));
  }
}

/** Runs of eight or more equal values as runs, the rest bit-packed by eights. */
export function hybrid(values: readonly number[], width: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < values.length; ) {
    let end = at;
    while (end < values.length && values[end] === values[at]) end += 1;
    if (end - at >= 8 || end === values.length) {
      const value = uint32(values[at]!).subarray(0, (width + 7) >>> 3);
      parts.push(varint((end - at) * 2), value);
      at = end;
    } else {
      const group = Array.from({ length: 8 }, (_, i) => BigInt(values[at + i] ?? 0));
      parts.push(varint(3), pack(group, width));
      at += 8;
    }
  }
  return Buffer.concat(parts);
}

function pack(values: readonly bigint[], width: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil((values.length * width) / 8));
  values.forEach((value, i) => {
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      if ((value >> BigInt(bit)) & 1n) bytes[at >>> 3]! |= 1 << (at & 7);
    }
  });
  return bytes;
}

/** DELTA_BINARY_PACKED in blocks of 128 values and 4 miniblocks, modulo 2^32 or 2^64. */
function delta(values: readonly bigint[], isInt32: boolean): Buffer {
  const bits = isInt32 ? 32 : 64;
  const parts = [varint(128), varint(4), varint(values.length), zigzag(values[0] ?? 0n)];
  const deltas = values.slice(1).map((value, i) => BigInt.asIntN(bits, value - values[i]!));
  for (let from = 0; from < deltas.length; from += 128) {
    const block = deltas.slice(from, from + 128);
    const least = [...block].sort((one, other) => (one < other ? -1 : 1))[0]!;
    const minis = Array.from({ length: 4 }, (_, i) =>
      Array.from({ length: 32 }, (__, k) => BigInt.asUintN(bits, (block[i * 32 + k] ?? least) - least)),
    );
    const widths = minis.map((mini, i) =>
      i * 32 < block.length ? Math.max(...mini.map((value) => value.toString(2).length)) : 0,
    );
    parts.push(zigzag(least), Buffer.from(widths));
    minis.forEach((mini, i) => {
      if (i * 32 < block.length) parts.push(pack(mini, widths[i]!));
    });
  }
  return Buffer.concat(parts);
}

function sharedBytes(before: Buffer, value: Buffer): number {
  let shared = 0;
  while (shared < before.length && shared < value.length && before[shared] === value[shared]) shared += 1;
  return shared;
}

function compress(codec: (typeof codecs)[number], body: Buffer): Buffer {
  if (codec === "GZIP") return gzipSync(body);
  if (codec === "BROTLI") return brotliCompressSync(body);
  if (codec === "SNAPPY") return snappyLiterals(body);
  if (codec === "LZ4_RAW") return lz4Literals(body);
  if (codec === "ZSTD") return zstdRaw(body);
  return body;
}

/** Snappy: the length, then literals of up to 60 bytes (tag `length - 1 << 2`). */
function snappyLiterals(body: Buffer): Buffer {
  const parts = [varint(body.length)];
  for (let at = 0; at < body.length; at += 60) {
    const literal = body.subarray(at, at + 60);
    parts.push(Buffer.from([(literal.length - 1) << 2]), literal);
  }
  return Buffer.concat(parts);
}

/** LZ4 block: one sequence of literals without a match. */
function lz4Literals(body: Buffer): Buffer {
  if (body.length < 15) return Buffer.concat([Buffer.from([body.length << 4]), body]);
  const rest = body.length - 15;
  const lengths = [...Array<number>(Math.floor(rest / 255)).fill(255), rest % 255];
  return Buffer.concat([Buffer.from([0xf0, ...lengths]), body]);
}

/** Zstandard frame of one segment with one raw block (RFC 8878). */
function zstdRaw(body: Buffer): Buffer {
  const block = (body.length << 3) | 1;
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]);
  return Buffer.concat([
    header,
    uint32(body.length),
    Buffer.from([block & 255, (block >>> 8) & 255, block >>> 16]),
    body,
  ]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}
