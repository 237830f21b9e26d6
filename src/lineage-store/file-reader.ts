/** A model's file, or its files, into the store, piece by piece. Memory: a few chunks and frames, whatever the model's size. */
import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { MendlineError } from "../errors.js";
import { parameterChunkBytes } from "../limits.js";
import { disk, errnoOf, fileError, readAll } from "./files.js";
import { type ModelFile, ModelHash, type ModelPart } from "./model-parts.js";
import type { ObjectSink, StoredObject } from "./object-sink.js";
import { ObjectBatch, type ObjectFiles } from "./objects.js";
import { BaseFailure } from "./packed-sink.js";
import { choosePacking, type TensorOrigin } from "./packing.js";
import type { LayoutRecord } from "./records.js";
import { invalid } from "./rules.js";

/** A piece of a model's file; the pieces in order are the whole file. */
export interface FileSegment {
  readonly kind: "literal" | "tensor";
  /** The tensor's name; null for bytes between tensors. */
  readonly tensor: string | null;
  readonly byteOffset: number;
  readonly byteLength: number;
  /** What its elements are and where they came from, for keeping them small; left out: they are kept as they are. */
  readonly origin?: TensorOrigin;
}

/** A model in several files, which lie one behind the other; open as long as it is read, and its opener's to watch over. */
export interface ModelParts {
  /** For messages. */
  readonly path: string;
  readonly parts: readonly ModelPart[];
  /** Fills all of the target with the bytes from there on. */
  read(target: Uint8Array, byteOffset: number): Promise<void>;
}

export interface AddedFile {
  readonly byteLength: number;
  /** sha256 of the file as it was read; of several files, see model-parts.ts. */
  readonly fileHash: string;
  /** Only of several. */
  readonly files?: readonly ModelFile[];
  /** One a segment, in order. */
  readonly layout: readonly LayoutRecord[];
  /** The object of each tensor that has a segment, by its name. */
  readonly tensorObjects: ReadonlyMap<string, string>;
}

/**
 * Puts every segment of a file as an object.
 *
 * @throws MendlineError MENDLINE_DATA_NOT_FOUND     the file cannot be opened
 * @throws MendlineError MENDLINE_DATA_MALFORMED     the file changed while it was read
 * @throws MendlineError MENDLINE_ARGUMENT_INVALID   the segments are not a partition of the file
 * @throws MendlineError MENDLINE_TASK_ABORTED       by the signal
 */
export async function addFile(
  files: ObjectFiles,
  path: string,
  segments: readonly FileSegment[],
  signal?: AbortSignal,
): Promise<AddedFile> {
  const file = await openSource(path);
  try {
    const before = await statOf(file, path);
    checkSegments(path, segments, Number(before.size));
    const source = { path, parts: null, read: filler(file, path) };
    const added = await new FileReader(files, source, signal).read(segments, Number(before.size));
    const after = await statOf(file, path);
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) throw changed(path);
    return added;
  } finally {
    await file.close();
  }
}

/** The same of a model in several files. @throws besides, what their opener's `read` throws */
export async function addParts(
  files: ObjectFiles,
  source: ModelParts,
  segments: readonly FileSegment[],
  signal?: AbortSignal,
): Promise<AddedFile> {
  const byteLength = source.parts.reduce((sum, part) => sum + part.byteLength, 0);
  checkSegments(source.path, segments, byteLength);
  return new FileReader(files, source, signal).read(segments, byteLength);
}

function filler(file: FileHandle, path: string): ModelParts["read"] {
  return async (target, position) => {
    let filled: number;
    try {
      filled = await readAll(file, target, position);
    } catch (error) {
      const isFolder = errnoOf(error) === "EISDIR";
      throw fileError(path, "read", error, isFolder ? "MENDLINE_DATA_NOT_FOUND" : undefined);
    }
    if (filled < target.length) throw changed(path);
  };
}

async function openSource(path: string): Promise<FileHandle> {
  try {
    return await disk.open(path, "r");
  } catch (error) {
    throw fileError(path, "opened", error, "MENDLINE_DATA_NOT_FOUND");
  }
}

async function statOf(file: FileHandle, path: string): Promise<BigIntStats> {
  try {
    return await file.stat({ bigint: true });
  } catch (error) {
    throw fileError(path, "read", error);
  }
}

function changed(path: string): MendlineError {
  return new MendlineError("MENDLINE_DATA_MALFORMED", `${path} changed while it was read: add it again`, {
    details: { path },
  });
}

function checkSegments(path: string, segments: readonly FileSegment[], byteLength: number): void {
  let position = 0;
  for (const segment of segments) {
    if (segment.byteOffset !== position || !(segment.byteLength > 0))
      throw invalid(
        `${path}: the segment at ${segment.byteOffset}`,
        `does not begin at ${position}, or is empty`,
      );
    position += segment.byteLength;
  }
  if (position !== byteLength)
    throw invalid(`${path}: the segments`, `add up to ${position} bytes, the file has ${byteLength}`);
}

/** Chunks that are read, hashed and written at once, one each. */
const bufferCount = 3;

interface ChunkBuffer {
  readonly bytes: Buffer;
  /** Until they are done the bytes are needed. */
  uses: Promise<void>[];
}

/** One pass over the file: each chunk is cut at the segments' borders while the next is read and the one before written. */
class FileReader {
  readonly #files: ObjectFiles;
  readonly #path: string;
  readonly #readInto: ModelParts["read"];
  readonly #signal: AbortSignal | undefined;
  readonly #batch: ObjectBatch;
  readonly #hash: ModelHash;
  readonly #layout: LayoutRecord[] = [];
  readonly #tensorObjects = new Map<string, string>();
  #sink: ObjectSink | null = null;
  #sinkBytes = 0;

  constructor(
    files: ObjectFiles,
    { path, parts, read }: Omit<ModelParts, "parts"> & { readonly parts: readonly ModelPart[] | null },
    signal: AbortSignal | undefined,
  ) {
    this.#files = files;
    this.#path = path;
    this.#readInto = read;
    this.#hash = new ModelHash(parts);
    this.#signal = signal;
    this.#batch = new ObjectBatch(files);
  }

  async read(segments: readonly FileSegment[], byteLength: number): Promise<AddedFile> {
    try {
      await this.#pass(segments, byteLength);
      await this.#batch.flush();
    } finally {
      await this.#sink?.discard();
      await this.#batch.settle();
    }
    return { byteLength, ...this.#hash.end(), layout: this.#layout, tensorObjects: this.#tensorObjects };
  }

  async #pass(segments: readonly FileSegment[], byteLength: number): Promise<void> {
    const buffers = Array.from({ length: bufferCount }, () =>
      newBuffer(Math.min(parameterChunkBytes, byteLength)),
    );
    let filled = await this.#fill(buffers[0]!, 0, byteLength);
    for (let position = 0, index = 0; position < byteLength; index++) {
      const buffer = buffers[index % bufferCount]!;
      const end = position + filled.length;
      const pending = this.#fill(buffers[(index + 1) % bufferCount]!, end, byteLength);
      // Awaited below; if the work before that throws, this one may fail unheard.
      pending.catch(() => undefined);
      this.#hash.update(filled);
      await this.#cut(filled, segments, buffer);
      position = end;
      filled = await pending;
    }
    await Promise.all(buffers.flatMap(({ uses }) => uses));
  }

  async #fill(buffer: ChunkBuffer, position: number, end: number): Promise<Buffer> {
    this.#checkSignal();
    await Promise.all(buffer.uses);
    buffer.uses = [];
    const chunk = buffer.bytes.subarray(0, Math.min(buffer.bytes.length, end - position));
    await this.#readInto(chunk, position);
    return chunk;
  }

  #checkSignal(): void {
    if (!this.#signal?.aborted) return;
    throw new MendlineError("MENDLINE_TASK_ABORTED", `reading ${this.#path} was cancelled`, {
      cause: this.#signal.reason,
    });
  }

  async #cut(chunk: Buffer, segments: readonly FileSegment[], buffer: ChunkBuffer): Promise<void> {
    for (let offset = 0; offset < chunk.length; ) {
      const segment = segments[this.#layout.length]!;
      const part = chunk.subarray(offset, offset + segment.byteLength - this.#sinkBytes);
      this.#sink ??= await this.#begin(segment);
      await this.#write(this.#sink, part, buffer);
      this.#sinkBytes += part.length;
      offset += part.length;
      if (this.#sinkBytes === segment.byteLength) await this.#finish(segment);
    }
  }

  async #begin({ origin, byteOffset, byteLength }: FileSegment): Promise<ObjectSink> {
    if (origin === undefined) return this.#batch.begin();
    const read = (target: Uint8Array, offset: number) => this.#readInto(target, byteOffset + offset);
    return this.#batch.begin(await choosePacking(this.#files, byteLength, origin, read));
  }

  /** Packing is waited for, which bounds the frames under way; plain writes go on while the next chunk is hashed. */
  async #write(sink: ObjectSink, part: Uint8Array, buffer: ChunkBuffer): Promise<void> {
    const written = sink.write(part);
    if (sink.isPacked) return written;
    written.catch(() => undefined);
    buffer.uses.push(written);
  }

  async #finish(segment: FileSegment): Promise<void> {
    const sink = this.#sink!;
    this.#sink = null;
    this.#sinkBytes = 0;
    const { hash, byteLength } = await this.#ended(sink, segment);
    this.#layout.push({ object: hash, byteLength });
    if (segment.tensor !== null) this.#tensorObjects.set(segment.tensor, hash);
  }

  async #ended(sink: ObjectSink, segment: FileSegment): Promise<StoredObject> {
    try {
      return await this.#batch.finish(sink);
    } catch (error) {
      if (!(error instanceof BaseFailure)) throw error;
      return this.#again(segment);
    }
  }

  /** A damaged base is no reason to refuse what came from it: the segment is read once more, and kept as it is. */
  async #again({ byteOffset, byteLength }: FileSegment): Promise<StoredObject> {
    const sink = (this.#sink = this.#batch.begin());
    const chunk = Buffer.allocUnsafeSlow(Math.min(parameterChunkBytes, byteLength));
    for (let done = 0; done < byteLength; ) {
      this.#checkSignal();
      const part = chunk.subarray(0, Math.min(chunk.length, byteLength - done));
      await this.#readInto(part, byteOffset + done);
      await sink.write(part);
      done += part.length;
    }
    this.#sink = null;
    return this.#batch.finish(sink);
  }
}

function newBuffer(byteLength: number): ChunkBuffer {
  return { bytes: Buffer.allocUnsafeSlow(byteLength), uses: [] };
}
