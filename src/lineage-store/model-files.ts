/** A model's file in, piece by piece, and out again byte for byte. Memory: a few chunks, whatever the model's size. */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { MendlineError } from "../errors.js";
import { parameterChunkBytes } from "../limits.js";
import { errnoOf, fileError, replaceFile, writeAll } from "./files.js";
import { corruptObject, ObjectBatch, type ObjectFiles, type ObjectSink } from "./objects.js";
import type { LayoutRecord, ModelRecord } from "./records.js";
import { invalid } from "./rules.js";

/** A piece of a model's file; the pieces in order are the whole file. */
export interface FileSegment {
  readonly kind: "literal" | "tensor";
  /** The tensor's name; null for bytes between tensors. */
  readonly tensor: string | null;
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface AddedFile {
  readonly byteLength: number;
  /** sha256 of the file as it was read. */
  readonly fileHash: string;
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
    const before = await file.stat({ bigint: true });
    checkSegments(path, segments, Number(before.size));
    const added = await new FileReader(files, path, file, signal).read(segments, Number(before.size));
    const after = await file.stat({ bigint: true });
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) throw changed(path);
    return added;
  } finally {
    await file.close();
  }
}

async function openSource(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw fileError(path, "opened", error, "MENDLINE_DATA_NOT_FOUND");
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

/** One pass over the file: each chunk is cut at the segments' borders while the next is read. */
class FileReader {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #signal: AbortSignal | undefined;
  readonly #batch: ObjectBatch;
  readonly #fileHash = createHash("sha256");
  readonly #layout: LayoutRecord[] = [];
  readonly #tensorObjects = new Map<string, string>();
  #sink: ObjectSink | null = null;
  #sinkBytes = 0;

  constructor(files: ObjectFiles, path: string, file: FileHandle, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#file = file;
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
    const fileHash = this.#fileHash.digest("hex");
    return { byteLength, fileHash, layout: this.#layout, tensorObjects: this.#tensorObjects };
  }

  async #pass(segments: readonly FileSegment[], byteLength: number): Promise<void> {
    const size = Math.min(parameterChunkBytes, byteLength);
    let [current, next] = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)];
    let filled = await this.#fill(current, 0, byteLength);
    for (let position = 0; position < byteLength; ) {
      const end = position + filled.length;
      const pending = this.#fill(next, end, byteLength);
      // Awaited below; if the work before that throws, this one may fail unheard.
      pending.catch(() => undefined);
      this.#fileHash.update(filled);
      await this.#cut(filled, segments);
      position = end;
      filled = await pending;
      [current, next] = [next, current];
    }
  }

  async #fill(chunk: Buffer, position: number, end: number): Promise<Buffer> {
    if (this.#signal?.aborted)
      throw new MendlineError("MENDLINE_TASK_ABORTED", `reading ${this.#path} was cancelled`, {
        cause: this.#signal.reason,
      });
    const wanted = Math.min(chunk.length, end - position);
    for (let filled = 0; filled < wanted; ) {
      const bytesRead = await this.#readInto(chunk, filled, wanted - filled, position + filled);
      if (bytesRead === 0) throw changed(this.#path);
      filled += bytesRead;
    }
    return chunk.subarray(0, wanted);
  }

  async #readInto(chunk: Buffer, offset: number, length: number, position: number): Promise<number> {
    try {
      return (await this.#file.read(chunk, offset, length, position)).bytesRead;
    } catch (error) {
      throw fileError(
        this.#path,
        "read",
        error,
        errnoOf(error) === "EISDIR" ? "MENDLINE_DATA_NOT_FOUND" : undefined,
      );
    }
  }

  async #cut(chunk: Buffer, segments: readonly FileSegment[]): Promise<void> {
    for (let offset = 0; offset < chunk.length; ) {
      const segment = segments[this.#layout.length]!;
      const part = chunk.subarray(offset, offset + segment.byteLength - this.#sinkBytes);
      this.#sink ??= this.#batch.begin();
      await this.#sink.write(part);
      this.#sinkBytes += part.length;
      offset += part.length;
      if (this.#sinkBytes === segment.byteLength) await this.#finish(segment);
    }
  }

  async #finish(segment: FileSegment): Promise<void> {
    const sink = this.#sink!;
    this.#sink = null;
    this.#sinkBytes = 0;
    const { hash, byteLength } = await this.#batch.finish(sink);
    this.#layout.push({ object: hash, byteLength });
    if (segment.tensor !== null) this.#tensorObjects.set(segment.tensor, hash);
  }
}

/**
 * Writes a model's file anew: beside the target, every object and the whole file verified, then renamed over it.
 *
 * @param readObject  chunks of an object; throws at the end where it is damaged
 * @throws MendlineError MENDLINE_STORE_CORRUPT  an object or the whole does not match; the target is as it was
 * @throws MendlineError MENDLINE_DATA_WRITE     the target cannot be written
 */
export async function restoreFile(
  model: ModelRecord,
  layout: readonly LayoutRecord[],
  target: string,
  readObject: (hash: string) => AsyncIterable<Uint8Array>,
): Promise<void> {
  await replaceFile(target, (file) => writeModel(file, model, layout, readObject), "MENDLINE_DATA_WRITE");
}

async function writeModel(
  file: FileHandle,
  model: ModelRecord,
  layout: readonly LayoutRecord[],
  readObject: (hash: string) => AsyncIterable<Uint8Array>,
): Promise<void> {
  const fileHash = createHash("sha256");
  for (const { object, byteLength } of layout) {
    const written = await copyObject(file, fileHash, readObject(object));
    if (written !== byteLength)
      throw corruptObject(object, `has ${written} bytes, its model says ${byteLength}`);
  }
  if (fileHash.digest("hex") === model.fileHash) return;
  throw new MendlineError(
    "MENDLINE_STORE_CORRUPT",
    `the pieces of ${model.name}@${model.version} do not make up the file that was added: add it again, or restore the store from a copy`,
    { details: { id: model.id, fileHash: model.fileHash } },
  );
}

async function copyObject(
  file: FileHandle,
  fileHash: Hash,
  chunks: AsyncIterable<Uint8Array>,
): Promise<number> {
  let byteLength = 0;
  for await (const chunk of chunks) {
    fileHash.update(chunk);
    await writeAll(file, chunk);
    byteLength += chunk.length;
  }
  return byteLength;
}
