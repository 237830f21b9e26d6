/**
 * Arrow IPC, stream or file, as a source of columns in the arena.
 *
 * The Arrow library decodes the schema and the dictionaries; record batches are only framing and buffers, so the wanted columns'
 * buffers are read by row range straight into the shared memory, where the kernels work on them in place. A record batch larger than
 * the memory streams through in pieces, and columns that nobody asked for are not read at all.
 */
import { RecordBatchReader, type Vector } from "apache-arrow";
import { MendlineError, messageOf } from "../../errors.js";
import { arrowPieceRowsMax } from "../../limits.js";
import { widen } from "../kernels/halves.js";
import { bytesOf } from "../kernels/types.js";
import type { Arena, Scope } from "../memory/arena.js";
import { type ArrowFrames, type Frame, type RecordBatchFrame, readArrowFrames } from "./arrow-frames.js";
import { type ArrowColumn, layoutOf } from "./arrow-layout.js";
import { type ByteSource, openByteSource } from "./byte-source.js";
import type { Batch, Column, DataSource, ReadOptions } from "./column.js";
import { expandBits } from "./expand.js";
import { TextDictionary } from "./text-dictionary.js";

export async function openArrow(input: { path: string; label: string }, arena: Arena): Promise<DataSource> {
  const source = await openByteSource(input.path, input.label);
  try {
    return await arrowSource(source, arena);
  } catch (thrown) {
    await source.close();
    throw thrown;
  }
}

/** @throws MendlineError MENDLINE_DATA_MALFORMED, MENDLINE_DATA_FORMAT */
export async function arrowSource(source: ByteSource, arena: Arena): Promise<DataSource> {
  const frames = await readArrowFrames(source);
  const reader = await openReader(source, frames, 0);
  const layout = layoutOf(reader.schema);
  for (const batch of frames.batches) {
    if (batch.nodes.length !== layout.nodeCount || batch.buffers.length !== layout.bufferCount) {
      throw new MendlineError(
        "MENDLINE_DATA_MALFORMED",
        `${source.label}: a record batch has ${batch.nodes.length} nodes and ${batch.buffers.length} buffers where its schema has ${layout.nodeCount} and ${layout.bufferCount}; it is damaged, or uses view or run-end-encoded columns, which are not read`,
      );
    }
  }
  return {
    label: source.label,
    fields: layout.columns.map((column) => column.field),
    rowCount: frames.batches.reduce((sum, batch) => sum + batch.rowCount, 0),
    read: (options) => new ArrowRead(source, arena, frames, layout.columns, options).batches(),
    close: () => source.close(),
  };
}

/** A library reader over the schema and the dictionaries that precede record batch `batchIndex`. */
async function openReader(
  source: ByteSource,
  frames: ArrowFrames,
  batchIndex: number,
): Promise<RecordBatchReader> {
  const before = frames.dictionaries.filter((dictionary) => dictionary.batchesBefore <= batchIndex);
  const parts: Frame[] = [frames.schema, ...before.map((dictionary) => dictionary.frame)];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    await source.read(bytes.subarray(at, at + part.byteLength), part.byteOffset);
    at += part.byteLength;
  }
  try {
    const reader = RecordBatchReader.from(bytes);
    reader.open();
    // Dictionaries are decoded on the way to the first record batch, of which there is none here.
    if (before.length > 0) reader.next();
    return reader;
  } catch (cause) {
    throw new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${source.label}: damaged Arrow schema or dictionary: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

/** One pass over the record batches. */
class ArrowRead {
  readonly #source: ByteSource;
  readonly #arena: Arena;
  readonly #frames: ArrowFrames;
  readonly #columns: readonly ArrowColumn[];
  readonly #signal: AbortSignal | undefined;
  readonly #texts = new Map<string, TextDictionary>();
  #dictionaryNames = new Map<number, (string | null)[]>();
  #dictionariesUsed = -1;

  constructor(
    source: ByteSource,
    arena: Arena,
    frames: ArrowFrames,
    columns: readonly ArrowColumn[],
    options: ReadOptions = {},
  ) {
    this.#source = source;
    this.#arena = arena;
    this.#frames = frames;
    this.#columns = pick(columns, options.columns, source.label);
    this.#signal = options.signal;
  }

  async *batches(): AsyncGenerator<Batch> {
    const pieceRows = this.#pieceRows();
    for (const [index, frame] of this.#frames.batches.entries()) {
      await this.#loadDictionaries(index);
      for (let from = 0; from < frame.rowCount; from += pieceRows) {
        if (this.#signal?.aborted) throw new MendlineError("MENDLINE_TASK_ABORTED", "reading was cancelled");
        const rowCount = Math.min(pieceRows, frame.rowCount - from);
        const scope = this.#arena.scope();
        try {
          const columns = new Map<string, Column>();
          for (const column of this.#columns) {
            columns.set(column.field.name, await this.#readColumn(scope, frame, column, from, rowCount));
          }
          yield { rowCount, columns };
        } finally {
          scope.close();
        }
      }
    }
  }

  /** Rows of a piece: a quarter of the free memory, a multiple of 64 so that validity begins at a whole byte. */
  #pieceRows(): number {
    const rowBytes = this.#columns.reduce((sum, column) => sum + arenaBytes(column) + 0.125, 0);
    const fitting = Math.floor(this.#arena.availableBytes / 4 / Math.max(rowBytes, 1) / 64) * 64;
    return Math.max(64, Math.min(arrowPieceRowsMax, fitting));
  }

  async #loadDictionaries(batchIndex: number): Promise<void> {
    const { dictionaries } = this.#frames;
    const used = dictionaries.filter((dictionary) => dictionary.batchesBefore <= batchIndex).length;
    if (used === this.#dictionariesUsed) return;
    this.#dictionariesUsed = used;
    if (used === 0) return;
    const reader = await openReader(this.#source, this.#frames, batchIndex);
    this.#dictionaryNames = new Map(
      Array.from(reader.dictionaries, ([id, names]) => [id, textsOf(names as Vector)] as const),
    );
  }

  async #readColumn(
    scope: Scope,
    frame: RecordBatchFrame,
    column: ArrowColumn,
    from: number,
    rowCount: number,
  ): Promise<Column> {
    const { field, storage } = column;
    const validityPtr = await this.#readValidity(scope, frame, column, from, rowCount);
    const rows = { name: field.name, rowCount, validityPtr, validityBitOffset: 0 };
    const values = column.bufferIndex + 1;
    if (storage.kind === "direct" || storage.kind === "codes") {
      const width = bytesOf(storage.type);
      const valuesPtr = await this.#readToArena(scope, frame, column, values, from * width, rowCount * width);
      if (storage.kind === "direct") {
        return { kind: "numeric", logical: field.logical, type: storage.type, valuesPtr, ...rows };
      }
      const names = this.#dictionaryNames.get(storage.dictionaryId) ?? [];
      return { kind: "text", type: storage.type, names, valuesPtr, ...rows };
    }
    if (storage.kind === "bits") {
      const bits = await this.#readToHeap(frame, column, values, from >>> 3, (rowCount + 7) >>> 3);
      const valuesPtr = scope.allocate(rowCount);
      expandBits(bits, new Uint8Array(this.#arena.memory.buffer, valuesPtr, rowCount));
      return { kind: "numeric", logical: field.logical, type: "u8", valuesPtr, ...rows };
    }
    if (storage.kind === "half") {
      const halves = await this.#readToHeap(frame, column, values, from * 2, rowCount * 2);
      const valuesPtr = scope.allocate(rowCount * 4);
      widen("F16", halves, new Float32Array(this.#arena.memory.buffer, valuesPtr, rowCount));
      return { kind: "numeric", logical: field.logical, type: "f32", valuesPtr, ...rows };
    }
    const dictionary = this.#textsOf(field.name);
    const valuesPtr = scope.allocate(rowCount * 4);
    const codes = await this.#encodeTexts(frame, column, storage.offsetBytes, from, rowCount, dictionary);
    new Int32Array(this.#arena.memory.buffer, valuesPtr, rowCount).set(codes);
    return { kind: "text", type: "i32", names: dictionary.names, valuesPtr, ...rows };
  }

  async #readValidity(
    scope: Scope,
    frame: RecordBatchFrame,
    column: ArrowColumn,
    from: number,
    rowCount: number,
  ): Promise<number> {
    if (frame.nodes[column.nodeIndex]!.nullCount === 0) return 0;
    return this.#readToArena(scope, frame, column, column.bufferIndex, from >>> 3, (rowCount + 7) >>> 3);
  }

  async #encodeTexts(
    frame: RecordBatchFrame,
    column: ArrowColumn,
    offsetBytes: 4 | 8,
    from: number,
    rowCount: number,
    dictionary: TextDictionary,
  ): Promise<Int32Array> {
    const offsetsIndex = column.bufferIndex + 1;
    const byteLength = (rowCount + 1) * offsetBytes;
    const raw = await this.#readToHeap(frame, column, offsetsIndex, from * offsetBytes, byteLength);
    const offsets =
      offsetBytes === 4
        ? new Int32Array(raw.buffer)
        : Float64Array.from(new BigInt64Array(raw.buffer), Number);
    const first = offsets[0]!;
    const data = await this.#readToHeap(frame, column, offsetsIndex + 1, first, offsets[rowCount]! - first);
    const text = Buffer.from(data.buffer);
    const codes = new Int32Array(rowCount);
    for (let row = 0; row < rowCount; row++) {
      const start = offsets[row]! - first;
      const end = offsets[row + 1]! - first;
      if (end < start)
        throw this.#broken(column, `text ${from + row} ends at ${end}, before its start at ${start}`);
      codes[row] = dictionary.codeOf(text.toString("utf8", start, end));
    }
    return codes;
  }

  #textsOf(name: string): TextDictionary {
    let dictionary = this.#texts.get(name);
    if (dictionary === undefined) this.#texts.set(name, (dictionary = new TextDictionary(name)));
    return dictionary;
  }

  async #readToArena(
    scope: Scope,
    frame: RecordBatchFrame,
    column: ArrowColumn,
    bufferIndex: number,
    skipBytes: number,
    byteLength: number,
  ): Promise<number> {
    const byteOffset = this.#locate(frame, column, bufferIndex, skipBytes, byteLength);
    const ptr = scope.allocate(byteLength);
    await this.#source.read(new Uint8Array(this.#arena.memory.buffer, ptr, byteLength), byteOffset);
    return ptr;
  }

  async #readToHeap(
    frame: RecordBatchFrame,
    column: ArrowColumn,
    bufferIndex: number,
    skipBytes: number,
    byteLength: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const byteOffset = this.#locate(frame, column, bufferIndex, skipBytes, byteLength);
    const bytes = new Uint8Array(byteLength);
    await this.#source.read(bytes, byteOffset);
    return bytes;
  }

  #locate(
    frame: RecordBatchFrame,
    column: ArrowColumn,
    bufferIndex: number,
    skipBytes: number,
    byteLength: number,
  ): number {
    const buffer = frame.buffers[bufferIndex]!;
    if (skipBytes < 0 || byteLength < 0 || skipBytes + byteLength > buffer.byteLength) {
      throw this.#broken(
        column,
        `${frame.rowCount} rows need ${skipBytes + byteLength} bytes, the buffer has ${buffer.byteLength}`,
      );
    }
    return buffer.byteOffset + skipBytes;
  }

  #broken(column: ArrowColumn, what: string): MendlineError {
    return new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${this.#source.label}: column "${column.field.name}": ${what}`,
    );
  }
}

function pick(
  columns: readonly ArrowColumn[],
  wanted: readonly string[] | undefined,
  label: string,
): ArrowColumn[] {
  if (wanted === undefined) return [...columns];
  return wanted.map((name) => {
    const column = columns.find((candidate) => candidate.field.name === name);
    if (column !== undefined) return column;
    const known = columns.slice(0, 8).map((candidate) => candidate.field.name);
    throw new MendlineError(
      "MENDLINE_DATA_SCHEMA",
      `${label} has no column "${name}"; it has ${known.join(", ")}`,
    );
  });
}

function arenaBytes({ storage }: ArrowColumn): number {
  if (storage.kind === "direct" || storage.kind === "codes") return bytesOf(storage.type);
  return storage.kind === "bits" ? 1 : 4;
}

function textsOf(names: Vector): (string | null)[] {
  return Array.from({ length: names.length }, (_, i) => names.get(i) as string | null);
}
