/**
 * Arrow IPC, stream or file, as a source of columns in the arena.
 *
 * The wanted columns' buffers are read by row range straight into the shared memory, where the kernels work on them in place. A record
 * batch larger than the memory streams through in pieces, and columns that nobody asked for are not read at all. The Arrow library is
 * not needed for that: it takes as long to load as a report takes.
 */
import { MendlineError, messageOf } from "../../errors.js";
import { arrowPieceRowsMax } from "../../limits.js";
import { widen } from "../kernels/halves.js";
import { bytesOf } from "../kernels/types.js";
import type { Arena, Scope } from "../memory/arena.js";
import { ArrowDictionaries } from "./arrow-dictionaries.js";
import { type ArrowFrames, readArrowFrames } from "./arrow-frames.js";
import { type ArrowColumn, type Layout, layoutOf, storedBytes } from "./arrow-layout.js";
import type { BatchParts } from "./arrow-message.js";
import type { ArrowField } from "./arrow-schema.js";
import { eachText } from "./arrow-texts.js";
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

/** @throws MendlineError MENDLINE_DATA_MALFORMED, MENDLINE_DATA_FORMAT; MENDLINE_DATA_SCHEMA  two columns of one name */
export async function arrowSource(source: ByteSource, arena: Arena): Promise<DataSource> {
  const frames = await readArrowFrames(source);
  const layout = checkedLayout(frames.fields, source.label);
  const fields = layout.columns.map((column) => column.field);
  for (const batch of frames.batches) checkBatch(batch, layout, source.label);
  return {
    label: source.label,
    fields,
    rowCount: frames.batches.reduce((sum, batch) => sum + batch.rowCount, 0),
    read: (options) => new ArrowRead(source, arena, frames, layout.columns, options).batches(),
    close: () => source.close(),
  };
}

/** @throws MendlineError MENDLINE_DATA_SCHEMA  two columns of one name */
export function checkedLayout(arrowFields: readonly ArrowField[], label: string): Layout {
  const layout = layoutOf(arrowFields);
  const names = new Set<string>();
  for (const { field } of layout.columns) {
    if (names.has(field.name)) {
      throw new MendlineError("MENDLINE_DATA_SCHEMA", `${label} has two columns "${field.name}"; rename one`);
    }
    names.add(field.name);
  }
  return layout;
}

/** That a record batch has the buffers its schema wants, and each monitored column's hold all its rows: then rowCount can be relied on. */
export function checkBatch({ rowCount, nodes, buffers }: BatchParts, layout: Layout, label: string): void {
  if (nodes.length !== layout.nodeCount || buffers.length !== layout.bufferCount) {
    throw new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${label}: a record batch has ${nodes.length} nodes and ${buffers.length} buffers where its schema has ${layout.nodeCount} and ${layout.bufferCount}`,
    );
  }
  for (const { field, storage, nodeIndex, bufferIndex } of layout.columns) {
    const node = nodes[nodeIndex]!;
    const broken = (what: string) =>
      new MendlineError("MENDLINE_DATA_MALFORMED", `${label}: column "${field.name}": ${what}`);
    if (node.rowCount !== rowCount) throw broken(`${node.rowCount} rows in a record batch of ${rowCount}`);
    const validityBytes = node.nullCount === 0 ? 0 : Math.ceil(rowCount / 8);
    for (const [index, needed] of [validityBytes, storedBytes(storage, rowCount)].entries()) {
      const { byteLength } = buffers[bufferIndex + index]!;
      if (byteLength < needed)
        throw broken(`${rowCount} rows need ${needed} bytes, the buffer has ${byteLength}`);
    }
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
  readonly #dictionaries: ArrowDictionaries;

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
    this.#columns = pickColumns(columns, options.columns, source.label);
    this.#signal = options.signal;
    const offsetBytes = new Map<number, 4 | 8>();
    for (const { storage } of this.#columns) {
      if (storage.kind === "codes") offsetBytes.set(storage.dictionaryId, storage.offsetBytes);
    }
    this.#dictionaries = new ArrowDictionaries(source, frames.dictionaries, offsetBytes);
  }

  async *batches(): AsyncGenerator<Batch> {
    const pieceRows = this.#pieceRows();
    for (const [index, batch] of this.#frames.batches.entries()) {
      await this.#dictionaries.advance(index);
      for (let from = 0; from < batch.rowCount; from += pieceRows) {
        if (this.#signal?.aborted) throw new MendlineError("MENDLINE_TASK_ABORTED", "reading was cancelled");
        const rowCount = Math.min(pieceRows, batch.rowCount - from);
        const scope = this.#arena.scope();
        try {
          const columns = new Map<string, Column>();
          for (const column of this.#columns) {
            columns.set(column.field.name, await this.#readColumn(scope, batch, column, from, rowCount));
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

  async #readColumn(
    scope: Scope,
    batch: BatchParts,
    column: ArrowColumn,
    from: number,
    rowCount: number,
  ): Promise<Column> {
    const { field, storage } = column;
    const validityPtr = await this.#readValidity(scope, batch, column, from, rowCount);
    const rows = { name: field.name, rowCount, validityPtr, validityBitOffset: 0 };
    const values = column.bufferIndex + 1;
    if (storage.kind === "direct" || storage.kind === "codes") {
      const width = bytesOf(storage.type);
      const valuesPtr = await this.#readToArena(scope, batch, column, values, from * width, rowCount * width);
      if (storage.kind === "direct") {
        return { kind: "numeric", logical: field.logical, type: storage.type, valuesPtr, ...rows };
      }
      const names = this.#dictionaries.namesOf(storage.dictionaryId);
      return { kind: "text", type: storage.type, names, valuesPtr, ...rows };
    }
    if (storage.kind === "bits") {
      const bits = await this.#readToHeap(batch, column, values, from / 8, Math.ceil(rowCount / 8));
      const valuesPtr = scope.allocate(rowCount);
      expandBits(bits, new Uint8Array(this.#arena.memory.buffer, valuesPtr, rowCount));
      return { kind: "numeric", logical: field.logical, type: "u8", valuesPtr, ...rows };
    }
    if (storage.kind === "half") {
      const halves = await this.#readToHeap(batch, column, values, from * 2, rowCount * 2);
      const valuesPtr = scope.allocate(rowCount * 4);
      widen("F16", halves, new Float32Array(this.#arena.memory.buffer, valuesPtr, rowCount));
      return { kind: "numeric", logical: field.logical, type: "f32", valuesPtr, ...rows };
    }
    const dictionary = this.#textsOf(field.name);
    const valuesPtr = scope.allocate(rowCount * 4);
    const codes = new Int32Array(this.#arena.memory.buffer, valuesPtr, rowCount);
    await this.#encodeTexts(batch, column, storage.offsetBytes, from, rowCount, (text, row) => {
      codes[row] = dictionary.codeOf(text);
    });
    return { kind: "text", type: "i32", names: dictionary.names, valuesPtr, ...rows };
  }

  async #readValidity(
    scope: Scope,
    batch: BatchParts,
    column: ArrowColumn,
    from: number,
    rowCount: number,
  ): Promise<number> {
    if (batch.nodes[column.nodeIndex]!.nullCount === 0) return 0;
    return this.#readToArena(scope, batch, column, column.bufferIndex, from / 8, Math.ceil(rowCount / 8));
  }

  async #encodeTexts(
    batch: BatchParts,
    column: ArrowColumn,
    offsetBytes: 4 | 8,
    from: number,
    rowCount: number,
    use: (text: string, row: number) => void,
  ): Promise<void> {
    const offsets = batch.buffers[column.bufferIndex + 1]!;
    const data = batch.buffers[column.bufferIndex + 2]!;
    try {
      await eachText(this.#source, { offsets, data, offsetBytes }, from, rowCount, use);
    } catch (thrown) {
      if (thrown instanceof MendlineError) throw thrown;
      throw this.#broken(column, messageOf(thrown));
    }
  }

  #textsOf(name: string): TextDictionary {
    let dictionary = this.#texts.get(name);
    if (dictionary === undefined) this.#texts.set(name, (dictionary = new TextDictionary(name)));
    return dictionary;
  }

  async #readToArena(
    scope: Scope,
    batch: BatchParts,
    column: ArrowColumn,
    bufferIndex: number,
    skipBytes: number,
    byteLength: number,
  ): Promise<number> {
    const byteOffset = this.#locate(batch, column, bufferIndex, skipBytes, byteLength);
    const ptr = scope.allocate(byteLength);
    await this.#source.read(new Uint8Array(this.#arena.memory.buffer, ptr, byteLength), byteOffset);
    return ptr;
  }

  async #readToHeap(
    batch: BatchParts,
    column: ArrowColumn,
    bufferIndex: number,
    skipBytes: number,
    byteLength: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const byteOffset = this.#locate(batch, column, bufferIndex, skipBytes, byteLength);
    const bytes = new Uint8Array(byteLength);
    await this.#source.read(bytes, byteOffset);
    return bytes;
  }

  #locate(
    batch: BatchParts,
    column: ArrowColumn,
    bufferIndex: number,
    skipBytes: number,
    byteLength: number,
  ): number {
    const buffer = batch.buffers[bufferIndex]!;
    if (skipBytes < 0 || byteLength < 0 || skipBytes + byteLength > buffer.byteLength) {
      throw this.#broken(
        column,
        `${batch.rowCount} rows need ${skipBytes + byteLength} bytes, the buffer has ${buffer.byteLength}`,
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

export function pickColumns(
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
