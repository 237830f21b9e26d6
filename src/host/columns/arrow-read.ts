/** Reads wanted columns of Arrow record batches into the arena, a piece of rows at a time. */
import { MendlineError, messageOf } from "../../errors.js";
import { arrowPieceRowsMax } from "../../limits.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { widen } from "../kernels/halves.js";
import { bytesOf } from "../kernels/types.js";
import type { Arena, Scope } from "../memory/arena.js";
import { ArrowDictionaries } from "./arrow-dictionaries.js";
import type { ArrowFrames } from "./arrow-frames.js";
import type { ArrowColumn } from "./arrow-layout.js";
import type { BatchParts } from "./arrow-message.js";
import { readRuns, type WantedBytes } from "./arrow-runs.js";
import { eachText } from "./arrow-texts.js";
import type { Batch, Column } from "./column.js";
import { expandBits } from "./expand.js";
import { TextDictionary } from "./text-dictionary.js";

/** Rows [from, from + rowCount) of a record batch. */
interface Piece {
  /** Of the batch among all. */
  readonly index: number;
  readonly batch: BatchParts;
  readonly from: number;
  readonly rowCount: number;
}

interface LoadedPiece {
  readonly batch: Batch;
  /** Holds the batch's memory. */
  readonly scope: Scope;
}

/** Pointers of what needs no decoding; 0 = none. */
interface InPlace {
  readonly validityPtr: number;
  readonly valuesPtr: number;
}

/** A piece that is being read ahead. What failed for want of memory is tried again when the piece before is given back. */
class Loading {
  readonly #load: () => Promise<LoadedPiece>;
  readonly #ahead: Promise<{ readonly piece: LoadedPiece } | { readonly thrown: unknown }>;

  constructor(load: () => Promise<LoadedPiece>) {
    this.#load = load;
    this.#ahead = load().then(
      (piece) => ({ piece }),
      (thrown: unknown) => ({ thrown }),
    );
  }

  async loaded(): Promise<LoadedPiece> {
    const outcome = await this.#ahead;
    if ("piece" in outcome) return outcome.piece;
    const { thrown } = outcome;
    if (thrown instanceof MendlineError && thrown.code === "MENDLINE_MEMORY_EXHAUSTED") return this.#load();
    throw thrown;
  }

  async discard(): Promise<void> {
    const outcome = await this.#ahead;
    if ("piece" in outcome) outcome.piece.scope.close();
  }
}

/** One pass over the record batches. */
export class ArrowRead {
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
    signal: AbortSignal | undefined,
  ) {
    this.#source = source;
    this.#arena = arena;
    this.#frames = frames;
    this.#columns = columns;
    this.#signal = signal;
    const offsetBytes = new Map<number, 4 | 8>();
    for (const { storage } of this.#columns) {
      if (storage.kind === "codes") offsetBytes.set(storage.dictionaryId, storage.offsetBytes);
    }
    this.#dictionaries = new ArrowDictionaries(source, frames.dictionaries, offsetBytes);
  }

  /** The next piece is read while the one before is worked on, where the memory holds both. */
  async *batches(): AsyncGenerator<Batch> {
    const pieces = this.#pieces();
    let next = this.#begin(pieces);
    try {
      while (next !== null) {
        const { batch, scope } = await next.loaded();
        next = this.#begin(pieces);
        try {
          this.#throwIfAborted();
          yield batch;
        } finally {
          scope.close();
        }
      }
    } finally {
      await next?.discard();
    }
  }

  #throwIfAborted(): void {
    if (this.#signal?.aborted) throw new MendlineError("MENDLINE_TASK_ABORTED", "reading was cancelled");
  }

  #begin(pieces: Iterator<Piece>): Loading | null {
    const { value, done } = pieces.next();
    return done === true ? null : new Loading(() => this.#load(value));
  }

  *#pieces(): Generator<Piece> {
    const pieceRows = this.#pieceRows();
    for (const [index, batch] of this.#frames.batches.entries()) {
      for (let from = 0; from < batch.rowCount; from += pieceRows) {
        yield { index, batch, from, rowCount: Math.min(pieceRows, batch.rowCount - from) };
      }
    }
  }

  /** Rows of a piece: an eighth of the free memory, for two are held at once; a multiple of 64 so that validity begins at a whole byte. */
  #pieceRows(): number {
    const rowBytes = this.#columns.reduce((sum, column) => sum + arenaBytes(column) + 0.125, 0);
    const fitting = Math.floor(this.#arena.availableBytes / 8 / Math.max(rowBytes, 1) / 64) * 64;
    return Math.max(64, Math.min(arrowPieceRowsMax, fitting));
  }

  async #load(piece: Piece): Promise<LoadedPiece> {
    this.#throwIfAborted();
    const scope = this.#arena.scope();
    try {
      await this.#dictionaries.advance(piece.index);
      const pointers = await this.#readInPlace(scope, piece);
      const columns = new Map<string, Column>();
      for (const [index, column] of this.#columns.entries()) {
        columns.set(column.field.name, await this.#column(scope, piece, column, pointers[index]!));
      }
      return { batch: { rowCount: piece.rowCount, columns }, scope };
    } catch (thrown) {
      scope.close();
      throw thrown;
    }
  }

  /** What kernels can work on as it is stored. */
  async #readInPlace(scope: Scope, { batch, from, rowCount }: Piece): Promise<InPlace[]> {
    const wanted: WantedBytes[] = [];
    const want = (
      column: ArrowColumn,
      bufferIndex: number,
      skip: number,
      byteLength: number,
      alignment: number,
    ) => {
      const byteOffset = this.#locate(batch, column, bufferIndex, skip, byteLength);
      return wanted.push({ byteOffset, byteLength, alignment }) - 1;
    };
    const places = this.#columns.map((column) => {
      const { storage, bufferIndex, nodeIndex } = column;
      const hasValidity = batch.nodes[nodeIndex]!.nullCount > 0;
      const validity = hasValidity ? want(column, bufferIndex, from / 8, Math.ceil(rowCount / 8), 1) : -1;
      if (storage.kind !== "direct" && storage.kind !== "codes") return { validity, values: -1 };
      const width = bytesOf(storage.type);
      return { validity, values: want(column, bufferIndex + 1, from * width, rowCount * width, width) };
    });
    const pointers = await readRuns(this.#source, this.#arena, scope, wanted);
    return places.map(({ validity, values }) => ({
      validityPtr: pointers[validity] ?? 0,
      valuesPtr: pointers[values] ?? 0,
    }));
  }

  async #column(scope: Scope, piece: Piece, column: ArrowColumn, inPlace: InPlace): Promise<Column> {
    const { field, storage } = column;
    const { batch, from, rowCount } = piece;
    const { validityPtr } = inPlace;
    const rows = { name: field.name, rowCount, validityPtr, validityBitOffset: 0 };
    const values = column.bufferIndex + 1;
    switch (storage.kind) {
      case "direct":
        return {
          kind: "numeric",
          logical: field.logical,
          type: storage.type,
          valuesPtr: inPlace.valuesPtr,
          ...rows,
        };
      case "codes": {
        const names = this.#dictionaries.namesOf(storage.dictionaryId);
        return { kind: "text", type: storage.type, names, valuesPtr: inPlace.valuesPtr, ...rows };
      }
      case "bits": {
        const bits = await this.#readToHeap(batch, column, values, from / 8, Math.ceil(rowCount / 8));
        const valuesPtr = scope.allocate(rowCount);
        expandBits(bits, new Uint8Array(this.#arena.memory.buffer, valuesPtr, rowCount));
        return { kind: "numeric", logical: field.logical, type: "u8", valuesPtr, ...rows };
      }
      case "half": {
        const halves = await this.#readToHeap(batch, column, values, from * 2, rowCount * 2);
        const valuesPtr = scope.allocate(rowCount * 4);
        widen("F16", halves, new Float32Array(this.#arena.memory.buffer, valuesPtr, rowCount));
        return { kind: "numeric", logical: field.logical, type: "f32", valuesPtr, ...rows };
      }
      case "offsets": {
        const dictionary = this.#textsOf(field.name);
        const valuesPtr = scope.allocate(rowCount * 4);
        const codes = new Int32Array(this.#arena.memory.buffer, valuesPtr, rowCount);
        await this.#encodeTexts(batch, column, storage.offsetBytes, from, rowCount, (text, row) => {
          codes[row] = dictionary.codeOf(text);
        });
        return { kind: "text", type: "i32", names: dictionary.names, valuesPtr, ...rows };
      }
    }
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

function arenaBytes({ storage }: ArrowColumn): number {
  if (storage.kind === "direct" || storage.kind === "codes") return bytesOf(storage.type);
  return storage.kind === "bits" ? 1 : 4;
}
