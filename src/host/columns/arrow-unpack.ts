/**
 * Arrow bodies that are compressed buffer by buffer, as Feather files are by default: read as if they were not.
 *
 *     packed buffer    bytes unpacked (i64; -1: stored as they are) | one LZ4 or zstd frame
 *     this source      | the file as it is |  1 MiB of nothing  | buffer 0 unpacked | buffer 1 unpacked | ...     each from a multiple of 64
 *
 * The unpacked buffers have places of their own behind the file's end, so that whoever reads ranges of columns need not know. A buffer is
 * unpacked whole when a part of it is read, and kept while its record batch is.
 * Source: Arrow columnar format, "Compression", and its flatbuffers Message.fbs (BodyCompression).
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import * as zlib from "node:zlib";
import { MendlineError, messageOf } from "../../errors.js";
import {
  arrowUnpackedBufferBytesMax,
  arrowUnpackedBytesMax,
  inlineTurnMsMax,
  unpackedFreeBytes,
  unpackedRatioMax,
} from "../../limits.js";
import type { OpenByteSource } from "../bytes/byte-source.js";
import type { ArrowFrames } from "./arrow-frames.js";
import type { ArrowColumn } from "./arrow-layout.js";
import type { ArrowCodec, BatchParts, BufferRange } from "./arrow-message.js";
import { unpackLz4Frame } from "./lz4-frame.js";

const lengthBytes = 8;
const slotBytes = 64;
/** Further apart than what is read along with what is wanted. */
const gapBytes = 1024 * 1024;

interface PackedBuffer {
  /** Place among the unpacked. */
  readonly begin: number;
  readonly end: number;
  readonly packed: BufferRange;
  readonly codec: ArrowCodec;
  /** Of the message that it belongs to. */
  readonly group: number;
}

/** The same frames, and a source of theirs, where no buffer of a monitored column or of a dictionary is compressed. */
export async function unpackedFrames(
  source: OpenByteSource,
  frames: ArrowFrames,
  columns: readonly ArrowColumn[],
): Promise<{ readonly source: OpenByteSource; readonly frames: ArrowFrames }> {
  const isPacked = [...frames.batches, ...frames.dictionaries].some(({ codec }) => codec !== null);
  if (!isPacked) return { source, frames };
  const unpacked = new UnpackedSource(source);
  const monitored = columns.flatMap(({ storage, bufferIndex }) =>
    storage.kind === "offsets"
      ? [bufferIndex, bufferIndex + 1, bufferIndex + 2]
      : [bufferIndex, bufferIndex + 1],
  );
  let group = 0;
  const dictionaries = [];
  for (const dictionary of frames.dictionaries)
    dictionaries.push(await unpacked.place(dictionary, dictionary.buffers.keys(), group++));
  const batches = [];
  for (const batch of frames.batches) batches.push(await unpacked.place(batch, monitored, group++));
  return { source: unpacked, frames: { ...frames, dictionaries, batches } };
}

class UnpackedSource implements OpenByteSource {
  readonly label: string;
  readonly #source: OpenByteSource;
  /** In rising order. */
  readonly #buffers: PackedBuffer[] = [];
  /** Least recently read first. */
  readonly #kept = new Map<PackedBuffer, Promise<Uint8Array>>();
  #keptBytes = 0;
  /** Of all that has a place. */
  #unpackedBytes = 0;
  #end: number;
  /** Buffers are unpacked one at a time: two at once would be no faster, and take more memory. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(source: OpenByteSource) {
    this.#source = source;
    this.label = source.label;
    this.#end = slotAt(source.byteLength + gapBytes);
  }

  get byteLength(): number {
    return this.#end;
  }

  /** The batch with places for those of its buffers that are `wanted`. */
  async place<T extends BatchParts>(batch: T, wanted: Iterable<number>, group: number): Promise<T> {
    const { codec } = batch;
    if (codec === null) return batch;
    const buffers = [...batch.buffers];
    for (const index of wanted) {
      const buffer = buffers[index];
      // A batch with too few is found out where it is held against its schema.
      if (buffer !== undefined) buffers[index] = await this.#placeOf(buffer, codec, group);
    }
    return { ...batch, buffers };
  }

  read = async (target: Uint8Array, byteOffset: number): Promise<void> => {
    if (byteOffset < this.#source.byteLength) return this.#source.read(target, byteOffset);
    const end = byteOffset + target.byteLength;
    target.fill(0);
    for (let index = this.#indexAt(byteOffset); index < this.#buffers.length; index++) {
      const buffer = this.#buffers[index]!;
      if (buffer.begin >= end) break;
      const bytes = await this.#unpacked(buffer);
      const from = Math.max(byteOffset, buffer.begin);
      const part = bytes.subarray(from - buffer.begin, Math.min(end, buffer.end) - buffer.begin);
      target.set(part, from - byteOffset);
    }
  };

  async close(): Promise<void> {
    this.#kept.clear();
    await this.#turn;
    await this.#source.close();
  }

  async #placeOf(packed: BufferRange, codec: ArrowCodec, group: number): Promise<BufferRange> {
    if (packed.byteLength === 0) return packed;
    if (packed.byteLength < lengthBytes) throw this.#damaged(packed, "it is too short for its length");
    const prefix = new Uint8Array(lengthBytes);
    await this.#source.read(prefix, packed.byteOffset);
    const byteLength = Number(new DataView(prefix.buffer).getBigInt64(0, true));
    const content = {
      byteOffset: packed.byteOffset + lengthBytes,
      byteLength: packed.byteLength - lengthBytes,
    };
    if (byteLength === -1) return content;
    if (byteLength < 0) throw this.#damaged(packed, `${byteLength} bytes unpacked`);
    if (byteLength > arrowUnpackedBufferBytesMax)
      throw this.#tooLarge("a buffer", byteLength, arrowUnpackedBufferBytesMax, "in smaller record batches");
    this.#unpackedBytes += byteLength;
    const most = Math.max(unpackedFreeBytes, this.#source.byteLength * unpackedRatioMax);
    if (this.#unpackedBytes > most)
      throw this.#tooLarge("it", this.#unpackedBytes, most, "uncompressed if it is no decompression bomb");
    const begin = this.#end;
    const buffer = { begin, end: begin + byteLength, packed: content, codec, group };
    this.#buffers.push(buffer);
    this.#end = slotAt(buffer.end);
    return { byteOffset: begin, byteLength };
  }

  /** The first buffer that ends behind `byteOffset`. */
  #indexAt(byteOffset: number): number {
    let low = 0;
    for (let high = this.#buffers.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.#buffers[middle]!.end > byteOffset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #unpacked(buffer: PackedBuffer): Promise<Uint8Array> {
    let unpacked = this.#kept.get(buffer);
    if (unpacked === undefined) {
      unpacked = this.#turn.then(() => this.#unpack(buffer));
      this.#turn = unpacked.catch(() => undefined);
      this.#keptBytes += buffer.end - buffer.begin;
    }
    this.#kept.delete(buffer);
    this.#kept.set(buffer, unpacked);
    this.#letGo(buffer);
    return unpacked;
  }

  /** Gives up what lies further on or back than the next batch, and the least recently read of what the limit does not allow. */
  #letGo(read: PackedBuffer): void {
    for (const kept of this.#kept.keys()) {
      const isFar = Math.abs(kept.group - read.group) > 1;
      if (!isFar && (this.#keptBytes <= arrowUnpackedBytesMax || kept === read)) continue;
      this.#kept.delete(kept);
      this.#keptBytes -= kept.end - kept.begin;
    }
  }

  async #unpack({ begin, end, packed, codec }: PackedBuffer): Promise<Uint8Array> {
    const content = new Uint8Array(packed.byteLength);
    await this.#source.read(content, packed.byteOffset);
    try {
      return await unpackBuffer(codec, content, end - begin);
    } catch (thrown) {
      throw this.#damaged(packed, messageOf(thrown));
    }
  }

  #tooLarge(what: string, byteLength: number, limit: number, remedy: string): MendlineError {
    return new MendlineError(
      "MENDLINE_DATA_LIMIT",
      `${this.label}: ${what} unpacks to ${byteLength} bytes, the limit is ${limit}; write it ${remedy}`,
      { details: { byteLength, limit } },
    );
  }

  #damaged({ byteOffset }: BufferRange, what: string): MendlineError {
    return new MendlineError(
      "MENDLINE_DATA_MALFORMED",
      `${this.label}: damaged Arrow data at byte ${byteOffset}: a compressed buffer: ${what}; write it again`,
      { details: { byteOffset } },
    );
  }
}

/** zstd in node's own threads, from Node 22.15 on. */
type ZstdDecompress = (
  packed: Uint8Array,
  options: { readonly maxOutputLength: number },
  done: (error: Error | null, bytes: Uint8Array) => void,
) => void;

/** @throws Error of the decompressor  damaged, or of another length */
async function unpackBuffer(codec: ArrowCodec, packed: Uint8Array, byteLength: number): Promise<Uint8Array> {
  if (codec === "zstd") return unpackZstd(packed, byteLength);
  const target = new Uint8Array(byteLength);
  let turnEndsMs = performance.now() + inlineTurnMsMax;
  for (const _ of unpackLz4Frame(packed, target)) {
    if (performance.now() < turnEndsMs) continue;
    await nextTurn();
    turnEndsMs = performance.now() + inlineTurnMsMax;
  }
  return target;
}

async function unpackZstd(packed: Uint8Array, byteLength: number): Promise<Uint8Array> {
  const { zstdDecompress } = zlib as { zstdDecompress?: ZstdDecompress };
  let bytes: Uint8Array;
  if (zstdDecompress === undefined) {
    const { decompressZstd } = await import("hyparquet-compressors");
    bytes = decompressZstd(packed, new Uint8Array(byteLength));
  } else {
    bytes = await new Promise((resolve, reject) => {
      const done = (error: Error | null, unpacked: Uint8Array) =>
        error === null ? resolve(unpacked) : reject(error);
      zstdDecompress(packed, { maxOutputLength: Math.max(1, byteLength) }, done);
    });
  }
  if (bytes.byteLength !== byteLength)
    throw new RangeError(`${bytes.byteLength} bytes of ${byteLength} announced`);
  return bytes;
}

function slotAt(byteOffset: number): number {
  return Math.ceil(byteOffset / slotBytes) * slotBytes;
}
