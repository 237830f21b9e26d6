/** BYTE_ARRAY values of a Parquet page, one by one. */
import { deltaByteArray, deltaLengthByteArray } from "hyparquet/src/delta.js";
import { parquetDeltaTextsMax } from "../../limits.js";
import { checkDeltaCount, type Encoded, readerOf, requireEncoding } from "./parquet-encoded.js";

/** Byte strings in turn: after `next`, the current one lies from `start` to `end` in `bytes`. */
export interface ByteArrays {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  next(): void;
}

export class PlainByteArrays implements ByteArrays {
  readonly bytes: Buffer;
  start = 0;
  end: number;

  constructor(bytes: Buffer, offset: number) {
    this.bytes = bytes;
    this.end = offset;
  }

  next(): void {
    this.start = this.end + 4;
    if (this.start > this.bytes.length) throw new RangeError("the page ends before its texts do");
    this.end = this.start + this.bytes.readUInt32LE(this.end);
    if (this.end > this.bytes.length) {
      throw new RangeError(`a text ends at ${this.end}, the page at ${this.bytes.length}`);
    }
  }
}

class ListedByteArrays implements ByteArrays {
  readonly #list: readonly Uint8Array[];
  #index = 0;
  bytes: Buffer = Buffer.alloc(0);
  readonly start = 0;
  end = 0;

  constructor(list: readonly Uint8Array[]) {
    this.#list = list;
  }

  next(): void {
    const { buffer, byteOffset, byteLength } = this.#list[this.#index++]!;
    this.bytes = Buffer.from(buffer, byteOffset, byteLength);
    this.end = byteLength;
  }
}

/** @throws RangeError or TypeError  not so encoded */
export function byteArraysOf({ encoding, bytes, offset, count }: Encoded): ByteArrays {
  if (encoding === "DELTA_LENGTH_BYTE_ARRAY" || encoding === "DELTA_BYTE_ARRAY") {
    checkDeltaCount(count, parquetDeltaTextsMax);
    const list: Uint8Array[] = [];
    const unpack = encoding === "DELTA_BYTE_ARRAY" ? deltaByteArray : deltaLengthByteArray;
    if (count > 0) unpack(readerOf(bytes, offset), count, list);
    return new ListedByteArrays(list);
  }
  requireEncoding(encoding, "PLAIN");
  return new PlainByteArrays(bytes, offset);
}
